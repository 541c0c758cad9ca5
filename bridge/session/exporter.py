"""Whole tracks of a song to stems on disk, in a process of their own: what is played does not wait for them.

    VocaleseServer ── ExportOrder ──→ StemExporter ══ pipe ══ export process: plan → render_track → write_stem
                   ←─ Progress, Done, Written, Error ──┘

What is written is what `vocalese render` writes of the same notes, words and settings.
"""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bridge.protocol import events, limits, replies
from bridge.protocol.events import Received, Sender
from bridge.protocol.refusal import Code, RefusedMessage
from bridge.protocol.table import BY_EVENT
from bridge.session.renderer import Singer, VoiceShelf, without_interrupts
from bridge.session.timeline import Singing, Timeline
from bridge.stems.naming import free_path, stem_names
from bridge.stems.riff import StemMetadata, Subtype
from bridge.stems.wav import write_stem
from engine import PhraseCache, Plan, PlannedTrack, Score, VocaleseError, Voice, paced, render_track
from engine.errors import OutputError, SettingsError

_NICENESS = 10  # sockets, sound and what is heard soon go first
_LOOK_EVERY_S = 0.1
_END_WITHIN_S = 3.0
_TOLD_SHARE = 0.01  # of a stem, between two words about it
_HASH_DIGITS = 32
_NAMELESS = "song"  # of stems that lie in the export folder itself

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExportTrack:
    """A track by its number; `score` holds that track alone."""

    number: int
    score: Score
    singing: Singing


@dataclass(frozen=True, kw_only=True)
class ExportOrder:
    """What to write, where and how. `folder` is the one for the stems, below `root`."""

    tracks: tuple[ExportTrack, ...]
    root: Path
    folder: Path
    title: str
    sample_rate: int
    depth: Subtype
    version: str = ""

    @classmethod
    def of(cls, event: events.StemExport, timeline: Timeline, root: Path, version: str = "") -> ExportOrder:
        """What a message asks for. SettingsError if there is nothing to sing, OutputError if the folder leads out of `root`."""
        numbers = sorted(timeline.tracks) if event.track == events.ALL else [event.track]
        tracks = tuple(ExportTrack(number, timeline.score_of(number), timeline.track(number).singing) for number in numbers)
        tracks = tuple(track for track in tracks if track.score.tracks[0].notes)
        if not tracks:
            which = "No track" if event.track == events.ALL else f"Track {event.track}"
            told = "has notes" if event.track == events.ALL else "has no notes"
            raise SettingsError(
                f"{which} {told} to export: send clips first. What is played live is kept by /vocalese/record/stop, "
                "and a score file is sung by `vocalese render`."
            )
        folder = root / event.folder
        if not folder.resolve().is_relative_to(root.resolve()):  # a link that lies there
            raise OutputError(f"'{event.folder}' leads out of the export folder; choose another name.")
        return cls(
            tracks=tracks,
            root=root,
            folder=folder,
            title=event.folder or _NAMELESS,
            sample_rate=event.sample_rate,
            depth=event.depth,  # type: ignore[arg-type]
            version=version,
        )


@dataclass(frozen=True)
class Sung:
    """So much of a track is rendered, 0 to 1."""

    track: int
    fraction: float


@dataclass(frozen=True)
class Wrote:
    """A stem is complete; `digest` names its samples."""

    track: int
    path: Path
    samples: int
    digest: str


@dataclass(frozen=True)
class Noticed:
    """A full sentence for the user."""

    text: str


@dataclass(frozen=True)
class Ended:
    """The last word. `error` is a full sentence if not all could be written."""

    error: str = ""


Said: TypeAlias = Sung | Wrote | Noticed | Ended


class StemExporter:
    """One export after the other. `answer(sender, reply)` and `on_notice(text)` are called from a thread of its own."""

    def __init__(
        self,
        shelf: VoiceShelf,
        answer: Callable[[Sender, replies.Reply], object],
        on_notice: Callable[[str], None] = log.warning,
    ) -> None:
        self._shelf, self._answer, self._on_notice = shelf, answer, on_notice
        self._orders: queue.Queue[tuple[ExportOrder, Received]] = queue.Queue(limits.MAX_WAITING_EXPORTS)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, order: ExportOrder, asked: Received) -> None:
        """Write it when its turn comes; who asked hears how it goes. RefusedMessage (busy) if too many wait."""
        try:
            self._orders.put_nowait((order, asked))
        except queue.Full:
            raise RefusedMessage(
                Code.BUSY, f"{limits.MAX_WAITING_EXPORTS} exports wait already", "send it again when one of them is written"
            ) from None
        with self._lock:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._work, name="export", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End, and with it an export that is not complete: its stems that are written stay, and no part of one is left."""
        with self._lock:
            self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while not self._closing.is_set():
            with suppress(queue.Empty):
                self._export(*self._orders.get(timeout=_LOOK_EVERY_S))

    def _export(self, order: ExportOrder, asked: Received) -> None:
        try:
            process, pipe = self._spawn(order)
        except OSError as error:
            self._pass_on(Ended(f"The export process cannot be started: {error}."), order, asked)
            return
        try:
            for said in self._heard(pipe):
                self._pass_on(said, order, asked)
        finally:
            pipe.close()
            _end(process)

    def _spawn(self, order: ExportOrder) -> tuple[BaseProcess, Connection]:
        context = multiprocessing.get_context("spawn")  # this process has threads, which a fork would leave half-done
        ours, theirs = context.Pipe()
        process = context.Process(target=export, args=(theirs, self._shelf, order), name="vocalese export", daemon=True)
        with without_interrupts():
            process.start()
        theirs.close()
        return process, ours

    def _heard(self, pipe: Connection) -> Iterator[Said]:
        """What the process says, to its last word or until this is closed."""
        while not self._closing.is_set():
            try:
                if not pipe.poll(_LOOK_EVERY_S):
                    continue
                said: Said = pipe.recv()
            except (EOFError, OSError):
                yield Ended("The export process has ended unexpectedly (out of memory?). Stems that are complete stay.")
                return
            yield said
            if isinstance(said, Ended):
                return

    def _pass_on(self, said: Said, order: ExportOrder, asked: Received) -> None:
        match said:
            case Sung():
                self._answer(asked.sender, replies.Progress(said.track, events.ALL, said.fraction))
            case Wrote():
                done = replies.Done(said.track, events.ALL, 0, said.digest, 0, said.samples, order.sample_rate)
                self._answer(asked.sender, done)
                shown = said.path.relative_to(order.root).as_posix()
                self._answer(asked.sender, replies.Written(said.track, shown, said.samples, order.sample_rate))
                self._on_notice(f"Track {said.track} is in {said.path}.")
            case Noticed():
                self._on_notice(said.text)
            case Ended() if said.error:
                address = BY_EVENT[events.StemExport].address
                self._answer(asked.sender, replies.Error(address, asked.seq, Code.FAILED, said.error[:500]))
                self._on_notice(said.error)


def _end(process: BaseProcess) -> None:
    """Asked first, so that what is half written is taken away."""
    process.join(_LOOK_EVERY_S)
    if process.is_alive():
        process.terminate()
        process.join(_END_WITHIN_S)
    if process.is_alive():
        process.kill()
        process.join()
    process.close()


def export(pipe: Connection, shelf: VoiceShelf, order: ExportOrder) -> None:
    """The export process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    with suppress(OSError):  # nobody listens any more
        try:
            write_stems(order, shelf, pipe.send)
            pipe.send(Ended())
        except VocaleseError as error:
            pipe.send(Ended(str(error)))
        except ConnectionError:
            raise
        except Exception as error:
            log.exception("an export failed")
            pipe.send(Ended(f"The stems could not be exported: {type(error).__name__}: {error}"))


def write_stems(order: ExportOrder, shelf: VoiceShelf, say: Callable[[Said], object]) -> None:
    """Plan all tracks, then sing and write one stem after the other; all are as long as the longest. `say` hears how it goes.

    Raises what planning, voices and writing raise; stems that are complete stay.
    """
    singer, cache = Singer(shelf), PhraseCache(shelf.cache) if shelf.cache else None
    planned: list[tuple[ExportTrack, Voice, Plan]] = []
    for track in order.tracks:
        score = replace(track.score, title=order.title)
        plan, voice = singer.plan(score, track.singing), singer.voice(track.singing.voice)
        if voice.card.reads_text:
            _use_one_thread()
        plan = paced(plan, voice, cache)
        planned.append((track, voice, plan))
        for warning in dict.fromkeys((*plan.warnings, *(warning for lane in plan.tracks for warning in lane.warnings))):
            _notices(track.number, say)(warning)
    total = max(plan.total_samples(order.sample_rate) for _, _, plan in planned)
    names = iter(stem_names(order.title, [lane.name for _, _, plan in planned for lane in plan.tracks]))
    for track, voice, plan in planned:
        progress, notice = _Progress(track.number, plan, say), _notices(track.number, say)
        for lane in plan.tracks:
            stem = _Stem(order, track, voice, total, free_path(order.folder / next(names)))
            say(stem.write(lane, cache, progress, notice))
    if cache:
        cache.trim()


def _notices(track: int, say: Callable[[Said], object]) -> Callable[[str], None]:
    def notice(text: str) -> None:
        say(Noticed(f"Track {track}: {text}"))

    return notice


def _use_one_thread() -> None:
    """As when rendering: one thread keeps results the same on every machine."""
    import torch

    torch.set_num_threads(1)


class _Progress:
    """How far a track is, over all its lanes; told when it is news."""

    def __init__(self, track: int, plan: Plan, say: Callable[[Said], object]) -> None:
        self._track, self._say = track, say
        self._phrases = max(1, sum(len(lane.performed.phrases) for lane in plan.tracks))
        self._done, self._told = 0, 0.0

    def __call__(self, _done: int, _all: int) -> None:
        self._done += 1
        fraction = self._done / self._phrases
        if fraction >= self._told + _TOLD_SHARE or self._done == self._phrases:
            self._told = fraction
            self._say(Sung(self._track, fraction))


@dataclass(frozen=True)
class _Stem:
    order: ExportOrder
    track: ExportTrack
    voice: Voice
    total_samples: int
    path: Path

    def write(
        self, lane: PlannedTrack, cache: PhraseCache | None, progress: Callable[[int, int], None], notice: Callable[[str], None]
    ) -> Wrote:
        order, digest = self.order, hashlib.sha256(f"{self.order.sample_rate}:{self.order.depth}:".encode())
        mono = render_track(
            lane.performed.phrases,
            self.voice,
            sample_rate=order.sample_rate,
            total_samples=self.total_samples,
            cache=cache,
            progress=progress,
            notice=notice,
        )
        write_stem(
            self.path,
            _hashed(mono, digest),
            sample_rate=order.sample_rate,
            channels=1,
            total_samples=self.total_samples,
            subtype=order.depth,
            metadata=StemMetadata(
                title=order.title,
                track=lane.name,
                voice=self.voice.card.title,
                seed=self.track.singing.settings.seed,
                version=order.version,
            ),
        )
        return Wrote(self.track.number, self.path, self.total_samples, digest.hexdigest()[:_HASH_DIGITS])


def _hashed(blocks: Iterable[NDArray[np.float32]], digest: hashlib._Hash) -> Iterator[NDArray[np.float32]]:
    """The blocks as `[1, N]`, on whose samples the digest is taken."""
    for block in blocks:
        digest.update(np.ascontiguousarray(block, dtype="<f4").tobytes())
        yield block[None]
