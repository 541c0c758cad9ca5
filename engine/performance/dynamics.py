"""Loudness of a sung or rapped phrase, per frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.parameters import Parameter

from .curves import ExpressionCurves

Frames = NDArray[np.float64]

REFERENCE_VELOCITY = 96  # the voice's natural level
_SOFTEST_DB = -40.0
_ARCH_DB = 2.0
_ACCENT_DB, _ACCENT_S = 1.2, 0.12
STRESS_DB = 1.5  # on top, for a stressed syllable of rap
_HELD_DECAY_DB_PER_S, _HELD_DECAY_DB = 1.5, 3.0
_RELEASE_DB, _RELEASE_S = 9.0, 0.09
_EMPHASIS_DB, _EMPHASIS_S = 3.0, 0.25
_HARD_ATTACK_DB, _HARD_ATTACK_S = 4.0, 0.08
_SOFT_ATTACK_DB, _SOFT_ATTACK_S = 12.0, 0.08
_LEAD_IN_S = 0.02  # length of the fade into an accent or a swell
_WANDER_DB = 0.5  # slow change of breath pressure: a perfectly constant vowel sounds synthetic


@dataclass(frozen=True, slots=True)
class LoudNote:
    """A note with what loudness depends on; `accent` 0..1."""

    onset_s: float
    offset_s: float
    velocity: int
    accent: float = 0.0


@dataclass(frozen=True, slots=True)
class NoteStart:
    """Start of a syllable or of a held note: times of its first phone, of the first that can swell, of its vowel; and its end.

    `attack` -1 soft .. 1 hard.
    """

    start_s: float
    swell_s: float
    vowel_s: float
    end_s: float
    attack: float = 0.0
    is_emphasised: bool = False


def velocity_db(velocity: int) -> float:
    """Convert key velocity 1..127 to dB: 60 is 6 dB softer than 96, 127 about 4 dB louder."""
    return 30.0 * float(np.log10(max(1, velocity) / REFERENCE_VELOCITY))


def phrase_energy_db(
    notes: Sequence[LoudNote],
    times_s: Frames,
    expression: ExpressionCurves,
    dynamics: float,
    rng: np.random.Generator,
    *,
    starts: Sequence[NoteStart] = (),
    release_s: float | None,
) -> Frames:
    """Return dB against the voice's natural level [T]: velocity, phrase arch, accents, release of the last vowel and controllers.

    `starts`: starts that are emphasised or have an attack. `release_s`: end of the phrase's last vowel; None if consonants end the
    phrase, which keep their full strength.
    """
    energy = np.full(len(times_s), velocity_db(notes[0].velocity))
    for note in notes:
        energy[times_s >= note.onset_s - 0.03] = velocity_db(note.velocity)
    energy = _smooth(energy, 7)
    first, last = notes[0].onset_s, notes[-1].offset_s
    place = np.clip((times_s - first) / max(0.3, last - first), 0.0, 1.0)
    length = min(1.0, (last - first) / 3.0)
    shape = _ARCH_DB * length * (np.sin(np.pi * place**0.8) - 0.5)
    for note in notes:
        since = times_s - note.onset_s
        inside = (since >= 0) & (times_s < note.offset_s)
        shape[inside] += (_ACCENT_DB + STRESS_DB * note.accent) * np.exp(-since[inside] / _ACCENT_S)
        shape[inside] -= np.minimum(_HELD_DECAY_DB_PER_S * np.maximum(0.0, since[inside] - 0.6), _HELD_DECAY_DB)
    rates_hz, phases = np.array([0.7, 1.9, 4.3]), rng.uniform(0, 2 * np.pi, 3)
    shape += _WANDER_DB * np.sin(2 * np.pi * rates_hz[:, None] * times_s + phases[:, None]).mean(axis=0)
    if release_s is not None:
        shape -= _RELEASE_DB * np.clip((times_s - (release_s - _RELEASE_S)) / _RELEASE_S, 0.0, 1.0)
    written = controller_db(times_s, expression) + starts_db(starts, times_s)
    return np.clip(energy + dynamics * shape + written, _SOFTEST_DB, 12.0)


def starts_db(starts: Sequence[NoteStart], times_s: Frames) -> Frames:
    """Return the gain of emphasis and attack, dB [T]: louder consonants and vowel starts, or a vowel that swells."""
    gain = np.zeros(len(times_s))
    for start in starts:
        if start.is_emphasised:
            gain += _accent_db(start, times_s, _EMPHASIS_DB, _EMPHASIS_S)
        if start.attack > 0:
            gain += _accent_db(start, times_s, start.attack * _HARD_ATTACK_DB, _HARD_ATTACK_S)
        elif start.attack < 0:
            gain += start.attack * _SOFT_ATTACK_DB * _swell(start, times_s)
    return gain


def _accent_db(start: NoteStart, times_s: Frames, gain_db: float, fade_s: float) -> Frames:
    rise = np.clip((times_s - (start.start_s - _LEAD_IN_S)) / _LEAD_IN_S, 0.0, 1.0)
    fall = np.exp(-np.maximum(0.0, times_s - start.vowel_s) / fade_s)
    return np.where(times_s < start.end_s, gain_db * rise * fall, 0.0)


def _swell(start: NoteStart, times_s: Frames) -> Frames:
    """Return 1 where the swell begins, 0 from its end on [T]."""
    dip = np.clip((times_s - (start.swell_s - _LEAD_IN_S)) / _LEAD_IN_S, 0.0, 1.0)
    return dip * np.clip(1.0 - (times_s - start.swell_s) / _SOFT_ATTACK_S, 0.0, 1.0)


def controller_db(times_s: Frames, expression: ExpressionCurves) -> Frames:
    """Return the gain of controllers, dB [T]: volume and expression by the General MIDI square law, pressure up to +4 dB, dynamics."""
    volume = expression.at(Parameter.VOLUME, times_s)
    if expression.has(Parameter.VOLUME):
        volume = volume / (100 / 127)  # General MIDI's default volume is 100: neutral
    product = volume * expression.at(Parameter.EXPRESSION, times_s)
    with np.errstate(divide="ignore"):
        controllers = np.maximum(40.0 * np.log10(np.maximum(product, 1e-9)), _SOFTEST_DB)
    return controllers + 4.0 * expression.at(Parameter.PRESSURE, times_s) + expression.at(Parameter.DYNAMICS_DB, times_s)


def attack_at(time_s: float, expression: ExpressionCurves, everywhere: float) -> float:
    """Return the attack, -1 soft .. 1 hard, of a note that begins at `time_s`: the setting `everywhere` and the attack curve."""
    return float(np.clip(everywhere + expression.at(Parameter.ATTACK, np.array([time_s])), -1.0, 1.0)[0])


def _smooth(values: Frames, width: int) -> Frames:
    window = np.hanning(width + 2)[1:-1]
    return np.convolve(np.pad(values, width // 2, mode="edge"), window / window.sum(), mode="valid")
