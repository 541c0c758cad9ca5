"""Scripts of characters, words cut at a change of script, and scripts without rules."""

from __future__ import annotations

import re
import unicodedata

from engine.languages import languages_of_script

from .languages import is_han, is_hangul, is_kana

LATIN, HAN, KANA, HANGUL = "Latin", "Han", "Kana", "Hangul"
_NEUTRAL = frozenset("\u309b\u309c\u30fb\u30fc")  # marks between kana, and the mark of a long vowel
_NAME_ENDS = re.compile(
    r" (?:SMALL|CAPITAL|LETTER|SYLLABLE|SYLLABICS|CHARACTER|VOWEL|SIGN|IDEOGRAPH|INDEPENDENT|DIGIT|MODIFIER|TONE)\b"
)
_LANGUAGES_OF = {
    "Arabic": "Arabic, Persian and Urdu",
    "Armenian": "Armenian",
    "Bengali": "Bengali",
    "Bopomofo": "Mandarin; pinyin and characters can be read",
    "Cyrillic": "Russian, Ukrainian, Bulgarian and others",
    "Devanagari": "Hindi and others",
    "Georgian": "Georgian",
    "Greek": "Greek",
    "Hebrew": "Hebrew",
    "Khmer": "Khmer",
    "Tamil": "Tamil",
    "Thai": "Thai",
}


def script_of(character: str) -> str:
    """Return the script of a character as far as it points to a language: Kana, Hangul or Han; "" for all others."""
    if is_kana(character):
        return KANA
    if is_hangul(character):
        return HANGUL
    return HAN if is_han(character) else ""


def letter_script(character: str) -> str:
    """Return the script of a letter by its Unicode name, such as "Latin" or "Cyrillic"; "" for other characters."""
    if character in _NEUTRAL:
        return ""
    if known := script_of(character):
        return known
    if unicodedata.category(character)[0] != "L":
        return ""
    name = unicodedata.name(character, "unknown")
    if name.startswith(("LATIN", "FULLWIDTH LATIN", "MODIFIER LETTER", "FEMININE", "MASCULINE")):
        return LATIN
    return _NAME_ENDS.split(name, maxsplit=1)[0].title()


def scripts_in(text: str) -> set[str]:
    """Return all scripts of the letters in a text."""
    return {letter_script(character) for character in set(text)} - {""}


def parts_by_script(word: str, *, apart: bool = False) -> tuple[str, ...]:
    """Return a word cut at changes of script (K팝, 我爱you). Digits and marks stay with the part before, or lead the first part.

    Kanji and kana are one script unless `apart` is set, as for Chinese with Japanese words in it.
    """
    scripts = [letter_script(character) for character in word]
    if len(set(scripts) - {""}) < 2:
        return (word,)
    parts: list[str] = []
    before = ""
    for character, script in zip(word, scripts, strict=True):
        here = KANA if script == HAN and not apart else script
        if parts and (not here or not before or here == before):
            parts[-1] += character
        else:
            parts.append(character)
        before = here or before
    return tuple(parts)


def unreadable_script(word: str) -> str:
    """Return the name of a word's script without rules, with its languages: "Cyrillic script (Russian, …)"; else ""."""
    odd = sorted(script for script in scripts_in(word) - {LATIN} if not languages_of_script(script))
    if not odd:
        return ""
    languages = _LANGUAGES_OF.get(odd[0])
    return f"{odd[0]} script ({languages})" if languages else f"{odd[0]} script"
