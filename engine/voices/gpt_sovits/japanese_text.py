"""Japanese text to phones with rises and falls of pitch accents, read by OpenJTalk as in the official program.

`[` stands where the pitch rises, `]` where it falls, `#` between accent phrases (after K. Kurihara et al., 2021). The official table has
neither `#` nor brackets, so the networks get the unknown symbol for both, as in the official program.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from engine.errors import LyricError
from engine.lyrics.languages.japanese import Japanese
from engine.lyrics.languages.openjtalk import open_jtalk

from .english_text import read_english
from .networks.symbols import UNKNOWN
from .phonemes import Phonemes, unread_notice

_LABEL = re.compile(r"-(?P<phone>.*?)\+.*/A:(?P<a1>-?\d+|xx)\+(?P<a2>\d+|xx)\+(?P<a3>\d+|xx).*/F:(?P<f1>\d+|xx)_")
_MORAIC = frozenset({*"aiueoAIUEO", "N", "cl"})
_MORA_CONSONANTS = {"ty": "t y", "fy": "f y", "kw": "k w", "gw": "g w"}  # sounds of foreign words that the tables lack
_BORDER = "#"

_JAPANESE = re.compile(r"[\d\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff.]+")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f][A-Za-z\u00c0-\u024f'.&-]*(?: +[A-Za-z][A-Za-z'.&-]*)*")
_MARKS = {
    **dict.fromkeys("：；，、·・:;,", ","),
    **dict.fromkeys("。．.\n", "."),
    "！": "!",
    "？": "?",
    "!": "!",
    "?": "?",
    "…": "…",
    "‥": "…",
    "-": "-",
}
_BRACKETS = frozenset("「」『』（）()【】〈〉《》［］〔〕")
_SILENT = frozenset("\"'[]{}<>*_`|\\/^\u2018\u2019\u201c\u201d\u00ad〜～~―—–♪")
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_DIGITS = "ゼロ イチ ニー サン ヨン ゴー ロク ナナ ハチ キュー".split()
_UNITS = {
    "km/h": "キロ", "km": "キロ", "cm": "センチ", "mm": "ミリ", "m": "メートル", "kg": "キロ", "mg": "ミリグラム", "g": "グラム",
    "ml": "ミリリットル",
    "mL": "ミリリットル", "L": "リットル", "%": "パーセント", "％": "パーセント", "℃": "度", "°C": "度", "°": "度", "㎞": "キロ",
    "㎏": "キロ", "㎝": "センチ",
    "㎡": "平方メートル", "m²": "平方メートル", "km²": "平方キロ", "Hz": "ヘルツ", "GB": "ギガバイト", "MB": "メガバイト",
}  # fmt: skip
_MONEY = {"¥": "円", "￥": "円", "$": "ドル", "€": "ユーロ", "£": "ポンド"}
_SIGNS = {
    "&": "アンド",
    "+": "プラス",
    "=": "イコール",
    "@": "アット",
    "%": "パーセント",
    "×": "かける",
    "÷": "わる",
    "♯": "シャープ",
    "〒": "郵便番号",
}

_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"(?<![\d.-])0\d{1,4}-\d{1,4}-\d{3,4}(?![\d-])|(?<![\d.-])0\d{9,10}(?!\d)"), lambda m: _telephone(m[0])),
    (re.compile(r"(?<!\d)(\d{4})[-./](\d{1,2})[-./](\d{1,2})(?!\d)"), lambda m: f"{m[1]}年{int(m[2])}月{int(m[3])}日"),
    (re.compile(r"(?<!\d)([01]?\d|2[0-4]):([0-5]\d)(?!\d)"), lambda m: f"{int(m[1])}時" + (f"{int(m[2])}分" if int(m[2]) else "")),
    (re.compile(rf"([{''.join(_MONEY)}])\s?({_NUMBER})"), lambda m: f"{m[2]}{_MONEY[m[1]]}"),
    (re.compile(rf"(?<![\d\w])[-\u2212](?={_NUMBER})"), lambda m: "マイナス"),
    (re.compile(r"(?<![\d/])(\d{1,4})/(\d{1,4})(?![\d/])"), lambda m: f"{m[2]}分の{m[1]}"),
    (re.compile(rf"({_NUMBER})\s?km/h(?![A-Za-z])"), lambda m: f"時速{m[1]}キロ"),
    (re.compile(rf"(?<=\d)\s?({'|'.join(map(re.escape, sorted(_UNITS, key=len, reverse=True)))})(?![A-Za-z])"), lambda m: _UNITS[m[1]]),
    (re.compile(r"(?<=\d)\s?[~〜～](?=\s?\d)"), lambda m: "から"),
    (re.compile(r"(?<=\d),(?=\d{3}(?!\d))"), lambda m: ""),
    (re.compile(f"[{re.escape(''.join(_SIGNS))}]"), lambda m: _SIGNS[m[0]]),
)  # fmt: skip


def _telephone(text: str) -> str:
    return "、".join("".join(_DIGITS[int(c)] for c in part) for part in text.split("-"))


def spelled_out(text: str) -> str:
    """Return Japanese text with signs and amounts in words; plain numbers stay, since OpenJTalk reads them."""
    text = unicodedata.normalize("NFC", text)
    text = "".join(unicodedata.normalize("NFKC", c) if c in _FULL_WIDTH else c for c in text)
    for pattern, say in _RULES:
        text = pattern.sub(say, text)
    return text


_FULL_WIDTH = frozenset(chr(c) for c in range(0xFF01, 0xFF5F)) - frozenset("！，．：；？")


def read_japanese(text: str) -> Phonemes:
    """Return the phonemes of Japanese text with its marks; Latin words in it are read as English. Unreadable parts are named in notices."""
    said = spelled_out(re.sub(r"(?<=[0-9０-９])．(?=[0-9０-９])", ".", text))
    symbols: list[str] = []
    notices: list[str] = []
    unread = ""
    place = 0
    while place < len(said):
        if latin := _LATIN.match(said, place):
            english = read_english(latin[0])
            symbols += english.symbols
            notices += english.notices
            place = latin.end()
            continue
        run = _JAPANESE.match(said, place)
        if run and (words := run[0].rstrip(".")) and not words.startswith("."):
            symbols += _words(words, notices)
            place += len(words)
            continue
        character = said[place]
        place += 1
        if mark := _MARKS.get(character):
            symbols += [mark] if symbols[-1:] != [mark] and (not symbols or symbols[-1] not in "!?…,.-") else []
        elif character in _BRACKETS:
            symbols.append(UNKNOWN)
        elif not character.isspace() and character not in _SILENT and character not in unread:
            unread += character
    if unread:
        notices.append(unread_notice(unread, "Japanese"))
    return Phonemes(tuple(symbols), tuple(dict.fromkeys(notices)))


def _words(text: str, notices: list[str]) -> list[str]:
    with contextlib.suppress(LyricError):
        return list(accent_marks(open_jtalk().labels(text)))
    notices.append("Japanese is read without its pitch accents; they need the extra ja (pip install 'vocalese[ja]').")
    try:
        syllables = Japanese().pronounce(text).syllables
    except LyricError as error:
        notices.append(str(error))
        return []
    return [symbol for s in syllables for phone in s.phones for symbol in mora_symbols(phone.symbol)]


def read_morae(kana: str) -> tuple[str, ...]:
    """Return the phonemes of kana that spell a sound, without pitch accents."""
    syllables = Japanese().read_hint((kana,), kana)
    return tuple(symbol for s in syllables for phone in s.phones for symbol in mora_symbols(phone.symbol))


def mora_symbols(symbol: str) -> list[str]:
    """Return the symbols of a phone of `engine.lyrics`."""
    return _MORA_CONSONANTS.get(symbol, symbol).split()


def accent_marks(labels: Sequence[str]) -> Iterator[str]:
    """Return phones with `[`, `]`, `#` between accent phrases and `_` for a short pause.

    Of a label, a1 is the distance to the accent in morae, a2 and a3 the place of the mora from the start and from the end of its accent
    phrase, f1 the phrase's number of morae.
    """
    contexts = [found for label in labels if (found := _LABEL.search(label))]
    for context, following in itertools.zip_longest(contexts, contexts[1:]):
        phone = context["phone"]
        if phone == "sil":
            continue
        if phone == "pau":
            yield "_"
            continue
        yield phone.lower() if phone in "AEIOU" else phone
        next_place = following["a2"] if following is not None else "xx"
        if "xx" in (context["a1"], context["a2"], next_place) or phone not in _MORAIC:
            continue
        place, after = int(context["a2"]), int(next_place)
        if context["a3"] == "1" and after == 1:
            yield _BORDER
        elif context["a1"] == "0" and after == place + 1 and context["f1"] != context["a2"]:
            yield "]"
        elif place == 1 and after == 2:
            yield "["
