"""Words to syllables, whatever their language: the user's dictionary, then the language of the track or of the script."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from ..errors import LyricError
from .dictionary import UserDictionary
from .languages import Language, is_han, is_hangul, is_kana, language_for
from .languages.cmu import cmu_dictionary
from .phones import parse_phones, with_lone_stress
from .syllables import as_one_word, english_syllables, vowel_count
from .text import MAX_LYRIC_CHARACTERS, Notices, normalise, shown, words_in
from .types import Syllable

DEFAULT_LANGUAGE = "en"
_WRITTEN_IN_HAN = ("ja", "zh", "yue")


def script_of(character: str) -> str:
    """Which language a character points to: "ja" for kana, "ko" for Hangul, "zh" for Han characters, "" for all others."""
    if is_kana(character):
        return "ja"
    if is_hangul(character):
        return "ko"
    return "zh" if is_han(character) else ""


def detect_language(lyrics: Iterable[str], default: str) -> str:
    """Where most characters are Asian: Korean if most of these are Hangul, Japanese if there is any kana, else Chinese.

    Han characters alone are read in `default` if that is written with them too.
    """
    kana = han = hangul = letters = 0
    for lyric in lyrics:
        for character in lyric[:MAX_LYRIC_CHARACTERS]:
            script = script_of(character)
            kana += script == "ja"
            han += script == "zh"
            hangul += script == "ko"
            letters += not script and unicodedata.category(character)[0] == "L"
    if kana + han + hangul <= letters:
        return default
    if hangul > kana + han:
        return "ko"
    return "ja" if kana else default if default in _WRITTEN_IN_HAN else "zh"


def parts_by_script(word: str) -> tuple[str, ...]:
    """A word cut where Hangul meets letters of another script (K팝, love해); digits and marks stay with what is in front of them."""
    parts: list[str] = []
    is_hangul_before: bool | None = None
    for character in word if any(map(is_hangul, word)) else ():
        is_korean = is_hangul(character) if is_hangul(character) or character.isalpha() else is_hangul_before
        if parts and (is_hangul_before is None or is_korean == is_hangul_before):
            parts[-1] += character
        else:
            parts.append(character)
        is_hangul_before = is_korean
    return tuple(parts) or (word,)


def pronounce_english(word: str) -> list[str]:
    """ARPAbet phones of an English word, without stress digits; [] if there is nothing to pronounce."""
    pronouncer = Pronouncer("en", None, Notices())
    syllables = (syllable for part in words_in(normalise(word)) for syllable in pronouncer.word(part))
    return [phone.symbol for syllable in syllables for phone in syllable.phones if phone.language == "en"]


def is_reduced(word: str, phones: Sequence[str], index: int) -> bool:
    """Whether the vowel `phones[index]` of an English word is unstressed, as the dictionary has it for just these phones.

    `phones` come without stress digits. A word that the dictionary lacks in this form counts as stressed on its only vowel.
    """
    for variant in cmu_dictionary().variants(word):
        if [phone.rstrip("012") for phone in variant] == list(phones):
            return variant[index].endswith("0")
    return vowel_count(phones) > 1


class Pronouncer:
    """Pronounces the words of one track and notes in `notices` what was guessed."""

    def __init__(self, language: str, dictionary: UserDictionary | None, notices: Notices) -> None:
        self._dictionary = dictionary or UserDictionary()
        self._notices = notices
        self._base = language_for(language)
        if self._base is None:
            notices.add(f"There are no pronunciation rules for {shown(language)}; words are sung by English rules.")
        self.language = self._base.code if self._base else DEFAULT_LANGUAGE

    def hinted(self, word: str, hint: tuple[str, ...]) -> tuple[Syllable, ...]:
        """Syllables of phones given in brackets; () with a notice if they are not phones."""
        try:
            return english_syllables(with_lone_stress(parse_phones(hint)), word or " ".join(hint).lower())
        except LyricError as error:
            self._notices.add(f"The hint of {shown(word or ' '.join(hint))} is not used: {error}")
            return ()

    def word(self, word: str, *, wanted: int | None = None, before: str = "", after: str = "") -> tuple[Syllable, ...]:
        """Syllables of a cleaned word, if possible `wanted` of them; () with a notice if it cannot be pronounced."""
        own = self._dictionary.get(word)
        if own:
            return english_syllables(own, word)
        parts = parts_by_script(word)
        if len(parts) > 1:
            pieces = [
                self.word(part, before=before if i == 0 else parts[i - 1], after=(*parts[i + 1 :], after)[0])
                for i, part in enumerate(parts)
            ]
            return as_one_word([syllable for piece in pieces for syllable in piece], word)
        language = self._language_of(word)
        if language is None:
            self._notices.add(f"{shown(word)} is in a script without pronunciation rules.")
            return ()
        try:
            pronunciation = language.pronounce(word, wanted=wanted, before=before, after=after)
        except LyricError as error:
            if language is self._base:
                raise
            self._notices.add(str(error))
            return ()
        if pronunciation.notice:
            self._notices.add(pronunciation.notice)
        elif not pronunciation.syllables:
            self._notices.add(f"{shown(word)} cannot be pronounced.")
        return pronunciation.syllables

    def knows(self, word: str) -> bool:
        """Whether a dictionary or a rule has this word (so that it need not be guessed)."""
        if self._dictionary.get(word):
            return True
        parts = parts_by_script(word)
        if len(parts) > 1:
            return all(map(self.knows, parts))
        language = self._language_of(word)
        try:
            return language is not None and language.pronounce(word).is_known
        except LyricError:
            return False

    def _language_of(self, word: str) -> Language | None:
        scripts = {script_of(character) for character in word} - {""}
        by_script = next((script for script in ("ja", "ko", "zh") if script in scripts), DEFAULT_LANGUAGE)
        own = None if scripts and self.language == DEFAULT_LANGUAGE else self._base  # English reads the digits of 24시간 only
        for language in (own, language_for(by_script), language_for(DEFAULT_LANGUAGE)):
            if language is not None and language.accepts(word):
                return language
        return None
