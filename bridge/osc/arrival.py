"""When datagrams came, as the system says: the thread that waits for them may be milliseconds late, and notes would be late with it."""

from __future__ import annotations

import socket
import struct
import sys
import time
from contextlib import suppress

_SO_TIMESTAMPNS = 35  # Linux, asm-generic/socket.h; Python has no name for it
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY_BYTES = 64
_MOST_WAITED_S = 0.05  # more is no late thread: clocks were set, or there is more to do than can be done


def ask_for_arrival_times(opened: socket.socket) -> None:
    """Where the system does not tell, `receive` takes datagrams for just come."""
    if sys.platform == "linux":
        with suppress(OSError):
            opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def receive(opened: socket.socket, most_bytes: int) -> tuple[bytes, tuple[str, int], float]:
    """A datagram, its sender's address and port, and how many seconds it waited. Errors as for `socket.recvfrom`."""
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
