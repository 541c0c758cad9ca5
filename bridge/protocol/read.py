"""Conversion between OSC arguments and frozen events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from bridge.protocol.arguments import Argument, Value
from bridge.protocol.events import Event
from bridge.protocol.message import PREFIX, SEQ, Message, Repeated
from bridge.protocol.rejection import Code, RejectedMessage, Rejection, shown
from bridge.protocol.replies import Reply
from bridge.protocol.table import BY_ADDRESS, BY_EVENT, REPLY_BY_ADDRESS


@dataclass(frozen=True, slots=True)
class Read:
    """Valid message: its event, and its sequence number (0 = none)."""

    event: Any
    address: str
    seq: int = 0


def read_event(address: str, tags: str, values: Sequence[Value]) -> Read | Rejection:
    """Read a request. `tags` are the OSC type tags of `values`. Never raises."""
    return _read(BY_ADDRESS, address, tags, values)


def read_reply(address: str, tags: str, values: Sequence[Value]) -> Read | Rejection:
    """Read an answer of the server. Never raises."""
    return _read(REPLY_BY_ADDRESS, address, tags, values)


def write_event(event: Event | Reply, seq: int = 0) -> tuple[str, str, list[Value]]:
    """Return address, OSC type tags and values of an event or reply, without trailing arguments that have their default."""
    message = BY_EVENT[type(event)]
    around = {argument.name: argument.default for argument in message.arguments} | {SEQ: seq}
    pairs: list[tuple[Argument, Any]] = [
        (argument, around[argument.name] if argument.name in message.envelope else getattr(event, argument.name))
        for argument in message.arguments
    ]
    if message.repeated is not None:
        pairs.extend(_rounds(message.repeated, getattr(event, message.repeated.field)))
    else:
        while pairs and not pairs[-1][0].is_required and pairs[-1][1] == pairs[-1][0].default:
            pairs.pop()
    return message.address, "".join(argument.tag for argument, _ in pairs), [value for _, value in pairs]


def explain(rejection: Rejection) -> str:
    """Return the message for the sender; for an unknown address, with the nearest known one."""
    if rejection.code is not Code.ADDRESS:
        return rejection.text
    near = get_close_matches(rejection.address[:80], BY_ADDRESS, n=1)
    return f"{rejection.given}; did you mean {near[0]}?" if near else rejection.text


def _read(table: Mapping[str, Message], address: str, tags: str, values: Sequence[Value]) -> Read | Rejection:
    message = table.get(address)
    if message is None:
        return Rejection(
            Code.ADDRESS, f"{shown(address)} does not exist", f"all addresses start with {PREFIX}/, see docs/osc.md", address
        )
    seq = 0
    try:
        if message.ignores_arguments:
            return Read(message.event(), address)
        _check_count(message, len(values))
        fields: dict[str, Any] = {}
        for index, argument in message.reading_order:
            value = argument.read(tags[index], values[index]) if index < len(values) else argument.default
            if argument.name not in message.envelope:
                fields[argument.name] = value
            elif argument.name == SEQ:
                seq = int(value)  # type: ignore[arg-type]
        if message.repeated is not None:
            fixed = len(message.arguments)
            fields[message.repeated.field] = _read_rounds(message.repeated, tags[fixed:], values[fixed:])
        event = message.event(**fields)
        return Read(message.rule(event) if message.rule else event, address, seq)
    except RejectedMessage as refused:
        return refused.rejection(address, seq)


def _check_count(message: Message, count: int) -> None:
    least, most, repeated = message.least_arguments, message.most_arguments, message.repeated
    # No optional arguments precede repeated ones, so the rest must be whole groups.
    is_whole = repeated is None or (count - len(message.arguments)) % len(repeated.arguments) == 0
    if least <= count <= most and is_whole:
        return
    names = ", ".join(argument.name if argument.is_required else f"[{argument.name}]" for argument in message.arguments)
    if repeated is not None:
        rounds = " ".join(argument.name for argument in repeated.arguments)
        names = f"{names}{', ' if names else ''}then {repeated.least} to {repeated.most} times {rounds}"
    raise RejectedMessage(Code.COUNT, f"{count} arguments were given", f"valid is: {names or 'none'}")


def _read_rounds(repeated: Repeated, tags: str, values: Sequence[Value]) -> tuple[Any, ...]:
    width = len(repeated.arguments)
    read = [
        argument.read(tag, value)
        for argument, tag, value in zip(repeated.arguments * (len(values) // width), tags, values, strict=True)
    ]
    if repeated.item is None:
        return tuple(read)
    return tuple(repeated.item(*read[start : start + width]) for start in range(0, len(read), width))


def _rounds(repeated: Repeated, items: Sequence[Any]) -> Iterator[tuple[Argument, Value]]:
    for item in items:
        for argument in repeated.arguments:
            yield argument, item if repeated.item is None else getattr(item, argument.name)
