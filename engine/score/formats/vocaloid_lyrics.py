"""Lyrics of VOCALOID's notes, translated to the convention in `score.types`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from engine.score.types import BREATH_MARKS, HOLD, REST_MARKS

from .utau_marks import ROMAJI_SYLLABLE, from_utau

_BREATH = re.compile(r"br\d?", re.IGNORECASE)
_LEAST_SYLLABLES = 3
_SILENCES = frozenset({"Sil", "Asp", "?"})


def from_vocaloid(lyric: str, phonemes: str = "") -> str | None:
    """Return the lyric of a note. Its phonemes mark breaths and silences, whatever the lyric is."""
    if _BREATH.fullmatch(phonemes) or _BREATH.fullmatch(lyric):
        return "AP"
    if phonemes in _SILENCES:
        return "R"
    return from_utau(lyric)


def is_romaji(lyrics: Iterable[str | None]) -> bool:
    """Return True for the syllables of a Japanese song in Latin letters. The older sequences do not name their language."""
    marks = BREATH_MARKS | REST_MARKS | {HOLD}
    words = [lyric.lower() for lyric in lyrics if lyric and lyric not in marks]
    return len(words) >= _LEAST_SYLLABLES and all(ROMAJI_SYLLABLE.fullmatch(word) for word in words)
