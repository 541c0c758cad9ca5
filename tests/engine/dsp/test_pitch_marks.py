"""Epochs and overlap-add on signals whose pitch is known."""

from __future__ import annotations

import numpy as np
import pytest

from engine.dsp.overlap_add import add_grains
from engine.dsp.pitch_marks import PitchTrack, fill_voiced, pitch_marks, runs_of, track_pitch
from engine.dsp.time_map import Stretch, TimeMap

RATE = 16_000


def buzz(f0_hz: np.ndarray) -> np.ndarray:
    """Decaying strikes, one per turn of `f0_hz` [N]: a crude voice."""
    turns = np.floor(np.cumsum(f0_hz) / RATE)
    strikes = np.diff(turns, prepend=0.0)
    ring_s = np.arange(400) / RATE
    return np.convolve(strikes, np.exp(-300 * ring_s) * np.sin(2 * np.pi * 700 * ring_s))[: len(f0_hz)]


@pytest.fixture(scope="module")
def glide() -> tuple[np.ndarray, np.ndarray]:
    f0_hz = np.linspace(120.0, 180.0, RATE)
    return f0_hz, buzz(f0_hz)


def test_f0_is_right(glide) -> None:
    f0_hz, samples = glide
    track = track_pitch(samples, RATE)
    middle = (track.times_s > 0.1) & (track.times_s < 0.9)
    wanted = np.interp(track.times_s[middle], np.arange(RATE) / RATE, f0_hz)
    assert np.median(np.abs(1200 * np.log2(track.hz[middle] / wanted))) < 5


def test_there_is_one_mark_per_strike_near_it(glide) -> None:
    f0_hz, samples = glide
    marks = pitch_marks(samples, RATE, track_pitch(samples, RATE))
    strikes_s = np.flatnonzero(np.diff(np.floor(np.cumsum(f0_hz) / RATE), prepend=0.0)) / RATE
    inside = strikes_s[(strikes_s > marks.times_s[1]) & (strikes_s < marks.times_s[-2])]
    nearest = marks.times_s[np.abs(marks.times_s[:, None] - inside).argmin(axis=0)]
    assert len(np.unique(nearest)) == len(inside)
    assert np.abs(nearest - inside).max() < 0.0025
    assert np.std((nearest - inside)[3:-3]) < 0.0003, "no jitter"


def test_runs_of_true_values() -> None:
    assert runs_of(np.array([1, 1, 0, 1, 0, 0, 1], dtype=bool)) == [(0, 2), (3, 4), (6, 7)]
    assert runs_of(np.zeros(3, dtype=bool)) == []


def test_vowels_can_be_declared_voiced() -> None:
    track = PitchTrack(np.arange(10) * 0.005, np.array([np.nan, 100, 100, np.nan, np.nan, np.nan, 130, 130, np.nan, np.nan]))
    filled = fill_voiced(track, [(0.015, 0.025)])
    assert np.isfinite(filled.hz[1:8]).all() and np.isnan(filled.hz[[0, 8, 9]]).all()
    assert 100 < filled.hz[4] < 130


def test_silence_and_short_clips_have_no_pitch() -> None:
    for samples in (np.zeros(RATE), np.zeros(50)):
        track = track_pitch(samples, RATE)
        assert np.isnan(track.hz).all() and np.isnan(track.median_hz())
        assert len(pitch_marks(samples, RATE, track).times_s) == 0


def test_unvoiced_sound_at_natural_pace_is_unchanged() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE // 2) * np.hanning(RATE // 2)
    track = PitchTrack(np.arange(100) * 0.005, np.full(100, np.nan))
    same = TimeMap((Stretch(0.0, 0.5, 0.0, 0.5),))
    again = add_grains(noise, RATE, same, np.full(RATE // 2, 300.0), track, pitch_marks(noise, RATE, track))
    assert np.abs(again - noise)[200:-200].max() < 0.05 * np.abs(noise).max()


@pytest.mark.parametrize("semitones", [-12, -7, 0, 7, 12])
def test_pitch_is_the_wanted_one(glide, semitones: int) -> None:
    _, samples = glide
    wanted_hz = 150.0 * 2 ** (semitones / 12)
    track = track_pitch(samples, RATE)
    slow = TimeMap((Stretch(0.0, 2.0, 0.05, 0.95),))
    sung = add_grains(samples, RATE, slow, np.full(2 * RATE, wanted_hz), track, pitch_marks(samples, RATE, track))
    found = track_pitch(sung, RATE).hz[20:-20]
    assert np.nanmedian(np.abs(1200 * np.log2(found / wanted_hz))) < 3
    assert np.isfinite(found).mean() > 0.98
