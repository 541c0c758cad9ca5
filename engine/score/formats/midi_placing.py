"""Lyric events beside the onsets of their notes: all of them early or late by the same time, or single ones between notes."""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Mapping, Sequence

_FARTHEST_BEATS = 16
_MOST_SAMPLED = 500
_CANDIDATES = 12
_LEAST_WORDS = 3
_LEAST_SHARE = 0.9  # of the words that must be on notes after a shift
_LEAST_GAIN = 0.25
_NEXT_NOTE_BEATS = 1  # greatest distance from a word over a sounding note to its note
_NEXT_PHRASE_BEATS = 4  # greatest distance from a word in a rest to its note


def find_shift(ticks: Sequence[int], onsets: Sequence[int], ppq: int) -> int:
    """Return the ticks to move all words by so that they start with notes; 0 if they fit already, or if no shift helps.

    Both inputs ascend. In a row of equal notes, a shift by one note leaves one word over: the shift that leaves none is chosen.
    """
    words, near = _sample(ticks), _near(ppq)
    if len(words) < _LEAST_WORDS or not onsets:
        return 0
    unmoved = _hits(words, onsets, 0, near)
    if unmoved == len(words):
        return 0
    shifts = sorted(
        _candidates(words, onsets, ppq, near), key=lambda shift: (-_hits(words, onsets, shift, near), abs(shift), -shift)
    )
    best = shifts[0]
    hits = _hits(words, onsets, best, near)
    leaves_none = hits == len(words) and (len(words) == len(onsets) or words[0] < onsets[0] - near)
    is_better = hits >= _LEAST_SHARE * len(words) and hits - unmoved >= _LEAST_GAIN * len(words)
    return best if abs(best) >= near and (is_better or leaves_none) else 0


def on_time_share(ticks: Sequence[int], onsets: Sequence[int], ppq: int) -> float:
    """Return the share of the words that start with a note of their own without a shift."""
    words = _sample(ticks)
    return _hits(words, onsets, 0, _near(ppq)) / len(words) if words else 0.0


def _sample(ticks: Sequence[int]) -> list[int]:
    distinct = [*dict.fromkeys(ticks)]
    return distinct[:: 1 + len(distinct) // _MOST_SAMPLED]


def _near(ppq: int) -> int:
    """Return the greatest distance at which a word counts as on its note: a 64th."""
    return max(1, ppq // 16)


def _candidates(words: Sequence[int], onsets: Sequence[int], ppq: int, near: int) -> list[int]:
    """Return the most frequent distances from words to nearby notes, and those of the first and the last word."""
    farthest = _FARTHEST_BEATS * ppq
    counts: Counter[int] = Counter()
    exact: dict[int, Counter[int]] = {}
    for tick in words:
        first, end = bisect.bisect_left(onsets, tick - farthest), bisect.bisect_right(onsets, tick + farthest)
        for onset in onsets[first:end]:
            bucket = round((onset - tick) / near)
            counts[bucket] += 1
            exact.setdefault(bucket, Counter())[onset - tick] += 1
    common = [exact[bucket].most_common(1)[0][0] for bucket, _ in counts.most_common(_CANDIDATES)]
    return [*common, onsets[0] - words[0], onsets[-1] - words[-1]]


def _hits(words: Sequence[int], onsets: Sequence[int], shift: int, near: int) -> int:
    """Return the number of notes with a word within `near` ticks of their onset."""
    hit = set()
    for tick in words:
        index = bisect.bisect_left(onsets, tick + shift - near)
        if index < len(onsets) and onsets[index] <= tick + shift + near:
            hit.add(index)
    return len(hit)


def shift_notice(shift: int, ppq: int) -> str:
    """Return the notice about words moved by `shift` ticks."""
    beats = abs(shift) / ppq
    length = "one beat" if beats == 1 else f"{beats:.3g} beats"
    return f"All lyrics came {length} {'before' if shift > 0 else 'after'} their notes and were moved onto them."


def home_of(tick: int, onsets: Sequence[int], ends: Sequence[int], placed: Mapping[int, str], ppq: int) -> int | None:
    """Return the onset of the note for a word between notes: the next free one, else the one that sounds; None if there is none.

    `ends`: end of the note of each onset. Words keep their order; a word before all notes gets none.
    """
    index = bisect.bisect_right(onsets, tick)
    if index == 0:
        return None
    is_sounding = tick < ends[index - 1]
    limit = tick + ppq * (_NEXT_NOTE_BEATS if is_sounding else _NEXT_PHRASE_BEATS)
    following = onsets[index] if index < len(onsets) else math.inf
    if following <= limit and following not in placed:
        return int(following)
    return onsets[index - 1] if is_sounding else None
