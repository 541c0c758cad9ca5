"""Arguments of `vocalese inspect`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .declare import Command
from .shared import JsonOptions, PlanOptions, score_argument


@dataclass(frozen=True, kw_only=True)
class InspectOptions(PlanOptions, JsonOptions):
    """Options of `vocalese inspect`."""

    score: Path = score_argument()


COMMAND = Command(
    name="inspect",
    summary="show what would be sung: syllables over notes, problems, range",
    examples=("vocalese inspect song.mid", 'vocalese inspect hook.mid --lyrics "stay with me tonight"'),
    options=InspectOptions,
    run="bridge.commands.inspect:run",
)
