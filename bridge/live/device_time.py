"""The audio device's clock, read from the shared memory of the audio process."""

from __future__ import annotations

import time

from bridge.audio.control import DEVICE_SAMPLE, SEQUENCE, clock_of
from bridge.audio.memory import AudioMemory

_LATE_BLOCK_S = 0.001  # jitter of the device that the clock's steady rate may hide
_MOST_BLOCKS_AT_ONCE = 4  # that hosts ask for in one go


class DeviceTime:
    """The device's clock in samples. `is_manual`: the device has no time of its own and stands still until it is advanced."""

    def __init__(self, memory: AudioMemory, *, is_manual: bool) -> None:
        self._memory, self._is_manual = memory, is_manual
        self._rate = memory.address.sample_rate
        self._block_frames = 0

    @property
    def block_frames(self) -> int:
        """Return the length of the largest block so far: hosts may choose another one each time."""
        self._block_frames = max(self._block_frames, clock_of(self._memory).block_frames)
        return self._block_frames

    def now(self) -> float:
        """Return the sample that the device would ask for at this moment."""
        return self._at(time.monotonic_ns())

    def soonest(self) -> int:
        """Return the first sample that the device has not asked for yet: samples written now can begin there."""
        asked_for, in_callback = int(self._memory.ints[DEVICE_SAMPLE]), bool(self._memory.ints[SEQUENCE] % 2)
        return asked_for + in_callback * self.block_frames

    def at(self, monotonic_ns: int) -> float:
        """Return the sample of a moment of `time.monotonic_ns`. Two answers for one moment may differ by some samples either way."""
        now_ns = time.monotonic_ns()
        ahead = 0.0 if self._is_manual else (monotonic_ns - now_ns) * 1e-9 * self._rate
        return self._at(now_ns) + ahead

    def _at(self, now_ns: int) -> float:
        """Follow the steady rate as long as the device keeps it: a device that stalls, or has lost time, asks for less than that."""
        asked_for = int(self._memory.ints[DEVICE_SAMPLE])
        if self._is_manual:
            return asked_for
        clock = clock_of(self._memory)
        expected = clock.device_sample + (now_ns - clock.block_ns) * 1e-9 * self._rate
        least, most = asked_for - _MOST_BLOCKS_AT_ONCE * clock.block_frames, asked_for + _LATE_BLOCK_S * self._rate
        return min(max(expected, least), most)
