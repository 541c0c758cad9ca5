"""Answers of the server as frozen values, one class per address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from bridge.protocol.events import TempoPoint


@dataclass(frozen=True, slots=True)
class Welcome:
    """`/vocalese/welcome`."""

    version: str
    api_major: int
    api_minor: int
    run: int
    clock_s: float


@dataclass(frozen=True, slots=True)
class Pong:
    """`/vocalese/pong`."""

    sent_s: float
    received_s: float
    answered_s: float


@dataclass(frozen=True, slots=True)
class Subscribed:
    """`/vocalese/subscribed`."""

    topic: str
    lease_s: float


@dataclass(frozen=True, slots=True)
class Ack:
    """`/vocalese/ack`."""

    address: str
    seq: int


@dataclass(frozen=True, slots=True)
class Error:
    """`/vocalese/error`."""

    address: str
    seq: int
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Status:
    """`/vocalese/status`."""

    state: str
    clock_s: float
    waiting_events: int
    load: float
    latency_ms: float
    underruns: int
    dropped: int
    refused: int
    device: str


@dataclass(frozen=True, slots=True)
class Meter:
    """Levels of one track."""

    track: int
    peak_dbfs: float
    rms_dbfs: float


@dataclass(frozen=True, slots=True)
class Meters:
    """`/vocalese/meters`."""

    tracks: tuple[Meter, ...]


@dataclass(frozen=True, slots=True)
class LyricsSplit:
    """`/vocalese/lyrics/split`."""

    track: int
    first: int
    syllables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LyricsNext:
    """`/vocalese/lyrics/next`."""

    track: int
    syllable: str
    line: int
    remaining: int


@dataclass(frozen=True, slots=True)
class MidiLearned:
    """`/vocalese/midi/learned`."""

    controller: int
    parameter: str


@dataclass(frozen=True, slots=True)
class ClipAck:
    """`/vocalese/clip/ack`."""

    track: int
    clip: int
    revision: int
    notes: int


@dataclass(frozen=True, slots=True)
class ClipMissing:
    """`/vocalese/clip/missing`."""

    track: int
    clip: int
    revision: int
    part: str
    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Song:
    """`/vocalese/song`."""

    snapshot: int
    tracks: int
    clips: int
    tempo_changes: int
    tempo_revision: int
    loop: bool
    loop_start_ppq: float
    loop_end_ppq: float


@dataclass(frozen=True, slots=True)
class SongTrack:
    """`/vocalese/song/track`."""

    snapshot: int
    track: int
    name: str
    voice: str
    language: str
    mode: str
    seed: int
    gain_db: float
    transpose_semitones: float


@dataclass(frozen=True, slots=True)
class ClipTold:
    """One clip of a snapshot."""

    track: int
    clip: int
    revision: int
    notes: int
    start_ppq: float
    length_ppq: float


@dataclass(frozen=True, slots=True)
class SongClips:
    """`/vocalese/song/clips`."""

    snapshot: int
    first: int
    clips: tuple[ClipTold, ...]


@dataclass(frozen=True, slots=True)
class SongTempo:
    """`/vocalese/song/tempo`."""

    snapshot: int
    first: int
    changes: tuple[TempoPoint, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """`/vocalese/progress`."""

    track: int
    clip: int
    fraction: float


@dataclass(frozen=True, slots=True)
class Done:
    """`/vocalese/done`."""

    track: int
    clip: int
    revision: int
    hash: str
    start_sample: int
    samples: int
    sample_rate: int


@dataclass(frozen=True, slots=True)
class Written:
    """`/vocalese/written`."""

    track: int
    path: str
    samples: int
    sample_rate: int


Reply: TypeAlias = (
    Welcome
    | Pong
    | Subscribed
    | Ack
    | Error
    | Status
    | Meters
    | LyricsSplit
    | LyricsNext
    | MidiLearned
    | ClipAck
    | ClipMissing
    | Song
    | SongTrack
    | SongClips
    | SongTempo
    | Progress
    | Done
    | Written
)
