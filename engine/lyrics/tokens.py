"""Tokens of a note's lyric: words with their hints, and the marks of `engine.score.types`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto

from engine.score.types import BREATH_MARKS, REST_MARKS

from .languages.english import is_dictionary_word, letter_phones
from .text import MAX_LYRIC_CHARACTERS, Notices, emphasised_parts, normalise, quote, unreadable_signs, with_emphasis, words_in

_HOLD_MARKS = frozenset(("-", "+~", "+*", "\u30fc", "\u2013", "\u2014", "\u2015", "~", "\u3063", "\u30c3"))
_EMPTY_MARKS = frozenset(("_",))
_PIECE = re.compile(r"[^\s\[\]]*\[[^\[\]]*\]|\S+")
_NEXT = re.compile(r"\+(\d{0,3})", re.ASCII)
# In running text. A match starts with a word, so that the time is linear in the length of the text.
HINTED_WORD = re.compile(r"(?<![^\s\[\]])([^\s\[\]]*)\[\s*([^\[\]\s][^\[\]]{0,200})\]")
_HINT = re.compile(r"([^\[\]]*)\[([^\[\]]*)\]")


class TokenKind(Enum):
    """Kinds of tokens."""

    WORD = auto()
    NEXT = auto()  # "+": the next syllable of the word before
    HOLD = auto()
    BREATH = auto()
    REST = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a mark of a lyric."""

    kind: TokenKind
    text: str = ""  # of a word, without its marks
    hint: tuple[str, ...] = ()  # phones in brackets
    goes_on: bool = False  # "a-": the word continues at the next written syllable
    continues: bool = False  # "-way": belongs to the word before
    glottal: bool = False
    is_emphasised: bool = False
    index: int = 0  # of "+2": number of the syllable, 0 = the next one

    def written(self) -> str:
        """Return the token as a lyric, as in `engine.score.types`."""
        if self.kind is TokenKind.WORD:
            hint_phones = with_letter_hint(self).hint
            hint = f"[{' '.join(hint_phones)}]" if hint_phones else ""
            star = "*" * self.is_emphasised
            return f"{'-' * self.continues}{star}{chr(39) * self.glottal}{self.text}{hint}{star}{'-' * self.goes_on}"
        marks = {TokenKind.NEXT: "+", TokenKind.HOLD: "-", TokenKind.BREATH: "AP", TokenKind.REST: "R"}
        return marks[self.kind] + (str(self.index) if self.index else "")


def read_tokens(
    lyric: str | None, notices: Notices, where: str = "A lyric", spell_out: Callable[[str], str] = str
) -> tuple[Token, ...] | None:
    """Return the tokens of a lyric; None if it is empty, () with a notice if it cannot be sung.

    `spell_out` puts numbers with units and the like into words of the language (`Language.spell_out`).
    """
    if not lyric:
        return None
    if len(lyric) > MAX_LYRIC_CHARACTERS:
        notices.add(f"{where} has {len(lyric)} characters; the first {MAX_LYRIC_CHARACTERS} are used.")
    text = normalise(lyric[:MAX_LYRIC_CHARACTERS]).strip()
    if text in _EMPTY_MARKS or (not text and lyric.isspace()):
        return None
    text = spell_out(text)
    tokens = tuple(
        replace(token, is_emphasised=is_emphasised) if token.kind is TokenKind.WORD else token
        for part, is_emphasised in emphasised_parts(with_emphasis(text))
        for piece in _PIECE.findall(part)
        for token in _piece_tokens(piece)
    )
    if not tokens:
        notices.add(f"{where} {quote(lyric)} has nothing that can be sung.")
    elif signs := unreadable_signs(lyric[:MAX_LYRIC_CHARACTERS], text):
        notices.add(f"{quote(signs)} cannot be sung and is left out.")
    return tokens


def with_letter_hint(token: Token) -> Token:
    """Return the token with the names of its letters as hint if its text alone would be read as a mark ("R" is a rest)."""
    is_ambiguous = token.kind is TokenKind.WORD and not token.hint and _mark(token.text) is not None
    return replace(token, hint=letter_phones(token.text)) if is_ambiguous else token


def _piece_tokens(piece: str) -> list[Token]:
    if mark := _mark(piece):
        return [mark]
    if hint := _HINT.fullmatch(piece):
        return _hinted_tokens(hint[1], tuple(re.split(r"[\s,]+", hint[2].strip())))
    words = words_in(piece)
    tokens = [_word(word) for word in words]
    if tokens and len(piece) > 1:
        if piece[-1] == "-" and piece[-2] != "-":
            tokens[-1] = replace(tokens[-1], goes_on=True)
        if piece[0] == "-" and piece[1] != "-":
            tokens[0] = replace(tokens[0], continues=True)
    return tokens


def _mark(piece: str) -> Token | None:
    if piece in _HOLD_MARKS or (len(piece) > 1 and set(piece) <= {"-", "\u30fc", "_", "~"}):
        return Token(TokenKind.HOLD)
    if piece in BREATH_MARKS:
        return Token(TokenKind.BREATH)
    if piece in REST_MARKS:
        return Token(TokenKind.REST)
    if next_syllable := _NEXT.fullmatch(piece):
        return Token(TokenKind.NEXT, index=int(next_syllable[1] or 0))
    return None


def _hinted_tokens(text: str, phones: tuple[str, ...]) -> list[Token]:
    words = words_in(text)
    word = _word(words[0]) if words else Token(TokenKind.WORD)
    return [replace(word, hint=tuple(phone for phone in phones if phone))] if words or any(phones) else []


def _word(word: str) -> Token:
    is_glottal = word.startswith("'") and not is_dictionary_word(word) and not is_dictionary_word(word.rstrip("'"))
    return Token(TokenKind.WORD, word[1:] if is_glottal else word, glottal=is_glottal)
