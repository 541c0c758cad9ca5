"""English phones to syllables by maximal onset.

As many consonants as the language allows precede the vowel (fa-mi-ly, not fam-i-ly), so that the vowel keeps the note. `ONSETS` are the
consonant groups at the start of at least 20 words of the CMU dictionary, without those of foreign names only; `python -m research.train_g2p
--onsets` prints the counts.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from .spelling import split_spelling
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


def plain(phone: str) -> str:
    """Return an ARPAbet symbol without its stress digit."""
    return phone.rstrip("012")


def is_vowel(phone: str) -> bool:
    """Return True for the symbol of a vowel, with or without its stress digit."""
    return plain(phone) in VOWELS


def vowel_count(phones: Sequence[str]) -> int:
    """Return the number of vowels."""
    return sum(map(is_vowel, phones))


def syllable_bounds(phones: Sequence[str]) -> list[tuple[int, int, int]]:
    """Return (start, nucleus, end) of each syllable. Phones may carry stress digits."""
    bare = [plain(phone) for phone in phones]
    nuclei = [i for i, phone in enumerate(bare) if phone in VOWELS]
    if not nuclei:
        nuclei = [min(range(len(bare)), key=lambda i: _SONORITY.get(bare[i], 9))] if bare else []
    starts = [0] + [_onset_start(bare, left, right) for left, right in itertools.pairwise(nuclei)]
    return list(zip(starts, nuclei, [*starts[1:], len(bare)], strict=True)) if nuclei else []


def _onset_start(phones: Sequence[str], left: int, right: int) -> int:
    """Return the start of the onset of nucleus `right`: the longest legal group after nucleus `left`."""
    for start in range(left + 1, right):
        if tuple(phones[start:right]) in ONSETS:
            return start
    return right


def english_syllables(phones: Sequence[str], word: str, spelling: str = "") -> tuple[Syllable, ...]:
    """Return syllables of one word from its ARPAbet phones (vowels with stress digits). `spelling` is for display if it is not the word."""
    bounds = syllable_bounds(phones)
    bare = [plain(phone) for phone in phones]
    texts = split_spelling(spelling or word, bare, [start for start, _, _ in bounds])
    last = len(bounds) - 1
    return tuple(
        Syllable(
            phones=tuple(Phone("en", phone) for phone in bare[start:end]),
            nucleus=nucleus - start,
            text=texts[i],
            word=word,
            stress=_stress(phones[nucleus]),
            is_word_start=i == 0,
            is_word_end=i == last,
        )
        for i, (start, nucleus, end) in enumerate(bounds)
    )


def as_one_word(syllables: Sequence[Syllable], text: str) -> tuple[Syllable, ...]:
    """Return syllables of pieces as those of one word. `text` is the word, by default the words of the pieces."""
    last = len(syllables) - 1
    return tuple(
        replace(syllable, word=text or syllable.word, is_word_start=i == 0, is_word_end=i == last)
        for i, syllable in enumerate(syllables)
    )


def emphasise(syllables: Sequence[Syllable]) -> tuple[Syllable, ...]:
    """Return a word with its emphasis on the stressed syllable, on the first one if none is."""
    place = next((i for i, syllable in enumerate(syllables) if syllable.stress == 1), 0)
    return tuple(
        replace(syllable, is_emphasised=True, stress=1) if i == place else syllable for i, syllable in enumerate(syllables)
    )


def _stress(vowel: str) -> int:
    return int(vowel[-1]) if vowel[-1].isdigit() else 0
