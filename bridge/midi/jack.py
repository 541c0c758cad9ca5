"""MIDI ports of JACK.

With a callback rtmidi enters Python in JACK's own thread, and JACK's whole graph waits for the interpreter: the device misses blocks, and
notes come late. So rtmidi keeps messages, each with the time since the one before, and a thread looks every millisecond.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import mido
import rtmidi

from bridge.jack import open_client
from engine.errors import DeviceError

_LISTER_NAME = "Vocalese list"
_LOOK_EVERY_S = 0.001
_LOST_S = 0.1
_CLOSE_WITHIN_S = 2.0


class JackInterface:
    """JACK's MIDI with the methods of `mido.Backend` that `MidiPorts` uses. Raises OSError where no server runs.

    JACK takes 15 to 50 ms to list ports if it was not asked just before, and rtmidi would hold the interpreter meanwhile. So another client
    lists them, once after each change.
    """

    api = "UNIX_JACK"

    def __init__(self) -> None:
        try:
            self._client = open_client(_LISTER_NAME)
        except DeviceError as error:
            raise OSError(str(error)) from error
        self._has_changed, self._is_gone = True, False
        self._inputs: list[str] = []
        self._hardware: list[str] = []
        self._client.set_port_registration_callback(self._change, only_available=False)
        self._client.set_shutdown_callback(self._go)
        self._client.activate()

    def get_input_names(self, **_: object) -> list[str]:
        """Ports that notes can come from, of all programs."""
        self._list()
        return self._inputs

    def get_hardware_names(self) -> list[str]:
        """Those that are hardware. Programs are patched to the virtual port by hand; opened by ourselves as well, they would sing each note
        twice."""
        self._list()
        return self._hardware

    def open_input(self, name: str, **arguments: Any) -> JackInput:
        """See `JackInput`."""
        return JackInput(name, **arguments)

    def _list(self) -> None:
        if self._is_gone:
            self._inputs = self._hardware = []
        elif self._has_changed:
            self._has_changed = False
            self._inputs, self._hardware = (
                [port.name for port in self._client.get_ports(is_midi=True, is_output=True, is_physical=is_physical)]
                for is_physical in (False, True)
            )

    def _change(self, _port: object, _is_new: bool) -> None:
        self._has_changed = True

    def _go(self, _status: object, _reason: str) -> None:
        self._is_gone = True


class Arrivals:
    """When messages came, from the times between them: they are exact, while each one is found up to a look too late."""

    def __init__(self) -> None:
        self._since_first_s, self._first_s = 0.0, math.inf

    def came_s(self, since_last_s: float, found_s: float) -> float:
        """When a message came that was found at `found_s`, `since_last_s` after the one before. Never later than it was found."""
        self._since_first_s += since_last_s
        first_s = found_s - self._since_first_s
        if first_s > self._first_s + _LOST_S:  # messages were lost, and their times with them; or this process stood still
            self._first_s = math.inf
        self._first_s = min(self._first_s, first_s)
        return self._since_first_s + self._first_s


class JackInput:
    """An open port of JACK. `callback(message)` is called in a thread of its own; `message.time` is how long ago it came, in seconds.

    A `virtual` port gets the `name` in a client `client_name`; any other is joined by its full name. Raises OSError where that cannot be.
    """

    def __init__(
        self, name: str, callback: Callable[[mido.Message], None], *, virtual: bool = False, client_name: str | None = None
    ) -> None:
        self._callback = callback
        self._input = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name=client_name or "Vocalese input")
        try:
            if virtual:
                self._input.open_virtual_port(name)
            else:
                self._input.open_port(self._input.get_ports().index(name))
        except (ValueError, RuntimeError) as error:
            self._input.delete()
            raise OSError(f"'{name}' cannot be opened: {error}") from error
        self._input.ignore_types(sysex=False, timing=False, active_sense=True)
        self._is_closing = False
        self._thread = threading.Thread(target=self._read, name="jack midi", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Nothing is called any more."""
        self._is_closing = True
        if self._thread is not threading.current_thread():
            self._thread.join(_CLOSE_WITHIN_S)
        self._input.close_port()
        self._input.delete()

    def _read(self) -> None:
        arrivals = Arrivals()
        while not self._is_closing:
            time.sleep(_LOOK_EVERY_S)
            while not self._is_closing and (found := self._input.get_message()) is not None:
                now_s = time.monotonic()
                came_s = arrivals.came_s(found[1], now_s)
                with suppress(ValueError):  # no message of MIDI
                    message = mido.Message.from_bytes(found[0])
                    message.time = now_s - came_s
                    self._callback(message)
