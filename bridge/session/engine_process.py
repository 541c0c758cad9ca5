"""The engine process seen from its parent: started, fed, overheard, and started again with all that it knew when it dies."""

from __future__ import annotations

import json
import logging
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bridge.child import LastWords, spawn
from engine import (
    Bend,
    Configure,
    Expression,
    GoToLine,
    LiveEvent,
    LiveParameter,
    LyricLine,
    Lyrics,
    Panic,
    ResetControllers,
    VocaleseError,
)
from engine import errors as engine_errors

from .live_process import Opening
from .live_wire import plain_event

_MOST_DEATHS, _DEATHS_WITHIN_S = 5, 60.0
_CLOSE_WITHIN_S = 3.0
_MOST_CUES = 50_000  # a voice's queue holds no more
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_NOT_NOW = "The engine is being started again. Ask again in a moment."
_ENDED = "The engine process has ended before this was done. Ask again."
_RESET = (LiveParameter.MODULATION, LiveParameter.EXPRESSION, LiveParameter.PRESSURE)

log = logging.getLogger(__name__)

Report = dict[str, Any]


@dataclass
class _TrackState:
    """What a new engine process has to be told about a track."""

    voice: str
    lines: list[LyricLine] | None = None  # None: nobody sent words
    cues: int = 0
    configured: Configure | None = None
    controllers: dict[LiveParameter, Expression] = field(default_factory=dict)
    bend: Bend | None = None
    place: tuple[int, int] = (0, 0)
    next_text: str = ""
    changes: int = 0  # how often anything here was changed by an event

    def notice(self, event: LiveEvent) -> None:
        """Remember what lasts of an event."""
        self.changes += 1
        match event:
            case Lyrics():
                self._write(event)
            case GoToLine():
                self.place = (event.line, event.syllable)
            case Configure():
                self.configured = event
            case Expression(note_id=None):
                self.controllers[event.parameter] = event
            case Bend(note_id=None):
                self.bend = event
            case ResetControllers() | Panic(keeps_controllers=False):
                self.bend = None
                forgotten = _RESET if isinstance(event, ResetControllers) else tuple(self.controllers)
                for parameter in forgotten:
                    self.controllers.pop(parameter, None)
            case _:
                self.changes -= 1

    def events(self) -> list[LiveEvent]:
        """The same for a voice that knows nothing, or less."""
        known: list[LiveEvent] = [event for event in (self.configured, self.bend) if event is not None]
        words = [] if self.lines is None else [Lyrics(0.0, tuple(self.lines)), GoToLine(0.0, *self.place)]
        return [*known, *self.controllers.values(), *words]

    def _write(self, event: Lyrics) -> None:
        """As much of it as a voice's queue takes: the place in the words has to mean the same there and here."""
        if event.replaces or self.lines is None:
            self.lines, self.cues, self.place = [], 0, (0, 0)
        for line in event.lines:
            if self.cues + len(line.cues) > _MOST_CUES:
                break
            if line.cues:
                self.lines.append(line)
                self.cues += len(line.cues)


class EngineProcess:
    """A running engine process, as a context manager. `send` and the rest may be called from any thread.

    `on_report(report)` gets what the process says, `on_notice(text)` full sentences for the user; both are called from a thread.
    Raises VoiceError or another VocaleseError if it cannot be opened.
    """

    def __init__(self, opening: Opening, on_report: Callable[[Report], None], on_notice: Callable[[str], None]) -> None:
        self._opening = opening
        self._on_report, self._on_notice = on_report, on_notice
        self._tracks = [_TrackState(voice) for voice in opening.voices]
        self._lock = threading.Lock()  # what is known and what is sent stay together
        self._deaths_s: list[float] = []
        self._marks: dict[int, int] = {}  # where takes that are being recorded begin, by track; ns of `time.monotonic_ns`
        self._asked: dict[tuple[str, int], Report] = {}  # what has not been answered yet
        self._is_closing = False
        self.is_ready = False
        self.load = 0.0
        self.modules: tuple[str, ...] = ()
        self._process = self._spawn()
        try:
            self._await_ready()
        except BaseException:
            self.close()
            raise
        self._thread = threading.Thread(target=self._watch, name="engine", daemon=True)
        self._thread.start()

    def __enter__(self) -> EngineProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def process_id(self) -> int:
        """Of the engine process."""
        return self._process.pid

    def send(self, track: int, events: Sequence[LiveEvent], at_ns: int) -> None:
        """Something to happen on a track, `at_ns` of `time.monotonic_ns` and a constant later; all of it within one frame. While the process
        is started again, what lasts is remembered and notes are lost."""
        with self._lock:
            for event in events:
                self._tracks[track].notice(event)
            if self.is_ready:
                self._order(do="events", track=track, events=[plain_event(event) for event in events], at_ns=at_ns)

    def rehearse(self, track: int, events: Sequence[LiveEvent], at_ns: int) -> None:
        """As `send`, for events that are read and no more. A process that does not keep up is spared."""
        with self._lock:
            if self.is_ready and self._has_room():
                self._order(do="rehearse", track=track, events=[plain_event(event) for event in events], at_ns=at_ns)

    def change_voice(self, track: int, name: str) -> None:
        """Give a track another voice; the report `voice` says whether it could be."""
        with self._lock:
            if self.is_ready:
                self._order(do="voice", track=track, name=name)
                self._asked["voice", track] = {"event": "voice", "track": track, "name": name}
                return
        self._on_report({"event": "voice", "track": track, "name": name, "error": _NOT_NOW})

    def mark(self, track: int, at_ns: int) -> None:
        """Let a take of this track begin at a moment of `time.monotonic_ns`."""
        with self._lock:
            self._marks[track] = at_ns
            if self.is_ready:
                self._order(do="mark", track=track, at_ns=at_ns)

    def take(self, number: int, tracks: tuple[int, ...], *, path: Path, name: str) -> None:
        """Write what was played on these tracks since the earliest mark, or since the start; the report `written` with this number tells how
        it went."""
        with self._lock:
            if self.is_ready:
                for track in tracks:
                    self._marks.pop(track, None)
                self._order(do="take", id=number, tracks=tracks, path=str(path), name=name)
                self._asked["written", number] = {"event": "written", "id": number, "path": str(path)}
                return
        self._on_report({"event": "written", "id": number, "path": str(path), "error": _NOT_NOW})

    def close(self) -> None:
        """End the process. May be called twice."""
        self._is_closing = True
        process = self._process
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        with self._lock, suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_CLOSE_WITHIN_S)
        except subprocess.TimeoutExpired:
            log.warning("the engine process did not end within %g s and was stopped", _CLOSE_WITHIN_S)
            process.kill()
            process.wait()
        thread = getattr(self, "_thread", None)
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self._last_words.wait()
        process.stdout.close()
        process.stderr.close()

    # ---- one life ----------------------------------------------------------------------------------------------------

    def _spawn(self) -> subprocess.Popen[bytes]:
        process = spawn("bridge.session.live_process", settings=_ONE_THREAD)
        self._last_words = LastWords(process, "engine")
        return process

    def _await_ready(self) -> None:
        """Open it with all that is known, and wait until it can sing."""
        with self._lock:
            voices = tuple(state.voice for state in self._tracks)
            known = [[plain_event(event) for event in state.events()] for state in self._tracks]
            told = [state.changes for state in self._tracks]
        self._order(do="open", **{**asdict(replace(self._opening, voices=voices)), "known": known})
        heard = self._hear()
        if heard is None:
            raise VocaleseError(f"The engine process ended while it was opened. Its last words: {self._last_words}")
        if heard["event"] == "refused":
            raise getattr(engine_errors, heard["kind"], VocaleseError)(heard["text"])
        self.modules = tuple(heard["modules"])
        with self._lock:
            for track, state in enumerate(self._tracks):
                if state.changes != told[track]:  # while it was opened
                    self._order(do="restore", track=track, events=[plain_event(event) for event in state.events()])
            for track, at_ns in self._marks.items():
                self._order(do="mark", track=track, at_ns=at_ns)
            self.is_ready = True

    def _hear(self) -> Report | None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def _has_room(self) -> bool:
        """Whether some lines can be written without waiting; Windows' pipes do not tell."""
        assert self._process.stdin is not None
        return sys.platform == "win32" or bool(select.select([], [self._process.stdin], [], 0.0)[1])

    def _order(self, **values: Any) -> None:
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # a process that has ended is noticed by its watcher
            self._process.stdin.write(json.dumps(values).encode() + b"\n")
            self._process.stdin.flush()

    # ---- all its lives -----------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        while True:
            while (heard := self._hear()) is not None:
                self._take_in(heard)
            self.is_ready = False
            if self._is_closing or not self._start_again():
                return

    def _take_in(self, heard: Report) -> None:
        with self._lock:
            match heard["event"]:
                case "load":
                    self.load = heard["share"]
                case "position":
                    state = self._tracks[heard["track"]]
                    state.place, state.next_text = (heard["line"], heard["syllable"]), heard["text"]
                case "voice":
                    self._asked.pop(("voice", heard["track"]), None)
                    if not heard["error"]:
                        self._tracks[heard["track"]].voice = heard["name"]
                case "written":
                    self._asked.pop(("written", heard["id"]), None)
        self._on_report(heard)

    def _start_again(self) -> bool:
        with self._lock:
            is_recording, asked = bool(self._marks), list(self._asked.values())
            self._asked.clear()
        for request in asked:
            self._on_report({**request, "error": _ENDED})
        now_s = time.monotonic()
        self._deaths_s = [*(death for death in self._deaths_s if now_s - death < _DEATHS_WITHIN_S), now_s]
        if len(self._deaths_s) > _MOST_DEATHS:
            self._on_notice(f"The engine process keeps ending; nothing is sung any more. Its last words: {self._last_words}")
            return False
        lost = " What was recorded until now is lost from the take." if is_recording else ""
        self._on_notice(f"The engine process has ended unexpectedly; it is started again.{lost}")
        ended = self._process
        with self._lock:
            if self._is_closing:
                return False
            self._process = self._spawn()
        try:
            self._await_ready()
        except VocaleseError as error:
            log.warning("%s", error)
        _close_pipes(ended)
        if self.is_ready:
            self._on_notice(f"The engine sings again, with voices, settings and words as they were{self._shown_place()}.")
        return True

    def _shown_place(self) -> str:
        waiting = [f"'{state.next_text}' on track {track}" for track, state in enumerate(self._tracks) if state.next_text]
        return f"; next comes {', '.join(waiting)}" if waiting else ""


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
