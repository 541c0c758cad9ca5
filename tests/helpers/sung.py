"""Shared by the performance tests: songs straight to performances, and what to read off them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.lyrics import lay_lyrics
from engine.lyrics.syllables import VOWELS
from engine.performance import BREATH, SILENCE, Mode, Performance, PerformanceSettings, PerformedTrack, PhoneSpan, perform
from engine.score import Score

__all__ = ["VOWELS", "Mode", "consonants_and_vowels", "pitch_of", "settings_of", "sing", "sounding", "spans_of", "times_of"]


def settings_of(mode: str = "sing", **changes) -> PerformanceSettings:
    return PerformanceSettings(mode=Mode(mode), **changes)


def sing(score: Score, mode: str = "sing", **changes) -> PerformedTrack:
    """The first track of `score`, performed."""
    track = score.tracks[0]
    syllables = lay_lyrics(track, ppq=score.ppq)
    return perform(track, syllables, score.tempo_map, settings_of(mode, **changes))


def spans_of(performance: Performance) -> list[PhoneSpan]:
    """Phones with song times."""
    start_s = performance.start_s
    return [PhoneSpan(s.symbol, s.start_s + start_s, s.end_s + start_s, s.note_index) for s in performance.phones]


def sounding(performed: PerformedTrack) -> list[PhoneSpan]:
    """All that is heard, in song time."""
    return [s for phrase in performed.phrases for s in spans_of(phrase) if s.symbol != SILENCE]


def consonants_and_vowels(performed: PerformedTrack) -> Iterator[tuple[list[PhoneSpan], PhoneSpan]]:
    """Each vowel with the consonants between it and the vowel (or silence) before it that belong to its own note."""
    waiting: list[PhoneSpan] = []
    for span in sounding(performed):
        if span.symbol in VOWELS:
            yield [s for s in waiting if s.note_index == span.note_index], span
            waiting = []
        elif span.symbol != BREATH:
            waiting.append(span)


def times_of(performance: Performance) -> np.ndarray:
    """Song time of each frame's middle."""
    return performance.start_s + (np.arange(performance.frames) + 0.5) / performance.frame_rate_hz


def pitch_of(performance: Performance) -> np.ndarray:
    """MIDI pitch per frame."""
    return 69 + 12 * np.log2(performance.f0_hz.astype(np.float64) / 440)
