"""Planning and rendering for a session, in a separate process, so that they do not hold the GIL of sockets and ports.

    Sequencer ── PlanJob, RenderJob ──→ RenderWorker ══ pipe ══ RenderJobRunner (render process)
              ←─ Planned, Rendered, Failed ──┘

One job at a time, so that the next one is the most urgent when the last one ends. The process is `python -m bridge.song.render_worker`.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bridge.realtime.child_process import ChildProcess, parent_pipe
from bridge.realtime.ipc import Message, MessagePipe
from engine import (
    ImportedSettings,
    Mode,
    Performance,
    PhraseCache,
    Plan,
    Score,
    VocaleseError,
    Voice,
    VoiceCard,
    load_card,
    load_voice,
    parse_lyric_text,
    plan_score,
    render_phrase,
    spoken_durations,
)

from .timeline import TrackSettings

_NICENESS = 5  # sockets and sound come first
_END_WITHIN_S = 0.5
_MOST_DEATHS = 2  # of the process over one job

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class VoiceLibrary:
    """Folders of voices, of the encoders of imported ones (`features`) and of rendered phrases (`cache`).

    See `engine.load_voice` and `engine.PhraseCache`. `imported`: settings of imported voices.
    """

    folders: tuple[Path, ...] = ()
    features: Path | None = None
    cache: Path | None = None
    imported: ImportedSettings = ImportedSettings()

    def load(self, name: str) -> Voice:
        """Load a voice. Raises VoiceError if there is none of this name."""
        return load_voice(name, self.folders, features=self.features, imported=self.imported)


@dataclass(frozen=True)
class PlanJob:
    """Plan the phrases of one track; `score` holds that track alone."""

    track: int
    version: int
    score: Score
    singing: TrackSettings


@dataclass(frozen=True)
class RenderJob:
    """Render one phrase at `sample_rate` in Hz."""

    performance: Performance
    voice: str
    sample_rate: int


Job: TypeAlias = PlanJob | RenderJob


@dataclass(frozen=True)
class Planned:
    """Phrases of a track, and full sentences for the user about them."""

    job: PlanJob
    phrases: tuple[Performance, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Rendered:
    """Samples `[N]` of a phrase, from its frame 0."""

    job: RenderJob
    samples: NDArray[np.float32]


@dataclass(frozen=True)
class Failed:
    """A job that could not be done; `text` gives the reason."""

    job: Job
    text: str


Result: TypeAlias = Planned | Rendered | Failed


class Renderer(Protocol):
    """Does the jobs of a sequencer, one at a time."""

    @property
    def is_busy(self) -> bool:
        """Return whether a job is in progress."""
        ...

    def submit(self, job: Job) -> None:
        """Begin a job; not while busy."""

    def result(self, wait_s: float) -> Result | None:
        """Return the result of the job; None if there is none within `wait_s`."""

    def close(self) -> None:
        """Drop the job, and end."""


class RenderJobRunner:
    """Does jobs in this process. Voices are loaded on first use, by `load` (default: from the library)."""

    def __init__(self, library: VoiceLibrary, load: Callable[[str], Voice] | None = None) -> None:
        self._library, self._load = library, load
        self._voices: dict[str, Voice] = {}
        self._cache = PhraseCache(library.cache) if library.cache else None

    def do(self, job: Job) -> Result:
        """Return the result of a job; `Failed` for any error, because one phrase must not silence all others."""
        try:
            return self._plan(job) if isinstance(job, PlanJob) else self._render(job)
        except VocaleseError as error:
            return Failed(job, str(error))
        except Exception as error:
            log.exception("a phrase or plan failed")
            return Failed(job, f"{type(error).__name__}: {error}")

    def plan(self, score: Score, singing: TrackSettings) -> Plan:
        """Return the plan of a score with one track. Raises what `engine.plan_score` and loading a voice raise."""
        needs_words = singing.text and not score.tracks[0].has_lyrics
        card = self._card(singing.voice)
        is_talk = singing.settings.mode is Mode.TALK and card.reads_text
        return plan_score(
            score,
            card,
            singing.settings,
            semitones=singing.semitones,
            text=parse_lyric_text(singing.text) if needs_words else None,
            words=singing.words,
            durations=spoken_durations(self.voice(singing.voice), self._cache) if is_talk else None,
        )

    def voice(self, name: str) -> Voice:
        """Return a voice, loaded once."""
        if name not in self._voices:
            self._voices[name] = self._load(name) if self._load else self._library.load(name)
        return self._voices[name]

    def _plan(self, job: PlanJob) -> Planned:
        if not job.score.tracks[0].notes:
            return Planned(job, (), ())
        plan = self.plan(job.score, job.singing)
        phrases = tuple(phrase for planned in plan.tracks for phrase in planned.performed.phrases)
        return Planned(job, phrases, tuple(warning for planned in plan.tracks for warning in planned.warnings))

    def _render(self, job: RenderJob) -> Rendered:
        return Rendered(job, render_phrase(job.performance, self.voice(job.voice), job.sample_rate, self._cache))

    def _card(self, name: str) -> VoiceCard:
        """Read a card without loading its voice, so that a plan does not wait for networks."""
        is_loaded = name in self._voices or self._load is not None
        return self.voice(name).card if is_loaded else load_card(name, self._library.folders)


class _Setup(Message, frozen=True):
    """First message to the render process."""

    library: VoiceLibrary


class _Plan(Message, frozen=True):
    """Do a `PlanJob`."""

    job: PlanJob


class _Render(Message, frozen=True):
    """Do a `RenderJob`. `digest` is the hash of its performance, to be sure that it arrives as it was."""

    job: RenderJob
    digest: str


class _Phrases(Message, frozen=True):
    """Result of `_Plan`."""

    phrases: tuple[Performance, ...]
    warnings: tuple[str, ...]


class _Samples(Message, frozen=True):
    """Result of `_Render`."""

    samples: NDArray[np.float32]


class _Failure(Message, frozen=True):
    """A job could not be done."""

    text: str


_Request: TypeAlias = _Setup | _Plan | _Render
_Answer: TypeAlias = _Phrases | _Samples | _Failure


class RenderWorker:
    """A `RenderJobRunner` in a separate process. If that dies, it and the job are started again, and `on_notice` is told."""

    def __init__(self, library: VoiceLibrary, on_notice: Callable[[str], None] = log.warning) -> None:
        self._library, self._on_notice = library, on_notice
        self._job: Job | None = None
        self._deaths = 0
        self._child = self._start()

    @property
    def is_busy(self) -> bool:
        """See `Renderer`."""
        return self._job is not None

    @property
    def process_id(self) -> int:
        """Return the number of the render process."""
        return self._child.process_id

    def submit(self, job: Job) -> None:
        """See `Renderer`."""
        assert self._job is None
        self._job, self._deaths = job, 0
        self._send(job)

    def result(self, wait_s: float) -> Result | None:
        """See `Renderer`."""
        if (job := self._job) is None:
            return None
        try:
            answer = self._child.pipe.receive(wait_s)
        except EOFError:
            return self._handle_death(job)
        if answer is None:
            return None
        self._job = None
        if isinstance(answer, _Phrases) and isinstance(job, PlanJob):
            return Planned(job, answer.phrases, answer.warnings)
        if isinstance(answer, _Samples) and isinstance(job, RenderJob):
            return Rendered(job, answer.samples)
        return Failed(job, answer.text if isinstance(answer, _Failure) else "the render process answered something else")

    def close(self) -> None:
        """See `Renderer`. A phrase that is being rendered is not waited for."""
        self._job = None
        self._child.close(_END_WITHIN_S)

    def _send(self, job: Job) -> None:
        self._child.send(_Plan(job) if isinstance(job, PlanJob) else _Render(job, job.performance.hash))

    def _handle_death(self, job: Job) -> Failed | None:
        self._deaths += 1
        self._child.close(_END_WITHIN_S)
        self._child = self._start()
        if self._deaths < _MOST_DEATHS:
            self._on_notice("The render process has ended unexpectedly; it is started again.")
            self._send(job)
            return None
        self._job = None
        return Failed(job, "the render process ended twice over it (out of memory?)")

    def _start(self) -> ChildProcess[_Answer]:
        child: ChildProcess[_Answer] = ChildProcess(
            "bridge.song.render_worker", name="render", reads=_Answer, ends_at_exit=True
        )
        child.send(_Setup(self._library))
        return child


def main() -> int:
    """Do jobs until the parent is gone."""
    pipe: MessagePipe[_Request] = parent_pipe(_Request)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    with suppress(EOFError):
        setup = pipe.receive()
        assert isinstance(setup, _Setup)
        if setup.library.cache:
            PhraseCache(setup.library.cache).trim()
        runner = RenderJobRunner(setup.library)
        while pipe.send(_answer(runner, pipe.receive())):
            pass
    return 0


def _answer(runner: RenderJobRunner, request: _Request | None) -> _Answer:
    assert isinstance(request, _Plan | _Render)
    if isinstance(request, _Render) and request.job.performance.hash != request.digest:
        return _Failure("the phrase was changed on its way to the render process")
    match runner.do(request.job):
        case Planned() as planned:
            return _Phrases(planned.phrases, planned.warnings)
        case Rendered() as rendered:
            return _Samples(rendered.samples)
        case Failed() as failed:
            return _Failure(failed.text)


if __name__ == "__main__":
    sys.exit(main())
