"""A user's pronunciations, which take precedence over all rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from engine.errors import LyricError
from engine.languages import LANGUAGES

from .languages import language_for
from .phones import parse_phones, with_lone_stress
from .text import normalise


@dataclass(frozen=True)
class UserDictionary:
    """Words (lower case) to ARPAbet phones with stress digits, or to another language's notation of sounds (行 hang2, 明日 あす)."""

    entries: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def get(self, word: str) -> tuple[str, ...] | None:
        return self.entries.get(word.lower())

    def cut(self, word: str) -> tuple[str, ...]:
        """Return a word without spaces cut at the entries it contains; longer entries take precedence."""
        keys = [key for key in self.entries if not key.isascii() and key in word and key != word]
        if not keys:
            return (word,)
        pattern = "|".join(re.escape(key) for key in sorted(keys, key=len, reverse=True))
        return tuple(part for part in re.split(f"({pattern})", word) if part)


def read_user_dictionary(path: Path | str) -> UserDictionary:
    """Read `word  PH ON ES` lines (UTF-8, ARPAbet in any case, `#` starts a comment). A later line replaces an earlier one.

    Instead of ARPAbet, words of other languages may have what hints in brackets may have: pinyin, Jyutping, kana, Hangul, IPA.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise LyricError(f"The dictionary {path} cannot be read: {error.strerror or error}. Check the path.") from error
    except UnicodeDecodeError as error:
        raise LyricError(f"The dictionary {path} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error
    entries: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(normalise(text).splitlines(), start=1):
        word, *symbols = line.split("#", 1)[0].split() or [""]
        if not word:
            continue
        try:
            entries[word.lower()] = _sounds(word, tuple(symbols))
        except LyricError as error:
            raise LyricError(f"{path.name}, line {number}, word {word[:40]!r}: {error}") from None
    return UserDictionary(MappingProxyType(entries))


def _sounds(word: str, symbols: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return with_lone_stress(parse_phones(symbols))
    except LyricError:
        is_english = word.isascii() and "".join(symbols).isascii()
        if symbols and not is_english and any(_is_hint(code, symbols, word) for code in LANGUAGES):
            return symbols
        raise


def _is_hint(code: str, symbols: tuple[str, ...], word: str) -> bool:
    language = language_for(code)
    return language is not None and not language.missing and bool(language.read_hint(symbols, word))
