"""The `vocalese` command: parses the arguments, runs one command, returns an exit code.

Each module of this package declares one command: its help, and its options as a frozen dataclass (`declare.py`). The command itself lies in
`bridge.commands` and is imported only when it runs, so that help stays quick.

Exit codes: 0 all done, 1 could not be done (the message says why), 2 wrong usage, 3 some of several failed, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import NoReturn

from . import (
    check,
    convert,
    demo,
    devices,
    doctor,
    follow,
    inspect,
    monitor,
    phonemes,
    play,
    render,
    send,
    serve,
    templates,
    voice,
    voices,
)
from .declare import Command, CommandGroup, add_options, read_options

EXIT_ERROR, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130

COMMANDS: tuple[Command | CommandGroup, ...] = (
    demo.COMMAND,
    render.COMMAND,
    play.COMMAND,
    inspect.COMMAND,
    phonemes.COMMAND,
    check.COMMAND,
    convert.COMMAND,
    voices.COMMAND,
    voice.COMMANDS,
    serve.COMMAND,
    monitor.COMMAND,
    devices.COMMAND,
    doctor.COMMAND,
    templates.COMMANDS,
    send.COMMAND,
    follow.COMMAND,
)

_EXAMPLES = """\
examples:
  vocalese demo                                   hear the examples sung
  vocalese inspect song.mid                       what would be sung, and what is wrong
  vocalese render song.mid -o stems               sing the words in the file
  vocalese render hook.mid --lyrics "stay with me tonight"
  vocalese render verse.mid --lyrics verse.txt --mode rap
  vocalese render intro.txt --mode talk           speak a text
  vocalese convert song.musicxml song.ustx        take a score to another editor
  vocalese play song.mid                          hear it at once, rendered while it plays
  vocalese check stems/song.wav song.mid          how well the stem follows its score
  vocalese voice import --help                    sing with a GPT-SoVITS voice of your own
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    namespace = build_parser().parse_args(arguments)
    command: Command = namespace.command
    from engine import VocaleseError

    try:
        return _run(command, namespace)
    except VocaleseError as error:
        print(f"vocalese: {error}", file=sys.stderr)
        return EXIT_ERROR
    except BrokenPipeError:  # the reader of our output, such as `head`, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    except KeyboardInterrupt:
        left = "; finished stems stay, nothing half-written is left" if command.writes_stems else ""
        print(f"vocalese: interrupted{left}.", file=sys.stderr)
        return EXIT_INTERRUPTED


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands."""
    parser = _Parser(
        prog="vocalese",
        description="A singing, rapping and talking voice: notes and words in, vocal stems out.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"vocalese {_version()}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for entry in COMMANDS:
        if isinstance(entry, Command):
            _add_command(subparsers, entry)
        else:
            group = subparsers.add_parser(entry.name, help=entry.summary)
            actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
            for command in entry.commands:
                _add_command(actions, command)
    return parser


def _run(command: Command, namespace: argparse.Namespace) -> int:
    module, _, function = command.run.partition(":")
    code: int = getattr(import_module(module), function)(read_options(command.options, namespace))
    return code


def _add_command(subparsers: argparse._SubParsersAction[_Parser], command: Command) -> None:
    parser = subparsers.add_parser(
        command.name,
        help=command.summary,
        description=f"{command.summary[0].upper()}{command.summary[1:]}. {command.description}".strip(),
        epilog="\n  ".join(("examples:", *command.examples)),
        formatter_class=_HelpFormatter,
    )
    add_options(parser, command.options)
    parser.set_defaults(command=command)


class _Parser(argparse.ArgumentParser):
    """Report wrong arguments in one line; the parsers of commands inherit it."""

    def error(self, message: str) -> NoReturn:
        line = " ".join(message.split())
        self.exit(EXIT_USAGE, f"{self.prog}: {line.removesuffix('.')} (usage: {self.prog} --help)\n")


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Wrap the description, keep the lines of the examples."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith("examples:"):
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)


def _version() -> str:
    try:
        return version("vocalese")
    except PackageNotFoundError:
        return "(not installed)"
