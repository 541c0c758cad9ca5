"""Spoken melody and rhythm: pitch contour of rap and talk, and durations of talk.

The contour follows common descriptions of American English intonation (pitch accents on stressed syllables, declination, a final fall, a final
rise in questions); segment durations follow the shape of Klatt's rules (inherent length, shorter when unstressed or in a cluster, longer before
a pause).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.lyrics.types import Phone, SpokenLine, Syllable

from .timing import CONSONANT_S, DEFAULT_CONSONANT_S
from .types import PhoneSpan

Frames = NDArray[np.float64]

_LONG_VOWELS = frozenset({"AA", "AE", "AO", "AW", "AY", "ER", "EY", "IY", "OW", "OY", "UW"})
_VOWEL_S = {True: 0.12, False: 0.085}
_SHORTEST_PHONE_S = 0.03
_UNSTRESSED, _SECONDARY, _FINAL = 0.62, 0.85, 1.55
_EMPHASISED = 1.25  # on top, for the vowel
_CONSONANT_SPEED = 0.82
_PAUSE_S = (0.0, 0.22, 0.45)
FIT_LIMITS = (0.5, 1.6)  # how far talk may be squeezed or stretched to fit a length

DECLINATION_SEMITONES = 3.0
ACCENT_SEMITONES = {0: -0.6, 1: 2.2, 2: 1.0}
EMPHASIS_SEMITONES = 4.5
FINAL_FALL_SEMITONES, _QUESTION_RISE_SEMITONES = 4.0, 6.0


@dataclass(frozen=True, slots=True)
class SpokenSyllable:
    """Times of a syllable's vowel, for the contour."""

    start_s: float
    end_s: float
    stress: int
    is_phrase_end: bool = False
    is_emphasised: bool = False


def stress_accent(stress: int) -> float:
    """Return the loudness that stress adds to a syllable, 0 .. 1."""
    return 1.0 if stress == 1 else 0.4 if stress == 2 else 0.0


def spoken_contour(
    syllables: Sequence[SpokenSyllable], times_s: Frames, *, is_question: bool, rng: np.random.Generator
) -> Frames:
    """Return semitones around the speaker's pitch [T]: declination, an accent on each stressed syllable, a final fall or rise."""
    points: list[tuple[float, float]] = []
    first_s, last_s = syllables[0].start_s, syllables[-1].end_s
    for syllable in syllables:
        place = (syllable.start_s - first_s) / max(0.3, last_s - first_s)
        level = DECLINATION_SEMITONES * (0.5 - place)
        height = EMPHASIS_SEMITONES if syllable.is_emphasised else ACCENT_SEMITONES[min(2, max(0, syllable.stress))]
        accent = height * rng.uniform(0.8, 1.2)
        length_s = syllable.end_s - syllable.start_s
        points.append((syllable.start_s, level + 0.6 * accent))
        points.append((syllable.start_s + 0.45 * length_s, level + accent))
        closing = 0.35 * accent
        if syllable.is_phrase_end:
            closing = _QUESTION_RISE_SEMITONES if is_question else -FINAL_FALL_SEMITONES
        points.append((syllable.end_s, level + closing))
    times, values = zip(*_ascending(points), strict=True)
    contour = np.interp(times_s, times, values)
    window = np.hanning(9)[1:-1]
    return np.convolve(np.pad(contour, 3, mode="edge"), window / window.sum(), mode="valid")


def spoken_phones(
    line: SpokenLine, *, speech_rate: float, length_s: float | None
) -> tuple[list[PhoneSpan], list[SpokenSyllable], float]:
    """Return the phones of a spoken line from 0 s, its vowels, and the factor by which `length_s` is missed (1 = met)."""
    phones: list[tuple[Phone, float, int]] = []  # phone, seconds, index of its syllable or -1
    pauses: dict[int, float] = {}  # after phone index
    syllables = [syllable for word in line.words for syllable in word]
    index = 0
    for word_number, (word, pause) in enumerate(zip(line.words, line.pauses, strict=True)):
        is_final_word = pause > 0 or word_number == len(line.words) - 1
        for syllable in word:
            is_final = is_final_word and syllable is word[-1]
            phones.extend((phone, seconds, index) for phone, seconds in _syllable_durations(syllable, is_final))
            index += 1
        if pause and word_number < len(line.words) - 1:
            pauses[len(phones) - 1] = _PAUSE_S[min(pause, 2)]
    natural_s = (sum(seconds for _, seconds, _ in phones) + sum(pauses.values())) / speech_rate
    scale = 1.0 / speech_rate
    missed = 1.0
    if length_s is not None and natural_s > 0:
        wanted = length_s / natural_s
        fitted = float(np.clip(wanted, *FIT_LIMITS))
        scale, missed = scale * fitted, fitted / wanted
    spans: list[PhoneSpan] = []
    vowels: list[SpokenSyllable] = []
    at_s = 0.0
    nuclei = _nucleus_positions(syllables)
    for number, (phone, seconds, syllable_index) in enumerate(phones):
        end_s = at_s + max(_SHORTEST_PHONE_S * min(1.0, scale), seconds * scale)
        spans.append(PhoneSpan(phone.symbol, at_s, end_s, syllable_index, syllables[syllable_index].stress))
        if number == nuclei[syllable_index]:
            is_end = syllable_index == len(syllables) - 1
            syllable = syllables[syllable_index]
            vowels.append(SpokenSyllable(at_s, end_s, syllable.stress, is_end, syllable.is_emphasised))
        at_s = end_s + pauses.get(number, 0.0) * scale
    return spans, vowels, missed


def _syllable_durations(syllable: Syllable, is_final: bool) -> list[tuple[Phone, float]]:
    stretch = 1.0 if syllable.stress == 1 else _SECONDARY if syllable.stress == 2 else _UNSTRESSED
    durations = []
    for position, phone in enumerate(syllable.phones):
        if position == syllable.nucleus:
            seconds = _VOWEL_S[phone.symbol in _LONG_VOWELS] * stretch * (_EMPHASISED if syllable.is_emphasised else 1.0)
        else:
            seconds = CONSONANT_S.get(phone.symbol, DEFAULT_CONSONANT_S) * _CONSONANT_SPEED
        if is_final and position >= syllable.nucleus:
            seconds *= _FINAL
        durations.append((phone, seconds))
    return durations


def _nucleus_positions(syllables: Sequence[Syllable]) -> list[int]:
    positions, count = [], 0
    for syllable in syllables:
        positions.append(count + syllable.nucleus)
        count += len(syllable.phones)
    return positions


def _ascending(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    kept: list[tuple[float, float]] = []
    for time_s, value in points:
        if not kept or time_s > kept[-1][0]:
            kept.append((time_s, value))
    return kept
