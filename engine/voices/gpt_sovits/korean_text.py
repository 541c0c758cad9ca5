"""Korean text to the letters of Hangul as in the official program: as pronounced, compound vowels and glides as two, 空 between words.

The sound changes are those of the lyrics room (`korean_rules`). This module adds numbers and signs, and the differences of the official
program: large numbers of people and hours in Sino-Korean, ㄹ before ㄴ over a space, single letters unchanged.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from engine.lyrics.languages.base import is_hangul
from engine.lyrics.languages.korean_numbers import with_numbers_spelled
from engine.lyrics.languages.korean_rules import SILENT, Block, is_block, spoken_blocks

from .english_text import read_english
from .phonemes import Phonemes, unread_notice

SPACE = "空"
_TWO_LETTERS = dict(
    zip("ㅑㅒㅕㅖㅛㅠㅘㅙㅚㅝㅞㅟㅢ", "ㅣㅏ ㅣㅐ ㅣㅓ ㅣㅔ ㅣㅗ ㅣㅜ ㅗㅏ ㅗㅐ ㅗㅣ ㅜㅓ ㅜㅔ ㅜㅣ ㅡㅣ".split(), strict=True)
)
_MARKS = str.maketrans(
    {**dict.fromkeys("：；，、·:;", ","), "。": ".", "！": "!", "？": "?", "\u2026": "…", "\n": ".", "\u301c": "~"}
)
_DIGITS = "영일이삼사오육칠팔구"
_UNITS = {
    "km": "킬로미터", "cm": "센티미터", "mm": "밀리미터", "m": "미터", "kg": "킬로그램", "mg": "밀리그램", "g": "그램",
    "ml": "밀리리터", "mL": "밀리리터", "L": "리터", "l": "리터", "%": "퍼센트", "％": "퍼센트", "℃": "도", "°C": "도",
    "°": "도", "㎞": "킬로미터", "㎏": "킬로그램", "㎝": "센티미터", "㎡": "제곱미터", "m²": "제곱미터",
    "Hz": "헤르츠", "GB": "기가바이트", "MB": "메가바이트",
}  # fmt: skip
_MONEY = {"₩": "원", "￦": "원", "$": "달러", "€": "유로", "£": "파운드", "¥": "엔"}
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
# Words of which the standard allows two readings (articles 29 and 30): the official program's, written so that the rules give it.
_OWN = dict(
    pair.split(":")
    for pair in """냇가:내까 샛길:새낄 빨랫돌:빨래똘 콧등:코뜽 깃발:기빨 대팻밥:대패빱 햇살:해쌀 뱃속:배쏙 뱃전:배쩐 고갯짓:고개찓 길가:길까
    불소:불쏘
    검열:검녈 금융:금늉 야금야금:야금냐금 설익:설릭 서른여섯:서른녀섯 스물여섯:스물려섯""".split()
)
_OWN_READINGS = re.compile("|".join(_OWN))
_RUN = re.compile(r"[가-힣]+(?: +[가-힣]+)*")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f][A-Za-z\u00c0-\u024f'.&-]*(?: +[A-Za-z][A-Za-z'.&-]*)*")
_SILENT = frozenset("\"'()[]{}<>*_`|\\^~\u2018\u2019\u201c\u201d「」『』《》〈〉\u00ad")
_PARTICLE_L = "을를"


def _singly(text: str) -> str:
    return "".join(_DIGITS[int(c)] for c in text if c.isdecimal())


def _by_sino(text: str) -> str:
    """Return a number in Sino-Korean, whatever is counted."""
    return with_numbers_spelled(text)


def _ordinal(number: str, match: re.Match[str]) -> str:
    is_native = not match[1] and int(number) < 20 and not match[4]
    return number if is_native else _by_sino(number)


def _counted(match: re.Match[str]) -> str:
    """Return a number and its counter, which keeps its space: 3 명 is 세 명."""
    number, space, noun = match.groups()
    said = with_numbers_spelled(number + noun)
    return said[: len(said) - len(noun)] + space + noun


def _clock(match: re.Match[str]) -> str:
    minutes = f" {int(match[2])}분" if int(match[2]) else ""
    return f"{int(match[1]) or '영'}시{minutes}"


_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    # telephones: digit by digit
    (re.compile(r"(?<![\d.-])(?:\+?\d{1,4}-)?\d{2,4}-\d{3,4}-\d{4}(?![\d-])|(?<![\d.-])0\d{8,10}(?!\d)"),
     lambda m: _singly(m[0])),
    # dates and times
    (re.compile(r"(?<!\d)(\d{4})[-./](\d{1,2})[-./](\d{1,2})(?!\d)\.?"), lambda m: f"{int(m[1])}년 {int(m[2])}월 {int(m[3])}일"),
    (re.compile(r"(?<!\d)([01]?\d|2[0-4]):([0-5]\d)(?!\d)"), _clock),
    (re.compile(r"(?<!\d)0?6월"), lambda m: "유월"),
    (re.compile(r"(?<!\d)10월"), lambda m: "시월"),
    (re.compile(r"(?<!\d)1번째"), lambda m: "첫 번째"),
    # money, measures, signs
    (re.compile(rf"([{''.join(_MONEY)}])\s?({_NUMBER})"), lambda m: f"{m[2]}{_MONEY[m[1]]}"),
    (re.compile(rf"(?:(?<=\s)|^|(?<=[가-힣]))[-\u2212](?={_NUMBER})"), lambda m: "마이너스 "),
    (re.compile(r"(?<![\d/])(\d{1,3})/(\d{1,3})(?![\d/])"), lambda m: f"{_by_sino(m[2])}분의 {_by_sino(m[1])}"),
    (re.compile(rf"({_NUMBER})\s?km/h(?![A-Za-z])"), lambda m: f"시속 {m[1]}킬로미터"),
    (re.compile(rf"(?<=\d)\s?({'|'.join(map(re.escape, sorted(_UNITS, key=len, reverse=True)))})(?![A-Za-z])"), lambda m: _UNITS[m[1]]),
    (re.compile(r"(?<=\d)\s?[~∼](?=\s?\d)"), lambda m: "에서 "),
    (re.compile(r"(?<=\d),(?=\d{3}(?!\d))"), lambda m: ""),
    (re.compile(r"(?<=\d)\s?\+\s?(?=\d)"), lambda m: " 더하기 "),
    (re.compile(r"(?<=\d)\s?=\s?(?=\d)"), lambda m: "은 "),
    (re.compile(r"\s?[&＆]\s?"), lambda m: " 앤드 "),
    # Sino-Korean although a native number could stand there: ordinals with 제, many people and hours
    (re.compile(r"(?<=제)(\d+)|(\d{2,})(?=\s?명)|(\d{2,})(?=\s?시간)|(\d+)(?=\s?인분)"), lambda m: _ordinal(m[0], m)),
    (re.compile(r"(\d+(?:\.\d+)?)(\s?)([가-힣]*)"), _counted),
)  # fmt: skip


def spelled_out(text: str) -> str:
    """Return Korean with numbers and signs in Hangul."""
    text = unicodedata.normalize("NFC", text)
    text = "".join(unicodedata.normalize("NFKC", c) if "\uff01" <= c <= "\uff5e" and c not in "：；，！？" else c for c in text)
    for pattern, say in _RULES:
        text = pattern.sub(say, text)
    return text


def read_korean(text: str) -> Phonemes:
    """Return the phonemes of Korean text with its marks and a 空 for its spaces, also at its ends; Latin words in it are read as English."""
    said = spelled_out(text).translate(_MARKS)
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
        run = _RUN.match(said, place)
        character = said[place]
        if run:
            symbols += _letters(re.sub(" +", " ", run[0]))
            place = run.end()
            continue
        place += 1
        if character.isspace():
            symbols += [SPACE] if symbols[-1:] != [SPACE] else []
        elif character in "!?…,.-":
            if symbols and symbols[-1] == SPACE:
                symbols.pop()
            symbols += [character] if symbols and symbols[-1] not in "!?…,.-" else []
        elif is_hangul(character):
            symbols += _lone(character)
        elif character not in _SILENT and character not in unread:
            unread += character
    if unread:
        notices.append(unread_notice(unread, "Korean"))
    return Phonemes(tuple(symbols), tuple(dict.fromkeys(notices)))


def _letters(text: str) -> list[str]:
    """Return the letters of words with single spaces between."""
    blocks = _with_liquid(text, spoken_blocks(_OWN_READINGS.sub(lambda match: _OWN[match[0]], text)))
    symbols: list[str] = []
    number = 0
    for character in text:
        if character == " ":
            symbols.append(SPACE)
            continue
        block = blocks[number]
        symbols += [block.onset, *_TWO_LETTERS.get(block.vowel, block.vowel), *block.coda]
        number += 1
    return symbols


def _with_liquid(text: str, blocks: list[Block]) -> list[Block]:
    """Turn a ㄴ after an 을 that took over a consonant into ㄹ (라면을 넣다); not after a vowel, ㅇ or ㄹ."""
    place = -1
    for before, character in zip(text, text[1:] + " ", strict=True):
        place += before != " "
        is_end = before in _PARTICLE_L and character == " " and place + 1 < len(blocks)
        if is_end and blocks[place].onset not in (SILENT, "ㄹ") and blocks[place + 1].onset == "ㄴ":
            blocks[place + 1] = Block("ㄹ", blocks[place + 1].vowel, blocks[place + 1].coda)
    return blocks


def _lone(letter: str) -> list[str]:
    """Return a single letter of Hangul, such as those of laughter (ㅋㅋ)."""
    compatible = unicodedata.normalize("NFKC", letter)
    name = unicodedata.name(compatible, "")
    if is_block(letter) or not name.startswith(("HANGUL LETTER", "HANGUL CHOSEONG", "HANGUL JUNGSEONG", "HANGUL JONGSEONG")):
        return []
    letter = letter if "\u3131" <= letter <= "\u3163" else _compatible(name)
    return [*_TWO_LETTERS.get(letter, letter)] if letter in _SINGLE or letter in _TWO_LETTERS else []


def _compatible(name: str) -> str:
    try:
        return unicodedata.lookup(f"HANGUL LETTER {name.split()[-1]}")
    except KeyError:
        return ""


_SINGLE = frozenset("ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎㅏㅐㅓㅔㅗㅜㅡㅣ")
