"""Scores as frozen values: notes, lyrics as written, tempo map, meters, expression curves.

Time is in ticks (`Score.ppq` ticks per quarter note); `TempoMap` is the only place where ticks become seconds.
Pitch is a float MIDI note number (69.0 = A4 = 440 Hz).

Lyrics are kept as the user wrote them, with the marks of each format translated to one convention:

    "word"      a word, or a word with a hint "word[w er d]" / a bare hint "[w er d]" (ARPAbet, any case)
    "+"         the next syllable of the word before ("+2" = skip to its 2nd syllable)
    "a-" "way"  a hyphen at the end: the word continues at the next written syllable (MusicXML, MIDI, karaoke)
    "-"         hold: the vowel before continues at this pitch (melisma)
    "AP" "br"   a breath;  "R" "SP"  silence
    "'word"     glottal onset
    "*word*"    emphasis; several words "*in a row*"; a word in pieces "*a*-" "way", or "*a-" "way*"
    None or ""  no lyric
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field

from engine.parameters import Parameter as Parameter

DEFAULT_US_PER_BEAT = 500_000  # 120 bpm, the Standard MIDI File default
HOLD = "-"
NEXT_SYLLABLE = "+"
REST = "R"
BREATH_MARKS = frozenset({"AP", "br"})
REST_MARKS = frozenset({REST, "SP"})


@dataclass(frozen=True, slots=True)
class Curve:
    """Values of one parameter over time. `ticks` strictly ascending and as long as `values`.

    `stepped`: a value holds until the next point (MIDI controllers); otherwise values are joined by straight lines (USTX).
    Before the first point the parameter is neutral unless `stepped` is False, when the first value holds backwards.
    """

    parameter: Parameter
    ticks: tuple[int, ...]
    values: tuple[float, ...]
    stepped: bool = False


@dataclass(frozen=True, slots=True)
class Vibrato:
    """A written vibrato, in the terms of OpenUtau."""

    length_percent: float  # share of the note, counted from its end, 0..100
    period_ms: float
    depth_cents: float
    fade_in_percent: float = 10.0  # of the vibrato's length
    fade_out_percent: float = 10.0
    shift_percent: float = 0.0  # phase, 0..100
    drift_percent: float = 0.0  # offset of the centre, -100..100 % of the depth
    volume_link_percent: float = 0.0


@dataclass(frozen=True, slots=True)
class PitchPoint:
    """A control point of the pitch transition into a note: `time_ms` from the note's onset, `cents` from its pitch."""

    time_ms: float
    cents: float
    shape: str = "io"  # OpenUtau names: "io" ease both, "i" ease in, "o" ease out, "l" linear


@dataclass(frozen=True, slots=True)
class Note:
    """One note. `onset_ticks` >= 0, `duration_ticks` >= 1, `pitch` MIDI 0..127, `velocity` 1..127."""

    onset_ticks: int
    duration_ticks: int
    pitch: float
    velocity: int = 100
    lyric: str | None = None
    vibrato: Vibrato | None = None  # None = the performance decides
    pitch_points: tuple[PitchPoint, ...] = ()  # empty = the performance decides
    is_accented: bool = False  # an accent or marcato over the note

    @property
    def offset_ticks(self) -> int:
        return self.onset_ticks + self.duration_ticks


@dataclass(frozen=True, slots=True)
class Track:
    """Notes in order of onset, then pitch. A track that was read may be polyphonic; `split_lanes` makes monophonic ones."""

    name: str
    notes: tuple[Note, ...]
    curves: tuple[Curve, ...] = ()
    language: str | None = None  # "en", "zh", "ja"… if the file says so
    is_drums: bool = False  # MIDI channel 10 and the like
    is_muted: bool = False  # in the project

    @property
    def has_lyrics(self) -> bool:
        return any(note.lyric for note in self.notes)

    def curve(self, parameter: Parameter) -> Curve | None:
        return next((curve for curve in self.curves if curve.parameter == parameter), None)


@dataclass(frozen=True, slots=True)
class TempoChange:
    """A tempo from `tick` on."""

    tick: int
    us_per_beat: float  # microseconds per quarter note

    @property
    def bpm(self) -> float:
        return 60e6 / self.us_per_beat


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter from `tick` on."""

    tick: int
    numerator: int
    denominator: int


@dataclass(frozen=True)
class TempoMap:
    """Conversion of ticks to seconds and back. `changes` ascending by tick; without one at tick 0, the song starts at 120 bpm."""

    ppq: int
    changes: tuple[TempoChange, ...] = ()
    _ticks: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _seconds: tuple[float, ...] = field(init=False, repr=False, compare=False)
    _us: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        changes = list(self.changes)
        if not changes or changes[0].tick > 0:
            changes.insert(0, TempoChange(0, DEFAULT_US_PER_BEAT))
        ticks, seconds, us = [changes[0].tick], [0.0], [float(changes[0].us_per_beat)]
        for change in changes[1:]:
            seconds.append(seconds[-1] + (change.tick - ticks[-1]) * us[-1] / 1e6 / self.ppq)
            ticks.append(change.tick)
            us.append(float(change.us_per_beat))
        object.__setattr__(self, "_ticks", tuple(ticks))
        object.__setattr__(self, "_seconds", tuple(seconds))
        object.__setattr__(self, "_us", tuple(us))

    def seconds_at(self, tick: float) -> float:
        """Return seconds from the start of the song at `tick` (may be fractional)."""
        i = max(0, bisect.bisect_right(self._ticks, tick) - 1)
        return self._seconds[i] + (tick - self._ticks[i]) * self._us[i] / 1e6 / self.ppq

    def tick_at(self, seconds: float) -> float:
        """Return the tick (fractional) at `seconds` from the start of the song."""
        i = max(0, bisect.bisect_right(self._seconds, seconds) - 1)
        return self._ticks[i] + (seconds - self._seconds[i]) * 1e6 * self.ppq / self._us[i]


@dataclass(frozen=True)
class Score:
    """A whole song. `notices`: full sentences about what the reader repaired, guessed or left out."""

    title: str
    ppq: int
    tracks: tuple[Track, ...]
    tempo_map: TempoMap
    meters: tuple[Meter, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def end_ticks(self) -> int:
        return max((note.offset_ticks for track in self.tracks for note in track.notes), default=0)
