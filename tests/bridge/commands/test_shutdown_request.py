"""Ctrl-C as a request: noticed while one waits, and never in between."""

from __future__ import annotations

import os
import signal
import sys
import threading

import pytest

from bridge.commands.shutdown_request import shutdown_request

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself these signals there")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_ends_a_wait_once_and_for_all(number: int) -> None:
    with shutdown_request() as end:
        assert not end.wait(0.0)
        later = threading.Timer(0.05, os.kill, (os.getpid(), number))
        later.start()
        assert end.wait(30.0)
        assert end.wait(30.0) and end.wait(0.0), "it is not asked for twice"
        later.join()


def test_the_second_ctrl_c_interrupts_at_once() -> None:
    with shutdown_request() as end:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert end.wait(0.0)


def test_afterwards_all_is_as_before() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with shutdown_request():
        os.kill(os.getpid(), signal.SIGTERM)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
