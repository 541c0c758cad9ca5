"""English words with endings, and clipped words, by their known stems or full forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from engine.lyrics.syllables import ONSETS, is_vowel, plain, vowel_count

from .english_words import Phones, Variants, guess, look_up

_SIBILANTS = frozenset("S Z SH ZH CH JH".split())
_VOICELESS = frozenset("P T K F TH".split())


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


# (ending, its replacements that give the stem, change of the stem's phones)
_ENDINGS: tuple[tuple[str, tuple[str, ...], Callable[[Phones], Phones]], ...] = (
    ("in'", ("ing",), _dropped_g),
    ("in", ("ing",), _dropped_g),
    ("'s", ("",), _plural),
    ("s'", ("s",), _adding()),
    ("s'", ("",), _plural),
    ("'d", ("", "e"), _past),
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


def with_ending(word: str, depth: int = 2) -> Variants:
    """Add the ending to a known stem: hustlin' → hustling, yeeted → yeet + T."""
    for ending, replacements, change in _ENDINGS:
        if not word.endswith(ending):
            continue
        for stem in stems(word[: -len(ending)], ending, replacements):
            known = look_up(stem) or (with_ending(stem, depth - 1) if depth > 1 else ())
            if known:
                return tuple(change(phones) for phones in known)
    return ()


def stems(base: str, ending: str, replacements: tuple[str, ...]) -> Iterator[str]:
    """Yield the possible stems of `base`, a word without `ending`: with each replacement, and without a doubled consonant."""
    if len(base) < _MIN_STEM_LETTERS:
        return
    yield from (base + replacement for replacement in replacements)
    is_doubled = len(base) > _MIN_STEM_LETTERS and base[-1] == base[-2] and base[-1] not in "aeiou'"
    if is_doubled and ending[0] in "aeiouy" and ending not in ("in", "in'"):
        yield base[:-1]


# ---- clipped words ---------------------------------------------------------------------------------------------------

# Letters before an apostrophe are not read by their names: s'more, g'day, j'ai.
_CLIPPED = {
    **dict.fromkeys("bdfklmnprstvz", ""), "c": "S", "g": "G", "h": "HH", "j": "ZH", "q": "K", "qu": "K", "w": "W", "y": "Y", "x": "Z",
    "th": "DH", "sh": "SH", "ch": "CH", "wh": "W", "ph": "F", "tw": "T W", "wi": "W IH0", "o": "OW0", "e": "IY0", "a": "AH0", "i": "IH0",
}  # fmt: skip
_MISSING_LETTERS = ("e", "o", "v", "i", "a", "u", "ve", "ou", "ev", "of ", "th", "h")
_TAILS_OF_THEIR_OWN = frozenset(("s", "d", "ll", "ve", "re", "m", "t"))  # contractions that `_ENDINGS` knows
_SONORANTS = frozenset("R L N M".split())


def join_clipped(word: str) -> Variants:
    """Join a clipped beginning to the word behind it: in one onset if English has it (s'more), else with a short vowel (g'day)."""
    head, apostrophe, rest = word.partition("'")
    if not apostrophe or head not in _CLIPPED or not rest.strip("'") or "'" in rest.rstrip("'"):
        return ()
    known = look_up(rest) or with_ending(rest) or (guess(rest) if len(rest) > 1 else ())
    consonants = tuple((_CLIPPED[head] or head.upper()).split())
    return tuple(_with_head(consonants, phones) for phones in known)


def _with_head(head: Phones, rest: Phones) -> Phones:
    first_vowel = next((i for i, phone in enumerate(rest) if is_vowel(phone)), 0)
    is_sayable = is_vowel(head[-1]) or not first_vowel or (*head, *rest[:first_vowel]) in ONSETS
    return (*head, *rest) if is_sayable else (*head, "AH0", *rest)


def restore_letters(word: str) -> Variants:
    """Find the full word of one with letters left out inside or in front, and drop the vowel of these letters (wand'ring, 'neath)."""
    bare = word.strip("'")
    if word.startswith("'") and (known := look_up(bare) or whole_of(bare)):
        return known
    head, apostrophe, tail = bare.partition("'")
    if (
        not apostrophe
        or len(head) < 2
        or head in _CLIPPED
        or not tail
        or tail in _TAILS_OF_THEIR_OWN
        or (head.endswith("n") and tail == "t")
    ):
        return ()
    for find in (look_up, with_ending):
        for letters in _MISSING_LETTERS:
            if full := find(head + letters + tail):
                shorten = _close_syllable if tail in ("n", "r") else _without_weak_vowel
                short = [shorten(phones) for phones in full if shorten(phones) != phones]
                return (*full, *short) if tail in ("n", "r") else (*short, *full)
    return look_up(head + tail) or with_ending(head + tail)


def _close_syllable(phones: Phones) -> Phones:
    """Make the last syllable a consonant of the one before: heav'n, pow'r."""
    if phones[-2:] == ("AH0", "N"):
        return (*phones[:-2], "N")
    return (*phones[:-1], "R") if phones[-1] == "ER0" and len(phones) > 2 and is_vowel(phones[-2]) else phones


def whole_of(tail: str) -> Variants:
    """Find a word whose unstressed beginning is left out: 'gainst of against, 'mongst of amongst."""
    for prefix in ("a", "be", "un", "re", "de", "to", "en", "im"):
        for phones in look_up(prefix + tail):
            first = next((i for i, phone in enumerate(phones) if is_vowel(phone)), 0)
            if phones[first].endswith("0") and vowel_count(phones) > 1:
                return (phones[first + 1 :],)
    return ()


def _without_weak_vowel(phones: Phones) -> Phones:
    """Drop the last weak vowel before a sonorant and a vowel (listening → list'ning); ER becomes R before a vowel."""
    for i in range(len(phones) - 2, 0, -1):
        following = phones[i + 1]
        if phones[i] == "ER0" and is_vowel(following):
            return (*phones[:i], "R", *phones[i + 1 :])
        is_between = following in _SONORANTS and i + 2 < len(phones) and is_vowel(phones[i + 2])
        if phones[i] in ("AH0", "IH0") and is_between:
            return (*phones[:i], *phones[i + 1 :])
    return phones
