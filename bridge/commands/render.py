"""`vocalese render`: render scores and texts into stems."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.cli.render import RenderOptions
from engine import (
    VocaleseError,
    load_card,
)

from .batch import render_batch
from .common import (
    EXIT_OK,
    EXIT_SOME_FAILED,
    BatchProgress,
    bullet_list,
    searched_folders,
)
from .plan import lyrics_given, settings_of, words_of
from .render_file import FileResult, one_line

if TYPE_CHECKING:
    pass


def run(options: RenderOptions) -> int:
    """Render a batch and report the results; return 0, or 3 if some failed."""
    scores = options.scores
    is_single = len(scores) == 1
    try:
        _check_options(options)
    except VocaleseError as error:  # affects every file; reported once
        print(f"vocalese: {one_line(error)}", file=sys.stderr)
        results = [FileResult(str(path), (), one_line(error)) for path in scores]
    else:
        results = _rendered(scores, options, jobs=options.jobs, quiet=options.as_json)
        for result in results:
            if result.error is not None:
                where = "" if result.error.startswith(result.score) else f"{result.score}: "
                print(f"vocalese: {where}{result.error}", file=sys.stderr)
    if options.as_json:
        print(json.dumps(batch_summary(results), ensure_ascii=False))
    elif not is_single:
        sys.stderr.flush()
        print(_last_line(results))
    return EXIT_SOME_FAILED if any(result.error is not None for result in results) else EXIT_OK


def _rendered(scores: Sequence[Path], options: RenderOptions, *, jobs: int, quiet: bool) -> list[FileResult]:
    """Render the batch; print lines about stems as they finish; return the results in the order of the scores."""
    found: dict[int, FileResult] = {}
    with BatchProgress(len(scores), shown=not quiet and sys.stderr.isatty()) as progress:
        for number, result in render_batch(scores, options, jobs=jobs, progress=progress):
            found[number] = result
            if not quiet:
                for line in _report(result):
                    progress.print(line)
    return [found[number] for number in range(len(scores))]


def _check_options(options: RenderOptions) -> None:
    """Raise errors that would stop every file of the batch."""
    settings_of(options)
    words_of(options)
    load_card(options.voice, searched_folders(options))
    if options.lyrics is not None:
        lyrics_given(options.lyrics)


def _last_line(results: Sequence[FileResult]) -> str:
    """ "19 done, 1 failed"."""
    counts = Counter(result.status for result in results)
    parts = [f"{counts['done']} done"] + [f"{counts[status]} {status}" for status in ("skipped", "failed") if counts[status]]
    return ", ".join(parts)


def batch_summary(results: Sequence[FileResult]) -> dict[str, object]:
    """Return the object that `--json` prints."""
    return {
        "stems": [{**asdict(stem), "warnings": list(stem.warnings)} for result in results for stem in result.stems],
        "errors": [{"score": result.score, "error": result.error} for result in results if result.error is not None],
        "files": [
            {
                "score": result.score,
                "status": result.status,
                "stems": [stem.path for stem in result.stems],
                "skipped": list(result.skipped),
                "error": result.error,
            }
            for result in results
        ],
    }


def _report(result: FileResult) -> Iterator[str]:
    """Yield a line per stem, and its warnings."""
    for stem in result.stems:
        yield f"{stem.path}  ({stem.seconds:.1f} s, {stem.rtf:.3f} x real time)"
        if stem.warnings:
            yield bullet_list(stem.warnings)
    for path in result.skipped:
        yield f"{path}  (there already, skipped)"
