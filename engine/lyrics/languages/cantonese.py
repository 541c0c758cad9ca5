"""Cantonese: Han characters through ToJyutping (an extra), Jyutping with its tone numbers (nei5 hou2) by our own tables.

Phones are Jyutping's initials and finals; the tone (1-6) is on the syllable. `m` and `ng` are finals too (唔, 五).
"""

from __future__ import annotations

import importlib
import re
from types import ModuleType

from ...errors import LyricError
from ..types import Phone, Syllable
from .base import Pronunciation, is_han

INITIALS = "b p m f d t n l gw g kw k ng h w z c s j".split()
FINALS = (
    "aa aai aau aam aan aang aap aat aak a ai au am an ang ap at ak e ei eu em en eng ep et ek i iu im in ing ip it ik "
    "o oi ou on ong ot ok u ui un ung ut uk oe oeng oet oek eoi eon eot yu yun yut m ng"
).split()
MAX_JYUTPING_LETTERS = 400
_SYLLABLE = re.compile(
    f"({'|'.join(INITIALS)})?({'|'.join(sorted(FINALS, key=len, reverse=True))})([1-6])", re.IGNORECASE | re.ASCII
)
_WORD = re.compile(rf"(?:{_SYLLABLE.pattern}['-]?)+", re.IGNORECASE | re.ASCII)

Reading = tuple[str, str, int]  # initial or "", final, tone


class Cantonese:
    """See `base.Language`."""

    code = "yue"

    def accepts(self, word: str) -> bool:
        return any(map(is_han, word)) or bool(read_jyutping(word))

    def pronounce(self, word: str, *, wanted: int | None = None, before: str = "", after: str = "") -> Pronunciation:
        characters = _han_only(word)
        if not characters:
            readings = read_jyutping(word)
            return Pronunciation(_syllables([(reading, _spelled(reading)) for reading in readings], word))
        before, after = _han_only(before), _han_only(after)
        spoken = _jyutping_of(before + characters + after)[len(before) : len(before) + len(characters)]
        read = [
            (reading, character if i == 0 else _spelled(reading))
            for character, jyutping in zip(characters, spoken, strict=True)
            for i, reading in enumerate(read_jyutping(jyutping))
        ]
        unread = "".join(c for c, jyutping in zip(characters, spoken, strict=True) if not read_jyutping(jyutping))
        notice = (
            f"'{unread[:16]}' has no Cantonese reading and is left out. Jyutping (nei5 hou2) can stand for it."
            if unread
            else ""
        )
        return Pronunciation(_syllables(read, word), notice)


def read_jyutping(text: str) -> list[Reading]:
    """Syllables of Jyutping such as "nei5hou2"; [] if it is not Jyutping with a tone behind every syllable."""
    if len(text) > MAX_JYUTPING_LETTERS or not _WORD.fullmatch(text):
        return []
    return [(match[1] or "", match[2], int(match[3])) for match in _SYLLABLE.finditer(text.lower())]


def _spelled(reading: Reading) -> str:
    initial, final, tone = reading
    return f"{initial}{final}{tone}"


def _syllables(read: list[tuple[Reading, str]], word: str) -> tuple[Syllable, ...]:
    """Syllables of readings with the text that is shown for each."""
    last = len(read) - 1
    return tuple(
        Syllable(
            phones=tuple(Phone("yue", symbol) for symbol in (initial, final) if symbol),
            nucleus=int(bool(initial)),
            text=text,
            word=word,
            tone=tone,
            is_word_start=i == 0,
            is_word_end=i == last,
        )
        for i, ((initial, final, tone), text) in enumerate(read)
    )


def _han_only(text: str) -> str:
    return "".join(filter(is_han, text))


def _jyutping_of(characters: str) -> list[str]:
    """Jyutping of each character, without spaces; "" where there is none."""
    return [(jyutping or "").replace(" ", "") for _, jyutping in _tojyutping().get_jyutping_list(characters)]


def _tojyutping() -> ModuleType:
    try:
        return importlib.import_module("ToJyutping")
    except ImportError:
        raise LyricError(
            "Cantonese needs the package ToJyutping: pip install 'vocalese[yue]', or write Jyutping (nei5 hou2)."
        ) from None
