"""Japanese: kana and romaji by tables, kanji and digits by a dictionary.

A mora is a syllable: consonant and vowel, or ん (`N`) alone. っ closes the syllable before it (`cl` at its end). With fewer notes than morae,
ん joins the syllable before and ー (already the same vowel) is dropped.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable

from engine.lyrics.types import Phone, Syllable

from .asian_text import spell_out
from .base import BaseLanguage, Pronunciation, is_han, is_kana
from .kanji import read_kanji

VOWELS = "aiueo"
MORAIC_NASAL = "N"
CLOSURE = "cl"
LENGTHENING = "ー"
# One row per consonant: its kana with a, i, u, e, o ("." = none).
_ROWS = {
    "": "ア イ ウ エ オ",
    "k": "カ キ ク ケ コ",
    "ky": "キャ . キュ キェ キョ",
    "g": "ガ ギ グ ゲ ゴ",
    "gy": "ギャ . ギュ ギェ ギョ",
    "s": "サ スィ ス セ ソ",
    "sh": "シャ シ シュ シェ ショ",
    "z": "ザ ズィ ズ ゼ ゾ",
    "j": "ジャ ジ ジュ ジェ ジョ",
    "t": "タ ティ トゥ テ ト",
    "ty": "テャ . テュ . テョ",
    "ch": "チャ チ チュ チェ チョ",
    "ts": "ツァ ツィ ツ ツェ ツォ",
    "d": "ダ ディ ドゥ デ ド",
    "dy": "デャ . デュ . デョ",
    "n": "ナ ニ ヌ ネ ノ",
    "ny": "ニャ . ニュ ニェ ニョ",
    "h": "ハ ヒ . ヘ ホ",
    "hy": "ヒャ . ヒュ ヒェ ヒョ",
    "f": "ファ フィ フ フェ フォ",
    "fy": "フャ . フュ . フョ",
    "b": "バ ビ ブ ベ ボ",
    "by": "ビャ . ビュ ビェ ビョ",
    "p": "パ ピ プ ペ ポ",
    "py": "ピャ . ピュ ピェ ピョ",
    "m": "マ ミ ム メ モ",
    "my": "ミャ . ミュ ミェ ミョ",
    "y": "ヤ . ユ イェ ヨ",
    "r": "ラ リ ル レ ロ",
    "ry": "リャ . リュ リェ リョ",
    "w": "ワ ウィ . ウェ ウォ",
    "v": "ヴァ ヴィ ヴ ヴェ ヴォ",
    "kw": "クァ クィ . クェ クォ",
    "gw": "グァ グィ . グェ グォ",
}
_ALSO = {"ヲ": ("", "o"), "ヰ": ("", "i"), "ヱ": ("", "e"), "ヂ": ("j", "i"), "ヅ": ("z", "u"), "ヮ": ("w", "a")}
_SMALL = dict(zip("ァィゥェォャュョ", "アイウエオヤユヨ", strict=True))
# Romaji that differ from the phone spelling (Hepburn and Kunrei, and l for r).
_ROMAJI_MORAE = {
    "si": ("sh", "i"),
    "ti": ("ch", "i"),
    "tu": ("ts", "u"),
    "hu": ("f", "u"),
    "zi": ("j", "i"),
    "wo": ("", "o"),
}
_ROMAJI_GLIDES = {"sy": "sh", "zy": "j", "jy": "j", "ty": "ch", "cy": "ch"}
_MACRON = re.compile("([aiueo])[\u0304\u0302]")
_LAST_KANJI = re.compile(r"(?<=[\u3041-\u30fc])[^\u3041-\u30fc]+$")  # behind kana: 私の明日
MAX_LETTERS = 400

Mora = tuple[str, str, str]  # consonant or "", vowel ("N" for ん, "cl" for っ), text


@functools.cache
def kana_table() -> dict[str, tuple[str, str]]:
    """Return every katakana mora with a vowel → (consonant or "", vowel)."""
    table = dict(_ALSO)
    for consonant, row in _ROWS.items():
        for vowel, kana in zip(VOWELS, row.split(), strict=True):
            if kana != ".":
                table[kana] = (consonant, vowel)
    return table


@functools.cache
def romaji_table() -> dict[str, tuple[str, str]]:
    """Return every romaji mora with a vowel → (consonant or "", vowel): "shi" and "si", "kya", "fa"."""
    table: dict[str, tuple[str, str]] = {}
    for consonant, vowel in kana_table().values():
        table[consonant + vowel] = (consonant, vowel)
    for glide, consonant in _ROMAJI_GLIDES.items():
        table.update({glide + vowel: (consonant, vowel) for vowel in "auo"})
    table.update(_ROMAJI_MORAE)
    table.update({"l" + spelled[1:]: sound for spelled, sound in list(table.items()) if spelled[0] == "r"})
    return table


# Nearest ARPAbet phones, for voices that have English only.
_ENGLISH_PHONES = {
    "a": "AA", "i": "IY", "u": "UW", "e": "EH", "o": "OW", "N": "N", "cl": "T",
    "k": "K", "g": "G", "s": "S", "sh": "SH", "z": "Z", "j": "JH", "t": "T", "ch": "CH", "ts": "T S", "d": "D", "n": "N",
    "h": "HH", "f": "F", "b": "B", "p": "P", "m": "M", "y": "Y", "r": "L", "w": "W", "v": "V",
    "ky": "K Y", "gy": "G Y", "ny": "N Y", "hy": "HH Y", "by": "B Y", "py": "P Y", "my": "M Y", "ry": "L Y",
    "ty": "T Y", "dy": "D Y", "fy": "F Y", "kw": "K W", "gw": "G W",
}  # fmt: skip


class Japanese(BaseLanguage):
    """Rules of Japanese, see `base.Language`."""

    code = "ja"
    hint_form = "kana or romaji"
    english_phones = _ENGLISH_PHONES
    is_syllabic = True
    splits_scripts = True

    def accepts(self, word: str) -> bool:
        return any(map(_is_japanese, word)) or word.isdecimal() or bool(read_romaji(word))

    def spell_out(self, text: str) -> str:
        return spell_out(text, self.code)

    def read_hint(self, symbols: tuple[str, ...], word: str) -> tuple[Syllable, ...]:
        sounds = "".join(symbols)
        is_kana_only = bool(sounds) and all(map(is_kana, sounds))
        return _syllables(read_kana(sounds) if is_kana_only else read_romaji(sounds), word or sounds, is_joined=False)

    def hinted_tail(self, word: str, syllables: int) -> str:
        kanji = _LAST_KANJI.search(word)
        return kanji[0] if kanji else word

    def pronounce(self, word: str, *, wanted: int | None = None, before: str = "", after: str = "") -> Pronunciation:
        morae = _read(word[:MAX_LETTERS])
        joined = _syllables(morae, word, is_joined=True)
        is_short = wanted is not None and wanted <= len(joined)
        unread = "".join(dict.fromkeys(c for c in word[:MAX_LETTERS] if is_han(c) and not _has_reading(c)))
        notice = f"'{unread[:16]}' has no Japanese reading and is left out. Kana can stand for it." if unread else ""
        return Pronunciation(joined if is_short else _syllables(morae, word, is_joined=False), notice)


def has_readings(kanji: str) -> bool:
    """Return True if Japanese has a reading for each of these characters; 你 and 东 are Chinese only."""
    return all(map(_has_reading, kanji))


@functools.lru_cache(maxsize=4096)
def _has_reading(kanji: str) -> bool:
    return kanji in "々〇" or any(map(is_kana, read_kanji(kanji)))


def _read(word: str) -> list[Mora]:
    if any(is_han(c) or c.isdecimal() for c in word):
        word = read_kanji(word)
    return read_kana(word) if any(map(is_kana, word)) else read_romaji(word)


def read_kana(text: str) -> list[Mora]:
    """Return morae of hiragana or katakana. Other characters are skipped."""
    table = kana_table()
    morae: list[Mora] = []
    katakana = _katakana(text)
    i = 0
    while i < len(katakana):
        size = 2 if katakana[i : i + 2] in table else 1
        kana = katakana[i : i + size]
        shown = text[i : i + size]
        sound = table.get(kana) or table.get(_SMALL.get(kana, ""))
        if sound:
            morae.append((*sound, shown))
        elif kana == "ン":
            morae.append(("", MORAIC_NASAL, shown))
        elif kana == "ッ":
            morae.append(("", CLOSURE, shown))
        elif kana == LENGTHENING and morae and morae[-1][1] in VOWELS:
            morae.append(("", morae[-1][1], LENGTHENING))
        i += size
    return morae


def read_romaji(text: str) -> list[Mora]:
    """Return morae of romaji such as "kitte", "shin'ya", "rōmaji"; [] if any part is not romaji."""
    letters = _MACRON.sub(r"\1ー", unicodedata.normalize("NFD", text.lower()))
    table = romaji_table()
    morae: list[Mora] = []
    i = 0
    while i < len(letters):
        size = next((n for n in (3, 2, 1) if letters[i : i + n] in table), 0)
        following = letters[i + 1 : i + 2]
        if size:
            morae.append((*table[letters[i : i + size]], letters[i : i + size]))
        elif letters[i] == LENGTHENING and morae and morae[-1][1] in VOWELS:
            morae.append(("", morae[-1][1], LENGTHENING))
            size = 1
        elif letters[i] in "nm" and (not following or following not in VOWELS + "y"):
            morae.append(("", MORAIC_NASAL, letters[i]))
            size = 2 if following == "'" else 1
        elif following and letters[i] not in VOWELS and (following == letters[i] or letters[i : i + 2] == "tc"):
            morae.append(("", CLOSURE, letters[i]))
            size = 1
        else:
            return []
        i += size
    return morae


def _syllables(morae: Iterable[Mora], word: str, *, is_joined: bool) -> tuple[Syllable, ...]:
    """Return one syllable per mora. っ, and with `is_joined` also ん and ー, join the syllable before."""
    groups: list[list[Mora]] = []
    for mora in morae:
        _, vowel, text = mora
        closes = vowel == CLOSURE or (is_joined and (vowel == MORAIC_NASAL or text == LENGTHENING))
        if closes and groups:
            groups[-1].append(mora)
        elif vowel != CLOSURE:
            groups.append([mora])
    last = len(groups) - 1
    return tuple(_syllable(group, word, i == 0, i == last) for i, group in enumerate(groups))


def _syllable(morae: list[Mora], word: str, is_word_start: bool, is_word_end: bool) -> Syllable:
    (consonant, vowel, _), *closing = morae
    symbols = [consonant] if consonant else []
    symbols += [vowel, *(symbol for _, symbol, text in closing if text != LENGTHENING)]
    return Syllable(
        phones=tuple(Phone("ja", symbol) for symbol in symbols),
        nucleus=int(bool(consonant)),
        text="".join(text for _, _, text in morae),
        word=word,
        is_word_start=is_word_start,
        is_word_end=is_word_end,
    )


def _katakana(text: str) -> str:
    return "".join(chr(ord(c) + 0x60) if "\u3041" <= c <= "\u3096" else c for c in text)


def _is_japanese(character: str) -> bool:
    return is_kana(character) or is_han(character)
