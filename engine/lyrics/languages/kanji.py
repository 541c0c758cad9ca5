"""Readings of kanji and digits in kana: by OpenJTalk if it is installed, else by Janome with the IPADIC dictionary.

Both give the reading of a word in its context; Janome lacks pitch accents, which singing does not use, and some sound changes of counted things
(一本 as イチホン).
"""

from __future__ import annotations

import functools
import re
from typing import Any

from engine.errors import LyricError
from engine.lyrics.han import cardinal

from .openjtalk import open_jtalk, open_jtalk_name

_DIGITS = re.compile(r"\d+")
_LONGEST_NUMBER = 16
_UNKNOWN = "*"


def read_kanji(text: str) -> str:
    """Return a text in kana; characters without a reading stay."""
    if open_jtalk_name():
        return open_jtalk().kana(text)
    tokens = _janome().tokenize(_DIGITS.sub(lambda match: _numeral(match[0]), text))
    return "".join(token.surface if token.phonetic == _UNKNOWN else token.phonetic for token in tokens)


def _numeral(digits: str) -> str:
    """Return a number in Japanese numerals: no zero inside, no one before ten, hundred and thousand. Very long ones stay."""
    if len(digits) > _LONGEST_NUMBER:
        return digits
    return re.sub("一(?=[十百千])", "", cardinal(str(int(digits))).replace("零", "")) or "零"


@functools.cache
def _janome() -> Any:
    try:
        from janome.tokenizer import Tokenizer
    except ImportError as error:
        raise LyricError("Kanji need the package janome: pip install janome, or write the words in kana.") from error
    return Tokenizer()
