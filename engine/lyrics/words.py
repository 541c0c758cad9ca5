"""Words and the notes that each of them has.

A word has *slots*: the notes of its written pieces ("a-" "way"), the notes marked "+", and notes close behind it with nothing written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from engine.score.types import Note

from .text import Notices
from .tokens import Token, TokenKind
from .types import NoteKind

DEFAULT_PPQ = 480
MAX_SYLLABLES_PER_NOTE = 16
TOO_MANY_SYLLABLES = f"A note has more than {MAX_SYLLABLES_PER_NOTE} syllables; the rest of them is left out."
_MAX_UNWRITTEN_HOLDS = 8  # limit of a melisma that is not marked
_MAX_PIECES = 32  # of a word written as "a-" "ma-" "zing"
_CONTEXT_WORDS = 3  # words in front that may decide between readings

Tokens = tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Spacing:
    """Distances between successive notes. The first entries belong to no pair and are not used."""

    gaps: tuple[int, ...]  # ticks of silence before each note, 0 or less if it follows at once
    is_chord: tuple[bool, ...]  # the note starts together with the one before
    ppq: int

    @classmethod
    def of(cls, notes: Sequence[Note], ppq: int) -> Spacing:
        """Return the spacing of the notes of a track."""
        pairs = [(note, notes[i - 1]) for i, note in enumerate(notes)]
        return cls(
            tuple(note.onset_ticks - before.offset_ticks for note, before in pairs),
            tuple(note.onset_ticks == before.onset_ticks for note, before in pairs),
            ppq,
        )

    @classmethod
    def joined(cls, count: int) -> Spacing:
        """Return the spacing of `count` notes in a row without gaps."""
        return cls((0,) * count, (False,) * count, DEFAULT_PPQ)


class SlotKind(Enum):
    """Reason for which a note belongs to a word."""

    PIECE = auto()  # a written piece of the word
    NEXT = auto()  # "+"
    OPEN = auto()  # nothing written, close behind


@dataclass(frozen=True, slots=True)
class Slot:
    """A note of a word."""

    note: int
    kind: SlotKind
    index: int = 0  # of "+2"
    is_joined: bool = True  # OPEN: no gap to the note before


@dataclass(slots=True)
class Word:
    """A word with its written pieces and its slots. At least one piece."""

    tokens: list[Token] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    pending: list[int] = field(default_factory=list)  # notes that become slots only if a further piece follows

    @property
    def goes_on(self) -> bool:
        """True if a further piece is expected."""
        return self.tokens[-1].goes_on

    @property
    def text(self) -> str:
        """The word without the marks between its pieces."""
        return "".join(token.text for token in self.tokens)

    @property
    def is_emphasised(self) -> bool:
        """True if one of its pieces is emphasised."""
        return any(token.is_emphasised for token in self.tokens)

    def takes(self, token: Token) -> bool:
        """Return True if a further written piece belongs to this word."""
        return (self.goes_on or token.continues) and len(self.tokens) < _MAX_PIECES

    def add_piece(self, token: Token, note: int) -> None:
        """Append a piece. Notes without words since the piece before become its melisma."""
        self.slots += [Slot(between, SlotKind.OPEN) for between in self.pending]
        self.pending.clear()
        self.slots.append(Slot(note, SlotKind.PIECE))
        self.tokens.append(token)

    def rooms(self) -> list[int]:
        """Return the number of notes marked for each piece."""
        rooms: list[int] = []
        for slot in self.slots:
            if slot.kind is SlotKind.PIECE:
                rooms.append(1)
            elif slot.kind is SlotKind.NEXT:
                rooms[-1] += 1
        return rooms


@dataclass(frozen=True)
class WordsOnNotes:
    """Words in order, and for each note HOLD, BREATH or REST where that is written, else None."""

    words: list[Word]
    kinds: list[NoteKind | None]
    spacing: Spacing

    def context(self, number: int) -> tuple[str, str]:
        """Return the words before (up to three) and the word behind word `number` that are not separated from it by a silence."""
        first = number
        while first > max(0, number - _CONTEXT_WORDS) and not self._is_apart(first - 1):
            first -= 1
        before = " ".join(near.text for near in self.words[first:number])
        has_next = number + 1 < len(self.words) and not self._is_apart(number)
        return before, self.words[number + 1].text if has_next else ""

    def _is_apart(self, number: int) -> bool:
        """Return True if a breath, a rest or more than a beat of silence is between word `number` and the next."""
        between = range(self.words[number].slots[-1].note + 1, self.words[number + 1].slots[0].note + 1)
        return any(
            self.kinds[i] in (NoteKind.BREATH, NoteKind.REST) or self.spacing.gaps[i] > self.spacing.ppq for i in between
        )


def collect_words(tokens: Sequence[Tokens | None], spacing: Spacing, notices: Notices) -> WordsOnNotes:
    """Gather the words of the notes with their slots. `tokens` of a note are None if nothing is written there."""
    return _Collector(spacing, notices).collect(tokens)


class _Collector:
    """Gathers words in one pass over the notes."""

    def __init__(self, spacing: Spacing, notices: Notices) -> None:
        self._spacing = spacing
        self._notices = notices
        self._words: list[Word] = []
        self._word: Word | None = None  # the word that may still take notes
        self._open_slots = 0  # of that word, since its last written one

    def collect(self, tokens: Sequence[Tokens | None]) -> WordsOnNotes:
        kinds: list[NoteKind | None] = [None] * len(tokens)
        for i, written in enumerate(tokens):
            if written is None:
                self._take_open_note(i)
            elif not written:
                self._word = None
            else:
                kinds[i] = self._take_tokens(i, written)
        return WordsOnNotes(self._words, kinds, self._spacing)

    def _take_open_note(self, i: int) -> None:
        if self._word is None or self._spacing.is_chord[i]:
            return
        gap, ppq = self._spacing.gaps[i], self._spacing.ppq
        self._open_slots += 1
        if self._word.pending or gap > ppq or self._open_slots > _MAX_UNWRITTEN_HOLDS:
            if self._word.goes_on:
                self._word.pending.append(i)
            else:
                self._word = None
            return
        self._word.slots.append(Slot(i, SlotKind.OPEN, is_joined=gap < ppq / 4))

    def _take_tokens(self, i: int, written: Tokens) -> NoteKind | None:
        self._open_slots = 0
        sung = [token for token in written if token.kind in (TokenKind.WORD, TokenKind.NEXT)]
        if len(sung) > MAX_SYLLABLES_PER_NOTE:
            self._notices.add(TOO_MANY_SYLLABLES)
        for token in sung[:MAX_SYLLABLES_PER_NOTE]:
            self._take_sung(i, token)
        if sung:
            if len(sung) < len(written):
                self._notices.add("Marks for holds, breaths and rests beside words on the same note are ignored.")
            return None
        if written[0].kind is TokenKind.HOLD:
            return NoteKind.HOLD
        if self._word is not None and not self._word.goes_on:
            self._word = None
        return NoteKind.BREATH if written[0].kind is TokenKind.BREATH else NoteKind.REST

    def _take_sung(self, i: int, token: Token) -> None:
        if token.kind is TokenKind.NEXT:
            if self._word is None:
                self._notices.add("A '+' has no word before it.")
            else:
                self._word.slots.append(Slot(i, SlotKind.NEXT, index=token.index))
        elif self._word is not None and self._word.takes(token):
            self._word.add_piece(token, i)
        else:
            self._word = Word()
            self._words.append(self._word)
            self._word.add_piece(token, i)
