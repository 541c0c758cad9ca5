"""One argument of a message: its type, unit, range and meaning, and the check that follows from them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from bridge.protocol.refusal import Code, RefusedMessage, shown

Value: TypeAlias = int | float | str | bool | bytes

_NUMBER_TAGS = "ihfd"
# Ranges are written in decimals, single-precision numbers are not: 0.3 arrives as 0.30000001.
_RELATIVE_SLACK = 1e-7
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NAME = re.compile(r"[^\W_][\w .+-]*", re.UNICODE)
# Windows opens devices under these names, in any folder and with any suffix.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})


class Kind(StrEnum):
    """What an argument is. Numbers and texts have the value of the OSC type tag they are sent with; see `Argument.tag`."""

    INT = "i"
    LONG = "h"
    FLOAT = "f"
    DOUBLE = "d"
    SWITCH = "T"
    TEXT = "s"
    NAME = "n"  # a text that may become the name of a file or folder, and nothing else


ACCEPTED_TAGS: dict[Kind, str] = {
    Kind.INT: _NUMBER_TAGS,
    Kind.LONG: _NUMBER_TAGS,
    Kind.FLOAT: _NUMBER_TAGS,
    Kind.DOUBLE: _NUMBER_TAGS,
    Kind.SWITCH: "TF" + _NUMBER_TAGS,
    Kind.TEXT: "sS",
    Kind.NAME: "sS",
}
KIND_WORDS: dict[Kind, str] = {
    Kind.INT: "int",
    Kind.LONG: "int64",
    Kind.FLOAT: "float",
    Kind.DOUBLE: "double",
    Kind.SWITCH: "switch",
    Kind.TEXT: "text",
    Kind.NAME: "name",
}
_TYPE_WORDS = {int: "an int", float: "a float", str: "a text", bytes: "a blob", bool: "a switch"}


class _Required:
    def __repr__(self) -> str:
        return "required"


REQUIRED: Final = _Required()


@dataclass(frozen=True, slots=True)
class Argument:
    """`low` and `high` are inclusive bounds of numbers, and of the length of texts in characters.

    `default` makes it optional; optional arguments stand at the end. `choices` are the only texts or numbers that are valid.
    """

    name: str
    kind: Kind
    meaning: str
    low: float | None = None
    high: float | None = None
    unit: str = ""
    default: Value | _Required = REQUIRED
    choices: tuple[str | int, ...] = ()

    @property
    def is_required(self) -> bool:
        return self.default is REQUIRED

    @property
    def tag(self) -> str:
        """The OSC type tag that it is sent with; more are understood: `ACCEPTED_TAGS`."""
        return {Kind.NAME: "s", Kind.SWITCH: "i"}.get(self.kind, self.kind.value)

    @property
    def valid(self) -> str:
        """What is valid, in words, such as "0 to 127"."""
        if self.choices:
            return ", ".join(str(choice) or '""' for choice in self.choices)
        if self.kind in (Kind.TEXT, Kind.NAME):
            return f"up to {self.high:g} characters"
        if self.kind is Kind.SWITCH:
            return "0 or 1"
        return range_words(self.low, self.high)

    def read(self, tag: str, value: Value) -> Value:
        """The value as the event holds it. Raises RefusedMessage if type, range or text are not valid."""
        # The value is looked at too: in a program that sends, nothing has made it fit its tag yet.
        if tag in ACCEPTED_TAGS[self.kind]:
            if self.kind in (Kind.TEXT, Kind.NAME) and isinstance(value, str):
                return self._read_text(value)
            if self.kind not in (Kind.TEXT, Kind.NAME) and isinstance(value, (int, float)):
                return self._read_number(value)
        given = _TYPE_WORDS.get(type(value), "something else")
        raise RefusedMessage(Code.TYPE, f"{self.name} is {given}", f"send it as {KIND_WORDS[self.kind]} ({self.valid})")

    def _read_number(self, value: float) -> Value:
        if not math.isfinite(value):
            raise RefusedMessage(Code.RANGE, f"{self.name} is {value}", f"valid is {self.valid}")
        if self.kind is Kind.SWITCH:
            if value not in (0, 1):
                raise RefusedMessage(Code.RANGE, f"{self.name} is {shown(value)}", "valid is 0 or 1")
            return bool(value)
        if self.kind in (Kind.INT, Kind.LONG):
            if value != int(value):
                raise RefusedMessage(Code.TYPE, f"{self.name} is {shown(value)}", f"valid are whole numbers, {self.valid}")
            value = int(value)
            if self.choices and value not in self.choices:
                raise RefusedMessage(Code.RANGE, f"{self.name} is {shown(value)}", f"valid is {self.valid}")
        else:
            value = float(value)
        return within(self.name, value, self.low, self.high)

    def _read_text(self, text: str) -> str:
        if self.high is not None and len(text) > self.high:
            raise RefusedMessage(Code.TEXT, f"{self.name} has {len(text)} characters", f"valid is {self.valid}")
        if self.choices and text not in self.choices:
            raise RefusedMessage(Code.TEXT, f"{self.name} is {shown(text)}", f"valid is {self.valid}")
        if _CONTROL.search(text):
            raise RefusedMessage(Code.TEXT, f"{self.name} holds control characters", "only tabs and line ends are taken")
        if self.kind is Kind.NAME and text and not is_safe_name(text):
            valid = "valid is a bare name of letters, digits, spaces and . _ + - that starts with a letter or digit"
            raise RefusedMessage(Code.TEXT, f"{self.name} is {shown(text)}", valid)
        return text


def within(name: str, value: float, low: float | None, high: float | None) -> float:
    """`value`, moved onto a bound that it misses by rounding only. Raises RefusedMessage where it misses it by more."""
    for bound, beyond in ((low, -1.0), (high, 1.0)):
        if bound is not None and (value - bound) * beyond > 0:
            if (value - bound) * beyond > _RELATIVE_SLACK * abs(bound) or isinstance(value, int):
                raise RefusedMessage(Code.RANGE, f"{name} is {shown(value)}", f"valid is {range_words(low, high)}")
            return float(bound)
    return value


def range_words(low: float | None, high: float | None) -> str:
    """A range in words."""
    if low is None and high is None:
        return "any finite number"
    if high is None:
        return f"{_plain(low)} or more"
    return f"{_plain(low)} to {_plain(high)}" if low is not None else f"up to {_plain(high)}"


def is_safe_name(text: str) -> bool:
    """Whether a text can be the name of a file or folder on every system and cannot lead anywhere else."""
    return (
        bool(_NAME.fullmatch(text)) and not text.endswith((".", " ")) and text.split(".")[0].strip().casefold() not in _DEVICES
    )


def _plain(value: float | None) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
