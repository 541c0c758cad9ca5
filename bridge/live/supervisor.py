"""The parent's side of the engine process: start it, send to it, and restart it with its lasting state when it dies."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bridge.realtime.child_process import ChildProcess, RestartLimit
from engine import LiveEvent, LiveSettings, LiveState, Panic, Parameter, PerformanceSettings, StepLine, VocaleseError
from engine import errors as engine_errors

from . import messages
from .messages import Report, TakeWritten, VoiceChanged, WorkerConfig, wire_events

_MOST_DEATHS, _DEATHS_WITHIN_S = 5, 60.0
_CLOSE_WITHIN_S = 3.0
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_NOT_NOW = "The engine is being started again. Ask again in a moment."
_ENDED = "The engine process has ended before this was done. Ask again."

log = logging.getLogger(__name__)


@dataclass
class _Track:
    """Voice and lasting state of a track; `changes` counts the events that changed the state."""

    voice: str
    state: LiveState = field(default_factory=LiveState)
    changes: int = 0

    def apply(self, event: LiveEvent) -> None:
        """Keep what lasts of an event. Line steps are left out: they count from the line sung last, and `Position` reports their effect."""
        if not isinstance(event, StepLine) and self.state.apply(event):
            self.changes += 1


@dataclass(frozen=True, slots=True)
class TrackView:
    """A track as the bridge knows it. `place`: line and syllable that the next note takes; `next_text`: its text."""

    voice: str
    place: tuple[int, int]
    next_text: str
    settings: PerformanceSettings
    live: LiveSettings
    controllers: Mapping[Parameter, float]


class EngineProcess:
    """A running engine process, as a context manager. `send` and the rest may be called from any thread.

    `on_report(report)` gets its reports, `on_notice(text)` full sentences for the user; both are called from a thread. Raises VoiceError or
    another VocaleseError if it cannot be opened.
    """

    def __init__(self, config: WorkerConfig, on_report: Callable[[Report], object], on_notice: Callable[[str], object]) -> None:
        self._config = config
        self._on_report, self._on_notice = on_report, on_notice
        self._tracks = [_Track(voice) for voice in config.voices]
        self._lock = threading.Lock()  # state and sent messages stay consistent
        self._limit = RestartLimit(_MOST_DEATHS, _DEATHS_WITHIN_S)
        self._marks: dict[int, int] = {}  # begin of takes being recorded, by track; ns of `time.monotonic_ns`
        self._asked: dict[tuple[str, int], VoiceChanged | TakeWritten] = {}  # requests without an answer yet
        self._is_closing = False
        self.is_ready = False
        self.load = 0.0
        self.modules: tuple[str, ...] = ()
        self._child = self._spawn()
        self._thread: threading.Thread | None = None
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
        """Return the number of the engine process."""
        return self._child.process_id

    @property
    def waiting_requests(self) -> int:
        """Return how many voice changes and takes have no answer yet."""
        return len(self._asked)

    def track(self, number: int) -> TrackView:
        """Return what is known of a track."""
        with self._lock:
            track, state = self._tracks[number], self._tracks[number].state
            position = state.words.position
            place = (position.line, position.syllable)
            return TrackView(track.voice, place, position.next_text, state.settings, state.live, dict(state.controllers))

    def send(self, track: int, events: Sequence[LiveEvent], at_ns: int) -> None:
        """Let events happen on a track within one frame, `at_ns` of `time.monotonic_ns` and a constant later.

        While the process is started again, lasting events are kept for it and notes are lost.
        """
        with self._lock:
            for event in events:
                self._tracks[track].apply(event)
            if self.is_ready:
                self._child.send(messages.TrackEvents(track, wire_events(events), at_ns))

    def keep_warm(self, track: int, events: Sequence[LiveEvent], at_ns: int) -> None:
        """Send events that are only decoded. A process that does not keep up gets none, or a panic would wait behind them."""
        with self._lock:
            if self.is_ready and self._child.pipe.has_room():
                self._child.send(messages.WarmEvents(track, wire_events(events), at_ns))

    def change_voice(self, track: int, name: str) -> None:
        """Give a track another voice; the report `VoiceChanged` tells the result."""
        with self._lock:
            if self.is_ready:
                self._child.send(messages.ChangeVoice(track, name))
                self._asked["voice", track] = VoiceChanged(track, name, _ENDED)
                return
        self._on_report(VoiceChanged(track, name, _NOT_NOW))

    def mark(self, track: int, at_ns: int) -> None:
        """Let a take of this track begin at a moment of `time.monotonic_ns`."""
        with self._lock:
            self._marks[track] = at_ns
            if self.is_ready:
                self._child.send(messages.Mark(track, at_ns))

    def take(self, number: int, tracks: tuple[int, ...], *, path: Path, name: str) -> None:
        """Write what was played on these tracks since the earliest mark, or since the start; `TakeWritten` tells the result."""
        with self._lock:
            if self.is_ready:
                for track in tracks:
                    self._marks.pop(track, None)
                self._child.send(messages.WriteTake(number, tracks, str(path), name))
                self._asked["take", number] = TakeWritten(number, str(path), _ENDED)
                return
        self._on_report(TakeWritten(number, str(path), _NOT_NOW))

    def close(self) -> None:
        """End the process. May be called twice."""
        self._is_closing = True
        is_locked = self._lock.acquire(timeout=_CLOSE_WITHIN_S)  # a sender may wait for a process that does not read
        child = self._child
        if is_locked:
            self._lock.release()
        child.close(_CLOSE_WITHIN_S, reader=self._thread)

    # ---- one life ----------------------------------------------------------------------------------------------------

    def _spawn(self) -> ChildProcess[Report]:
        return ChildProcess("bridge.live.worker", name="engine", reads=Report, environment=_ONE_THREAD, is_realtime=True)

    def _await_ready(self) -> None:
        """Open the process with the lasting state, and wait until it can sing."""
        with self._lock:
            config = replace(self._config, voices=tuple(track.voice for track in self._tracks))
            known = tuple(wire_events(track.state.events()) for track in self._tracks)
            sent = [track.changes for track in self._tracks]
        self._child.send(messages.Open(config, known))
        report = self._receive()
        if isinstance(report, messages.Refused):
            raise getattr(engine_errors, report.kind, VocaleseError)(report.text)
        if not isinstance(report, messages.Ready):
            self._child.stderr.wait()
            raise VocaleseError(f"The engine process ended while it was opened. Its stderr: {self._child.stderr}")
        self.modules = report.modules
        with self._lock:
            for number, track in enumerate(self._tracks):
                if track.changes != sent[number]:  # while it was opened
                    events = (Panic(0.0), *track.state.events())  # a panic clears controllers that were reset meanwhile
                    self._child.send(messages.Restore(number, wire_events(events)))
            for number, at_ns in self._marks.items():
                self._child.send(messages.Mark(number, at_ns))
            self.is_ready = True

    def _receive(self) -> Report | None:
        """Return the next report, None when the process has ended."""
        try:
            return self._child.pipe.receive()
        except EOFError:
            return None

    # ---- all its lives -----------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        while True:
            while (report := self._receive()) is not None:
                self._take_in(report)
            self.is_ready = False
            if self._is_closing or not self._start_again():
                return

    def _take_in(self, report: Report) -> None:
        with self._lock:
            match report:
                case messages.Load():
                    self.load = report.share
                case messages.Position():
                    self._tracks[report.track].state.words.go_to(report.line, report.syllable)
                case VoiceChanged():
                    self._asked.pop(("voice", report.track), None)
                    if not report.error:
                        self._tracks[report.track].voice = report.name
                case TakeWritten():
                    self._asked.pop(("take", report.number), None)
        self._on_report(report)

    def _start_again(self) -> bool:
        with self._lock:
            is_recording, unanswered = bool(self._marks), list(self._asked.values())
            self._asked.clear()
        for report in unanswered:
            self._on_report(report)
        self._limit.count()
        if self._limit.is_reached:
            self._on_notice(f"The engine process keeps ending; nothing is sung any more. Its stderr: {self._child.stderr}")
            return False
        lost = " What was recorded until now is lost from the take." if is_recording else ""
        self._on_notice(f"The engine process has ended unexpectedly; it is started again.{lost}")
        ended = self._child
        with self._lock:
            if self._is_closing:
                return False
            self._child = self._spawn()
        try:
            self._await_ready()
        except VocaleseError as error:
            log.warning("%s", error)
        ended.close(_CLOSE_WITHIN_S)
        if self.is_ready:
            self._on_notice(f"The engine sings again, with voices, settings and words as they were{self._next_words()}.")
        return True

    def _next_words(self) -> str:
        texts = [(number, self.track(number).next_text) for number in range(len(self._tracks))]
        waiting = [f"'{text}' on track {number}" for number, text in texts if text]
        return f"; next comes {', '.join(waiting)}" if waiting else ""
