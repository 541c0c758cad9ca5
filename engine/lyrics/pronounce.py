"""Words to syllables in any language: by the user's dictionary, else by the language of the script or of the line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace

from engine.errors import LyricError
from engine.languages import LANGUAGES, language_name, languages_of_script

from .dictionary import UserDictionary
from .languages import Language, language_for
from .languages.cmu import cmu_dictionary
from .languages.english import letter_phones
from .languages.japanese import has_readings
from .phones import is_arpabet, parse_phones, with_lone_stress
from .scripts import HAN, HANGUL, KANA, LATIN, letter_script, parts_by_script, script_of, scripts_in, unreadable_script
from .syllables import as_one_word, english_syllables, vowel_count
from .text import MAX_LYRIC_CHARACTERS, Notices, normalise, quote, words_in
from .types import Syllable

DEFAULT_LANGUAGE = "en"
_MARKS_ALONE = frozenset("っッ")  # hold marks if alone on a note


def detect_language(lyrics: Iterable[str], default: str) -> str:
    """Return the language of Asian text by its characters: Korean for Hangul, Japanese for kana, else Chinese; else `default`.

    Han characters are read in `default` if it is written with them, also beside katakana, which are foreign words in Chinese text; only
    more hiragana than Han characters make the text Japanese.
    """
    kana = hiragana = han = hangul = letters = 0
    for lyric in lyrics:
        for character in lyric[:MAX_LYRIC_CHARACTERS]:
            script = script_of(character)
            kana += script == KANA
            hiragana += "\u3041" <= character <= "\u309f"
            han += script == HAN
            hangul += script == HANGUL
            letters += not script and unicodedata.category(character)[0] == "L"
    if kana + han + hangul <= letters:
        return default
    if hangul > kana + han:
        return "ko"
    if default in languages_of_script(HAN) and han and hiragana <= han:
        return default
    return "ja" if kana else "zh"


def pronounce_english(word: str) -> list[str]:
    """Return ARPAbet phones of an English word, without stress digits; [] if there is nothing to pronounce."""
    pronouncer = Pronouncer("en", None, Notices())
    syllables = (syllable for part in words_in(normalise(word)) for syllable in pronouncer.word(part))
    return [phone.symbol for syllable in syllables for phone in syllable.phones if phone.language == "en"]


def is_reduced(word: str, phones: Sequence[str], index: int) -> bool:
    """Return True if the vowel `phones[index]` of an English word is unstressed in the dictionary's entry with these phones.

    `phones` have no stress digits. A word without such an entry counts as stressed on its only vowel.
    """
    for variant in cmu_dictionary().variants(word):
        if [phone.rstrip("012") for phone in variant] == list(phones):
            return variant[index].endswith("0")
    return vowel_count(phones) > 1


class Pronouncer:
    """Pronounces the words of one track or text and reports guesses in `notices`.

    `written` is all text of it: Latin letters beside kana are English words rather than romaji, and Han characters beside kana are kanji.
    """

    def __init__(
        self, language: str, dictionary: UserDictionary | None, notices: Notices, written: Iterable[str] | None = None
    ) -> None:
        self.asked = language.lower().replace("_", "-").split("-")[0]  # also where there are no rules for it
        self._dictionary = dictionary or UserDictionary()
        self._notices = notices
        base = language_for(language)
        if base is None:
            known = ", ".join(LANGUAGES)
            notices.add(
                f"There are no pronunciation rules for {language_name(language)}; its words are read by English rules. "
                f"Languages with rules: {known}."
            )
        elif base.missing:
            notices.add(base.missing)
            base = None
        self._base = base or _english()
        self.language = self._base.code
        scripts = scripts_in("".join(lyric for lyric in written or () if lyric.strip() not in _MARKS_ALONE))
        self._is_mixed = not scripts.isdisjoint(LANGUAGES[self.language].scripts)
        self._han_language = self.language if self.language in languages_of_script(HAN) else "ja" if KANA in scripts else "zh"

    def spell_out(self, text: str) -> str:
        """Return text with numbers, units and abbreviations in words of the language where the words alone would be ambiguous."""
        return self._base.spell_out(text)

    def read_hint(self, word: str, hint: tuple[str, ...]) -> tuple[Syllable, ...]:
        """Return syllables of phones given in brackets; () with a notice if they are not phones.

        ARPAbet in every language, else the notation of the word's language: pinyin, Jyutping, kana or romaji, Hangul, IPA.
        """
        language = self._language_of(word, is_asked=True) if word else self._base
        spelled = None if language is None or language.code == DEFAULT_LANGUAGE else language.read_hint(hint, word)
        if spelled and language is not None and not is_arpabet(hint):
            tail = language.hinted_tail(word, len(spelled))
            head = word[: len(word) - len(tail)]
            hinted = _as_hinted(language.read_hint(hint, tail))
            return as_one_word([*self.word(head), *hinted], word) if head else _as_hinted(spelled)
        try:
            syllables = english_syllables(with_lone_stress(parse_phones(hint)), word or " ".join(hint).lower())
            return _as_hinted(syllables)
        except LyricError as error:
            also = (
                f" {LANGUAGES[language.code].name} can also be given as {language.hint_form}."
                if language and language.hint_form
                else ""
            )
            self._notices.add(f"The hint of {quote(word or ' '.join(hint))} is not used: {error}{also}")
            return ()

    def word(self, word: str, *, wanted: int | None = None, before: str = "", after: str = "") -> tuple[Syllable, ...]:
        """Return syllables of a cleaned word, if possible `wanted` of them; () with a notice if it cannot be pronounced."""
        own = self._dictionary.get(word)
        if own:
            return self._own(word, own)
        parts = self._parts(word)
        if len(parts) > 1:
            pieces = [
                self.word(part, before=before if i == 0 else parts[i - 1], after=(*parts[i + 1 :], after)[0])
                for i, part in enumerate(parts)
            ]
            return as_one_word([syllable for piece in pieces for syllable in piece], word)
        language = self._language_of(word)
        if language is None:
            self._notices.add(self._unreadable(word))
            return ()
        if (
            word == "A" and language.code == DEFAULT_LANGUAGE != self._base.code
        ):  # not the article between words of another language
            return english_syllables(letter_phones(word), word)
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
            self._notices.add(f"{quote(word)} cannot be pronounced.")
        return pronunciation.syllables

    def is_own(self, word: str) -> bool:
        """Return True if the user's dictionary has this word."""
        return self._dictionary.get(word) is not None

    def knows(self, word: str) -> bool:
        """Return True if a dictionary or a rule has this word, so that it need not be guessed."""
        if self._dictionary.get(word):
            return True
        parts = self._parts(word)
        if len(parts) > 1:
            return all(map(self.knows, parts))
        language = self._language_of(word)
        try:
            return language is not None and language.pronounce(word).is_known
        except LyricError:
            return False

    def _own(self, word: str, hint: tuple[str, ...]) -> tuple[Syllable, ...]:
        return _as_hinted(english_syllables(hint, word)) if is_arpabet(hint) else self.read_hint(word, hint)

    def _parts(self, word: str) -> tuple[str, ...]:
        parts = parts_by_script(word, apart=self._han_language != "ja")
        return tuple(piece for part in parts for piece in self._dictionary.cut(part))

    def _language_of(self, word: str, *, is_asked: bool = False) -> Language | None:
        """Return the language of a word of one script: by the script, by the line's language if several share the script."""
        scripts = {letter_script(character) for character in word} - {""}
        script = next((known for known in (KANA, HANGUL, HAN) if known in scripts), next(iter(sorted(scripts)), ""))
        if script == HAN:
            return language_for(self._han_language_of(word))
        if script in (LATIN, ""):
            return self._latin(word, is_asked=is_asked)
        readers = languages_of_script(script)
        return language_for(self.language if self.language in readers else readers[0]) if readers else None

    def _han_language_of(self, word: str) -> str:
        """Return the language of a word of Han characters: Japanese only if it has a reading for each of them."""
        if self._han_language == "ja" and not has_readings(word):
            self._notices.add(f"{quote(word)} has no Japanese reading and is read as Mandarin.")
            return "zh"
        return self._han_language

    def _latin(self, word: str, *, is_asked: bool) -> Language | None:
        english = _english()
        if not self._base.accepts(word):
            return english if english.accepts(word) else self._base if is_asked else None
        if not self._is_mixed or not (re.fullmatch(r"[a-zA-Z']+", word) or word[0].isupper()):
            return self._base  # pinyin with tones, romaji with macrons
        is_word = self.language != "ja" or english.pronounce(word).is_known
        return english if is_word and english.accepts(word) else self._base

    def _unreadable(self, word: str) -> str:
        script = unreadable_script(word)
        if not script:
            return f"{quote(word)} cannot be read."
        return (
            f"There are no pronunciation rules for {script}; such words are left out. Write them in Latin letters as they sound, "
            "or give their phones: word[L AH1 V]."
        )


def rules_for(language: str) -> Language:
    """Return the rules that read a language: its own, or English ones where there are none or where packages are missing."""
    rules = language_for(language)
    return _english() if rules is None or rules.missing else rules


def _english() -> Language:
    english = language_for(DEFAULT_LANGUAGE)
    assert english is not None
    return english


def _as_hinted(syllables: Sequence[Syllable]) -> tuple[Syllable, ...]:
    return tuple(replace(syllable, is_hinted=True) for syllable in syllables)
