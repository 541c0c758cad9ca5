"""Options are declared once, as fields: name, default and help of the parser follow from them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import pytest

from bridge.cli import COMMANDS, build_parser
from bridge.cli.declare import Command, CommandGroup, add_options, argument, option, read_options, switch
from bridge.cli.play import PlayOptions
from engine import SettingsError


@dataclass(frozen=True, kw_only=True)
class Inherited:
    loud: bool = switch(help="louder")


@dataclass(frozen=True, kw_only=True)
class Options(Inherited):
    score: str = argument(metavar="SCORE")
    first_track: int = option(type=int, default=3, help="first track (default: %(default)s)")
    names: tuple[str, ...] = option("--name", action="append", default=(), help="a name")
    folder: str = "set by the command"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="test")
    add_options(made, Options)
    return made


def test_defaults_are_those_of_the_fields() -> None:
    assert read_options(Options, parser().parse_args(["a.mid"])) == Options(score="a.mid")


def test_values_fill_the_fields() -> None:
    read = read_options(Options, parser().parse_args(["a.mid", "--first-track", "1", "--name", "x", "--name", "y", "--loud"]))
    assert read == Options(score="a.mid", first_track=1, names=("x", "y"), loud=True)


def test_repeated_options_do_not_share_a_list() -> None:
    made = parser()
    assert read_options(Options, made.parse_args(["a", "--name", "x"])).names == ("x",)
    assert read_options(Options, made.parse_args(["a"])).names == ()


def test_help_shows_defaults_and_own_options_first() -> None:
    text = parser().format_help()
    assert "first track (default: 3)" in text and text.index("--first-track") < text.index("--loud")
    assert "folder" not in text


def test_commands_run_functions_that_exist() -> None:
    import importlib

    for entry in COMMANDS:
        for command in entry.commands if isinstance(entry, CommandGroup) else (entry,):
            assert isinstance(command, Command)
            module, _, function = command.run.partition(":")
            assert callable(getattr(importlib.import_module(module), function))


def test_contradicting_options_are_rejected() -> None:
    namespace = build_parser().parse_args(["play", "a.mid", "--times", "2"])
    with pytest.raises(SettingsError, match="--loop"):
        read_options(PlayOptions, namespace)
