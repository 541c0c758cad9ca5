"""Description of one OSC address: its arguments, the event that it becomes, its help."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from bridge.protocol.arguments import Argument, Value

PREFIX = "/vocalese"
SEQ = "seq"


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds, unit and meaning of a parameter that an argument names."""

    low: float
    high: float
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Repeated:
    """Group of arguments repeated `least` to `most` times at the end of a message; `field` of the event holds them all.

    `item` is the class of one group; without it, the group has one argument and gives its plain value.
    """

    field: str
    arguments: tuple[Argument, ...]
    least: int
    most: int
    item: type | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One address. `arguments` in order; those that are no field of the event belong to its envelope, such as `seq`.

    `ignores_arguments`: any arguments are ignored, readable or not.
    """

    address: str
    event: type
    section: str
    meaning: str
    example: tuple[Value, ...]
    arguments: tuple[Argument, ...] = ()
    repeated: Repeated | None = None
    reply: str = ""
    names: Mapping[str, Range] = field(default_factory=dict)  # valid names of an argument, with the ranges of their values
    ignores_arguments: bool = False
    rule: Callable[[Any], Any] | None = None  # check of the whole event; see `rules.py`

    least_arguments: int = field(init=False)
    most_arguments: int = field(init=False)
    reading_order: tuple[tuple[int, Argument], ...] = field(init=False)  # `seq` first, so that a rejection can name it
    envelope: frozenset[str] = field(init=False)  # arguments that are no field of the event

    def __post_init__(self) -> None:
        required = sum(argument.is_required for argument in self.arguments)
        least, most = (self.repeated.least, self.repeated.most) if self.repeated else (0, 0)
        width = len(self.repeated.arguments) if self.repeated else 0
        order = sorted(enumerate(self.arguments), key=lambda pair: pair[1].name != SEQ)
        object.__setattr__(self, "least_arguments", required + width * least)
        object.__setattr__(self, "most_arguments", len(self.arguments) + width * most)
        object.__setattr__(self, "reading_order", tuple(order))
        names = {argument.name for argument in self.arguments}
        object.__setattr__(self, "envelope", frozenset(names - {item.name for item in fields(self.event)}))
