"""Times of the blocks that a sound system asks for."""

from __future__ import annotations

import math

LOST_NS = 1e6  # the loop follows smaller steps by itself
_SAME_NS = 0.25e6
_ODD_FRAMES = 1  # blocks of a device of another rate are a sample longer now and then


class BlockClock:
    """Smoothed times of a driver's blocks.

    A delay-locked loop filters the jitter of the calls: F. Adriaensen, "Using a DLL to filter time", LAC 2005; 1 Hz wide. A single late block
    is jitter; two in a row that are late by the same show that the device has lost time, and the loop starts anew.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._frames = 0
        self._next_ns = self._period_ns = self._error_ns = 0.0

    def smoothed_ns(self, called_ns: int, frames: int) -> int:
        """Return the smoothed time in ns of a block of `frames` samples that was asked for at `called_ns`."""
        period_ns = frames / self._rate * 1e9
        last_error_ns, self._error_ns = self._error_ns, called_ns - self._next_ns
        has_lost = self._error_ns > LOST_NS and abs(self._error_ns - last_error_ns) < _SAME_NS
        if abs(frames - self._frames) > _ODD_FRAMES or has_lost or abs(self._error_ns) > max(4 * period_ns, 20e6):
            self._frames, self._period_ns, self._next_ns = frames, period_ns, called_ns + period_ns
            return called_ns
        moment_ns = self._next_ns
        turn = 2 * math.pi * period_ns * 1e-9
        self._next_ns += math.sqrt(2) * turn * self._error_ns + self._period_ns
        self._period_ns += turn * turn * self._error_ns
        return round(moment_ns)
