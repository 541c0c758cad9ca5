"""MIDI ports of JACK, listed and read by a separate process (`jack_worker`).

rtmidi would call Python on JACK's own thread, and JACK's whole graph would wait for the GIL: the device misses blocks, and notes come
late. It also loses a message's place in its period, and holds the GIL for 15 to 50 ms while JACK lists its ports.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import mido

from bridge.realtime.child_process import ChildProcess
from bridge.realtime.keep_warm import IdleTask
from bridge.realtime.priority import SINGER, ask_for_real_time

from .jack_messages import (
    Answer,
    ClosePort,
    Ended,
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
    Report,
    as_mido,
)

_CLIENT_NAME = "Vocalese"
_AGAIN_AFTER_S = 2.0  # once JACK has ended
_ANSWER_WITHIN_S = 20.0
_CLOSE_WITHIN_S = 2.0

log = logging.getLogger(__name__)
OnMessage = Callable[[mido.Message], None]
OnPulled = Callable[[], None]


class JackInterface:
    """JACK's MIDI as a `Backend`. All methods raise OSError while no server runs, and find one that has come back. `close` it."""

    api = "UNIX_JACK"
    tells_pulled = True

    def __init__(self, client_name: str = _CLIENT_NAME, *, idle: IdleTask | None = None) -> None:
        self._client_name, self._idle = client_name, idle
        self._reader: JackReader | None = None
        self._again_s = 0.0
        self._reading()

    def get_input_names(self, **_: object) -> list[str]:
        """Return the ports that notes can come from, of all programs."""
        return self._reading().inputs

    def get_hardware_names(self) -> list[str]:
        """Return the ports that are hardware.

        Users patch programs to the virtual port; opened by ourselves as well, they would play each note twice.
        """
        return self._reading().hardware

    def open_input(self, name: str, *, client_name: str | None = None, **arguments: Any) -> JackInput:
        """Open a port, see `JackInput`. All belong to the client of this interface, whatever `client_name` says."""
        return JackInput(self._reading(), name, **arguments)

    def close(self) -> None:
        """End the process, and with it all ports."""
        if self._reader is not None:
            self._reader.end()

    def _reading(self) -> JackReader:
        if self._reader is None or self._reader.has_ended:
            self.close()
            if time.monotonic() < self._again_s:
                raise OSError("JACK has ended.")
            self._again_s = time.monotonic() + _AGAIN_AFTER_S
            self._reader = JackReader(self._client_name, self._idle)
        return self._reader


class JackInput:
    """An open port of JACK. `callback(message)` is called on the reader's thread; `message.time` is its due time by `time.monotonic`.

    A `virtual` port gets the `name`; any other is connected by its full name. `on_pulled()` is called on the same thread, after all messages
    that came before, when a cable is pulled from the port. Raises OSError if it cannot be opened.
    """

    def __init__(
        self,
        reader: JackReader,
        name: str,
        callback: OnMessage,
        *,
        virtual: bool = False,
        on_pulled: OnPulled | None = None,
    ) -> None:
        self._reader = reader
        self._number = reader.open(name, None if virtual else name, callback, on_pulled)

    @property
    def closed(self) -> bool:
        """Return whether no more messages will come."""
        return not self._reader.has(self._number)

    def close(self) -> None:
        """Close the port; the callback is not called any more. Not to be called by the callback."""
        self._reader.close(self._number)


class JackReader:
    """A process that lists JACK's MIDI ports and reads those that are opened. `end` it. Raises OSError where no server runs.

    `idle` runs on the thread that calls the callbacks while no message comes.
    """

    def __init__(self, client_name: str, idle: IdleTask | None = None) -> None:
        self.inputs: list[str] = []
        self.hardware: list[str] = []
        self.has_ended = False
        self._idle = idle
        self._lock = threading.Lock()  # one request at a time
        self._callbacks: dict[int, OnMessage] = {}
        self._on_pulled: dict[int, OnPulled] = {}
        self._opened = 0
        self._listed: list[PortListed] = []
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._child: ChildProcess[Report] = ChildProcess(
            "bridge.midi.jack_worker", client_name, name="JACK MIDI", reads=Report, is_realtime=True
        )
        self._thread = threading.Thread(target=self._read, name="JACK MIDI", daemon=True)
        self._thread.start()
        try:
            self._await(Listening)
        except OSError:
            self.end()
            raise

    @property
    def process_id(self) -> int:
        """Return the number of the process."""
        return self._child.process_id

    def has(self, number: int) -> bool:
        """Return whether this port is open."""
        return not self.has_ended and number in self._callbacks

    def open(self, name: str, source: str | None, callback: OnMessage, on_pulled: OnPulled | None = None) -> int:
        """Open a port and connect it to `source`. Return its number. Raises OSError if that cannot be done."""
        with self._lock:
            number = self._opened
            self._opened += 1
            self._callbacks[number] = callback
            if on_pulled is not None:
                self._on_pulled[number] = on_pulled
            try:
                self._child.send(OpenPort(number, name, source))
                self._await(PortOpened)
            except OSError as error:
                del self._callbacks[number]
                self._on_pulled.pop(number, None)
                raise OSError(f"'{name}' cannot be opened: {error}") from error
        return number

    def close(self, number: int) -> None:
        """Close a port; its callback is not called any more."""
        with self._lock:
            if number in self._callbacks:
                with suppress(OSError):  # then it has ended, and its ports with it
                    self._child.send(ClosePort(number))
                    self._await(PortClosed)
                del self._callbacks[number]
                self._on_pulled.pop(number, None)

    def end(self) -> None:
        """End the process. May be called twice."""
        self.has_ended = True
        self._child.close(_CLOSE_WITHIN_S, reader=self._thread)

    def _await(self, answer: type[Answer]) -> None:
        """Wait for an answer. Raises OSError if another one comes, or none in time."""
        try:
            given = self._answers.get(timeout=_ANSWER_WITHIN_S)
        except queue.Empty:
            raise OSError(f"no answer within {_ANSWER_WITHIN_S:g} s") from None
        if isinstance(given, answer):
            return
        if isinstance(given, Refused):
            raise OSError(given.text)
        self._answers.put(given)  # the next caller finds out too
        raise OSError(f"the process that reads MIDI has ended. Its stderr: {self._child.stderr}")

    def _read(self) -> None:
        ask_for_real_time(SINGER)  # a key must not wait for other work of this process
        with suppress(EOFError):
            while True:
                report = self._child.pipe.receive(self._idle.timeout_s() if self._idle is not None else None)
                if report is not None:
                    self._take(report)
                elif self._idle is not None:
                    _guarded(self._idle.run)
        self.has_ended = True
        self._answers.put(Ended())

    def _take(self, report: Report) -> None:
        match report:
            case MidiHeard():
                if self._idle is not None:
                    self._idle.note_activity()
                self._hand_on(report)
            case Pulled():
                if (on_pulled := self._on_pulled.get(report.port)) is not None:
                    on_pulled()
            case PortListed():
                self._listed.append(report)
            case Listed():
                self.inputs = [port.name for port in self._listed]
                self.hardware = [port.name for port in self._listed if port.is_hardware]
                self._listed = []
            case Gone():
                log.info("JACK has ended: %s", report.text)
            case _:
                self._answers.put(report)

    def _hand_on(self, heard: MidiHeard) -> None:
        if heard.lost:
            log.warning("%d MIDI messages were lost: too many came at once.", heard.lost)
        callback = self._callbacks.get(heard.port)
        message = as_mido(heard) if callback is not None else None
        if callback is not None and message is not None:
            _guarded(partial(callback, message))


def _guarded(work: Callable[[], object]) -> None:
    """Do `work`, and log an exception: one message that fails must not silence all others."""
    try:
        work()
    except Exception:
        log.exception("a MIDI message could not be acted on")
