"""Train `languages/english_g2p.npz`, the model that guesses words the dictionary lacks: `python -m research.train_g2p`.

1. Align letters with phones: expectation maximisation over all ways to cut a word into graphones (numpy, all words of the
   same two lengths at once).
2. Count n-grams of graphones on the best alignments, drop rare long ones, smooth by absolute discounting with
   Kneser-Ney counts for the shorter lengths.
3. Score the words held out (every 40th word of the dictionary, none of its spellings in training).
"""

from __future__ import annotations

import argparse
import logging
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.lyrics.languages.cmu import cmu_dictionary
from engine.lyrics.languages.g2p import LOG_STEP, WORD_EDGE, GraphoneModel, Level, english_model, one_primary_stress
from engine.lyrics.syllables import is_vowel, plain

SHAPES = ((1, 0), (1, 1), (1, 2))  # letters and phones of a graphone
ORDER = 7
MIN_COUNTS = (1, 1, 1, 1, 1, 1, 2)  # an n-gram of length i + 1 seen less often is dropped
HELD_OUT_EACH = 40
EM_ROUNDS = 5
ALIGNMENT_WORDS = 20_000
LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz'")

Word = tuple[str, tuple[str, ...]]
Graphone = tuple[str, tuple[str, ...]]
log = logging.getLogger(__name__)


def is_held_out(word: str) -> bool:
    return zlib.crc32(word.encode()) % HELD_OUT_EACH == 0


def dictionary_words() -> list[Word]:
    """Words of letters that are long enough for their phones (so that every word has an alignment)."""
    return [
        (word, phones)
        for word, phones in cmu_dictionary().words()
        if set(word) <= LETTERS and len(word) > 1 and len(phones) <= 2 * len(word)
    ]


def onset_counts() -> Counter[str]:
    """Consonant groups at the starts of dictionary words, the source of `syllables.ONSETS`."""
    counts: Counter[str] = Counter()
    for _, phones in cmu_dictionary().words():
        vowel = next((i for i, phone in enumerate(phones) if is_vowel(phone)), None)
        if vowel:
            counts[" ".join(phones[:vowel])] += 1
    return counts


# ---- alignment -------------------------------------------------------------------------------------------------------


class Aligner:
    """Probabilities of graphones, and for every word shape the numbers of the graphones at each cell of its grid."""

    def __init__(self) -> None:
        self._numbers: dict[Graphone, int] = {}
        self.log_p = np.zeros(0)

    @property
    def graphones(self) -> list[Graphone]:
        return list(self._numbers)

    def grids(self, words: Sequence[Word]) -> list[tuple[list[Word], dict[tuple[int, int, int], np.ndarray]]]:
        """Words grouped by (letters, phones), and `grid[i, j, shape]` = graphone of each word at cell (i, j)."""
        groups: defaultdict[tuple[int, int], list[Word]] = defaultdict(list)
        for word in words:
            groups[len(word[0]), len(word[1])].append(word)
        return [(group, self._grid(group, *size)) for size, group in groups.items()]

    def _grid(self, group: list[Word], letters: int, phones: int) -> dict[tuple[int, int, int], np.ndarray]:
        grid = {}
        for i in range(letters):
            for j in range(phones + 1):
                for shape, (di, dj) in enumerate(SHAPES):
                    if i + di <= letters and j + dj <= phones:
                        pieces = ((word[i : i + di], sounds[j : j + dj]) for word, sounds in group)
                        numbers = self._numbers
                        grid[i, j, shape] = np.array([numbers.setdefault(piece, len(numbers)) for piece in pieces])
        return grid

    def fit(self, words: Sequence[Word], rounds: int) -> None:
        groups = self.grids(words)
        self.log_p = np.full(len(self._numbers), -np.log(len(self._numbers)))
        for _ in range(rounds):
            counts = np.zeros(len(self._numbers))
            for group, grid in groups:
                self._count(len(group[0][0]), len(group[0][1]), grid, counts)
            self.log_p = np.log(np.maximum(counts, 1e-12) / counts.sum())

    def _count(self, letters: int, phones: int, grid: dict[tuple[int, int, int], np.ndarray], counts: np.ndarray) -> None:
        """Add the expected number of uses of each graphone (forward-backward)."""
        p = np.exp(self.log_p)
        size = len(next(iter(grid.values())))
        forward = np.zeros((letters + 1, phones + 1, size))
        backward = np.zeros_like(forward)
        forward[0, 0] = backward[-1, -1] = 1
        cells = list(grid)
        for i, j, shape in cells:
            di, dj = SHAPES[shape]
            forward[i + di, j + dj] += forward[i, j] * p[grid[i, j, shape]]
        for i, j, shape in reversed(cells):
            di, dj = SHAPES[shape]
            backward[i, j] += backward[i + di, j + dj] * p[grid[i, j, shape]]
        total = np.maximum(forward[-1, -1], 1e-300)
        for i, j, shape in cells:
            di, dj = SHAPES[shape]
            numbers = grid[i, j, shape]
            share = forward[i, j] * p[numbers] * backward[i + di, j + dj] / total
            counts += np.bincount(numbers, share, minlength=len(counts))

    def best(self, words: Sequence[Word]) -> list[list[int]]:
        """Return the most likely row of graphone numbers of each word (those without an alignment are left out)."""
        rows: list[list[int]] = []
        for group, grid in self.grids(words):
            unseen = len(self._numbers) - len(self.log_p)
            self.log_p = np.concatenate((self.log_p, np.full(unseen, -25.0)))
            rows += self._viterbi(len(group[0][0]), len(group[0][1]), grid)
        return rows

    def _viterbi(self, letters: int, phones: int, grid: dict[tuple[int, int, int], np.ndarray]) -> list[list[int]]:
        size = len(next(iter(grid.values())))
        score = np.full((letters + 1, phones + 1, size), -np.inf)
        came_by = np.full(score.shape, -1, dtype=np.int8)
        score[0, 0] = 0
        for i, j, shape in grid:
            di, dj = SHAPES[shape]
            candidate = score[i, j] + self.log_p[grid[i, j, shape]]
            is_better = candidate > score[i + di, j + dj]
            score[i + di, j + dj][is_better] = candidate[is_better]
            came_by[i + di, j + dj][is_better] = shape
        return [_trace(came_by[:, :, k], grid, k) for k in range(size) if np.isfinite(score[-1, -1, k])]


def _trace(came_by: np.ndarray, grid: dict[tuple[int, int, int], np.ndarray], word: int) -> list[int]:
    i, j = came_by.shape[0] - 1, came_by.shape[1] - 1
    row = []
    while (i, j) != (0, 0):
        shape = int(came_by[i, j])
        i, j = i - SHAPES[shape][0], j - SHAPES[shape][1]
        row.append(int(grid[i, j, shape][word]))
    return row[::-1]


def renumber(rows: list[list[int]], graphones: list[Graphone]) -> tuple[list[list[int]], list[Graphone]]:
    """Number only graphones in use, by frequency from 1; 0 is the edge of a word. Words with a unique one are dropped."""
    counts = Counter(number for row in rows for number in row)
    kept = [number for number, count in counts.most_common() if count > 1]
    new = {number: i for i, number in enumerate(kept, start=1)}
    numbered = [[new[number] for number in row] for row in rows if all(number in new for number in row)]
    return numbered, [("", ()), *(graphones[number] for number in kept)]


# ---- n-grams ---------------------------------------------------------------------------------------------------------


def count_levels(rows: list[list[int]], vocabulary: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each length (keys, counts): keys as in `Level`, ascending; lengths below the top are trimmed to histories in use."""
    text = np.concatenate([np.array([WORD_EDGE, *row, WORD_EDGE]) for row in rows])
    word = np.repeat(np.arange(len(rows)), [len(row) + 2 for row in rows])
    history = np.zeros(len(text), dtype=np.int64)  # number of the n-gram that ends before each position, of the level below
    is_there = np.ones(len(text), dtype=bool)
    levels = []
    for length in range(ORDER):
        if length:
            is_there[:length] = False
            is_there[length:] &= word[length:] == word[:-length]
        keys = history * vocabulary + text
        unique, inverse, counts = np.unique(keys[is_there], return_inverse=True, return_counts=True)
        is_kept = counts >= MIN_COUNTS[length]
        levels.append((unique[is_kept], counts[is_kept]))
        number = np.where(is_kept, np.cumsum(is_kept) - 1, -1)
        ends = np.full(len(text), -1, dtype=np.int64)
        ends[is_there] = number[inverse]
        history = np.concatenate(([-1], ends[:-1]))
        is_there &= history >= 0
    return levels


def smoothed_levels(counted: list[tuple[np.ndarray, np.ndarray]], vocabulary: int) -> list[Level]:
    """Interpolated absolute discounting, written as a back-off model."""
    suffix = [
        np.zeros(len(counted[0][0]), dtype=np.int64)
    ]  # of each n-gram: its number without the first graphone, one level down
    for length in range(1, len(counted)):
        keys = counted[length][0]
        history, last = keys // vocabulary, keys % vocabulary
        below = counted[length - 1][0]
        parent = suffix[length - 1][history] if length > 1 else np.zeros(len(keys), dtype=np.int64)
        suffix.append(np.searchsorted(below, parent * vocabulary + last))
    levels: list[Level] = []
    for length, (keys, counts) in enumerate(counted):
        weights = counts.astype(float)
        if length + 1 < len(counted):
            weights = _continuation_counts(counted[length + 1][0], suffix[length + 1], counts, keys)
        history = keys // vocabulary
        histories = len(counted[length - 1][0]) if length else 1
        total = np.maximum(np.bincount(history, weights, minlength=histories), 1e-9)
        discount = _discount(weights)
        kept = np.maximum(weights - discount, 0) / total[history]
        left = 1 - np.bincount(history, kept, minlength=histories)
        if length:
            lower = np.exp(levels[-1].log_probability[suffix[length]])
            probability = kept + left[history] * lower
            log_backoff = np.log(np.clip(left, 1e-6, 1))
            levels[-1] = replace(levels[-1], log_backoff=log_backoff.astype(np.float32))
        else:
            probability = kept + left[0] / vocabulary
        log_probability = np.log(np.clip(probability, 1e-9, 1)).astype(np.float32)
        levels.append(Level(keys, log_probability, np.zeros(len(keys), dtype=np.float32)))
    return levels


def _continuation_counts(longer: np.ndarray, suffix: np.ndarray, counts: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Return Kneser-Ney counts: the number of different contexts of an n-gram. N-grams from the edge of a word keep their own counts."""
    contexts = np.bincount(suffix, minlength=len(keys)).astype(float)
    return np.where(contexts > 0, contexts, counts)


def _discount(weights: np.ndarray) -> float:
    once, twice = np.count_nonzero(weights == 1), np.count_nonzero(weights == 2)
    return once / (once + 2 * twice) if once else 0.5


# ---- file, score, command --------------------------------------------------------------------------------------------


def write_model(path: Path, graphones: Sequence[Graphone], levels: Sequence[Level]) -> None:
    vocabulary = len(graphones)
    arrays: dict[str, np.ndarray] = {
        "order": np.array(len(levels)),
        "letters": np.array([letter for letter, _ in graphones]),
        "phones": np.array([" ".join(phones) for _, phones in graphones]),
    }
    histories = 1
    for length, level in enumerate(levels):
        arrays[f"children{length}"] = np.bincount(level.keys // vocabulary, minlength=histories).astype(np.uint16)
        arrays[f"graphones{length}"] = (level.keys % vocabulary).astype(np.uint16)
        arrays[f"probability{length}"] = _as_bytes(level.log_probability)
        arrays[f"backoff{length}"] = _as_bytes(level.log_backoff)
        histories = len(level.keys)
    np.savez_compressed(path, allow_pickle=False, **arrays)


def _as_bytes(logarithms: np.ndarray) -> np.ndarray:
    return np.clip(np.round(-logarithms / LOG_STEP), 0, 255).astype(np.uint8)


def accuracy(model: GraphoneModel, spellings: dict[str, set[tuple[str, ...]]]) -> tuple[float, float]:
    """Share of words guessed exactly as one of the dictionary's pronunciations: (without stress, with stress)."""
    bare = exact = 0
    for word, variants in spellings.items():
        guess = one_primary_stress(model.phones_of(word))
        exact += guess in variants
        bare += tuple(map(plain, guess)) in {tuple(map(plain, variant)) for variant in variants}
    return bare / len(spellings), exact / len(spellings)


def held_out_words() -> dict[str, set[tuple[str, ...]]]:
    spellings: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
    for word, phones in dictionary_words():
        if is_held_out(word):
            spellings[word].add(phones)
    return dict(spellings)


def train(path: Path) -> None:
    words = [word for word in dictionary_words() if not is_held_out(word[0])]
    aligner = Aligner()
    aligner.fit(words[:: max(1, len(words) // ALIGNMENT_WORDS)], EM_ROUNDS)
    rows, graphones = renumber(aligner.best(words), aligner.graphones)
    log.info("%d words aligned, %d graphones", len(rows), len(graphones))
    levels = smoothed_levels(count_levels(rows, len(graphones)), len(graphones))
    write_model(path, graphones, levels)
    log.info("n-grams per length: %s; %d bytes", [len(level.keys) for level in levels], path.stat().st_size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onsets", action="store_true", help="only show how often each onset begins a dictionary word")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if arguments.onsets:
        for onset, count in onset_counts().most_common():
            log.info("%6d %s", count, onset)
        return
    train(Path(__file__).parent / "languages" / "english_g2p.npz")
    spellings = held_out_words()
    bare, exact = accuracy(english_model(), spellings)
    log.info("%d held-out words: %.1f %% right without stress, %.1f %% with stress", len(spellings), 100 * bare, 100 * exact)


if __name__ == "__main__":
    main()
