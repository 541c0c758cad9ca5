"""Planning and singing for a session, in a process of their own: what they take of the interpreter is not missing at sockets and ports.

    Sequencer ── PlanJob, RenderJob ──→ RenderWorker ══ pipe ══ Singer (render process)
              ←─ Planned, Rendered, Failed ──┘

One job at a time, so that what is most urgent when the last one ends comes next.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bridge.session.timeline import Singing
from engine import (
    ImportedSettings,
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
)

_NICENESS = 5  # sockets and sound go first
_END_WITHIN_S = 0.5
_MOST_DEATHS = 2  # of the process over one job

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class VoiceShelf:
    """Where voices, the encoders of imported ones, and rendered phrases are; see `engine.load_voice` and `engine.PhraseCache`.

    `imported` is how imported voices are run.
    """

    folders: tuple[Path, ...] = ()
    features: Path | None = None
    cache: Path | None = None
    imported: ImportedSettings = ImportedSettings()

    def load(self, name: str) -> Voice:
        """A voice of the shelf, ready to sing."""
        return load_voice(name, self.folders, features=self.features, imported=self.imported)


@dataclass(frozen=True)
class PlanJob:
    """Say what is sung on one track; `score` holds that track alone."""

    track: int
    version: int
    score: Score
    singing: Singing


@dataclass(frozen=True)
class RenderJob:
    """Sing one phrase at `sample_rate`."""

    performance: Performance
    voice: str
    sample_rate: int


Job: TypeAlias = PlanJob | RenderJob


@dataclass(frozen=True)
class Planned:
    """Phrases of a track, and full sentences about them."""

    job: PlanJob
    phrases: tuple[Performance, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Rendered:
    """Samples [N] of a phrase, from its frame 0."""

    job: RenderJob
    samples: NDArray[np.float32]


@dataclass(frozen=True)
class Failed:
    """A job could not be done; `text` says why."""

    job: Job
    text: str


Result: TypeAlias = Planned | Rendered | Failed


class Renderer(Protocol):
    """Who does a sequencer's jobs, one at a time."""

    @property
    def is_busy(self) -> bool: ...

    def submit(self, job: Job) -> None:
        """Begin a job; not while busy."""

    def result(self, wait_s: float) -> Result | None:
        """What came of the job; None if nothing did in time, or there is none."""

    def close(self) -> None:
        """Drop the job, and end."""


class Singer:
    """Does jobs in this process. Voices are loaded when they are first needed, by `load` (default: from the shelf)."""

    def __init__(self, shelf: VoiceShelf, load: Callable[[str], Voice] | None = None) -> None:
        self._shelf, self._load = shelf, load
        self._voices: dict[str, Voice] = {}
        self._cache = PhraseCache(shelf.cache) if shelf.cache else None

    def do(self, job: Job) -> Result:
        """The result. Whatever goes wrong comes back as Failed: one phrase must not silence all others."""
        try:
            return self._plan(job) if isinstance(job, PlanJob) else self._render(job)
        except VocaleseError as error:
            return Failed(job, str(error))
        except Exception as error:
            log.exception("a phrase or plan failed")
            return Failed(job, f"{type(error).__name__}: {error}")

    def plan(self, score: Score, singing: Singing) -> Plan:
        """What is sung of a score with one track. Raises what `engine.plan_score` and loading a voice raise."""
        needs_words = singing.text and not score.tracks[0].has_lyrics
        return plan_score(
            score,
            self._card(singing.voice),
            singing.settings,
            semitones=singing.semitones,
            text=parse_lyric_text(singing.text) if needs_words else None,
            words=singing.words,
        )

    def voice(self, name: str) -> Voice:
        """A voice, loaded once."""
        if name not in self._voices:
            self._voices[name] = self._load(name) if self._load else self._shelf.load(name)
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
        """A card is read without loading its voice, so that a plan does not wait for networks."""
        is_loaded = name in self._voices or self._load is not None
        return self.voice(name).card if is_loaded else load_card(name, self._shelf.folders)


class RenderWorker:
    """A `Singer` in a process of its own. If that dies it is started again, and the job with it; `on_notice` hears of it."""

    def __init__(self, shelf: VoiceShelf, on_notice: Callable[[str], None] = log.warning) -> None:
        self._shelf, self._on_notice = shelf, on_notice
        self._job: Job | None = None
        self._deaths = 0
        self._process, self._pipe = self._start()

    @property
    def is_busy(self) -> bool:
        return self._job is not None

    @property
    def process_id(self) -> int | None:
        """Of the render process."""
        return self._process.pid

    def submit(self, job: Job) -> None:
        """See `Renderer`."""
        assert self._job is None
        self._job, self._deaths = job, 0
        self._send(job)

    def result(self, wait_s: float) -> Result | None:
        """See `Renderer`."""
        if self._job is None:
            return None
        try:
            if not self._pipe.poll(wait_s):
                return None
            result: Result = self._pipe.recv()
        except (EOFError, OSError):
            return self._died(self._job)
        self._job = None
        return result

    def close(self) -> None:
        """See `Renderer`. A phrase that is being sung is not waited for."""
        self._job = None
        self._pipe.close()
        self._end()

    def _send(self, job: Job) -> None:
        with suppress(OSError):  # a process that has ended is noticed where its result is awaited
            self._pipe.send(job)

    def _died(self, job: Job) -> Failed | None:
        self._deaths += 1
        self._pipe.close()
        self._end()
        self._process, self._pipe = self._start()
        if self._deaths < _MOST_DEATHS:
            self._on_notice("The render process has ended unexpectedly; it is started again.")
            self._send(job)
            return None
        self._job = None
        return Failed(job, "the render process ended twice over it (out of memory?)")

    def _start(self) -> tuple[BaseProcess, Connection]:
        context = multiprocessing.get_context("spawn")  # this process has threads, which a fork would leave half-done
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, self._shelf), name="vocalese render", daemon=True)
        with without_interrupts():
            process.start()
        theirs.close()
        return process, ours

    def _end(self) -> None:
        self._process.join(_END_WITHIN_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()


@contextmanager
def without_interrupts() -> Iterator[None]:
    """What is started here does not hear Ctrl-C, which a terminal sends to all: the parent decides. (Windows has no such mask.)"""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve(pipe: Connection, shelf: VoiceShelf) -> None:
    """The render process: jobs in, results out, until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    if shelf.cache:
        PhraseCache(shelf.cache).trim()
    singer = Singer(shelf)
    with suppress(EOFError, OSError):
        while True:
            pipe.send(singer.do(pipe.recv()))
