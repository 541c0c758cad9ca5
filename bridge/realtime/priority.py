"""Real-time priority for the threads that render and play, where the system grants it: no other program's work comes between their blocks.

Linux grants it to root, and to users by RLIMIT_RTPRIO, which most distributions set for the group "audio". The levels do not exceed that of
JACK's clients (5 unless the server was started with another). Threads and processes that such a thread starts have ordinary priority.
CoreAudio and WASAPI raise the threads of their callbacks by themselves.
"""

from __future__ import annotations

import os
import threading

AUDIO, SINGER = 5, 4
NO_REAL_TIME = (
    "not granted, so that other programs can delay live notes. Join the group audio (sudo usermod -aG audio $USER, then log in again), or set "
    "rtprio in /etc/security/limits.d"
)


def ask_for_real_time(level: int) -> bool:
    """Ask for real-time priority of the calling thread. Return whether it has it. `level`: 1 and more; a higher one goes first."""
    if not hasattr(os, "sched_setscheduler"):
        return False
    thread = threading.get_native_id()
    try:
        if os.sched_getscheduler(thread) & ~os.SCHED_RESET_ON_FORK in (os.SCHED_FIFO, os.SCHED_RR):
            return True
        os.sched_setscheduler(thread, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(level))
    except OSError:
        return False
    return True


class RealtimePriority:
    """Real-time priority of one thread, held only while its work is urgent. Each change costs a system call."""

    def __init__(self, level: int) -> None:
        self._level, self._is_held = level, False

    def acquire(self) -> None:
        """Raise the calling thread to real-time priority, if the system grants it."""
        if not self._is_held:
            self._is_held = True
            ask_for_real_time(self._level)

    def release(self) -> None:
        """Return the calling thread to ordinary priority."""
        if self._is_held:
            self._is_held = False
            if hasattr(os, "sched_setscheduler"):
                os.sched_setscheduler(threading.get_native_id(), os.SCHED_OTHER, os.sched_param(0))
