"""Ctrl-C where it can do no harm: commands that run until they are told to end hear of it while they wait."""

from __future__ import annotations

import queue
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class EndRequest:
    """Whether someone asked for the end. `wait` may be left at any moment by it."""

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[None] = (
            queue.SimpleQueue()
        )  # may be put to in a signal handler; an Event could lock itself out

    def ask(self) -> None:
        self._asked.put(None)

    def wait(self, seconds: float) -> bool:
        """Let `seconds` pass, or less once the end is asked for; whether it is."""
        try:
            self._asked.get(timeout=seconds)
        except queue.Empty:
            return False
        self.ask()  # for who asks again
        return True


@contextmanager
def end_request() -> Iterator[EndRequest]:
    """Inside, the first Ctrl-C or SIGTERM is a request; the next does what it did before. Only in a process' main thread.

    A KeyboardInterrupt may come between any two steps, a thread's start and its being known to run say, and what is open could then not be
    closed in order.
    """
    request = EndRequest()
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
