"""Syllables of a word that is written in pieces, in any language, and vowels for pieces without one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .languages import language_for
from .languages.english import with_sounded_ending
from .languages.g2p import guess_phones
from .pronounce import DEFAULT_LANGUAGE, Pronouncer
from .syllables import as_one_word, english_syllables, is_vowel, plain
from .types import Phone
from .written import Gap, Groups, fit_to_pieces, has_weak_ending

_OPEN_E = frozenset(("it", "es", "la", "pt", "ca", "ro"))  # languages whose weak e is no schwa, for words read by English rules
_LETTER_VOWELS = {"a": "AA", "e": "EH", "i": "IY", "o": "OW", "u": "UW", "y": "IY"}
_FOREIGN_LETTER = re.compile("[\u00c0-\uffff](?!d$)")  # wing-\u00e8d is English
_SHORT_I_ENDING = re.compile(r"e(?:d|s|st|th|ds|dst)")


def in_pieces(
    pronouncer: Pronouncer,
    pieces: Sequence[str],
    *,
    rooms: Sequence[int],
    before: str = "",
    after: str = "",
    wanted: int | None = None,
) -> Groups:
    """Return the syllables of each piece of a word, one or more for each; [] if the word cannot be pronounced.

    `rooms`: number of notes of each piece; `wanted`: preferred number of syllables, None for the usual number.
    """
    word = "".join(pieces)
    if len(pieces) > 1 and not pronouncer.knows(word) and all(map(pronouncer.knows, pieces)):
        return _one_by_one(pronouncer, pieces, word)
    syllables = pronouncer.word(word, wanted=wanted, before=before, after=after)
    if not syllables:
        return []
    language = syllables[0].vowel.language
    is_english = False
    if len(syllables) < len(pieces):
        rules = language_for(language)
        if rules is not None and rules.is_syllabic and all(map(pronouncer.knows, pieces)):
            return _one_by_one(pronouncer, pieces, word)
        is_plain = not pronouncer.is_own(word) and _FOREIGN_LETTER.search(word) is None
        is_english = language == pronouncer.asked == DEFAULT_LANGUAGE and is_plain
        sounded = with_sounded_ending(word, len(pieces)) if is_english else ()
        syllables = english_syllables(sounded, word) if sounded else syllables
        is_english = is_english and pronouncer.knows(word)
    return fit_to_pieces(syllables, pieces, rooms, lambda gap: _vowel_for(gap, pronouncer.asked, is_english=is_english))


def _one_by_one(pronouncer: Pronouncer, pieces: Sequence[str], word: str) -> Groups:
    """Pronounce each piece as a separate word."""
    groups = [pronouncer.word(piece, wanted=1) for piece in pieces]
    flat = as_one_word([syllable for group in groups for syllable in group], word)
    result: Groups = []
    for group in groups:
        result.append(flat[: len(group)])
        flat = flat[len(group) :]
    return result


def _vowel_for(gap: Gap, asked: str, *, is_english: bool) -> Phone | None:
    """Return the vowel of a piece without a vowel in its word's pronunciation; None if no rule applies. `is_english`: a known English word."""
    is_weak = not gap.letter or (gap.accented in ("e", "\u00eb") and has_weak_ending(gap.piece))
    if gap.language == DEFAULT_LANGUAGE:
        return Phone(DEFAULT_LANGUAGE, _english_vowel(gap, asked, is_weak, is_english))
    language = language_for(gap.language)
    if language is None:
        return None
    sample = language.weak_e_word if is_weak else ""
    if sample and (syllables := language.pronounce(sample).syllables):
        return syllables[-1].vowel
    syllables = language.pronounce(gap.piece).syllables if language.accepts(gap.piece) else ()
    return syllables[0].vowel if syllables else None


def _english_vowel(gap: Gap, asked: str, is_weak: bool, is_english: bool) -> str:
    if is_weak:
        if gap.letter and is_english and gap.is_last and _SHORT_I_ENDING.search(gap.piece):
            return "IH"
        return "EH" if gap.letter and asked in _OPEN_E else "AH"
    if asked == DEFAULT_LANGUAGE and gap.accented == gap.letter:
        vowels = [plain(phone) for phone in guess_phones(gap.piece) if is_vowel(phone)]
        if vowels:
            return vowels[0]
    return "EY" if gap.accented == "\u00e9" else _LETTER_VOWELS.get(gap.letter, "AH")
