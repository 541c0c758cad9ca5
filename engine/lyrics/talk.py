"""Running text for talk mode: sentences of words with the pauses of their punctuation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from .dictionary import UserDictionary
from .normalise import apart_by_script, cut_unmarked
from .phones import is_arpabet
from .pronounce import Pronouncer, detect_language, rules_for
from .syllables import emphasise
from .text import Notices, emphasised_parts, normalise, quote, unreadable_signs, with_emphasis, words_in
from .tokens import HINTED_WORD
from .types import SpokenLine, Syllable

MAX_TEXT_CHARACTERS = 200_000
MAX_SENTENCE_WORDS = 120  # a text without full stops is cut, so that it can be rendered piece by piece
NO_PAUSE, COMMA, SENTENCE_END = 0, 1, 2
_SENTENCE_MARKS = ".!?\u2026\u3002"
_INITIALS = re.compile(r"\b(?:[^\W\d_]\.){2,}")
_HIDDEN_DOT = "\u2024"  # does not survive `normalise`, so it cannot be in the text
_HINT_SIGN = "\ue002"  # removed by `normalise` too; replaces the hint of the word in front of it
# A chunk of text and the mark that ends it; a dot or comma inside a number ends nothing.
_MARK = re.compile(
    r"(?:(?<!\d)[.,:]|[.,:](?!\d)|[!?;\u2026\u3001\u3002\u00a1\u00bf()\[\]\u2014\u2013]|\s-\s|\n+)[\s.,!?;:\u2026)\]\"']*"
)


class _Word(NamedTuple):
    text: str
    is_emphasised: bool
    hint: tuple[str, ...] = ()


def read_spoken_text(
    text: str,
    *,
    language: str = "en",
    dictionary: UserDictionary | None = None,
    written_out: Callable[[str, str], str] | None = None,
) -> tuple[SpokenLine, ...]:
    """Return the sentences of `text`. Words that cannot be pronounced are left out with a notice on the line.

    `written_out` is for voices with rules of their own for figures: it takes a text and its language and returns the text with figures in
    words.
    """
    first_notices = Notices()
    if len(text) > MAX_TEXT_CHARACTERS:
        first_notices.add(f"The text has {len(text)} characters; the first {MAX_TEXT_CHARACTERS} are spoken.")
    clean = normalise(text[:MAX_TEXT_CHARACTERS])
    language = detect_language([clean], language)
    if written_out is not None:
        clean = normalise(written_out(text[:MAX_TEXT_CHARACTERS], language))
    rules = rules_for(language)
    spelled = rules.spell_out(clean)
    if rules.splits_scripts:
        spelled = apart_by_script(spelled, rules.code)
    spelled, cut = cut_unmarked(spelled)
    if cut:
        first_notices.add(cut)
    if signs := unreadable_signs(text[:MAX_TEXT_CHARACTERS], spelled):
        first_notices.add(f"{quote(signs)} cannot be spoken and is left out.")
    lines = []
    notices = first_notices
    for chunks, is_question in _sentences(spelled):
        line = _spoken_line(chunks, is_question, Pronouncer(language, dictionary, notices, [clean]), notices)
        if line.words:
            lines.append(line)
            notices = Notices()
    return tuple(lines)


def _sentences(text: str) -> Iterator[tuple[list[list[_Word]], bool]]:
    """Yield (words between pauses, True for a question) of each sentence."""
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
    """Yield words and the punctuation behind them, at most `MAX_SENTENCE_WORDS` at a time."""
    hints: list[tuple[str, ...]] = []

    def without_hint(match: re.Match[str]) -> str:
        hint = tuple(re.split(r"[\s,]+", match[2].strip()))
        if not any(map(str.isalnum, match[1])) and not is_arpabet(hint):
            return match[0]  # an aside in brackets
        hints.append(hint)
        return match[1] + _HINT_SIGN

    text = HINTED_WORD.sub(without_hint, text)
    waiting = iter(hints)
    text = _INITIALS.sub(lambda match: match[0].replace(".", _HIDDEN_DOT), text)
    text = with_emphasis(text)
    position, is_emphasised = 0, False
    for mark in _MARK.finditer(text):
        parts = emphasised_parts(text[position : mark.start()], is_emphasised)
        yield from _pieces(_words(parts, waiting), mark[0])
        position, is_emphasised = mark.end(), parts[-1][1]
    yield from _pieces(_words(emphasised_parts(text[position:], is_emphasised), waiting), "")


def _words(parts: list[tuple[str, bool]], hints: Iterator[tuple[str, ...]]) -> list[_Word]:
    """Return the words of the parts of a text. Each `_HINT_SIGN` gives the next of `hints` to the word in front of it."""
    words: list[_Word] = []
    for part, is_emphasised in parts:
        pieces = part.replace(_HIDDEN_DOT, ".").split(_HINT_SIGN)
        for number, piece in enumerate(pieces):
            found = [_Word(word, is_emphasised) for word in words_in(piece)]
            if number + 1 < len(pieces):
                hint = next(hints)
                if found and not piece[-1:].isspace():
                    found[-1] = found[-1]._replace(hint=hint)
                else:
                    found.append(_Word("", is_emphasised, hint))
            words += found
    return words


def _pieces(words: list[_Word], mark: str) -> Iterator[tuple[list[_Word], str]]:
    while len(words) > MAX_SENTENCE_WORDS:
        yield words[:MAX_SENTENCE_WORDS], ","
        words = words[MAX_SENTENCE_WORDS:]
    yield words, mark


def _spoken_line(chunks: list[list[_Word]], is_question: bool, pronouncer: Pronouncer, notices: Notices) -> SpokenLine:
    words: list[tuple[Syllable, ...]] = []
    pauses: list[int] = []
    for chunk in chunks:  # no context across a pause
        for number, word in enumerate(chunk):
            before = chunk[number - 1].text if number else ""
            after = chunk[number + 1].text if number + 1 < len(chunk) else ""
            hinted = pronouncer.read_hint(word.text, word.hint) if word.hint else ()
            if syllables := hinted or (pronouncer.word(word.text, before=before, after=after) if word.text else ()):
                words.append(emphasise(syllables) if word.is_emphasised else syllables)
                pauses.append(NO_PAUSE)
        if pauses:
            pauses[-1] = COMMA
    if pauses:
        pauses[-1] = SENTENCE_END
    return SpokenLine(pronouncer.language, tuple(words), tuple(pauses), is_question, notices.as_tuple())
