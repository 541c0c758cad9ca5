"""Command-line options as fields of frozen dataclasses: name, default, type and help of an option stand in one place.

    @dataclass(frozen=True, kw_only=True)
    class SendOptions:
        score: Path = argument(type=Path, metavar="SCORE")
        port: int = option(default=57160, type=port, metavar="N", help="OSC port (default: %(default)s)")

A field named `first_track` is the option `--first-track`, unless the declaration names its flags. Keyword arguments are those of
`ArgumentParser.add_argument`. Fields without a declaration are no options; commands and tests set them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from inspect import get_annotations
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command: its help, the dataclass of its options, and the function "module:name" that takes them."""

    name: str
    summary: str
    description: str = ""
    examples: tuple[str, ...]
    options: type
    run: str
    writes_stems: bool = False


@dataclass(frozen=True, kw_only=True)
class CommandGroup:
    """Commands with a common first word, such as `voice train` and `voice import`."""

    name: str
    summary: str
    commands: tuple[Command, ...]


@dataclass(frozen=True)
class _Declaration:
    """Arguments of `add_argument`. `group` titles a section of the help; options of the same `excludes` exclude each other."""

    flags: tuple[str, ...]
    is_positional: bool
    group: str
    excludes: str
    details: dict[str, Any]


@dataclass(frozen=True)
class _Composite:
    """Several options that fill one field."""

    add: Callable[[argparse.ArgumentParser], None]
    read: Callable[[argparse.Namespace], object]


def argument(*, default: Any = MISSING, **details: Any) -> Any:
    """Declare a positional argument. With `nargs="+"`, `default` only serves callers in Python."""
    return _field(_Declaration((), True, "", "", details), default)


def option(*flags: str, default: Any = MISSING, group: str = "", excludes: str = "", **details: Any) -> Any:
    """Declare an option; it is required if it has no default."""
    return _field(_Declaration(flags, False, group, excludes, details), default)


def switch(*flags: str, help: str, group: str = "", excludes: str = "") -> Any:
    """Declare an option without a value: the field is False, and True if it is given."""
    return option(*flags, default=False, action="store_true", help=help, group=group, excludes=excludes)


def composite(add: Callable[[argparse.ArgumentParser], None], read: Callable[[argparse.Namespace], object]) -> Any:
    """Declare several options that fill one dictionary."""
    return field(default_factory=dict, metadata={"declared": _Composite(add, read)})


def add_options(parser: argparse.ArgumentParser, options: type) -> None:
    """Add the declared fields of a dataclass, its own before those it inherits."""
    groups: dict[str, argparse._ArgumentGroup] = {}
    exclusive: dict[str, argparse._MutuallyExclusiveGroup] = {}
    for each, declared in _declared(options):
        if isinstance(declared, _Composite):
            declared.add(parser)
            continue
        place: argparse._ActionsContainer = parser
        if declared.group:
            if declared.group not in groups:
                groups[declared.group] = parser.add_argument_group(declared.group)
            place = groups[declared.group]
        if declared.excludes:
            if declared.excludes not in exclusive:
                exclusive[declared.excludes] = place.add_mutually_exclusive_group()
            place = exclusive[declared.excludes]
        if declared.is_positional:
            place.add_argument(each.name, **declared.details)
            continue
        flags = declared.flags or (f"--{each.name.replace('_', '-')}",)
        default = {"required": True} if each.default is MISSING else {"default": _for_argparse(each.default)}
        place.add_argument(*flags, dest=each.name, **default, **declared.details)


def read_options(options: type, namespace: argparse.Namespace) -> Any:
    """Make the dataclass from what was parsed. Lists become tuples."""
    values = {}
    for each, declared in _declared(options):
        value = declared.read(namespace) if isinstance(declared, _Composite) else getattr(namespace, each.name)
        values[each.name] = tuple(value) if isinstance(value, list) else value
    return options(**values)


def _declared(options: type) -> Iterator[tuple[Field[Any], _Declaration | _Composite]]:
    by_name = {each.name: each for each in fields(options)}
    for owner in options.__mro__:
        for name in get_annotations(owner):
            each = by_name.pop(name, None)
            if each is not None and "declared" in each.metadata:
                yield each, each.metadata["declared"]


def _field(declared: _Declaration, default: Any) -> Any:
    return field(default=default, metadata={"declared": declared})


def _for_argparse(default: Any) -> Any:
    """Options that may be repeated are collected in a list."""
    return list(default) if isinstance(default, tuple) else default
