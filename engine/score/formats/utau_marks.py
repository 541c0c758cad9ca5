"""Lyric marks of UTAU and OpenUtau, translated from and to the convention in `score.types`.

UTAU voices name their recordings by the sound before the syllable ("o し"), the pitch ("しC4", "し_C4", "し↑"), the consonant after it ("o sh"
on a note of its own) and the end ("o R"). Only the syllable is part of the score.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from engine.score.types import HOLD, NEXT_SYLLABLE, REST_MARKS

from .ds_phonemes import is_pinyin_syllable, is_pinyin_text

UTAU_HOLDS = frozenset({"+~", "+*", "-", "ー"})
UTAU_RESTS = frozenset({"R", "r"})

_KANA = r"[\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\uff66-\uff9f]"
_HAS_KANA = re.compile(_KANA)
_BEFORE = re.compile(r"(?:[-*・]|[aiueonN]|ng|ん)\s+(?=\S)")
_PITCH = r"_?[A-G][#b♯♭]?[1-8]"
_SUFFIX = re.compile(rf"(?<=.)(?:{_PITCH}|[↑↓⇑⇓]+)$")
# Suffixes of singers: the end of a note recorded with its vowel (あ息, い吸), and the manner (強, 裏).
_VOICE_NAMES = "強弱裏表地高低上下囁叫甘力優暗明柔硬濁息吸"
_KANA_SYLLABLE = re.compile(rf"[・*]*('?{_KANA}+)(?:[^\s\u3041-\u30ff\uff66-\uff9f\u3400-\u9fff\[\]-]|[{_VOICE_NAMES}])*")
_CONSONANT = re.compile(r"(?:[kgsztdnhbpmrl]y?|zh|x|c|sh|ch|ts|j|f|v|y|w|ng|q|cl|・|')", re.IGNORECASE)
_END = re.compile(r"(?:R|-|息|吸)_?\d*")
_BREATH = re.compile(r"(?:息|吸|br|breath|ブレス|ﾌﾞﾚｽ)_?\d*R?", re.IGNORECASE)
_HAS_CHARACTERS = re.compile(r"[\u3400-\u9fff\uac00-\ud7a3]")
_LATIN_BEFORE = re.compile(r"(?:[-*]|[A-Za-z]{1,4})\s+(?=\S)")  # of Hangul and Chinese characters
ROMAJI_SYLLABLE = re.compile(r"(?:[kgszjtdnhbpmr]y|sh|ch|ts|[kgsztdnhfbpmyrwvj])?[aiueo]|n|n'")
_LATIN_ALIASES: tuple[tuple[re.Pattern[str], str, Callable[[str], object]], ...] = (
    (_BEFORE, "ja", ROMAJI_SYLLABLE.fullmatch),
    (re.compile(r"(?:[-*]|[a-zü]{1,4})\s+(?=\S)"), "zh", is_pinyin_syllable),
)
_LEAST_ALIASES = 2
_LONGEST_ALIAS = 3  # letters
_ALIAS_SHARE = 0.3


def from_utau(text: str) -> str | None:
    """Return one lyric of a UST or USTX file as a word or a mark."""
    text = text.strip()
    if text in UTAU_HOLDS:
        return HOLD
    if text in UTAU_RESTS:
        return "R"
    return text or None


def read_aliases(lyrics: Sequence[str | None]) -> tuple[tuple[str | None, ...], str | None]:
    """Return the lyrics of a track, in order, with aliases as their syllables; and "ja" or "zh" if they are romaji or pinyin."""
    written = [(lyric or "").strip() for lyric in lyrics]
    if any(map(_HAS_KANA.search, written)):
        return tuple(_read_alias(lyric, _BEFORE) for lyric in written), None
    if any(map(_HAS_CHARACTERS.search, written)) and not _have_words(written):
        return tuple(_read_alias(lyric, _LATIN_BEFORE) for lyric in written), None
    for before, language, is_syllable in _LATIN_ALIASES:
        if _are_aliases(written, before, is_syllable):
            return tuple(_read_alias(lyric, before) for lyric in written), language
    read = tuple(from_utau(_SUFFIX.sub("", lyric)) for lyric in written)
    words = [lyric for lyric in read if lyric and lyric not in (HOLD, NEXT_SYLLABLE, *REST_MARKS)]
    return read, "zh" if is_pinyin_text(words) else None


def _have_words(lyrics: Iterable[str]) -> bool:
    """Return True if there are Latin words beside the characters, longer than those of an alias."""
    return any(len(word) > _LONGEST_ALIAS for lyric in lyrics for word in re.findall(r"[A-Za-z']+", lyric))


def _are_aliases(lyrics: Iterable[str], before: re.Pattern[str], is_syllable: Callable[[str], object]) -> bool:
    """Return True if aliases ("a ka", "a k", "- ka", "a R") are a large share, and all other lyrics are syllables of their language."""
    texts = [text for lyric in lyrics if (text := _SUFFIX.sub("", lyric)) and from_utau(text) not in (HOLD, "R", NEXT_SYLLABLE)]
    bare = [before.sub("", text, count=1) for text in texts]
    aliases = sum(before.match(text) is not None for text in texts)
    known = all(is_syllable(text) or any(kind.fullmatch(text) for kind in (_CONSONANT, _END, _BREATH)) for text in bare)
    return known and aliases >= max(_LEAST_ALIASES, _ALIAS_SHARE * len(texts))


def _read_alias(lyric: str, before: re.Pattern[str]) -> str | None:
    if from_utau(lyric) in (None, HOLD, "R"):
        return from_utau(lyric)
    follows = before.match(lyric) is not None
    text = before.sub("", lyric, count=1)
    bare = _SUFFIX.sub("", text)
    if _BREATH.fullmatch(bare):
        return "AP"
    if follows and _END.fullmatch(bare):
        return "R"
    if follows and _CONSONANT.fullmatch(bare):
        return "R" if text != lyric and lyric[0] in "-*" else HOLD  # on the way to the syllable of the next note
    if syllable := _KANA_SYLLABLE.fullmatch(text):
        return from_utau(syllable[1])
    return from_utau(bare)


def _join(word: str, piece: str) -> str:
    """Return two pieces of a word as one, emphasised if one of them is."""
    star = "*" * ("*" in (word[:1], piece[:1]))
    return f"{star}{word.strip('*')}{piece.strip('*')}{star}"


def to_utau(lyrics: Iterable[str | None]) -> list[str]:
    """Return the lyrics of a track, in order. Words written with hyphens ("a-" "way") become one word and "+" marks."""
    result: list[str] = []
    word_start: int | None = None  # place of an unfinished word
    for lyric in lyrics:
        if lyric is None or lyric == HOLD:
            result.append("" if lyric is None else "+~")
            continue
        goes_on = lyric.endswith("-")
        text = lyric.removesuffix("-")
        if word_start is None or text.startswith(NEXT_SYLLABLE) or text in REST_MARKS:
            word_start = None
            result.append(text)
        else:
            result[word_start] = _join(result[word_start], text)
            result.append(NEXT_SYLLABLE)
        word_start = (len(result) - 1 if word_start is None else word_start) if goes_on else None
    return result
