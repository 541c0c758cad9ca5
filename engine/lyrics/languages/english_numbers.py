"""Numbers as sung words: "24" twenty four, "1999" nineteen ninety nine, "808" eight oh eight."""

from __future__ import annotations

import re

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_NUMBER = re.compile(r"(\d+)(?:\.(\d+))?(st|nd|rd|th|s)?", re.ASCII)
MAX_DIGITS = 12  # longer ones are read digit by digit


def number_words(text: str) -> list[str]:
    """Return the words of "24", "3.5", "21st" or "90s"; [] if `text` is none of these."""
    match = _NUMBER.fullmatch(text.lower())
    if not match:
        return []
    digits, fraction, ending = match.groups()
    words = _read(digits)
    if fraction:
        words += ["point", *(_ONES[int(d)] for d in fraction)]
    if ending == "s":
        words[-1] = _plural(words[-1])
    elif ending:
        words[-1] = _ordinal(words[-1])
    return words


def cardinal_words(digits: str) -> list[str]:
    """Return the words of a count, never of a year: "1984" one thousand nine hundred eighty four. Beyond `MAX_DIGITS`, digit by digit."""
    return _read(digits) if len(digits) > MAX_DIGITS else _cardinal(int(digits))


def _read(digits: str) -> list[str]:
    if (digits[0] == "0" and len(digits) > 1) or len(digits) > MAX_DIGITS:
        return ["oh" if d == "0" else _ONES[int(d)] for d in digits]
    number = int(digits)
    if len(digits) == 3 and number % 100:
        return [_ONES[number // 100], *_pair(number % 100)]
    if 1100 <= number < 2000 or 2010 <= number < 2100:
        return [*_cardinal(number // 100), *(_pair(number % 100) if number % 100 else ["hundred"])]
    return _cardinal(number)


def _pair(number: int) -> list[str]:
    """Return the last two digits of a year or a room number."""
    return ["oh", _ONES[number]] if number < 10 else _cardinal(number)


def _cardinal(number: int) -> list[str]:
    if number < 20:
        return [_ONES[number]]
    if number < 100:
        return [_TENS[number // 10]] + ([_ONES[number % 10]] if number % 10 else [])
    size, name = next(scale for scale in _SCALES if number >= scale[0])
    rest = number % size
    return [*_cardinal(number // size), name, *(_cardinal(rest) if rest else [])]


def _plural(word: str) -> str:
    if word.endswith("y"):
        return word[:-1] + "ies"
    return word + ("es" if word.endswith("x") else "s")


def _ordinal(word: str) -> str:
    if word in _ORDINALS:
        return _ORDINALS[word]
    return word[:-1] + "ieth" if word.endswith("y") else word + "th"
