"""Codec of OSC 1.0 packets, strict in reading (specification: Wright and Freed, opensoundcontrol.org, spec 1.0).

Reading is one pass over the bytes, in time bounded by the length: every size is checked before it is used. Addresses are not matched
by pattern. Time tags are reported, not waited for.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bridge.protocol.arguments import Value
from bridge.protocol.events import Event
from bridge.protocol.limits import (
    MAX_AHEAD_S,
    MAX_ARGUMENTS,
    MAX_BUNDLE_DEPTH,
    MAX_BUNDLE_ELEMENTS,
    MAX_PACKET_BYTES,
)
from bridge.protocol.read import write_event
from bridge.protocol.rejection import Code, RejectedMessage, Rejection, shown
from bridge.protocol.replies import Reply

BUNDLE = b"#bundle\0"
_NTP_EPOCH_S = 2_208_988_800  # 1900 to 1970
_IMMEDIATELY = (0, 1)
_INT32, _TIME = struct.Struct(">i"), struct.Struct(">II")
_NUMBERS: dict[str, struct.Struct] = {
    "i": _INT32,
    "f": struct.Struct(">f"),
    "h": struct.Struct(">q"),
    "d": struct.Struct(">d"),
}
_VALUES: dict[str, Value] = {"T": True, "F": False, "I": True, "N": None}  # tags without bytes
_BYTES = {"c": 4, "r": 4, "m": 4, "t": 8}  # character, colour, MIDI message, time: skipped; no address takes them
_KNOWN_TAGS = "i h f d s S b T F I N"
_TIME_TAG_ADVICE = (
    f"valid is up to {MAX_AHEAD_S:g} s: set the clocks of both machines by the same time server, "
    "or send it as a plain message with when_s"
)


@dataclass(frozen=True, slots=True)
class OscMessage:
    """One message: `tags` holds one OSC type tag for each of `values`; `ahead_s` is the wait that its bundle asks for."""

    address: str
    tags: str
    values: tuple[Value, ...]
    ahead_s: float = 0.0


def decode(packet: bytes, *, wall_clock_s: float) -> list[OscMessage | Rejection]:
    """Decode all messages of a packet in order; rejections for those with unreadable arguments. Never raises.

    A malformed packet gives one rejection and nothing else. Bundles are unpacked; their dates are compared with `wall_clock_s` (Unix time).
    Bundles dated too far ahead are rejected; a nested bundle is not due before its outer one.
    """
    try:
        return _Packet(packet, wall_clock_s).read()
    except RejectedMessage as refused:
        return [refused.rejection()]


def encode(address: str, tags: str = "", values: Sequence[Value] = ()) -> bytes:
    """Encode a message. Raises ValueError if a value does not fit its tag: too large, of another type, a NUL character in a text."""
    parts = [_padded(address), _padded(f",{tags}")]
    for tag, value in zip(tags, values, strict=True):
        if tag in _NUMBERS and isinstance(value, (int, float)):
            parts.append(_pack_number(tag, value))
        elif tag in "sS":
            parts.append(_padded(str(value)))
        elif tag == "b" and isinstance(value, bytes):
            parts.append(_INT32.pack(len(value)) + value + bytes(-len(value) % 4))
        elif tag not in _VALUES:
            raise ValueError(f"a value of type {type(value).__name__} cannot be sent as OSC type '{tag}'")
    return b"".join(parts)


def pack(event: Event | Reply, seq: int = 0) -> bytes:
    """Encode an event or reply by the table. Raises ValueError as `encode` does."""
    return encode(*write_event(event, seq))


def encode_bundle(elements: Sequence[bytes]) -> bytes:
    """Encode messages or bundles as one bundle for immediate execution."""
    return b"".join([BUNDLE, _TIME.pack(*_IMMEDIATELY), *(_INT32.pack(len(element)) + element for element in elements)])


def _pack_number(tag: str, value: float) -> bytes:
    try:
        return _NUMBERS[tag].pack(value)
    except (OverflowError, struct.error) as error:
        raise ValueError(f"{shown(value)} cannot be sent as OSC type '{tag}'") from error


def _padded(text: str) -> bytes:
    data = text.encode()
    if b"\0" in data:
        raise ValueError(f"OSC texts cannot hold NUL characters: {shown(text)}")
    return data + bytes(4 - len(data) % 4)


class _Packet:
    """Reader of one packet, with a limit on its elements."""

    def __init__(self, data: bytes, wall_clock_s: float) -> None:
        self._data = data
        self._wall_clock_s = wall_clock_s
        self._elements = 0
        self._found: list[OscMessage | Rejection] = []

    def read(self) -> list[OscMessage | Rejection]:
        size = len(self._data)
        if not 0 < size <= MAX_PACKET_BYTES or size % 4:
            raise _malformed(f"the packet has {size} bytes", f"valid is a multiple of 4 up to {MAX_PACKET_BYTES}")
        self._element(0, size, 1, 0.0)
        return self._found

    def _element(self, start: int, end: int, depth: int, ahead_s: float) -> None:
        if self._data.startswith(BUNDLE, start, end):
            self._bundle(start, end, depth, ahead_s)
        elif self._data[start] == 0x2F:
            message = self._message(start, end)
            self._found.append(replace(message, ahead_s=ahead_s) if ahead_s and isinstance(message, OscMessage) else message)
        else:
            raise _malformed("it is no OSC", 'a message starts with "/", a bundle with "#bundle"')

    def _bundle(self, start: int, end: int, depth: int, ahead_s: float) -> None:
        if depth > MAX_BUNDLE_DEPTH:
            raise _malformed("bundles are nested too deep", f"valid are {MAX_BUNDLE_DEPTH} levels")
        if end - start < 16:
            raise _malformed("a bundle has no time tag", "8 bytes belong there")
        ahead_s = max(ahead_s, self._ahead_s(start + 8))
        position = start + 16
        while position < end:
            (size,) = _INT32.unpack_from(
                self._data, position
            )  # packet and elements are multiples of 4 bytes, so at least 4 remain
            position += 4
            if size <= 0 or size % 4 or size > end - position:
                raise _malformed(f"a bundle element has {size} bytes", f"valid is a multiple of 4 from 4 to {end - position}")
            self._elements += 1
            if self._elements > MAX_BUNDLE_ELEMENTS:
                raise _malformed("a bundle has too many elements", f"valid are {MAX_BUNDLE_ELEMENTS} in one packet")
            self._element(position, position + size, depth + 1, ahead_s)
            position += size

    def _ahead_s(self, position: int) -> float:
        """Return the time until a bundle is due, 0 for a late one."""
        seconds, fraction = _TIME.unpack_from(self._data, position)
        if (seconds, fraction) == _IMMEDIATELY:
            return 0.0
        ahead_s = seconds - _NTP_EPOCH_S - self._wall_clock_s + fraction / 2**32
        if ahead_s > MAX_AHEAD_S:
            raise _malformed(f"a bundle is dated {ahead_s:.6g} s ahead", _TIME_TAG_ADVICE)
        return max(0.0, ahead_s)

    def _message(self, start: int, end: int) -> OscMessage | Rejection:
        address, position = self._text(start, end)
        try:
            return self._arguments(address, position, end)
        except RejectedMessage as refused:
            return refused.rejection(address)

    def _arguments(self, address: str, position: int, end: int) -> OscMessage:
        if position == end:  # some senders omit the tags of messages without arguments
            return OscMessage(address, "", ())
        if self._data[position] != 0x2C:
            raise _malformed("the message has no type tags", 'a "," stands before them')
        tags, position = self._text(position, end)
        return OscMessage(address, tags[1:], self._values(tags[1:], position, end))

    def _values(self, tags: str, position: int, end: int) -> tuple[Value, ...]:
        if len(tags) > MAX_ARGUMENTS:
            raise RejectedMessage(Code.COUNT, f"{len(tags)} arguments were given", f"valid are up to {MAX_ARGUMENTS}")
        values: list[Value] = []
        for tag in tags:
            number = _NUMBERS.get(tag)
            if number is not None:
                if end - position < number.size:
                    raise _malformed("the message ends inside its arguments", "send all that its type tags announce")
                values.append(number.unpack_from(self._data, position)[0])
                position += number.size
            elif tag in "sS":
                text, position = self._text(position, end)
                values.append(text)
            elif tag == "b":
                blob, position = self._blob(position, end)
                values.append(blob)
            elif tag in _VALUES:
                values.append(_VALUES[tag])
            elif tag in _BYTES:
                if end - position < _BYTES[tag]:
                    raise _malformed("the message ends inside its arguments", "send all that its type tags announce")
                values.append(self._data[position : position + _BYTES[tag]])
                position += _BYTES[tag]
            else:
                raise RejectedMessage(Code.TYPE, f"an argument is of type {shown(tag)}", f"valid are {_KNOWN_TAGS}")
        if position != end:
            raise _malformed(f"{end - position} bytes follow the last argument", "send what the type tags announce and no more")
        return tuple(values)

    def _text(self, position: int, end: int) -> tuple[str, int]:
        """Return a text and its end, padding included."""
        stop = self._data.find(b"\0", position, end)
        if stop < 0:
            raise _malformed("a text does not end inside its message", "a NUL character stands behind it")
        after = stop + 4 - (stop - position) % 4
        if after > end or any(self._data[stop:after]):
            raise _malformed("a text is not padded", "NUL characters fill it up to a multiple of 4 bytes")
        try:
            return self._data[position:stop].decode("utf-8"), after
        except UnicodeDecodeError:
            raise RejectedMessage(Code.TEXT, "a text is not UTF-8", "send texts as UTF-8") from None

    def _blob(self, position: int, end: int) -> tuple[bytes, int]:
        size = _INT32.unpack_from(self._data, position)[0] if end - position >= 4 else -1
        after = position + 4 + size + -size % 4
        if size < 0 or after > end:
            raise _malformed(f"a blob claims {size} bytes", "valid is what the message holds")
        return self._data[position + 4 : position + 4 + size], after


def _malformed(given: str, valid: str) -> RejectedMessage:
    return RejectedMessage(Code.PACKET, given, valid)
