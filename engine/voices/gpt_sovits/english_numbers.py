"""English numbers as the official normaliser says them: without "and", years in pairs, tens and ones with a hyphen."""

from __future__ import annotations

import re
from decimal import Decimal

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
_SCALES = ("", "thousand", "million", "billion", "trillion")
_LAST_READ = 10 ** (3 * len(_SCALES)) - 1
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip


def cardinal(number: int) -> str:
    """Return 12345 as "twelve thousand, three hundred forty-five"; digit by digit above the trillions."""
    if number > _LAST_READ:
        return digits(str(number))
    if number == 0:
        return _ONES[0]
    groups: list[str] = []
    for scale in _SCALES:
        number, rest = divmod(number, 1000)
        if rest:
            groups.insert(0, f"{_below_thousand(rest)} {scale}".strip())
        if not number:
            break
    return ", ".join(groups)


def count(number: int) -> str:
    """Return a bare number in words, with the years of the official program: 1001 to 2999 in pairs, 2001 to 2009 as thousands."""
    if not 1000 < number < 3000 or number == 2000:
        return cardinal(number)
    if 2000 < number < 2010:
        return f"two thousand {_ONES[number % 100]}"
    if number % 100 == 0:
        return f"{_below_hundred(number // 100)} hundred"
    last = number % 100
    return f"{_below_hundred(number // 100)} {'oh ' if last < 10 else ''}{_below_hundred(last)}"


def ordinal(number: int) -> str:
    """Return 21 as "twenty-first"."""
    start, separator, last = re.fullmatch(r"(.*?)([- ]?)(\w+)", cardinal(number)).groups()  # type: ignore[union-attr]
    last = _ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
    return f"{start}{separator}{last}"


def decimal(text: str) -> str:
    """Return "12.50" as "twelve point five zero"."""
    whole, _, fraction = text.partition(".")
    return f"{count(int(whole or 0))} point {digits(fraction)}"


def digits(text: str) -> str:
    """Return the digits one by one."""
    return " ".join(_ONES[int(digit)] for digit in text if digit.isdecimal())


def plural(word: str) -> str:
    """Return "ninety" as "nineties"."""
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}es" if word.endswith(("x", "s")) else f"{word}s"


def money(amount: str, unit: tuple[str, str], part: tuple[str, str]) -> str:
    """Return units and hundredths, leaving out zeros: "0.99" is "ninety-nine cents"."""
    value = Decimal(amount or "0")
    units = int(value)
    hundredths = int((value - units) * 100)
    said = [f"{count(units)} {unit[units != 1]}"] if units or not hundredths else []
    return " and ".join([*said, *([f"{count(hundredths)} {part[hundredths != 1]}"] if hundredths else [])])


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    said = [f"{_ONES[hundreds]} hundred"] if hundreds else []
    return " ".join([*said, *([_below_hundred(rest)] if rest else [])])


def _below_hundred(number: int) -> str:
    if number < 20:
        return _ONES[number]
    return _TENS[number // 10] + (f"-{_ONES[number % 10]}" if number % 10 else "")
