"""Effects of the controllers of a live track, by the rules of rendered scores."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.parameters import Parameter
from engine.performance.curves import NEUTRAL, ExpressionCurves, Frames
from engine.performance.dynamics import attack_at, controller_db
from engine.performance.settings import PerformanceSettings
from engine.performance.timbre import sung_timbre

_NOW = np.zeros(1)


class PresentValues(ExpressionCurves):
    """Current values of the controllers with the interface of a score's curves; constant in time."""

    def __init__(self, values: Mapping[Parameter, float]) -> None:
        self._values = values

    def has(self, parameter: Parameter) -> bool:
        return parameter in self._values

    def at(self, parameter: Parameter, times_s: Frames) -> Frames:
        return np.full(len(times_s), self._values.get(parameter, NEUTRAL[parameter]))


class ControllerEffects:
    """Gain, timbre controls, attack and vibrato depth for the current values of the controllers and the settings."""

    def __init__(self, values: Mapping[Parameter, float], settings: PerformanceSettings) -> None:
        present = PresentValues(values)
        self.gain_db = float(controller_db(_NOW, present)[0])
        self.timbre = {name: float(control[0]) for name, control in sung_timbre(_NOW, present, settings).items()}
        self.attack = attack_at(0.0, present, settings.attack)
        self.modulation = float(present.at(Parameter.MODULATION, _NOW)[0])
