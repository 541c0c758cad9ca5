"""Typed messages between a process and its child processes, over pipes.

A message is a frozen `Message`. On the wire it is a length (4 bytes, little-endian) followed by MessagePack. The types that the reader
declares decide which classes are built; nothing is unpickled. NumPy arrays travel as bytes, paths as text.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import sys
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any, Generic, TypeVar, get_origin

import msgspec
import numpy as np

_LENGTH = struct.Struct("<I")
_READ_BYTES = 1 << 16
ATOMIC_BYTES = getattr(select, "PIPE_BUF", 512)  # a pipe takes so much at once or nothing

Received = TypeVar("Received")
Wanted = TypeVar("Wanted")


class Message(msgspec.Struct, frozen=True, tag=True):
    """Base class of messages; the name of the subclass is its tag on the wire."""


def encode(value: Any) -> bytes:
    """Return the MessagePack of a message, dataclass or plain value."""
    return _ENCODER.encode(value)


def decoder(kind: type[Wanted]) -> msgspec.msgpack.Decoder[Wanted]:
    """Return a decoder that builds values of type `kind`, a class or a union of messages."""
    return msgspec.msgpack.Decoder(kind, dec_hook=_restore)


def frame(message: Message) -> bytes:
    """Return a message as it goes through a pipe."""
    payload = encode(message)
    return _LENGTH.pack(len(payload)) + payload


class MessagePipe(Generic[Received]):
    """One end of a two-way pipe. `reads` is the type of the messages that come in, a union as a rule.

    `send`, `wake` and `end` may be called from any thread, `receive` from one thread at a time. Messages are read on the thread that acts on
    them: a reader thread would add up to 1 ms of GIL and scheduler latency to each.
    """

    def __init__(self, source: int, sink: int, reads: Any) -> None:
        self._sink = sink
        self._decoder = decoder(reads)
        self._lock = threading.Lock()
        self._is_open, self._has_ended = True, False
        self._wakened, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        self._input: Any = source
        if sys.platform == "win32":  # select does not take pipes there
            self._input, sender = socket.socketpair()
            threading.Thread(target=_forward, args=(source, sender), name="pipe reader", daemon=True).start()
        self._payloads: deque[bytes] = deque()
        self._held = bytearray()

    def send(self, message: Message) -> bool:
        """Write a message, and wait for room. Return False if the other end has gone."""
        rest = memoryview(frame(message))
        with self._lock:
            if not self._is_open:
                return False
            try:
                while rest:
                    rest = rest[self._write(rest) :]
            except OSError:
                return False
        return True

    def send_now(self, message: Message) -> bool:
        """Write a short message without waiting and without a lock, for real-time callbacks. Return False if there was no room.

        The sink must be non-blocking. Messages above `ATOMIC_BYTES` are dropped, and those of `send` must be shorter too.
        """
        data = frame(message)
        if len(data) <= ATOMIC_BYTES:
            try:
                os.write(self._sink, data)
            except BlockingIOError:
                return False
        return True

    def has_room(self) -> bool:
        """Return whether a short message can be written without waiting. Pipes of Windows do not tell: always True there."""
        return sys.platform == "win32" or bool(select.select([], [self._sink], [], 0.0)[1])

    def receive(self, timeout_s: float | None = None) -> Received | None:
        """Return the next message; None if none came in time, or after `wake`.

        Raises EOFError when the other end has gone or closed its output, and after `end`.
        """
        while not self._payloads:
            readable = select.select([self._input, self._wakened], [], [], timeout_s)[0]
            if not readable:
                return None
            if self._wakened in readable:
                self._wakened.recv(_READ_BYTES)
                if self._has_ended:
                    raise EOFError
                return None
            self._fill()
        return self._decoder.decode(self._payloads.popleft())

    def wake(self) -> None:
        """Let `receive` return now. May be called from a signal handler."""
        with suppress(OSError):
            self._waker.send(b"\0")

    def end(self) -> None:
        """Let `receive` raise EOFError, as if the other end had gone. May be called from a signal handler."""
        self._has_ended = True
        self.wake()

    def close_output(self, timeout_s: float) -> bool:
        """Forbid further `send`. Return False if one was still waiting for room after `timeout_s`."""
        if not self._lock.acquire(timeout=timeout_s):
            return False
        self._is_open = False
        self._lock.release()
        return True

    def close(self) -> None:
        """Release what this object has opened itself; source and sink belong to the caller."""
        self._wakened.close()
        self._waker.close()
        if self._input is not None and not isinstance(self._input, int):
            self._input.close()

    def _write(self, data: memoryview) -> int:
        while True:
            try:
                return os.write(self._sink, data)
            except BlockingIOError:
                select.select([], [self._sink], [])

    def _fill(self) -> None:
        piece = os.read(self._input, _READ_BYTES) if isinstance(self._input, int) else self._input.recv(_READ_BYTES)
        if not piece:
            raise EOFError
        self._held += piece
        while len(self._held) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._held)[0]
            if len(self._held) < end:
                break
            self._payloads.append(bytes(self._held[_LENGTH.size : end]))
            del self._held[:end]


def _forward(source: int, sender: socket.socket) -> None:
    with sender, suppress(OSError):
        while piece := os.read(source, _READ_BYTES):
            sender.sendall(piece)


def _plain(value: Any) -> Any:
    """Return what MessagePack knows in place of an array, NumPy number or path."""
    if isinstance(value, np.ndarray):
        return [value.dtype.str, list(value.shape), value.tobytes()]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, PurePath):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} cannot be sent.")


def _restore(kind: Any, value: Any) -> Any:
    """Return the array or path that `_plain` made `value` of."""
    kind = get_origin(kind) or kind
    if issubclass(kind, np.ndarray):
        name, shape, data = value
        return np.frombuffer(data, np.dtype(name)).reshape(shape).copy()
    if issubclass(kind, PurePath):
        return Path(value)
    raise NotImplementedError(f"{kind.__name__} cannot be received.")


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_plain)
