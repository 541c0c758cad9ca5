"""Arguments of messages: type, unit, range, meaning, and their validation."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from bridge.protocol.rejection import Code, RejectedMessage, shown

Value: TypeAlias = int | float | str | bool | bytes | None  # None: the OSC type N

_NUMBER_TAGS = "ihfd"
# Bounds are decimals, OSC floats are single-precision: 0.3 arrives as 0.30000001.
_RELATIVE_SLACK = 1e-7
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NAME = re.compile(r"[^\W_][\w .+-]*", re.UNICODE)
# Windows opens devices by these names, in any folder and with any suffix.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})


class Kind(StrEnum):
    """Type of an argument. Numbers and texts have the value of their OSC type tag; see `Argument.tag`."""

    INT = "i"
    LONG = "h"
    FLOAT = "f"
    DOUBLE = "d"
    SWITCH = "T"
    TEXT = "s"
    NAME = "n"  # a text that is safe as a file name


ACCEPTED_TAGS: dict[Kind, str] = {
    Kind.INT: _NUMBER_TAGS,
    Kind.LONG: _NUMBER_TAGS,
    Kind.FLOAT: _NUMBER_TAGS,
    Kind.DOUBLE: _NUMBER_TAGS,
    Kind.SWITCH: "TFIN" + _NUMBER_TAGS + "sS",
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
_TYPE_WORDS = {int: "an int", float: "a float", str: "a text", bytes: "a blob", bool: "a switch", type(None): "nil"}
_SWITCH_ON_FROM, _SWITCH_HIGHEST = 0.5, 127.0  # buttons send 0 and 1, keys of MIDI controllers 0 and 127
_SWITCH_TEXTS = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}


class _Required:
    def __repr__(self) -> str:
        return "required"


REQUIRED: Final = _Required()


@dataclass(frozen=True, slots=True)
class Argument:
    """Argument of a message. `low` and `high` are inclusive bounds of numbers, or of the characters of texts.

    `default` makes it optional; optional arguments are last. A `default` outside the bounds is valid, too. `choices`, if any, are the only
    valid texts or numbers.
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
        """OSC type tag for sending; `ACCEPTED_TAGS` lists those understood."""
        return {Kind.NAME: "s", Kind.SWITCH: "i"}.get(self.kind, self.kind.value)

    @property
    def valid(self) -> str:
        """Valid values in words, such as "0 to 127"."""
        if self.choices:
            return ", ".join(str(choice) or '""' for choice in self.choices)
        if self.kind in (Kind.TEXT, Kind.NAME):
            return f"up to {self.high:g} characters"
        if self.kind is Kind.SWITCH:
            return "0 or 1, T or F"
        return range_words(self.low, self.high)

    def read(self, tag: str, value: Value) -> Value:
        """Validate and convert a value. Raises RejectedMessage if type, range or text are invalid."""
        # The type of the value is checked too: when sending, it may not fit its tag.
        if tag in ACCEPTED_TAGS[self.kind]:
            if self.kind is Kind.SWITCH:
                return self._read_switch(value)
            if self.kind in (Kind.TEXT, Kind.NAME) and isinstance(value, str):
                return self._read_text(value)
            if self.kind not in (Kind.TEXT, Kind.NAME) and isinstance(value, (int, float)):
                return self._read_number(value)
        raise self._wrong_type(value)

    def _wrong_type(self, value: Value) -> RejectedMessage:
        given = _TYPE_WORDS.get(type(value), "something else")
        return RejectedMessage(Code.TYPE, f"{self.name} is {given}", f"send it as {KIND_WORDS[self.kind]} ({self.valid})")

    def _read_switch(self, value: Value) -> bool:
        """Convert a switch as controllers send it: numbers, T and F, I (a press) and N, words."""
        if isinstance(value, str):
            known = _SWITCH_TEXTS.get(value.strip().casefold())
            if known is not None:
                return known
            if value.strip() not in ("0", "1"):
                raise self._wrong_type(value)
            return value.strip() == "1"
        if value is None:
            return False
        if isinstance(value, bytes):
            raise self._wrong_type(value)
        if not (math.isfinite(value) and 0 <= value <= _SWITCH_HIGHEST):
            raise RejectedMessage(Code.RANGE, f"{self.name} is {shown(value)}", f"valid is {self.valid}")
        return value >= _SWITCH_ON_FROM

    def _read_number(self, value: float) -> Value:
        if not math.isfinite(value):
            raise RejectedMessage(Code.RANGE, f"{self.name} is {value}", f"valid is {self.valid}")
        if self.kind in (Kind.INT, Kind.LONG):
            if value != int(value):
                raise RejectedMessage(Code.TYPE, f"{self.name} is {shown(value)}", f"valid are whole numbers, {self.valid}")
            value = int(value)
            if self.choices and value not in self.choices:
                raise RejectedMessage(Code.RANGE, f"{self.name} is {shown(value)}", f"valid is {self.valid}")
        else:
            value = float(value)
        if value == self.default:
            return value
        return within(self.name, value, self.low, self.high)

    def _read_text(self, text: str) -> str:
        if self.high is not None and len(text) > self.high:
            raise RejectedMessage(Code.TEXT, f"{self.name} has {len(text)} characters", f"valid is {self.valid}")
        if self.choices and text not in self.choices:
            raise RejectedMessage(Code.TEXT, f"{self.name} is {shown(text)}", f"valid is {self.valid}")
        if _CONTROL.search(text):
            raise RejectedMessage(Code.TEXT, f"{self.name} holds control characters", "only tabs and line ends are taken")
        if self.kind is Kind.NAME and text and not is_safe_name(text):
            valid = "valid is a bare name of letters, digits, spaces and . _ + - that starts with a letter or digit"
            raise RejectedMessage(Code.TEXT, f"{self.name} is {shown(text)}", valid)
        return text


def within(name: str, value: float, low: float | None, high: float | None) -> float:
    """Return `value`, clamped if it exceeds a bound by rounding only. Raises RejectedMessage if by more."""
    for bound, beyond in ((low, -1.0), (high, 1.0)):
        if bound is not None and (value - bound) * beyond > 0:
            if (value - bound) * beyond > _RELATIVE_SLACK * abs(bound) or isinstance(value, int):
                raise RejectedMessage(Code.RANGE, f"{name} is {shown(value)}", f"valid is {range_words(low, high)}")
            return float(bound)
    return value


def range_words(low: float | None, high: float | None) -> str:
    """Describe a range in words."""
    if low is None and high is None:
        return "any finite number"
    if high is None:
        return f"{_plain(low)} or more"
    return f"{_plain(low)} to {_plain(high)}" if low is not None else f"up to {_plain(high)}"


def is_safe_name(text: str) -> bool:
    """Return True if a text is a valid file name on every system and holds no path."""
    return (
        bool(_NAME.fullmatch(text)) and not text.endswith((".", " ")) and text.split(".")[0].strip().casefold() not in _DEVICES
    )


def _plain(value: float | None) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
