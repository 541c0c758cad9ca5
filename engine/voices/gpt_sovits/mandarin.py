"""Han characters to the Mandarin phonemes of GPT-SoVITS, in the steps of the official front end.

Characters are simplified, segmented into words with their parts of speech (jieba), read by a dictionary of phrases (pypinyin), and given
their tones in context (tone_sandhi.py). The official program decides between readings of a single character by a network (G2PW); here the
surrounding phrase decides.
"""

from __future__ import annotations

import functools
import importlib
import re
from dataclasses import dataclass

from engine.errors import VoiceError
from engine.lyrics import han_words, missing_for_words, parts_of_word, simplify

from .chinese_marks import PAUSES, clauses
from .networks.symbols import UNKNOWN
from .reading import ChineseRun, Reading, join_readings
from .tone_sandhi import Library, Word, joined_words, spoken_tones

# Characters that the voices know as others.
_KNOWN_AS = str.maketrans("嗯呣", "恩母")
# Readings of words in which the phrase dictionary has another syllable or tone than the official word list.
_READINGS = {
    "圈养": "juan4 yang3", "手里": "shou2 li3", "嘚瑟": "de4 se5", "朝鲜": "chao2 xian3", "幸免于难": "xing4 mian3 yu2 nan4",
    "撒切尔": "sa4 qie4 er3", "标识": "biao1 zhi4", "解法": "jie3 fa3", "克分子": "ke4 fen4 zi3", "唉": "ai4",
    "解铃还需系铃人": "jie3 ling2 hai2 xu1 ji4 ling2 ren2",
}  # fmt: skip

_SYLLABLE = re.compile("[a-zêü]+[1-5]")
_NO_FINAL = "0"  # of a character without a reading; no rule of tones is about it

_FINALS = {"iou": "iu", "uei": "ui", "uen": "un", "ê": "E", "io": "o"}
_AFTER_Y = {"i": "i", "ia": "a", "io": "o", "ie": "E", "iao": "ao", "iou": "ou", "ian": "En", "in": "in", "iang": "ang"}
_AFTER_Y |= {"ing": "ing", "iong": "ong", "v": "v", "ve": "ve", "van": "van", "vn": "vn"}
_AFTER_W = {"u": "u", "ua": "a", "uo": "o", "uai": "ai", "uei": "ei", "uan": "an", "uen": "en", "uang": "ang", "ueng": "eng"}
_OPEN = {"a": "AA", "e": "EE", "ê": "EE", "o": "OO"}
_HUMMED = {"m": ("m", "u"), "n": ("EE", "en"), "ng": ("EE", "en")}  # as the characters that these sounds are known as
_FLAT_INITIALS, _CURLED_INITIALS = frozenset(("z", "c", "s")), frozenset(("zh", "ch", "sh", "r"))


@dataclass(frozen=True)
class CharacterReading:
    """A character as input of BERT, and its two phonemes; () if it has no reading."""

    character: str
    symbols: tuple[str, ...]


def read_text(text: str) -> Reading:
    """Return the phonemes of text in Han characters and marks; other characters are skipped."""
    return join_readings(*(_clause(characters, mark) for characters, mark in clauses(text)))


def _clause(characters: str, mark: str) -> Reading:
    read = read_characters(characters) if characters else []
    symbols = [symbol for reading in read for symbol in reading.symbols] + [mark] * bool(mark)
    written = "".join(reading.character for reading in read) + ("," if mark in PAUSES else mark)
    counts = tuple(len(reading.symbols) for reading in read) + (1,) * bool(mark)
    unread = "".join(reading.character for reading in read if not reading.symbols)
    notices = missing_for_words() if read else ()
    if unread:
        notices += (f"'{unread}' has no Mandarin reading and is left out. Pinyin can stand for it.",)
    return Reading(tuple(symbols), (ChineseRun(written, 0, counts),) if written else (), notices)


def read_characters(characters: str) -> list[CharacterReading]:
    """Return the readings of the Han characters between two marks."""
    text = simplify(characters).translate(_KNOWN_AS)
    pinyin = _pinyin(text)
    library = _library()
    read: list[CharacterReading] = []
    start = 0
    for word in joined_words([Word(*word) for word in han_words(text)], library):
        readings = _word_pinyin(word.text) or pinyin[start : start + len(word.text)]
        start += len(word.text)
        parts = [_initial_and_final(reading) for reading in readings]
        if not all(parts):
            read += [CharacterReading(c, _symbols(*part) if part else ()) for c, part in zip(word.text, parts, strict=True)]
            continue
        finals = spoken_tones(word, [final for _, final in parts], library)  # type: ignore[misc]
        for character, (initial, _), final in zip(word.text, parts, finals, strict=True):  # type: ignore[misc]
            read.append(CharacterReading(character, _symbols(initial, final)))
    return read


def syllable_symbols(initial: str, final: str, tone: int) -> tuple[str, str]:
    """Return the phonemes of a syllable in the phones of `engine.lyrics` ("" = no initial, `ii` and `iii` for the vowels of zi and zhi)."""
    if initial:
        plain = {"ii": "i0", "iii": "ir"}.get(final) or _FINALS.get(final, final)
        return initial, f"{plain}{tone}"
    if final in _HUMMED:
        first, second = _HUMMED[final]
        return first, f"{second}{tone}"
    if final in _AFTER_Y:
        return "y", f"{_AFTER_Y[final]}{tone}"
    if final in _AFTER_W:
        return "w", f"{_AFTER_W[final]}{tone}"
    return _OPEN.get(final[0], UNKNOWN), f"{_FINALS.get(final, final)}{tone}"


def _symbols(initial: str, final: str) -> tuple[str, str]:
    sound, tone = final[:-1], int(final[-1])
    if sound == "i" and initial in _FLAT_INITIALS:
        sound = "ii"
    elif sound == "i" and initial in _CURLED_INITIALS:
        sound = "iii"
    return syllable_symbols(initial, sound, tone)


def _initial_and_final(pinyin: str) -> tuple[str, str] | None:
    """Split a syllable such as zhuang4 into initial ("" for none) and final with tone; None if it is no syllable."""
    if not _SYLLABLE.fullmatch(pinyin):
        return None
    convert = importlib.import_module("pypinyin.contrib.tone_convert")
    final: str = convert.to_finals_tone3(pinyin, neutral_tone_with_five=True)
    if final[:-1]:
        return convert.to_initials(pinyin), final
    return ("", pinyin) if pinyin[:-1] in _HUMMED else None


def _pinyin(text: str) -> list[str]:
    """Return one syllable with its tone digit for each character, or the character itself."""
    try:
        pypinyin = importlib.import_module("pypinyin")
    except ImportError:
        raise VoiceError("Chinese characters need the package pypinyin: pip install pypinyin, or write pinyin.") from None
    readings: list[str] = pypinyin.lazy_pinyin(
        text, style=pypinyin.Style.TONE3, neutral_tone_with_five=True, v_to_u=False, errors=list
    )
    return [_READINGS.get(character, reading) for character, reading in zip(text, readings, strict=True)]


def _word_pinyin(word: str) -> list[str]:
    """Return the syllables of a word that a dictionary has as a whole; [] if none has it."""
    if word in _READINGS:
        return _READINGS[word].split()
    if len(word) < 2 or word not in importlib.import_module("pypinyin.constants").PHRASES_DICT:
        return []
    return _pinyin(word)


def _library() -> Library:
    return Library(parts_of_word, _dictionary_finals)


@functools.lru_cache(maxsize=8192)
def _finals_of(word: str) -> tuple[str, ...]:
    pypinyin = importlib.import_module("pypinyin")
    return tuple(pypinyin.lazy_pinyin(word, style=pypinyin.Style.FINALS_TONE3, neutral_tone_with_five=True, errors=list))


def _dictionary_finals(word: str) -> list[str]:
    return [final or _NO_FINAL for final in _finals_of(word)]
