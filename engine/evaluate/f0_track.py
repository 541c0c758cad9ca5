"""F0 of stems by Praat's autocorrelation, in chunks, so that memory does not grow with the length of a stem."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.dsp.praat import praat_f0
from engine.units import hz_to_midi

FRAME_S = 0.005
F0_FLOOR_HZ, F0_CEILING_HZ = 60.0, 1400.0

_TRACKER_RATE = 16_000  # Praat interpolates between samples: more would be slower, not better
_CHUNK_S, _MARGIN_S = 20, 1
_SILENCE_THRESHOLD = 0.01  # frames whose peak is 40 dB below the stem's are unvoiced
_VOICING_THRESHOLD = 0.45
MIN_PEAK = 1e-5  # -100 dBFS: silence

Samples = NDArray[np.floating]


@dataclass(frozen=True, eq=False, slots=True)
class F0Track:
    """F0 on a regular grid: `hz[T]` (NaN where unvoiced) at `times_s[T]`."""

    times_s: NDArray[np.float64]
    hz: NDArray[np.float64]

    @property
    def pitch(self) -> NDArray[np.float64]:
        """F0 as MIDI note numbers."""
        return hz_to_midi(self.hz)


def track_f0(samples: Samples, sample_rate: int) -> F0Track:
    """Return F0 of `samples[N]` every 5 ms."""
    return _track(samples, sample_rate, peak_of(samples))


def _track(samples: Samples, sample_rate: int, peak: float) -> F0Track:
    """Track chunk by chunk with margins, on one grid, equal to an analysis of the whole stem at once."""
    length_s = len(samples) / sample_rate
    tracks = [_track_chunk(samples, sample_rate, start_s, peak) for start_s in range(0, int(length_s) + 1, _CHUNK_S)]
    times_s, hz = (np.concatenate(parts) for parts in zip(*tracks, strict=True))
    inside = times_s < length_s
    return F0Track(times_s[inside], hz[inside])


def _track_chunk(
    samples: Samples, sample_rate: int, start_s: int, peak: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return times and F0 of the frames in [start_s, start_s + 20 s), analysed with one second more on both sides.

    All chunks are padded to one length, which gives Praat's frames the same phase in each.
    """
    first = (start_s - _MARGIN_S) * sample_rate
    wanted = (_CHUNK_S + 2 * _MARGIN_S) * sample_rate
    piece = np.asarray(samples[max(0, first) : first + wanted], dtype=np.float64)
    before = max(0, -first)
    piece = np.pad(piece, (before, wanted - before - len(piece)))
    times_s, hz = _praat_f0(piece, sample_rate, peak)
    times_s = times_s + (start_s - _MARGIN_S)
    inside = (times_s >= start_s) & (times_s < start_s + _CHUNK_S)
    return times_s[inside], hz[inside]


def _praat_f0(piece: NDArray[np.float64], sample_rate: int, peak: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    import soxr

    piece_peak = peak_of(piece)
    low = soxr.resample(piece, sample_rate, _TRACKER_RATE)
    times_s, hz = praat_f0(
        low,
        _TRACKER_RATE,
        step_s=FRAME_S,
        floor_hz=F0_FLOOR_HZ,
        ceiling_hz=F0_CEILING_HZ,
        # Praat measures silence against the peak of what it gets; ours is the peak of the whole stem.
        silence_threshold=_SILENCE_THRESHOLD * peak / max(piece_peak, MIN_PEAK),
        voicing_threshold=_VOICING_THRESHOLD,
        octave_cost=0.03,  # breathy high notes otherwise read an octave low
    )
    voiced = (hz > 0) & (piece_peak > MIN_PEAK)
    return times_s, np.where(voiced, hz, np.nan)


def peak_of(samples: Samples) -> float:
    """Return the largest magnitude."""
    return max((float(np.abs(block).max()) for block in blocks_of(samples)), default=0.0)


def blocks_of(samples: Samples, block_samples: int = 1 << 20) -> Iterator[Samples]:
    """Yield the samples in blocks."""
    return (samples[start : start + block_samples] for start in range(0, len(samples), block_samples))
