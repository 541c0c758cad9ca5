"""Cantonese: Han characters through ToJyutping (an extra), Jyutping with tone numbers (nei5 hou2) by our own tables.

Phones are Jyutping's initials and finals; the tone (1-6) is on the syllable. `m` and `ng` are finals too (唔, 五).
"""

from __future__ import annotations

import importlib
import re
from types import ModuleType

from engine.errors import LyricError
from engine.lyrics.normalise import spoken_form, yue
from engine.lyrics.types import Phone, Syllable

from .base import BaseLanguage, Pronunciation, is_han, last_characters

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

# Nearest ARPAbet phones, for voices that have English only.
_ENGLISH_PHONES = {
    # initials
    "b": "B", "p": "P", "f": "F", "d": "D", "t": "T", "n": "N", "l": "L", "g": "G", "k": "K", "h": "HH", "gw": "G W", "kw": "K W",
    "w": "W", "z": "D Z", "c": "T S", "s": "S", "j": "Y",
    # finals; m and ng are initials as well
    "m": "M", "ng": "NG",
    "aa": "AA", "aai": "AY", "aau": "AW", "aam": "AA M", "aan": "AA N", "aang": "AA NG", "aap": "AA P", "aat": "AA T", "aak": "AA K",
    "a": "AH", "ai": "AY", "au": "AW", "am": "AH M", "an": "AH N", "ang": "AH NG", "ap": "AH P", "at": "AH T", "ak": "AH K",
    "e": "EH", "ei": "EY", "eu": "EH", "em": "EH M", "en": "EH N", "eng": "EH NG", "ep": "EH P", "et": "EH T", "ek": "EH K",
    "i": "IY", "iu": "Y UW", "im": "IY M", "in": "IY N", "ing": "IH NG", "ip": "IY P", "it": "IY T", "ik": "IH K",
    "o": "AO", "oi": "OY", "ou": "OW", "on": "AO N", "ong": "AO NG", "ot": "AO T", "ok": "AO K",
    "u": "UW", "ui": "W IY", "un": "UW N", "ung": "UH NG", "ut": "UW T", "uk": "UH K",
    "oe": "ER", "oeng": "ER NG", "oet": "ER T", "oek": "ER K", "eoi": "OY", "eon": "UH N", "eot": "UH T",
    "yu": "Y UW", "yun": "Y UW N", "yut": "Y UW T",
}  # fmt: skip


class Cantonese(BaseLanguage):
    """Rules of Cantonese, see `base.Language`."""

    code = "yue"
    hint_form = "Jyutping (hong4)"
    english_phones = _ENGLISH_PHONES
    is_syllabic = True

    def accepts(self, word: str) -> bool:
        return any(map(is_han, word)) or word.isdecimal() or bool(read_jyutping(word))

    def spell_out(self, text: str) -> str:
        return spoken_form(text, self.code)

    def read_hint(self, symbols: tuple[str, ...], word: str) -> tuple[Syllable, ...]:
        readings = read_jyutping("".join(symbols))
        characters = _han_only(word)
        shown = characters if len(characters) == len(readings) else [_spelling(reading) for reading in readings]
        return _syllables(list(zip(readings, shown, strict=True)), word)

    def hinted_tail(self, word: str, syllables: int) -> str:
        return last_characters(word, syllables)

    def pronounce(self, word: str, *, wanted: int | None = None, before: str = "", after: str = "") -> Pronunciation:
        characters = _han_only(yue.spoken_form(word) if any(map(is_han, word)) or word.isdecimal() else "")
        if not characters:
            readings = read_jyutping(word)
            return Pronunciation(_syllables([(reading, _spelling(reading)) for reading in readings], word))
        before, after = _han_only(before), _han_only(after)
        spoken = _jyutping_of(before + characters + after)[len(before) : len(before) + len(characters)]
        read = [
            (reading, character if i == 0 else _spelling(reading))
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
    """Return syllables of Jyutping such as "nei5hou2"; [] unless every syllable has a tone."""
    if len(text) > MAX_JYUTPING_LETTERS or not _WORD.fullmatch(text):
        return []
    return [(match[1] or "", match[2], int(match[3])) for match in _SYLLABLE.finditer(text.lower())]


def _spelling(reading: Reading) -> str:
    initial, final, tone = reading
    return f"{initial}{final}{tone}"


def _syllables(read: list[tuple[Reading, str]], word: str) -> tuple[Syllable, ...]:
    """Return syllables of readings with their displayed text."""
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
    """Return Jyutping of each character, without spaces; "" if it has none."""
    return [(jyutping or "").replace(" ", "") for _, jyutping in _tojyutping().get_jyutping_list(characters)]


def _tojyutping() -> ModuleType:
    try:
        return importlib.import_module("ToJyutping")
    except ImportError:
        raise LyricError(
            "Cantonese needs the package ToJyutping: pip install 'vocalese[yue]', or write Jyutping (nei5 hou2)."
        ) from None
