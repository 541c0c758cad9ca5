"""Guess of the phones of an English word that no dictionary has: a joint n-gram model of letters and phones.

A graphone is a letter with its 0-2 phones (p→F, h→nothing in "phone"; x→K S). The model gives the probability of a graphone after the ones
before it; a beam search over the spelling finds the best sequence of graphones. (Bisani and Ney, Joint-sequence models for
grapheme-to-phoneme conversion, Speech Communication 50, 2008.) `research.train_g2p` makes the data file `english_g2p.npz` from the CMU
dictionary.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

BEAM = 16
LOG_STEP = 1 / 5  # log-probabilities are stored as bytes: natural logarithm / -LOG_STEP
WORD_EDGE = 0  # graphone number of the start and end of a word

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Level:
    """N-grams of one length. `keys` = number of the history in the level below x vocabulary + graphone, ascending."""

    keys: IntArray
    log_probability: FloatArray
    log_backoff: FloatArray  # of this n-gram as a history


class GraphoneModel:
    """Joint n-gram model. `letters[i]` and `phones[i]` belong to graphone i. Immutable and thread-safe."""

    def __init__(self, letters: Sequence[str], phones: Sequence[tuple[str, ...]], levels: Sequence[Level]) -> None:
        self._phones = tuple(phones)
        self._vocabulary = len(letters)
        self._levels = tuple(level for level in levels if len(level.keys))
        self._of_letter: dict[str, list[int]] = {}
        for number, letter in enumerate(letters):
            self._of_letter.setdefault(letter, []).append(number)

    def phones_of(self, word: str) -> tuple[str, ...]:
        """Return the most likely phones of a lower-case word (a-z and '; other characters are silent)."""
        paths = [_Path(0.0, self._start_history(), ())]
        for letter in word:
            if letter in self._of_letter:
                paths = self._extensions(paths, self._of_letter[letter])
        best = self._extensions(paths, [WORD_EDGE])[0]
        return tuple(phone for graphone in best.graphones for phone in self._phones[graphone])

    def _start_history(self) -> IntArray:
        """Return the indices of the known histories of length 0, 1, 2 … (-1 = unknown) at the start of a word."""
        history = np.full(len(self._levels), -1, dtype=np.int64)
        history[0] = 0
        if len(history) > 1:
            history[1] = np.searchsorted(self._levels[0].keys, WORD_EDGE)
        return history

    def _extensions(self, paths: list[_Path], graphones: list[int]) -> list[_Path]:
        """Return the best `BEAM` extensions of all paths by all graphones, best first."""
        histories = np.stack([path.history for path in paths])  # [paths, order]
        scores, found = self._score(histories, np.asarray(graphones))
        totals = scores + np.asarray([path.score for path in paths], dtype=np.float32)[:, None]
        best = np.argsort(-totals, axis=None, kind="stable")[:BEAM]
        result = []
        for flat in best:
            row, column = divmod(int(flat), len(graphones))
            history = np.concatenate(([0], found[row, column, :-1]))
            result.append(_Path(float(totals[row, column]), history, (*paths[row].graphones, graphones[column])))
        return result

    def _score(self, histories: IntArray, graphones: IntArray) -> tuple[FloatArray, IntArray]:
        """Return log-probabilities [paths, graphones] and indices of the n-grams [paths, graphones, length], -1 if unseen."""
        order = len(self._levels)
        found = np.full((len(histories), len(graphones), order), -1, dtype=np.int64)
        scores = np.full(found.shape[:2], -30.0, dtype=np.float32)
        for length, level in enumerate(self._levels):  # from short to long: a longer match replaces a shorter one
            history = histories[:, length]
            keys = history[:, None] * self._vocabulary + graphones
            at = np.minimum(np.searchsorted(level.keys, keys), len(level.keys) - 1)
            is_match = (history >= 0)[:, None] & (level.keys[at] == keys)
            if length:
                scores += self._backoff(length, history)[:, None]
            scores = np.where(is_match, level.log_probability[at], scores)
            found[:, :, length] = np.where(is_match, at, -1)
        return scores, found

    def _backoff(self, length: int, history: IntArray) -> FloatArray:
        """Return the weight of the shorter history, 0 (log 1) if the history is unseen."""
        return np.where(history >= 0, self._levels[length - 1].log_backoff[np.maximum(history, 0)], np.float32(0))


@dataclass(frozen=True, slots=True)
class _Path:
    score: float
    history: IntArray
    graphones: tuple[int, ...]


@functools.cache
def english_model() -> GraphoneModel:
    """Return the packaged model, loaded at the first unknown word."""
    source = resources.files(__package__).joinpath("english_g2p.npz")
    with resources.as_file(source) as path, np.load(path, allow_pickle=False) as data:
        letters = data["letters"].tolist()
        phones = [tuple(text.split()) for text in data["phones"].tolist()]
        levels = []
        histories = 1
        for length in range(int(data["order"])):
            owners = np.repeat(np.arange(histories), data[f"children{length}"])
            keys = owners * len(letters) + data[f"graphones{length}"]
            probability = data[f"probability{length}"].astype(np.float32) * -np.float32(LOG_STEP)
            backoff = data[f"backoff{length}"].astype(np.float32) * -np.float32(LOG_STEP)
            levels.append(Level(keys, probability, backoff))
            histories = len(keys)
    return GraphoneModel(letters, phones, levels)


def guess_phones(letters: str) -> tuple[str, ...]:
    """Return ARPAbet phones with stress digits for a spelling. Exactly one vowel has primary stress."""
    phones = english_model().phones_of(letters)
    return one_primary_stress(phones)


def one_primary_stress(phones: tuple[str, ...]) -> tuple[str, ...]:
    """Keep the first primary stress, or promote the best candidate without one. N-grams do not cover the whole word."""
    vowels = [i for i, phone in enumerate(phones) if phone[-1].isdigit()]
    if not vowels:
        return phones
    primary = next((i for digit in "12" for i in vowels if phones[i].endswith(digit)), vowels[0])
    return tuple(
        phone[:-1] + ("1" if i == primary else phone[-1].replace("1", "2")) if i in vowels else phone
        for i, phone in enumerate(phones)
    )
