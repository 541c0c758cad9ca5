"""Forced alignment of a known English text with a recording (PocketSphinx, offline, en-us model in its wheel).

Two passes, as the decoder requires: words first, then phones inside the fixed words. The recording is padded with 0.2 s of faint noise
and the decoder's default beams are kept, since bare edges or very wide beams make it reject clips.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import TrainingError
from engine.voices.units import VOWELS

PADS_S = (0.2, 0.35, 0.1)  # tried in turn: a clip refused with one pad often passes with another
ALIGN_RATE_HZ = 16_000
_FRAME_S = 0.01
_SILENCES = frozenset({"SIL", "+SPN+", "+NSN+", "+BREATH+", "+COUGH+", "+NOISE+", "+SMACK+", "+UH+", "+UM+"})


@dataclass(frozen=True, slots=True)
class AlignedPhone:
    """ARPAbet symbol without stress (or `SIL`) from `start_s` to `end_s` of the recording; `is_reduced`: an unstressed vowel."""

    symbol: str
    start_s: float
    end_s: float
    is_reduced: bool = False


class Aligner:
    """Aligns recordings with their texts.

    `pronounce(word)` gives ARPAbet phones for words that the recogniser's dictionary lacks, `is_reduced(word, phones, index)` returns
    True if a vowel of a word is unstressed.
    """

    def __init__(self, pronounce: Callable[[str], list[str]], is_reduced: Callable[[str, Sequence[str], int], bool]) -> None:
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise TrainingError("Aligning needs PocketSphinx: pip install 'vocalese[train]'.") from error
        self._decoder = Decoder(samprate=ALIGN_RATE_HZ, lm=None, logfn=os.devnull)
        self._pronounce = pronounce
        self._is_reduced = is_reduced

    def align(self, samples: NDArray[np.float32], text: str) -> list[AlignedPhone] | None:
        """Return the phones of `text` in `samples` (mono, 16 kHz), contiguous over the whole recording; None if the decoder finds no
        path.
        """
        words = words_of(text)
        for word in words:
            if self._decoder.lookup_word(word) is None:
                self._decoder.add_word(word, " ".join(self._pronounce(word)), True)
        for pad_s in PADS_S:
            spans = self._aligned(_padded_pcm(samples, pad_s), words)
            if spans is not None:
                return _unpadded(spans, pad_s, len(samples) / ALIGN_RATE_HZ)
        return None

    def _aligned(self, pcm: bytes, words: list[str]) -> list[AlignedPhone] | None:
        try:
            self._decoder.set_align_text(" ".join(words))
            self._decode(pcm)
            if self._decoder.hyp() is None:
                return None
            self._decoder.set_alignment()
            self._decode(pcm)
            return [phone for word in self._decoder.get_alignment() for phone in self._phones_of(word)]
        except RuntimeError:  # the decoder's "no path", e.g. "Failed to stop utterance processing"
            return None

    def _phones_of(self, word: Any) -> list[AlignedPhone]:
        """Return the phones of one aligned word; its name may carry a variant number, as in "read(2)"."""
        entries = [(phone.name, phone.start * _FRAME_S, (phone.start + phone.duration) * _FRAME_S) for phone in word]
        if entries[0][0] in _SILENCES:
            return [AlignedPhone("SIL", start_s, end_s) for _, start_s, end_s in entries]
        spelling = word.name.split("(", 1)[0]
        symbols = [name for name, _, _ in entries]
        return [
            AlignedPhone(name, start_s, end_s, name in VOWELS and self._is_reduced(spelling, symbols, index))
            for index, (name, start_s, end_s) in enumerate(entries)
        ]

    def _decode(self, pcm: bytes) -> None:
        self._decoder.start_utt()
        self._decoder.process_raw(pcm, full_utt=True)
        self._decoder.end_utt()


def words_of(text: str) -> list[str]:
    """Return the lower-case words of a sentence, inner apostrophes kept."""
    return [word.strip("'") for word in re.findall(r"[a-z']+", text.lower().replace("\u2019", "'")) if word.strip("'")]


def _padded_pcm(samples: NDArray[np.float32], pad_s: float) -> bytes:
    pad = int(pad_s * ALIGN_RATE_HZ)
    level = max(1e-6, float(np.abs(samples).max()))
    padded = np.concatenate([np.zeros(pad), samples / level * 0.5, np.zeros(pad)])
    padded += 2e-4 * np.random.default_rng(0).standard_normal(len(padded))
    return (padded * 32767).clip(-32767, 32767).astype("<i2").tobytes()


def _unpadded(spans: list[AlignedPhone], pad_s: float, length_s: float) -> list[AlignedPhone]:
    """Shift by the pad, merge neighbouring silences, cover 0 .. length_s without gaps."""
    shifted: list[AlignedPhone] = []
    for span in spans:
        start_s, end_s = max(0.0, span.start_s - pad_s), min(length_s, span.end_s - pad_s)
        if end_s <= start_s:
            continue
        if shifted and span.symbol == "SIL" and shifted[-1].symbol == "SIL":
            shifted[-1] = AlignedPhone("SIL", shifted[-1].start_s, end_s)
        else:
            shifted.append(replace(span, start_s=shifted[-1].end_s if shifted else 0.0, end_s=end_s))
    if shifted and shifted[-1].end_s < length_s:
        last = shifted[-1]
        if last.symbol == "SIL":
            shifted[-1] = AlignedPhone("SIL", last.start_s, length_s)
        else:
            shifted.append(AlignedPhone("SIL", last.end_s, length_s))
    return shifted
