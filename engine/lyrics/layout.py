"""Syllables on notes: each slot of a word starts a syllable or holds, and notes without words are filled."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from .text import Notices
from .types import NoteKind, NoteLyric, Syllable
from .words import MAX_SYLLABLES_PER_NOTE, TOO_MANY_SYLLABLES, SlotKind, Spacing, Word
from .written import Groups


class Layout:
    """Contents of each note, filled word by word."""

    def __init__(self, kinds: Sequence[NoteKind | None], spacing: Spacing, notices: Notices) -> None:
        self._kinds = list(kinds)
        self._spacing = spacing
        self._notices = notices
        self._sung: list[list[Syllable]] = [[] for _ in kinds]

    def place(self, word: Word, groups: Groups) -> None:
        """Deal the syllables of a word to its slots. Slots left over hold, or stay open where there is a gap."""
        syllables = [syllable for group in groups for syllable in group]
        if not syllables:
            return
        starts = _starts(word, groups)
        last_piece = max(i for i, slot in enumerate(word.slots) if slot.kind is SlotKind.PIECE)
        is_open = True
        following = len(syllables)
        ends: list[int] = []
        for start in reversed(starts):
            ends.append(following)
            following = following if start is None else start
        for i, (slot, start, end) in enumerate(zip(word.slots, starts, reversed(ends), strict=True)):
            if start is not None:
                self._sing(slot.note, syllables[start : max(start + 1, end)])
            elif slot.kind is not SlotKind.OPEN or i < last_piece or (slot.is_joined and is_open):
                self._hold(slot.note)
            else:
                is_open = False

    def _sing(self, note: int, syllables: Sequence[Syllable]) -> None:
        room = MAX_SYLLABLES_PER_NOTE - len(self._sung[note])
        if len(syllables) > room:
            self._notices.add(TOO_MANY_SYLLABLES)
        self._sung[note] += syllables[:room]

    def _hold(self, note: int) -> None:
        if not self._sung[note]:
            self._kinds[note] = NoteKind.HOLD

    def finish(self, filler_syllables: tuple[Syllable, ...], filler: str) -> tuple[NoteLyric, ...]:
        """Return the lyric of every note: open notes sing the filler, holds behind a silence repeat their vowel."""
        result: list[NoteLyric] = []
        filled = 0
        last: Syllable | None = None  # whose vowel a hold continues
        for i, kind in enumerate(self._kinds):
            if self._sung[i]:
                result.append(NoteLyric(NoteKind.SING, tuple(self._sung[i])))
            elif kind in (NoteKind.BREATH, NoteKind.REST):
                result.append(NoteLyric(kind))
            elif kind is NoteKind.HOLD and last is not None:
                result.append(self._held(i, result[-1].kind, last))
            elif i and self._spacing.is_chord[i]:
                result.append(result[-1])  # the notes of a chord share a word
            else:
                result.append(NoteLyric(NoteKind.SING, filler_syllables))
                filled += 1
            if result[-1].syllables:
                last = result[-1].syllables[-1]
        if filled:
            self._notices.add(_filler_notice(filled, len(result), filler))
        return tuple(result)

    def _held(self, i: int, before: NoteKind, syllable: Syllable) -> NoteLyric:
        is_behind_silence = before in (NoteKind.BREATH, NoteKind.REST) or self._spacing.gaps[i] > self._spacing.ppq
        if not is_behind_silence:
            return NoteLyric(NoteKind.HOLD)
        return NoteLyric(NoteKind.SING, (syllable.vowel_alone,))


def _starts(word: Word, groups: Groups) -> list[int | None]:
    """Return the index of the syllable that each slot starts with; None if its piece has none left, so that the slot holds."""
    borders = [0, *accumulate(map(len, groups))]
    piece, last = -1, -1
    starts: list[int | None] = []
    for slot in word.slots:
        if slot.kind is SlotKind.PIECE:
            piece += 1
            last = borders[piece]
        else:
            last = slot.index - 1 if slot.index else last + 1
        starts.append(last if borders[piece] <= last < borders[piece + 1] else None)
    return starts


def _filler_notice(filled: int, notes: int, filler: str) -> str:
    if filled == notes:
        return f"There are no words; every note sings '{filler}'."
    return f"{filled} of {notes} notes have no words and sing '{filler}'."
