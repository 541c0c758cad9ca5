"""MIDI input ports: a virtual one, and hardware by name, opened and closed as they come and go."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import mido

from bridge.realtime.keep_warm import IdleTask

logger = logging.getLogger(__name__)

VIRTUAL_NAME = "Vocalese"
_POLL_S = 1.0
_ALSA_SEQUENCER = Path("/dev/snd/seq")
_THROUGH = "midi through"  # ALSA's loopback: only if asked for by name
_INTERFACES = {"LINUX_ALSA": "ALSA", "UNIX_JACK": "JACK", "MACOSX_CORE": "CoreMIDI", "WINDOWS_MM": "Windows MM"}
_LISTER_NAME = "Vocalese list"
_TRIED_NAME = "Vocalese doctor"
_CANNOT_BE_VIRTUAL = (OSError, NotImplementedError, RuntimeError)  # raised by backends without virtual ports, as on Windows
NO_MIDI = "There is no MIDI on this machine ({error}); notes can still be sent by OSC."
NO_VIRTUAL = "This system has no virtual MIDI ports ({error}); connect a hardware port or a loopback driver instead."


class InputPort(Protocol):
    """An open port; messages go to the callback it was opened with. One whose interface has ended is `closed` too."""

    @property
    def closed(self) -> bool: ...

    def close(self) -> None: ...


class Backend(Protocol):
    """Interface of a MIDI system: that of `mido.Backend`, and `close`."""

    def get_input_names(self, **arguments: Any) -> list[str]: ...

    def open_input(self, name: str, **arguments: Any) -> InputPort: ...

    def close(self) -> None: ...


OnMessage = Callable[[str, mido.Message], None]
OnPort = Callable[[str], None]


def age_s(message: mido.Message) -> float:
    """Return the age of a message in seconds: its `time`, where the interface gives one, is a moment of `time.monotonic`."""
    return time.monotonic() - message.time if message.time else 0.0


class MidiInterface:
    """One of the interfaces that python-rtmidi was built with, through mido. `api` is rtmidi's name of it.

    Ports are listed by one permanent client; mido makes two for each list.
    """

    def __init__(self, api: str) -> None:
        import rtmidi

        self.api = api
        self._mido = mido.Backend(f"mido.backends.rtmidi/{api}")
        self._lister = rtmidi.MidiIn(getattr(rtmidi, f"API_{api}"), name=_LISTER_NAME)

    def get_input_names(self, **arguments: Any) -> list[str]:
        """Return the ports that notes can come from, each name once."""
        return list(dict.fromkeys(name for name in self._lister.get_ports() if not name.startswith(_LISTER_NAME)))

    def open_input(self, name: str, **arguments: Any) -> InputPort:
        """Open a port as mido does."""
        port: InputPort = self._mido.open_input(name, **arguments)
        return port

    def close(self) -> None:
        """Close the client that lists ports."""
        self._lister.delete()


def find_backend(idle: IdleTask | None = None) -> Backend:
    """Return the first of the system's MIDI interfaces that answers. Raises OSError if none does, ImportError without python-rtmidi.

    `idle` is run by interfaces whose messages come in a thread of ours, JACK's, while none comes.
    """
    names = mido.Backend("mido.backends.rtmidi").module.get_api_names()
    error = OSError("no MIDI interface is built in")
    for name in names:
        if name == "LINUX_ALSA" and not _ALSA_SEQUENCER.exists():  # it would complain on the terminal by itself
            error = OSError(f"{_ALSA_SEQUENCER} does not exist")
            continue
        try:
            backend = _interface(name, idle)
            backend.get_input_names()
        except OSError as refusal:
            error = refusal
        else:
            return backend
    raise error


def _interface(name: str, idle: IdleTask | None) -> Backend:
    if name == "UNIX_JACK":
        from .jack_backend import JackInterface

        return JackInterface(idle=idle)
    return MidiInterface(name)


@dataclass(frozen=True, slots=True)
class MidiSurvey:
    """Survey of MIDI: name of the interface, its input ports, and the reason why there can be no virtual port ("" = there can)."""

    interface: str
    inputs: tuple[str, ...]
    no_virtual: str


def survey(backend: Backend | None = None) -> MidiSurvey:
    """Survey the system's MIDI, and open and close a virtual port. Raises what `find_backend` raises."""
    if backend is None:
        with closing(find_backend()) as found:
            return survey(found)
    api = getattr(backend, "api", None) or "unknown"
    inputs, no_virtual = tuple(backend.get_input_names()), ""
    try:
        backend.open_input(_TRIED_NAME, virtual=True, client_name=_TRIED_NAME, callback=lambda _: None).close()
    except _CANNOT_BE_VIRTUAL as error:
        no_virtual = str(error)
    return MidiSurvey(_INTERFACES.get(api, api), inputs, no_virtual)


class MidiPorts:
    """Opens the virtual port and every port whose name holds one of `wanted` (any case); () = none, None = all that are hardware.

    Without a `backend` the one that `find` returns is taken: the first MIDI interface that answers, ALSA before JACK.
    `on_message(port, message)` is called on the port's thread, at once, or later: see `age_s`. `on_lost(port)` is called on the polling thread
    when a port has gone, and on the port's thread when a cable was pulled. A system without MIDI gives a notice of `start`
    and is then left alone.
    """

    def __init__(
        self,
        on_message: OnMessage,
        on_lost: OnPort,
        *,
        wanted: Sequence[str] | None = None,
        virtual_name: str | None = VIRTUAL_NAME,
        backend: Backend | None = None,
        poll_s: float = _POLL_S,
        find: Callable[[], Backend] = find_backend,
    ) -> None:
        self._on_message, self._on_lost, self._find = on_message, on_lost, find
        self._wanted = wanted if wanted is None else tuple(name.lower() for name in wanted)
        self._virtual_name = virtual_name
        self._backend = backend
        self._found: Backend | None = None  # closed with the ports; a given one is left open
        self._poll_s = poll_s
        self._open: dict[str, InputPort] = {}
        self._refused: set[str] = set()
        self._virtual: InputPort | None = None
        self._is_virtual_lost = False
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return the ports that are open, the virtual one first."""
        virtual = (self._virtual_name,) if self._virtual is not None and self._virtual_name else ()
        return (*virtual, *self._open)

    def start(self) -> tuple[str, ...]:
        """Open the ports and keep looking for more. Return full sentences about what is not possible on this system."""
        try:
            if self._backend is None:
                self._backend = self._found = self._find()
            self._backend.get_input_names()
        except (OSError, ImportError) as error:
            return (NO_MIDI.format(error=str(error).rstrip(".")),)
        notices = self._open_virtual(self._backend)
        self.scan()
        self._thread = threading.Thread(target=self._watch, name="midi-ports", daemon=True)
        self._thread.start()
        return notices

    def scan(self) -> None:
        """Open wanted ports that have come, close those that have gone.

        A port that cannot be opened is logged once. The virtual port comes back with its interface.
        """
        if (backend := self._backend) is None:
            return
        try:
            # Where an interface cannot tell, everything is taken for hardware.
            listed = (
                getattr(backend, "get_hardware_names", backend.get_input_names)
                if self._wanted is None
                else backend.get_input_names
            )
            present = [name for name in listed() if self._is_wanted(name)]
            is_there = True
        except OSError as error:
            logger.debug("MIDI ports cannot be listed: %s", error)
            present, is_there = [], False
        with self._lock:
            if self._stop.is_set():
                return
            gone = [name for name, port in self._open.items() if name not in present or port.closed]
            for name in gone:
                self._open.pop(name).close()
            if self._virtual is not None and self._virtual.closed:
                self._virtual.close()
                self._virtual, self._is_virtual_lost = None, True
                gone.append(self._virtual_name or "")
            if self._is_virtual_lost and is_there and not self._open_virtual(backend):
                self._is_virtual_lost = False
                logger.info("MIDI port '%s' is open again.", self._virtual_name)
            self._refused &= set(present)
            for name in present:
                if name not in self._open and name not in self._refused:
                    self._open_hardware(backend, name)
        for name in gone:
            logger.info("MIDI port '%s' has gone.", name)
            self._on_lost(name)

    def close(self) -> None:
        """Close all ports; no callback is called any more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            for port in (*self._open.values(), *([self._virtual] if self._virtual else [])):
                port.close()
            self._open.clear()
            self._virtual = None
            if self._found is not None:
                self._found.close()
                self._backend = self._found = None

    def __enter__(self) -> MidiPorts:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _open_virtual(self, backend: Backend) -> tuple[str, ...]:
        name = self._virtual_name
        if name is None:
            return ()
        try:
            self._virtual = backend.open_input(
                name, virtual=True, client_name=name, callback=self._callback(name), **self._pulled(backend, name)
            )
        except _CANNOT_BE_VIRTUAL as error:
            return (NO_VIRTUAL.format(error=error),)
        return ()

    def _open_hardware(self, backend: Backend, name: str) -> None:
        try:
            self._open[name] = backend.open_input(name, callback=self._callback(name))
        except (OSError, RuntimeError) as error:
            self._refused.add(name)
            logger.warning("MIDI port '%s' cannot be opened: %s. Is another program using it?", name, error)
        else:
            logger.info("MIDI port '%s' is open.", name)

    def _pulled(self, backend: Backend, name: str) -> dict[str, Callable[[], None]]:
        """Return the callback for pulled cables, for interfaces that can tell."""
        return {"on_pulled": lambda: self._on_lost(name)} if getattr(backend, "tells_pulled", False) else {}

    def _callback(self, name: str) -> Callable[[mido.Message], None]:
        return lambda message: self._on_message(name, message)

    def _is_wanted(self, name: str) -> bool:
        lower = name.lower()
        if self._virtual_name and lower.startswith(self._virtual_name.lower()):
            return False
        if self._wanted is None:
            return not lower.startswith(_THROUGH)
        return any(part in lower for part in self._wanted)

    def _watch(self) -> None:
        while not self._stop.wait(self._poll_s):
            self.scan()
