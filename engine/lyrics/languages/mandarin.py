"""Mandarin: Han characters through pypinyin, pinyin with or without tone numbers and marks by our own table.

Phones are initials and finals without y and w: ya is `ia`, wo is `uo`, yuan is `van` (v = ü). `i` after z, c, s is `ii` and after zh, ch,
sh, r `iii`, since these are separate vowels. The tone (1-4, 5 = neutral) is on the syllable.
"""

from __future__ import annotations

import functools
import importlib
import re
import unicodedata
from types import ModuleType

from engine.errors import LyricError
from engine.lyrics.normalise import spoken_form, zh
from engine.lyrics.types import Phone, Syllable

from .base import BaseLanguage, Pronunciation, is_han, last_characters

INITIALS = "zh ch sh b p m f d t n l g k h j q x r z c s".split()
FINALS = (
    "a o e ai ei ao ou an en ang eng ong er i ia ie iao iou ian in iang ing iong "
    "u ua uo uai uei uan uen uang ueng v ve van vn ii iii io ê m n ng"
).split()
MAX_PINYIN_LETTERS = 96
_LONGEST = 6  # letters of a syllable: zhuang
_TONE_MARKS = {"\u0304": 1, "\u0301": 2, "\u030c": 3, "\u0300": 4}
# Finals as spelled after each initial. "" = none: the spelling with y and w.
_SPELLED = {
    "b": "a o ai ei ao an en ang eng i ie iao ian in ing u",
    "p": "a o ai ei ao ou an en ang eng i ie iao ian in ing u",
    "m": "a o e ai ei ao ou an en ang eng i ie iao iu ian in ing u",
    "f": "a o ei ou an en ang eng u",
    "d": "a e ai ei ao ou an en ang eng ong i ia ie iao iu ian ing u uo ui uan un",
    "t": "a e ai ei ao ou an ang eng ong i ie iao ian ing u uo ui uan un",
    "n": "a e ai ei ao ou an en ang eng ong i ie iao iu ian in iang ing u uo uan un v ve ue",
    "l": "a o e ai ei ao ou an ang eng ong i ia ie iao iu ian in iang ing u uo uan un v ve ue",
    "g": "a e ai ei ao ou an en ang eng ong u ua uo uai ui uan un uang",
    "k": "a e ai ei ao ou an en ang eng ong u ua uo uai ui uan un uang",
    "h": "a e ai ei ao ou an en ang eng ong u ua uo uai ui uan un uang",
    "j": "i ia ie iao iu ian in iang ing iong u ue uan un v ve van vn",
    "q": "i ia ie iao iu ian in iang ing iong u ue uan un v ve van vn",
    "x": "i ia ie iao iu ian in iang ing iong u ue uan un v ve van vn",
    "zh": "a e ai ei ao ou an en ang eng ong i u ua uo uai ui uan un uang",
    "ch": "a e ai ao ou an en ang eng ong i u ua uo uai ui uan un uang",
    "sh": "a e ai ei ao ou an en ang eng i u ua uo uai ui uan un uang",
    "r": "e ao ou an en ang eng ong i u ua uo ui uan un",
    "z": "a e ai ei ao ou an en ang eng ong i u uo ui uan un",
    "c": "a e ai ao ou an en ang eng ong i u uo ui uan un",
    "s": "a e ai ao ou an en ang eng ong i u uo ui uan un",
    "": "a o e ai ei ao ou an en ang eng er ê m n ng",
}
_WITH_Y_AND_W = {
    "yi": "i",
    "ya": "ia",
    "yo": "io",
    "ye": "ie",
    "yao": "iao",
    "you": "iou",
    "yan": "ian",
    "yin": "in",
    "yang": "iang",
    "ying": "ing",
    "yong": "iong",
    "yai": "ai",
    "yu": "v",
    "yv": "v",
    "yue": "ve",
    "yuan": "van",
    "yun": "vn",
    "wu": "u",
    "wa": "ua",
    "wo": "uo",
    "wai": "uai",
    "wei": "uei",
    "wan": "uan",
    "wen": "uen",
    "wang": "uang",
    "weng": "ueng",
}
_SHORT_FINALS = {"iu": "iou", "ui": "uei", "un": "uen"}


@functools.cache
def pinyin_table() -> dict[str, tuple[str, str]]:
    """Return every spelled syllable without its tone → (initial or "", final)."""
    table = {spelled: ("", final) for spelled, final in _WITH_Y_AND_W.items()}
    for initial, finals in _SPELLED.items():
        for final in finals.split():
            table[initial + final] = (initial, _full_final(initial, final))
    return table


def _full_final(initial: str, final: str) -> str:
    if initial in ("j", "q", "x") and final[0] == "u":
        return "v" + final[1:]
    if initial in ("n", "l") and final == "ue":
        return "ve"
    if final == "i" and initial in ("z", "c", "s"):
        return "ii"
    if final == "i" and initial in ("zh", "ch", "sh", "r"):
        return "iii"
    return _SHORT_FINALS.get(final, final)


Reading = tuple[str, str, int]  # initial or "", final, tone (0 = not given)

# Nearest ARPAbet phones, for voices that have English only.
_ENGLISH_PHONES = {
    # initials
    "b": "B", "p": "P", "m": "M", "f": "F", "d": "D", "t": "T", "n": "N", "l": "L", "g": "G", "k": "K", "h": "HH",
    "j": "JH", "q": "CH", "x": "SH", "zh": "JH", "ch": "CH", "sh": "SH", "r": "R", "z": "D Z", "c": "T S", "s": "S",
    # finals
    "a": "AA", "o": "AO", "e": "AH", "ê": "EH", "ai": "AY", "ei": "EY", "ao": "AW", "ou": "OW", "an": "AA N", "en": "AH N",
    "ang": "AA NG", "eng": "AH NG", "ong": "OW NG", "er": "ER", "i": "IY", "ia": "Y AA", "io": "Y AO", "ie": "Y EH",
    "iao": "Y AW", "iou": "Y OW", "ian": "Y EH N", "in": "IY N", "iang": "Y AA NG", "ing": "IY NG", "iong": "Y OW NG",
    "u": "UW", "ua": "W AA", "uo": "W AO", "uai": "W AY", "uei": "W EY", "uan": "W AA N", "uen": "W AH N",
    "uang": "W AA NG", "ueng": "W AH NG", "v": "Y UW", "ve": "Y W EH", "van": "Y W EH N", "vn": "Y UW N",
    "ii": "UH", "iii": "ER", "ng": "NG",
}  # fmt: skip


class Mandarin(BaseLanguage):
    """Rules of Mandarin, see `base.Language`."""

    code = "zh"
    hint_form = "pinyin (hang2)"
    english_phones = _ENGLISH_PHONES
    is_syllabic = True

    def accepts(self, word: str) -> bool:
        return any(map(is_han, word)) or word.isdecimal() or bool(read_pinyin(word))

    def spell_out(self, text: str) -> str:
        return spoken_form(text, self.code)

    def read_hint(self, symbols: tuple[str, ...], word: str) -> tuple[Syllable, ...]:
        readings = read_pinyin("'".join(symbols)) or read_pinyin(
            "".join(symbols)
        )  # syllables, or their initials and finals apart
        characters = _han_only(word)
        return _syllables(readings, list(characters) if len(characters) == len(readings) else [""] * len(readings), word)

    def hinted_tail(self, word: str, syllables: int) -> str:
        return last_characters(word, syllables)

    def pronounce(self, word: str, *, wanted: int | None = None, before: str = "", after: str = "") -> Pronunciation:
        characters = _han_only(zh.spoken_form(word) if any(map(is_han, word)) or word.isdecimal() else "")
        if not characters:
            readings = read_pinyin(word)
            return Pronunciation(_syllables(readings, [""] * len(readings), word))
        before, after = _han_only(before), _han_only(after)
        spoken = _pinyin_of(before + characters + after)[len(before) : len(before) + len(characters)]
        read = [
            (reading[0], character) for character, reading in zip(characters, map(read_pinyin, spoken), strict=True) if reading
        ]
        unread = "".join(c for c, pinyin in zip(characters, spoken, strict=True) if not read_pinyin(pinyin))
        notice = (
            f"'{unread[:16]}' has no Mandarin reading and is left out. Pinyin (ni3 hao3) can stand for it." if unread else ""
        )
        return Pronunciation(_syllables([reading for reading, _ in read], [character for _, character in read], word), notice)


def read_pinyin(text: str) -> list[Reading]:
    """Return syllables of pinyin such as "nǐhǎo", "ni3hao3", "nihao", "xi'an"; [] if any part is not pinyin."""
    readings: list[Reading] = []
    for part, number in re.findall(r"([^0-9' -]+)([1-5]?)", text.lower()):
        syllables = _split(*_without_marks(part))
        if not syllables:
            return []
        if number:
            syllables[-1] = (*syllables[-1][:2], int(number))
        readings += syllables
    return readings if re.fullmatch(r"(?:[^0-9' -]+[1-5]?[' -]?)+", text.lower()) else []


def _without_marks(text: str) -> tuple[str, dict[int, int]]:
    """Return letters with ü as v, and the tone marks by the index of their letter."""
    letters = ""
    tones: dict[int, int] = {}
    for character in unicodedata.normalize("NFD", text):
        if character == "\u0308" and letters.endswith("u"):
            letters = letters[:-1] + "v"
        elif character == "\u0302" and letters.endswith("e"):
            letters = letters[:-1] + "ê"
        elif character in _TONE_MARKS:
            tones[len(letters) - 1] = _TONE_MARKS[character]
        else:
            letters += character
    return letters, tones


def _split(letters: str, tones: dict[int, int]) -> list[Reading]:
    """Return as few syllables as possible, the earlier ones long ("fangan" is fang an)."""
    if len(letters) > MAX_PINYIN_LETTERS:
        return []
    table = pinyin_table()
    best: list[list[Reading] | None] = [None] * len(letters) + [[]]
    for start in range(len(letters) - 1, -1, -1):
        for end in range(min(len(letters), start + _LONGEST), start, -1):
            rest = best[end]
            known = table.get(letters[start:end])
            shortest = best[start]
            if known and rest is not None and (shortest is None or len(rest) + 1 < len(shortest)):
                tone = next((tones[i] for i in range(start, end) if i in tones), 0)
                best[start] = [(*known, tone), *rest]
    return best[0] or []


def _syllables(readings: list[Reading], texts: list[str], word: str) -> tuple[Syllable, ...]:
    """Return syllables of readings. `texts` are displayed; "" = the pinyin."""
    last = len(readings) - 1
    return tuple(
        Syllable(
            phones=tuple(Phone("zh", symbol) for symbol in (initial, final) if symbol),
            nucleus=int(bool(initial)),
            text=text or (word if last == 0 else initial + final),
            word=word,
            tone=tone,
            is_word_start=i == 0,
            is_word_end=i == last,
        )
        for i, ((initial, final, tone), text) in enumerate(zip(readings, texts, strict=True))
    )


def _han_only(text: str) -> str:
    return "".join(filter(is_han, text))


def _pinyin_of(characters: str) -> list[str]:
    """Return one reading with its tone number per Han character, tone sandhi applied."""
    pypinyin = _pypinyin()
    readings: list[str] = pypinyin.lazy_pinyin(
        characters, style=pypinyin.Style.TONE3, neutral_tone_with_five=True, tone_sandhi=True, errors=list
    )
    return readings


def _pypinyin() -> ModuleType:
    try:
        return importlib.import_module("pypinyin")
    except ImportError:
        raise LyricError(
            "Chinese characters need the package pypinyin: pip install pypinyin, or write pinyin (ni3 hao3)."
        ) from None
