"""`vocalese demo`: render the examples of the package and measure how well they follow their scores."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from bridge.cli.demo import DemoOptions
from bridge.cli.render import RenderOptions
from engine import Mode, ScoreError, measure_accuracy, plot_accuracy, read_score

from .check import expected_notes, read_audio
from .common import EXIT_OK, EXIT_SOME_FAILED
from .render_file import render_file

EXAMPLES = Path(__file__).parent.parent / "examples"


@dataclass(frozen=True)
class Example:
    """Score of the package, with its mode and transposition."""

    file: Path
    title: str
    credits: str
    mode: Mode
    transpose: int = 0


def examples() -> list[Example]:
    """Read the list in `examples.toml`."""
    table = tomllib.loads((EXAMPLES / "examples.toml").read_text(encoding="utf-8"))
    return [
        Example(EXAMPLES / e["file"], e["title"], e["credits"], Mode(e["mode"]), int(e.get("transpose", 0)))
        for e in table["example"]
    ]


def run(options: DemoOptions) -> int:
    """Render every example dry (and once more through effects if asked), measure the sung ones, print the paths."""
    output = options.output
    output.mkdir(parents=True, exist_ok=True)
    failed = False
    for example in examples():
        print(f"\n{example.title} ({example.mode}). {example.credits}")
        shutil.copyfile(example.file, output / example.file.name)
        rendering = RenderOptions(
            output=output,
            voice=options.voice,
            voice_folders=options.voice_folders,
            mode=example.mode,
            transpose=example.transpose,
            seed=options.seed,
            overwrite=True,
            uses_cache=False,
        )
        failed |= not _rendered(example, rendering)
        if options.fx:
            with_fx = replace(rendering, fx=options.fx, output=output / f"fx-{options.fx}")
            failed |= not _rendered(example, with_fx, measured=False)
    print(f"\nThe stems, scores and pictures are in {output.resolve()}")
    return EXIT_SOME_FAILED if failed else EXIT_OK


def _rendered(example: Example, options: RenderOptions, measured: bool = True) -> bool:
    result = render_file(example.file, options)
    if result.error:
        print(f"  failed: {result.error}")
    for stem in result.stems:
        print(f"  {stem.path}  ({stem.seconds:.1f} s of sound in {stem.seconds * stem.rtf:.1f} s)")
        for warning in stem.warnings:
            print(f"    - {warning}")
        if measured and example.mode is Mode.SING:
            print("    " + _follows(example, Path(stem.path), stem.track))
    return result.error is None


def _follows(example: Example, stem: Path, track_name: str) -> str:
    """Draw a picture beside the stem; return one line of figures."""
    score = read_score(example.file)
    track = next((track for track in score.tracks if track.name == track_name), None)
    if track is None:
        raise ScoreError(f"{example.file.name} has no track '{track_name}'.")
    samples, sample_rate = read_audio(stem)
    report = measure_accuracy(samples, sample_rate, expected_notes(score, track, example.transpose))
    picture = plot_accuracy(stem.with_suffix(".png"), samples, sample_rate, report, title=stem.stem)
    return (
        f"follows its score: pitch error {report.cents_median or 0:.1f} cents (median), "
        f"{100 * report.within_50_cents:.0f} % of notes within 50 cents, {100 * report.voiced:.0f} % voiced, "
        f"onsets {report.onset_ms_median or 0:+.0f} ms (median), rests {report.between_notes_dbfs or -180:.0f} dBFS; picture {picture.name}"
    )
