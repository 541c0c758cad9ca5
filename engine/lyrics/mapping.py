"""Phones of other languages as English phones, for voices that have English only. The result has an English accent.

English lacks some contrasts, which are lost: tones, aspiration (b and p stay apart as voiced and voiceless), the tense consonants of
Korean (mapped to the aspirated ones), front rounded vowels (ü is Y and UW, ö is ER), nasal vowels (AA N for ɑ̃), vowel length.
Each language has its own table (`Language.english_phones`). A syllable keeps one nucleus; glides of its final go to the onset.
"""

from __future__ import annotations

import functools
from dataclasses import replace

from engine.errors import LyricError
from engine.languages import LANGUAGES

from .languages import language_for
from .syllables import VOWELS
from .types import Phone, Syllable

_GLIDES = frozenset("YW")


def to_english_phones(syllable: Syllable) -> Syllable:
    """Map a syllable to "en" phones and keep the original as `native`. Raises LyricError if a phone is in no table."""
    rows = [_english_symbols(phone, i > syllable.nucleus) for i, phone in enumerate(syllable.phones)]
    for i, row in enumerate(rows[1:], start=1):
        if row and rows[i - 1][-1:] == row[:1] and row[0] in _GLIDES:
            rows[i] = row[1:]  # j and yu have one Y between them
    before, nucleus_row = rows[: syllable.nucleus], rows[syllable.nucleus]
    onset_glides = next((i for i, symbol in enumerate(nucleus_row) if symbol in VOWELS), 0)
    nucleus = sum(map(len, before)) + onset_glides
    symbols = [symbol for row in rows for symbol in row]
    phones = tuple(Phone("en", symbol) for symbol in symbols)
    return replace(syllable, phones=phones, nucleus=nucleus, tone=0, native=syllable)


@functools.lru_cache(maxsize=4096)
def _english_symbols(phone: Phone, is_coda: bool) -> tuple[str, ...]:
    """ARPAbet symbols of one phone. Raises LyricError if its language has no such phone."""
    if phone.language == "en":
        return (phone.symbol,)
    language = language_for(phone.language)
    symbols = None
    if language is not None:
        symbols = language.english_codas.get(phone.symbol) if is_coda else None
        symbols = language.english_phones.get(phone.symbol) if symbols is None else symbols
    if symbols is None:
        raise LyricError(f"{phone} has no English phones; known are the phones of {', '.join(LANGUAGES)}.")
    return tuple(symbols.split())
