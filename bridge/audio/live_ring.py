"""The live source of a track: a ring that plays as it is filled.

One process writes, the audio process reads. Counters only grow: `WRITTEN` and `READ` count samples since the start, so
`WRITTEN - READ` samples wait. A writer that has no more for now marks a rest; without that, an empty ring is an underrun.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .fades import FadeIn, Tail, fade_samples
from .memory import MAX_FRAMES, AudioMemory, Fence
from .resample import StreamResampler

# Counters of the writer, and of the reader one cache line further.
WRITTEN, RESTS_AT, DROPPED, DISCARD_TO, DISCARDS, STARTS_AT, START = 0, 1, 2, 3, 4, 5, 6
READ, UNDERRUNS, MISSED, ORIGIN, SOUNDS = 8, 9, 10, 11, 12


class LiveWriter:
    """Writes a track's live samples, from any process. One writer per track at a time.

    Samples of `source_rate` Hz are matched to the device's rate with a constant delay of `delay_samples` (at the device's rate).

    From a rest, sound starts with the next block of the device, so its delay varies by up to a block, unless `start_at` gives it a time.
    """

    def __init__(self, memory: AudioMemory, track: int, *, source_rate: int | None = None) -> None:
        address = memory.address
        self.track = track
        self._counters = memory.live_counters[track]
        self._ring = memory.live[track]
        self._channels, self._capacity = address.channels, address.live_samples
        self._fence = Fence()
        self._resampler = StreamResampler(source_rate or address.sample_rate, address.sample_rate, channels=address.channels)
        self.delay_samples = self._resampler.delay_samples

    @property
    def waiting_samples(self) -> int:
        """Return the number of samples in the ring that have not been played."""
        return int(self._counters[WRITTEN] - self._counters[READ])

    @property
    def written_samples(self) -> int:
        """Return the number of samples pushed so far, at the device's rate."""
        return int(self._counters[WRITTEN])

    @property
    def next_device_sample(self) -> int | None:
        """Return the device sample at which the next pushed sample will sound if the ring does not run dry before; None at rest."""
        if not self._counters[SOUNDS]:
            return None
        return int(self._counters[ORIGIN] + self._counters[WRITTEN]) + self.delay_samples

    @property
    def end_sample(self) -> int | None:
        """Return the device sample behind the last one pushed, if it sounds or starts at a given time; None if that is unknown."""
        counters = self._counters
        if counters[WRITTEN] > counters[START] >= counters[READ]:
            return int(counters[STARTS_AT] + counters[WRITTEN] - counters[START])
        return int(counters[ORIGIN] + counters[WRITTEN]) if counters[SOUNDS] else None

    @property
    def start_lies_ahead(self) -> bool:
        """Return whether a timed start is still to come."""
        return bool(self._counters[START] > self._counters[READ])

    def start_at(self, device_sample: int) -> None:
        """Schedule the next `push` to start at `device_sample`, or at the next block if that is past.

        Samples that still wait sound up to there. Raises ValueError if a start is already pending.
        """
        if self.start_lies_ahead:
            raise ValueError("a start lies ahead already")
        self._counters[STARTS_AT] = device_sample
        self._fence()
        self._counters[START] = self._counters[WRITTEN]

    def push(self, samples: NDArray[np.float32]) -> int:
        """Append `samples` `[N]` or `[C, N]`. Return how many (at the device's rate) did not fit and were dropped and counted."""
        return self.append(self.matched(samples))

    def matched(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return `samples` `[N]` or `[C, N]` at the device's rate `[C, M]`, for `append`: the first half of `push`, for changes in between.

        Sample n of all since the last rest is the input's at n - `delay_samples`.
        """
        return self._resampler.push(as_channels(samples, self._channels))

    def append(self, block: NDArray[np.float32]) -> int:
        """Append `block[C, M]` of the device's rate. Return how many samples did not fit and were dropped and counted."""
        written = int(self._counters[WRITTEN])
        room = self._capacity - (written - int(self._counters[READ]))
        taken = min(room, block.shape[1])
        start = written % self._capacity
        first = min(taken, self._capacity - start)
        self._ring[:, start : start + first] = block[:, :first]
        self._ring[:, : taken - first] = block[:, first:taken]
        self._fence()
        self._counters[WRITTEN] = written + taken
        dropped = block.shape[1] - taken
        self._counters[DROPPED] += dropped
        return dropped

    def rest(self) -> None:
        """Mark a rest: the ring may run empty without being an underrun."""
        self.append(self._resampler.flush())
        self._counters[RESTS_AT] = self._counters[WRITTEN]

    def discard(self) -> None:
        """Drop waiting samples: the sound fades out within 10 ms, and the next pushed samples follow."""
        self._resampler.flush()
        self._counters[RESTS_AT] = self._counters[DISCARD_TO] = self._counters[WRITTEN]
        self._fence()
        self._counters[DISCARDS] += 1

    def close(self) -> None:
        """Release the shared memory."""
        del self._counters, self._ring


class LiveReader:
    """Reads a track's ring in the audio callback. Never waits; blocks are at most `MAX_FRAMES` long.

    When the ring runs dry the last milliseconds are played backwards while they fade to silence; when at least one whole block is
    there again it fades in. After a rest it starts without a fade.
    """

    def __init__(self, memory: AudioMemory, track: int) -> None:
        address = memory.address
        self._counters = memory.live_counters[track]
        self._ring = memory.live[track]
        self._capacity = address.live_samples
        self._read, self._discards = int(self._counters[READ]), int(self._counters[DISCARDS])
        self._playing, self._starved = False, False
        self._tail = Tail(address.channels, fade_samples(address.sample_rate))
        self._fade_in = FadeIn(fade_samples(address.sample_rate), MAX_FRAMES)
        self._fence = Fence()

    def read(self, out: NDArray[np.float32], device_sample: int) -> None:
        """Fill `out[C, N]` with the samples from `device_sample` on."""
        frames, counters = out.shape[1], self._counters
        if counters[DISCARDS] != self._discards:
            self._discards = int(counters[DISCARDS])
            self._fence()
            self._skip(int(counters[DISCARD_TO]))
        written, rests_at = int(counters[WRITTEN]), int(counters[RESTS_AT])
        self._fence()
        rests, start, at = rests_at == written, int(counters[START]), 0
        if start >= self._read:  # samples behind it wait for its time
            at = min(frames, max(0, int(counters[STARTS_AT]) - device_sample))
            if at:
                self._play(out[:, :at], device_sample, start - self._read, rests=True)
        if at < frames:
            if start > self._read:
                self._skip(start)
            self._play(out[:, at:], device_sample + at, written - self._read, rests=rests)

    def _play(self, out: NDArray[np.float32], device_sample: int, waiting: int, *, rests: bool) -> None:
        frames = out.shape[1]
        self._starved = self._starved and bool(waiting or not rests)
        if not self._playing and waiting and (waiting >= frames or rests):
            self._start(device_sample)
        taken = min(waiting, frames) if self._playing else 0
        if taken:
            self._copy(out, taken)
        fades_from = 0
        if taken < frames:
            out[:, taken:] = 0.0
            if self._playing:
                self._stop(starved=not rests)
                fades_from = taken
            if self._starved:
                self._counters[MISSED] += frames - taken
        self._tail.add_to(out, fades_from)

    def cut(self) -> None:
        """Fade out at once and drop waiting samples."""
        self._skip(int(self._counters[WRITTEN]))

    def flush(self) -> None:
        """Drop waiting samples, as after the device was away: they are too late."""
        self._read = int(self._counters[WRITTEN])
        self._counters[READ] = self._read
        self._playing = self._starved = False
        self._counters[SOUNDS] = 0
        self._tail.cancel()

    def close(self) -> None:
        """Release the shared memory."""
        del self._counters, self._ring

    def _start(self, device_sample: int) -> None:
        if self._starved:
            self._fade_in.start()
        self._playing, self._starved = True, False
        self._counters[ORIGIN] = device_sample - self._read
        self._counters[SOUNDS] = 1

    def _stop(self, *, starved: bool) -> None:
        self._playing, self._starved = False, starved
        self._counters[SOUNDS] = 0
        if starved:
            self._counters[UNDERRUNS] += 1
            self._tail.start()
        else:
            self._tail.forget()

    def _copy(self, out: NDArray[np.float32], taken: int) -> None:
        start = self._read % self._capacity
        first = min(taken, self._capacity - start)
        out[:, :first] = self._ring[:, start : start + first]
        out[:, first:taken] = self._ring[:, : taken - first]
        self._fence()
        self._read += taken
        self._counters[READ] = self._read
        self._fade_in.apply(out[:, :taken])
        self._tail.remember(out[:, :taken])

    def _skip(self, to: int) -> None:
        """Fade out, and go on at sample `to` of the ring."""
        self._read = max(self._read, to)
        self._counters[READ] = self._read
        if self._playing:
            self._tail.start()
        self._playing = self._starved = False
        self._counters[SOUNDS] = 0


def as_channels(samples: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """Return `[N]` or `[C, N]` as C-contiguous float32 `[channels, N]`; one channel is used for two. Raises ValueError if it does not fit."""
    block = np.atleast_2d(np.asarray(samples, dtype=np.float32))
    if block.ndim != 2 or block.shape[0] not in (1, channels):
        raise ValueError(f"samples of shape {np.shape(samples)}, expected [N] or [{channels}, N]")
    return np.ascontiguousarray(np.broadcast_to(block, (channels, block.shape[1])))
