"""What a sender asks for, as frozen values: one class per address. The session consumes these and knows nothing of OSC.

Pitch is a float MIDI number (69.0 = A4), velocity 0 to 1. `when_s` is seconds on the engine's clock, 0 = now. `ppq` counts quarter notes
from the start of the song. All values have been checked against the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

ALL = -1  # in place of a track or clip number, where the table allows it


@dataclass(frozen=True, slots=True)
class Hello:
    token: str
    client: str
    api_major: int


@dataclass(frozen=True, slots=True)
class Ping:
    sent_s: float


@dataclass(frozen=True, slots=True)
class Subscribe:
    topic: str
    lease_s: float


@dataclass(frozen=True, slots=True)
class StatusRequest:
    pass


@dataclass(frozen=True, slots=True)
class Panic:
    pass


@dataclass(frozen=True, slots=True)
class WholeNote:
    track: int
    pitch: float
    duration_s: float
    velocity: float
    lyric: str
    when_s: float


@dataclass(frozen=True, slots=True)
class NoteOn:
    track: int
    note: int
    pitch: float
    velocity: float
    when_s: float
    lyric: str


@dataclass(frozen=True, slots=True)
class NoteOff:
    track: int
    note: int
    when_s: float


@dataclass(frozen=True, slots=True)
class NoteBend:
    track: int
    note: int
    semitones: float
    when_s: float


@dataclass(frozen=True, slots=True)
class NoteExpression:
    track: int
    note: int
    name: str
    value: float
    when_s: float


@dataclass(frozen=True, slots=True)
class LyricsSet:
    track: int
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class LyricsAppend:
    track: int
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class LyricsLine:
    track: int
    line: int


@dataclass(frozen=True, slots=True)
class LyricsFiller:
    track: int
    filler: str


@dataclass(frozen=True, slots=True)
class TrackVoice:
    track: int
    voice: str
    language: str


@dataclass(frozen=True, slots=True)
class TrackMode:
    track: int
    mode: str


@dataclass(frozen=True, slots=True)
class TrackParam:
    track: int
    name: str
    value: float


@dataclass(frozen=True, slots=True)
class TrackOverlap:
    track: int
    overlap: str


@dataclass(frozen=True, slots=True)
class MidiLearn:
    parameter: str  # empty: nothing is waited for any more


@dataclass(frozen=True, slots=True)
class MidiBind:
    controller: int
    parameter: str  # empty: what the controller means by itself


@dataclass(frozen=True, slots=True)
class ClipBegin:
    track: int
    clip: int
    revision: int
    notes: int
    curves: int
    start_ppq: float
    length_ppq: float


@dataclass(frozen=True, slots=True)
class ClipNote:
    track: int
    clip: int
    revision: int
    index: int
    ppq: float
    duration_ppq: float
    pitch: float
    velocity: float
    lyric: str


@dataclass(frozen=True, slots=True)
class CurvePoint:
    ppq: float
    value: float


@dataclass(frozen=True, slots=True)
class ClipCurve:
    track: int
    clip: int
    revision: int
    index: int
    name: str
    points: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True)
class ClipEnd:
    track: int
    clip: int
    revision: int


@dataclass(frozen=True, slots=True)
class Clip:
    """A whole clip, put together from its parts: what the session gets in their place. `ppq` of notes and points counts from `start_ppq`."""

    track: int
    clip: int
    revision: int
    start_ppq: float
    length_ppq: float
    notes: tuple[ClipNote, ...]  # in order of onset, then pitch
    curves: tuple[ClipCurve, ...]  # in order of index


@dataclass(frozen=True, slots=True)
class TempoPoint:
    ppq: float
    bpm: float
    numerator: int
    denominator: int


@dataclass(frozen=True, slots=True)
class TempoMapSet:
    revision: int
    changes: tuple[TempoPoint, ...]


@dataclass(frozen=True, slots=True)
class Transport:
    state: int  # 0 stopped, 1 playing, 2 recording
    sample: int
    ppq: float
    bpm: float
    when_s: float


@dataclass(frozen=True, slots=True)
class Loop:
    on: bool
    start_ppq: float
    end_ppq: float


@dataclass(frozen=True, slots=True)
class Render:
    track: int
    clip: int
    sample_rate: int


@dataclass(frozen=True, slots=True)
class StemExport:
    track: int
    folder: str
    sample_rate: int
    depth: str


@dataclass(frozen=True, slots=True)
class RecordStart:
    track: int


@dataclass(frozen=True, slots=True)
class RecordStop:
    track: int
    name: str


Event: TypeAlias = (
    Hello
    | Ping
    | Subscribe
    | StatusRequest
    | Panic
    | WholeNote
    | NoteOn
    | NoteOff
    | NoteBend
    | NoteExpression
    | LyricsSet
    | LyricsAppend
    | LyricsLine
    | LyricsFiller
    | TrackVoice
    | TrackMode
    | TrackParam
    | TrackOverlap
    | MidiLearn
    | MidiBind
    | ClipBegin
    | ClipNote
    | ClipCurve
    | ClipEnd
    | Clip
    | TempoMapSet
    | Transport
    | Loop
    | Render
    | StemExport
    | RecordStart
    | RecordStop
)


@dataclass(frozen=True, slots=True)
class Sender:
    """Where a message came from and where its answers go."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Received:
    """An event with its envelope. `arrival_s` is on the engine's clock; `seq` is 0 where the sender wants no acknowledgement."""

    event: Event
    sender: Sender
    arrival_s: float
    seq: int = 0


class Rehearsed(Received):
    """A note that nobody sent and nobody is to hear."""

    __slots__ = ()
