"""Han characters: numerals, simplified forms of traditional characters, and segmentation into words.

Simplifying (opencc) and words with parts of speech (jieba) need the extra `zh`. Without it, characters stay as they are and words come from
the phrase dictionary of pypinyin; `missing_for_words` reports that.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from types import ModuleType
from typing import Any, NamedTuple

DIGITS = "零一二三四五六七八九"
_SMALL_UNITS, _LARGE_UNITS = ("", "十", "百", "千"), ("", "万", "亿", "万亿")
_LAST_USUAL = "\u9fff"  # no reader knows the rare simplified forms beyond it
_GROUP = 4
_LONGEST_CARDINAL = _GROUP * len(_LARGE_UNITS)


def cardinal(digits: str) -> str:
    """Return a whole number in characters: 2999 is 二千九百九十九, 10 is 十, 1005 is 一千零五. Too long ones are read digit by digit."""
    digits = digits.lstrip("0")
    if not digits:
        return DIGITS[0]
    if len(digits) > _LONGEST_CARDINAL:
        return one_by_one(digits)
    groups = [digits[max(0, end - _GROUP) : end] for end in range(len(digits), 0, -_GROUP)]
    said = ""
    for place in reversed(range(len(groups))):
        group = groups[place]
        if not int(group):
            continue
        said += DIGITS[0] if said and (group[0] == "0" or not int(groups[place + 1])) else ""
        said += _thousands(group.lstrip("0")) + _LARGE_UNITS[place]
    return said[1:] if said.startswith("一十") else said


def _thousands(digits: str) -> str:
    """Return a number below 10000 without leading zeros in characters."""
    said, has_gap = "", False
    for place, digit in zip(reversed(range(len(digits))), digits, strict=True):
        if digit == "0":
            has_gap = True
            continue
        said += (DIGITS[0] if has_gap else "") + DIGITS[int(digit)] + _SMALL_UNITS[place]
        has_gap = False
    return said


def one_by_one(digits: str, *, one: str = "一") -> str:
    """Return each digit by its name. `one` is 幺 in telephone and room numbers."""
    return "".join(one if digit == "1" else DIGITS[int(digit)] for digit in digits)


def number(written: str) -> str:
    """Return a number with or without a decimal point: 12.5 is 十二点五, .22 is 零点二二, 3.20 is 三点二零."""
    whole, _, decimals = written.partition(".")
    kept = decimals.rstrip("0") + ("0" if decimals.endswith("0") else "")
    return cardinal(whole) + (f"点{one_by_one(kept)}" if kept else "")


def simplify(text: str) -> str:
    """Return text with simplified characters, as many as before. Without the package opencc the text is unchanged."""
    converter = _opencc()
    if converter is None or text.isascii():
        return text
    converted: str = converter.convert(text)
    if len(converted) != len(text):
        converted = "".join(_one(converter.convert(c), c) for c in text)
    return "".join(new if new <= _LAST_USUAL else old for old, new in zip(text, converted, strict=True))


def _one(converted: str, character: str) -> str:
    return converted if len(converted) == 1 else character


@functools.cache
def _opencc() -> Any:
    try:
        library: ModuleType = importlib.import_module("opencc")
    except ImportError:
        return None
    return library.OpenCC("t2s")


# --- words --------------------------------------------------------------------------------------------------------------------


class HanWord(NamedTuple):
    """A word with its part of speech in jieba's terms; "x" if unknown."""

    text: str
    tag: str


def han_words(text: str) -> list[HanWord]:
    """Return the words of a text in simplified characters. Joined they are the text."""
    tagger = _tagger()
    if tagger is not None:
        return [HanWord(pair.word, pair.flag) for pair in tagger.lcut(text)]
    try:
        cut = importlib.import_module("pypinyin.seg.mmseg").seg.cut
    except ImportError:
        return [HanWord(character, "x") for character in text]
    return [HanWord(word, "x") for word in cut(text)]


def parts_of_word(word: str) -> list[str]:
    """Return the words within a word and the word, shortest first."""
    segmenter = _segmenter()
    return sorted(segmenter.cut_for_search(word), key=len) if segmenter is not None else [word]


def missing_for_words() -> tuple[str, ...]:
    """Return a sentence for each missing package of `simplify` and `han_words`."""
    lacks = []
    if _tagger() is None:
        lacks.append(
            "Mandarin is read without a list of words, so some tones may be off; it comes with: pip install 'vocalese[zh]'."
        )
    if _opencc() is None:
        lacks.append("Traditional characters are read as they are; they are read better with: pip install 'vocalese[zh]'.")
    return tuple(lacks)


@functools.cache
def _jieba() -> ModuleType | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its old-fashioned imports
        try:
            return importlib.import_module("jieba.posseg")
        except ImportError:
            return None


@functools.cache
def _segmenter() -> Any:
    """Return the tokenizer of jieba with its dictionary in memory. jieba would cache it in a file that other users can write."""
    if _jieba() is None:
        return None
    segmenter = importlib.import_module("jieba").Tokenizer()
    segmenter.FREQ, segmenter.total = segmenter.gen_pfdict(segmenter.get_dict_file())
    segmenter.initialized = True
    return segmenter


@functools.cache
def _tagger() -> Any:
    library = _jieba()
    return None if library is None else library.POSTokenizer(_segmenter())
