"""Guesses for English words that no dictionary has, as in the official program: split into known words, else read by its network.

Both come from packages of the extra `en`: wordsegment (counts of words and of pairs of words) and g2p_en (a recurrent network of 0.8
million weights, of which only the data file is read; the package is not imported, because it would start a download).
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.lyrics.syllables import VOWELS

_CHECKPOINT = "checkpoint20.npz"
_LETTERS = ("<pad>", "<unk>", "</s>", *string.ascii_lowercase)
_END, _UNKNOWN = 2, 1  # rows of the letters' embedding
_NO_PHONE, _START, _STOP = 4, 2, 3  # the first four rows of the phones' embedding are no phones
_BARE = "B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH".split()
_STRESSED = sorted(VOWELS)
# Alphabetic; the network also knows a UW without stress, which the official program leaves out.
_PHONES = sorted([*_BARE, *(f"{vowel}{stress}" for vowel in _STRESSED for stress in "012"), "UW"])
_LONGEST = 20  # phones


class WordNetwork:
    """A recurrent encoder of letters and decoder of phones. Immutable and safe for threads."""

    def __init__(self, weights: dict[str, NDArray[np.float32]]) -> None:
        self._weights = weights

    def phones_of(self, letters: str) -> tuple[str, ...]:
        """Return the likeliest phones, chosen greedily."""
        weights = self._weights
        state = np.zeros(weights["enc_w_hh"].shape[1], np.float32)
        for number in [*(_LETTERS.index(c) if c in _LETTERS else _UNKNOWN for c in letters), _END]:
            state = self._step("enc", weights["enc_emb"][number], state)
        phones: list[str] = []
        number = _START
        for _ in range(_LONGEST):
            state = self._step("dec", weights["dec_emb"][number], state)
            number = int(np.argmax(weights["fc_w"] @ state + weights["fc_b"]))
            if number == _STOP:
                break
            phones += _PHONES[number - _NO_PHONE : number - _NO_PHONE + 1] if number >= _NO_PHONE else []
        return tuple(phone for phone in phones if phone != "UW")

    def _step(self, part: str, entry: NDArray[np.float32], state: NDArray[np.float32]) -> NDArray[np.float32]:
        from_entry = self._weights[f"{part}_w_ih"] @ entry + self._weights[f"{part}_b_ih"]
        from_state = self._weights[f"{part}_w_hh"] @ state + self._weights[f"{part}_b_hh"]
        size = len(state)
        reset, update = np.split(1 / (1 + np.exp(-(from_entry + from_state)[: 2 * size])), 2)
        fresh = np.tanh(from_entry[2 * size :] + reset * from_state[2 * size :])
        return (1 - update) * fresh + update * state


@functools.cache
def word_network() -> WordNetwork | None:
    """Return the network of the installed package g2p_en; None without the package, or if its file is another one."""
    spec = importlib.util.find_spec("g2p_en")
    if spec is None or spec.origin is None:
        return None
    names = (
        "enc_emb",
        "enc_w_ih",
        "enc_w_hh",
        "enc_b_ih",
        "enc_b_hh",
        "dec_emb",
        "dec_w_ih",
        "dec_w_hh",
        "dec_b_ih",
        "dec_b_hh",
    )
    try:
        with np.load(Path(spec.origin).with_name(_CHECKPOINT), allow_pickle=False) as data:
            weights = {name: np.asarray(data[name], np.float32) for name in (*names, "fc_w", "fc_b")}
    except (OSError, ValueError, KeyError):
        return None
    return WordNetwork(weights) if len(weights["fc_b"]) == len(_PHONES) + _NO_PHONE else None


@functools.cache
def _segmenter() -> Callable[[str], list[str]] | None:
    try:
        library: Any = importlib.import_module("wordsegment")
        library.load()
    except (ImportError, OSError):
        return None
    segment: Callable[[str], list[str]] = library.segment
    return segment


def can_guess() -> bool:
    """Return True if both packages are installed."""
    return word_network() is not None and _segmenter() is not None


@functools.lru_cache(maxsize=4096)
def words_within(word: str) -> tuple[str, ...]:
    """Return the words that a compound is likely made of; the word itself without the package."""
    segment = _segmenter()
    return tuple(segment(word)) if segment is not None else (word,)
