"""Pitch-synchronous overlap-add (PSOLA): the recording's own periods at another pitch and pace.

E. Moulines & F. Charpentier, "Pitch-synchronous waveform processing techniques", 1990. Two periods around each epoch are cut out under a
Hann window and added one target period apart, at the exact (fractional) times of the target's phase. Unvoiced parts are cut every 5 ms
under windows that sum to one, so they are unchanged at natural pace.

In slowed speech, the nearest period is repeated. Against the buzz of long notes, blending neighbours and taking the breath above 3 kHz
from random ones were tried: up to a tenth of the words were no longer understood, so neither is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .pitch_marks import PitchMarks, PitchTrack
from .time_map import TimeMap

_FINER = 4  # fractional positions are rounded to a quarter of a sample
_UNVOICED_HOP_S = 0.005
_LARGEST_GAIN = 2.0

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Grain:
    """A piece of the recording around `source_s`, to be added around `at_s`, fading in and out over `rise_s` and `fall_s`."""

    at_s: float
    source_s: float
    rise_s: float
    fall_s: float
    gain: float


def add_grains(
    samples: NDArray[np.floating],
    sample_rate: int,
    time_map: TimeMap,
    target_f0_hz: Array,
    track: PitchTrack,
    marks: PitchMarks,
) -> Array:
    """Return the result [round(time_map.end_s * sample_rate)]; target_f0_hz: F0 at every sample of it [N], finite everywhere."""
    fine = _finer(np.asarray(samples, dtype=np.float64))
    out = np.zeros(len(target_f0_hz))
    for grain in grains(time_map, target_f0_hz, sample_rate, track, marks):
        _lay(out, fine, sample_rate, grain)
    return out


def grains(time_map: TimeMap, target_f0_hz: Array, sample_rate: int, track: PitchTrack, marks: PitchMarks) -> Iterator[Grain]:
    """Yield all grains in order of time."""
    at_s, is_voiced, source_s = _instants(time_map, target_f0_hz, sample_rate, track, has_marks=len(marks.times_s) > 1)
    gaps_s = np.diff(at_s, prepend=at_s[:1] - _UNVOICED_HOP_S, append=at_s[-1:] + _UNVOICED_HOP_S)
    for number, (time_s, place_s) in enumerate(zip(at_s.tolist(), source_s.tolist(), strict=True)):
        if not is_voiced[number]:
            rise_s, fall_s = np.minimum(gaps_s[number : number + 2], 2 * _UNVOICED_HOP_S).tolist()
            yield Grain(time_s, place_s, rise_s, fall_s, 1.0)
            continue
        index = _nearest(marks.times_s, place_s)
        own_s = float(marks.periods_s[index])
        period_s = 1.0 / target_f0_hz[min(len(target_f0_hz) - 1, int(time_s * sample_rate))]
        yield Grain(time_s, float(marks.times_s[index]), own_s, own_s, min(_LARGEST_GAIN, float(np.sqrt(period_s / own_s))))


def _instants(
    time_map: TimeMap, target_f0_hz: Array, sample_rate: int, track: PitchTrack, *, has_marks: bool
) -> tuple[Array, NDArray[np.bool_], Array]:
    """Return times of the grains [G], a mask of voiced ones, and the corresponding times of the recording."""
    times_s = np.arange(len(target_f0_hz)) / sample_rate
    recorded_s = time_map.recorded_at(times_s)
    voiced = np.isfinite(track.at(recorded_s)) & has_marks
    sounds = time_map.sounds_at(times_s)
    rate_hz = np.where(voiced, target_f0_hz, 1.0 / _UNVOICED_HOP_S)
    turns = np.cumsum(rate_hz) / sample_rate  # one phase through voiced and unvoiced: no gaps or doublings between them
    whole = np.arange(1, int(turns[-1]) + 1)
    at_s = np.interp(whole, turns, times_s)
    nearest = np.clip(np.round(at_s * sample_rate).astype(int), 0, len(times_s) - 1)
    heard = sounds[nearest]
    at_s, nearest = at_s[heard], nearest[heard]
    return at_s, voiced[nearest], time_map.recorded_at(at_s)


def _nearest(epochs_s: Array, place_s: float) -> int:
    after = int(np.clip(np.searchsorted(epochs_s, place_s), 1, len(epochs_s) - 1))
    return after - int(place_s - epochs_s[after - 1] < epochs_s[after] - place_s)


def _finer(samples: Array) -> Array:
    """Return the recording at four times its rate. Zeros are appended to its spectrum, so the original samples stay as they are."""
    size = 1 << int(np.ceil(np.log2(len(samples) + 4096)))
    return np.fft.irfft(_FINER * np.fft.rfft(samples, size), size * _FINER)[: len(samples) * _FINER]


def _lay(out: Array, fine: Array, sample_rate: int, grain: Grain) -> None:
    """Add one grain to `out`."""
    first = max(0, int(np.ceil((grain.at_s - grain.rise_s) * sample_rate)))
    last = min(len(out), int(np.floor((grain.at_s + grain.fall_s) * sample_rate)) + 1)
    if last <= first:
        return
    since_s = np.arange(first, last) / sample_rate - grain.at_s
    place = np.round((since_s + grain.source_s) * sample_rate * _FINER).astype(np.int64)
    inside = (place >= 0) & (place < len(fine))
    reach_s = np.where(since_s < 0, grain.rise_s, grain.fall_s)
    window = 0.5 + 0.5 * np.cos(np.pi * np.clip(since_s / reach_s, -1.0, 1.0))
    out[first:last][inside] += grain.gain * window[inside] * fine[place[inside]]
