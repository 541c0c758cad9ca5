"""Expression curves of a track, to be sampled at any time in seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.parameters import Parameter
from engine.score.types import Curve, TempoMap, Track

Frames = NDArray[np.float64]

NEUTRAL: dict[Parameter, float] = {parameter: parameter.spec.neutral for parameter in Parameter}


@dataclass(frozen=True)
class _TimedCurve:
    times_s: Frames
    values: Frames
    stepped: bool


class ExpressionCurves:
    """The curves of one track in seconds; a parameter without a curve is neutral everywhere."""

    def __init__(self, track: Track, tempo_map: TempoMap) -> None:
        self._curves = {curve.parameter: _timed(curve, tempo_map) for curve in track.curves if curve.ticks}

    def has(self, parameter: Parameter) -> bool:
        return parameter in self._curves

    def at(self, parameter: Parameter, times_s: Frames) -> Frames:
        """Return the values of a parameter at `times_s` [T]."""
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
