"""Words to the phonemes of GPT-SoVITS (names as in `engine.model.gpt_sovits.symbols`).

English: ARPAbet with the stress of the syllable on its vowel. Mandarin: initial and final with its tone, where a syllable without a written
initial gets y, w or one of AA, EE, OO. Japanese: the phones of the morae when sung; when spoken, OpenJTalk's reading with the rises and falls
of its pitch accents (after K. Kurihara et al., 2021). Cantonese: the initial and final of Jyutping, each with a Y in front. Korean: letters
of Hangul as said, compound vowels and glides as two, ㅇ in front of a bare vowel, 空 between words. Other spaces are not read.
"""

from __future__ import annotations

import importlib
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import ModuleType

from engine.errors import VoiceError
from engine.lyrics import Syllable, read_spoken_text
from engine.model.gpt_sovits.symbols import TABLE_LANGUAGES, UNKNOWN, symbol_table
from engine.performance.types import Utterance

READABLE = TABLE_LANGUAGES["v2"]
_MARKS = {0: "", 1: ",", 2: "."}
_SHORTEST_ENGLISH, _SHORTEST = 4, 6  # fewer phonemes than these are swallowed unless a mark stands in front

_ARPABET_VOWELS = frozenset("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split())
_FINALS = {"iou": "iu", "uei": "ui", "uen": "un", "ii": "i0", "iii": "ir", "ê": "E", "io": "o"}
_AFTER_Y = {"i": "i", "ia": "a", "io": "o", "ie": "E", "iao": "ao", "iou": "ou", "ian": "En", "in": "in", "iang": "ang"}
_AFTER_Y |= {"ing": "ing", "iong": "ong", "v": "v", "ve": "ve", "van": "van", "vn": "vn"}
_AFTER_W = {"u": "u", "ua": "a", "uo": "o", "uai": "ai", "uei": "ei", "uan": "an", "uen": "en", "uang": "ang", "ueng": "eng"}
_OPEN = {"a": "AA", "e": "EE", "ê": "EE", "o": "OO"}
_NEUTRAL_TONE = 5

_MORA_CONSONANTS = {"ty": "t y", "fy": "f y", "kw": "k w", "gw": "g w"}  # sounds of foreign words that the tables lack
_LABEL = re.compile(r"-(?P<phone>.*?)\+.*/A:(?P<a1>-?\d+|xx)\+(?P<a2>\d+|xx)\+(?P<a3>\d+|xx).*/F:(?P<f1>\d+|xx)_")
_MORAIC = frozenset({*"aiueoAIUEO", "N", "cl"})

_KOREAN_SPACE, _KOREAN_NO_ONSET = "空", "ㅇ"
_KOREAN_ONSETS = dict(
    zip("g kk n d tt r m b pp s ss j jj ch k t p h".split(), "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅈㅉㅊㅋㅌㅍㅎ", strict=True)
)
_KOREAN_ONSETS |= {"sh": "ㅅ", "ssh": "ㅆ"}
_KOREAN_VOWELS = dict(zip("a ae eo e o u eu i".split(), "ㅏㅐㅓㅔㅗㅜㅡㅣ", strict=True))
_KOREAN_VOWELS |= dict(zip("ya yae yeo ye yo yu".split(), "ㅣㅏ ㅣㅐ ㅣㅓ ㅣㅔ ㅣㅗ ㅣㅜ".split(), strict=True))
_KOREAN_VOWELS |= dict(zip("wa wae oe wo we wi ui".split(), "ㅗㅏ ㅗㅐ ㅗㅣ ㅜㅓ ㅜㅔ ㅜㅣ ㅡㅣ".split(), strict=True))
_KOREAN_CODAS = dict(zip("K N T L M P NG".split(), "ㄱㄴㄷㄹㅁㅂㅇ", strict=True))

_JYUTPING_CONSONANTS = ("kw", "gw", "ng", *"pbtdkgfhlmnswczj")
_JYUTPING_BARE = ("aa", "ai", "au", "ap", "at", "ak", "a", "e", "ong", "on", "ou", "oi", "ok", "o", "uk", "ung")
_PUNCTUATION = str.maketrans("，。！？：；、·\n", ",.!?,,,,.")


@dataclass(frozen=True)
class ChineseRun:
    """Characters whose symbols stand together, from number `start` on; `counts[i]` symbols belong to `characters[i]`."""

    characters: str
    start: int
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Reading:
    """A text as the networks read it. `notices` are full sentences."""

    symbols: tuple[str, ...]
    chinese: tuple[ChineseRun, ...] = ()
    notices: tuple[str, ...] = ()


def read_utterance(utterance: Utterance) -> Reading:
    """The phonemes of a phrase, with a mark at its end."""
    reading = Reading(())
    previous = ""
    for language, chunk, mark in _chunks(utterance):
        if language == previous == "ko":
            reading = _joined(reading, Reading((_KOREAN_SPACE,)))
        previous = language
        reading = _joined(reading, _READERS[language](chunk, mark, utterance.speech_rate is not None))
    return _long_enough(reading)


def read_reference_text(text: str, language: str) -> Reading:
    """The phonemes of what a reference clip says. Raises VoiceError if nothing reads its language."""
    if language not in READABLE:
        raise VoiceError(
            f"There is nothing here that reads '{language}' text; {', '.join(READABLE)} can be read. Leave the text out to do without."
        )
    if language == "yue":
        return _long_enough(_cantonese_text(text))
    reading = Reading(())
    for line in read_spoken_text(text, language=language):
        spoken = Utterance(line.words, line.pauses, line.is_question, speech_rate=1.0)
        reading = _joined(reading, replace(read_utterance(spoken), notices=line.notices))
    if not reading.symbols:
        raise VoiceError(f"The text {text[:40]!r} has no words to read.")
    return _long_enough(reading)


def _chunks(utterance: Utterance) -> Iterator[tuple[str, list[Syllable], str]]:
    """Syllables of one language up to a pause, and the mark of that pause."""
    pending: list[Syllable] = []
    marks = [_MARKS[pause] for pause in utterance.pauses]
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


def _joined(first: Reading, second: Reading) -> Reading:
    runs = list(first.chinese)
    for run in second.chinese:
        start = run.start + len(first.symbols)
        if runs and runs[-1].start + sum(runs[-1].counts) == start:
            runs[-1] = ChineseRun(runs[-1].characters + run.characters, runs[-1].start, runs[-1].counts + run.counts)
        else:
            runs.append(replace(run, start=start))
    return Reading(first.symbols + second.symbols, tuple(runs), tuple(dict.fromkeys((*first.notices, *second.notices))))


def _long_enough(reading: Reading) -> Reading:
    return _joined(Reading((".",)), reading) if 0 < len(reading.symbols) < _SHORTEST else reading


# --- English ------------------------------------------------------------------------------------------------------------------


def _english(syllables: Sequence[Syllable], mark: str, is_spoken: bool) -> Reading:
    symbols = [
        f"{phone.symbol}{syllable.stress}" if phone.symbol in _ARPABET_VOWELS else phone.symbol
        for syllable in syllables
        for phone in syllable.phones
    ]
    symbols += [mark] if mark else []
    return Reading((",", *symbols) if len(symbols) < _SHORTEST_ENGLISH else tuple(symbols))


# --- Mandarin -----------------------------------------------------------------------------------------------------------------


def _mandarin(syllables: Sequence[Syllable], mark: str, is_spoken: bool) -> Reading:
    symbols = [symbol for syllable in syllables for symbol in _initial_and_final(syllable)]
    symbols += [mark] if mark else []
    characters = [syllable.text for syllable in syllables] + ([mark] if mark else [])
    if not all(len(character) == 1 for character in characters):  # pinyin was written
        return Reading(tuple(symbols))
    counts = (2,) * len(syllables) + ((1,) if mark else ())
    return Reading(tuple(symbols), (ChineseRun("".join(characters), 0, counts),))


def _initial_and_final(syllable: Syllable) -> tuple[str, str]:
    final, tone = syllable.vowel.symbol, syllable.tone or _NEUTRAL_TONE
    if syllable.nucleus:
        return syllable.phones[0].symbol, f"{_FINALS.get(final, final)}{tone}"
    if final in _AFTER_Y:
        return "y", f"{_AFTER_Y[final]}{tone}"
    if final in _AFTER_W:
        return "w", f"{_AFTER_W[final]}{tone}"
    return _OPEN.get(final[0], UNKNOWN), f"{_FINALS.get(final, final)}{tone}"


# --- Japanese -----------------------------------------------------------------------------------------------------------------


def _japanese(syllables: Sequence[Syllable], mark: str, is_spoken: bool) -> Reading:
    symbols: Iterable[str]
    notices: tuple[str, ...] = ()
    library = accent_library() if is_spoken else None
    if library is not None:
        words = [syllable.word for syllable in syllables if syllable.is_word_start]
        symbols = _accented(library.extract_fullcontext("".join(words)))
    else:
        symbols = (symbol for s in syllables for phone in s.phones for symbol in _mora_symbols(phone.symbol))
        if is_spoken:
            notices = (
                "Japanese is read without its pitch accents; they need the package pyopenjtalk-plus (pip install 'vocalese[ja]').",
            )
    return Reading((*symbols, *([mark] if mark else [])), notices=notices)


def _mora_symbols(symbol: str) -> list[str]:
    return _MORA_CONSONANTS.get(symbol, symbol).split()


def _accented(labels: Sequence[str]) -> Iterator[str]:
    """Phones with `[` where the pitch rises, `]` where it falls, `#` between accent phrases and `_` for a short pause.

    Of a label, a1 is the distance to the accent in morae, a2 and a3 the mora's place counted from the start and from the end of its accent
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
            yield "#"
        elif context["a1"] == "0" and after == place + 1 and context["f1"] != context["a2"]:
            yield "]"
        elif place == 1 and after == 2:
            yield "["


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
    spelled = [f"{''.join(phone.symbol for phone in syllable.phones)}{syllable.tone}" for syllable in syllables]
    symbols = (symbol for jyutping in spelled for symbol in _jyutping_symbols(jyutping))
    return Reading((*symbols, *([mark] if mark else [])), notices=_without_phonemes(spelled))


def _cantonese_text(text: str) -> Reading:
    library = _library("ToJyutping")
    if library is None:
        raise VoiceError("Cantonese text needs the package ToJyutping: pip install 'vocalese[yue]', or leave the text out.")
    symbols: list[str] = []
    spelled: list[str] = []
    for character, jyutping in library.get_jyutping_list(text):
        if jyutping is None:
            mark = character.translate(_PUNCTUATION)
            symbols += [mark] if mark in ",.!?" else []
            continue
        for syllable in jyutping.split():
            symbols += _jyutping_symbols(syllable)
            spelled.append(syllable)
    if not symbols:
        raise VoiceError(f"The text {text[:40]!r} has no words to read.")
    return Reading((*symbols, *([] if symbols[-1] in ",.!?" else ["."])), notices=_without_phonemes(spelled))


def _jyutping_symbols(syllable: str) -> tuple[str, str]:
    """Initial and final with its tone, a `Y` before both. A syllable without a consonant, or that is one, begins twice the same."""
    sound, tone = syllable[:-1], syllable[-1]
    initial = next((c for c in (*_JYUTPING_CONSONANTS, *_JYUTPING_BARE) if sound.startswith(c)), sound)
    final = sound[len(initial) :] or initial[-1]
    return f"Y{initial}", f"Y{final}{tone}"


def _without_phonemes(spelled: Iterable[str]) -> tuple[str, ...]:
    """What there is to say about syllables that the official table lacks, such as deu6."""
    table = symbol_table("v2")
    odd = list(dict.fromkeys(jyutping for jyutping in spelled if not all(s in table for s in _jyutping_symbols(jyutping))))
    return (
        (f"GPT-SoVITS has no phonemes for {', '.join(odd[:5])}; what the voice makes of such syllables is open.",)
        if odd
        else ()
    )


def accent_library() -> ModuleType | None:
    """OpenJTalk, which knows Japanese pitch accents, if it is installed."""
    return _library("pyopenjtalk")


def _library(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


_READERS = {"en": _english, "zh": _mandarin, "ja": _japanese, "ko": _korean, "yue": _cantonese}
