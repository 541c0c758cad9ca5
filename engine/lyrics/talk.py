"""Running text for talk mode: sentences of words with the pauses that punctuation asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from .dictionary import UserDictionary
from .pronounce import Pronouncer, detect_language
from .syllables import emphasised
from .text import Notices, emphasised_parts, normalise, with_emphasis, words_in
from .types import SpokenLine, Syllable

MAX_TEXT_CHARACTERS = 200_000
MAX_SENTENCE_WORDS = 120  # a text without full stops is cut, so that it can be rendered piece by piece
NO_PAUSE, COMMA, SENTENCE_END = 0, 1, 2
_SENTENCE_MARKS = ".!?\u2026\u3002"
_ABBREVIATIONS = {
    "mr": "mister",
    "mrs": "missus",
    "ms": "miz",
    "dr": "doctor",
    "st": "saint",
    "vs": "versus",
    "etc": "etcetera",
}
_ABBREVIATION = re.compile(rf"\b({'|'.join(_ABBREVIATIONS)})\.", re.IGNORECASE)
_INITIALS = re.compile(r"\b(?:[^\W\d_]\.){2,}")
_HIDDEN_DOT = "\u2024"  # does not survive `normalise`, so it cannot be in the text
# A chunk of text and the mark that ends it; a dot or comma inside a number ends nothing.
_MARK = re.compile(
    r"(?:(?<!\d)[.,:]|[.,:](?!\d)|[!?;\u2026\u3001\u3002\u00a1\u00bf()\[\]\u2014\u2013]|\s-\s|\n+)[\s.,!?;:\u2026)\]\"']*"
)


class _Word(NamedTuple):
    text: str
    is_emphasised: bool


def read_spoken_text(text: str, *, language: str = "en", dictionary: UserDictionary | None = None) -> tuple[SpokenLine, ...]:
    """Sentences of `text`. Words that nothing can pronounce are left out with a notice on the line."""
    first_notices = Notices()
    if len(text) > MAX_TEXT_CHARACTERS:
        first_notices.add(f"The text has {len(text)} characters; the first {MAX_TEXT_CHARACTERS} are spoken.")
    clean = normalise(text[:MAX_TEXT_CHARACTERS])
    language = detect_language([clean], language)
    lines = []
    notices = first_notices
    for chunks, is_question in _sentences(clean):
        line = _spoken_line(chunks, is_question, Pronouncer(language, dictionary, notices), notices)
        if line.words:
            lines.append(line)
            notices = Notices()
    return tuple(lines)


def _sentences(text: str) -> Iterator[tuple[list[list[_Word]], bool]]:
    """(words between pauses, is it a question) of each sentence."""
    chunks: list[list[_Word]] = []
    for words, mark in _chunks(text):
        if words:
            chunks.append(words)
        is_end = any(c in _SENTENCE_MARKS for c in mark) or "\n" in mark or not mark
        if chunks and (is_end or sum(map(len, chunks)) >= MAX_SENTENCE_WORDS):
            yield chunks, "?" in mark
            chunks = []
    if chunks:
        yield chunks, False


def _chunks(text: str) -> Iterator[tuple[list[_Word], str]]:
    """Words and the punctuation behind them, at most `MAX_SENTENCE_WORDS` at a time."""
    text = _ABBREVIATION.sub(lambda match: _ABBREVIATIONS[match[1].lower()], text)
    text = _INITIALS.sub(lambda match: match[0].replace(".", _HIDDEN_DOT), text)
    text = with_emphasis(text)
    position, is_emphasised = 0, False
    for mark in _MARK.finditer(text):
        parts = emphasised_parts(text[position : mark.start()], is_emphasised)
        yield from _pieces(_words(parts), mark[0])
        position, is_emphasised = mark.end(), parts[-1][1]
    yield from _pieces(_words(emphasised_parts(text[position:], is_emphasised)), "")


def _words(parts: list[tuple[str, bool]]) -> list[_Word]:
    return [_Word(word, is_emphasised) for part, is_emphasised in parts for word in words_in(part.replace(_HIDDEN_DOT, "."))]


def _pieces(words: list[_Word], mark: str) -> Iterator[tuple[list[_Word], str]]:
    while len(words) > MAX_SENTENCE_WORDS:
        yield words[:MAX_SENTENCE_WORDS], ","
        words = words[MAX_SENTENCE_WORDS:]
    yield words, mark


def _spoken_line(chunks: list[list[_Word]], is_question: bool, pronouncer: Pronouncer, notices: Notices) -> SpokenLine:
    words: list[tuple[Syllable, ...]] = []
    pauses: list[int] = []
    for chunk in chunks:  # sounds do not meet over a pause
        for number, word in enumerate(chunk):
            before = chunk[number - 1].text if number else ""
            after = chunk[number + 1].text if number + 1 < len(chunk) else ""
            if syllables := pronouncer.word(word.text, before=before, after=after):
                words.append(emphasised(syllables) if word.is_emphasised else syllables)
                pauses.append(NO_PAUSE)
        if pauses:
            pauses[-1] = COMMA
    if pauses:
        pauses[-1] = SENTENCE_END
    return SpokenLine(pronouncer.language, tuple(words), tuple(pauses), is_question, notices.as_tuple())
