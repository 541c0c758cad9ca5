"""One or more syllables for each piece of a word that is written in pieces ("bless-" "ed"), whatever its pronunciation.

More syllables than pieces are divided by their spelling, and a piece that is spelled as one syllable is contracted to one if its sounds
allow it. With fewer syllables, each piece without a vowel gets one between the consonants that its letters divide.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from engine.errors import LyricError

from .mapping import to_english_phones
from .spelling import letters_of_phones
from .syllables import ONSETS, VOWELS
from .types import Phone, Syllable

Groups = list[tuple[Syllable, ...]]  # the syllables of each piece

_VOWEL_LETTERS = "aeiouyåæøœı"
_VOWEL_RUN = re.compile(f"[{_VOWEL_LETTERS}]+")
_SINGLE_LETTERS = {"ß": "s", "ł": "l", "đ": "d", "ð": "d", "þ": "t"}
# Endings whose e is weak: German, French, Italian and English ones alike.
_WEAK_ENDING = re.compile(r"e(?:s|n|nt|nd|ns|r|rs|rn|t|ts|d|st|th|m|l|ln|ls)?[^a-z]*")
_GLIDES = {"IY": "Y", "IH": "Y", "UW": "W", "UH": "W"}
_WEAK_COST = 1.5  # in letters
_AFTER_LOST_VOWEL = frozenset("LRNMWY")


@dataclass(frozen=True, slots=True)
class Gap:
    """A written piece without a vowel in the pronunciation; input for the choice of one."""

    piece: str  # in plain lower-case letters
    is_last: bool
    letter: str  # its first vowel letter, "" if it has none
    accented: str  # the same letter as it is written
    language: str  # of the phones


Chooser = Callable[[Gap], Phone | None]  # None = the vowel next to it


@dataclass(frozen=True, slots=True)
class _Sound:
    """A phone with the facts that decide about its place."""

    phone: Phone
    english: str  # nearest ARPAbet symbol
    letter: int  # index of its first letter in the word
    nucleus_of: Syllable | None = None


def vowel_runs(piece: str) -> int:
    """Return the apparent number of syllables of a spelling."""
    return len(_VOWEL_RUN.findall(plain_letters(piece)))


def has_weak_ending(piece: str) -> bool:
    """Return True if only an inflection follows the first e of a piece in plain letters: "be", "ves", "ment"."""
    return _WEAK_ENDING.fullmatch(piece[max(piece.find("e"), 0) :]) is not None


def plain_letters(word: str) -> str:
    """Return lower case letters without accents, one for each character of `word`."""
    return "".join(_plain_letter(character) for character in word)


def _plain_letter(character: str) -> str:
    base = unicodedata.normalize("NFD", character.lower())[:1]
    return _SINGLE_LETTERS.get(base, base or character)


def fit_to_pieces(syllables: Sequence[Syllable], pieces: Sequence[str], rooms: Sequence[int], vowel: Chooser) -> Groups:
    """Return the syllables of each piece of a word, at least one for each. `rooms`: notes of each piece; `vowel`: choice of vowels to add.

    A word with as many syllables as pieces keeps its syllables.
    """
    if len(syllables) == len(pieces):
        return [(syllable,) for syllable in syllables]
    if len(syllables) > len(pieces):
        return _divide(syllables, pieces, rooms)
    return [(syllable,) for syllable in _insert_vowels(syllables, pieces, vowel)]


# ---- more syllables than pieces --------------------------------------------------------------------------------------


def _divide(syllables: Sequence[Syllable], pieces: Sequence[str], rooms: Sequence[int]) -> Groups:
    ends = [*accumulate(len(piece) for piece in pieces)]
    at = [0, *accumulate(len(syllable.text) for syllable in syllables)]
    starts = [0, *_nearest_rising([*ends[:-1]], at, len(syllables)), len(syllables)]
    groups = [tuple(syllables[a:b]) for a, b in pairwise(starts)]
    if len(pieces) == 1:
        return groups
    return [
        _contract(group) if len(group) > max(room, vowel_runs(piece), 1) else group
        for group, piece, room in zip(groups, pieces, rooms, strict=True)
    ]


def _nearest_rising(wanted: Sequence[int], at: Sequence[int], count: int) -> list[int]:
    """Return a syllable for each wanted letter, strictly rising from 1 on, that starts as near to it as the others allow."""
    size = len(wanted)
    if not size:
        return []
    best: list[list[tuple[float, int]]] = []  # [wanted][syllable]: cost so far, syllable before
    for row, letter in enumerate(wanted):
        costs: list[tuple[float, int]] = []
        lowest, lowest_at = (0.0, 0) if row == 0 else (float("inf"), 0)
        for syllable in range(count):
            if row and syllable and best[row - 1][syllable - 1][0] < lowest:
                lowest, lowest_at = best[row - 1][syllable - 1][0], syllable - 1
            is_possible = row < syllable <= count - (size - row)
            costs.append((lowest + abs(at[syllable] - letter), lowest_at) if is_possible else (float("inf"), 0))
        best.append(costs)
    chosen = [min(range(count), key=lambda syllable: best[-1][syllable][0])]
    for row in range(size - 1, 0, -1):
        chosen.append(best[row][chosen[-1]][1])
    return chosen[::-1]


def _contract(group: Sequence[Syllable]) -> tuple[Syllable, ...]:
    """Return one syllable instead of two as in singing: glo-ria with a glide, fam-'ly without its weak vowel."""
    result = [group[0]]
    for syllable in group[1:]:
        before = result[-1]
        joined = _join(before, syllable)
        if joined is None:
            result.append(syllable)
        else:
            result[-1] = joined
    return tuple(result)


def _join(first: Syllable, second: Syllable) -> Syllable | None:
    if any(phone.language != "en" for phone in (*first.phones, *second.phones)) or first.coda or first.stress == 1:
        return None
    vowel = first.vowel.symbol
    if (
        not second.onset
        and vowel in _GLIDES
        and len(first.onset) < 2
        and {phone.symbol for phone in first.onset}.isdisjoint("YW")
    ):
        between: tuple[Phone, ...] = (Phone("en", _GLIDES[vowel]),)
    elif vowel in ("AH", "IH", "ER") and second.onset and second.onset[0].symbol in _AFTER_LOST_VOWEL and first.onset:
        between = (Phone("en", "R"),) if vowel == "ER" else ()
    else:
        return None
    phones = (*first.onset, *between, *second.phones)
    nucleus = len(first.onset) + len(between) + second.nucleus
    return replace(second, phones=phones, nucleus=nucleus, text=first.text + second.text, is_word_start=first.is_word_start)


# ---- fewer syllables than pieces -------------------------------------------------------------------------------------


def _insert_vowels(syllables: Sequence[Syllable], pieces: Sequence[str], vowel: Chooser) -> list[Syllable]:
    written = "".join(pieces).lower()
    word = plain_letters(written)
    sounds = _sounds(syllables, word)
    bounds = [0, *accumulate(len(piece) for piece in pieces)]
    spans = [*pairwise(bounds)]
    nuclei = [i for i, sound in enumerate(sounds) if sound.nucleus_of is not None]
    owner = _owners([sounds[i].letter for i in nuclei], spans, [*map(_is_lone_e, pieces)])  # the piece of each nucleus
    nucleus_of: dict[int, int] = dict(zip(owner, nuclei, strict=True))
    anchors = [_vowel_letter(word, span) for span in spans]
    result: list[tuple[_Sound, int | None]] = [(sound, None) for sound in sounds]  # (sound, piece whose nucleus it is)
    for piece, i in nucleus_of.items():
        result[i] = (sounds[i], piece)
    for piece in range(len(pieces)):
        if piece not in nucleus_of:
            _insert(result, piece, anchors, spans, written, vowel)
    return _syllables_of(result, syllables, pieces)


def _sounds(syllables: Sequence[Syllable], word: str) -> list[_Sound]:
    phones = [
        (phone, _english(phone), syllable if i == syllable.nucleus else None)
        for syllable in syllables
        for i, phone in enumerate(syllable.phones)
    ]
    letters = letters_of_phones(word, [english for _, english, _ in phones])
    return [
        _Sound(phone, english, letter - _is_late_er(english, word, letter), of)
        for (phone, english, of), letter in zip(phones, letters, strict=True)
    ]


def _is_late_er(english: str, word: str, letter: int) -> bool:
    """Return True for ER at its r. ER belongs to the vowel letter before."""
    return english == "ER" and letter > 0 and word[letter] == "r" and word[letter - 1] in _VOWEL_LETTERS


def _english(phone: Phone) -> str:
    """Return the nearest English phone; the symbol's first letter in capitals if its language has no table."""
    if phone.language == "en":
        return phone.symbol
    try:
        symbols = [english.symbol for english in to_english_phones(Syllable((phone,), 0, "")).phones]
    except LyricError:
        symbols = [phone.symbol[:1].upper()]
    return next((symbol for symbol in symbols if symbol in VOWELS), next(iter(symbols), ""))


def _is_lone_e(piece: str) -> bool:
    """Return True for a piece that is only a weak e (fé-e, joi-es): the word's last vowel belongs to the piece before."""
    return piece[:1].lower() == "e" and len(piece) < 3 and has_weak_ending(plain_letters(piece))


def _owners(letters: Sequence[int], spans: Sequence[tuple[int, int]], is_weak: Sequence[bool]) -> list[int]:
    """Return the piece that contains each nucleus, or the nearest free piece that is not weak; rising."""
    count, size = len(letters), len(spans)
    infinite = float("inf")
    best = [[0.0] * (size + 1)] + [[infinite] * (size + 1) for _ in letters]
    for i, letter in enumerate(letters, start=1):
        for piece in range(1, size + 1):
            first, end = spans[piece - 1]
            away = max(first - letter, letter - end + 1, 0) + _WEAK_COST * is_weak[piece - 1]
            best[i][piece] = min(best[i][piece - 1], best[i - 1][piece - 1] + away)
    chosen: list[int] = []
    i, piece = count, size
    while i:
        if best[i][piece] == best[i][piece - 1]:
            piece -= 1
            continue
        i, piece = i - 1, piece - 1
        chosen.append(piece)
    return chosen[::-1]


def _vowel_letter(word: str, span: tuple[int, int]) -> int:
    """Return the index of the first vowel letter of a piece (not the u of qu and gue, nor the y of ye); of its last letter without one."""
    for i in range(*span):
        following = word[i + 1] if i + 1 < span[1] else ""
        is_mute = (
            word[i] == "u"
            and i > span[0]
            and ((word[i - 1] == "q" and following) or (word[i - 1] == "g" and following in "ei"))
        )
        is_glide = word[i] == "y" and following in _VOWEL_LETTERS
        if word[i] in _VOWEL_LETTERS and not (following and (is_mute or is_glide)):
            return i
    return max(span[0], span[1] - 1)


def _insert(
    result: list[tuple[_Sound, int | None]],
    piece: int,
    anchors: Sequence[int],
    spans: Sequence[tuple[int, int]],
    written: str,
    vowel: Chooser,
) -> None:
    """Insert the vowel of one piece between the nuclei of the pieces around it."""
    word = plain_letters(written)
    before = max((i for i, (_, of) in enumerate(result) if of is not None and of < piece), default=-1)
    after = min((i for i, (_, of) in enumerate(result) if of is not None and of > piece), default=len(result))
    at = before + 1
    next_vowel = result[after][0].letter if after < len(result) else len(word)
    behind = sum(c.isalpha() and c not in _VOWEL_LETTERS for c in word[anchors[piece] + 1 : next_vowel])
    while at < after and (result[at][0].letter < anchors[piece] or after - at > behind):
        at += 1
    language = result[0][0].phone.language
    letters = word[slice(*spans[piece])]
    has_vowel = word[anchors[piece] : anchors[piece] + 1] in tuple(_VOWEL_LETTERS)
    near = _neighbour(result, piece, anchors, written, before, after)
    chosen = near
    if near is None:
        letter, accented = (word[anchors[piece]], written[anchors[piece]]) if has_vowel else ("", "")
        gap = Gap(letters, piece == len(spans) - 1, letter, accented, language)
        chosen = vowel(gap) or result[before if before >= 0 else after][0].phone
    assert chosen is not None
    sound = _Sound(chosen, _english(chosen), anchors[piece])
    if language == "en" and chosen.symbol == "AH" and has_vowel and at < after and result[at][0].english == "R":
        follows = result[at + 1][1] if at + 1 < len(result) else None
        if follows is None:  # an R in the coda forms one sound with its vowel
            sound = replace(sound, phone=Phone("en", "ER"), english="ER")
            del result[at]
    result.insert(at, (sound, piece))
    if language == "en" and letters[:1] == "r" and at == before + 1 and before >= 0 and result[before][0].phone.symbol == "ER":
        result.insert(at, (_Sound(Phone("en", "R"), "R", spans[piece][0]), None))  # schwe-re: the R sounds twice
    if language == "en" and letters.endswith("ed") and at == len(result) - 2 and result[-1][0].phone.symbol == "T":
        result[-1] = (replace(result[-1][0], phone=Phone("en", "D"), english="D"), None)


def _neighbour(
    result: Sequence[tuple[_Sound, int | None]], piece: int, anchors: Sequence[int], written: str, before: int, after: int
) -> Phone | None:
    """Return the vowel next to a piece that repeats its letter ("lo-o-ove"); else None."""
    for i in (before, after):
        if not 0 <= i < len(result):
            continue
        of = result[i][1]
        first, last = sorted((anchors[piece], anchors[of if of is not None else piece]))
        if first < last and len(set(written[first : last + 1])) == 1:
            return result[i][0].phone
    return None


def _syllables_of(
    sounds: Sequence[tuple[_Sound, int | None]], syllables: Sequence[Syllable], pieces: Sequence[str]
) -> list[Syllable]:
    """Return syllables of sounds with one nucleus for each piece. Onsets are as long as those of English words."""
    nuclei = [i for i, (_, piece) in enumerate(sounds) if piece is not None]
    starts = [0]
    for left, right in pairwise(nuclei):
        cluster = [sound.english for sound, _ in sounds[left + 1 : right]]
        start = next((i for i in range(len(cluster)) if tuple(cluster[i:]) in ONSETS), len(cluster))
        starts.append(left + 1 + start)
    ends = [*starts[1:], len(sounds)]
    first = syllables[0]
    result = []
    for number, (start, nucleus, end) in enumerate(zip(starts, nuclei, ends, strict=True)):
        of = sounds[nucleus][0].nucleus_of
        result.append(
            Syllable(
                phones=tuple(sound.phone for sound, _ in sounds[start:end]),
                nucleus=nucleus - start,
                text=pieces[number],
                word=first.word,
                stress=of.stress if of else 0,
                tone=of.tone if of else 0,
                is_word_start=number == 0,
                is_word_end=number == len(pieces) - 1,
            )
        )
    return result
