"""English words to ARPAbet: own word list, CMU dictionary, endings, numbers, compounds, a model for the rest, letter names.

The first step with an answer is used. It returns all its pronunciations (usual one first), so that "fire" can take one or two notes.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from engine.lyrics.syllables import english_syllables, is_vowel, plain, vowel_count

from .base import BaseLanguage, Pronunciation
from .english_endings import join_clipped, restore_letters, stems, whole_of, with_ending
from .english_numbers import number_words
from .english_text import spell_out
from .english_words import LETTER_NAMES, Phones, Variants, guess, letter_names, look_up, plain_letters, shorten_runs

MAX_WORD_LETTERS = 48
_PARTS = re.compile(r"\d+(?:\.\d+)?(?:st|nd|rd|th|s)?(?![a-z\d])|\d+|[^\W\d]+(?:'[^\W\d]+)*'?")


class English(BaseLanguage):
    """Rules of English, see `base.Language`."""

    code = "en"

    def accepts(self, word: str) -> bool:
        return any(c.isdecimal() or c in LETTER_NAMES for c in plain_letters(word))

    def spell_out(self, text: str) -> str:
        return spell_out(text)

    def pronounce(self, word: str, *, wanted: int | None = None, before: str = "", after: str = "") -> Pronunciation:
        if word.lower() in ("the", "th'"):
            return _pronunciation(word, ("DH", "IY0" if _starts_with_vowel(after) else "AH0"))
        variants, is_known = _all_pronunciations(word[:MAX_WORD_LETTERS])
        if not variants:
            return Pronunciation(())
        phones = variants[0] if wanted is None else min(variants, key=lambda v: abs(vowel_count(v) - wanted))
        return _pronunciation(word[:MAX_WORD_LETTERS], phones, _notice(word, phones, is_known), is_known)


def is_dictionary_word(word: str) -> bool:
    """Return True if the word list or the CMU dictionary has this word (so that 'til keeps its apostrophe), or if it is clipped ('neath)."""
    word = word.lower()
    bare = word.strip("'")
    return bool(look_up(word)) or (word.startswith("'") and not look_up(bare) and bool(whole_of(bare)))


def letter_phones(word: str) -> Phones:
    """Return the names of a word's letters: AA1 R for R."""
    spelled = letter_names(plain_letters(word))
    return spelled[0] if spelled else ()


def word_pronunciation(word: str) -> Phones | None:
    """Return the usual phones of a word with stress digits, guessed if necessary; None if there is nothing to pronounce."""
    variants, _ = _all_pronunciations(word[:MAX_WORD_LETTERS])
    return variants[0] if variants else None


@functools.lru_cache(maxsize=8192)
def _pronunciation(word: str, phones: Phones, notice: str = "", is_known: bool = True) -> Pronunciation:
    spelling = "".join(number_words(word)) or word
    return Pronunciation(english_syllables(phones, word, spelling), notice, is_known)


def _notice(word: str, phones: Phones, is_known: bool) -> str:
    if len(word) > MAX_WORD_LETTERS:
        return f"'{word[:16]}…' has {len(word)} letters; only the first {MAX_WORD_LETTERS} are sung."
    if is_known:
        return ""
    return f"'{word}' is not in the dictionary; sung as {' '.join(map(plain, phones))}. Write {word}[phones] to change it."


def _starts_with_vowel(word: str) -> bool:
    variants, _ = _all_pronunciations(word[:MAX_WORD_LETTERS]) if word else ((), True)
    return bool(variants) and is_vowel(variants[0][0])


@functools.lru_cache(maxsize=8192)
def _all_pronunciations(word: str) -> tuple[Variants, bool]:
    """Return the pronunciations of a word as written, and False if they are guessed."""
    plain_word = plain_letters(word)
    steps: tuple[Callable[[str], Variants], ...] = (
        look_up,
        restore_letters,
        shorten_runs,
        with_ending,
        _number,
        _compound,
        join_clipped,
    )
    for step in steps:
        if variants := step(plain_word):
            return variants, True
    if len(plain_word.strip("'")) == 1 or _looks_like_initials(word, plain_word):
        return letter_names(plain_word), len(plain_word) <= 3
    return guess(plain_word), False


# ---- numbers, compounds, letters, the rest ---------------------------------------------------------------------------


def _join(parts: list[Variants]) -> Variants:
    """Return one pronunciation of several words in a row; () if one of them has none."""
    return (tuple(phone for part in parts for phone in part[0]),) if parts and all(parts) else ()


def _number(word: str) -> Variants:
    return _join([look_up(part) for part in number_words(word)])


def _compound(word: str) -> Variants:
    """Pronounce hip-hop, beau-ti-ful and bless-ed (hyphens that only show syllables), 4life, rock'n'roll."""
    if "-" in word:
        whole = look_up(word.replace("-", ""))
        if whole and vowel_count(whole[0]) == word.count("-") + 1:
            return whole
        *head, last = word.split("-")
        if head and last in _SYLLABIC_ENDINGS and (sounded := with_sounded_ending("".join((*head, last)), len(head) + 1)):
            return (sounded,)
    parts = _PARTS.findall(word)
    if len(parts) < 2 or "." in word:
        return ()
    is_name = any(part[0].isdecimal() for part in parts)  # A4, not a-changing
    return _join([letter_names(part) if is_name and part == "a" else _known_part(part) for part in parts])


def _known_part(word: str) -> Variants:
    return look_up(word) or _number(word) or with_ending(word) or (letter_names(word) if len(word) == 1 else guess(word))


def _looks_like_initials(word: str, plain_word: str) -> bool:
    if "." in word:
        return True
    letters = [c for c in plain_word if c in LETTER_NAMES]
    if len(letters) > 1 and len(set(letters)) == 1:
        return False
    return bool(letters) and (not set(letters) & set("aeiouy") or (word.isupper() and len(letters) <= 3))


# ---- written in more syllables than are spoken -----------------------------------------------------------------------

# Endings with a vowel in verse and old tunes, unlike in speech: (ending, its replacements in the stem, its phones).
_SOUNDED_ENDINGS: tuple[tuple[str, tuple[str, ...], Phones], ...] = (
    ("ied", ("y",), ("IH0", "D")),
    ("ed", ("", "e"), ("IH0", "D")),
    ("edst", ("", "e"), ("IH0", "D", "S", "T")),
    ("ies", ("y",), ("IH0", "Z")),
    ("es", ("", "e"), ("IH0", "Z")),
    ("eth", ("", "e"), ("IH0", "TH")),
    ("est", ("", "e"), ("IH0", "S", "T")),
    ("en", ("", "e"), ("AH0", "N")),
    ("er", ("", "e"), ("ER0",)),
    ("ers", ("", "e"), ("ER0", "Z")),
)


_SYLLABIC_ENDINGS = frozenset(ending for ending, _, _ in _SOUNDED_ENDINGS)


def with_sounded_ending(word: str, syllables: int) -> Phones:
    """Return a known stem with a vowel in its ending if the word then has so many syllables: bless-ed, breath-es; else ()."""
    word = plain_letters(word)
    usual = (_all_pronunciations(word)[0] or ((),))[0]
    found = [
        (known, phones)
        for ending, replacements, phones in _SOUNDED_ENDINGS
        if word.endswith(ending)
        for stem in stems(word[: -len(ending)], ending, replacements)
        for known in look_up(stem) or with_ending(stem)
        if vowel_count(known) + 1 == syllables
    ]
    if not found:
        return ()
    stem, phones = max(found, key=lambda pair: _common_start(pair[0], usual))
    return (*stem, *phones)


def _common_start(first: Phones, second: Phones) -> int:
    """Return the number of equal phones at the start."""
    return next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second)))
