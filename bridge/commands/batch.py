"""Rendering many scores, in one process or several."""

from __future__ import annotations

import _thread
import glob
import multiprocessing
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import Queue
from threading import Event
from typing import TYPE_CHECKING

from bridge.cli.render import RenderOptions

from .common import (
    BatchProgress,
)
from .render_file import FileResult, render_file

if TYPE_CHECKING:
    pass

_LOOK_EVERY_S = 0.2


def render_batch(
    scores: Sequence[Path], options: RenderOptions, *, jobs: int, progress: BatchProgress
) -> Iterator[tuple[int, FileResult]]:
    """Yield numbers of scores and their results as they finish; an error in one does not stop the others."""
    titled = dict(enumerate(zip(scores, batch_titles(scores), strict=True)))
    if jobs <= 1 or len(scores) <= 1:
        for number, (path, title) in titled.items():
            result = render_file(path, options, title=title, progress=partial(progress.update, str(number)))
            progress.update(str(number), title, 1.0)
            yield number, result
        return
    unfinished = set(titled)
    # Stems of a process that died were written by this batch and may be replaced; older ones may not.
    had_stems = {number for number, (_, title) in titled.items() if any(options.output.glob(f"{glob.escape(title)}*"))}
    for number, found in _in_processes(titled, options, jobs, progress):
        if found is not None:
            unfinished.discard(number)
            yield number, found
    for number in sorted(unfinished):  # a process has died: rendering one file at a time shows which one it was
        again = options if number in had_stems else replace(options, overwrite=True)
        for _, found in _in_processes({number: titled[number]}, again, 1, progress):
            yield number, found or FileResult(str(titled[number][0]), (), "its worker process died (out of memory?).")


def _in_processes(
    titled: Mapping[int, tuple[Path, str]], options: RenderOptions, jobs: int, progress: BatchProgress
) -> Iterator[tuple[int, FileResult | None]]:
    """Render files in `jobs` processes; yield None for files that were waiting or in work when a process died."""
    with (
        multiprocessing.Manager() as manager,
        ProcessPoolExecutor(min(jobs, len(titled)), initializer=_begin_worker, initargs=(stop := manager.Event(),)) as pool,
    ):
        told = manager.Queue()
        waiting = {
            pool.submit(_render_in_process, str(number), path, options, title, stop, told): number
            for number, (path, title) in titled.items()
        }
        try:
            pending = set(waiting)
            while pending:
                done, pending = wait(pending, timeout=_LOOK_EVERY_S, return_when=FIRST_COMPLETED)
                while not told.empty():
                    progress.update(*told.get())
                for future in done:
                    number = waiting[future]
                    result = None if isinstance(future.exception(), BrokenProcessPool) else future.result()
                    progress.update(str(number), titled[number][1], 1.0)
                    yield number, result
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def _begin_worker(stop: Event) -> None:
    """Set up a worker: it ignores Ctrl-C, which a terminal sends to all processes, and is interrupted by `stop`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def wait_for_stop() -> None:
        with suppress(EOFError, OSError):  # the batch is over
            stop.wait()
            if signal.getsignal(signal.SIGTERM) is _interrupt:
                _thread.interrupt_main(signal.SIGTERM)

    threading.Thread(target=wait_for_stop, name="stop", daemon=True).start()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _render_in_process(
    file: str, path: Path, options: RenderOptions, title: str, stop: Event, told: Queue[tuple[str, str, float]]
) -> FileResult:
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        if stop.is_set():  # the batch was interrupted after this file was submitted
            raise KeyboardInterrupt
        return render_file(path, options, title=title, stop=stop, progress=lambda stem, share: told.put((file, stem, share)))
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def batch_titles(scores: Sequence[Path]) -> list[str]:
    """Return the title of each score for its stems: its file name, with its folder's name if two scores share one."""
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
