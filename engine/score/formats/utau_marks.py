"""Lyric marks of UTAU and OpenUtau, translated from and to the convention in `score.types`."""

from __future__ import annotations

from collections.abc import Iterable

from ..types import HOLD, NEXT_SYLLABLE, REST_MARKS

UTAU_HOLDS = frozenset({"+~", "+*", "-", "ー"})
UTAU_RESTS = frozenset({"R", "r"})


def from_utau(text: str) -> str | None:
    """One lyric of a UST or USTX file."""
    text = text.strip()
    if text in UTAU_HOLDS:
        return HOLD
    if text in UTAU_RESTS:
        return "R"
    return text or None


def _joined(word: str, piece: str) -> str:
    """Two pieces of a word as one, emphasised if one of them is."""
    star = "*" * ("*" in (word[:1], piece[:1]))
    return f"{star}{word.strip('*')}{piece.strip('*')}{star}"


def to_utau(lyrics: Iterable[str | None]) -> list[str]:
    """The lyrics of a track, in order. Words written with hyphens ("a-" "way") become one word and "+" marks."""
    result: list[str] = []
    word_start: int | None = None  # place of an unfinished word
    for lyric in lyrics:
        if lyric is None or lyric == HOLD:
            result.append("" if lyric is None else "+~")
            continue
        goes_on = lyric.endswith("-")
        text = lyric.removesuffix("-")
        if word_start is None or text.startswith(NEXT_SYLLABLE) or text in REST_MARKS:
            word_start = None
            result.append(text)
        else:
            result[word_start] = _joined(result[word_start], text)
            result.append(NEXT_SYLLABLE)
        if goes_on:
            word_start = len(result) - 1 if word_start is None else word_start
        else:
            word_start = None
    return result
