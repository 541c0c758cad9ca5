"""The process that hears MIDI through JACK: `python -m bridge.midi.jack_process CLIENT`, started by `jack`.

JACK calls its clients one after the other and waits for each, so a callback in Python must not wait for the interpreter. Here nothing else
runs. Messages are handed on with the time at which they are due, to the sample, as JACK means it: the beginning of the period plus the
message's place in it. When periods begin is smoothed as in the audio process, so that both agree on it.

Lines of JSON come in on standard input and go out on what was standard output, from two threads: each line fits in what a pipe takes at once.
When the input ends, the parent is gone, and so is this process; when JACK ends, it says so and ends too.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
import time
from contextlib import suppress
from typing import Any

from bridge.block_clock import LOST_NS, BlockClock
from bridge.jack import open_client
from engine.errors import DeviceError

_ACTIVE_SENSING = b"\xfe"
_PERIOD_OVER_S = 0.2
_MOST_CHARACTERS = 200  # of a text


class Listener:
    """A JACK client with MIDI inputs that tells what ports there are and what comes in. DeviceError if there is no server."""

    def __init__(self, name: str, out: int) -> None:
        self._out = out
        self._client = open_client(name)
        self._rate = self._client.samplerate
        self._ports: tuple[tuple[int, Any], ...] = ()  # replaced as a whole: the callback may be at it
        self._periods = 0
        self._clock = BlockClock(self._rate)
        self._untold = 0
        self._client.set_process_callback(self._hear)
        self._client.set_shutdown_callback(lambda _status, reason: self._end(reason))
        self._client.set_port_registration_callback(self._change_list, only_available=False)
        self.changes, self._tell_change = os.pipe()  # readable when there are other ports than were told
        os.write(self._tell_change, b"\0")
        self._client.activate()

    def tell(self, event: str, **values: Any) -> None:
        """A line to the parent, as soon as there is room."""
        while True:
            try:
                _write(self._out, _line(event, **values))
            except BlockingIOError:
                select.select([], [self._out], [], _PERIOD_OVER_S)
            else:
                return

    def close(self) -> None:
        """Leave. JACK waits for seconds for clients that vanish."""
        self._client.deactivate()
        self._client.close()

    def list(self) -> None:
        """Tell all ports that notes can come from, once after `changes`: JACK takes 15 to 50 ms for it."""
        os.read(self.changes, 1 << 16)
        hardware = {port.name for port in self._client.get_ports(is_midi=True, is_output=True, is_physical=True)}
        for port in self._client.get_ports(is_midi=True, is_output=True):
            self.tell("port", name=port.name, is_hardware=port.name in hardware)
        self.tell("listed")

    def obey(self, order: dict[str, Any]) -> None:
        """Open or close a port, and say so."""
        import jack

        number = order["port"]
        if order["do"] == "close":
            ports = dict(self._ports)
            port = ports.pop(number)
            self._change(ports)
            with suppress(jack.JackError):
                port.unregister()
            self.tell("closed", port=number)
            return
        port = None
        try:
            port = self._client.midi_inports.register(order["name"].rpartition(":")[2])
            if order["source"]:
                self._client.connect(order["source"], port)
        except jack.JackError as error:
            if port is not None:
                port.unregister()
            self.tell("refused", port=number, text=str(error)[:_MOST_CHARACTERS])
        else:
            self._change({**dict(self._ports), number: port})
            self.tell("opened", port=number)

    def _change_list(self, _port: object, _is_new: bool) -> None:
        os.write(self._tell_change, b"\0")

    def _change(self, ports: dict[int, Any]) -> None:
        """From the next period on; returns then."""
        self._ports = tuple(ports.items())
        period, until_s = self._periods, time.monotonic() + _PERIOD_OVER_S
        while self._periods <= period + 1 and time.monotonic() < until_s:
            time.sleep(0.001)

    def _hear(self, frames: int) -> None:
        self._periods += 1
        begun_ns = time.monotonic_ns() - self._client.frames_since_cycle_start * 1_000_000_000 // self._rate
        moment_ns = self._clock.smoothed_ns(begun_ns, frames)
        if begun_ns - moment_ns > LOST_NS:
            moment_ns = begun_ns  # JACK has missed a period, and goes on from here
        _heard(0, moment_ns, _ACTIVE_SENSING, 0)  # what has not run for some milliseconds is slow, and JACK would wait
        for number, port in self._ports:
            for frame, data in port.incoming_midi_events():
                message = bytes(data)
                if message != _ACTIVE_SENSING:
                    self._hand_on(number, moment_ns + frame * 1_000_000_000 // self._rate, message)

    def _hand_on(self, number: int, at_ns: int, message: bytes) -> None:
        try:
            _write(self._out, _heard(number, at_ns, message, self._untold))
            self._untold = 0
        except BlockingIOError:
            self._untold += 1

    def _end(self, reason: str) -> None:
        with suppress(OSError):
            self.tell("gone", text=reason[:_MOST_CHARACTERS])
        os._exit(0)  # JACK's own thread waits for its server otherwise


def _write(out: int, line: bytes) -> None:
    if len(line) <= select.PIPE_BUF:  # longer are dumps of synthesisers, which mean nothing here
        os.write(out, line)


def _line(event: str, **values: Any) -> bytes:
    return json.dumps({"event": event, **values}).encode() + b"\n"


def _heard(port: int, at_ns: int, message: bytes, lost: int) -> bytes:
    return _line("message", port=port, at_ns=at_ns, data=message.hex(), lost=lost)


def main() -> int:
    """Hear until the parent is gone, or JACK."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to parent and child; the parent decides
    out = os.dup(1)
    os.dup2(2, 1)
    os.set_blocking(out, False)  # the callback waits for nobody
    try:
        listener = Listener(sys.argv[1], out)
    except DeviceError as error:
        _write(out, _line("refused", text=str(error)[:_MOST_CHARACTERS]))
        return 1
    listener.list()
    listener.tell("listening")
    gc.collect()
    gc.freeze()
    gc.disable()
    held = b""
    while True:  # Nothing wakes this thread while notes are played: it would hold the interpreter, and has no priority.
        readable = select.select([0, listener.changes], [], [])[0]
        if listener.changes in readable:
            listener.list()
        if 0 in readable:
            if not (piece := os.read(0, 1 << 16)):
                break
            *lines, held = (held + piece).split(b"\n")
            for line in lines:
                listener.obey(json.loads(line))
    listener.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
