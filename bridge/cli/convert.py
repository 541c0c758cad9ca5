"""Arguments of `vocalese convert`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .declare import Command, argument, switch
from .shared import language_option, score_argument, verse_option


@dataclass(frozen=True, kw_only=True)
class ConvertOptions:
    """Options of `vocalese convert`."""

    score: Path = score_argument()
    target: Path = argument(type=Path, metavar="TARGET", help="file to write")
    verse: int = verse_option()
    language: str | None = language_option()
    overwrite: bool = switch(help="replace the target if it exists")


COMMAND = Command(
    name="convert",
    summary="write a score in another format",
    description="The suffix of TARGET chooses the format: .mid, .ustx, .musicxml, .svp or .ds. Whatever does not fit into it is reported.",
    examples=("vocalese convert song.musicxml song.ustx",),
    options=ConvertOptions,
    run="bridge.commands.convert:run",
)
