"""Words to slots before their notes are known: a "+" for every further syllable of a word."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from .pronounce import Pronouncer
from .tokens import Token, TokenKind
from .words import MAX_SYLLABLES_PER_NOTE, Tokens


def is_free(tokens: Sequence[Token], i: int) -> bool:
    """Return True if token `i` is a whole word whose further syllables the writer has not marked."""
    token = tokens[i]
    if token.kind is not TokenKind.WORD or token.goes_on or token.continues:
        return False
    is_marked = i + 1 < len(tokens) and tokens[i + 1].kind is TokenKind.NEXT
    return not is_marked and not (i and tokens[i - 1].goes_on)


def expand(tokens: Tokens, pronouncer: Pronouncer) -> list[Token]:
    """Return the tokens with a "+" for every further syllable of the words whose syllables are not marked."""
    slots: list[Token] = []
    for i, token in enumerate(tokens):
        slots.append(token)
        if is_free(tokens, i):
            slots += [Token(TokenKind.NEXT)] * (count_syllables(token, pronouncer) - 1)
    return slots


def count_syllables(token: Token, pronouncer: Pronouncer) -> int:
    """Return the number of syllables of a word by itself, 0 if it cannot be pronounced."""
    return len(pronouncer.read_hint(token.text, token.hint) if token.hint else pronouncer.word(token.text))


def deal(slots: Sequence[Token], count: int) -> list[Tokens | None]:
    """Return the slots of each of `count` notes: one each, or several if there are more slots; the last notes may get None."""
    if len(slots) <= count:
        return [*((slot,) for slot in slots), *[None] * (count - len(slots))]
    return [tuple(slots[a:b]) for a, b in pairwise(i * len(slots) // count for i in range(count + 1))]


def spread_crowded_notes(tokens: Sequence[Tokens | None], pronouncer: Pronouncer) -> list[Tokens | None]:
    """Move several words on one note to the following notes with nothing written, one syllable each."""
    result = list(tokens)
    i = 0
    while i < len(tokens):
        end = i + 1
        while end < len(tokens) and tokens[end] is None:
            end += 1
        written = tokens[i]
        if written and end - i > 1 and sum(token.kind is TokenKind.WORD for token in written) > 1:
            slots = expand(written[: (end - i) * MAX_SYLLABLES_PER_NOTE], pronouncer)
            result[i:end] = deal(slots, end - i)
        i = end
    return result
