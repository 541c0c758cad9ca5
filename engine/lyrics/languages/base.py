"""Interface of a language, the defaults that implementations inherit, and tests for the scripts of East Asia."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Protocol

from engine.lyrics.types import Syllable

_NO_PHONES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """Syllables of a word, none if it cannot be sung. `is_known` is False for a guess, which `notice` then reports."""

    syllables: tuple[Syllable, ...]
    notice: str = ""
    is_known: bool = True


class Language(Protocol):
    """Words to syllables. Implementations hold no state except caches, so that threads can share one instance."""

    @property
    def code(self) -> str:
        """Key of the language in `engine.languages.LANGUAGES`, also the `language` of its phones."""
        ...

    @property
    def hint_form(self) -> str:
        """Notation that a hint in brackets may have besides ARPAbet, "" for none."""
        ...

    @property
    def english_phones(self) -> Mapping[str, str]:
        """ARPAbet symbols, separated by spaces, for each phone symbol. The first vowel is the nucleus."""
        ...

    @property
    def english_codas(self) -> Mapping[str, str]:
        """Replacements for `english_phones` behind the nucleus."""
        ...

    @property
    def is_syllabic(self) -> bool:
        """True if a written syllable sounds the same alone as within its word."""
        ...

    @property
    def splits_scripts(self) -> bool:
        """True if running text needs spaces inserted where its script changes."""
        ...

    @property
    def weak_e_word(self) -> str:
        """A word that ends with the sung vowel of a weak e, "" if the language has none."""
        ...

    @property
    def missing(self) -> str:
        """Packages to install before this language can be read, as a sentence; "" if all are installed."""
        ...

    def accepts(self, word: str) -> bool:
        """Return True if the word is written in the language's script."""
        ...

    def pronounce(self, word: str, *, wanted: int | None = None, before: str = "", after: str = "") -> Pronunciation:
        """Return syllables of a cleaned word, if possible `wanted` of them. `before` and `after` are neighbours, separated by spaces."""
        ...

    def spell_out(self, text: str) -> str:
        """Return text with numbers, units, money and abbreviations as words where the words alone would be ambiguous."""
        ...

    def read_hint(self, symbols: tuple[str, ...], word: str) -> tuple[Syllable, ...]:
        """Return syllables of a hint in the language's own notation; () if it is not in that notation."""
        ...

    def hinted_tail(self, word: str, syllables: int) -> str:
        """Return the end of `word` that a hint with so many `syllables` replaces."""
        ...


class BaseLanguage:
    """Defaults: all packages installed, no hints besides ARPAbet, words separated by spaces."""

    hint_form: ClassVar[str] = ""
    english_phones: Mapping[str, str] = _NO_PHONES
    english_codas: Mapping[str, str] = _NO_PHONES
    is_syllabic: ClassVar[bool] = False
    splits_scripts: ClassVar[bool] = False
    weak_e_word: str = ""

    @property
    def missing(self) -> str:
        return ""

    def spell_out(self, text: str) -> str:
        return text

    def read_hint(self, symbols: tuple[str, ...], word: str) -> tuple[Syllable, ...]:
        return ()

    def hinted_tail(self, word: str, syllables: int) -> str:
        return word


def last_characters(word: str, syllables: int) -> str:
    """Return the last characters of a word in a script with one character per syllable; the word if it is not longer."""
    return word[-syllables:] if len(word) > syllables else word


def is_han(character: str) -> bool:
    """Return True for a Han character (hanzi, kanji)."""
    return character in "\u3005\u3007" or "\u3400" <= character <= "\u9fff" or "\U00020000" <= character <= "\U0003ffff"


def is_hangul(character: str) -> bool:
    """Return True for a Hangul block or a single Hangul letter."""
    return "\uac00" <= character <= "\ud7a3" or "\u1100" <= character <= "\u11ff" or "\u3131" <= character <= "\u318e"


def is_kana(character: str) -> bool:
    """Return True for hiragana, katakana and the marks between them."""
    return "\u3041" <= character <= "\u30fc"
