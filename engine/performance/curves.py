"""Expression curves of a track, sampled at any time in seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.score.types import Curve, Parameter, TempoMap, Track

Frames = NDArray[np.float64]

NEUTRAL: dict[Parameter, float] = {
    Parameter.BEND_CENTS: 0.0,
    Parameter.F0_HZ: 0.0,
    Parameter.MODULATION: 0.0,
    Parameter.BREATH: 0.0,
    Parameter.VOLUME: 1.0,
    Parameter.EXPRESSION: 1.0,
    Parameter.SUSTAIN: 0.0,
    Parameter.BRIGHTNESS: 0.5,
    Parameter.PRESSURE: 0.0,
    Parameter.DYNAMICS_DB: 0.0,
    Parameter.TENSION: 0.0,
    Parameter.BREATHINESS: 0.0,
    Parameter.VOICING: 1.0,
    Parameter.PITCH_STRENGTH: float("nan"),  # nothing written: the setting holds
    Parameter.GENDER: 0.0,
    Parameter.TONE_SHIFT_CENTS: 0.0,
    Parameter.COLOUR: 0.0,
    Parameter.GROWL: 0.0,
    Parameter.ATTACK: 0.0,
}


@dataclass(frozen=True)
class _TimedCurve:
    times_s: Frames
    values: Frames
    stepped: bool


class Expression:
    """The curves of one track in seconds; a parameter without a curve is neutral everywhere."""

    def __init__(self, track: Track, tempo_map: TempoMap) -> None:
        self._curves = {curve.parameter: _timed(curve, tempo_map) for curve in track.curves if curve.ticks}

    def has(self, parameter: Parameter) -> bool:
        return parameter in self._curves

    def at(self, parameter: Parameter, times_s: Frames) -> Frames:
        """Values at `times_s` [T]."""
        curve = self._curves.get(parameter)
        if curve is None:
            return np.full(len(times_s), NEUTRAL[parameter])
        if curve.stepped:
            index = np.searchsorted(curve.times_s, times_s, side="right") - 1
            return np.where(index >= 0, curve.values[np.maximum(index, 0)], NEUTRAL[parameter])
        return np.interp(times_s, curve.times_s, curve.values)


def _timed(curve: Curve, tempo_map: TempoMap) -> _TimedCurve:
    times_s = np.array([tempo_map.seconds_at(tick) for tick in curve.ticks])
    return _TimedCurve(times_s, np.array(curve.values, dtype=np.float64), curve.stepped)
