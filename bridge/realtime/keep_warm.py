"""Keep-warm: idle work that keeps the path of a live note in the processor's caches.

Code and memory that have not been used for some ten milliseconds have to be fetched from RAM, which makes the next note two to four times
slower. So while somebody plays, and for half a minute after, the event loops on the path of a note run a silent one whenever they are idle.
`serve --no-keep-warm` switches all of it off.

The loops know nothing of notes: they get an `IdleTask`. `bridge.live.warm_notes` makes the silent notes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

LOOP_EVERY_S = 0.004  # of the threads that take messages
VOICE_EVERY_S = 0.006  # of the loop that renders; costs about a third of a core
ACTIVE_FOR_S = 30.0  # after the last message


class IdleTask(Protocol):
    """Work for an event loop to do while nothing comes in."""

    def note_activity(self) -> bool:
        """Note that a message came. Return whether the loop may be asleep and has to be woken."""

    def timeout_s(self) -> float | None:
        """Return how long the loop may wait for a message before it calls `run`; None: until one comes."""

    def run(self) -> float:
        """Do the next part. Return the seconds that the loop may wait then."""


class KeepWarm:
    """An `IdleTask` that runs `work` every `every_s` until `active_for_s` after the last activity.

    `work` may return the seconds until it wants to run again. `starts_active`: creation counts as activity. May be used from any thread.
    """

    def __init__(
        self,
        work: Callable[[], float | None],
        *,
        every_s: float = LOOP_EVERY_S,
        active_for_s: float = ACTIVE_FOR_S,
        starts_active: bool = True,
    ) -> None:
        self._work, self.every_s, self._active_for_s = work, every_s, active_for_s
        self._active_s = time.monotonic() - (0.0 if starts_active else 2 * active_for_s)
        self.is_attached = False  # a loop has asked for its timeout

    @property
    def is_active(self) -> bool:
        """Return whether the last activity is recent enough."""
        return time.monotonic() - self._active_s < self._active_for_s

    def note_activity(self) -> bool:
        """See `IdleTask`."""
        now_s = time.monotonic()
        idle_s, self._active_s = now_s - self._active_s, now_s
        return idle_s > self._active_for_s / 2

    def timeout_s(self) -> float | None:
        """See `IdleTask`."""
        self.is_attached = True
        return self.every_s if self.is_active else None

    def run(self) -> float:
        """See `IdleTask`."""
        wanted_s = self._work()
        return self.every_s if wanted_s is None else wanted_s
