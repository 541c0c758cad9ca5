"""Messages between the bridge and the engine process.

Live events keep the classes of the engine: on the wire each is the name of its class and its values.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from bridge.audio.memory import AudioAddress
from bridge.realtime.ipc import Message, decoder, encode
from engine import (
    AllNotesOff,
    Bend,
    Configure,
    Expression,
    GoToLine,
    LiveEvent,
    Lyrics,
    NoteOff,
    NoteOn,
    Panic,
    ResetControllers,
    StepLine,
    Sustain,
)
from engine.errors import ProtocolError

WireEvent: TypeAlias = tuple[str, msgspec.Raw]
WireEvents: TypeAlias = tuple[WireEvent, ...]

_DECODERS: dict[str, msgspec.msgpack.Decoder[LiveEvent]] = {
    kind.__name__: decoder(kind)
    for kind in (
        AllNotesOff,
        Bend,
        Configure,
        Expression,
        GoToLine,
        Lyrics,
        NoteOff,
        NoteOn,
        Panic,
        ResetControllers,
        StepLine,
        Sustain,
    )
}


def wire_events(events: Iterable[LiveEvent]) -> WireEvents:
    """Return events as they are sent."""
    return tuple((type(event).__name__, msgspec.Raw(encode(event))) for event in events)


def read_event(event: WireEvent) -> LiveEvent:
    """Return the event that was sent. Raises ProtocolError for an unknown class or values out of range."""
    name, values = event
    known = _DECODERS.get(name)
    if known is None:
        raise ProtocolError(f"{name!r} is no event of a live voice.")
    try:
        return known.decode(values)
    except msgspec.MsgspecError as error:
        raise ProtocolError(f"{name}: {error}") from error


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """Configuration of the engine process.

    `voices[track]` names the voice of each track. Leads are in seconds, see `Leads`. `is_manual`: the device has no time of its own and is
    advanced by hand. `keep_warm`: run silent notes while nothing is played.
    """

    address: AudioAddress
    voices: tuple[str, ...]
    voice_folders: tuple[str, ...] = ()
    onset_lead_s: float = 0.00925
    passage_lead_s: float = 0.010
    is_manual: bool = False
    keep_warm: bool = True


# ---- requests of the bridge ------------------------------------------------------------------------------------------


class Open(Message, frozen=True):
    """First message. `known[track]`: the lasting events that an earlier process was sent."""

    config: WorkerConfig
    known: tuple[WireEvents, ...] = ()


class TrackEvents(Message, frozen=True):
    """Events of one track that happen together, at `at_ns` of `time.monotonic_ns` and a constant later."""

    track: int
    events: WireEvents
    at_ns: int


class WarmEvents(Message, frozen=True):
    """As `TrackEvents`, but only decoded: they have no effect."""

    track: int
    events: WireEvents
    at_ns: int


class Restore(Message, frozen=True):
    """Lasting events of a track, to be applied in silence."""

    track: int
    events: WireEvents


class ChangeVoice(Message, frozen=True):
    """Load a voice and give it to a track; answered by `VoiceChanged`."""

    track: int
    name: str


class Mark(Message, frozen=True):
    """A take of a track begins at `at_ns` of `time.monotonic_ns`."""

    track: int
    at_ns: int


class WriteTake(Message, frozen=True):
    """Write what was played on some tracks since the earliest mark; answered by `TakeWritten` with the same `number`."""

    number: int
    tracks: tuple[int, ...]
    path: str
    name: str


Request: TypeAlias = Open | TrackEvents | WarmEvents | Restore | ChangeVoice | Mark | WriteTake


# ---- reports of the engine process -----------------------------------------------------------------------------------


class Ready(Message, frozen=True):
    """The process can sing. `modules`: top-level modules that it has imported."""

    modules: tuple[str, ...]


class Refused(Message, frozen=True):
    """The process cannot be opened; `kind` names a class of `engine.errors`."""

    kind: str
    text: str


class Notice(Message, frozen=True):
    """A full sentence for the user about a track."""

    track: int
    text: str


class Position(Message, frozen=True):
    """The next note of a track takes `syllable` of `line` (both from 0), `text`; `remaining` syllables wait in all."""

    track: int
    line: int
    syllable: int
    text: str
    remaining: int


class VoiceChanged(Message, frozen=True):
    """A track has another voice, or keeps the one it has if there is an `error`."""

    track: int
    name: str
    error: str = ""


class TakeWritten(Message, frozen=True):
    """A take is written, or not if there is an `error`."""

    number: int
    path: str
    error: str = ""


class Load(Message, frozen=True):
    """Share of the last second that went into rendering, 0 to 1, and the look-ahead within passages in seconds."""

    share: float
    passage_lead_s: float


Report: TypeAlias = Ready | Refused | Notice | Position | VoiceChanged | TakeWritten | Load
