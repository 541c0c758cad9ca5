"""Requests of senders as frozen values, one class per address. The session is independent of OSC.

Pitch is a float MIDI number (69.0 = A4), velocity 0 to 1. `when_s` is seconds on the engine's clock, 0 = now. `ppq` counts quarter notes
from the start of the song. All values are validated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

ALL = -1  # instead of a track or clip number, if the table allows it


@dataclass(frozen=True, slots=True)
class Hello:
    """`/vocalese/hello`."""

    token: str
    client: str
    api_major: int
    reply_port: int = 0  # 0: the sender's port


@dataclass(frozen=True, slots=True)
class Ping:
    """`/vocalese/ping`."""

    sent_s: float


@dataclass(frozen=True, slots=True)
class Subscribe:
    """`/vocalese/subscribe`."""

    topic: str
    lease_s: float
    reply_port: int = 0  # 0: the port of all other answers


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """`/vocalese/status`."""


@dataclass(frozen=True, slots=True)
class Panic:
    """`/vocalese/panic`."""


@dataclass(frozen=True, slots=True)
class WholeNote:
    """`/vocalese/note`."""

    track: int
    pitch: float
    duration_s: float
    velocity: float
    lyric: str
    when_s: float


@dataclass(frozen=True, slots=True)
class NoteOn:
    """`/vocalese/note/on`."""

    track: int
    note: int
    pitch: float
    velocity: float
    when_s: float
    lyric: str


@dataclass(frozen=True, slots=True)
class NoteOff:
    """`/vocalese/note/off`."""

    track: int
    note: int
    when_s: float


@dataclass(frozen=True, slots=True)
class NoteBend:
    """`/vocalese/note/bend`."""

    track: int
    note: int
    semitones: float
    when_s: float


@dataclass(frozen=True, slots=True)
class NoteExpression:
    """`/vocalese/note/expression`."""

    track: int
    note: int
    name: str
    value: float
    when_s: float


@dataclass(frozen=True, slots=True)
class LyricsSet:
    """`/vocalese/lyrics`."""

    track: int
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class LyricsAppend:
    """`/vocalese/lyrics/append`."""

    track: int
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class LyricsLine:
    """`/vocalese/lyrics/line`."""

    track: int
    line: int


@dataclass(frozen=True, slots=True)
class LyricsFiller:
    """`/vocalese/lyrics/filler`."""

    track: int
    filler: str


@dataclass(frozen=True, slots=True)
class TrackVoice:
    """`/vocalese/track/voice`."""

    track: int
    voice: str
    language: str


@dataclass(frozen=True, slots=True)
class TrackMode:
    """`/vocalese/track/mode`."""

    track: int
    mode: str


@dataclass(frozen=True, slots=True)
class TrackParam:
    """`/vocalese/track/param`."""

    track: int
    name: str
    value: float


@dataclass(frozen=True, slots=True)
class TrackOverlap:
    """`/vocalese/track/overlap`."""

    track: int
    overlap: str


@dataclass(frozen=True, slots=True)
class TrackName:
    """`/vocalese/track/name`."""

    track: int
    name: str


@dataclass(frozen=True, slots=True)
class TrackSeed:
    """`/vocalese/track/seed`."""

    track: int
    seed: int


@dataclass(frozen=True, slots=True)
class TrackClear:
    """`/vocalese/track/clear`."""

    track: int


@dataclass(frozen=True, slots=True)
class MidiLearn:
    """`/vocalese/midi/learn`."""

    parameter: str  # empty: cancel


@dataclass(frozen=True, slots=True)
class MidiBind:
    """`/vocalese/midi/bind`."""

    controller: int
    parameter: str  # empty: the default meaning


@dataclass(frozen=True, slots=True)
class ClipBegin:
    """`/vocalese/clip/begin`."""

    track: int
    clip: int
    revision: int
    notes: int
    curves: int
    start_ppq: float
    length_ppq: float


@dataclass(frozen=True, slots=True)
class ClipNote:
    """`/vocalese/clip/note`."""

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
    """One point of a curve of a clip."""

    ppq: float
    value: float


@dataclass(frozen=True, slots=True)
class ClipCurve:
    """`/vocalese/clip/curve`."""

    track: int
    clip: int
    revision: int
    index: int
    name: str
    points: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True)
class ClipEnd:
    """`/vocalese/clip/end`."""

    track: int
    clip: int
    revision: int


@dataclass(frozen=True, slots=True)
class Clip:
    """Clip assembled from its parts. `ppq` of notes and points counts from `start_ppq`."""

    track: int
    clip: int
    revision: int
    start_ppq: float
    length_ppq: float
    notes: tuple[ClipNote, ...]  # in order of onset, then pitch
    curves: tuple[ClipCurve, ...]  # in order of index


@dataclass(frozen=True, slots=True)
class ClipRemove:
    """`/vocalese/clip/remove`."""

    track: int
    clip: int
    revision: int


@dataclass(frozen=True, slots=True)
class SongRequest:
    """`/vocalese/song`."""


@dataclass(frozen=True, slots=True)
class TempoPoint:
    """Tempo and meter from a position on."""

    ppq: float
    bpm: float
    numerator: int
    denominator: int


@dataclass(frozen=True, slots=True)
class TempoMapSet:
    """`/vocalese/tempo`."""

    revision: int
    changes: tuple[TempoPoint, ...]


@dataclass(frozen=True, slots=True)
class Transport:
    """`/vocalese/transport`."""

    state: int  # 0 stopped, 1 playing, 2 recording
    sample: int
    ppq: float
    bpm: float
    when_s: float


@dataclass(frozen=True, slots=True)
class Loop:
    """`/vocalese/loop`."""

    on: bool
    start_ppq: float
    end_ppq: float


@dataclass(frozen=True, slots=True)
class Render:
    """`/vocalese/render`."""

    track: int
    clip: int
    sample_rate: int


@dataclass(frozen=True, slots=True)
class StemExport:
    """`/vocalese/stem/export`."""

    track: int
    folder: str
    sample_rate: int
    depth: str


@dataclass(frozen=True, slots=True)
class RecordStart:
    """`/vocalese/record/start`."""

    track: int


@dataclass(frozen=True, slots=True)
class RecordStop:
    """`/vocalese/record/stop`."""

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
    | TrackName
    | TrackSeed
    | TrackClear
    | MidiLearn
    | MidiBind
    | ClipBegin
    | ClipNote
    | ClipCurve
    | ClipEnd
    | Clip
    | ClipRemove
    | SongRequest
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
    """Address of a sender and its answers."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Received:
    """Event with its envelope. `arrival_s` is on the engine's clock: the arrival, or the date of its bundle.

    `seq` is 0 if no acknowledgement is wanted."""

    event: Event
    sender: Sender
    arrival_s: float
    seq: int = 0
