"""Letters of each syllable of an English word, for display under the notes: beau-ti-ful, eve-ry-thing.

Letters are aligned with phones at the least cost; each letter takes none, one or two phones. The table holds the usual phones of each
letter; all others are possible at a higher cost, so that every word can be split.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

_VOWELS = "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW"
_SOUNDS = {
    letter: frozenset(sounds.split())
    for letter, sounds in {
        **dict.fromkeys("aeiou", _VOWELS),
        "b": "B",
        "c": "K S CH SH",
        "d": "D JH T",
        "f": "F V",
        "g": "G JH ZH F",
        "h": "HH",
        "j": "JH Y HH ZH",
        "k": "K",
        "l": "L",
        "m": "M",
        "n": "N NG",
        "p": "P F",
        "q": "K",
        "r": "R ER",
        "s": "S Z SH ZH",
        "t": "T TH DH CH SH",
        "v": "V",
        "w": "W V AW UW OW",
        "x": "K G Z",
        "y": f"Y {_VOWELS}",
        "z": "Z S T ZH",
    }.items()
}
_PAIRS = {
    ("x", "K", "S"),
    ("x", "G", "Z"),
    ("u", "Y", "UW"),
    ("u", "Y", "UH"),
    ("u", "Y", "AH"),
    ("o", "W", "AH"),
    ("i", "AY", "AH"),
    ("m", "AH", "M"),
    ("l", "AH", "L"),
    ("n", "AH", "N"),
}
_SILENT_VOWEL, _SILENT_CONSONANT, _PAIR, _ODD_PAIR, _ODD = 0.8, 1.0, 0.3, 3.0, 2.5
_SILENT_DOUBLE = 0.4  # the first of two equal letters
_MAX_CELLS = 10_000


def split_spelling(word: str, phones: Sequence[str], onsets: Sequence[int]) -> list[str]:
    """Return pieces of `word`, one per syllable. `onsets` are the indices of the phones (no stress digits) that start the syllables."""
    if len(onsets) < 2:
        return [word] * len(onsets)
    letter_of = letters_of_phones(word.lower(), phones)
    cuts = [0, *(letter_of[onset] for onset in onsets[1:]), len(word)]
    return [word[a:b] for a, b in itertools.pairwise(cuts)]


def letters_of_phones(word: str, phones: Sequence[str]) -> list[int]:
    """Return the index of the first letter of each phone."""
    if len(word) * len(phones) > _MAX_CELLS or 2 * len(word) < len(phones):
        return [i * len(word) // len(phones) for i in range(len(phones))]
    best = [0.0] + [float("inf")] * len(phones)  # cost of the letters so far against the first j phones
    taken: list[list[int]] = []  # phones taken by each letter on the best way to j phones
    for i, letter in enumerate(word):
        options = [
            (
                best[j] + _silent_cost(word, i),
                best[j - 1] + _cost(letter, phones[j - 1]) if j else float("inf"),
                best[j - 2] + _pair_cost(letter, phones[j - 2], phones[j - 1]) if j > 1 else float("inf"),
            )
            for j in range(len(phones) + 1)
        ]
        best = [min(option) for option in options]
        taken.append([option.index(cost) for option, cost in zip(options, best, strict=True)])
    return _trace_back(taken, len(phones))


def _trace_back(taken: Sequence[Sequence[int]], phones: int) -> list[int]:
    letter_of = [0] * phones
    for i in range(len(taken) - 1, -1, -1):
        for _ in range(taken[i][phones]):
            phones -= 1
            letter_of[phones] = i
    return letter_of


def _silent_cost(word: str, i: int) -> float:
    if i + 1 < len(word) and word[i] == word[i + 1]:
        return _SILENT_DOUBLE
    return _SILENT_VOWEL if word[i] in "aeiouyhw" else _SILENT_CONSONANT if word[i].isalpha() else 0.0


def _cost(letter: str, phone: str) -> float:
    return 0.0 if phone in _SOUNDS.get(letter, ()) else _ODD


def _pair_cost(letter: str, first: str, second: str) -> float:
    return _PAIR if (letter, first, second) in _PAIRS else _ODD_PAIR
