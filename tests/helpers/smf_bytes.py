"""Standard MIDI Files by hand, for tests: every byte is visible at the call."""

from __future__ import annotations

import struct


def smf(*tracks: bytes, file_format: int = 1, division: int = 480) -> bytes:
    return b"MThd" + struct.pack(">IHHH", 6, file_format, len(tracks), division) + b"".join(tracks)


def mtrk(*events: str | bytes, end: bool = True) -> bytes:
    """A track chunk; strings are hex, e.g. "00 90 3C 64" = delta 0, note-on channel 1, C4, velocity 100."""
    body = joined(*events) + (bytes.fromhex("00 FF 2F 00") if end else b"")
    return b"MTrk" + struct.pack(">I", len(body)) + body


def joined(*events: str | bytes) -> bytes:
    return b"".join(bytes.fromhex(event) if isinstance(event, str) else event for event in events)


def text(delta: int, content: str | bytes, kind: int = 0x05) -> bytes:
    """A text meta event, a lyric unless `kind` says otherwise."""
    payload = content.encode() if isinstance(content, str) else content
    return varlen(delta) + bytes((0xFF, kind)) + varlen(len(payload)) + payload


def name(content: str | bytes) -> bytes:
    return text(0, content, kind=0x03)


def varlen(value: int) -> bytes:
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.insert(0, value & 0x7F | 0x80)
    return bytes(digits)


def on(delta: int, key: int, velocity: int = 100, channel: int = 0) -> bytes:
    return varlen(delta) + bytes((0x90 | channel, key, velocity))


def off(delta: int, key: int, channel: int = 0) -> bytes:
    return varlen(delta) + bytes((0x80 | channel, key, 64))


def sung(*words: str | bytes | None, key: int = 60, channel: int = 0, kind: int = 0x05) -> bytes:
    """A quarter note for each word, with its text event just before; None = a note without words."""
    return b"".join(
        (text(0, word, kind) if word is not None else b"") + on(0, key, channel=channel) + off(480, key, channel=channel)
        for word in words
    )
