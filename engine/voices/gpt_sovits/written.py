"""Running text to phonemes: segmented by language (segments.py), figures written out, hints in brackets kept, each run read by its
reader.

A hint follows its word: `live[L AY1 V]`, `重[chong2]庆`. It is ARPAbet, pinyin or Jyutping with tones, or phonemes of the voice's own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping

from engine.errors import LyricError
from engine.lyrics import (
    UserDictionary,
    cut_unmarked,
    is_han,
    is_hangul,
    is_kana,
    parse_phones,
    read_jyutping,
    read_pinyin,
    spoken_form,
    with_lone_stress,
)

from . import cantonese, english_written, japanese_text, korean_text, mandarin
from .chinese_marks import unreadable_in
from .english_text import read_english
from .japanese_text import read_japanese, read_morae
from .korean_text import read_korean
from .networks.symbols import MARKS, UNKNOWN, symbol_table
from .phonemes import Phonemes
from .reading import ChineseRun, Reading, english_long_enough, join_readings
from .segments import Segment, segments_of

TextReader = Callable[[str], Reading]
_BORDER = "#"  # between Japanese accent phrases; voices are told the unknown phoneme there, for no table has it


def _as_reading(read: Callable[[str], Phonemes]) -> TextReader:
    def reader(text: str) -> Reading:
        told = read(text)
        symbols = tuple(UNKNOWN if symbol == _BORDER else symbol for symbol in told.symbols)
        return Reading(symbols, notices=told.notices)

    return reader


_READERS: Mapping[str, TextReader] = {
    "zh": mandarin.read_text,
    "yue": cantonese.read_text,
    "en": _as_reading(read_english),
    "ja": _as_reading(read_japanese),
    "ko": _as_reading(read_korean),
}
# Figures of languages other than Chinese, as their readers write them out.
_IN_WORDS: Mapping[str, Callable[[str], str]] = {
    "en": english_written.figures_in_words,
    "ja": japanese_text.spelled_out,
    "ko": korean_text.spelled_out,
}
_CHINESE = frozenset(("zh", "yue"))  # read by their characters, which syllables keep
_HINTED = re.compile(r"(?P<word>[^\s\[\],.!?，。！？、；：]*)\[(?P<hint>[^\[\]]{1,400})\]")
_LETTERS = "0-9A-Za-z\u00c0-\u024f'\u2019-"
_LATIN_WORD = re.compile(rf"[{_LETTERS}]+$")
_TONED = re.compile(r"(?<![A-Za-z0-9])((?:[a-zü]{2,6}[1-6]['-]?)+)(?![A-Za-z0-9])")  # pinyin and Jyutping among characters
_BRACKETED = re.compile(r"(\[[^\[\]]*\])")
_QUOTES = str.maketrans("", "", "「」『』《》〈〉【】")  # phonemes of Japanese, but silent in other languages
_CHINESE_DIGIT = "[〇零一二三四五六七八九]"
_CIRCLE_AS_ZERO = re.compile(rf"(?<={_CHINESE_DIGIT})○|○(?={_CHINESE_DIGIT})")
_SMALL = re.compile("[\u2080-\u2089\u3300-\u33ff]+")  # H₂O, ㎡, ㎏
_KANJI_BEHIND_KANA = re.compile(r"(?<=[\u3041-\u30fc])[\u3005\u4e00-\u9fff]+$")
_END = "."


def running_text_reader(language: str) -> TextReader | None:
    """Return the reader of running text in `language` if syllables say less than the text there; None for other languages and Chinese."""
    return None if language in _CHINESE else _READERS.get(language)


def read_written(
    text: str, language: str, others: Callable[[str, str], Reading], dictionary: UserDictionary | None = None
) -> Reading:
    """Return the phonemes of `text` with a mark at its end; `others` reads runs of languages without a reader here."""
    parts: list[Reading] = []
    position = 0
    text = _unfolded(text)
    text = _with_dictionary(text, dictionary) if dictionary is not None else text
    text, cut = cut_unmarked(text)
    is_whole = _HINTED.search(text) is None
    for match in _HINTED.finditer(text):
        hinted = _hinted(match["word"], match["hint"], language)
        if hinted is None:
            continue
        word, hint = hinted
        parts.append(_plain(text[position : match.start("hint") - 1 - len(word)], language, others, is_whole))
        parts.append(hint if hint.symbols else join_readings(_plain(word, language, others, is_whole), hint))
        position = match.end()
    parts.append(_plain(text[position:], language, others, is_whole))
    reading = join_readings(Reading((), notices=(cut,) if cut else ()), *parts)
    if reading.symbols and reading.symbols[-1] not in MARKS:
        is_chinese = bool(reading.chinese) and _end_of(reading.chinese[-1]) == len(reading.symbols)
        reading = join_readings(reading, Reading((_END,), (ChineseRun(_END, 0, (1,)),) if is_chinese else ()))
    return reading


def _end_of(run: ChineseRun) -> int:
    return run.start + sum(run.counts)


def figures_in_words(text: str, language: str) -> str:
    """Return `text` with its figures in the words of `read_written`; hints and toned syllables stay."""
    return "".join(
        part if number % 2 else _figures_in_words(part, language)
        for number, part in enumerate(_BRACKETED.split(_unfolded(text)))
    )


def _figures_in_words(text: str, language: str) -> str:
    if language in _CHINESE and _is_romanised(text, language):
        return text
    said = []
    for number, part in enumerate(_TONED.split(text) if language in _CHINESE else (text,)):
        if number % 2 and _spelled_sounds(part, language):
            said.append(part)
            continue
        for segment in _written_out(part, language):
            in_words = _IN_WORDS.get(segment.language)
            said.append(in_words(segment.text) if in_words else segment.text)
    return "".join(said)


def _unfolded(text: str) -> str:
    """Expand small digits and combined unit signs, and read a circle among Chinese digits as zero."""
    return _CIRCLE_AS_ZERO.sub("〇", _SMALL.sub(_in_full_size, text))


def _in_full_size(match: re.Match[str]) -> str:
    return re.sub(r"(?<=m)[23]", lambda power: "²³"[int(power[0]) - 2], unicodedata.normalize("NFKC", match[0]))


def _plain(text: str, language: str, others: Callable[[str, str], Reading], is_whole: bool) -> Reading:
    """Read a text, or with `is_whole` False the part between two hints."""
    if language not in _CHINESE:
        return _by_language(text, language, others, is_whole)
    if _is_romanised(text, language):
        return others(text, language)
    readings = []
    for number, part in enumerate(_TONED.split(text)):
        spelled = _spelled_sounds(part, language) if number % 2 else ()
        readings.append(Reading(spelled) if spelled else _by_language(part, language, others, is_whole))
    return join_readings(*readings)


def _is_romanised(text: str, language: str) -> bool:
    """Return True if a text has no characters and all its words are pinyin or Jyutping."""
    words = re.findall(r"[^\W_]+", text)
    read = read_jyutping if language == "yue" else read_pinyin
    return any(len(word) > 1 for word in words) and all(map(read, words))


def _by_language(text: str, language: str, others: Callable[[str, str], Reading], is_whole: bool) -> Reading:
    readings = []
    for segment in _written_out(text, language):
        reader = _READERS.get(segment.language)
        if segment.language not in _CHINESE:
            written = segment.text.translate(_QUOTES) if segment.language != language else segment.text
            reading = reader(written) if reader else others(written, segment.language)
            is_run = segment.language == "en" and (is_whole or language != "en")
            readings.append(english_long_enough(reading) if is_run else reading)
            continue
        assert reader is not None
        unreadable = unreadable_in(segment.text)
        notices = (f"'{unreadable}' cannot be read and is left out.",) if unreadable else ()
        readings.append(join_readings(reader(segment.text), Reading((), notices=notices)))
    return join_readings(*readings)


def _written_out(text: str, language: str) -> Iterator[Segment]:
    """Yield runs of one language, Chinese ones with figures as words; letters that remain are English."""
    for segment in segments_of(text, language):
        if segment.language in _CHINESE:
            yield from segments_of(spoken_form(segment.text, segment.language), segment.language)
        else:
            yield segment


# --- hints --------------------------------------------------------------------------------------------------------------------


def _hinted(before: str, hint: str, language: str) -> tuple[str, Reading] | None:
    """Return the end of `before` that a hint applies to, and its reading; only a notice if the hint is wrong, None if it is none."""
    tokens = [token for token in re.split(r"[\s,]+", hint.strip()) if token]
    symbols = _hint_symbols(tokens, language)
    word = _hinted_word(before, _syllables_hinted(tokens, symbols, language), language)
    if symbols:
        count = len(symbols)
        characters = word if word and all(map(is_han, word)) and language == "zh" and count == 2 * len(word) else ""
        run = (ChineseRun(characters, 0, (2,) * len(characters)),) if characters else ()
        return word, Reading(symbols, run)
    if not tokens or not word or not any(_hint_symbols([token], language) for token in tokens):
        return None
    return word, Reading((), notices=(f"The hint [{hint[:40]}] of '{word[:24]}' is not used: it is no row of phones.",))


def _syllables_hinted(tokens: list[str], symbols: tuple[str, ...], language: str) -> int:
    """Return how many characters a hint covers; 0 if unknown."""
    if not symbols or _arpabet(tokens):
        return 0
    if language == "ko":
        return sum(map(is_hangul, "".join(tokens)))
    return len(symbols) // 2 if language in _CHINESE else 0


def _hint_symbols(tokens: list[str], language: str) -> tuple[str, ...]:
    sounds = "".join(tokens)
    if sounds and language == "ko" and all("가" <= c <= "힣" for c in sounds):
        return tuple(symbol for symbol in read_korean(sounds).symbols if symbol in symbol_table("v2") and symbol not in MARKS)
    if sounds and language == "ja" and all(map(is_kana, sounds)):
        return read_morae(sounds)
    if not tokens:
        return ()
    if arpabet := _arpabet(tokens):
        return arpabet
    table = symbol_table("v2")
    if all(token in table and token not in MARKS for token in tokens):
        return tuple(tokens)
    return _spelled_sounds("".join(tokens), language)


def _spelled_sounds(text: str, language: str) -> tuple[str, ...]:
    """Return the phonemes of Jyutping or pinyin with a tone on each syllable; () if it is none."""
    if language == "yue" and (jyutping := read_jyutping(text)):
        return tuple(s for initial, final, tone in jyutping for s in cantonese.syllable_symbols(f"{initial}{final}{tone}"))
    pinyin = read_pinyin(text)
    if not all(tone for _, _, tone in pinyin):
        return ()
    return tuple(symbol for parts in pinyin for symbol in mandarin.syllable_symbols(*parts))


def _arpabet(tokens: list[str]) -> tuple[str, ...]:
    try:
        return with_lone_stress(parse_phones(tokens))
    except LyricError:
        return ()


def _hinted_word(before: str, syllables: int, language: str) -> str:
    """Return the Latin word at the end of `before`, or the last characters: as many as `syllables`, or all that are not Latin.

    In Japanese, kanji after kana are a separate word.
    """
    if latin := _LATIN_WORD.search(before):
        return latin[0]
    if syllables:
        return before[-syllables:]
    if language == "ja" and (kanji := _KANJI_BEHIND_KANA.search(before)):
        return kanji[0]
    size = 0
    while size < len(before) and _is_asian(before[-1 - size]):
        size += 1
    return before[len(before) - size :]


def _is_asian(character: str) -> bool:
    return is_han(character) or is_kana(character) or is_hangul(character)


def _with_dictionary(text: str, dictionary: UserDictionary) -> str:
    """Return the text with a hint behind every word of the user's dictionary."""
    if not dictionary.entries:
        return text
    words = sorted(dictionary.entries, key=len, reverse=True)
    found = "|".join(
        rf"{re.escape(word)}(?!\[)" if _is_asian(word[-1]) else rf"(?<![{_LETTERS}]){re.escape(word)}(?![\[{_LETTERS}])"
        for word in words
    )
    return re.sub(found, lambda match: f" {match[0]}[{' '.join(dictionary.get(match[0]) or ())}]", text, flags=re.IGNORECASE)
