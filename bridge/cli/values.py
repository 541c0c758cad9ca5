"""Types of option values, and the lists that several options choose from."""

from __future__ import annotations

import argparse
import math

from engine import LANGUAGES, language_code

SAMPLE_RATES = (44_100, 48_000, 88_200, 96_000)
LANGUAGE_LIST = ", ".join(f"{code} {row.name}" for code, row in LANGUAGES.items())
VOICE_LANGUAGES = ("en", "zh", "ja", "ko", "yue")  # that GPT-SoVITS has phonemes for


def positive(text: str) -> int:
    """Parse a whole number from 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def port(text: str) -> int:
    """Parse a UDP port, 0 to 65535."""
    value = int(text)
    if not 0 <= value <= 65_535:
        raise argparse.ArgumentTypeError(f"{text} is no port; valid is 0 to 65535")
    return value


def number(text: str) -> float:
    """Parse a finite number."""
    value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number")
    return value


def latency(text: str) -> str | float:
    """Parse "low", "high" or seconds."""
    if text in ("low", "high"):
        return text
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 10:
        raise argparse.ArgumentTypeError(f"{text!r}; valid is low, high, or seconds above 0 and up to 10, as in 0.02")
    return value


def language(text: str) -> str:
    """Return the code of a language tag such as pt-BR; an unknown tag unchanged, for `choices` to reject."""
    return language_code(text) or text


def track_language(text: str) -> str:
    """Parse [TRACK=]CODE."""
    track, equals, code = text.rpartition("=")
    if (known := language(code)) not in LANGUAGES:
        raise argparse.ArgumentTypeError(f"invalid choice: {code!r} (choose from {', '.join(LANGUAGES)})")
    return f"{track}{equals}{known}"
