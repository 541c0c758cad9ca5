"""Arguments of `vocalese demo`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .declare import Command, option
from .shared import VoiceOptions


@dataclass(frozen=True, kw_only=True)
class DemoOptions(VoiceOptions):
    """Options of `vocalese demo`."""

    output: Path = option(
        "-o", "--output", type=Path, default=Path("demo"), metavar="DIR", help="folder for the stems (default: %(default)s)"
    )
    fx: str | None = option(default=None, metavar="PRESET", help="also render through an effect preset")


COMMAND = Command(
    name="demo",
    summary="sing the examples that come with Vocalese",
    examples=(
        "vocalese demo                       stems, scores and pictures in the folder demo",
        "vocalese demo --fx PRESET -o out    also with effects",
    ),
    options=DemoOptions,
    run="bridge.commands.demo:run",
    writes_stems=True,
)
