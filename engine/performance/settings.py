"""Settings of a performance: one frozen set of choices, checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engine.errors import SettingsError
from engine.parameters import SETTINGS


class Mode(StrEnum):
    """Ways to perform words."""

    SING = "sing"
    RAP = "rap"
    TALK = "talk"


_STEADINESS = {Mode.SING: 1.0, Mode.RAP: 0.4, Mode.TALK: 0.0}  # of phonation, see Performance
_NATURAL_DYNAMICS = {Mode.SING: 0.25, Mode.RAP: 0.5, Mode.TALK: 1.0}


def _default(name: str) -> float:
    """Return the default of a setting of the parameter table."""
    value = SETTINGS[name].default.value
    assert value is not None
    return value


@dataclass(frozen=True, kw_only=True)
class PerformanceSettings:
    """Settings for the performance of a track. Raises SettingsError for the first value outside its range."""

    mode: Mode = Mode.SING
    seed: int = 0  # the take: another seed gives other drift, vibrato and breath detail
    breaths: bool = True  # short breaths before phrases, where the rest is long enough
    vibrato_depth_cents: float = _default("vibrato_depth_cents")  # peak, on long notes; 0 = none
    vibrato_rate_hz: float = _default("vibrato_rate_hz")
    vibrato_delay_s: float = _default("vibrato_delay_s")
    drift_cents: float = _default("drift_cents")  # slow wander, zero mean over each note
    portamento_s: float = _default("portamento_s")  # length of the glide between notes
    overshoot: float = _default("overshoot")  # share of an interval sung beyond the new note at first
    dynamics: float = _default("dynamics")  # scale of the phrase shape; 0 = flat
    breathiness: float = _default("breathiness")  # -1 clear .. 1 whispered
    tension: float = _default("tension")  # -1 soft and dark .. 1 pressed and bright
    formant_semitones: float = _default("formant_semitones")  # + a smaller, - a larger vocal tract
    colour: float = _default("colour")  # 0 the voice's main colour .. 1 its second one
    growl: float = _default("growl")  # 0 none .. 1 as rough as it gets
    attack: float = _default("attack")  # how sung and rapped notes begin: -1 a soft swell .. 1 a hard accent
    natural_dynamics: float | None = None  # share of the speaker's own loudness pattern; None = the mode's
    pitch_strength: float = _default("pitch_strength")  # rap: 0 = spoken contour, 1 = the written pitch
    speaking_pitch: float = _default("speaking_pitch")  # rap and talk: MIDI pitch of the voice's everyday speech
    intonation: float = _default("intonation")  # rap and talk: size of the spoken contour
    speech_rate: float = _default("speech_rate")  # talk: 2 = twice as fast

    def __post_init__(self) -> None:
        for name, setting in SETTINGS.items():
            value = getattr(self, name)
            if value is not None and not setting.low <= value <= setting.high:
                raise SettingsError(f"{name} is {value:g}; valid is {setting.low:g} to {setting.high:g}.")

    def constant_controls(self, mode: Mode) -> dict[str, Any]:
        """Return the controls that are constant over a phrase of `mode`, by name."""
        return {"natural_dynamics": self.natural_dynamics_in(mode), "steadiness": _STEADINESS[mode]}

    def natural_dynamics_in(self, mode: Mode) -> float:
        """Return `natural_dynamics`, by default that of `mode`: a sung line follows its notes, speech the speaker."""
        return _NATURAL_DYNAMICS[mode] if self.natural_dynamics is None else self.natural_dynamics
