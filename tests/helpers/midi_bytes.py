"""Shared by the MIDI tests: raw bytes to messages, and senders of clock and time code as devices send them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import mido


def messages(*data: int) -> list[mido.Message]:
    """The messages of a stream of bytes."""
    parser = mido.Parser()
    parser.feed(bytes(data))
    return list(parser)


def clock_bytes(times_s: Iterable[float]) -> Iterator[tuple[mido.Message, float]]:
    """A timing clock at each time."""
    for time_s in times_s:
        yield messages(0xF8)[0], time_s


def quarter_frames(hours: int, minutes: int, seconds: int, frames: int, rate: int, groups: int) -> Iterator[mido.Message]:
    """`groups` times eight quarter frames from a time code on, two frames each, rolling forwards."""
    per_second = (24, 25, 30, 30)[rate]
    for _ in range(groups):
        nibbles = (
            frames & 15,
            frames >> 4,
            seconds & 15,
            seconds >> 4,
            minutes & 15,
            minutes >> 4,
            hours & 15,
            hours >> 4 | rate << 1,
        )
        for piece, nibble in enumerate(nibbles):
            yield messages(0xF1, piece << 4 | nibble)[0]
        frames += 2
        if frames >= per_second:
            frames, seconds = frames - per_second, seconds + 1
            if seconds == 60:
                seconds, minutes = 0, minutes + 1
                if rate == 2 and minutes % 10:
                    frames += 2  # numbers 0 and 1 are dropped
            if minutes == 60:
                minutes, hours = 0, hours + 1
