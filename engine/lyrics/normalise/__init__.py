"""Spoken form of text: figures, dates, money and signs as words, one file per language, and spaces between scripts.

Text in, text out. Text without figures stays as it is, and punctuation keeps its place.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping

from engine.lyrics.languages.base import is_han, is_hangul, is_kana

from . import yue, zh
from .cut import cut_unmarked

_SPOKEN_FORMS: Mapping[str, Callable[[str], str]] = {"zh": zh.spoken_form, "yue": yue.spoken_form}
_LYRIC_MARK = re.compile(r"\+\d{0,3}|[-+~*_\u30fc\u2013\u2014]*")  # alone on a note: hold, or next syllable
_HINT = re.compile(r"(\[[^\[\]]*\])")
# Pinyin and Jyutping with their tones, whose digits are no numbers. Beside characters, one letter with a digit is no syllable (A4).
_ROMANISED = {
    "zh": r"(?:[bpmfdtnlgkhjqxrzcsyw]|[zcs]h)?[aeiouvü]{1,3}(?:ng?|r)?[1-5]",
    "yue": r"(?:[bpmfdtnlhwzcsj]|ng|[gk]w?)?(?:[aeiouy]{1,3}(?:ng|[nmptk])?|m|ng)[1-6]",
}
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")


def spoken_form(text: str, language: str) -> str:
    """Return Chinese `text` in its spoken form. Other languages have their rules elsewhere and are unchanged.

    Hints in brackets, and pinyin and Jyutping with their tones, are unchanged too.
    """
    written_out = _SPOKEN_FORMS.get(language)
    if written_out is None or _LYRIC_MARK.fullmatch(text.strip()):
        return text
    kept = _kept(language, any(map(is_han, text)))
    parts = kept.split(text)
    return "".join(part if i % 2 else apart_by_script(written_out(part), language) for i, part in enumerate(parts))


@functools.cache
def _kept(language: str, has_characters: bool) -> re.Pattern[str]:
    """Return a pattern of all unchanged parts: hints, and syllables with their tones."""
    several = "(?=[a-zü]{2})" if has_characters else ""
    syllables = rf"(?<![A-Za-z0-9])(?:{several}{_ROMANISED[language]}['-]?)+(?![A-Za-z0-9.])"
    return re.compile(rf"({_HINT.pattern[1:-1]}|{syllables})")


def apart_by_script(text: str, language: str) -> str:
    """Return text with spaces at changes of script: Taylor的 is two words. Kanji and kana are one script in Japanese; hints stay."""
    return "".join(part if i % 2 else _apart(part, language) for i, part in enumerate(_HINT.split(text)))


def _apart(text: str, language: str) -> str:
    spaced = ""
    before = ""
    for character in text:
        script = _script(character, language)
        if script and before and script != before:
            spaced += " "
        spaced += character
        before = script if script or character.isspace() else before if character.isalnum() else ""
    return spaced


def _script(character: str, language: str) -> str:
    if is_hangul(character):
        return "hangul"
    if is_han(character) or is_kana(character):
        return "kana" if is_kana(character) and language != "ja" else "han"
    return "latin" if _LATIN.match(character) else ""


__all__ = ["apart_by_script", "cut_unmarked", "spoken_form"]
