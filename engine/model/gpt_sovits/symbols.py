"""The phonemes that GPT-SoVITS voices were trained with, in the order of their embeddings' rows: the tables "v1" and "v2".

English is ARPAbet with stress digits, Chinese an initial and a final with its tone, Japanese the phones of OpenJTalk; v2 adds Korean,
Cantonese (everything with a `Y` in front) and the two marks of Japanese pitch accent.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from importlib import resources

UNKNOWN = "UNK"
MARKS = frozenset("!?…,.-")


@functools.cache
def symbol_table(name: str) -> Mapping[str, int]:
    """Symbols of table "v1" or "v2" with their numbers. Raises ValueError for another name."""
    tables = json.loads(resources.files(__package__).joinpath("symbols.json").read_text(encoding="utf-8"))
    if name not in ("v1", "v2"):
        raise ValueError(f"no symbol table '{name}', there are v1 and v2")
    symbols = tables["v1"] + (tables["added_in_v2"] if name == "v2" else [])
    return {symbol: number for number, symbol in enumerate(symbols)}


def symbol_ids(symbols: Iterable[str], table: str) -> list[int]:
    """Numbers of `symbols`; what the table lacks is its symbol for the unknown."""
    numbers = symbol_table(table)
    return [numbers.get(symbol, numbers[UNKNOWN]) for symbol in symbols]
