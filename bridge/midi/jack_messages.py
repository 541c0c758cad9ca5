"""Messages between the bridge and the process that reads JACK's MIDI."""

from __future__ import annotations

from typing import TypeAlias

import mido

from bridge.realtime.ipc import Message


class OpenPort(Message, frozen=True):
    """Open input `port`, called `name`, and connect it to the port `source` if given. Answered by `PortOpened`."""

    port: int
    name: str
    source: str | None


class ClosePort(Message, frozen=True):
    """Close input `port`. Answered by `PortClosed`."""

    port: int


Request: TypeAlias = OpenPort | ClosePort


class MidiHeard(Message, frozen=True):
    """Bytes of one MIDI message, due at `at_ns` of `time.monotonic_ns`; `lost` messages before it found no room."""

    port: int
    at_ns: int
    data: bytes
    lost: int


class Pulled(Message, frozen=True):
    """A cable was pulled from `port`."""

    port: int


class PortListed(Message, frozen=True):
    """A port that notes can come from. All of them are sent, then `Listed`."""

    name: str
    is_hardware: bool


class Listed(Message, frozen=True):
    """The list of ports is complete."""


class Listening(Message, frozen=True):
    """The process is connected to JACK."""


class PortOpened(Message, frozen=True):
    """`port` is open."""

    port: int


class PortClosed(Message, frozen=True):
    """`port` is closed."""

    port: int


class Refused(Message, frozen=True):
    """A request could not be done, or there is no JACK server."""

    text: str


class Gone(Message, frozen=True):
    """JACK has ended, and the process with it."""

    text: str


class Ended(Message, frozen=True):
    """The process has ended; made by the parent."""


Answer: TypeAlias = Listening | PortOpened | PortClosed | Refused | Ended
Report: TypeAlias = MidiHeard | Pulled | PortListed | Listed | Listening | PortOpened | PortClosed | Refused | Gone


def as_mido(heard: MidiHeard) -> mido.Message | None:
    """Return the message with its due time in seconds of `time.monotonic`; None for bytes that are no MIDI message."""
    try:
        message = mido.Message.from_bytes(heard.data)
    except ValueError:
        return None
    message.time = heard.at_ns * 1e-9
    return message
