"""Speech made to sing, shown on the starter voice talking with free timing: its true phone times are known."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import soxr

from engine import PerformanceSettings, RenderError, measure_accuracy
from engine.evaluate.accuracy import ExpectedNote
from engine.lyrics import read_spoken_text
from engine.lyrics.types import NoteKind, NoteLyric, SyllableTrack
from engine.performance import SILENCE, Performance, PhoneSpan, PlacedLine, perform, perform_lines
from engine.score import Note, TempoChange, TempoMap, Track
from engine.voices.gpt_sovits.alignment import align_phones
from engine.voices.gpt_sovits.retune import Method, RetuneResult, RetuneSettings, retune
from engine.voices.gpt_sovits.sung_times import sung_time_map
from engine.voices.units import STOPS, VOWELS

PPQ = 480
TEXT = "Remember the silver water, my quiet boy."
PITCHES = (57, 61, 64, 62, 59, 55, 52, 57, 54, 50, 62, 64)
NOTE_S = 0.4


class Case(NamedTuple):
    samples: np.ndarray
    rate: int
    exact: tuple[PhoneSpan, ...]
    performance: Performance
    notes: list[ExpectedNote]
    result: RetuneResult


def melody(syllables, settings: PerformanceSettings) -> tuple[Performance, list[ExpectedNote]]:
    """One note per syllable."""
    placed = [(0.6 + NOTE_S * i, pitch) for i, pitch in enumerate(PITCHES[: len(syllables)])]
    notes = tuple(Note(round(at_s * PPQ), round(NOTE_S * PPQ), pitch) for at_s, pitch in placed)
    lyrics = SyllableTrack("en", tuple(NoteLyric(NoteKind.SING, (syllable,)) for syllable in syllables))
    phrase = perform(Track("line", notes), lyrics, TempoMap(PPQ, (TempoChange(0, 1e6),)), settings).phrases[0]
    start_s = phrase.start_s
    return phrase, [ExpectedNote(at_s - start_s, at_s - start_s + NOTE_S, pitch) for at_s, pitch in placed]


@pytest.fixture(scope="module")
def case(starter) -> Case:
    line = read_spoken_text(TEXT)[0]
    talk = perform_lines([PlacedLine(line, 0.2)], PerformanceSettings(speaking_pitch=55)).phrases[0]
    samples, rate = starter.synthesise(talk), starter.card.sample_rate
    plain = PerformanceSettings(vibrato_depth_cents=0.0, drift_cents=0.0, overshoot=0.0, breaths=False)
    performance, notes = melody([syllable for word in line.words for syllable in word], plain)
    return Case(samples, rate, talk.phones, performance, notes, retune(samples, rate, performance, starter))


def sounding(phones) -> list[PhoneSpan]:
    return [span for span in phones if span.symbol != SILENCE]


# --- alignment ----------------------------------------------------------------------------------------------------------------


def test_phones_are_found_where_they_are(case) -> None:
    found, exact = sounding(case.result.spoken), sounding(case.exact)
    assert [span.symbol for span in found] == [span.symbol for span in exact]
    errors_ms = [1000 * abs(a.start_s - b.start_s) for a, b in zip(found, exact, strict=True)]
    assert np.median(errors_ms) < 8
    assert np.percentile(errors_ms, 90) < 20


def test_spans_cover_the_speech_and_pauses_are_seen(case) -> None:
    spoken = case.result.spoken
    assert spoken[0].start_s == 0.0
    assert all(a.end_s == b.start_s for a, b in itertools.pairwise(spoken))
    assert spoken[-1].end_s >= len(case.samples) / case.rate - 0.01
    pauses = [span for span in case.exact if span.symbol == SILENCE and span.end_s - span.start_s > 0.15]
    for pause in pauses:
        middle_s = 0.5 * (pause.start_s + pause.end_s)
        assert any(s.symbol == SILENCE and s.start_s < middle_s < s.end_s for s in spoken)


def test_level_and_noise_hardly_move_the_borders(case, starter) -> None:
    rng = np.random.default_rng(5)
    noisy = 0.1 * case.samples + 3e-4 * rng.standard_normal(len(case.samples)).astype(np.float32)
    again = align_phones(noisy, case.rate, case.performance.phones, starter)
    pairs = zip(sounding(again), sounding(case.exact), strict=True)
    assert np.median([abs(a.start_s - b.start_s) for a, b in pairs]) < 0.012


def test_words_that_do_not_fit_are_refused(case, starter) -> None:
    with pytest.raises(RenderError, match="cannot be found"):
        align_phones(case.samples[: case.rate // 4], case.rate, case.performance.phones, starter)
    for broken in (np.full(case.rate, np.nan), np.zeros((case.rate, 2))):
        with pytest.raises(RenderError, match="one channel"):
            align_phones(broken, case.rate, case.performance.phones, starter)
    with pytest.raises(RenderError, match="no phones"):
        align_phones(case.samples, case.rate, [PhoneSpan(SILENCE, 0.0, 1.0)], starter)


# --- time ---------------------------------------------------------------------------------------------------------------------


def test_vowels_begin_sample_exactly(case) -> None:
    pairs = zip(sounding(case.result.spoken), sounding(case.performance.phones), strict=True)
    for spoken, sung in pairs:
        if sung.symbol in VOWELS:
            recorded_s = case.result.time_map.recorded_at(np.array([sung.start_s]))[0]
            assert abs(recorded_s - spoken.start_s) < 0.5 / case.rate


def test_the_map_covers_the_performance_and_never_runs_backwards(case) -> None:
    time_map = case.result.time_map
    assert time_map.end_s == pytest.approx(case.performance.frames / 100)
    recorded_s = time_map.recorded_at(np.linspace(0, time_map.end_s, 20_000))
    assert np.all(np.diff(recorded_s) >= -1e-9)


def test_vowels_take_the_stretching(case) -> None:
    time_map = case.result.time_map
    for span in sounding(case.result.spoken):
        heard = time_map.heard_at(np.array([span.start_s + 1e-6, span.end_s - 1e-6]))
        ratio = (heard[1] - heard[0]) / (span.end_s - span.start_s)
        if span.symbol in VOWELS:
            assert ratio > 1.2
        elif span.symbol in STOPS:
            assert ratio < 1.05 or span.start_s < sounding(case.result.spoken)[0].end_s


def test_a_diphthong_keeps_its_glide_for_the_end(case) -> None:
    spoken = next(span for span in sounding(case.result.spoken) if span.symbol == "OY")
    sung = next(span for span in sounding(case.performance.phones) if span.symbol == "OY")
    glide_s = 0.3 * (spoken.end_s - spoken.start_s)
    heard_s = case.result.time_map.heard_at(np.array([spoken.end_s - glide_s, spoken.end_s - 1e-6]))
    assert heard_s[1] - heard_s[0] <= 2.5 * glide_s + 1e-6
    assert heard_s[1] - heard_s[0] < 0.9 * 0.3 * (sung.end_s - sung.start_s), "less than its share"


def test_another_text_is_refused(case) -> None:
    with pytest.raises(ValueError, match="not those"):
        sung_time_map(sounding(case.result.spoken)[1:], case.performance)


# --- sound --------------------------------------------------------------------------------------------------------------------


def test_pitch_and_onsets_are_the_scores(case) -> None:
    report = measure_accuracy(case.result.samples, case.rate, case.notes)
    assert report.measured_notes == len(case.notes)
    assert report.cents_median is not None and report.cents_median < 5
    assert report.within_50_cents == 1.0
    assert report.voiced > 0.9
    onsets_ms = [note.onset_ms for note in report.notes if note.onset_ms is not None]
    assert len(onsets_ms) >= len(case.notes) - 2
    assert abs(np.median(onsets_ms)) <= 20 and np.median(np.abs(onsets_ms)) <= 20


def test_rests_are_exactly_silent_and_nothing_clicks(case) -> None:
    samples = case.result.samples
    assert len(samples) == case.performance.frames * case.rate // 100
    for span in case.performance.phones:
        if span.symbol == SILENCE:
            assert not samples[int(np.ceil(span.start_s * case.rate)) : int(span.end_s * case.rate)].any()
    assert np.isfinite(samples).all() and np.abs(samples).max() < 1.0
    stem = soxr.resample(samples, case.rate, 48_000, quality="VHQ")
    assert (measure_accuracy(stem, 48_000, case.notes).click_ratio or 0.0) <= 4.0


def test_the_same_speech_gives_the_same_song(case, starter) -> None:
    again = retune(case.samples, case.rate, case.performance, starter)
    assert np.array_equal(again.samples, case.result.samples)
    assert again.time_map == case.result.time_map


def test_loudness_follows_the_performance(case, starter) -> None:
    softer = replace(case.performance, energy_db=case.performance.energy_db - 12.0)
    soft = retune(case.samples, case.rate, softer, starter).samples
    ratio_db = 20 * np.log10(np.std(soft) / np.std(case.result.samples))
    assert -13 < ratio_db < -11


@pytest.mark.parametrize("rate", [22_050, 44_100])
def test_any_rate_will_do(case, starter, rate: int) -> None:
    import soxr

    speech = soxr.resample(case.samples, case.rate, rate)
    result = retune(speech, rate, case.performance, starter)
    report = measure_accuracy(result.samples, rate, case.notes)
    assert report.cents_median is not None and report.cents_median < 5


def test_world_sings_the_same_notes(case, starter) -> None:
    pytest.importorskip("parselmouth")
    pytest.importorskip("pocketsphinx", reason="the extra 'train' is not installed")
    sung = retune(case.samples, case.rate, case.performance, starter, RetuneSettings(method=Method.WORLD))
    report = measure_accuracy(sung.samples, case.rate, case.notes)
    assert report.cents_median is not None and report.cents_median < 5


def test_a_performance_without_pitch_is_refused(case, starter) -> None:
    mute = replace(case.performance, f0_hz=np.full(case.performance.frames, np.nan, dtype=np.float32))
    with pytest.raises(RenderError, match="no pitch"):
        retune(case.samples, case.rate, mute, starter)
