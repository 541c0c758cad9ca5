"""Events of a live voice in order of time, and the frames they belong to."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator

from engine.performance.types import FRAME_RATE_HZ

from .events import LiveEvent, NoteOn, Panic


class EventSchedule:
    """Events that are still to come. Events of equal time keep the order in which they were added."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, LiveEvent]] = []
        self._added = 0

    def add(self, event: LiveEvent) -> None:
        """Add an event at its `time_s`."""
        self._added += 1
        heapq.heappush(self._waiting, (event.time_s, self._added, event))

    def take_before(self, time_s: float) -> Iterator[LiveEvent]:
        """Take the events before `time_s` one by one. A panic removes note-ons that were added before it."""
        while self._waiting and self._waiting[0][0] < time_s:
            _, number, event = heapq.heappop(self._waiting)
            if isinstance(event, Panic):
                self._waiting = [item for item in self._waiting if item[1] > number or not isinstance(item[2], NoteOn)]
                heapq.heapify(self._waiting)
            yield event

    def frames_until_event(self, frame: int, limit: int) -> int:
        """Return how many of the `limit` frames from `frame` on come before the frame of the next event; at least 1."""
        if not self._waiting:
            return limit
        return max(1, min(limit, frame_of(self._waiting[0][0]) - frame))


def frame_of(time_s: float) -> int:
    """Return the frame in which an event at `time_s` acts."""
    frame = math.floor(time_s * FRAME_RATE_HZ)
    while time_s >= (frame + 1) / FRAME_RATE_HZ:
        frame += 1
    while frame > 0 and time_s < frame / FRAME_RATE_HZ:
        frame -= 1
    return frame
