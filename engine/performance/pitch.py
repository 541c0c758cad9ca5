"""Sung pitch: notes joined by glides, with overshoot, delayed vibrato, slow drift and the user's bends on top.

Curves are in semitones (MIDI pitch) at frame times; `hz_of` is the last step.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.score.types import PitchPoint, Vibrato
from engine.units import midi_to_hz

from .settings import PerformanceSettings

Frames = NDArray[np.float64]

GLIDE_LEAD_S = 0.012  # the middle of a glide lies this long before the note: listeners take its end for the onset
SCOOP_SEMITONES, SCOOP_S = 1.1, 0.045  # a phrase starts under its first note
FALL_SEMITONES, FALL_S = 0.5, 0.06  # and lets go of its last one
_VIBRATO_FADE_S = 0.25
_SHORTEST_VIBRATO_NOTE_S = 0.5


@dataclass(frozen=True, slots=True)
class PitchedNote:
    """A note with what pitch depends on."""

    onset_s: float
    offset_s: float
    pitch: float
    vibrato: Vibrato | None = None
    pitch_points: tuple[PitchPoint, ...] = ()
    portamento_s: float | None = None  # of the glide to it; None: as set


def hz_of(pitch: Frames) -> NDArray[np.float32]:
    """Convert MIDI pitch to Hz (A4 = 69 = 440 Hz)."""
    return midi_to_hz(pitch).astype(np.float32)


def sung_pitch(
    notes: Sequence[PitchedNote],
    times_s: Frames,
    settings: PerformanceSettings,
    rng: np.random.Generator,
    bend_cents: Callable[[Frames], Frames],
    modulation: Callable[[Frames], Frames],
) -> Frames:
    """Return the MIDI pitch [T] at `times_s`. `bend_cents` and `modulation` (0..1) return the user's curves at given times."""
    pitch = _join_by_glides(notes, times_s, settings)
    pitch += _scoop_and_fall(notes, times_s)
    pitch += _drift(notes, times_s, settings.drift_cents, rng) / 100.0
    pitch += _vibratos(notes, times_s, settings, rng, modulation) / 100.0
    return pitch + bend_cents(times_s) / 100.0


def _join_by_glides(notes: Sequence[PitchedNote], times_s: Frames, settings: PerformanceSettings) -> Frames:
    """Return notes joined by raised-cosine glides with a small overshoot."""
    pitch = np.full(len(times_s), float(notes[0].pitch))
    for before, note in itertools.pairwise(notes):
        step = note.pitch - before.pitch
        if note.pitch_points:
            pitch = np.where(times_s >= note.onset_s + note.pitch_points[0].time_ms / 1000.0, note.pitch, pitch)
            continue
        longest_s = 0.5 * min(before.offset_s - before.onset_s, note.offset_s - note.onset_s)
        portamento_s = settings.portamento_s if note.portamento_s is None else note.portamento_s
        glide_s = max(0.02, min(portamento_s * (0.7 + 0.05 * abs(step)), longest_s))
        start_s = note.onset_s - GLIDE_LEAD_S - 0.5 * glide_s
        place = np.clip((times_s - start_s) / glide_s, 0.0, 1.0)
        pitch = pitch + step * (0.5 - 0.5 * np.cos(np.pi * place))
        since = times_s - (start_s + glide_s)
        beyond = np.clip(settings.overshoot * step, -0.35, 0.35)
        if note.offset_s - note.onset_s > 0.2:
            pitch = pitch + np.where(since > 0, beyond * np.sin(np.pi * np.clip(since / 0.1, 0.0, 1.0)), 0.0)
    for index, note in enumerate(notes):
        if note.pitch_points:
            pitch = _apply_pitch_points(pitch, times_s, note, notes[index - 1].pitch if index else note.pitch)
    return pitch


def _apply_pitch_points(pitch: Frames, times_s: Frames, note: PitchedNote, previous_pitch: float) -> Frames:
    """Replace the transition into a note by the written one: points in ms and cents around it, joined by OpenUtau's shapes."""
    out = pitch.copy()
    points = note.pitch_points
    for first, second in itertools.pairwise(points):
        start_s, end_s = note.onset_s + first.time_ms / 1000.0, note.onset_s + second.time_ms / 1000.0
        inside = (times_s >= start_s) & (times_s < end_s)
        place = (times_s[inside] - start_s) / max(1e-4, end_s - start_s)
        ease = _EASES.get(first.shape, _EASES["io"])(place)
        out[inside] = note.pitch + (first.cents + (second.cents - first.cents) * ease) / 100.0
    return out


_EASES: dict[str, Callable[[Frames], Frames]] = {
    "io": lambda x: 0.5 - 0.5 * np.cos(np.pi * x),
    "i": lambda x: 1.0 - np.cos(0.5 * np.pi * x),
    "o": lambda x: np.sin(0.5 * np.pi * x),
    "l": lambda x: x,
}


def _scoop_and_fall(notes: Sequence[PitchedNote], times_s: Frames) -> Frames:
    first, last = notes[0], notes[-1]
    if first.pitch_points:
        scoop = np.zeros(len(times_s))
    else:
        before = np.clip((first.onset_s - 0.005 - times_s) / SCOOP_S, 0.0, 1.0)
        scoop = -SCOOP_SEMITONES * before**1.5
    after = np.clip((times_s - (last.offset_s - 0.25 * FALL_S)) / FALL_S, 0.0, 1.0)
    return scoop - FALL_SEMITONES * after**2


def _drift(notes: Sequence[PitchedNote], times_s: Frames, depth_cents: float, rng: np.random.Generator) -> Frames:
    """Return a slow random drift in cents whose mean over every note is zero, plus a little faster jitter."""
    rates_hz, phases = np.array([0.41, 0.83, 1.7, 3.1]), rng.uniform(0, 2 * np.pi, 4)
    weights = np.array([1.0, 0.8, 0.5, 0.3]) / 1.4
    wander = depth_cents * (weights[:, None] * np.sin(2 * np.pi * rates_hz[:, None] * times_s + phases[:, None])).sum(0)
    for note in notes:
        inside = (times_s >= note.onset_s) & (times_s < note.offset_s)
        if inside.any():
            wander[inside] -= wander[inside].mean()
    unsteady = np.convolve(rng.standard_normal(len(times_s) + 2), [0.25, 0.5, 0.25], mode="valid")
    return _smooth(wander, 5) + 0.35 * depth_cents * unsteady


def _vibratos(
    notes: Sequence[PitchedNote],
    times_s: Frames,
    settings: PerformanceSettings,
    rng: np.random.Generator,
    modulation: Callable[[Frames], Frames],
) -> Frames:
    """Return vibrato in cents [T]: as written, or delayed on long notes; the modulation wheel adds to it."""
    cents = np.zeros(len(times_s))
    for note in notes:
        phase, rate_scale = rng.uniform(0, 2 * np.pi), rng.uniform(0.95, 1.05)
        inside = (times_s >= note.onset_s) & (times_s < note.offset_s)
        if not inside.any():
            continue
        at_s = times_s[inside] - note.onset_s
        if note.vibrato is not None:
            cents[inside] += _written_vibrato(note, at_s)
            continue
        cents[inside] += _own_vibrato(
            note, at_s, settings, phase, settings.vibrato_rate_hz * rate_scale, modulation(times_s[inside])
        )
    return cents


def _own_vibrato(
    note: PitchedNote, at_s: Frames, settings: PerformanceSettings, phase: float, rate_hz: float, wheel: Frames
) -> Frames:
    length_s = note.offset_s - note.onset_s
    delay_s = min(settings.vibrato_delay_s, 0.5 * length_s)
    fade_in = np.clip((at_s - delay_s) / _VIBRATO_FADE_S, 0.0, 1.0)
    fade_out = np.clip((length_s - at_s) / 0.08, 0.0, 1.0)
    own = settings.vibrato_depth_cents if length_s >= _SHORTEST_VIBRATO_NOTE_S else 0.0
    depth = own * fade_in + 100.0 * wheel * np.clip(at_s / 0.1, 0.0, 1.0)
    wave = depth * fade_out * np.sin(2 * np.pi * rate_hz * (at_s - delay_s) + phase)
    return wave - wave.mean() * np.clip(depth / max(1e-9, float(depth.max())), 0.0, 1.0)


def _written_vibrato(note: PitchedNote, at_s: Frames) -> Frames:
    vibrato = note.vibrato
    assert vibrato is not None
    length_s = (note.offset_s - note.onset_s) * vibrato.length_percent / 100.0
    if length_s <= 0:
        return np.zeros(len(at_s))
    since = at_s - (note.offset_s - note.onset_s - length_s)
    place = since / length_s
    fade_in = np.clip(place / max(1e-6, vibrato.fade_in_percent / 100.0), 0.0, 1.0)
    fade_out = np.clip((1.0 - place) / max(1e-6, vibrato.fade_out_percent / 100.0), 0.0, 1.0)
    cycles = since * 1000.0 / max(1.0, vibrato.period_ms) + vibrato.shift_percent / 100.0
    wave = np.sin(2 * math.pi * cycles) + vibrato.drift_percent / 100.0
    return np.where(since >= 0, vibrato.depth_cents * fade_in * fade_out * wave, 0.0)


def _smooth(values: Frames, width: int) -> Frames:
    window = np.hanning(width + 2)[1:-1]
    padded = np.pad(values, width // 2, mode="edge")
    return np.convolve(padded, window / window.sum(), mode="valid")
