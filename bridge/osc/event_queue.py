"""From the socket's thread to the session's: bounded, in order, with panic ahead of everything."""

from __future__ import annotations

import math
import time
from collections import deque
from threading import Condition

from bridge.protocol.events import NoteBend, NoteExpression, NoteOff, NoteOn, Panic, Received, WholeNote
from bridge.protocol.limits import MAX_QUEUED_EVENTS

_LIVE = (WholeNote, NoteOn, NoteOff, NoteBend, NoteExpression)


class EventQueue:
    """At most `size` events wait. Where it is full, `put` says so and the sender hears of it; nothing grows.

    A panic is handed out first and always finds room. Live notes that came before it are not handed out after it.
    """

    def __init__(self, size: int = MAX_QUEUED_EVENTS) -> None:
        self._size = size
        self._events: deque[Received] = deque()
        self._panic: Received | None = None
        self._panic_s = -math.inf
        self._changed = Condition()

    def __len__(self) -> int:
        return len(self._events) + (self._panic is not None)

    def put(self, received: Received) -> bool:
        """Add an event, from any thread; False if there is no room."""
        with self._changed:
            if isinstance(received.event, Panic):
                self._panic, self._panic_s = received, received.arrival_s
            elif len(self._events) >= self._size:
                return False
            else:
                self._events.append(received)
            self._changed.notify()
        return True

    def get(self, timeout_s: float | None = None) -> Received | None:
        """The next event; None if none came in time (never, without a timeout)."""
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while True:
                received = self._next()
                if received is not None:
                    return received
                remaining_s = None if deadline_s is None else deadline_s - time.monotonic()
                if remaining_s is not None and remaining_s <= 0:
                    return None
                self._changed.wait(remaining_s)

    def drain(self) -> list[Received]:
        """All events that wait, without waiting for more."""
        with self._changed:
            return list(iter(self._next, None))

    def _next(self) -> Received | None:
        if self._panic is not None:
            received, self._panic = self._panic, None
            return received
        while self._events:
            received = self._events.popleft()
            if received.arrival_s > self._panic_s or not isinstance(received.event, _LIVE):
                return received
        return None
