"""Assignment of the lines of a text to the phrases of a tune."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from engine.score.types import Note

PHRASE_GAP = 0.5  # of a quarter note: the shortest rest between phrases
_MOST_IN_A_BLOCK = 12  # lines of one phrase, or phrases of one line
_MOST_CELLS = 20_000
_OVERFULL_COST = 4  # of a syllable without a note, relative to a note without a syllable
_JOINED_LINE_COST, _FURTHER_PHRASE_COST = 4, 1

Block = tuple[range, range]  # lines, notes


def phrases_of(notes: Sequence[Note], ppq: int) -> list[range]:
    """Return the notes between rests, as ranges of their indices."""
    starts = [i for i in range(1, len(notes)) if notes[i].onset_ticks - notes[i - 1].offset_ticks >= PHRASE_GAP * ppq]
    return [range(a, b) for a, b in pairwise([0, *starts, len(notes)]) if a < b]


def blocks_of(syllables: Sequence[int], phrases: Sequence[range]) -> list[Block] | None:
    """Return lines with their notes, in order; None if the phrases do not determine them.

    `syllables`: of each line. Phrases determine nothing with fewer than two lines or phrases, if all lines in a row fit the notes exactly,
    or if lines would have too few notes. With as many phrases as lines, a line that is too long is crowded and shifts no other.
    """
    notes = phrases[-1].stop if phrases else 0
    if len(syllables) < 2 or len(phrases) < 2 or sum(syllables) == notes or len(syllables) * len(phrases) > _MOST_CELLS:
        return None
    if len(syllables) == len(phrases):
        return [(range(i, i + 1), phrase) for i, phrase in enumerate(phrases)]
    lines_at, notes_at = [0], [0]
    for count in syllables:
        lines_at.append(lines_at[-1] + count)
    for phrase in phrases:
        notes_at.append(phrase.stop)
    blocks = _cheapest(lines_at, notes_at)
    if blocks is None or any(lines_at[lines.stop] - lines_at[lines.start] > len(on) for lines, on in blocks):
        return None
    return blocks


def _cheapest(lines_at: Sequence[int], notes_at: Sequence[int]) -> list[Block] | None:
    """Match one line to several phrases, or several lines to one, with the least difference of syllables and notes.

    Phrases behind the last line may stay without words.
    """
    lines, phrases = len(lines_at) - 1, len(notes_at) - 1
    infinite = float("inf")
    best = [[infinite] * (phrases + 1) for _ in range(lines + 1)]
    came_from: dict[tuple[int, int], tuple[int, int]] = {}
    best[0][0] = 0.0
    steps = [(1, k) for k in range(1, _MOST_IN_A_BLOCK + 1)] + [(k, 1) for k in range(2, _MOST_IN_A_BLOCK + 1)]
    for line in range(1, lines + 1):
        for phrase in range(1, phrases + 1):
            for taken, over in steps:
                a, b = line - taken, phrase - over
                if a < 0 or b < 0 or best[a][b] == infinite:
                    continue
                spare = (notes_at[phrase] - notes_at[b]) - (lines_at[line] - lines_at[a])
                cost = best[a][b] + spare**2 * (1 if spare >= 0 else _OVERFULL_COST)
                cost += _JOINED_LINE_COST * (taken - 1) + _FURTHER_PHRASE_COST * (over - 1)
                if cost < best[line][phrase]:
                    best[line][phrase], came_from[line, phrase] = cost, (a, b)
    ends = [phrase for phrase in range(1, phrases + 1) if best[lines][phrase] < infinite]
    if not ends:
        return None
    at = (lines, min(ends, key=lambda phrase: (best[lines][phrase], -phrase)))
    blocks: list[Block] = []
    while at != (0, 0):
        before = came_from[at]
        blocks.append((range(before[0], at[0]), range(notes_at[before[1]], notes_at[at[1]])))
        at = before
    return blocks[::-1]
