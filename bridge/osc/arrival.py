"""Arrival times of datagrams from the kernel, because the receiving thread may be milliseconds late."""

from __future__ import annotations

import socket
import struct
import sys
import time
from contextlib import suppress

_SO_TIMESTAMPNS = 35  # Linux, asm-generic/socket.h; Python has no name for it
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY_BYTES = 64
_MOST_WAITED_S = 0.05  # more means that a clock was set, or that the machine is overloaded


def ask_for_arrival_times(opened: socket.socket) -> None:
    """Ask the kernel for arrival times; without them, `receive` uses the current time."""
    if sys.platform == "linux":
        with suppress(OSError):
            opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def receive(opened: socket.socket, most_bytes: int) -> tuple[bytes, tuple[str, int], float]:
    """Receive a datagram: bytes, address and port of the sender, seconds it waited. Errors as for `socket.recvfrom`."""
    if sys.platform != "linux":
        data, source = opened.recvfrom(most_bytes)
        return data, (source[0], source[1]), 0.0
    data, ancillary, _, source = opened.recvmsg(most_bytes, _ANCILLARY_BYTES)
    return data, (source[0], source[1]), _waited_s(ancillary)


def _waited_s(ancillary: list[tuple[int, int, bytes]]) -> float:
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(value) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(value)
            waited_s = (time.time_ns() - seconds * 10**9 - nanoseconds) * 1e-9
            return waited_s if 0.0 <= waited_s <= _MOST_WAITED_S else 0.0
    return 0.0
