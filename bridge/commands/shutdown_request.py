"""Deferred SIGINT and SIGTERM: long-running commands are interrupted only while they wait."""

from __future__ import annotations

import queue
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class ShutdownRequest:
    """Flag that a signal handler sets. `wait` returns as soon as it is set."""

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[None] = (
            queue.SimpleQueue()
        )  # reentrant, so safe in a signal handler; an Event could deadlock

    def ask(self) -> None:
        self._asked.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait for `seconds` or for the request; return True if it came."""
        try:
            self._asked.get(timeout=seconds)
        except queue.Empty:
            return False
        self.ask()  # for the next call
        return True


@contextmanager
def shutdown_request() -> Iterator[ShutdownRequest]:
    """Turn the first Ctrl-C or SIGTERM into a request; the next has its former effect. Only for a process' main thread.

    A KeyboardInterrupt between any two statements could leave threads or devices open.
    """
    request = ShutdownRequest()
    before: dict[int, Any] = {}

    def ask(number: int, frame: FrameType | None) -> None:
        request.ask()
        signal.signal(number, before[number])

    try:
        for number in _SIGNALS:
            before[number] = signal.getsignal(number)
            signal.signal(number, ask)
        yield request
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
