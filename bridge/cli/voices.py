"""Arguments of `vocalese voices`."""

from __future__ import annotations

from .declare import Command
from .shared import JsonOptions

COMMAND = Command(
    name="voices",
    summary="list the voices with their licences",
    examples=("vocalese voices",),
    options=JsonOptions,
    run="bridge.commands.voices:list_voices",
)
