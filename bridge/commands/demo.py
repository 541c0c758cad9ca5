"""`vocalese demo`: sing the examples that come with the package and say how well they follow their scores."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

from engine import Mode, ScoreError, draw_following, measure_following, read_score

from .check import follow_notes, read_audio
from .common import EXIT_OK, EXIT_SOME_FAILED
from .render import RenderOptions, render_file

EXAMPLES = Path(__file__).parent.parent / "examples"


@dataclass(frozen=True)
class Example:
    """A score of the package and how to perform it."""

    file: Path
    title: str
    credits: str
    mode: Mode
    transpose: int = 0


def examples() -> list[Example]:
    """What `examples.toml` lists."""
    table = tomllib.loads((EXAMPLES / "examples.toml").read_text(encoding="utf-8"))
    return [
        Example(EXAMPLES / e["file"], e["title"], e["credits"], Mode(e["mode"]), int(e.get("transpose", 0)))
        for e in table["example"]
    ]


def run(output: Path, *, voice: str, voice_folders: tuple[Path, ...], fx: str | None, seed: int) -> int:
    """Render every example dry (and once more through effects if asked), measure the sung ones, print where everything is."""
    output.mkdir(parents=True, exist_ok=True)
    failed = False
    for example in examples():
        print(f"\n{example.title} ({example.mode}). {example.credits}")
        shutil.copyfile(example.file, output / example.file.name)
        options = RenderOptions(
            output=output,
            voice=voice,
            voice_folders=voice_folders,
            mode=example.mode,
            transpose=example.transpose,
            seed=seed,
            overwrite=True,
        )
        failed |= not _rendered(example, options)
        if fx:
            failed |= not _rendered(example, _with_fx(options, fx), measured=False)
    print(f"\nThe stems, scores and pictures are in {output.resolve()}")
    return EXIT_SOME_FAILED if failed else EXIT_OK


def _with_fx(options: RenderOptions, fx: str) -> RenderOptions:
    from dataclasses import replace

    return replace(options, fx=fx, output=options.output / f"fx-{fx}")


def _rendered(example: Example, options: RenderOptions, measured: bool = True) -> bool:
    result = render_file(example.file, options, show_progress=False)
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
    """One line on how the stem follows its track, and a picture beside it."""
    score = read_score(example.file)
    track = next((track for track in score.tracks if track.name == track_name), None)
    if track is None:
        raise ScoreError(f"{example.file.name} has no track '{track_name}'.")
    samples, sample_rate = read_audio(stem)
    report = measure_following(samples, sample_rate, follow_notes(score, track, example.transpose))
    picture = draw_following(stem.with_suffix(".png"), samples, sample_rate, report, title=stem.stem)
    return (
        f"follows its score: pitch error {report.cents_median or 0:.1f} cents (median), "
        f"{100 * report.within_50_cents:.0f} % of notes within 50 cents, {100 * report.voiced:.0f} % voiced, "
        f"onsets {report.onset_ms_median or 0:+.0f} ms (median), rests {report.between_notes_dbfs or -180:.0f} dBFS; picture {picture.name}"
    )
