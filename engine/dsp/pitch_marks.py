"""F0 of a recording and its glottal epochs, one mark per period.

F0 is Praat's autocorrelation method (P. Boersma, 1993). Marks lie at one phase of the fundamental, found by demodulating the recording
with its own F0, where the energy of the differentiated signal is concentrated (after energy-based epoch extraction, T. Drugman et al.,
2012). Both vary slowly, so the marks have hardly any jitter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .praat import praat_f0

F0_FLOOR_HZ, F0_CEILING_HZ = 65.0, 600.0
_STEP_S = 0.005
_BRIDGED_S, _SHORTEST_RUN_S = 0.025, 0.02
_LOCK_PERIODS, _STRIKE_PERIODS = 3.0, 7.0

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PitchTrack:
    """F0 every 5 ms: `hz` [T], NaN where unvoiced, at `times_s` [T]."""

    times_s: Array
    hz: Array

    def at(self, times_s: Array) -> Array:
        """Return F0 at any times [N], linear inside voiced runs, NaN outside."""
        hz = np.interp(times_s, self.times_s, self.filled())
        nearest = np.clip(np.round((times_s - self.times_s[0]) / _STEP_S).astype(int), 0, len(self.hz) - 1)
        return np.where(np.isfinite(self.hz[nearest]), hz, np.nan)

    def filled(self) -> Array:
        """Return F0 [T] with gaps filled by straight lines; 150 Hz if nothing is voiced."""
        known = np.flatnonzero(np.isfinite(self.hz))
        if not len(known):
            return np.full(len(self.hz), 150.0)
        return np.interp(np.arange(len(self.hz)), known, self.hz[known])

    def median_hz(self) -> float:
        """Return the median of the voiced part; NaN if there is none."""
        return float(np.nanmedian(self.hz)) if np.isfinite(self.hz).any() else float("nan")


@dataclass(frozen=True, eq=False)
class PitchMarks:
    """Epochs in ascending order: `times_s` [M], their local periods `periods_s` [M]."""

    times_s: Array
    periods_s: Array


def track_pitch(samples: NDArray[np.floating], sample_rate: int) -> PitchTrack:
    """Return F0 of mono `samples`; gaps of up to 25 ms are bridged, single voiced frames dropped. The ceiling follows the speaker's
    median.
    """
    sound = np.asarray(samples, dtype=np.float64)
    if len(sound) / sample_rate < 3.5 / F0_FLOOR_HZ:
        return PitchTrack(np.array([0.5 * len(sound) / sample_rate]), np.array([np.nan]))
    ceiling_hz = F0_CEILING_HZ
    for _ in range(2):  # a second pass with a narrower range avoids octave errors
        times_s, hz = praat_f0(
            sound,
            sample_rate,
            step_s=_STEP_S,
            floor_hz=F0_FLOOR_HZ,
            ceiling_hz=ceiling_hz,
            silence_threshold=0.01,
            voicing_threshold=0.4,
        )
        if not np.any(hz > 0):
            break
        ceiling_hz = float(np.clip(2.2 * np.median(hz[hz > 0]), 200.0, F0_CEILING_HZ))
    return PitchTrack(times_s, _tidied(np.where(hz > 0, hz, np.nan)))


def fill_voiced(track: PitchTrack, spans_s: list[tuple[float, float]]) -> PitchTrack:
    """Return the track with everything inside `spans_s` voiced: creaky or breathy vowels have epochs too."""
    inside = np.zeros(len(track.hz), dtype=np.bool_)
    for start_s, end_s in spans_s:
        inside |= (track.times_s >= start_s) & (track.times_s <= end_s)
    return PitchTrack(track.times_s, np.where(inside, track.filled(), track.hz))


def pitch_marks(samples: NDArray[np.floating], sample_rate: int, track: PitchTrack) -> PitchMarks:
    """Return epochs of all voiced runs of `track`."""
    signal = np.asarray(samples, dtype=np.float64)
    times, periods = [np.zeros(0)], [np.zeros(0)]
    for first, last in runs_of(np.isfinite(track.hz)):
        start_s, end_s = track.times_s[first] - 0.5 * _STEP_S, track.times_s[last - 1] + 0.5 * _STEP_S
        run_times_s, run_periods_s = _marks_of_run(signal, sample_rate, track, max(0.0, start_s), end_s)
        times.append(run_times_s)
        periods.append(run_periods_s)
    return PitchMarks(np.concatenate(times), np.concatenate(periods))


def runs_of(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return first and one past the last index of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _marks_of_run(signal: Array, sample_rate: int, track: PitchTrack, start_s: float, end_s: float) -> tuple[Array, Array]:
    margin_s = 0.05
    first = max(0, int((start_s - margin_s) * sample_rate))
    piece = signal[first : int((end_s + margin_s) * sample_rate)]
    times_s = (first + np.arange(len(piece))) / sample_rate
    f0_hz = np.interp(times_s, track.times_s, track.filled())
    cycles = np.cumsum(f0_hz) / sample_rate
    period_samples = sample_rate / float(np.median(f0_hz))
    cycles = cycles + _slow_phase(piece, cycles, _LOCK_PERIODS * period_samples)
    strikes = np.square(np.diff(piece, prepend=piece[:1]))
    cycles = np.maximum.accumulate(cycles + _slow_phase(strikes, cycles, _STRIKE_PERIODS * period_samples))
    inside = (times_s >= start_s) & (times_s <= end_s)
    if inside.sum() < 2:
        return np.zeros(0), np.zeros(0)
    counted, inside_s = cycles[inside], times_s[inside]
    whole = np.arange(np.ceil(counted[0]), np.floor(counted[-1]) + 1)
    marks_s = np.interp(whole, counted, inside_s)
    return marks_s, 1.0 / np.interp(marks_s, times_s, f0_hz)


def _slow_phase(signal: Array, cycles: Array, width_samples: float) -> Array:
    """Return the phase lead of `signal` over the oscillation cos(2 pi cycles), in cycles, slowly varying and unwrapped [N]."""
    turned = (signal - signal.mean()) * np.exp(-2j * np.pi * cycles)
    window = np.hanning(int(width_samples) | 1)
    size = 1 << int(np.ceil(np.log2(len(turned) + len(window))))
    smooth = np.fft.ifft(np.fft.fft(turned, size) * np.fft.fft(window, size))[len(window) // 2 :][: len(turned)]
    return np.unwrap(np.angle(smooth)) / (2 * np.pi)


def _tidied(hz: Array) -> Array:
    """Bridge short gaps, then drop short runs."""
    tidy = hz.copy()
    known = np.flatnonzero(np.isfinite(hz))
    for first, last in runs_of(~np.isfinite(hz)):
        is_inner = first > 0 and last < len(hz)
        if is_inner and (last - first) * _STEP_S <= _BRIDGED_S:
            tidy[first:last] = np.interp(np.arange(first, last), known, hz[known])
    for first, last in runs_of(np.isfinite(tidy)):
        if (last - first) * _STEP_S < _SHORTEST_RUN_S:
            tidy[first:last] = np.nan
    return tidy
