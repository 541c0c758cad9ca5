"""`vocalese monitor`: what arrives by OSC and MIDI, as it arrives. Nothing is sung."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import fields
from enum import Enum

import mido

from bridge.midi.ports import MidiPorts, age_s
from bridge.midi.router import Learned, MidiRouter, ProgramChosen, Routed
from bridge.osc import OscServer
from bridge.protocol import limits
from bridge.protocol.events import Received
from bridge.protocol.table import BY_EVENT

from .common import EXIT_OK
from .end_request import end_request

_QUIET = ("clock", "active_sensing", "quarter_frame")  # counted, not shown one by one
_TOLD_EVERY_S = 1.0


def run(*, port: int = limits.DEFAULT_PORT, midi: Sequence[str] = (), with_midi: bool = True) -> int:
    """Show until interrupted. ProtocolError if the port is in use, by `vocalese serve` for example."""
    logging.basicConfig(format="OSC   %(message)s", level=logging.WARNING)  # what is refused is logged
    with end_request() as end, OscServer(_show, port=port) as osc, _MidiMonitor(midi) as ports:
        print(f"OSC    {osc.host}:{osc.port}, UDP")
        for text in ports.start() if with_midi else ():
            print(text)
        print(f"MIDI   {', '.join(ports.names) or 'no ports'}\nCtrl-C ends.", flush=True)
        while not end.wait(_TOLD_EVERY_S):
            ports.tell_quiet()
    return EXIT_OK


def arrival_line(received: Received) -> str:
    """An OSC message as a line: when it came, from whom, and what it holds."""
    event = received.event
    values = "  ".join(f"{item.name} {_short(getattr(event, item.name))}" for item in fields(event))
    return f"{received.arrival_s:9.3f}  OSC   {received.sender}  {BY_EVENT[type(event)].address}  {values}".rstrip()


def midi_line(time_s: float, port: str, message: mido.Message, routed: Sequence[Routed]) -> str:
    """A MIDI message as a line: when it came, on which port, and what it means to which track."""
    plain = str(message.copy(time=0)).removesuffix(" time=0")
    return f"{time_s:9.3f}  MIDI  {port}  {plain}  →  {'; '.join(map(_meaning, routed)) or 'nothing'}"


def _meaning(routed: Routed) -> str:
    if isinstance(routed, Learned):
        return f"controller {routed.number} moves {routed.parameter.value}"
    if isinstance(routed, ProgramChosen):
        return f"track {routed.track}: program {routed.program}"
    event = routed.event
    values = {item.name: getattr(event, item.name) for item in fields(event) if item.name != "time_s"}
    shown = " ".join(f"{name} {_short(value)}" for name, value in values.items() if value is not None)
    return f"track {routed.track}: {type(event).__name__} {shown}".rstrip()


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, tuple):
        return f"({len(value)})"
    if isinstance(value, Enum):
        return str(value.value)
    return repr(value) if isinstance(value, str) else str(value)


def _show(received: Received) -> bool:
    print(arrival_line(received), flush=True)
    return True


class QuietMessages:
    """Clocks and the like: counted, and told together. May be used from any thread."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def counts(self, message: mido.Message) -> bool:
        """Whether it is such a message, which is counted then."""
        if message.type not in _QUIET:
            return False
        with self._lock:
            self._counts[message.type] = self._counts.get(message.type, 0) + 1
        return True

    def lines(self) -> list[str]:
        """What has come since the last time."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return [f"           MIDI  {count} x {name}" for name, count in counts.items()]


class _MidiMonitor:
    """Ports whose messages are printed, with routers that say what they mean."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self._started_s = time.perf_counter()
        self._routers: dict[str, MidiRouter] = {}
        self._quiet = QuietMessages()
        self._ports = MidiPorts(self._message, self._lost, wanted=wanted or None)

    def __enter__(self) -> _MidiMonitor:
        return self

    def __exit__(self, *_: object) -> None:
        self._ports.close()

    @property
    def names(self) -> tuple[str, ...]:
        return self._ports.names

    def start(self) -> tuple[str, ...]:
        return self._ports.start()

    def tell_quiet(self) -> None:
        """How many clocks and the like have come since the last time."""
        for line in self._quiet.lines():
            print(line, flush=True)

    def _message(self, port: str, message: mido.Message) -> None:
        if self._quiet.counts(message):
            return
        time_s = time.perf_counter() - self._started_s - age_s(message)
        router = self._routers.setdefault(port, MidiRouter())
        print(midi_line(time_s, port, message, router.feed(message, time_s)), flush=True)

    def _lost(self, port: str) -> None:
        print(f"           MIDI  {port} has gone.", flush=True)
