"""What a player chooses and does, as frozen values and events.

Times are seconds on the clock of the stream that sings; an event that comes late acts at once.

Each constructor raises ValueError for a number that is not finite or outside its range.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from engine.errors import SettingsError
from engine.score.types import Parameter

from .live_lyrics import LyricLine
from .settings import PerformanceSettings

BEND_LIMIT_SEMITONES = 96.0


class LiveParameter(StrEnum):
    """What an `Expression` moves. The names that `engine.score.Parameter` has too mean the same, so that a take keeps them."""

    MODULATION = Parameter.MODULATION.value  # 0..1: vibrato, 100 cents at 1
    BREATH = Parameter.BREATH.value  # 0..1: 1 is a whisper
    VOLUME = Parameter.VOLUME.value  # 0..1: General MIDI's square law, 100/127 is neutral
    EXPRESSION = Parameter.EXPRESSION.value  # 0..1: the same law, 1 is neutral
    BRIGHTNESS = Parameter.BRIGHTNESS.value  # 0..1, 0.5 is neutral
    PRESSURE = Parameter.PRESSURE.value  # 0..1: up to 4 dB louder and a little brighter
    DYNAMICS_DB = Parameter.DYNAMICS_DB.value  # -60..12 dB
    TENSION = Parameter.TENSION.value  # -1 soft .. 1 pressed
    BREATHINESS = Parameter.BREATHINESS.value  # -1..1
    VOICING = Parameter.VOICING.value  # 0 whisper .. 1 normal
    GENDER = Parameter.GENDER.value  # -1 smaller .. 1 larger singer
    TONE_SHIFT_CENTS = Parameter.TONE_SHIFT_CENTS.value  # -2400..2400: formants moved up
    COLOUR = Parameter.COLOUR.value  # 0..1: from the voice's main colour to its second one
    GROWL = Parameter.GROWL.value  # 0..1
    ATTACK = Parameter.ATTACK.value  # -1 soft .. 1 hard: of the notes that begin from now on
    PORTAMENTO_S = "portamento_s"  # 0..0.5 s: length of the glide between notes
    PORTAMENTO = "portamento"  # 0 or 1: without it notes follow each other as fast as a voice can


LIVE_RANGES: dict[LiveParameter, tuple[float, float]] = {
    **dict.fromkeys(LiveParameter, (0.0, 1.0)),
    LiveParameter.DYNAMICS_DB: (-60.0, 12.0),
    LiveParameter.TENSION: (-1.0, 1.0),
    LiveParameter.BREATHINESS: (-1.0, 1.0),
    LiveParameter.GENDER: (-1.0, 1.0),
    LiveParameter.TONE_SHIFT_CENTS: (-2400.0, 2400.0),
    LiveParameter.ATTACK: (-1.0, 1.0),
    LiveParameter.PORTAMENTO_S: (0.0, 0.5),
}


class Overlap(StrEnum):
    """What a key does that goes down while another sounds."""

    LEGATO = "legato"  # the next syllable, joined to the one before
    MELISMA = "melisma"  # the same vowel at another pitch


class WhenEmpty(StrEnum):
    """What is sung when the words are used up."""

    LA = "la"
    HUM = "hum"


@dataclass(frozen=True, kw_only=True)
class LiveSettings:
    """Choices that only a live voice has. Key switches are MIDI keys that step the lyric line and make no sound; None = no such key.

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
        """Which key steps the lyric line by how much."""
        steps = ((self.previous_line_key, -1), (self.again_key, 0), (self.next_line_key, 1))
        return {key: by for key, by in steps if key is not None}


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """Something that happens at `time_s` (0 or later)."""

    time_s: float

    def __post_init__(self) -> None:
        _check("time_s", self.time_s, 0.0, math.inf)


@dataclass(frozen=True, slots=True)
class NoteOn(LiveEvent):
    """A key goes down: `pitch` 0..127 (69.0 = A4), `velocity` above 0 up to 1.

    `note_id` is any number that the note's other events carry; a second note with the same one takes its place. `lyric` is sung
    instead of the next syllable in the queue; what it has more than one syllable waits for the notes that follow without their own.
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
    """A key comes up. One that is not down is ignored."""

    note_id: int


@dataclass(frozen=True, slots=True)
class Bend(LiveEvent):
    """Pitch offset from now on, of one held note or (None) of the whole track; both add up."""

    semitones: float
    note_id: int | None = None

    def __post_init__(self) -> None:
        _check("time_s", self.time_s, 0.0, math.inf)
        _check("semitones", self.semitones, -BEND_LIMIT_SEMITONES, BEND_LIMIT_SEMITONES)


@dataclass(frozen=True, slots=True)
class Expression(LiveEvent):
    """A value from now on, of one held note or (None) of the whole track; the note's own counts while it sounds."""

    parameter: LiveParameter
    value: float
    note_id: int | None = None

    def __post_init__(self) -> None:
        _check("time_s", self.time_s, 0.0, math.inf)
        _check(self.parameter, self.value, *LIVE_RANGES[self.parameter])


@dataclass(frozen=True, slots=True)
class Sustain(LiveEvent):
    """The pedal: while it is down the vowel goes on after its key is up."""

    is_down: bool


@dataclass(frozen=True, slots=True)
class Lyrics(LiveEvent):
    """Lines for the queue, split beforehand by `split_lyrics`; `replaces` what is there, else they are added at its end."""

    lines: tuple[LyricLine, ...]
    replaces: bool = True


@dataclass(frozen=True, slots=True)
class GoToLine(LiveEvent):
    """The next note sings syllable `syllable` of line `line`, both counted from 0. Beyond the end: the end."""

    line: int
    syllable: int = 0


@dataclass(frozen=True, slots=True)
class StepLine(LiveEvent):
    """To the start of the line `by` lines after the one being sung: 0 sings it again, -1 the one before."""

    by: int


@dataclass(frozen=True, slots=True)
class AllNotesOff(LiveEvent):
    """All keys and the pedal come up; the syllable ends as it would."""


@dataclass(frozen=True, slots=True)
class Panic(LiveEvent):
    """Silence now, all keys and the pedal up; controllers and bends neutral unless `keeps_controllers`."""

    keeps_controllers: bool = False


@dataclass(frozen=True, slots=True)
class Configure(LiveEvent):
    """Other choices from now on: `settings` for how it sounds (pitch, loudness, colour; the seed stays), `live` for what keys do."""

    settings: PerformanceSettings
    live: LiveSettings


@dataclass(frozen=True, slots=True)
class ResetControllers(LiveEvent):
    """Bends, modulation, expression, pressure and pedal neutral, as MIDI's "reset all controllers" has it; the rest stays."""


def _check(name: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f"{name} is {value:g}; valid is {low:g} to {high:g}.")
