"""Arguments of `vocalese devices`."""

from __future__ import annotations

from .declare import Command
from .shared import JsonOptions

COMMAND = Command(
    name="devices",
    summary="list the sound devices",
    examples=("vocalese devices",),
    options=JsonOptions,
    run="bridge.commands.devices:run",
)
