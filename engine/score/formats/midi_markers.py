"""Marker notes in MIDI parts (phrases, beats, switches), far above or below the range of voices and instruments."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Collection, Sequence

from engine.score.types import Note

LEAST_HIGH_MARKER = 96  # C7: karaoke and rhythm games mark phrases at 105 and 106, percussion at 96
MOST_LOW_MARKER = 23  # B0: key switches and shifts of the display
GAP = 11  # semitones between markers and the notes of the part, at least


def drop_markers(notes: Sequence[Note], word_ticks: Collection[int]) -> list[Note]:
    """Return `notes` without markers. If all of them lie at the ends of the keyboard, only those with words stay.

    A high or low note that is alone at its time and has a word of its own is kept.
    """
    inner = [note for note in notes if MOST_LOW_MARKER < note.pitch < LEAST_HIGH_MARKER]
    if len(inner) == len(notes):
        return list(notes)
    if not inner:
        return [note for note in notes if note.onset_ticks in word_ticks]
    highest, lowest = max(note.pitch for note in inner), min(note.pitch for note in inner)
    sounds = _sounding(inner)
    onsets = [note.onset_ticks for note in inner]

    def is_marker(note: Note) -> bool:
        if MOST_LOW_MARKER < note.pitch < LEAST_HIGH_MARKER:
            return False
        gap = lowest_high - highest if note.pitch >= LEAST_HIGH_MARKER else lowest - highest_low
        far = gap >= GAP or (bool(word_ticks) and _spans_a_phrase(note, onsets))
        return far and not (note.onset_ticks in word_ticks and not sounds(note))

    lowest_high = min((note.pitch for note in notes if note.pitch >= LEAST_HIGH_MARKER), default=highest)
    highest_low = max((note.pitch for note in notes if note.pitch <= MOST_LOW_MARKER), default=lowest)
    return [note for note in notes if not is_marker(note)]


def _spans_a_phrase(note: Note, onsets: Sequence[int]) -> bool:
    """Return True if several of the part's notes start during this one."""
    return bisect.bisect_left(onsets, note.offset_ticks) - bisect.bisect_left(onsets, note.onset_ticks) > 1


def _sounding(notes: Sequence[Note]) -> Callable[[Note], bool]:
    """Return a test for notes: True if one of `notes`, in order of time, overlaps it."""
    onsets = [note.onset_ticks for note in notes]
    ends: list[int] = []
    for note in notes:
        ends.append(max(note.offset_ticks, ends[-1] if ends else 0))

    def sounds(other: Note) -> bool:
        before = bisect.bisect_left(onsets, other.offset_ticks)
        return before > 0 and ends[before - 1] > other.onset_ticks

    return sounds
