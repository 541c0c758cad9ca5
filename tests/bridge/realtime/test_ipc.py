"""Messages survive a pipe: types, arrays, paths, large ones, many senders; other messages do not come out."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.realtime.ipc import ATOMIC_BYTES, Message, MessagePipe, decoder, encode, frame

WAIT_S = 30.0


class Text(Message, frozen=True):
    """A text."""

    text: str


class Sound(Message, frozen=True):
    """Samples of a file."""

    path: Path
    samples: NDArray[np.float32]


class Other(Message, frozen=True):
    """A message that the reader does not know."""


@pytest.fixture
def pipe() -> Iterator[MessagePipe[Any]]:
    """A pipe whose output is its input."""
    source, sink = os.pipe()
    made: MessagePipe[Any] = MessagePipe(source, sink, Text | Sound)
    yield made
    made.close()
    for end in (source, sink):
        os.close(end)


def test_messages_come_out_in_order_and_as_they_were(pipe: MessagePipe[Any]) -> None:
    samples = np.linspace(-1.0, 1.0, 12, dtype=np.float32).reshape(3, 4)
    pipe.send(Text("你好"))
    pipe.send(Sound(Path("a/b"), samples))
    assert pipe.receive(WAIT_S) == Text("你好")
    sound = pipe.receive(WAIT_S)
    assert sound.path == Path("a/b") and sound.samples.dtype == np.float32 and sound.samples.flags.writeable
    np.testing.assert_array_equal(sound.samples, samples)


@pytest.mark.slow
def test_a_large_message_and_many_senders_do_not_mix(pipe: MessagePipe[Any]) -> None:
    sound = Sound(Path("x"), np.arange(200_000, dtype=np.float32))
    senders = [threading.Thread(target=pipe.send, args=(message,)) for message in (sound, *(Text("x" * 9_000),) * 20)]
    for sender in senders:
        sender.start()
    received = [message for _ in range(200) if (message := pipe.receive(0.05)) is not None]
    for sender in senders:
        sender.join()
    assert sum(isinstance(message, Text) for message in received) == 20
    (heard,) = [message for message in received if isinstance(message, Sound)]
    np.testing.assert_array_equal(heard.samples, sound.samples)


def test_waiting_ends_by_time_by_wake_and_by_end(pipe: MessagePipe[Any]) -> None:
    assert pipe.receive(0.01) is None
    pipe.wake()
    assert pipe.receive(WAIT_S) is None
    pipe.end()
    with pytest.raises(EOFError):
        pipe.receive(WAIT_S)


def test_unknown_messages_are_rejected(pipe: MessagePipe[Any]) -> None:
    pipe.send(Other())
    with pytest.raises(msgspec.ValidationError):
        pipe.receive(WAIT_S)


def test_send_now_neither_waits_nor_writes_parts() -> None:
    source, sink = os.pipe()
    os.set_blocking(sink, False)
    pipe: MessagePipe[Any] = MessagePipe(source, sink, Text)
    written = 0
    while pipe.send_now(Text("x" * 1_000)):
        written += 1
    assert written > 0 and not pipe.has_room()
    assert pipe.send_now(Text("x" * ATOMIC_BYTES)), "left out, as it would not fit at once"
    received = 0
    while pipe.receive(0.0) is not None:
        received += 1
    assert received == written
    pipe.close()
    os.close(source)
    os.close(sink)


def test_send_to_a_closed_pipe_returns_false() -> None:
    source, sink = os.pipe()
    pipe: MessagePipe[Any] = MessagePipe(source, sink, Text)
    os.close(source)
    assert not pipe.send(Text("x"))
    assert pipe.close_output(WAIT_S)
    assert not pipe.send(Text("x"))
    pipe.close()
    os.close(sink)


def test_numbers_of_numpy_become_plain() -> None:
    assert decoder(float).decode(encode(np.float32(0.5))) == 0.5
    assert frame(Text("x"))[:4] == len(encode(Text("x"))).to_bytes(4, "little")
    with pytest.raises(NotImplementedError):
        encode(threading.Lock())
