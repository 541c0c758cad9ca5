"""Arguments of `vocalese check`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .declare import Command, argument, option
from .shared import JsonOptions, language_option, score_argument
from .values import number


@dataclass(frozen=True, kw_only=True)
class CheckOptions(JsonOptions):
    """Options of `vocalese check`."""

    stem: Path = argument(type=Path, metavar="STEM", help="sound file that starts at bar 1")
    score: Path = score_argument()
    track: str | None = option(
        default=None, metavar="NAME", help="track of the score (default: the one named in the stem's file name)"
    )
    transpose: int = option(
        default=0, type=int, metavar="N", help="semitones by which the stem was transposed when it was rendered"
    )
    lyrics: str | None = option(
        default=None, metavar="TEXT|FILE", help="the words that were given to render, if the score has others or none"
    )
    language: str | None = language_option()
    picture: Path | None = option(
        default=None, type=Path, metavar="PNG", help="file for the picture (default: beside the stem)"
    )
    start_s: float = option(
        "--start", default=0.0, type=number, metavar="S", help="where in the stem the picture starts, in seconds"
    )


COMMAND = Command(
    name="check",
    summary="measure how well a stem follows its score, and draw it",
    examples=(
        "vocalese check stems/song.wav song.mid",
        "vocalese check duet-low.wav duet.mid --track low --picture low.png --start 30",
    ),
    options=CheckOptions,
    run="bridge.commands.check:run",
)
