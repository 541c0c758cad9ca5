"""Loudness and colour of a sung or rapped phrase, per frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.score.types import Parameter

from .curves import Expression

Frames = NDArray[np.float64]

REFERENCE_VELOCITY = 96  # sung at the voice's natural level
_SOFTEST_DB = -40.0
_ARCH_DB = 2.0
_ACCENT_DB, _ACCENT_S = 1.2, 0.12
_STRESS_DB = 1.5  # on top, for a stressed syllable of rap
_HELD_DECAY_DB_PER_S, _HELD_DECAY_DB = 1.5, 3.0
_RELEASE_DB, _RELEASE_S = 9.0, 0.09
_GENDER_SEMITONES = 4.0
_WANDER_DB = 0.5  # slow unsteadiness of the breath: a perfectly still vowel sounds like a machine


@dataclass(frozen=True, slots=True)
class LoudNote:
    """A note as the dynamics see it; `accent` 0..1."""

    onset_s: float
    offset_s: float
    velocity: int
    accent: float = 0.0


def velocity_db(velocity: int) -> float:
    """Key velocity 1..127 to dB: 60 is 6 dB softer than 96, 127 about 4 dB louder."""
    return 30.0 * float(np.log10(max(1, velocity) / REFERENCE_VELOCITY))


def phrase_energy_db(
    notes: Sequence[LoudNote],
    times_s: Frames,
    expression: Expression,
    dynamics: float,
    rng: np.random.Generator,
    *,
    release_s: float | None,
) -> Frames:
    """dB against the voice's natural level [T]: velocity, phrase arch, accents, the last vowel's release and the user's controllers.

    `release_s`: where the phrase's last vowel is let go; None if consonants end it, which need their full strength.
    """
    energy = np.full(len(times_s), velocity_db(notes[0].velocity))
    for note in notes:
        energy[times_s >= note.onset_s - 0.03] = velocity_db(note.velocity)
    energy = _softened(energy, 7)
    first, last = notes[0].onset_s, notes[-1].offset_s
    place = np.clip((times_s - first) / max(0.3, last - first), 0.0, 1.0)
    length = min(1.0, (last - first) / 3.0)
    shape = _ARCH_DB * length * (np.sin(np.pi * place**0.8) - 0.5)
    for note in notes:
        since = times_s - note.onset_s
        inside = (since >= 0) & (times_s < note.offset_s)
        shape[inside] += (_ACCENT_DB + _STRESS_DB * note.accent) * np.exp(-since[inside] / _ACCENT_S)
        shape[inside] -= np.minimum(_HELD_DECAY_DB_PER_S * np.maximum(0.0, since[inside] - 0.6), _HELD_DECAY_DB)
    rates_hz, phases = np.array([0.7, 1.9, 4.3]), rng.uniform(0, 2 * np.pi, 3)
    shape += _WANDER_DB * np.sin(2 * np.pi * rates_hz[:, None] * times_s + phases[:, None]).mean(axis=0)
    if release_s is not None:
        shape -= _RELEASE_DB * np.clip((times_s - (release_s - _RELEASE_S)) / _RELEASE_S, 0.0, 1.0)
    return np.clip(energy + dynamics * shape + controller_db(times_s, expression), _SOFTEST_DB, 12.0)


def controller_db(times_s: Frames, expression: Expression) -> Frames:
    """Volume and expression controllers by the General MIDI square law, pressure up to +4 dB, USTX dynamics as written."""
    volume = expression.at(Parameter.VOLUME, times_s)
    if expression.has(Parameter.VOLUME):
        volume = volume / (100 / 127)  # General MIDI's default volume is 100: neutral
    product = volume * expression.at(Parameter.EXPRESSION, times_s)
    with np.errstate(divide="ignore"):
        controllers = np.maximum(40.0 * np.log10(np.maximum(product, 1e-9)), _SOFTEST_DB)
    return controllers + 4.0 * expression.at(Parameter.PRESSURE, times_s) + expression.at(Parameter.DYNAMICS_DB, times_s)


def phrase_breathiness(times_s: Frames, expression: Expression, everywhere: float) -> NDArray[np.float32]:
    """-1..1: the setting, breath controller, written breathiness and missing voicing together."""
    total = (
        everywhere
        + expression.at(Parameter.BREATH, times_s)
        + expression.at(Parameter.BREATHINESS, times_s)
        + 1.0
        - expression.at(Parameter.VOICING, times_s)
    )
    return np.clip(total, -1.0, 1.0).astype(np.float32)


def phrase_tension(times_s: Frames, expression: Expression, everywhere: float) -> NDArray[np.float32]:
    """-1..1: the setting, written tension, the brightness controller and some of the pressure."""
    total = (
        everywhere
        + expression.at(Parameter.TENSION, times_s)
        + 2.0 * (expression.at(Parameter.BRIGHTNESS, times_s) - 0.5)
        + 0.3 * expression.at(Parameter.PRESSURE, times_s)
    )
    return np.clip(total, -1.0, 1.0).astype(np.float32)


def phrase_formant_semitones(times_s: Frames, expression: Expression, everywhere: float) -> NDArray[np.float32]:
    """-12..12: the setting, the timbre of another pitch (USTX shfc) and gender, whose full scale is a third of an octave down."""
    total = (
        everywhere
        + expression.at(Parameter.TONE_SHIFT_CENTS, times_s) / 100.0
        - _GENDER_SEMITONES * expression.at(Parameter.GENDER, times_s)
    )
    return np.clip(total, -12.0, 12.0).astype(np.float32)


def _softened(values: Frames, width: int) -> Frames:
    window = np.hanning(width + 2)[1:-1]
    return np.convolve(np.pad(values, width // 2, mode="edge"), window / window.sum(), mode="valid")
