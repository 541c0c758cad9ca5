"""How the written notes are performed: one frozen set of choices, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.errors import SettingsError


class Mode(StrEnum):
    SING = "sing"
    RAP = "rap"
    TALK = "talk"


_NATURAL_DYNAMICS = {Mode.SING: 0.25, Mode.RAP: 0.5, Mode.TALK: 1.0}
_RANGES: dict[str, tuple[float, float]] = {
    "vibrato_depth_cents": (0.0, 200.0),
    "vibrato_rate_hz": (3.0, 9.0),
    "vibrato_delay_s": (0.0, 5.0),
    "drift_cents": (0.0, 30.0),
    "portamento_s": (0.0, 0.5),
    "overshoot": (0.0, 0.3),
    "dynamics": (0.0, 2.0),
    "breathiness": (-1.0, 1.0),
    "tension": (-1.0, 1.0),
    "formant_semitones": (-12.0, 12.0),
    "colour": (0.0, 1.0),
    "growl": (0.0, 1.0),
    "attack": (-1.0, 1.0),
    "natural_dynamics": (0.0, 1.0),
    "pitch_strength": (0.0, 1.0),
    "speaking_pitch": (24.0, 84.0),
    "intonation": (0.0, 3.0),
    "speech_rate": (0.4, 2.5),
}


@dataclass(frozen=True, kw_only=True)
class PerformanceSettings:
    """Raises SettingsError naming the first value outside its range."""

    mode: Mode = Mode.SING
    seed: int = 0  # the take: another seed gives other drift, vibrato and breath detail
    breaths: bool = True  # short breaths before phrases, where the rest is long enough
    vibrato_depth_cents: float = 28.0  # peak, on long notes; 0 = none
    vibrato_rate_hz: float = 5.6
    vibrato_delay_s: float = 0.28
    drift_cents: float = 5.0  # slow wander, zero mean over each note
    portamento_s: float = 0.07  # length of the glide between notes
    overshoot: float = 0.05  # share of an interval sung beyond the new note at first
    dynamics: float = 1.0  # scale of the phrase shape; 0 = flat
    breathiness: float = 0.0  # -1 clear .. 1 whispered
    tension: float = 0.0  # -1 soft and dark .. 1 pressed and bright
    formant_semitones: float = 0.0  # + a smaller, - a larger vocal tract
    colour: float = 0.0  # 0 the voice's main colour .. 1 its second one
    growl: float = 0.0  # 0 none .. 1 as rough as it gets
    attack: float = 0.0  # how sung and rapped notes begin: -1 a soft swell .. 1 a hard accent
    natural_dynamics: float | None = None  # share of the speaker's own loudness pattern; None = the mode's
    pitch_strength: float = 0.3  # rap: 0 = spoken contour, 1 = the written pitch
    speaking_pitch: float = 52.0  # rap and talk: MIDI pitch of the voice's everyday speech
    intonation: float = 1.0  # rap and talk: size of the spoken contour
    speech_rate: float = 1.0  # talk: 2 = twice as fast

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is None:
                continue
            if not low <= value <= high:
                raise SettingsError(f"{name} is {value:g}; valid is {low:g} to {high:g}.")

    def natural_dynamics_in(self, mode: Mode) -> float:
        """`natural_dynamics`, or what `mode` has of it: a sung line follows its notes, speech the speaker."""
        return _NATURAL_DYNAMICS[mode] if self.natural_dynamics is None else self.natural_dynamics
