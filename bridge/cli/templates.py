"""Arguments of `vocalese templates list | install`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .declare import Command, CommandGroup, argument, option, switch
from .shared import JsonOptions


@dataclass(frozen=True, kw_only=True)
class InstallOptions:
    """Options of `vocalese templates install`."""

    name: str = argument(metavar="NAME", help="as `vocalese templates list` names it")
    output: Path | None = option(
        "-o", "--output", default=None, type=Path, metavar="DIR", help="put it below this folder instead"
    )
    overwrite: bool = switch(help="replace files that were changed")


COMMANDS = CommandGroup(
    name="templates",
    summary="templates for other music programs",
    commands=(
        Command(
            name="list",
            summary="list the templates and what was tried",
            examples=("vocalese templates list",),
            options=JsonOptions,
            run="bridge.commands.templates:list_templates",
        ),
        Command(
            name="install",
            summary="put a template where its program looks for it",
            examples=("vocalese templates install reaper", "vocalese templates install puredata -o patches"),
            options=InstallOptions,
            run="bridge.commands.templates:install",
        ),
    ),
)
