"""English phones to syllables by maximal onset, and a best-effort split of the spelling to show under the notes.

Singers put as many consonants as the language allows in front of the vowel (fa-mi-ly, not fam-i-ly), so that the vowel
keeps the note. `ONSETS` are the consonant groups that CMU dictionary words begin with at least 20 times, less those that
come only from foreign names; `python -m engine.lyrics.train_g2p --onsets` prints the counts again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .types import Phone, Syllable

VOWELS = frozenset("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split())
CONSONANTS = frozenset("B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH".split())
ARPABET = VOWELS | CONSONANTS

ONSETS = frozenset(
    tuple(onset.split())
    for onset in (
        "B,CH,D,DH,F,G,HH,JH,K,L,M,N,P,R,S,SH,T,TH,V,W,Y,Z,ZH,"
        "B L,B R,B Y,D R,D W,F L,F R,F Y,G L,G R,G W,HH W,HH Y,K L,K R,K W,K Y,M Y,P L,P R,P Y,"
        "S F,S K,S L,S M,S N,S P,S T,S W,SH R,T R,T W,TH R,V Y,"
        "S K R,S K W,S K Y,S P L,S P R,S P Y,S T R"
    ).split(",")
)
# A word without a vowel (mmm, shh, psst) is carried by its most sonorous consonant.
_SONORITY = {
    phone: rank
    for rank, group in enumerate(("L R W Y", "M N NG", "V DH Z ZH", "S SH F TH HH", "JH CH B D G", "P T K"))
    for phone in group.split()
}
_VOWEL_LETTERS = re.compile(r"(?:(?<=q)u)?[aeiouy]+", re.IGNORECASE)
_CONSONANT_UNITS = re.compile(r"ch|sh|th|ph|gh|ck|ng(?=$)|qu|wh|dg|tch|(.)\1|.", re.IGNORECASE)


def plain(phone: str) -> str:
    """An ARPAbet symbol without its stress digit."""
    return phone.rstrip("012")


def is_vowel(phone: str) -> bool:
    return plain(phone) in VOWELS


def vowel_count(phones: Sequence[str]) -> int:
    return sum(map(is_vowel, phones))


def syllable_bounds(phones: Sequence[str]) -> list[tuple[int, int, int]]:
    """(start, nucleus, end) of each syllable. Phones may carry stress digits."""
    bare = [plain(phone) for phone in phones]
    nuclei = [i for i, phone in enumerate(bare) if phone in VOWELS]
    if not nuclei:
        nuclei = [min(range(len(bare)), key=lambda i: _SONORITY.get(bare[i], 9))] if bare else []
    starts = [0] + [_onset_start(bare, left, right) for left, right in zip(nuclei, nuclei[1:], strict=False)]
    return list(zip(starts, nuclei, [*starts[1:], len(bare)], strict=True)) if nuclei else []


def _onset_start(phones: Sequence[str], left: int, right: int) -> int:
    """Where the onset of nucleus `right` starts: the longest legal group after nucleus `left`."""
    for start in range(left + 1, right):
        if tuple(phones[start:right]) in ONSETS:
            return start
    return right


def english_syllables(phones: Sequence[str], word: str) -> tuple[Syllable, ...]:
    """Syllables of one English word from its ARPAbet phones, stress digits optional (a lone vowel is stressed)."""
    bounds = syllable_bounds(phones)
    texts = split_spelling(word, phones, bounds)
    has_digits = any(phone[-1].isdigit() for phone in phones)
    last = len(bounds) - 1
    return tuple(
        Syllable(
            phones=tuple(Phone("en", plain(phone)) for phone in phones[start:end]),
            nucleus=nucleus - start,
            text=texts[i],
            word=word,
            stress=_stress(phones[nucleus]) if has_digits else int(i == 0),
            is_word_start=i == 0,
            is_word_end=i == last,
        )
        for i, (start, nucleus, end) in enumerate(bounds)
    )


def _stress(vowel: str) -> int:
    return int(vowel[-1]) if vowel[-1].isdigit() else 0


def split_spelling(word: str, phones: Sequence[str], bounds: Sequence[tuple[int, int, int]]) -> list[str]:
    """The word's letters dealt out to its syllables: "beautiful" → beau, ti, ful. Joined they give the word again."""
    count = len(bounds)
    if count <= 1:
        return [word] * count
    vowels = _vowel_letter_groups(word, count)
    cuts = [0]
    for i in range(1, count):
        onset_sounds = bounds[i][1] - bounds[i][0]
        cuts.append(_spelling_cut(word, vowels[i - 1][1], vowels[i][0], onset_sounds))
    return [word[a:b] for a, b in zip(cuts, [*cuts[1:], len(word)], strict=True)]


def _vowel_letter_groups(word: str, count: int) -> list[tuple[int, int]]:
    """Spans of exactly `count` letter groups that may spell the vowels."""
    groups = [match.span() for match in _VOWEL_LETTERS.finditer(word)]
    if len(groups) > 1 and groups[0] == (0, 1) and word[0] in "yY":
        groups = groups[1:]
    while len(groups) > count:
        silent = next((i for i in range(len(groups) - 1, 0, -1) if _may_be_silent(word, groups[i])), len(groups) - 1)
        del groups[silent]
    while len(groups) < count:
        longest = max(range(len(groups)), key=lambda i: groups[i][1] - groups[i][0], default=None)
        if longest is None or groups[longest][1] - groups[longest][0] < 2:
            step = len(word) / count
            return [(round(i * step), max(round(i * step), round((i + 1) * step) - 1)) for i in range(count)]
        start, end = groups[longest]
        groups[longest : longest + 1] = [(start, (start + end + 1) // 2), ((start + end + 1) // 2, end)]
    return groups


def _may_be_silent(word: str, span: tuple[int, int]) -> bool:
    """A lone e at the end, in -es and -ed, or before a suffix (some-thing)."""
    return word[span[0] : span[1]].lower() == "e" and (span[1] >= len(word) - 1 or word[span[1]].lower() not in "rlnx")


def _spelling_cut(word: str, left_end: int, right_start: int, onset_sounds: int) -> int:
    """Where the next syllable's spelling starts: as many consonant letters before its vowel as its onset has sounds."""
    units = [match.span() for match in _CONSONANT_UNITS.finditer(word[left_end:right_start])]
    if onset_sounds == 0 or not units:
        return right_start
    start, end = units[max(0, len(units) - onset_sounds)]
    is_double = end - start == 2 and word[left_end + start] == word[left_end + start + 1]
    return left_end + start + int(is_double)
