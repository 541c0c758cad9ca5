"""Measuring a stem against its notes: signals with known pitch, onsets, clicks and levels must give those figures."""

import json

import numpy as np
import pytest

from engine.evaluate import f0_track
from engine.evaluate.accuracy import ExpectedNote, measure_accuracy
from engine.evaluate.f0_track import track_f0

MELODY = [(0.5, 1.0, 60, "la"), (1.0, 1.4, 64, "lo"), (1.4, 2.0, 57, "li"), (3.0, 3.5, 72, "lu"), (3.5, 4.2, 45, None)]


def harmonics(f0_hz, sample_rate, top_hz=10_000):
    """A bright tone following f0_hz[N], about -17 dBFS."""
    phase = 2 * np.pi * np.cumsum(f0_hz) / sample_rate
    count = int(top_hz / f0_hz.min())
    return 0.15 * sum(np.where(k * f0_hz < top_hz, np.sin(k * phase) / k, 0) for k in range(1, min(count, 30)))


def sing(notes, sample_rate=44100, *, cents=0.0, late_s=0.0, vibrato_cents=0.0, tail_s=0.5):
    """The notes as harmonic tones with 5 ms ramps at both ends of each legato line."""
    length = round((notes[-1][1] + tail_s) * sample_rate)
    pitch, level = np.full(length, np.nan), np.zeros(length)
    for onset_s, offset_s, note_pitch, _ in notes:
        span = slice(round((onset_s + late_s) * sample_rate), round((offset_s + late_s) * sample_rate))
        wave = np.sin(2 * np.pi * 5.5 * np.arange(span.stop - span.start) / sample_rate)
        pitch[span], level[span] = note_pitch + (cents + vibrato_cents * wave) / 100, 1
    ramp = np.hanning(round(0.01 * sample_rate))
    level = np.convolve(level, ramp / ramp.sum(), "same")
    level[level < 1e-9] = 0
    known = np.flatnonzero(np.isfinite(pitch))
    held = np.interp(np.arange(length), known, pitch[known])
    return (harmonics(440 * 2 ** ((held - 69) / 12), sample_rate) * level).astype(np.float32)


@pytest.mark.parametrize("sample_rate", [44100, 48000, 88200, 96000])
def test_a_correct_stem_measures_as_correct(sample_rate):
    report = measure_accuracy(sing(MELODY, sample_rate), sample_rate, MELODY)
    assert report.measured_notes == 5 and report.found_onsets == 5
    assert report.cents_median < 0.2 and report.cents_p95 < 2
    assert report.within_50_cents == 1 and report.voiced == 1
    assert abs(report.onset_ms_median) <= 10 and report.onset_ms_p95 <= 20
    assert report.between_notes_dbfs == -180 and report.clipped_samples == 0
    assert report.length_s == pytest.approx(4.7, abs=1e-4) and report.score_length_s == 4.2
    assert report.click_ratio < 3


@pytest.mark.parametrize("cents", [-120, -30, 20, 49])
def test_detuning_is_measured_with_its_sign(cents):
    report = measure_accuracy(sing(MELODY, cents=cents), 44100, MELODY)
    assert report.cents_median == pytest.approx(abs(cents), abs=0.3)
    assert [result.cents for result in report.notes] == pytest.approx([cents] * 5, abs=2)
    assert report.within_50_cents == (abs(cents) < 50)


def test_vibrato_does_not_hide_the_pitch():
    report = measure_accuracy(sing(MELODY, vibrato_cents=50), 44100, MELODY)
    assert report.cents_p95 < 25 and report.voiced == 1


@pytest.mark.parametrize("late_s", [-0.06, 0.03, 0.1])
def test_lateness_is_measured_with_its_sign(late_s):
    correct = measure_accuracy(sing(MELODY), 44100, MELODY)
    shifted = measure_accuracy(sing(MELODY, late_s=late_s), 44100, MELODY)
    assert shifted.onset_ms_median - correct.onset_ms_median == pytest.approx(1000 * late_s, abs=5.1)


@pytest.mark.parametrize("midi", [40, 48, 57, 69, 81, 83])
@pytest.mark.parametrize("sample_rate", [44100, 48000])
def test_pitch_from_80_to_1000_hz_is_right_within_a_cent(midi, sample_rate):
    f0_hz = 440 * 2 ** ((midi + 0.137 - 69) / 12)
    track = track_f0(harmonics(np.full(sample_rate, f0_hz), sample_rate), sample_rate)
    inside = (track.times_s > 0.1) & (track.times_s < 0.9)
    assert np.abs(1200 * np.log2(track.hz[inside] / f0_hz)).max() < 1


@pytest.mark.parametrize("octaves_per_s", [-1, 1])
def test_glides_are_tracked_without_delay(octaves_per_s):
    sample_rate = 48000
    t = np.arange(sample_rate) / sample_rate
    f0_hz = 300 * 2.0 ** (octaves_per_s * (t - 0.5))
    track = track_f0(harmonics(f0_hz, sample_rate), sample_rate)
    inside = (track.times_s > 0.1) & (track.times_s < 0.9)
    error = 1200 * np.log2(track.hz[inside] / np.interp(track.times_s[inside], t, f0_hz))
    assert np.abs(np.median(error)) < 2 and np.abs(error).max() < 6  # 1 ms of delay would be 1.2 cents


def test_onsets_are_unbiased_over_intervals_and_attacks():
    pitches = (48, 55, 64, 60, 69, 81, 69, 57, 40, 45, 57, 62)
    onsets_s = np.cumsum([0.3] + [0.5 + 0.15 * (k % 2) for k in range(len(pitches) - 1)])  # legato and after gaps, in turn
    notes = [(float(onset), float(onset) + 0.5, pitch, None) for onset, pitch in zip(onsets_s, pitches, strict=True)]
    report = measure_accuracy(sing(notes), 44100, notes)
    assert report.found_onsets == len(notes)
    assert abs(np.mean([result.onset_ms for result in report.notes])) < 5


def test_chunked_tracking_equals_whole_tracking(monkeypatch):
    notes = [(0.5 * k, 0.5 * k + 0.5, 55 + k % 7, None) for k in range(1, 14)]
    samples = sing(notes)
    whole = track_f0(samples, 44100)
    monkeypatch.setattr(f0_track, "_CHUNK_S", 2)
    parts = track_f0(samples, 44100)
    np.testing.assert_allclose(np.diff(parts.times_s), 0.005, atol=1e-9)
    shared = np.interp(parts.times_s, whole.times_s, whole.hz)
    agree = np.abs(1200 * np.log2(parts.hz / shared)) < 1
    assert agree[np.isfinite(parts.hz) & np.isfinite(shared)].mean() > 0.97  # the rest: frames on a jump, seen 2.5 ms apart


def test_quiet_chunks_are_measured_against_the_peak_of_the_stem(monkeypatch):
    monkeypatch.setattr(f0_track, "_CHUNK_S", 2)
    loud_then_quiet = sing([(0.2, 1.5, 60, None), (4.0, 5.5, 60, None)])
    loud_then_quiet[3 * 44100 :] *= 1e-3
    report = measure_accuracy(loud_then_quiet, 44100, [(0.2, 1.5, 60, None), (4.0, 5.5, 60, None)])
    assert [result.voiced for result in report.notes] == [1, 0]


def test_silence_and_noise_count_as_missing_notes():
    for samples in (np.zeros(3 * 44100), 0.1 * np.random.default_rng(0).standard_normal(3 * 44100)):
        report = measure_accuracy(samples, 44100, MELODY[:3])
        assert report.voiced < 0.1 and report.within_50_cents < 0.1 and report.found_onsets == 0


@pytest.mark.parametrize("samples", [0, 1, 300, 44100])
def test_short_stems_and_empty_scores_have_no_figures(samples):
    report = measure_accuracy(np.zeros(samples, np.float32), 44100, [])
    assert report.cents_median is None and report.between_notes_dbfs is None and report.level_dbfs is None
    assert measure_accuracy(np.zeros(samples, np.float32), 44100, MELODY).within_50_cents == 0
    assert "-" in report.as_table()


def test_a_broken_wave_at_a_note_border_stands_out():
    time_s = np.arange(2 * 44100) / 44100
    whole = 0.3 * np.cos(2 * np.pi * 220 * time_s)
    broken = np.where(time_s < 1.0, whole, -whole)
    notes = [(0.2, 1.0, 57, None), (1.0, 1.8, 57, None)]
    assert measure_accuracy(whole, 44100, notes).click_ratio < 0.05
    report = measure_accuracy(broken, 44100, notes)
    assert report.click_ratio > 2 and report.click_s == pytest.approx(1.0, abs=1e-4)


def test_a_click_in_silence_is_the_largest():
    samples = sing(MELODY)
    samples[round(2.01 * 44100)] = 0.5
    report = measure_accuracy(samples, 44100, MELODY)
    assert report.click_ratio > 5 and report.click_s == pytest.approx(2.01, abs=1e-3)


def test_levels_and_clipping():
    samples = np.zeros(2 * 44100)
    samples[22050:44100] = 0.5 * np.sin(2 * np.pi * 220 * np.arange(22050) / 44100)
    samples[50000:50003] = 1.0
    samples[70000] = 1e-3
    report = measure_accuracy(samples, 44100, [(0.5, 1.0, 57, None)])
    assert report.level_dbfs == pytest.approx(-9.03, abs=0.01) and report.peak_dbfs == 0 and report.clipped_samples == 3


def test_the_level_between_notes_leaves_out_releases_and_consonants():
    samples = sing(MELODY)
    samples[round(2.16 * 44100) : round(2.74 * 44100)] = 1e-3
    assert measure_accuracy(samples, 44100, MELODY).between_notes_dbfs == pytest.approx(-60, abs=0.3)


def test_repeated_notes_without_a_gap_have_no_onset_of_their_own():
    notes = [(0.5, 1.0, 60, None), (1.0, 1.5, 60, None), (1.6, 2.0, 60, None)]
    onsets = [result.onset_ms for result in measure_accuracy(sing(notes), 44100, notes).notes]
    assert onsets[0] is not None and onsets[1] is None and onsets[2] is not None


def test_notes_are_sorted_and_plain_tuples_do():
    report = measure_accuracy(sing(MELODY), 44100, list(reversed(MELODY)))
    assert [result.note for result in report.notes] == [ExpectedNote(*note) for note in MELODY]


def test_report_as_text():
    report = measure_accuracy(sing(MELODY), 44100, MELODY)
    figures = json.loads(json.dumps(report.as_dict()))
    assert figures["notes"] == 5 and figures["notes_within_50_cents_share"] == 1.0 and figures["between_notes_dbfs"] == -180
    table = report.as_table().splitlines()
    assert table[0].split() == ["Notes", "5", "of", "5", "measured"]
    assert any(line.startswith("Level between notes") and line.endswith("digital silence") for line in table)


def test_stereo_is_refused():
    with pytest.raises(ValueError, match=r"shape \(2, 100\)"):
        measure_accuracy(np.zeros((2, 100)), 44100, [])


@pytest.mark.parametrize("late_s", [-0.02, 0.0, 0.015])
@pytest.mark.parametrize("length_s", [0.06, 0.1, 0.12])
def test_very_short_notes_are_measured_by_their_onset(length_s, late_s):
    """Rap: no note has a steady middle, and neighbours have one pitch, so that only the level tells where they begin."""
    rate = 48_000
    notes = [ExpectedNote(0.5 + i * 0.15, 0.5 + i * 0.15 + length_s, 50.0, "ta") for i in range(8)]
    samples = np.zeros(2 * rate)
    times_s = np.arange(round(length_s * rate)) / rate
    for note in notes:
        first = round((note.onset_s + late_s) * rate)
        samples[first : first + len(times_s)] = 0.3 * np.sin(2 * np.pi * 150 * times_s)
    report = measure_accuracy(samples, rate, notes)
    assert report.measured_notes == report.short_notes == report.found_onsets == 8
    assert report.onset_ms_median == pytest.approx(1000 * late_s, abs=5)
    assert report.as_dict()["notes_measured_by_onset"] == 8
    assert "8 too short for their pitch" in report.as_table()


def test_short_notes_that_are_not_there_are_not_found():
    notes = [ExpectedNote(0.5 + i * 0.15, 0.6 + i * 0.15, 50.0, "ta") for i in range(8)]
    for samples in (np.zeros(96_000), 0.2 * np.sin(2 * np.pi * 150 * np.arange(96_000) / 48_000)):
        report = measure_accuracy(samples, 48_000, notes)
        assert report.measured_notes == 0 and report.short_notes == 8
