"""Rendering one score into its stems."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from bridge.cli.render import RenderOptions
from bridge.stems.naming import stem_names
from bridge.stems.riff import StemMetadata
from bridge.stems.wav import write_stem
from engine import (
    OutputError,
    Plan,
    PlannedTrack,
    VocaleseError,
    load_voice,
    render_track,
    spoken_durations,
    write_labels,
)

from .common import (
    feature_folder,
    imported_settings,
    phrase_cache,
    searched_folders,
    vocalese_version,
)
from .plan import plan_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine import Voice

log = logging.getLogger(__name__)


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
    """Result of one score: its new stems, stems that existed, and the error that stopped it (finished stems stay)."""

    score: str
    stems: tuple[StemResult, ...]
    error: str | None = None
    skipped: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """One of done, skipped (all stems existed) and failed."""
        if self.error is not None:
            return "failed"
        return "skipped" if self.skipped and not self.stems else "done"


def render_file(
    path: Path,
    options: RenderOptions,
    *,
    title: str | None = None,
    progress: Callable[[str, float], object] | None = None,
    stop: Event | None = None,
) -> FileResult:
    """Render all stems of one score, named by `title` (default: its file name); `stop` ends it after the current phrase.

    `progress` gets the current stem and the finished share of the file, 0 to 1.
    """
    stems: list[StemResult] = []
    skipped: list[str] = []
    try:
        if options.skip_existing:
            wanted = _targets(plan_file(path, options), options, title or path.stem)
            if all(map(_is_there, wanted)):
                return FileResult(str(path), (), skipped=tuple(map(str, wanted)))
        voice = load_voice(
            options.voice,
            searched_folders(options),
            features=feature_folder(options),
            imported=imported_settings(options),
        )
        if voice.card.reads_text:  # the starter needs no torch
            _use_one_thread()
        began = time.process_time()  # GPT-SoVITS voices generate spoken lines here
        plan = plan_file(path, options, spoken_durations(voice, phrase_cache(options)))
        spoken_s = (time.process_time() - began) / max(1, len(plan.tracks)) if voice.card.reads_text else 0.0
        targets = _targets(plan, options, title or path.stem)
        for number, (planned, target) in enumerate(zip(plan.tracks, targets, strict=True)):
            if options.skip_existing and _is_there(target):
                skipped.append(str(target))
                continue
            update = _updating(planned.name or path.stem, number, len(targets), progress, stop)
            stems.append(_render_stem(plan, planned, target, path, voice, options, update, spoken_s))
    except (VocaleseError, OSError) as error:
        return FileResult(str(path), tuple(stems), one_line(error), tuple(skipped))
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # any error of a library (some do not derive from Exception) or bug stops this file only
        log.debug("%s", path, exc_info=True)
        told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        sentence = (
            f"it cannot be rendered because of an unexpected error ({one_line(told)[:300]}). Please report it with its score."
        )
        return FileResult(str(path), tuple(stems), sentence, tuple(skipped))
    return FileResult(str(path), tuple(stems), skipped=tuple(skipped))


def _targets(plan: Plan, options: RenderOptions, title: str) -> list[Path]:
    """Return the paths of the stems of a plan."""
    return [options.output / name for name in stem_names(title, [_stem_title(planned, plan) for planned in plan.tracks])]


def _is_there(target: Path) -> bool:
    return target.is_file()


def _updating(
    stem: str, number: int, stems: int, progress: Callable[[str, float], object] | None, stop: Event | None
) -> Callable[[int, int], None]:
    """Return a callback for the phrases of one stem, which raises KeyboardInterrupt when `stop` is set."""

    def update(done: int, total: int) -> None:
        if progress is not None:
            progress(stem, (number + done / max(1, total)) / stems)
        if stop is not None and stop.is_set():
            raise KeyboardInterrupt

    return update


def one_line(error: object) -> str:
    """Return the message of an error on one line."""
    return " ".join(str(error).split())


def _use_one_thread() -> None:
    """Limit torch to one thread: faster for small networks, and the same result on every machine."""
    import torch

    torch.set_num_threads(1)


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
    spent_s: float = 0.0,
) -> StemResult:
    """Render one stem. `spent_s`: processor time spent before, counted in the real-time factor."""
    started = time.process_time() - spent_s
    total = plan.total_samples(options.sample_rate)
    cache = phrase_cache(options)
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
