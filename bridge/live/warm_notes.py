"""Silent notes that keep the path of a live note warm; see `bridge.realtime.keep_warm`.

OSC and MIDI threads handle one like a real note: it is decoded, goes through the event queue and a copy of the session, and ends in the
engine process, which decodes it and no more. The engine process begins notes of a voice that are not played.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bridge.midi.jack_messages import MidiHeard, as_mido
from bridge.midi.router import MidiRouter, Routed
from bridge.osc import EventQueue
from bridge.osc.packet import OscMessage, decode, pack
from bridge.protocol.events import Received, Sender, WholeNote
from bridge.protocol.read import Read, read_event
from bridge.realtime.ipc import decoder, encode
from engine import LiveEvent

from .supervisor import EngineProcess

_OSC_NOTE = pack(WholeNote(0, 60.0, 0.5, 0.8, "", 0.0))
_MIDI_NOTE = encode(MidiHeard(port=0, at_ns=0, data=b"\x90\x3c\x40", lost=0))
_NO_SENDER = Sender("", 0)


class WarmNote(Received):
    """A silent note in the event queue."""

    __slots__ = ()


class WarmEngine:
    """Engine for the copy of the session that handles silent notes: they are sent as keep-warm events, anything else is dropped."""

    def __init__(self, engine: EngineProcess) -> None:
        self._engine = engine

    def send(self, track: int, events: Sequence[LiveEvent], at_ns: int) -> None:
        """Send the events of a silent note."""
        self._engine.keep_warm(track, events, at_ns)

    def change_voice(self, track: int, name: str) -> None:
        """Do nothing: notes do not change voices."""

    def mark(self, track: int, at_ns: int) -> None:
        """Do nothing: notes do not begin takes."""

    def take(self, number: int, tracks: tuple[int, ...], *, path: Path, name: str) -> None:
        """Do nothing: notes do not write takes."""


def osc_warm_up(events: EventQueue, clock: Callable[[], float]) -> Callable[[], None]:
    """Return the idle work of the OSC thread: decode a note and put it into the queue, if nothing waits there."""

    def warm_up() -> None:
        for message in decode(_OSC_NOTE, wall_clock_s=time.time()):
            if isinstance(message, OscMessage):
                read = read_event(message.address, message.tags, message.values)
                if isinstance(read, Read) and not len(events):
                    events.put(WarmNote(read.event, _NO_SENDER, clock()))

    return warm_up


def midi_warm_up(play: Callable[[Sequence[Routed]], None], clock: Callable[[], float]) -> Callable[[], None]:
    """Return the idle work of the thread that takes JACK's MIDI: decode a note, route it and play it."""
    router, heard = MidiRouter(), decoder(MidiHeard)

    def warm_up() -> None:
        message = as_mido(heard.decode(_MIDI_NOTE))
        if message is not None:
            play(router.feed(message, clock()))

    return warm_up
