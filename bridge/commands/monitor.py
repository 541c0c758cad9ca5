"""`vocalese monitor`: print OSC and MIDI messages as they arrive."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import fields
from enum import Enum

import mido

from bridge.cli.monitor import MonitorOptions
from bridge.midi.ports import MidiPorts, age_s
from bridge.midi.router import Learned, MidiRouter, ProgramChosen, Routed
from bridge.osc import OscServer
from bridge.protocol.events import Received
from bridge.protocol.table import address_of

from .common import EXIT_OK
from .shutdown_request import shutdown_request

_QUIET = ("clock", "active_sensing", "quarter_frame")  # counted, not shown singly
_TOLD_EVERY_S = 1.0


def run(options: MonitorOptions) -> int:
    """Print messages until interrupted. Raises ProtocolError if the port is in use, for example by `vocalese serve`."""
    logging.basicConfig(format="OSC   %(message)s", level=logging.WARNING)  # rejected messages are logged
    with shutdown_request() as end, OscServer(_show, port=options.port) as osc, _MidiMonitor(options.midi) as ports:
        print(f"OSC    {osc.host}:{osc.port}, UDP")
        for text in ports.start() if options.with_midi else ():
            print(text)
        print(f"MIDI   {', '.join(ports.names) or 'no ports'}\nCtrl-C ends.", flush=True)
        while not end.wait(_TOLD_EVERY_S):
            ports.tell_quiet()
    return EXIT_OK


def arrival_line(received: Received) -> str:
    """Format an OSC message as a line: arrival time, sender, values."""
    event = received.event
    values = "  ".join(f"{item.name} {_short(getattr(event, item.name))}" for item in fields(event))
    return f"{received.arrival_s:9.3f}  OSC   {received.sender}  {address_of(event)}  {values}".rstrip()


def midi_line(time_s: float, port: str, message: mido.Message, routed: Sequence[Routed]) -> str:
    """Format a MIDI message as a line: arrival time, port, and the events that it becomes."""
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
    """Counter of clock and sensing messages, which are shown as totals. Any thread may use it."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def counts(self, message: mido.Message) -> bool:
        """Count the message if it is of such a kind; return True if it is."""
        if message.type not in _QUIET:
            return False
        with self._lock:
            self._counts[message.type] = self._counts.get(message.type, 0) + 1
        return True

    def lines(self) -> list[str]:
        """Return the totals since the last call."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return [f"           MIDI  {count} x {name}" for name, count in counts.items()]


class _MidiMonitor:
    """MIDI ports whose messages are printed, with one router each."""

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
        """Print the totals of clock and sensing messages since the last call."""
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
