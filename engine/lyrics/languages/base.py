"""What every language offers to the rest of the room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..types import Syllable


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """How a word is sung. `is_known` is False when it was guessed; `notice` then says so. No syllables = cannot be sung."""

    syllables: tuple[Syllable, ...]
    notice: str = ""
    is_known: bool = True


class Language(Protocol):
    """Words to syllables. Implementations keep no state but caches, so one instance may serve several threads."""

    code: str

    def accepts(self, word: str) -> bool:
        """Whether this word is written in the language's script."""
        ...

    def pronounce(self, word: str, *, wanted: int | None = None, before: str = "", after: str = "") -> Pronunciation:
        """Syllables of a cleaned word, if possible `wanted` of them; `before` and `after` are neighbouring words, with spaces."""
        ...


def is_han(character: str) -> bool:
    """A Chinese character (kanji)."""
    return character in "\u3005\u3007" or "\u3400" <= character <= "\u9fff" or "\U00020000" <= character <= "\U0003ffff"


def is_hangul(character: str) -> bool:
    """A block of Hangul, or a letter of it alone."""
    return "\uac00" <= character <= "\ud7a3" or "\u1100" <= character <= "\u11ff" or "\u3131" <= character <= "\u318e"


def is_kana(character: str) -> bool:
    return "\u3041" <= character <= "\u30fc"
