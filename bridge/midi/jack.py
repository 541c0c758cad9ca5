"""MIDI ports of JACK, listed and heard by a process of their own (`jack_process`).

rtmidi would enter Python in JACK's own thread, and JACK's whole graph would wait for the interpreter: the device misses blocks, and notes come
late. It also loses a message's place in its period, and holds the interpreter for 15 to 50 ms while JACK lists its ports.
"""

from __future__ import annotations

import json
import logging
import math
import os
import queue
import select
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import mido

from bridge.child import LastWords, spawn
from bridge.priority import SINGER, ask_for_real_time

_CLIENT_NAME = "Vocalese"
_AGAIN_AFTER_S = 2.0  # once JACK has ended
_ANSWER_WITHIN_S = 20.0
_CLOSE_WITHIN_S = 2.0
_AWAKE_EVERY_S, _AWAKE_FOR_S = 0.004, 30.0
_REHEARSED = b'{"event": "message", "port": 0, "at_ns": 0, "data": "903c40", "lost": 0}'
_ENDED: dict[str, Any] = {"event": "ended"}

log = logging.getLogger(__name__)
OnMessage = Callable[[mido.Message], None]


class JackInterface:
    """JACK's MIDI with the methods of `Backend`. All raise OSError where no server runs, and find one that has come back. `close` it."""

    api = "UNIX_JACK"

    def __init__(self, client_name: str = _CLIENT_NAME) -> None:
        self._client_name = client_name
        self._on_rehearsal: OnMessage | None = None
        self._reader: JackReader | None = None
        self._again_s = 0.0
        self._reading()

    def get_input_names(self, **_: object) -> list[str]:
        """Ports that notes can come from, of all programs."""
        return self._reading().inputs

    def get_hardware_names(self) -> list[str]:
        """Those that are hardware. Programs are patched to the virtual port by hand; opened by ourselves as well, they would sing each note
        twice."""
        return self._reading().hardware

    def open_input(self, name: str, *, client_name: str | None = None, **arguments: Any) -> JackInput:
        """See `JackInput`. All belong to the client of this interface, whatever `client_name` says."""
        return JackInput(self._reading(), name, **arguments)

    def rehearse_with(self, on_rehearsal: OnMessage) -> bool:
        """Let it get a note that nobody played, in the thread that real ones come in, every few milliseconds for half a minute after each
        message: what has not run for ten or twenty is out of the caches, and the next note would take a millisecond or two longer."""
        self._on_rehearsal = on_rehearsal
        self._reading().on_rehearsal = on_rehearsal
        return True

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
            self._reader = JackReader(self._client_name)
            self._reader.on_rehearsal = self._on_rehearsal
        return self._reader


class JackInput:
    """An open port of JACK. `callback(message)` is called in the reader's thread; `message.time` is the moment at which it is due, by
    `time.monotonic`.

    A `virtual` port gets the `name`; any other is joined by its full name. Raises OSError where that cannot be.
    """

    def __init__(self, reader: JackReader, name: str, callback: OnMessage, *, virtual: bool = False) -> None:
        self._reader = reader
        self._number = reader.open(name, None if virtual else name, callback)

    @property
    def closed(self) -> bool:
        """Whether nothing will come any more."""
        return not self._reader.has(self._number)

    def close(self) -> None:
        """Nothing is called any more. Not to be called by the callback."""
        self._reader.close(self._number)


class JackReader:
    """A process that lists ports and hears those that are opened. Raises OSError where no server runs. `end` it."""

    def __init__(self, client_name: str) -> None:
        self.inputs: list[str] = []
        self.hardware: list[str] = []
        self.has_ended = False
        self.on_rehearsal: OnMessage | None = None
        self._lock = threading.Lock()  # one question at a time
        self._callbacks: dict[int, OnMessage] = {}
        self._opened = 0
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._process = spawn("bridge.midi.jack_process", client_name)
        self._last_words = LastWords(self._process, "JACK MIDI")
        self._thread = threading.Thread(target=self._read, name="JACK MIDI", daemon=True)
        self._thread.start()
        try:
            self._answer("listening")
        except OSError:
            self.end()
            raise

    def has(self, number: int) -> bool:
        """Whether this port is open."""
        return not self.has_ended and number in self._callbacks

    def open(self, name: str, source: str | None, callback: OnMessage) -> int:
        """Open a port and join it to a `source`; its number."""
        with self._lock:
            number = self._opened
            self._opened += 1
            self._callbacks[number] = callback
            try:
                self._ask("opened", do="open", port=number, name=name, source=source)
            except OSError as error:
                del self._callbacks[number]
                raise OSError(f"'{name}' cannot be opened: {error}") from error
        return number

    def close(self, number: int) -> None:
        """Close a port; its callback is not called any more."""
        with self._lock:
            if number in self._callbacks:
                with suppress(OSError):  # then it has ended, and its ports with it
                    self._ask("closed", do="close", port=number)
                del self._callbacks[number]

    def end(self) -> None:
        """End the process. May be called twice."""
        process = self._process
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        self.has_ended = True
        with suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_CLOSE_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._thread.join()
        self._last_words.wait()
        process.stdout.close()
        process.stderr.close()

    def _ask(self, answer: str, **order: Any) -> None:
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # a process that has ended says so by its answer
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        self._answer(answer)

    def _answer(self, event: str) -> None:
        try:
            heard = self._answers.get(timeout=_ANSWER_WITHIN_S)
        except queue.Empty:
            raise OSError(f"no answer within {_ANSWER_WITHIN_S:g} s") from None
        if heard["event"] == event:
            return
        if heard == _ENDED:
            self._answers.put(heard)  # whoever asks next finds out too
            raise OSError(f"the process that hears MIDI has ended. Its last words: {self._last_words}")
        raise OSError(heard["text"])

    def _read(self) -> None:
        assert self._process.stdout is not None
        ask_for_real_time(SINGER)  # a key does not wait for what else is done here
        source, held, heard_s = self._process.stdout.fileno(), b"", -math.inf
        ports: list[tuple[str, bool]] = []
        while True:
            is_awake = self.on_rehearsal is not None and time.monotonic() - heard_s < _AWAKE_FOR_S
            if not select.select([source], [], [], _AWAKE_EVERY_S if is_awake else None)[0]:
                self._hand_on(json.loads(_REHEARSED), self.on_rehearsal)
                continue
            if not (piece := os.read(source, 1 << 16)):
                break
            *lines, held = (held + piece).split(b"\n")
            for line in lines:
                heard = json.loads(line)
                if heard["event"] == "message":
                    heard_s = time.monotonic()
                    self._hand_on(heard, self._callbacks.get(heard["port"]))
                elif heard["event"] == "port":
                    ports.append((heard["name"], heard["is_hardware"]))
                elif heard["event"] == "listed":
                    self.inputs = [name for name, _ in ports]
                    self.hardware = [name for name, is_hardware in ports if is_hardware]
                    ports = []
                elif heard["event"] == "gone":
                    log.info("JACK has ended: %s", heard["text"])
                else:
                    self._answers.put(heard)
        self.has_ended = True
        self._answers.put(_ENDED)

    def _hand_on(self, heard: dict[str, Any], callback: OnMessage | None) -> None:
        if heard["lost"]:
            log.warning("%d MIDI messages were lost: too many came at once.", heard["lost"])
        if callback is None:
            return
        try:
            message = mido.Message.from_bytes(bytes.fromhex(heard["data"]))
        except ValueError:
            return  # no message of MIDI
        message.time = heard["at_ns"] * 1e-9
        try:
            callback(message)
        except Exception:  # one message that fails must not silence all others
            log.exception("a MIDI message could not be acted on")
