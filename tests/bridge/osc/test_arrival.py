"""A datagram's time is when it came, not when somebody had time for it."""

import socket
import sys
import time

import pytest

from bridge.osc.arrival import ask_for_arrival_times, receive


@pytest.fixture
def pair():
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5.0)
        sender.connect(receiver.getsockname())
        yield receiver, sender


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_the_waiting_time_of_a_datagram_is_measured(pair):
    receiver, sender = pair
    ask_for_arrival_times(receiver)
    for _ in range(50):
        sender.send(b"now")
        time.sleep(0.02)
        data, source, waited_s = receive(receiver, 100)
        assert data == b"now" and source == sender.getsockname()
        if waited_s > 0.0:  # else the machine was busy, and the wait too long to be made good
            break
    assert waited_s >= 0.019  # at least what was slept; the system's clock is not the monotonic one


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_a_wait_that_is_too_long_to_be_made_good_counts_as_none(pair):
    receiver, sender = pair
    ask_for_arrival_times(receiver)
    sender.send(b"old")
    time.sleep(0.06)
    assert receive(receiver, 100)[2] == 0.0


def test_without_timestamps_a_datagram_has_just_arrived(pair):
    receiver, sender = pair
    sender.send(b"now")
    assert receive(receiver, 100) == (b"now", sender.getsockname(), 0.0)
