"""English text to ARPAbet as in the official program: its normaliser, dictionary, heteronyms and guesses for unknown words.

The official program takes the part of speech of a word from a statistical tagger that is downloaded; here rules on neighbouring words
choose between the two readings of a heteronym.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from engine.lyrics.languages.cmu import cmu_dictionary
from engine.lyrics.languages.english import word_pronunciation

from .english_guess import can_guess, word_network, words_within
from .english_written import spelled_out
from .phonemes import Phonemes, unread_notice

Phones = tuple[str, ...]

# A word, with apostrophes and hyphens inside; a mark; dots in a row.
_TOKEN = re.compile(r"[A-Za-z](?:[A-Za-z'-]*[A-Za-z])?'?|\.(?:\s*\.)+|[.,!?-]")
_LETTERS_SPELLED = 3  # unknown words up to this long are spelled
_MAX_LETTERS = 48
_SIBILANTS, _VOICELESS = frozenset("S Z SH ZH CH JH".split()), frozenset("P T K F TH HH".split())

_TO_VERB = frozenset(
    """to will would can could shall should may might must cannot can't won't wouldn't couldn't shouldn't don't doesn't didn't do does did
    'll i'll you'll he'll she'll we'll they'll it'll let's please never always often sometimes usually really just also i you we they who
    gonna wanna gotta i'd you'd he'd she'd we'd they'd help not better""".split()
)
_TO_NOUN = frozenset(
    """a an the this that these those my your his her its our their whose no some any each every another other same first last new old good
    great big small of in on at for with from by about into over under after before without between two three four five many more most
    few several all both what which own very""".split()
)
_OBJECT = frozenset("a an the my your his its our their this these it them me us him her you all every each some any".split())
_SINGULAR_SUBJECT = frozenset("he she it who that which".split())
_BE = frozenset(
    "am is are was were be been being i'm you're he's she's it's we're they're isn't aren't wasn't weren't feel feels felt so".split()
)
_HAVE = frozenset("have has had having i've you've we've they've haven't hasn't hadn't".split())
_PRESENT_HELPERS = _TO_VERB - {
    "i",
    "you",
    "we",
    "they",
    "who",
    "always",
    "often",
    "never",
    "sometimes",
    "usually",
    "just",
    "also",
    "really",
}
_PAST_SIGNS = frozenset("yesterday ago last already once then".split())
_FUNCTION_WORDS = frozenset(
    """a an the of in on at for with from by to and or but is are was were be am has have had do does did will would can could not it he she
    they we you i that this as if than so when where while because""".split()
)


_RE = ("R", "IY0")  # re-enter; by itself the word is the note


@dataclass(frozen=True)
class Heteronym:
    """A word with two readings: the first if it has this part of speech."""

    kind: str
    phones: Phones
    other: Phones


def read_english(text: str) -> Phonemes:
    """Return the phonemes of English text with its marks; `notices` name signs that are not read and words that were guessed."""
    written, unread = spelled_out(text)
    tokens = _TOKEN.findall(written)
    words = [token.lower() if token[0].isalpha() else token for token in tokens]
    symbols: list[str] = []
    guessed: list[str] = []
    for place, token in enumerate(tokens):
        if not token[0].isalpha():
            symbols.append(token[0])
            continue
        symbols += _word(token, words, place, guessed)
    notices = []
    if unread:
        notices.append(unread_notice(unread, "English"))
    if guessed and not can_guess():
        names = ", ".join(dict.fromkeys(guessed[:8]))
        notices.append(
            f"Not in the dictionary and guessed by Vocalese's own rules: {names}. With pip install 'vocalese[en]' such words are guessed as "
            "the official program does."
        )
    return Phonemes(tuple(_without_repeated_marks(symbols)), tuple(notices))


def english_word(word: str) -> Phones:
    """Return the phones of a single word."""
    return _word(word, [word.lower()], 0, [])


def _word(token: str, words: Sequence[str], place: int, guessed: list[str]) -> Phones:
    word = token.lower().rstrip("-")[:_MAX_LETTERS]
    if len(word) == 1:
        return ("EY1",) if token == "A" else _letter(word)
    if heteronym := heteronyms().get(word):
        return heteronym.phones if _is_kind(heteronym.kind, words, place) else heteronym.other
    return _unknown_to_heteronyms(word, guessed)


def _unknown_to_heteronyms(word: str, guessed: list[str]) -> Phones:
    if known := _listed(word):
        return known
    letters = word.replace("'", "").replace("-", "")
    if "'" in word:
        if word.endswith("'s") and word[:-2].isalpha():
            return _possessive(_unknown_to_heteronyms(word[:-2], guessed))
        if word.endswith("'") or (own := word_pronunciation(word)) is None:
            return _unknown_to_heteronyms(word.rstrip("'") if word.endswith("'") else letters, guessed)
        return own
    if "-" in word:
        first, _, rest = word.partition("-")
        prefix = _RE if first == "re" and rest else ()
        return (*prefix, *(phone for part in (rest if prefix else word).split("-") if part for phone in _part(part, guessed)))
    if len(word) <= _LETTERS_SPELLED:
        return tuple(phone for letter in word for phone in (("EY1",) if letter == "a" else _letter(letter)))
    parts = words_within(word)
    if len(parts) > 1:
        return tuple(phone for part in parts for phone in _part(part, guessed))
    guessed.append(word)
    network = word_network() if can_guess() else None
    return network.phones_of(word) if network is not None else word_pronunciation(word) or ()


def _part(word: str, guessed: list[str]) -> Phones:
    """Return a part of a longer word in its default reading (the official program asks no tagger there)."""
    return _letter(word) if len(word) == 1 else _unknown_to_heteronyms(word, guessed)


def _letter(letter: str) -> Phones:
    return _listed(letter) if letter.isalpha() else ()


def _possessive(phones: Phones) -> Phones:
    if not phones or phones[-1] in _SIBILANTS:
        return (*phones, "AH0", "Z")
    return (*phones, "S" if phones[-1] in _VOICELESS else "Z")


def _listed(word: str) -> Phones:
    if own := _readings()[0].get(word):
        return own
    if known := cmu_dictionary().variants(word):
        return known[0]
    heteronym = heteronyms().get(word)
    return heteronym.other if heteronym else ()


@functools.cache
def _readings() -> tuple[dict[str, Phones], dict[str, Heteronym]]:
    plain: dict[str, Phones] = {}
    double: dict[str, Heteronym] = {}
    text = resources.files(__package__).joinpath("english_readings.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        word, rest = line.split(" ", 1)
        if "|" in rest:
            first, other = (part.split() for part in rest.split("|"))
            double[word] = Heteronym(first[0], tuple(first[1:]), tuple(other))
        else:
            plain[word] = tuple(rest.split())
    return plain, double


def heteronyms() -> dict[str, Heteronym]:
    """Return all words with two readings."""
    return _readings()[1]


def _without_repeated_marks(symbols: Sequence[str]) -> list[str]:
    """Keep one mark of several in a row: more of them make a voice repeat its reference."""
    return [s for i, s in enumerate(symbols) if s[0].isalpha() or not i or symbols[i - 1][0].isalpha()]


# --- Heteronyms ---------------------------------------------------------------------------------------------------------------


def _is_kind(kind: str, words: Sequence[str], place: int) -> bool:
    before = words[place - 1] if place else "."
    after = words[place + 1] if place + 1 < len(words) else "."
    earlier = words[max(0, place - 4) : place]
    if kind == "PRESENT":
        return _is_present(before, after, earlier, words)
    if kind == "PARTICIPLE":
        return after != "to"
    if kind == "PLURAL":
        return before in _TO_NOUN or before == "'s"
    if kind == "ADJECTIVE":
        return before in _BE | {"very", "too", "more", "most", "how", "really"} or (
            before in _TO_NOUN and after[0].isalpha() and after not in _FUNCTION_WORDS
        )
    if kind == "NOUN":
        if before in _PRESENT_HELPERS:
            return False
        return before not in _BE | {"very", "too", "quite"} and not (
            after == "to" or (after == "with" and before not in _TO_NOUN)
        )
    return _is_verb(words[place], before, after, earlier)


def _is_verb(word: str, before: str, after: str, earlier: Sequence[str]) -> bool:
    is_past = word.endswith("ed")
    if is_past:  # learned, blessed: adjectives stand between an article and a noun
        return not (before in _TO_NOUN and after[0].isalpha() and after not in _FUNCTION_WORDS)
    has_s = word.endswith("s") and not word.endswith("ss")
    if before in ("to", "not") or (before in _PRESENT_HELPERS and not has_s):
        return not (before == "not" and any(w in _BE for w in earlier)) and not (before == "to" and has_s)
    if before in _BE or before in _HAVE:
        return False
    if before == "that" and not has_s and after in _OBJECT:
        return True
    if before in _TO_NOUN and not (before in _SINGULAR_SUBJECT and has_s):
        return False
    if before in _TO_VERB:
        return not has_s or before == "who"
    if before in _SINGULAR_SUBJECT:
        return has_s or any(w in _PRESENT_HELPERS for w in earlier)
    if after in _OBJECT:
        return True
    if not before[0].isalpha():
        return False
    if before in ("and", "or", "but"):
        return any(w in _PRESENT_HELPERS for w in earlier[:-1])
    if before.endswith(("ous", "ful", "ive", "ic", "al", "able", "less", "ent", "ary")):
        return False
    if before.endswith("ly") and after[0].isalpha():
        return after in _FUNCTION_WORDS
    # "people live in": a plural noun in front of a bare verb, a preposition behind it
    return (
        before.endswith("s")
        and not before.endswith(("ss", "'s"))
        and not has_s
        and after in _FUNCTION_WORDS - {"is", "are", "was", "were"}
    )


def _is_present(before: str, after: str, earlier: Sequence[str], words: Sequence[str]) -> bool:
    """Return True if "read" rhymes with "need": after a helper verb, as a demand or as a habit."""
    if before in _HAVE or before in _BE or any(w in _HAVE for w in earlier[-2:]):
        return False
    if before in _PRESENT_HELPERS or any(w in _PRESENT_HELPERS for w in earlier):
        return True
    if any(word in _PAST_SIGNS for word in words):
        return False
    if not before[0].isalpha():
        return after[0].isalpha()
    return before in ("i", "you", "we", "they", "always", "often", "never", "sometimes", "usually", "and")
