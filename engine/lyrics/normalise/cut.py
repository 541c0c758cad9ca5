"""Cuts between words in long text without punctuation, for scripts without spaces. No voice can say hundreds of syllables at once."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.lyrics.han import han_words, simplify
from engine.lyrics.languages.base import is_han, is_kana

LONGEST_UNMARKED = 100  # characters
_LONGEST_PIECE, _ROOM = 60, 6  # the room allows for words that end later
_UNMARKED = re.compile(r"[^.,!?;:\u2026\u3001\u3002\uff0c\uff01\uff1f\uff1b\uff1a()\[\]\u2014\u2013\n]+")
_STOP = "\u3002"


def cut_unmarked(text: str) -> tuple[str, str]:
    """Return the text with full stops in too long runs of Han characters or kana, and a sentence about it ("" if there are none)."""
    longest = 0
    pieces = 0

    def cut(match: re.Match[str]) -> str:
        nonlocal longest, pieces
        stretch = match[0]
        size = sum(map(_is_unspaced, stretch))
        if size <= LONGEST_UNMARKED:
            return stretch
        parts = list(_pieces(stretch))
        longest, pieces = max(longest, size), pieces + len(parts)
        return _STOP.join(parts)

    marked = _UNMARKED.sub(cut, text)
    if not pieces:
        return text, ""
    return marked, (
        f"The text has {longest} characters in a row without a mark; such stretches are cut into {pieces} pieces between words. "
        "Set marks where the voice should pause."
    )


def _pieces(stretch: str) -> Iterator[str]:
    """Yield pieces of about equal length that end with a word, as far as the words are short enough."""
    count = -(-len(stretch) // (_LONGEST_PIECE - _ROOM))
    wanted = -(-len(stretch) // count)
    piece = ""
    for word in _words(stretch):
        if piece and len(piece) + len(word) / 2 > wanted:
            yield piece
            piece = ""
        piece += word
        while len(piece) > _LONGEST_PIECE:
            yield piece[:_LONGEST_PIECE]
            piece = piece[_LONGEST_PIECE:]
    if piece:
        yield piece


def _words(stretch: str) -> Iterator[str]:
    """Yield words of Chinese; of Japanese, phrases that end in hiragana. Joined they are the stretch."""
    if any(map(is_kana, stretch)):
        yield from re.findall(r"[^\u3041-\u3096]*[\u3041-\u3096\u30fc]+|[^\u3041-\u3096]+", stretch)
        return
    start = 0
    for word in han_words(simplify(stretch)):
        yield stretch[start : start + len(word.text)]
        start += len(word.text)


def _is_unspaced(character: str) -> bool:
    return is_han(character) or is_kana(character)
