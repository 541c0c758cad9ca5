"""Digits and signs in running text, found here for all languages and spelled out in the words of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

CURRENCIES = "$£€¥₩₹"
LETTERS = r"A-Za-z0-9_\u00c0-\u024f"  # may not touch a number, unlike Han, kana and Hangul
# A number with its groups of three: 1,000 / 1 000 / 1.000 / 1'000.
_GROUPED = re.compile(
    rf"(?<![{LETTERS}.,:/])\d{{1,3}}(?:(?:,\d{{3}})+|(?:'\d{{3}})+|(?:\.\d{{3}})+|(?: \d{{3}})+)(?![{LETTERS},/]|[.:]\d| \d)"
)
_NUMBER = r"\d+(?:[.,]\d+)?"
CLOCK = re.compile(r"(?<![\d:.,])([01]?\d|2[0-4]):([0-5]\d)(?![\d:])")
_BRACKETS = re.compile(r"(\[[^\[\]]*\])")


def outside_brackets(text: str, change: Callable[[str], str]) -> str:
    """Apply `change` to a text except inside square brackets (phones of a hint)."""
    return "".join(part if part.startswith("[") else change(part) for part in _BRACKETS.split(text))


def without_grouping(text: str, *, is_dot_decimal: bool, said: Callable[[str], str] = str) -> str:
    """Return numbers without the marks between their groups of three, spelled by `said`.

    If a dot marks decimals, 1.000 and 12.500 are thousands all the same (1.000 is no usual decimal), 3.142 is not; if a comma does, a dot
    before three digits always marks thousands, and a comma never. Adjacent numbers stay apart (100 200 300).
    """

    def replaced(match: re.Match[str]) -> str:
        written = match[0]
        mark = next(c for c in written if not c.isdecimal())
        groups = written.split(mark)
        if mark == "." and is_dot_decimal and len(groups) == 2 and not (groups[1].endswith("00") and groups[0] != "0"):
            return written
        if mark == "," and not is_dot_decimal and len(groups) == 2:
            return written
        if mark == " " and (len(groups[0]) == 3 or groups[0] == "0") and "000" not in groups[1:]:
            return written
        return said("".join(groups)) if groups[0] != "0" else written

    return _GROUPED.sub(replaced, text)


def with_money(text: str, say: Callable[[str, str, str], str]) -> str:
    """Spell amounts before or behind the sign of a currency by `say(sign, number, scale)`; scale: "", "million"…"""
    scale = r"(?:\s?(thousand|million|billion|trillion|[kmKM](?!\w)|bn(?!\w)))?"
    text = re.sub(
        rf"([{CURRENCIES}])\s?({_NUMBER})(?!\w*\$){scale}", lambda match: f" {say(match[1], match[2], match[3] or '')} ", text
    )
    return re.sub(
        rf"(?<![{LETTERS}.,])({_NUMBER})\s?([{CURRENCIES}])(?![{LETTERS}])",
        lambda match: f" {say(match[2], match[1], '')} ",
        text,
    )


def with_units(text: str, units: Mapping[str, str], say: Callable[[str, str], str]) -> str:
    """Spell numbers with a unit behind them by `say(number, unit)`. `units` are signs with their words."""
    written = "|".join(re.escape(unit) for unit in sorted(units, key=len, reverse=True))
    pattern = re.compile(rf"(?<![{LETTERS}.,:/])([-\u2212]?)({_NUMBER})\s?({written})(?![{LETTERS}'°])")
    return pattern.sub(lambda match: f"{'minus ' if match[1] else ''}{say(match[2], match[3])}", text)
