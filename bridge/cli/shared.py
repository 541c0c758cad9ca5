"""Options that several commands have."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from bridge.protocol import limits
from engine import LANGUAGES, STARTER_NAME

from . import values
from .declare import argument, composite, option, switch
from .expression import add_expression_options, expression_values

WORDS, VOICE, IMPORTED = "words", "voice", "GPT-SoVITS voices"  # titles in the help


def language_option(default: str = "the score's, else by their script") -> str | None:
    """Declare `--language`."""
    chosen: str | None = option(
        default=None,
        type=values.language,
        choices=tuple(LANGUAGES),
        metavar="CODE",
        group=WORDS,
        help=f"language of the words: {values.LANGUAGE_LIST} (default: {default})",
    )
    return chosen


def dictionary_option() -> Path | None:
    """Declare `--dictionary`."""
    path: Path | None = option(
        default=None,
        type=Path,
        metavar="FILE",
        group=WORDS,
        help="your own pronunciations, one word per line: 'word  P R AH N'",
    )
    return path


def verse_option() -> int:
    """Declare `--verse`."""
    verse: int = option(
        default=1, type=values.positive, metavar="N", group=WORDS, help="verse of a score with several (default: %(default)s)"
    )
    return verse


def voice_option(group: str = "") -> str:
    """Declare `--voice`."""
    voice: str = option(
        default=STARTER_NAME,
        metavar="NAME",
        group=group,
        help="voice by name, or its folder (default: %(default)s, the starter voice)",
    )
    return voice


@dataclass(frozen=True, kw_only=True)
class JsonOptions:
    """`--json`."""

    as_json: bool = switch("--json", help="print one JSON object at the end instead of text")


@dataclass(frozen=True, kw_only=True)
class VoiceOptions:
    """Voice and seed. `voice_folders`: folders that are searched for voices; none: the user's."""

    voice: str = voice_option(VOICE)
    seed: int = option(
        default=0, type=int, metavar="N", group=VOICE, help="the take: same seed, same samples (default: %(default)s)"
    )
    voice_folders: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FeatureOptions:
    """`--features`."""

    features: Path | None = option(
        default=None,
        type=Path,
        metavar="DIR",
        group=IMPORTED,
        help="folder with the encoders of GPT-SoVITS voices (default: in your user data)",
    )


@dataclass(frozen=True, kw_only=True)
class CacheOptions:
    """`--no-cache`."""

    uses_cache: bool = option(
        "--no-cache", default=True, action="store_false", help="render every phrase again, and keep none for next time"
    )


@dataclass(frozen=True, kw_only=True)
class PlanOptions(VoiceOptions, FeatureOptions):
    """Words and expression: options of every command that plans a performance."""

    lyrics: str | None = option(
        default=None,
        metavar="TEXT|FILE",
        group=WORDS,
        help="words for the notes: the text itself, or a .txt or .lrc file",
    )
    mode: str = option(
        choices=("sing", "rap", "talk"), default="sing", group=WORDS, help="how the words are performed (default: %(default)s)"
    )
    language: str | None = language_option()
    filler: str = option(
        default="la", metavar="SYLLABLE", group=WORDS, help="syllable for notes without words (default: %(default)s)"
    )
    leftover: str = option(
        choices=("auto", "hold", "rest", "fill"),
        default="auto",
        group=WORDS,
        help="notes that --lyrics has no words for: hold the vowel before (whole phrases sing the filler), rest, or fill with the "
        "filler (default: auto: hold at the end of a line with phrases of its own, else fill)",
    )
    dictionary: Path | None = dictionary_option()
    verse: int = verse_option()
    tracks: tuple[str, ...] = option(
        "--track", action="append", default=(), metavar="NAME", group=WORDS, help="only this track (may be given several times)"
    )
    transpose: int = option(default=0, type=int, metavar="N", group=VOICE, help="semitones up (+) or down (-)")
    performance: dict[str, float | bool] = composite(add_expression_options, expression_values)


@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """Address of a running `vocalese serve`."""

    host: str = option(
        default=limits.DEFAULT_HOST, metavar="ADDRESS", help="where Vocalese runs (default: %(default)s, this machine)"
    )
    port: int = option(
        default=limits.DEFAULT_PORT, type=values.port, metavar="PORT", help="its OSC port (default: %(default)s)"
    )
    token: str = option(default="", metavar="TEXT", help="the token it printed at its start, if it runs on another machine")


@dataclass(frozen=True, kw_only=True)
class MidiOptions:
    """MIDI inputs."""

    midi: tuple[str, ...] = option(
        action="append",
        default=(),
        metavar="NAME",
        group="MIDI",
        help="only hardware ports with this in their name (default: all)",
    )
    with_midi: bool = option("--no-midi", default=True, action="store_false", group="MIDI", help="open no MIDI ports")


def device_option(group: str = "") -> str | None:
    """Declare `--device` of commands that play."""
    device: str | None = option(
        default=None,
        metavar="NAME",
        group=group,
        help="number or part of a name, as `vocalese devices` lists them (default: the system's)",
    )
    return device


def limiter_option(group: str = "") -> bool:
    """Declare `--limiter` and `--no-limiter`."""
    limiter: bool = option(
        action=argparse.BooleanOptionalAction,
        default=True,
        group=group,
        help="keep the output below -0.3 dBFS (default); --no-limiter lets it clip",
    )
    return limiter


def follow_option(help: str) -> str | None:
    """Declare `--follow`."""
    source: str | None = option(default=None, choices=("jack", "midi-clock", "timecode"), help=help)
    return source


def score_argument() -> Path:
    """Declare SCORE."""
    score: Path = argument(type=Path, metavar="SCORE", help="MIDI, MusicXML, USTX, UST or .ds file")
    return score
