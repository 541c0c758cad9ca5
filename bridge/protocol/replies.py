"""What is sent back, as frozen values: one class per address, the same on both ends of the line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Welcome:
    version: str
    api_major: int
    api_minor: int
    run: int
    clock_s: float


@dataclass(frozen=True, slots=True)
class Pong:
    sent_s: float
    received_s: float
    answered_s: float


@dataclass(frozen=True, slots=True)
class Subscribed:
    topic: str
    lease_s: float


@dataclass(frozen=True, slots=True)
class Ack:
    address: str
    seq: int


@dataclass(frozen=True, slots=True)
class Error:
    address: str
    seq: int
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Status:
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
    track: int
    peak_dbfs: float
    rms_dbfs: float


@dataclass(frozen=True, slots=True)
class Meters:
    tracks: tuple[Meter, ...]


@dataclass(frozen=True, slots=True)
class LyricsSplit:
    track: int
    first: int
    syllables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LyricsNext:
    track: int
    syllable: str
    line: int
    remaining: int


@dataclass(frozen=True, slots=True)
class MidiLearned:
    controller: int
    parameter: str


@dataclass(frozen=True, slots=True)
class ClipAck:
    track: int
    clip: int
    revision: int
    notes: int


@dataclass(frozen=True, slots=True)
class ClipMissing:
    track: int
    clip: int
    revision: int
    part: str
    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    track: int
    clip: int
    fraction: float


@dataclass(frozen=True, slots=True)
class Done:
    track: int
    clip: int
    revision: int
    hash: str
    start_sample: int
    samples: int
    sample_rate: int


@dataclass(frozen=True, slots=True)
class Written:
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
    | Progress
    | Done
    | Written
)
