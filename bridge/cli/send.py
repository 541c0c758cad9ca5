"""Arguments of `vocalese send`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .declare import Command, option
from .shared import SessionOptions, language_option, score_argument, verse_option


@dataclass(frozen=True, kw_only=True)
class SendOptions(SessionOptions):
    """Options of `vocalese send`."""

    score: Path = score_argument()
    first_track: int = option(
        "--track", type=int, default=0, metavar="N", help="number of the first track there (default: %(default)s)"
    )
    verse: int = verse_option()
    language: str | None = language_option()


COMMAND = Command(
    name="send",
    summary="send the tracks of a score to a running Vocalese",
    description="Each track with words (or, without any, each melodic track) replaces what was sent for its track before.",
    examples=("vocalese send song.mid", "vocalese send harmony.mid --track 1"),
    options=SendOptions,
    run="bridge.commands.send:run",
)
