"""Phonemes of GPT-SoVITS voices in the order of their embeddings' rows: the tables "v1" and "v2".

English is ARPAbet with stress digits, Chinese an initial and a final with its tone, Japanese the phones of OpenJTalk; v2 adds Korean,
Cantonese (everything with a `Y` in front) and the two marks of Japanese pitch accent.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Iterable, Mapping
from importlib import resources

UNKNOWN = "UNK"
MARKS = frozenset("!?…,.-")
# Whose phonemes each table has.
TABLE_LANGUAGES: Mapping[str, tuple[str, ...]] = {"v1": ("en", "zh", "ja"), "v2": ("en", "zh", "ja", "ko", "yue")}


@functools.cache
def symbol_table(name: str) -> Mapping[str, int]:
    """Return the symbols of table "v1" or "v2" with their numbers. Raises ValueError for another name."""
    tables = json.loads(resources.files(__package__).joinpath("symbols.json").read_text(encoding="utf-8"))
    if name not in ("v1", "v2"):
        raise ValueError(f"no symbol table '{name}', there are v1 and v2")
    symbols = tables["v1"] + (tables["added_in_v2"] if name == "v2" else [])
    return {symbol: number for number, symbol in enumerate(symbols)}


def lacking_languages(languages: Collection[str], table: str) -> tuple[str, ...]:
    """Return those of `languages` that have phonemes in a later table and none in this one."""
    later = TABLE_LANGUAGES["v2"]
    return tuple(code for code in later if code in languages and code not in TABLE_LANGUAGES.get(table, later))


def symbol_ids(symbols: Iterable[str], table: str) -> list[int]:
    """Return the numbers of `symbols`; a symbol that the table lacks becomes the unknown one."""
    numbers = symbol_table(table)
    return [numbers.get(symbol, numbers[UNKNOWN]) for symbol in symbols]
