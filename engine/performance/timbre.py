"""Timbre controls of a phrase, per frame: one rule for each, from the track's setting and the curves.

A new control is a rule in `RULES`, a field in `PerformanceSettings` (the setting), in `Controls` and in `Performance`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from engine.parameters import Parameter

from .curves import ExpressionCurves, Frames
from .settings import PerformanceSettings
from .types import FloatFrames

_GENDER_SEMITONES = 4.0

Rule: TypeAlias = Callable[[Frames, ExpressionCurves, float], FloatFrames]


def phrase_breathiness(times_s: Frames, expression: ExpressionCurves, everywhere: float) -> FloatFrames:
    """Return -1..1 [T]: the setting `everywhere`, breath controller, written breathiness and missing voicing, added up."""
    total = (
        everywhere
        + expression.at(Parameter.BREATH, times_s)
        + expression.at(Parameter.BREATHINESS, times_s)
        + 1.0
        - expression.at(Parameter.VOICING, times_s)
    )
    return np.clip(total, -1.0, 1.0).astype(np.float32)


def phrase_tension(times_s: Frames, expression: ExpressionCurves, everywhere: float) -> FloatFrames:
    """Return -1..1 [T]: the setting `everywhere`, written tension, the brightness controller and a part of the pressure."""
    total = (
        everywhere
        + expression.at(Parameter.TENSION, times_s)
        + 2.0 * (expression.at(Parameter.BRIGHTNESS, times_s) - 0.5)
        + 0.3 * expression.at(Parameter.PRESSURE, times_s)
    )
    return np.clip(total, -1.0, 1.0).astype(np.float32)


def phrase_formant_semitones(times_s: Frames, expression: ExpressionCurves, everywhere: float) -> FloatFrames:
    """Return -12..12 [T]: the setting `everywhere`, the timbre of another pitch (USTX shfc) and gender (1 = four semitones down)."""
    total = (
        everywhere
        + expression.at(Parameter.TONE_SHIFT_CENTS, times_s) / 100.0
        - _GENDER_SEMITONES * expression.at(Parameter.GENDER, times_s)
    )
    return np.clip(total, -12.0, 12.0).astype(np.float32)


def added_curve(parameter: Parameter) -> Rule:
    """Return a rule that adds the curve of `parameter` to its setting, within its range."""

    def rule(times_s: Frames, expression: ExpressionCurves, everywhere: float) -> FloatFrames:
        total = everywhere + expression.at(parameter, times_s)
        return np.clip(total, parameter.spec.low, parameter.spec.high).astype(np.float32)

    return rule


RULES: dict[str, Rule] = {
    "breathiness": phrase_breathiness,
    "tension": phrase_tension,
    "formant_semitones": phrase_formant_semitones,
    "colour": added_curve(Parameter.COLOUR),
    "growl": added_curve(Parameter.GROWL),
}


def sung_timbre(times_s: Frames, expression: ExpressionCurves, settings: PerformanceSettings) -> dict[str, Any]:
    """Return the timbre controls [T] at `times_s` by name, from settings and curves."""
    return {name: rule(times_s, expression, getattr(settings, name)) for name, rule in RULES.items()}


def spoken_timbre(frames: int, settings: PerformanceSettings) -> dict[str, Any]:
    """Return the timbre controls [frames] of a spoken line by name, from the settings alone."""
    return {name: np.full(frames, getattr(settings, name), dtype=np.float32) for name in RULES}
