"""Mandarin: Han characters through pypinyin (an extra), pinyin with or without tone numbers and marks by our own table.

Phones are initials and finals without y and w: ya is `ia`, wo is `uo`, yuan is `van` (v = ü). `i` after z, c, s is `ii`
and after zh, ch, sh, r `iii`, because they are vowels of their own. The tone (1-4, 5 = neutral) is on the syllable.
"""

from __future__ import annotations

import functools
import importlib
import re
import unicodedata
from types import ModuleType

from ...errors import LyricError
from ..types import Phone, Syllable
from .base import Pronunciation, is_han

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
    """Every spelled syllable without its tone → (initial or "", final)."""
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


class Mandarin:
    """See `base.Language`."""

    code = "zh"

    def accepts(self, word: str) -> bool:
        return any(map(is_han, word)) or bool(read_pinyin(word))

    def pronounce(self, word: str, *, wanted: int | None = None, before: str = "", after: str = "") -> Pronunciation:
        characters = _han_only(word)
        if not characters:
            readings = read_pinyin(word)
            return Pronunciation(_syllables(readings, [""] * len(readings), word))
        before, after = _han_only(before), _han_only(after)
        spoken = _pinyin_of(before + characters + after)[len(before) : len(before) + len(characters)]
        read = [
            (reading[0], character) for character, reading in zip(characters, map(read_pinyin, spoken), strict=True) if reading
        ]
        return Pronunciation(_syllables([reading for reading, _ in read], [character for _, character in read], word))


def read_pinyin(text: str) -> list[Reading]:
    """Syllables of pinyin such as "nǐhǎo", "ni3hao3", "nihao", "xi'an"; [] if it is not pinyin throughout."""
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
    """Letters with ü as v, and the tone marks by the number of their letter."""
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
    """As few syllables as possible, the earlier ones long ("fangan" is fang an)."""
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
    """`texts` as displayed; "" = the pinyin itself."""
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
    """One reading with its tone number per Han character, tone sandhi applied."""
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
            "Chinese characters need the package pypinyin: pip install 'vocalese[zh]', or write pinyin (ni3 hao3)."
        ) from None
