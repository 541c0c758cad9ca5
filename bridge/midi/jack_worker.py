"""The process that reads MIDI through JACK: `python -m bridge.midi.jack_worker CLIENT`, started by `jack_backend`.

JACK calls its clients one after the other and waits for each, so a callback in Python must not wait for the GIL. This process does nothing
else. Messages are handed on with the time at which they are due, to the sample: the beginning of the period plus the message's place in it. The
beginnings of periods are smoothed as in the audio process, so that both agree on them.

Messages come in on standard input and go out on standard output, see `jack_messages`, from two threads: each is short enough for a pipe to take
it at once. The process ends when its input does; when JACK ends, it reports that and ends too.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import Any

from bridge.realtime.block_clock import LOST_NS, BlockClock
from bridge.realtime.child_process import parent_pipe
from bridge.realtime.ipc import MessagePipe, encode
from bridge.realtime.jack_client import open_client
from bridge.realtime.process_tuning import tune_process
from engine.errors import DeviceError

from .jack_messages import (
    ClosePort,
    Gone,
    Listed,
    Listening,
    MidiHeard,
    OpenPort,
    PortClosed,
    PortListed,
    PortOpened,
    Pulled,
    Refused,
    Request,
)

_ACTIVE_SENSING = b"\xfe"
_PERIOD_OVER_S = 0.2
_MOST_CHARACTERS = 200  # of a text


class Listener:
    """A JACK client with MIDI inputs that reports ports and messages. Raises DeviceError if there is no server."""

    def __init__(self, name: str, pipe: MessagePipe[Request]) -> None:
        self._pipe = pipe
        self._client = open_client(name)
        self._rate = self._client.samplerate
        self._ports: tuple[tuple[int, Any], ...] = ()  # replaced as a whole: the callback may be reading it
        self._periods = 0
        self._clock = BlockClock(self._rate)
        self._lost = 0
        self._pulled: set[str] = set()  # names of our ports that lost a cable, not reported yet
        self._has_changed = True
        self._client.set_process_callback(self._process)
        self._client.set_shutdown_callback(lambda _status, reason: self._end(reason))
        self._client.set_port_registration_callback(self._note_change, only_available=False)
        self._client.set_port_connect_callback(self._note_connection, only_available=False)
        self._client.activate()

    def close(self) -> None:
        """Leave JACK, which waits for seconds for clients that vanish."""
        self._client.deactivate()
        self._client.close()

    def report_changes(self) -> None:
        """Report all ports that notes can come from if they have changed. JACK takes 15 to 50 ms to list them.

        Ports of ours that a cable was pulled from come first: their notes sound until then.
        """
        if not self._has_changed:
            return
        self._has_changed = False
        for number, port in self._ports:
            if port.name in self._pulled:
                self._pulled.discard(port.name)
                self._pipe.send(Pulled(number))
        hardware = {port.name for port in self._client.get_ports(is_midi=True, is_output=True, is_physical=True)}
        for port in self._client.get_ports(is_midi=True, is_output=True):
            self._pipe.send(PortListed(port.name, port.name in hardware))
        self._pipe.send(Listed())

    def handle(self, request: Request) -> None:
        """Open or close a port, and answer."""
        if isinstance(request, OpenPort):
            self._open(request)
        else:
            self._close(request)

    def _open(self, request: OpenPort) -> None:
        import jack

        port = None
        try:
            port = self._client.midi_inports.register(request.name.rpartition(":")[2])
            if request.source:
                self._client.connect(request.source, port)
        except jack.JackError as error:
            if port is not None:
                port.unregister()
            self._pipe.send(Refused(str(error)[:_MOST_CHARACTERS]))
        else:
            self._change({**dict(self._ports), request.port: port})
            self._pipe.send(PortOpened(request.port))

    def _close(self, request: ClosePort) -> None:
        import jack

        ports = dict(self._ports)
        port = ports.pop(request.port)
        self._change(ports)
        with suppress(jack.JackError):
            port.unregister()
        self._pipe.send(PortClosed(request.port))

    def _note_change(self, _port: object, _is_new: bool) -> None:
        self._has_changed = True
        self._pipe.wake()

    def _note_connection(self, first: Any, second: Any, is_joined: bool) -> None:
        """Note a cable that was plugged or pulled; also called where the program at its other end has gone."""
        if not is_joined:
            self._pulled.update(port.name for port in (first, second) if port is not None)
            self._has_changed = True
            self._pipe.wake()

    def _change(self, ports: dict[int, Any]) -> None:
        """Replace the ports from the next period on, and wait for that."""
        self._ports = tuple(ports.items())
        period, until_s = self._periods, time.monotonic() + _PERIOD_OVER_S
        while self._periods <= period + 1 and time.monotonic() < until_s:
            time.sleep(0.001)

    def _process(self, frames: int) -> None:
        """JACK's callback, on JACK's thread: must not wait."""
        self._periods += 1
        begun_ns = time.monotonic_ns() - self._client.frames_since_cycle_start * 1_000_000_000 // self._rate
        moment_ns = self._clock.smoothed_ns(begun_ns, frames)
        if begun_ns - moment_ns > LOST_NS:
            moment_ns = begun_ns  # JACK has missed a period, and goes on from here
        encode(MidiHeard(0, moment_ns, _ACTIVE_SENSING, 0))  # keeps this path in the caches: JACK would wait for a slow one
        for number, port in self._ports:
            for frame, data in port.incoming_midi_events():
                message = bytes(data)
                if message != _ACTIVE_SENSING:
                    self._hand_on(number, moment_ns + frame * 1_000_000_000 // self._rate, message)

    def _hand_on(self, number: int, at_ns: int, message: bytes) -> None:
        if self._pipe.send_now(MidiHeard(number, at_ns, message, self._lost)):
            self._lost = 0
        else:
            self._lost += 1

    def _end(self, reason: str) -> None:
        self._pipe.send(Gone(reason[:_MOST_CHARACTERS]))
        os._exit(0)  # JACK's own thread waits for its server otherwise


def main() -> int:
    """Read MIDI until the parent is gone, or JACK."""
    pipe: MessagePipe[Request] = parent_pipe(Request, never_blocks=True)
    try:
        listener = Listener(sys.argv[1], pipe)
    except DeviceError as error:
        pipe.send(Refused(str(error)[:_MOST_CHARACTERS]))
        return 1
    listener.report_changes()
    pipe.send(Listening())
    tune_process()
    with suppress(EOFError):
        while True:  # nothing wakes this thread while notes are played: it would hold the GIL, and has no priority
            request = pipe.receive()
            if request is not None:
                listener.handle(request)
            listener.report_changes()
    listener.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
