"""English words by look-up: own word list, CMU dictionary, names of letters, and a model for the rest."""

from __future__ import annotations

import functools
import re
import unicodedata
from importlib import resources

from engine.lyrics.phones import parse_entries
from engine.lyrics.syllables import is_vowel, plain

from .cmu import cmu_dictionary
from .g2p import guess_phones

Phones = tuple[str, ...]
Variants = tuple[Phones, ...]

LETTER_NAMES = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        (
            "EY,B IY,S IY,D IY,IY,EH F,JH IY,EY CH,AY,JH EY,K EY,EH L,EH M,EH N,OW,P IY,K Y UW,AA R,EH S,T IY,Y UW,V IY,"
            "D AH1 B AH0 L Y UW0,EH K S,W AY,Z IY"
        ).split(","),
        strict=True,
    )
)
_RUNS = re.compile(r"([a-z])\1{2,}")


def plain_letters(word: str) -> str:
    """Return lower case letters without accents: Beyoncé → beyonce."""
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


def look_up(word: str) -> Variants:
    """Return our own pronunciations, then those of the dictionary."""
    return _word_list().get(word, ()) + cmu_dictionary().variants(word)


def shorten_runs(word: str) -> Variants:
    """Undo repeated letters: soooo → so, yeahhh → yeah, cooool → cool."""
    if not _RUNS.search(word):
        return ()
    return look_up(_RUNS.sub(r"\1\1", word)) or look_up(_RUNS.sub(r"\1", word)) or look_up(re.sub(r"([a-z])\1+", r"\1", word))


def letter_names(word: str) -> Variants:
    """Return the names of a word's letters as one pronunciation; () without letters."""
    phones = [symbol for c in word for symbol in LETTER_NAMES.get(c, "").split()]
    return (tuple(p + "1" if is_vowel(p) and p == plain(p) else p for p in phones),) if phones else ()


def guess(word: str) -> Variants:
    """Return the pronunciation that the model finds for a spelling, else the names of its letters."""
    letters = "".join(c for c in _RUNS.sub(r"\1\1", word) if c in LETTER_NAMES or c == "'")
    phones = guess_phones(letters)
    return (phones,) if phones else letter_names(word)
