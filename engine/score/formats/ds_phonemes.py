"""Syllables of DiffSinger phoneme sequences: Mandarin initials and finals as pinyin, Japanese consonants and vowels as romaji.

A script in these languages often has pinyin or romaji as its text, which looks like English words. The phonemes tell the difference.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

SILENCES = frozenset({"AP", "SP", "rest", "pau", "sil"})
_ZH_INITIALS = frozenset("b p m f d t n l g k h j q x zh ch sh r z c s y w".split())
_ZH_FINALS = frozenset(
    "a o e ai ei ao ou an en ang eng ong er i ia ie iao iu ian in iang ing iong u ua uo uai ui uan un uang ueng ue v ve van vn".split()
)
# Finals that dictionaries tell apart though pinyin writes them alike.
_ZH_RESPELLED = {"i0": "i", "ir": "i", "ii": "i", "iii": "i", "E": "e", "En": "an", "iou": "iu", "uei": "ui", "uen": "un"}
_U_FOR_V = frozenset("jqxy")
_JA_CONSONANTS = frozenset("k ky g gy s sh z j t ty ch ts d dy n ny h hy f fy b by p py m my y r ry w v kw gw".split())
_CONSONANTS = (_ZH_INITIALS | _JA_CONSONANTS) - {"v"}  # in Mandarin a vowel
_JA_VOWELS = frozenset("aiueo")
_JA_ALONE = {"N": "n", "cl": "", "q": ""}
_PINYIN = re.compile(r"(zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?([a-zü]+?)([1-5]?)")
_LEAST_PINYIN_WORDS = 3


def spell(groups: Sequence[Sequence[str]]) -> tuple[list[str], str] | None:
    """Return groups of phonemes, one per note, as pinyin ("zh") or romaji ("ja"); None if they are phonemes of neither."""
    plain = [[phoneme.rpartition("/")[2] for phoneme in group] for group in groups]
    languages = {phoneme.rpartition("/")[0] for group in groups for phoneme in group} - {""}
    for language, spell_one in (("zh", _pinyin), ("ja", _romaji)):
        if languages <= {language}:
            spelled = [spell_one(group) for group in plain]
            if spelled and all(spelled):
                return [text for text in spelled if text], language
    return None


def group_syllables(phonemes: Sequence[str]) -> list[list[str]]:
    """Return phonemes without silences as one group per vowel. A consonant belongs to the vowel behind it."""
    groups: list[list[str]] = []
    onset: list[str] = []
    for phoneme in phonemes:
        if phoneme in SILENCES:
            continue
        onset.append(phoneme)
        if not is_consonant(phoneme):
            groups.append(onset)
            onset = []
    return [*groups, onset] if onset else groups


def is_consonant(phoneme: str) -> bool:
    """Return True if the phoneme belongs to the syllable of the next one."""
    return phoneme.rpartition("/")[2] in _CONSONANTS


def is_pinyin_syllable(word: str) -> re.Match[str] | None:
    """Return True for initial, final and tone of a syllable in pinyin."""
    match = _PINYIN.fullmatch(word)
    return match if match and match[2].replace("ü", "v") in _ZH_FINALS else None


def is_pinyin_text(words: Sequence[str]) -> bool:
    """Return True if words without phonemes are certainly pinyin: all are syllables of it, some in no other language's spelling."""
    syllables = [match for word in words if (match := is_pinyin_syllable(word))]
    sure = [match for match in syllables if match[1] in ("q", "x", "zh") or match[3]]
    return len(syllables) == len(words) >= _LEAST_PINYIN_WORDS and bool(sure)


def _pinyin(phonemes: Sequence[str]) -> str | None:
    *initial, final = phonemes or [""]
    final = _ZH_RESPELLED.get(final, final)
    if final not in _ZH_FINALS or len(initial) > 1 or not _ZH_INITIALS.issuperset(initial):
        return None
    if initial and initial[0] in _U_FOR_V and final.startswith("v"):
        final = f"u{final[1:]}"
    return "".join(initial) + final


def _romaji(phonemes: Sequence[str]) -> str | None:
    text = ""
    is_open = True  # a vowel may follow
    for phoneme in phonemes:
        if phoneme in _JA_ALONE:
            text += _JA_ALONE[phoneme]
        elif phoneme in _JA_VOWELS:
            text += phoneme
            is_open = True
        elif phoneme in _JA_CONSONANTS:
            text += phoneme
            is_open = False
        else:
            return None
    return text if text and is_open else None
