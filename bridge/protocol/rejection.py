"""Rejected messages: a code for programs, a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.errors import ProtocolError

_SHOWN_CHARACTERS = 60


class Code(StrEnum):
    """Code of `/vocalese/error`."""

    PACKET = "packet"
    ADDRESS = "address"
    COUNT = "count"
    TYPE = "type"
    RANGE = "range"
    TEXT = "text"
    RULE = "rule"
    CLIP = "clip"
    REVISION = "revision"
    FLOOD = "flood"
    BUSY = "busy"
    TOKEN = "token"
    VERSION = "version"
    LATE = "late"
    FAILED = "failed"


CODE_MEANINGS: dict[Code, str] = {
    Code.PACKET: "The bytes are not OSC, or more of it than is taken at once.",
    Code.ADDRESS: "No such address. Addresses are compared letter by letter; patterns are not matched.",
    Code.COUNT: "Too few or too many arguments.",
    Code.TYPE: "An argument has another type than the one that is wanted.",
    Code.RANGE: "A number is outside its range, or is not a number.",
    Code.TEXT: "A text is too long, is not UTF-8, or holds control characters or a name that is not allowed.",
    Code.RULE: "Each argument is fine, but they do not go together.",
    Code.CLIP: "A part of a clip that was not begun, or too many clips at once.",
    Code.REVISION: "A revision that is not greater than the present one, which stays. The text names it.",
    Code.FLOOD: "Messages came faster than they are taken and were dropped. Sent at most once a second.",
    Code.BUSY: "The session is behind. Send it again a little later.",
    Code.TOKEN: "The server listens beyond this machine: say hello with the token that it prints at its start. The text may be empty.",
    Code.VERSION: "Client and server speak different major versions.",
    Code.LATE: "The time in `when_s` had passed already.",
    Code.FAILED: "It was understood but could not be done; the text says why.",
}


@dataclass(frozen=True, slots=True)
class Rejection:
    """Rejected message: given and valid values."""

    code: Code
    given: str
    valid: str
    address: str = ""
    seq: int = 0

    @property
    def text(self) -> str:
        return f"{self.given}; {self.valid}."


class RejectedMessage(ProtocolError):
    """Exception inside the reader, which converts it to a `Rejection`."""

    def __init__(self, code: Code, given: str, valid: str) -> None:
        super().__init__(f"{given}; {valid}.")
        self.code, self.given, self.valid = code, given, valid

    def rejection(self, address: str = "", seq: int = 0) -> Rejection:
        return Rejection(self.code, self.given, self.valid, address, seq)


def shown(value: object) -> str:
    """Format a value for a message: short, printable, on one line."""
    text = (
        repr(value[: _SHOWN_CHARACTERS + 1])
        if isinstance(value, str)
        else f"{value:g}"
        if isinstance(value, float)
        else repr(value)
    )
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
