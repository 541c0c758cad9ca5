"""Takes of speech synthesis: pieces of a text, and defects that show in semantic tokens."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .networks.generate import MAX_STEPS
from .networks.symbols import MARKS
from .reading import ChineseRun, Reading

CODES_PER_S = 25
_SLOWEST, _FASTEST = 3.0, 25.0  # phonemes per second: what the official training takes for speech
_SPARE_CODES = CODES_PER_S
_LONGEST_PIECE = 120  # phonemes, about ten seconds; longer text is cut at its marks
_LOOP_S, _LOOP_ROUNDS, _LOOP_SHARE = 1.2, 3, 0.9

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class SpeechDefect:
    """A defect between two times of the speech, in words that follow the text: "lost 'water'"."""

    start_s: float
    end_s: float
    what: str


DefectDetector = Callable[[Samples], Sequence[SpeechDefect]]


@dataclass(frozen=True, eq=False)
class Take:
    """One synthesis of a piece: its semantic tokens `[T]` and their defects."""

    codes: Tensor
    defects: tuple[str, ...]


def pieces_of(reading: Reading) -> list[Reading]:
    """Cut a reading at marks into pieces that are short, as far as the marks allow it."""
    pieces: list[Reading] = []
    start = end = 0
    marks = {i + 1 for i, symbol in enumerate(reading.symbols) if symbol in MARKS}
    for border in sorted(marks | {len(reading.symbols)}):
        if border - start > _LONGEST_PIECE and end > start:
            pieces.append(_cut(reading, start, end))
            start = end
        end = border
    return [*pieces, _cut(reading, start, len(reading.symbols))]


def _cut(reading: Reading, start: int, end: int) -> Reading:
    """Return symbols `start` to `end`, with the characters that lie wholly between them."""
    runs = []
    for run in reading.chinese:
        starts = list(itertools.accumulate(run.counts, initial=run.start))
        inside = [i for i, count in enumerate(run.counts) if starts[i] >= start and starts[i] + count <= end]
        if inside:
            characters = "".join(run.characters[i] for i in inside)
            runs.append(ChineseRun(characters, starts[inside[0]] - start, tuple(run.counts[i] for i in inside)))
    return Reading(reading.symbols[start:end], tuple(runs))


def most_codes(phonemes: int) -> int:
    """Return the limit of semantic tokens: more than the slowest speech needs."""
    return min(MAX_STEPS, _SPARE_CODES + math.ceil(CODES_PER_S * phonemes / _SLOWEST))


def code_defects(codes: Sequence[int], phonemes: int, *, is_ended: bool) -> tuple[str, ...]:
    """Return the defects that show in the tokens alone."""
    defects = [] if is_ended else ["did not come to an end"]
    if len(codes) < CODES_PER_S * phonemes / _FASTEST:
        defects.append("was too short for its words")
    if is_looping(codes):
        defects.append("went round in a loop")
    return tuple(defects)


def is_looping(codes: Sequence[int]) -> bool:
    """Return True if more than a second of the tokens repeats one pattern (a held vowel or a long pause is a pattern of one)."""
    row = np.asarray(codes)
    shortest = round(_LOOP_S * CODES_PER_S)
    for period in range(1, max(1, len(row) // _LOOP_ROUNDS) + 1):
        same = (row[period:] == row[:-period]).astype(float)
        length = max(shortest, (_LOOP_ROUNDS - 1) * period)
        if len(same) >= length and np.convolve(same, np.ones(length), mode="valid").max() >= _LOOP_SHARE * length:
            return True
    return False
