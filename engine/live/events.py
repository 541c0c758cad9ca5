"""Live settings and events, as frozen values.

Times are seconds on the clock of the voice's stream; a late event acts at once. Each constructor raises ValueError for a number that is
not finite or outside its range.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from engine.errors import SettingsError
from engine.parameters import LIVE_PARAMETERS, Parameter
from engine.performance.settings import PerformanceSettings

from .lyric_queue import LyricLine

BEND_LIMIT_SEMITONES = 96.0


LIVE_RANGES: dict[Parameter, tuple[float, float]] = {
    parameter: (float(parameter.spec.low), float(parameter.spec.high)) for parameter in LIVE_PARAMETERS
}


class Overlap(StrEnum):
    """Effect of a key that goes down while another sounds."""

    LEGATO = "legato"  # the next syllable, joined to the one before
    MELISMA = "melisma"  # the same vowel at another pitch


class WhenEmpty(StrEnum):
    """Syllable of notes when the words are used up."""

    LA = "la"
    HUM = "hum"


@dataclass(frozen=True, kw_only=True)
class LiveSettings:
    """Settings of live play alone. Key switches are silent MIDI keys that step through the lines of the words; None = no such key.

    Raises SettingsError if one is outside 0..127 or two are the same key.
    """

    overlap: Overlap = Overlap.LEGATO
    when_empty: WhenEmpty = WhenEmpty.LA
    previous_line_key: int | None = 24
    again_key: int | None = 25
    next_line_key: int | None = 26

    def __post_init__(self) -> None:
        keys = [key for key in (self.previous_line_key, self.again_key, self.next_line_key) if key is not None]
        if len(set(keys)) < len(keys) or not all(0 <= key <= 127 for key in keys):
            raise SettingsError(f"The key switches are {keys}; they must be different MIDI keys from 0 to 127.")

    @property
    def line_steps(self) -> dict[int, int]:
        """Number of lines to step for each key switch."""
        steps = ((self.previous_line_key, -1), (self.again_key, 0), (self.next_line_key, 1))
        return {key: by for key, by in steps if key is not None}


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """An event at `time_s` (0 or later)."""

    time_s: float

    def __post_init__(self) -> None:
        _check("time_s", self.time_s, 0.0, math.inf)


@dataclass(frozen=True, slots=True)
class NoteOn(LiveEvent):
    """Note-on: `pitch` 0..127 (69.0 = A4), `velocity` 0..1, where 0 is a note-off.

    `note_id` identifies the note in later events; a second note with the same number replaces it. `lyric` takes the place of the next
    syllable in the queue; its further syllables go to the following notes without lyrics.
    """

    note_id: int
    pitch: float
    velocity: float = 0.75
    lyric: LyricLine | None = None

    def __post_init__(self) -> None:
        _check("time_s", self.time_s, 0.0, math.inf)
        _check("pitch", self.pitch, 0.0, 127.0)
        _check("velocity", self.velocity, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class NoteOff(LiveEvent):
    """Note-off. Ignored if the key is not down."""

    note_id: int


@dataclass(frozen=True, slots=True)
class Bend(LiveEvent):
    """Pitch offset from now on, of one held note or (None) of the whole track; both are added."""

    semitones: float
    note_id: int | None = None

    def __post_init__(self) -> None:
        _check("time_s", self.time_s, 0.0, math.inf)
        _check("semitones", self.semitones, -BEND_LIMIT_SEMITONES, BEND_LIMIT_SEMITONES)


@dataclass(frozen=True, slots=True)
class Expression(LiveEvent):
    """Value of a parameter from now on, for one held note or (None) for the whole track; a note's value takes precedence."""

    parameter: Parameter
    value: float
    note_id: int | None = None

    def __post_init__(self) -> None:
        _check("time_s", self.time_s, 0.0, math.inf)
        if self.parameter not in LIVE_RANGES:
            raise ValueError(f"{self.parameter} cannot be moved live; valid is {', '.join(LIVE_PARAMETERS)}.")
        _check(self.parameter, self.value, *LIVE_RANGES[self.parameter])


@dataclass(frozen=True, slots=True)
class Sustain(LiveEvent):
    """Sustain pedal: while it is down, vowels continue after their note-off."""

    is_down: bool


@dataclass(frozen=True, slots=True)
class Lyrics(LiveEvent):
    """Lines for the queue, from `split_lyrics`, which replace its content (`replaces`) or are added at its end."""

    lines: tuple[LyricLine, ...]
    replaces: bool = True


@dataclass(frozen=True, slots=True)
class GoToLine(LiveEvent):
    """Go to syllable `syllable` of line `line`, both counted from 0; numbers beyond the end mean the end."""

    line: int
    syllable: int = 0


@dataclass(frozen=True, slots=True)
class StepLine(LiveEvent):
    """Go to the start of the line `by` lines after the current one: 0 repeats it, -1 is the line before."""

    by: int


@dataclass(frozen=True, slots=True)
class AllNotesOff(LiveEvent):
    """Release all keys and the pedal; the syllable ends normally."""


@dataclass(frozen=True, slots=True)
class Panic(LiveEvent):
    """Silence at once and release all keys and the pedal; controllers and bends become neutral unless `keeps_controllers`."""

    keeps_controllers: bool = False


@dataclass(frozen=True, slots=True)
class Configure(LiveEvent):
    """New settings from now on: `settings` for the sound (pitch, loudness, timbre; the seed stays), `live` for the keys."""

    settings: PerformanceSettings
    live: LiveSettings


@dataclass(frozen=True, slots=True)
class ResetControllers(LiveEvent):
    """Make bends, modulation, expression, pressure and pedal neutral, as MIDI's "reset all controllers" does; the rest stays."""


def _check(name: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f"{name} is {value:g}; valid is {low:g} to {high:g}.")
