"""PocketSphinx as a recogniser: of one word from a closed list, or of a sentence with the full language model.

Absolute figures of a recogniser mean little; compare systems within one run.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import soxr
from numpy.typing import NDArray
from pocketsphinx import Decoder

from engine.lyrics import pronounce_english

RATE_HZ = 16_000
VOWELS = frozenset("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split())
_PAD_S = 0.3
_PEAK = 0.5
_NOISE = 2e-4  # digital silence upsets the recogniser's feature normalisation

Samples = NDArray[np.floating]


class WordListener:
    """Recogniser of one word of `words`; it returns one for every sound."""

    def __init__(self, words: Sequence[str]) -> None:
        self._decoder = Decoder(samprate=RATE_HZ, lm=None, beam=1e-60, wbeam=1e-50, pbeam=1e-60, logfn=os.devnull)
        self._phones = {word: self._looked_up(word) for word in words}
        self._decoder.add_jsgf_string(
            "words", f"#JSGF V1.0; grammar words; public <word> = {' | '.join(sorted(self._phones))};"
        )
        self._decoder.activate_search("words")

    def hear(self, samples: Samples, sample_rate: int) -> str:
        """Return the likeliest word, "" if the recogniser finds none."""
        return _decoded(self._decoder, samples, sample_rate)

    def phones(self, word: str) -> tuple[str, ...]:
        """Return ARPAbet without stress."""
        return self._phones[word]

    def syllables(self, word: str) -> int:
        return max(1, sum(phone in VOWELS for phone in self._phones[word]))

    def _looked_up(self, word: str) -> tuple[str, ...]:
        known = self._decoder.lookup_word(word)
        if known is None:
            known = " ".join(pronounce_english(word))
            self._decoder.add_word(word, known, True)
        return tuple(known.split())


class SentenceListener:
    """Recogniser of running English."""

    def __init__(self) -> None:
        self._decoder = Decoder(samprate=RATE_HZ, logfn=os.devnull)

    def hear(self, samples: Samples, sample_rate: int) -> list[str]:
        return _decoded(self._decoder, samples, sample_rate).split()


def word_errors(wanted: Sequence[str], heard: Sequence[str]) -> int:
    """Return the least number of substitutions, insertions and deletions that turn one into the other."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(wanted, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


def syllable_parts(phones: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the phones before the first vowel, the vowels, and the consonants after the first vowel."""
    first = next((i for i, phone in enumerate(phones) if phone in VOWELS), len(phones))
    vowels = tuple(phone for phone in phones if phone in VOWELS)
    return tuple(phones[:first]), vowels, tuple(phone for phone in phones[first:] if phone not in VOWELS)


def _decoded(decoder: Decoder, samples: Samples, sample_rate: int) -> str:
    decoder.start_utt()
    decoder.process_raw(_pcm(samples, sample_rate), full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return hypothesis.hypstr if hypothesis else ""


def _pcm(samples: Samples, sample_rate: int) -> bytes:
    """Return samples at 16 kHz and one level, padded with faint noise that depends on the length only."""
    heard = np.asarray(soxr.resample(np.asarray(samples, dtype=np.float64), sample_rate, RATE_HZ))
    heard = np.pad(heard * (_PEAK / max(1e-6, float(np.abs(heard).max(initial=0.0)))), round(_PAD_S * RATE_HZ))
    heard += _NOISE * np.random.default_rng(0).standard_normal(len(heard))
    return (heard * 32767).clip(-32767, 32767).astype("<i2").tobytes()
