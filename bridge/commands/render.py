"""`vocalese render`: scores and words to stems on disk."""

from __future__ import annotations

import json
import multiprocessing
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from bridge.stems.naming import stem_names
from bridge.stems.riff import StemMetadata
from bridge.stems.wav import write_stem
from engine import (
    ImportedSettings,
    LyricText,
    Mode,
    OutputError,
    PerformanceSettings,
    Plan,
    PlannedTrack,
    VocaleseError,
    WordSettings,
    load_card,
    load_voice,
    paced,
    parse_lyric_text,
    plan_score,
    plan_text,
    read_lyric_text,
    read_score,
    read_user_dictionary,
    render_track,
    write_labels,
)
from engine import PhraseCache as Cache

from .common import EXIT_OK, EXIT_SOME_FAILED, bullet_list, progress_bar, settings_for, vocalese_version

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine import Voice

TEXT_SUFFIXES = (".txt", ".lrc")


@dataclass(frozen=True, kw_only=True)
class RenderOptions:
    """Everything a batch shares; small enough to travel to another process."""

    output: Path
    voice: str
    voice_folders: tuple[Path, ...] = ()
    features: Path | None = None  # the encoders of GPT-SoVITS voices
    mode: Mode = Mode.SING
    lyrics: str | None = None  # text, or the path of a text file
    language: str | None = None
    filler: str = "la"
    dictionary: Path | None = None
    verse: int = 1
    tracks: tuple[str, ...] = ()
    seed: int = 0
    sample_rate: int = 48_000
    depth: str = "24"
    transpose: int = 0
    fx: str | None = None
    overwrite: bool = False
    labels: bool = False
    cache: Path | None = None
    imported: ImportedSettings = ImportedSettings()
    performance: dict[str, float | bool] = field(default_factory=dict)


@dataclass(frozen=True)
class StemResult:
    """One finished stem, as `--json` prints it."""

    path: str
    score: str
    track: str
    seconds: float
    rtf: float
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class FileResult:
    """What became of one score: its stems, or the error that stopped it (stems finished before it stay)."""

    score: str
    stems: tuple[StemResult, ...]
    error: str | None = None


def run(scores: Sequence[Path], options: RenderOptions, *, jobs: int, as_json: bool) -> int:
    """Render a batch, say what happened, return the exit code: 0 all, 3 some failed."""
    order = {str(path): number for number, path in enumerate(scores)}
    results = sorted(render_batch(scores, options, jobs=jobs, quiet=as_json), key=lambda result: order[result.score])
    for result in results:
        if result.error:
            where = "" if result.error.startswith(result.score) else f"{result.score}: "
            print(f"vocalese: {where}{result.error}", file=sys.stderr)
    if as_json:
        print(json.dumps(batch_summary(results), ensure_ascii=False))
    return EXIT_SOME_FAILED if any(result.error for result in results) else EXIT_OK


def batch_summary(results: Sequence[FileResult]) -> dict[str, object]:
    """The object that `--json` prints."""
    return {
        "stems": [{**asdict(stem), "warnings": list(stem.warnings)} for result in results for stem in result.stems],
        "errors": [{"score": result.score, "error": result.error} for result in results if result.error],
    }


def render_batch(scores: Sequence[Path], options: RenderOptions, *, jobs: int, quiet: bool) -> Iterator[FileResult]:
    """Results as they come; one bad score does not stop the others."""
    titles = batch_titles(scores)
    if jobs <= 1 or len(scores) <= 1:
        for path, title in zip(scores, titles, strict=True):
            result = render_file(path, options, title=title, show_progress=not quiet and sys.stderr.isatty())
            _report(result, quiet)
            yield result
        return
    # A terminal sends Ctrl-C to all processes: only this one listens, and asks the others to end after the phrase they are at.
    deaf = (signal.SIGINT, signal.SIG_IGN)
    with multiprocessing.Manager() as manager, ProcessPoolExecutor(min(jobs, len(scores)), None, signal.signal, deaf) as pool:
        stop = manager.Event()
        waiting = {
            pool.submit(render_file, path, options, title=title, stop=stop): path
            for path, title in zip(scores, titles, strict=True)
        }
        try:
            for future in as_completed(waiting):
                try:
                    result = future.result()
                except BrokenProcessPool:
                    result = FileResult(str(waiting[future]), (), "its worker process died (out of memory?); try fewer --jobs.")
                _report(result, quiet)
                yield result
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def _stopping(progress: Callable[[int, int], None], stop: Event | None) -> Callable[[int, int], None]:
    """The same progress callback, which ends the render once `stop` is set."""

    def update(done: int, total: int) -> None:
        progress(done, total)
        if stop is not None and stop.is_set():
            raise KeyboardInterrupt

    return update


def batch_titles(scores: Sequence[Path]) -> list[str]:
    """What the stems of each score are called: its file name, with its folder's where two scores share one."""
    counts = Counter(path.stem.casefold() for path in scores)
    titles = [
        path.stem if counts[path.stem.casefold()] == 1 else f"{path.resolve().parent.name} {path.stem}" for path in scores
    ]
    seen: Counter[str] = Counter()
    for index, title in enumerate(titles):
        seen[title.casefold()] += 1
        if seen[title.casefold()] > 1:
            titles[index] = f"{title} {seen[title.casefold()]}"
    return titles


def render_file(
    path: Path,
    options: RenderOptions,
    *,
    title: str | None = None,
    show_progress: bool = False,
    stop: Event | None = None,
) -> FileResult:
    """All stems of one score, called `title` (default: the score's file name); setting `stop` ends it after the current phrase."""
    import torch

    torch.set_num_threads(1)  # small networks: more threads only spin, and one thread keeps results the same on every machine
    stems: list[StemResult] = []
    try:
        plan = plan_file(path, options)
        voice = load_voice(options.voice, options.voice_folders, features=options.features, imported=options.imported)
        plan = paced(plan, voice, Cache(options.cache) if options.cache else None)
        names = stem_names(title or path.stem, [_stem_title(planned, plan) for planned in plan.tracks])
        for planned, name in zip(plan.tracks, names, strict=True):
            bar = _stopping(progress_bar(planned.name[:24] or path.stem[:24], shown=show_progress), stop)
            stems.append(_render_stem(plan, planned, options.output / name, path, voice, options, bar))
    except (VocaleseError, OSError) as error:
        return FileResult(str(path), tuple(stems), str(error))
    return FileResult(str(path), tuple(stems))


def plan_file(path: Path, options: RenderOptions) -> Plan:
    """Read a score (or, to talk, a text) and lay its words, ready to render."""
    card = load_card(options.voice, options.voice_folders)
    settings, words = settings_of(options), words_of(options)
    if path.suffix.lower() in TEXT_SUFFIXES:
        return plan_text(read_lyric_text(path), card, settings, title=path.stem, words=words)
    return plan_score(
        read_score(path, verse=options.verse),
        card,
        settings,
        semitones=options.transpose,
        text=lyrics_given(options.lyrics) if options.lyrics is not None else None,
        words=words,
        track_names=options.tracks,
    )


def settings_of(options: RenderOptions) -> PerformanceSettings:
    """How notes are performed."""
    return settings_for(options.mode, seed=options.seed, **options.performance)


def words_of(options: RenderOptions) -> WordSettings:
    """How words are read. LyricError if the dictionary cannot be used."""
    dictionary = read_user_dictionary(options.dictionary) if options.dictionary else None
    return WordSettings(language=options.language, filler=options.filler, dictionary=dictionary)


def lyrics_given(argument: str) -> LyricText:
    """`--lyrics`: the words of a file if the argument names one, else the argument itself."""
    path = Path(argument)
    try:
        is_file = path.is_file()
    except (OSError, ValueError):  # a text too long or odd for a path
        is_file = False
    return read_lyric_text(path) if is_file else parse_lyric_text(argument)


def _stem_title(planned: PlannedTrack, plan: Plan) -> str:
    return planned.name if len(plan.tracks) > 1 else planned.name or "vocal"


def _render_stem(
    plan: Plan,
    planned: PlannedTrack,
    target: Path,
    score: Path,
    voice: Voice,
    options: RenderOptions,
    progress: Callable[[int, int], None],
) -> StemResult:
    started = time.process_time()
    total = plan.total_samples(options.sample_rate)
    cache = Cache(options.cache) if options.cache else None
    told: dict[str, None] = {}
    mono = render_track(
        planned.performed.phrases,
        voice,
        sample_rate=options.sample_rate,
        total_samples=total,
        cache=cache,
        progress=progress,
        notice=lambda sentence: told.update({sentence: None}),
    )
    blocks: Iterable[NDArray[np.float32]] = (block[None] for block in mono)
    channels = 1
    if options.fx:
        from bridge.stems.fx import load_chain

        chain = load_chain(options.fx)
        blocks = chain.process(blocks, sample_rate=options.sample_rate)
        channels = chain.output_channels(1)
    write_stem(
        target,
        blocks,
        sample_rate=options.sample_rate,
        channels=channels,
        total_samples=total,
        subtype=options.depth,  # type: ignore[arg-type]
        metadata=StemMetadata(
            title=plan.score.title, track=planned.name, voice=voice.card.title, seed=options.seed, version=vocalese_version()
        ),
        overwrite=options.overwrite,
    )
    if options.labels:
        _write_labels(planned, target.with_suffix(".lab"), options.overwrite)
    if cache:
        cache.trim()
    seconds = total / options.sample_rate
    rtf = (time.process_time() - started) / max(seconds, 1e-9)
    warnings = (*plan.warnings, *planned.warnings, *told)
    return StemResult(str(target), str(score), planned.name, round(seconds, 3), round(rtf, 4), warnings)


def _write_labels(planned: PlannedTrack, target: Path, overwrite: bool) -> None:
    if target.exists() and not overwrite:
        raise OutputError(f"{target} exists. Add --overwrite to replace it.")
    target.write_bytes(write_labels(planned.performed.phrases))


def _report(result: FileResult, quiet: bool) -> None:
    """A line per stem and its warnings, for people."""
    if quiet:
        return
    for stem in result.stems:
        print(f"{stem.path}  ({stem.seconds:.1f} s, {stem.rtf:.3f} x real time)")
        if stem.warnings:
            print(bullet_list(stem.warnings))
