"""No key is louder than it should be: the level at the ends of the keyboard, with bends, growl, tension and colour at their extremes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
import soxr

from engine import (
    Bend,
    Configure,
    Expression,
    LivePerformer,
    LiveSettings,
    LiveVoice,
    Lyrics,
    NoteOff,
    NoteOn,
    Parameter,
    PerformanceSettings,
    plan_score,
    split_lyrics,
)

CEILING_DBFS = -0.3
# dB RMS of a held "la" of velocity 95 before the level of high notes had a bound: what C3 to A5 must keep.
KNOWN_DB = {48: -21.59, 52: -21.39, 56: -19.71, 60: -21.06, 64: -21.10, 68: -21.14, 72: -19.89, 76: -21.15, 80: -21.04}
EXTREMES = [
    (("growl", 1.0),),
    (("tension", 1.0), ("growl", 1.0), ("colour", 1.0)),
    (("tension", -1.0), ("growl", 0.5), ("gender", -1.0)),
    (("brightness", 1.0), ("tone_shift_cents", 2_400.0), ("dynamics_db", 12.0), ("volume", 1.0)),
    (("tone_shift_cents", -2_400.0), ("breathiness", 1.0), ("dynamics_db", 12.0)),
]


def played(
    starter,
    key: float,
    *,
    velocity: float = 0.75,
    moved: Sequence[tuple[str, float]] = (),
    bends: Sequence[tuple[float, float]] = (),
    word: str = "",
    seconds: float = 0.5,
) -> np.ndarray:
    """A key that is held for `seconds`, as a live voice sings it."""
    voice = LiveVoice(LivePerformer(PerformanceSettings()), starter.stream())
    without_switches = LiveSettings(previous_line_key=None, again_key=None, next_line_key=None)
    voice.feed(Configure(0.0, PerformanceSettings(), without_switches))
    if word:
        voice.feed(Lyrics(0.0, split_lyrics(word).lines))
    for name, value in moved:
        voice.feed(Expression(0.0, Parameter(name), value))
    voice.feed(NoteOn(0.05, 1, key, velocity))
    for time_s, semitones in bends:
        voice.feed(Bend(time_s, semitones))
    voice.feed(NoteOff(seconds - 0.05, 1))
    return voice.render(round(100 * seconds))


def true_peak_dbfs(samples: np.ndarray) -> float:
    return float(20 * np.log10(np.abs(soxr.resample(samples, 1, 4, quality="VHQ")).max()))


def held_db(samples: np.ndarray) -> float:
    """Of the vowel."""
    return float(10 * np.log10(np.mean(samples[6_400:12_800] ** 2)))


@pytest.mark.parametrize("key", KNOWN_DB)
def test_keys_from_c3_to_a5_keep_their_level(starter, key: int) -> None:
    assert held_db(played(starter, key)) == pytest.approx(KNOWN_DB[key], abs=3.0)


@pytest.mark.parametrize("key", [0, 24, 92, 96, 100, 108, 127])
def test_high_and_low_keys_are_not_louder_than_the_middle(starter, key: int) -> None:
    assert held_db(played(starter, key)) <= max(KNOWN_DB.values()) + 3.0
    assert held_db(played(starter, key, moved=[("growl", 1.0)])) <= max(KNOWN_DB.values()) + 3.0


@pytest.mark.parametrize("word", ["me", "moo", "zoo", "no"])
def test_vowels_whose_formants_high_notes_miss_are_not_louder(starter, word: str) -> None:
    for key in (88, 96, 101, 108):
        assert held_db(played(starter, key, word=word, moved=[("growl", 1.0)])) <= max(KNOWN_DB.values()) + 4.0


@pytest.mark.parametrize(("key", "moved"), [(36, EXTREMES[3]), (84, EXTREMES[1]), (108, EXTREMES[1]), (127, EXTREMES[3])])
def test_extremes_stay_under_the_ceiling(starter, key: int, moved: Sequence[tuple[str, float]]) -> None:
    assert true_peak_dbfs(played(starter, key, velocity=1.0, moved=moved)) <= CEILING_DBFS


@pytest.mark.parametrize("key", [17, 92, 126])
def test_bends_to_both_ends_within_a_note_stay_under_the_ceiling(starter, key: int) -> None:
    """The pulses are then as near as samples are: what rises between the last ones of a frame is not known yet."""
    ends = [(0.12, 96.0), (0.2, -96.0), (0.27, 2.0)]
    sound = played(starter, key, velocity=1.0, moved=EXTREMES[1], bends=ends, word="me", seconds=0.35)
    assert true_peak_dbfs(sound) <= CEILING_DBFS


@pytest.mark.parametrize(("key", "semitones"), [(84, 24.0), (60, 96.0), (108, -48.0), (127, -96.0)])
def test_bends_through_the_whole_range_stay_under_the_ceiling(starter, key: int, semitones: float) -> None:
    there_and_back = [(0.15, semitones), (0.25, 0.0), (0.3, semitones / 2), (0.35, semitones)]
    sound = played(starter, key, moved=EXTREMES[1], bends=there_and_back, word="me")
    assert true_peak_dbfs(sound) <= CEILING_DBFS


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_stems_of_high_notes_stay_under_the_ceiling(starter, song, render, rate: int) -> None:
    notes = [(beat, 1, pitch, word) for beat, (pitch, word) in enumerate([(60, "la"), (96, "me"), (108, "la"), (127, "moo")])]
    stem = render(plan_score(song(notes, velocity=127), starter.card, PerformanceSettings()), rate=rate)
    assert true_peak_dbfs(stem) <= CEILING_DBFS
    quiet, *loud = (stem[round(beat * rate / 2) : round((beat + 1) * rate / 2)] for beat in range(4))
    for beat in loud:
        assert np.mean(beat**2) <= 4.0 * np.mean(quiet**2)


@pytest.mark.slow
@pytest.mark.parametrize("key", range(128))
def test_every_key_with_everything_at_its_extremes(starter, key: int) -> None:
    """One of four cases for each key, or all four (some minutes) where the environment variable EVERY_CASE is set."""
    cases = list(product(("la", "me"), ((), [(0.12, 96.0), (0.2, -96.0), (0.27, 2.0)])))
    for word, bends in cases if "EVERY_CASE" in os.environ else [cases[key % 4]]:
        for moved in EXTREMES:
            sound = played(starter, key, velocity=1.0, moved=moved, bends=bends, word=word, seconds=0.35)
            assert true_peak_dbfs(sound) <= CEILING_DBFS, (moved, word, bends)
