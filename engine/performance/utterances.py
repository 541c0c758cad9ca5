"""Words of phrases, for voices that read text, and random numbers that depend on words and notes alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from engine.lyrics.types import Syllable

from .types import Utterance


def words_of(syllables: Sequence[Syllable]) -> tuple[tuple[Syllable, ...], ...]:
    """Group syllables into words."""
    words: list[list[Syllable]] = []
    for syllable in syllables:
        if syllable.is_word_start or not words:
            words.append([])
        words[-1].append(syllable)
    return tuple(tuple(word) for word in words)


def sung_utterance(syllables: Sequence[Syllable]) -> Utterance:
    """Return the words of a sung phrase. Their punctuation is unknown except for the end."""
    words = words_of([*native_syllables(syllables)])
    return Utterance(words, (0,) * (len(words) - 1) + (2,))


def native_syllables(syllables: Sequence[Syllable]) -> tuple[Syllable, ...]:
    """Return the syllables in the phones of their own language where they are known."""
    return tuple(syllable.native or syllable for syllable in syllables)


def seeded_rng(text: str) -> np.random.Generator:
    """Return a random generator that depends on `text` alone."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8], "little"))
