"""Bounded event queue from the socket's thread to the session's; a panic overtakes everything."""

from __future__ import annotations

import math
import time
from collections import deque
from threading import Condition

from bridge.protocol.events import (
    Clip,
    LyricsAppend,
    LyricsSet,
    NoteBend,
    NoteExpression,
    NoteOff,
    NoteOn,
    Panic,
    Received,
    WholeNote,
)
from bridge.protocol.limits import MAX_QUEUED_EVENTS, MAX_QUEUED_WEIGHT

_LIVE = (WholeNote, NoteOn, NoteOff, NoteBend, NoteExpression)
_CHARACTERS_PER_WEIGHT = 64


class EventQueue:
    """Queue of at most `size` events of at most `weight` together; `put` returns False when it is full.

    A panic always fits and is returned first; live notes that arrived before it are dropped.
    """

    def __init__(self, size: int = MAX_QUEUED_EVENTS, weight: int = MAX_QUEUED_WEIGHT) -> None:
        self._size, self._max_weight = size, weight
        self._events: deque[Received] = deque()
        self._weight = 0
        self._panic: Received | None = None
        self._panic_s = -math.inf
        self._changed = Condition()

    def __len__(self) -> int:
        return len(self._events) + (self._panic is not None)

    def put(self, received: Received) -> bool:
        """Add an event, from any thread; False if there is no room."""
        with self._changed:
            weight = _weight(received)
            if isinstance(received.event, Panic):
                self._panic, self._panic_s = received, received.arrival_s
                self._events = deque(
                    each for each in self._events if not isinstance(each.event, _LIVE)
                )  # dated events may be due later
                self._weight = sum(map(_weight, self._events))
            elif len(self._events) >= self._size or self._weight + weight > self._max_weight:
                return False
            else:
                self._events.append(received)
                self._weight += weight
            self._changed.notify()
        return True

    def get(self, timeout_s: float | None = None) -> Received | None:
        """Return the next event, None after `timeout_s`. Without a timeout, wait without limit."""
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
        """Return all queued events without waiting."""
        with self._changed:
            return list(iter(self._next, None))

    def _next(self) -> Received | None:
        if self._panic is not None:
            received, self._panic = self._panic, None
            return received
        while self._events:
            received = self._events.popleft()
            self._weight -= _weight(received)
            if received.arrival_s > self._panic_s or not isinstance(received.event, _LIVE):
                return received
        return None


def _weight(received: Received) -> int:
    """Return the size of an event: 1 for most, more for whole clips and texts."""
    match received.event:
        case Clip(notes=notes, curves=curves):
            return 1 + len(notes) + sum(len(curve.points) for curve in curves)
        case LyricsSet(text=text) | LyricsAppend(text=text):
            return 1 + len(text) // _CHARACTERS_PER_WEIGHT
        case _:
            return 1
