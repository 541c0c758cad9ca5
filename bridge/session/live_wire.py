"""Events of a live voice as plain values, and back: what goes through the pipe to the engine process.

Plain values are what JSON knows. Which classes they become is decided by the type hints of the reader, never by what was sent.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any

from engine import (
    AllNotesOff,
    Bend,
    Configure,
    Expression,
    GoToLine,
    LiveEvent,
    Lyrics,
    NoteOff,
    NoteOn,
    Panic,
    ResetControllers,
    StepLine,
    Sustain,
)
from engine.errors import ProtocolError

_EVENTS: dict[str, type[LiveEvent]] = {
    kind.__name__: kind
    for kind in (
        AllNotesOff,
        Bend,
        Configure,
        Expression,
        GoToLine,
        Lyrics,
        NoteOff,
        NoteOn,
        Panic,
        ResetControllers,
        StepLine,
        Sustain,
    )
}


def plain_event(event: LiveEvent) -> list[Any]:
    """An event as its name and its values."""
    return [type(event).__name__, *_plain(event)]


def read_event(values: list[Any]) -> LiveEvent:
    """The event. ProtocolError where there is none of this name."""
    kind: Any = _EVENTS.get(values[0])
    if kind is None:
        raise ProtocolError(f"{values[0]!r} is no event of a live voice.")
    return _reader(kind)(values[1:])


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return [_plain(getattr(value, item.name)) for item in fields(value)]
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, Enum) else value


@cache
def _reader(hint: Any) -> Callable[[Any], Any]:
    """How a plain value becomes what a type hint asks for."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return lambda value: None if value is None else _reader(inner)(value)
    if origin is tuple:
        if arguments[1:] == (...,):
            return lambda value: tuple(map(_reader(arguments[0]), value))
        return lambda value: tuple(_reader(item)(part) for item, part in zip(arguments, value, strict=True))
    if is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        names = [item.name for item in fields(hint)]
        make: Any = hint
        return lambda values: make(**{name: _reader(hints[name])(part) for name, part in zip(names, values, strict=True)})
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    return lambda value: value
