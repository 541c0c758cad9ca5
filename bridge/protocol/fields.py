"""Arguments that several messages have."""

from __future__ import annotations

from typing import Any

from bridge.protocol import events, limits
from bridge.protocol.arguments import Argument, Kind
from bridge.protocol.message import SEQ
from engine import LANGUAGES

LANGUAGES_HINT = f"{', '.join(LANGUAGES)}; empty: the track's"


def track(all_tracks: bool = False) -> Argument:
    """Number of a track."""
    low = events.ALL if all_tracks else 0
    meaning = f"number of the track, {events.ALL} = all" if all_tracks else "number of the track, from 0"
    return Argument("track", Kind.INT, meaning, low, limits.MAX_TRACK)


def identifier(name: str, meaning: str, all_of_them: bool = False) -> Argument:
    """Number of a note or clip."""
    return Argument(name, Kind.INT, meaning, events.ALL if all_of_them else 0, limits.MAX_ID)


def count(name: str, meaning: str, most: int) -> Argument:
    """Number of things, from 0."""
    return Argument(name, Kind.INT, meaning, 0, most)


def ppq(name: str, meaning: str) -> Argument:
    """Position in the song."""
    return Argument(name, Kind.DOUBLE, meaning, 0.0, limits.MAX_PPQ, "quarter notes")


def length_ppq(name: str, meaning: str) -> Argument:
    """Length in the song."""
    return Argument(name, Kind.DOUBLE, meaning, 1e-4, limits.MAX_PPQ, "quarter notes")


def reply_port(meaning: str) -> Argument:
    """Port that answers go to."""
    return Argument("reply_port", Kind.INT, meaning, limits.LOWEST_REPLY_PORT, limits.HIGHEST_PORT, default=0)


def seconds(name: str, meaning: str) -> Argument:
    """Time in seconds."""
    return Argument(name, Kind.DOUBLE, meaning, unit="s")


def name(name: str, meaning: str, **options: Any) -> Argument:
    """Name that may become that of a file."""
    return Argument(name, Kind.NAME, meaning, high=limits.MAX_NAME_CHARACTERS, **options)


def text(name: str, meaning: str, high: int = limits.MAX_NAME_CHARACTERS, **options: Any) -> Argument:
    """Text of up to `high` characters."""
    return Argument(name, Kind.TEXT, meaning, high=high, **options)


TRACK = track()
NOTE = identifier("note", "number that the sender gives to the note, so that it can be released and bent")
CLIP = identifier("clip", "number of the clip on its track")
REVISION = identifier("revision", "goes up with every change: one that is not greater than the one that is there is refused")
PITCH = Argument("pitch", Kind.FLOAT, "69 = A4, fractions are in between", 0.0, 127.0, "MIDI")
VELOCITY = Argument("velocity", Kind.FLOAT, "loudness and attack", 0.0, 1.0)
LYRIC = text(
    "lyric",
    'a word, "-" = hold the vowel, empty = the next syllable of the queue',
    limits.MAX_LYRIC_CHARACTERS,
    default="",
)
WHEN = Argument("when_s", Kind.DOUBLE, "on the engine's clock, 0 = now", 0.0, 1e9, "s", default=0.0)
LANGUAGE = text("language", LANGUAGES_HINT, 16, default="")
SAMPLE_RATE = Argument("sample_rate", Kind.INT, "of the audio", unit="Hz", choices=(44_100, 48_000, 88_200, 96_000))
SEQ_NUMBER = Argument(
    SEQ, Kind.INT, "counts up from 1; answered with an acknowledgement; 0 = none wanted", 0, limits.MAX_ID, default=0
)
ACKED = "`/vocalese/ack` if a `seq` was given"
