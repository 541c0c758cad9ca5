"""English words to ARPAbet: own word list, CMU dictionary, endings, numbers, compounds, a model for the rest, letter names.

The order matters. Each step answers with all pronunciations it knows (usual one first), so that "fire" can take one
or two notes; the first step with an answer wins.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterator
from importlib import resources

from ..phones import parse_entries
from ..syllables import english_syllables, is_vowel, plain, vowel_count
from .base import Pronunciation
from .cmu import cmu_dictionary
from .english_numbers import number_words
from .g2p import guess_phones

Phones = tuple[str, ...]
Variants = tuple[Phones, ...]

MAX_WORD_LETTERS = 48
_LETTER_NAMES = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        (
            "EY,B IY,S IY,D IY,IY,EH F,JH IY,EY CH,AY,JH EY,K EY,EH L,EH M,EH N,OW,P IY,K Y UW,AA R,EH S,T IY,Y UW,V IY,"
            "D AH1 B AH0 L Y UW0,EH K S,W AY,Z IY"
        ).split(","),
        strict=True,
    )
)
_SIBILANTS = frozenset("S Z SH ZH CH JH".split())
_VOICELESS = frozenset("P T K F TH".split())
_RUNS = re.compile(r"([a-z])\1{2,}")
_PARTS = re.compile(r"\d+(?:\.\d+)?(?:st|nd|rd|th|s)?(?![a-z])|\d+|[^\W\d]+(?:'[^\W\d]+)*'?")


class English:
    """See `base.Language`."""

    code = "en"

    def accepts(self, word: str) -> bool:
        return any(c.isdecimal() or c in _LETTER_NAMES for c in _plain_letters(word))

    def pronounce(self, word: str, *, wanted: int | None = None, before: str = "", after: str = "") -> Pronunciation:
        if word.lower() == "the":
            return _pronunciation(word, ("DH", "IY0" if _starts_with_vowel(after) else "AH0"))
        variants, is_known = _lookup(word[:MAX_WORD_LETTERS])
        if not variants:
            return Pronunciation(())
        phones = variants[0] if wanted is None else min(variants, key=lambda v: abs(vowel_count(v) - wanted))
        return _pronunciation(word[:MAX_WORD_LETTERS], phones, _notice(word, phones, is_known), is_known)


def is_dictionary_word(word: str) -> bool:
    """Whether the word list or the CMU dictionary has exactly this word (so that 'til keeps its apostrophe)."""
    return bool(_listed(word.lower()))


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
    variants, _ = _lookup(word[:MAX_WORD_LETTERS]) if word else ((), True)
    return bool(variants) and is_vowel(variants[0][0])


@functools.lru_cache(maxsize=8192)
def _lookup(word: str) -> tuple[Variants, bool]:
    """Pronunciations of a word as written, and whether a dictionary or a rule knew it."""
    plain_word = _plain_letters(word)
    steps: tuple[Callable[[str], Variants], ...] = (_listed, _lengthened, _with_ending, _number, _compound)
    for step in steps:
        if variants := step(plain_word):
            return variants, True
    if len(plain_word.strip("'")) == 1 or _looks_like_initials(word, plain_word):
        return _spelled(plain_word), len(plain_word) <= 3
    return _guessed(plain_word), False


def _plain_letters(word: str) -> str:
    """Lower case without accents: Beyoncé → beyonce."""
    special = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "th", "þ": "th", "ı": "i"}
    decomposed = unicodedata.normalize("NFD", word.lower())
    return "".join(special.get(c, c) for c in decomposed if unicodedata.category(c) != "Mn")


@functools.cache
def _word_list() -> dict[str, Variants]:
    text = resources.files(__package__).joinpath("english_slang.txt").read_text(encoding="utf-8")
    variants: dict[str, Variants] = {}
    for _, word, phones in parse_entries(text, "english_slang.txt"):
        variants[word] = (*variants.get(word, ()), phones)
    return variants


def _listed(word: str) -> Variants:
    """Our own pronunciations before those of the dictionary."""
    return _word_list().get(word, ()) + cmu_dictionary().variants(word)


def _lengthened(word: str) -> Variants:
    """soooo → so, yeahhh → yeah, cooool → cool."""
    if not _RUNS.search(word):
        return ()
    return _listed(_RUNS.sub(r"\1\1", word)) or _listed(_RUNS.sub(r"\1", word)) or _listed(re.sub(r"([a-z])\1+", r"\1", word))


# ---- endings ---------------------------------------------------------------------------------------------------------


def _plural(stem: Phones) -> Phones:
    last = plain(stem[-1])
    return (*stem, "IH0", "Z") if last in _SIBILANTS else (*stem, "S" if last in _VOICELESS else "Z")


def _past(stem: Phones) -> Phones:
    last = plain(stem[-1])
    if last in ("T", "D"):
        return (*stem, "IH0", "D")
    return (*stem, "T" if last in _VOICELESS | {"S", "SH", "CH"} else "D")


def _have(stem: Phones) -> Phones:
    return (*stem, "V") if is_vowel(stem[-1]) else (*stem, "AH0", "V")


def _will(stem: Phones) -> Phones:
    return (*stem, "L") if is_vowel(stem[-1]) else (*stem, "AH0", "L")


def _dropped_g(stem: Phones) -> Phones:
    return (*stem[:-1], "N") if stem[-1] == "NG" else (*stem, "IH0", "N")


def _adding(*phones: str) -> Callable[[Phones], Phones]:
    return lambda stem: (*stem, *phones)


# (ending, what may stand in its place to give the stem, how the stem's phones change)
_ENDINGS: tuple[tuple[str, tuple[str, ...], Callable[[Phones], Phones]], ...] = (
    ("in'", ("ing",), _dropped_g),
    ("in", ("ing",), _dropped_g),
    ("'s", ("",), _plural),
    ("s'", ("s",), _adding()),
    ("s'", ("",), _plural),
    ("'d", ("",), _past),
    ("'ll", ("",), _will),
    ("'ve", ("",), _have),
    ("'re", ("",), _adding("ER0")),
    ("'m", ("",), _adding("M")),
    ("n't", ("",), _adding("AH0", "N", "T")),
    ("'n", ("",), _adding("AH0", "N")),
    ("ies", ("y",), _plural),
    ("es", ("", "e"), _plural),
    ("s", ("",), _plural),
    ("z", ("",), _plural),
    ("ied", ("y",), _past),
    ("ed", ("", "e"), _past),
    ("ing", ("", "e"), _adding("IH0", "NG")),
    ("ers", ("", "e"), _adding("ER0", "Z")),
    ("er", ("", "e"), _adding("ER0")),
    ("est", ("", "e"), _adding("IH0", "S", "T")),
    ("ly", ("",), _adding("L", "IY0")),
    ("ness", ("",), _adding("N", "AH0", "S")),
    ("less", ("",), _adding("L", "AH0", "S")),
    ("ful", ("",), _adding("F", "AH0", "L")),
    ("ish", ("", "e"), _adding("IH0", "SH")),
    ("y", ("", "e"), _adding("IY0")),
    ("'", ("",), _adding()),
)
_MIN_STEM_LETTERS = 2


def _with_ending(word: str, depth: int = 2) -> Variants:
    """A known stem with an ending: hustlin' → hustling, yeeted → yeet + T."""
    for ending, replacements, change in _ENDINGS:
        if not word.endswith(ending):
            continue
        for stem in _stems(word[: -len(ending)], ending, replacements):
            known = _listed(stem) or (_with_ending(stem, depth - 1) if depth > 1 else ())
            if known:
                return tuple(change(phones) for phones in known)
    return ()


def _stems(base: str, ending: str, replacements: tuple[str, ...]) -> Iterator[str]:
    if len(base) < _MIN_STEM_LETTERS:
        return
    yield from (base + replacement for replacement in replacements)
    is_doubled = len(base) > _MIN_STEM_LETTERS and base[-1] == base[-2] and base[-1] not in "aeiou'"
    if is_doubled and ending[0] in "aeiouy" and ending not in ("in", "in'"):
        yield base[:-1]


# ---- numbers, compounds, letters, the rest ---------------------------------------------------------------------------


def _join(parts: list[Variants]) -> Variants:
    """One pronunciation of several words in a row; () if one of them has none."""
    return (tuple(phone for part in parts for phone in part[0]),) if parts and all(parts) else ()


def _number(word: str) -> Variants:
    return _join([_listed(part) for part in number_words(word)])


def _compound(word: str) -> Variants:
    """hip-hop, beau-ti-ful (hyphens that only show syllables), 4life, rock'n'roll."""
    if "-" in word:
        whole = _listed(word.replace("-", ""))
        if whole and vowel_count(whole[0]) == word.count("-") + 1:
            return whole
    parts = _PARTS.findall(word)
    if len(parts) < 2 or "." in word:
        return ()
    return _join([_known_part(part) for part in parts])


def _known_part(word: str) -> Variants:
    return _listed(word) or _number(word) or _with_ending(word) or (_spelled(word) if len(word) == 1 else _guessed(word))


def _looks_like_initials(word: str, plain_word: str) -> bool:
    if "." in word:
        return True
    letters = [c for c in plain_word if c in _LETTER_NAMES]
    if len(letters) > 1 and len(set(letters)) == 1:
        return False
    return bool(letters) and (not set(letters) & set("aeiouy") or (word.isupper() and len(letters) <= 3))


def _spelled(word: str) -> Variants:
    phones = [symbol for c in word for symbol in _LETTER_NAMES.get(c, "").split()]
    return (tuple(p + "1" if is_vowel(p) and p == plain(p) else p for p in phones),) if phones else ()


def _guessed(word: str) -> Variants:
    letters = "".join(c for c in _RUNS.sub(r"\1\1", word) if c in _LETTER_NAMES or c == "'")
    phones = guess_phones(letters)
    return (phones,) if phones else _spelled(word)
