"""Chinese text as clauses of characters and the marks between them, as the official front ends keep them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from engine.lyrics import is_han

# Marks of a text as the voices know them. ￥ and ^ are pauses that an author writes on purpose.
_MARKS = {
    **dict.fromkeys("，,、：:；;·・", ","), **dict.fromkeys("。.\n．", "."), **dict.fromkeys("！!", "!"), **dict.fromkeys("？?", "?"),
    **dict.fromkeys("…~～⋯", "…"), **dict.fromkeys("—–―-", "-"), "￥": "SP2", "^": "SP3",
}  # fmt: skip
PAUSES = ("SP2", "SP3")
_SEVERAL_DOTS = re.compile(r"\.{2,}|。{2,}|…+")


def clauses(text: str) -> Iterator[tuple[str, str]]:
    """Yield (characters, mark behind them): runs of Han characters, and "" or a phoneme of `_MARKS`; of several marks in a row the first
    counts.
    """
    characters, is_behind_mark = "", False
    for character in _SEVERAL_DOTS.sub("…", text):
        if is_han(character):
            characters, is_behind_mark = characters + character, False
        elif (mark := _MARKS.get(character, "")) and not is_behind_mark:
            yield characters, mark
            characters, is_behind_mark = "", True
    if characters:
        yield characters, ""


def unreadable_in(text: str) -> str:
    """Return the signs and letters of a text, each once, that have a sound but are not read."""
    return "".join(dict.fromkeys(c for c in text if c not in _MARKS and not is_han(c) and unicodedata.category(c)[0] in "SLNM"))
