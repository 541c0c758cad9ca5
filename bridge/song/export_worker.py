"""Whole tracks of a song to stems on disk, in a separate process, so that playing does not wait for them.

    VocaleseServer ── ExportOrder ──→ StemExporter ══ pipe ══ export process: plan → render_track → write_stem
                   ←─ Progress, Done, Written, Error ──┘

The stems are those that `vocalese render` writes of the same notes, words and settings. The process is `python -m bridge.song.export_worker`.
"""

from __future__ import annotations

import hashlib
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bridge.protocol import events, limits, replies
from bridge.protocol.events import Received, Sender
from bridge.protocol.rejection import Code, RejectedMessage
from bridge.protocol.table import BY_EVENT
from bridge.realtime.child_process import ChildProcess, parent_pipe
from bridge.realtime.ipc import Message
from bridge.stems.naming import free_path, stem_names
from bridge.stems.riff import StemMetadata, Subtype
from bridge.stems.wav import write_stem
from engine import PhraseCache, Plan, PlannedTrack, Score, VocaleseError, Voice, render_track
from engine.errors import OutputError, SettingsError

from .render_worker import RenderJobRunner, VoiceLibrary
from .timeline import Timeline, TrackSettings

_NICENESS = 10  # sockets, sound and phrases that sound soon come first
_LOOK_EVERY_S = 0.1
_END_WITHIN_S = 3.0
_REPORTED_SHARE = 0.01  # of a stem, between two reports
_HASH_DIGITS = 32
_NAMELESS = "song"  # of stems that lie in the export folder itself

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExportTrack:
    """A track by its number; `score` holds that track alone."""

    number: int
    score: Score
    singing: TrackSettings


@dataclass(frozen=True, kw_only=True)
class ExportOrder:
    """Tracks to write, and the format. `folder`, below `root`, is for the stems; sample rate in Hz."""

    tracks: tuple[ExportTrack, ...]
    root: Path
    folder: Path
    title: str
    sample_rate: int
    depth: Subtype
    version: str = ""

    @classmethod
    def of(cls, event: events.StemExport, timeline: Timeline, root: Path, version: str = "") -> ExportOrder:
        """Return the order for a message. Raises SettingsError if there are no notes, OutputError if the folder leads out of `root`."""
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


class _Export(Message, frozen=True):
    """Message to the export process."""

    library: VoiceLibrary
    order: ExportOrder


class ExportProgress(Message, frozen=True):
    """Share of a track that is rendered, 0 to 1."""

    track: int
    fraction: float


class StemWritten(Message, frozen=True):
    """A stem is complete; `digest` names its samples."""

    track: int
    path: Path
    samples: int
    digest: str


class Notice(Message, frozen=True):
    """A full sentence for the user."""

    text: str


class Finished(Message, frozen=True):
    """Last report. `error` is a full sentence if not all could be written."""

    error: str = ""


ExportReport: TypeAlias = ExportProgress | StemWritten | Notice | Finished


class StemExporter:
    """Exports, one after the other. `answer(sender, reply)` and `on_notice(text)` are called from a separate thread."""

    def __init__(
        self,
        library: VoiceLibrary,
        answer: Callable[[Sender, replies.Reply], object],
        on_notice: Callable[[str], None] = log.warning,
    ) -> None:
        self._library, self._answer, self._on_notice = library, answer, on_notice
        self._orders: queue.Queue[tuple[ExportOrder, Received]] = queue.Queue(limits.MAX_WAITING_EXPORTS)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._child: ChildProcess[ExportReport] | None = None

    @property
    def process_id(self) -> int | None:
        """Return the number of the export process; None while there is none."""
        child = self._child
        return None if child is None else child.process_id

    def put(self, order: ExportOrder, asked: Received) -> None:
        """Queue an order; the sender of `asked` gets the replies. Raises RejectedMessage (busy) if too many wait."""
        try:
            self._orders.put_nowait((order, asked))
        except queue.Full:
            raise RejectedMessage(
                Code.BUSY, f"{limits.MAX_WAITING_EXPORTS} exports wait already", "send it again when one of them is written"
            ) from None
        with self._lock:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._work, name="export", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop, cancelling a running export. Finished stems are kept; partial files are removed."""
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
            self._child = ChildProcess("bridge.song.export_worker", name="export", reads=ExportReport, ends_at_exit=True)
        except OSError as error:
            self._pass_on(Finished(f"The export process cannot be started: {error}."), order, asked)
            return
        try:
            self._child.send(_Export(self._library, order))
            for report in self._reports(self._child):
                self._pass_on(report, order, asked)
        finally:
            self._child.close(_END_WITHIN_S, sigterm_after_s=_LOOK_EVERY_S)  # a signal, so that partial files are removed
            self._child = None

    def _reports(self, child: ChildProcess[ExportReport]) -> Iterator[ExportReport]:
        """Yield the reports of the process, to the last one or until this is closed."""
        while not self._closing.is_set():
            try:
                report = child.pipe.receive(_LOOK_EVERY_S)
            except EOFError:
                yield Finished("The export process has ended unexpectedly (out of memory?). Stems that are complete stay.")
                return
            if report is not None:
                yield report
            if isinstance(report, Finished):
                return

    def _pass_on(self, report: ExportReport, order: ExportOrder, asked: Received) -> None:
        match report:
            case ExportProgress():
                self._answer(asked.sender, replies.Progress(report.track, events.ALL, report.fraction))
            case StemWritten():
                done = replies.Done(report.track, events.ALL, 0, report.digest, 0, report.samples, order.sample_rate)
                self._answer(asked.sender, done)
                shown = report.path.relative_to(order.root).as_posix()
                self._answer(asked.sender, replies.Written(report.track, shown, report.samples, order.sample_rate))
                self._on_notice(f"Track {report.track} is in {report.path}.")
            case Notice():
                self._on_notice(report.text)
            case Finished() if report.error:
                address = BY_EVENT[events.StemExport].address
                self._answer(asked.sender, replies.Error(address, asked.seq, Code.FAILED, report.error[:500]))
                self._on_notice(report.error)


def main() -> int:
    """Write the stems of one order, and report to the parent."""
    pipe = parent_pipe(_Export)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # unwinds, which removes partial files
    if hasattr(os, "nice"):
        os.nice(_NICENESS)

    def report(message: ExportReport) -> None:
        if not pipe.send(message):
            raise BrokenPipeError

    with suppress(EOFError, BrokenPipeError):  # the parent is gone
        request: _Export | None = pipe.receive()
        assert request is not None
        try:
            write_stems(request.order, request.library, report)
        except VocaleseError as error:
            report(Finished(str(error)))
        except BrokenPipeError:
            raise
        except Exception as error:
            log.exception("an export failed")
            report(Finished(f"The stems could not be exported: {type(error).__name__}: {error}"))
        else:
            report(Finished())
    return 0


def write_stems(order: ExportOrder, library: VoiceLibrary, report: Callable[[ExportReport], object]) -> None:
    """Plan all tracks, then render and write one stem after the other; all are as long as the longest. `report` gets the reports.

    Raises what planning, voices and writing raise; finished stems are kept.
    """
    runner, cache = RenderJobRunner(library), PhraseCache(library.cache) if library.cache else None
    planned: list[tuple[ExportTrack, Voice, Plan]] = []
    for track in order.tracks:
        score = replace(track.score, title=order.title)
        voice = runner.voice(track.singing.voice)
        if voice.card.reads_text:
            _use_one_thread()
        plan = runner.plan(score, track.singing)
        planned.append((track, voice, plan))
        for warning in dict.fromkeys((*plan.warnings, *(warning for lane in plan.tracks for warning in lane.warnings))):
            _notices(track.number, report)(warning)
    total = max(plan.total_samples(order.sample_rate) for _, _, plan in planned)
    names = iter(stem_names(order.title, [lane.name for _, _, plan in planned for lane in plan.tracks]))
    for track, voice, plan in planned:
        progress, notice = _Progress(track.number, plan, report), _notices(track.number, report)
        for lane in plan.tracks:
            stem = _Stem(order, track, voice, total, free_path(order.folder / next(names)))
            report(stem.write(lane, cache, progress, notice))
    if cache:
        cache.trim()


def _notices(track: int, report: Callable[[ExportReport], object]) -> Callable[[str], None]:
    def notice(text: str) -> None:
        report(Notice(f"Track {track}: {text}"))

    return notice


def _use_one_thread() -> None:
    """Let torch use one thread, as `vocalese render` does: results are then the same on every machine."""
    import torch

    torch.set_num_threads(1)


class _Progress:
    """Reports the progress of a track over all its lanes, in steps of one per cent."""

    def __init__(self, track: int, plan: Plan, report: Callable[[ExportReport], object]) -> None:
        self._track, self._report = track, report
        self._phrases = max(1, sum(len(lane.performed.phrases) for lane in plan.tracks))
        self._done, self._reported = 0, 0.0

    def __call__(self, _done: int, _all: int) -> None:
        self._done += 1
        fraction = self._done / self._phrases
        if fraction >= self._reported + _REPORTED_SHARE or self._done == self._phrases:
            self._reported = fraction
            self._report(ExportProgress(self._track, fraction))


@dataclass(frozen=True)
class _Stem:
    order: ExportOrder
    track: ExportTrack
    voice: Voice
    total_samples: int
    path: Path

    def write(
        self, lane: PlannedTrack, cache: PhraseCache | None, progress: Callable[[int, int], None], notice: Callable[[str], None]
    ) -> StemWritten:
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
        return StemWritten(self.track.number, self.path, self.total_samples, digest.hexdigest()[:_HASH_DIGITS])


def _hashed(blocks: Iterable[NDArray[np.float32]], digest: hashlib._Hash) -> Iterator[NDArray[np.float32]]:
    """Yield blocks `[N]` as `[1, N]`, and update the digest with their samples."""
    for block in blocks:
        digest.update(np.ascontiguousarray(block, dtype="<f4").tobytes())
        yield block[None]


if __name__ == "__main__":
    sys.exit(main())
