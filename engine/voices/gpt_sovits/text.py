"""Words to the phonemes of GPT-SoVITS (names as in `engine.voices.gpt_sovits.networks.symbols`).

English: ARPAbet with the stress of the syllable on its vowel. Mandarin (mandarin.py): initial and final with its tone; a syllable without
a written initial gets y, w or one of AA, EE, OO. Japanese: the phones of the morae when sung; when spoken, OpenJTalk's reading with rises
and falls of its pitch accents (after K. Kurihara et al., 2021). Cantonese (cantonese.py): the initial and final of Jyutping, each with a
Y in front. Korean: letters of Hangul as pronounced, compound vowels and glides as two, ㅇ in front of a bare vowel, 空 between words. Other
spaces are not read.

Chinese characters are read as written, all between two marks together, since their tones depend on each other; pinyin, Jyutping and hints
are read literally.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from engine.errors import VoiceError
from engine.lyrics import Syllable, UserDictionary, is_han, missing_for_words, read_spoken_text
from engine.lyrics.syllables import VOWELS
from engine.performance.types import Utterance

from . import cantonese, mandarin
from .japanese_text import mora_symbols, read_japanese
from .networks.symbols import MARKS, TABLE_LANGUAGES
from .reading import ChineseRun, Reading, english_long_enough, join_readings, long_enough
from .segments import segments_of
from .written import read_written, running_text_reader

READABLE = TABLE_LANGUAGES["v2"]
_PAUSE_MARKS = {0: "", 1: ",", 2: "."}

_NEUTRAL_TONE = 5
_WORD_SPACES = {"ja": ""}
_WRITTEN_ENDS = frozenset(".!?,;:…。！？，；：、\n")

_KOREAN_SPACE, _KOREAN_NO_ONSET = "空", "ㅇ"
_KOREAN_ONSETS = dict(
    zip("g kk n d tt r m b pp s ss j jj ch k t p h".split(), "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅈㅉㅊㅋㅌㅍㅎ", strict=True)
)
_KOREAN_ONSETS |= {"sh": "ㅅ", "ssh": "ㅆ"}
_KOREAN_VOWELS = dict(zip("a ae eo e o u eu i".split(), "ㅏㅐㅓㅔㅗㅜㅡㅣ", strict=True))
_KOREAN_VOWELS |= dict(zip("ya yae yeo ye yo yu".split(), "ㅣㅏ ㅣㅐ ㅣㅓ ㅣㅔ ㅣㅗ ㅣㅜ".split(), strict=True))
_KOREAN_VOWELS |= dict(zip("wa wae oe wo we wi ui".split(), "ㅗㅏ ㅗㅐ ㅗㅣ ㅜㅓ ㅜㅔ ㅜㅣ ㅡㅣ".split(), strict=True))
_KOREAN_CODAS = dict(zip("K N T L M P NG".split(), "ㄱㄴㄷㄹㅁㅂㅇ", strict=True))


def read_utterance(utterance: Utterance) -> Reading:
    """Return the phonemes of a phrase, with a mark at its end."""
    return long_enough(_read(utterance))


def _read(utterance: Utterance) -> Reading:
    reading = Reading(())
    previous = ""
    is_spoken = utterance.speech_rate is not None
    for language, chunk, mark in _chunks(utterance):
        if language == previous == "ko":
            reading = join_readings(reading, Reading((_KOREAN_SPACE,)))
        previous = language
        parts = list(_parts(chunk, language, is_spoken))
        run = Reading(())
        for number, (is_whole, part) in enumerate(parts):
            ending = mark if number + 1 == len(parts) else ""
            spoken = _running(part, ending, language) if is_whole else _READERS[language](part, ending, is_spoken)
            run = (
                join_readings(run, Reading((_KOREAN_SPACE,)), spoken)
                if number and language == "ko"
                else join_readings(run, spoken)
            )
        reading = join_readings(reading, english_long_enough(run) if language == "en" else run)
    return reading


def _parts(syllables: Sequence[Syllable], language: str, is_spoken: bool) -> Iterator[tuple[bool, list[Syllable]]]:
    """Split words into those that running text covers completely and others, in their order."""
    for is_whole, words in itertools.groupby(_words(syllables), lambda word: is_spoken and _is_whole(word, language)):
        yield is_whole, [syllable for word in words for syllable in word]


def _running(syllables: Sequence[Syllable], mark: str, language: str) -> Reading:
    """Read whole words as running text."""
    reader = running_text_reader(language)
    assert reader is not None
    return reader(_WORD_SPACES.get(language, " ").join(s.word for s in syllables if s.is_word_start) + mark)


def _words(syllables: Sequence[Syllable]) -> Iterator[tuple[Syllable, ...]]:
    start = 0
    for end in range(1, len(syllables) + 1):
        if end == len(syllables) or syllables[end].is_word_start:
            yield tuple(syllables[start:end])
            start = end


def _is_whole(word: Sequence[Syllable], language: str) -> bool:
    """Return True if the spelling of a word covers its sound: no part is hinted or in another language."""
    is_plain = {run.language for run in segments_of(word[0].word, language)} == {language}
    is_read = running_text_reader(language) is not None and is_plain and word[0].is_word_start
    return is_read and not any(syllable.is_hinted for syllable in word)


def read_reference_text(text: str, language: str, *, dictionary: UserDictionary | None = None) -> Reading:
    """Return the phonemes of a text as written, such as the transcript of a reference clip. Raises VoiceError if nothing can be read."""
    if language not in READABLE:
        raise VoiceError(
            f"There is nothing here that reads '{language}' text; {', '.join(READABLE)} can be read. Leave the text out to do without."
        )
    reading = read_written(text, language, _spoken, dictionary)
    if not set(reading.symbols) - MARKS:
        raise VoiceError(f"The text {text[:40]!r} has no words to read.")
    return long_enough(reading)


def _spoken(text: str, language: str) -> Reading:
    """Read text in one language by way of its syllables."""
    reading = Reading(())
    for line in read_spoken_text(text, language=language):
        spoken = Utterance(line.words, line.pauses, line.is_question, speech_rate=1.0)
        reading = join_readings(reading, replace(_read(spoken), notices=line.notices))
    is_ended = text.rstrip()[-1:] in _WRITTEN_ENDS
    return reading if is_ended or reading.symbols[-1:] != (".",) else Reading(reading.symbols[:-1], notices=reading.notices)


def _chunks(utterance: Utterance) -> Iterator[tuple[str, list[Syllable], str]]:
    """Yield syllables of one language up to a pause, with the mark of that pause."""
    pending: list[Syllable] = []
    marks = [_PAUSE_MARKS[pause] for pause in utterance.pauses]
    if utterance.is_question:
        marks[-1] = "?"
    for word, mark in zip(utterance.words, marks, strict=True):
        for syllable in word:
            if pending and pending[-1].vowel.language != syllable.vowel.language:
                yield pending[-1].vowel.language, pending, ""
                pending = []
            pending.append(syllable)
        if pending and mark:
            yield pending[-1].vowel.language, pending, mark
            pending = []
    if pending:
        yield pending[-1].vowel.language, pending, ""


# --- English ------------------------------------------------------------------------------------------------------------------


def _english(syllables: Sequence[Syllable], mark: str, is_spoken: bool) -> Reading:
    symbols = [
        f"{phone.symbol}{syllable.stress}" if phone.symbol in VOWELS else phone.symbol
        for syllable in syllables
        for phone in syllable.phones
    ]
    symbols += [mark] if mark else []
    return Reading(tuple(symbols))


# --- Mandarin -----------------------------------------------------------------------------------------------------------------


def _mandarin(syllables: Sequence[Syllable], mark: str, is_spoken: bool) -> Reading:
    reading = Reading(())
    for is_written, group in itertools.groupby(syllables, _is_character):
        run = tuple(group)
        reading = join_readings(reading, _mandarin_characters(run) if is_written else Reading(_mandarin_pinyin(run)))
    return (
        join_readings(reading, Reading((mark,), (ChineseRun(mark, 0, (1,)),) if reading.chinese else ())) if mark else reading
    )


def _mandarin_characters(syllables: Sequence[Syllable]) -> Reading:
    read = mandarin.read_characters("".join(syllable.text for syllable in syllables))
    symbols = [r.symbols or _mandarin_pinyin([syllable]) for syllable, r in zip(syllables, read, strict=True)]
    run = ChineseRun("".join(r.character for r in read), 0, tuple(map(len, symbols)))
    return Reading(tuple(itertools.chain(*symbols)), (run,), missing_for_words())


def _mandarin_pinyin(syllables: Sequence[Syllable]) -> tuple[str, ...]:
    spelled = [("".join(phone.symbol for phone in s.onset), s.vowel.symbol, s.tone or _NEUTRAL_TONE) for s in syllables]
    return tuple(symbol for parts in spelled for symbol in mandarin.syllable_symbols(*parts))


def _is_character(syllable: Syllable) -> bool:
    """Return True if a syllable was written as one Chinese character, whose reading depends on its neighbours."""
    return len(syllable.text) == 1 and is_han(syllable.text) and not syllable.is_hinted


# --- Japanese -----------------------------------------------------------------------------------------------------------------


def _japanese(syllables: Sequence[Syllable], mark: str, is_spoken: bool) -> Reading:
    """Read spoken text with its accents; morae literally if sung or hinted."""
    reading = Reading(())
    hinted_words = {syllable.word for syllable in syllables if syllable.is_hinted}
    for is_written, group in itertools.groupby(syllables, lambda syllable: is_spoken and not syllable.is_hinted):
        run = tuple(group)
        if is_written:
            told = read_japanese("".join(_written_as(syllable, hinted_words) for syllable in run))
            reading = join_readings(reading, Reading(told.symbols, notices=told.notices))
        else:
            symbols = (symbol for syllable in run for phone in syllable.phones for symbol in mora_symbols(phone.symbol))
            reading = join_readings(reading, Reading(tuple(symbols)))
    return join_readings(reading, Reading((mark,))) if mark else reading


def _written_as(syllable: Syllable, hinted_words: Collection[str]) -> str:
    """Return the word that begins with a syllable; the syllable's own text if only a part of its word is hinted."""
    if syllable.word in hinted_words:
        return syllable.text
    return syllable.word if syllable.is_word_start else ""


# --- Korean -------------------------------------------------------------------------------------------------------------------


def _korean(syllables: Sequence[Syllable], mark: str, is_spoken: bool) -> Reading:
    symbols: list[str] = []
    for before, syllable in zip((None, *syllables), syllables, strict=False):
        is_piece = before is not None and len(before.word) == len(syllable.word) == 1 and not is_spoken
        if before is not None and syllable.is_word_start and not is_piece:  # sung blocks are pieces of one word, a note apiece
            symbols.append(_KOREAN_SPACE)
        symbols += [letter for phone in syllable.onset for letter in _KOREAN_ONSETS[phone.symbol]] or [_KOREAN_NO_ONSET]
        symbols += _KOREAN_VOWELS[syllable.vowel.symbol]
        symbols += [_KOREAN_CODAS[phone.symbol] for phone in syllable.coda]
    return Reading((*symbols, *([mark] if mark else [])))


# --- Cantonese ----------------------------------------------------------------------------------------------------------------


def _cantonese(syllables: Sequence[Syllable], mark: str, is_spoken: bool) -> Reading:
    spelled: list[str] = []
    for is_written, group in itertools.groupby(syllables, _is_character):
        run = tuple(group)
        own = [f"{''.join(phone.symbol for phone in syllable.phones)}{syllable.tone}" for syllable in run]
        spelled += _cantonese_characters(run, own) if is_written else own
    symbols = (symbol for jyutping in spelled for symbol in cantonese.syllable_symbols(jyutping))
    return Reading((*symbols, *([mark] if mark else [])), notices=cantonese.unknown_notices(spelled))


def _cantonese_characters(syllables: Sequence[Syllable], own: Sequence[str]) -> list[str]:
    """Return the Jyutping of characters in their context; `own` where a character has several syllables, or none, there."""
    read = cantonese.jyutping_of("".join(syllable.text for syllable in syllables))
    return [jyutping if len(jyutping.split()) == 1 else spelled for jyutping, spelled in zip(read, own, strict=True)]


_READERS = {"en": _english, "zh": _mandarin, "ja": _japanese, "ko": _korean, "yue": _cantonese}
