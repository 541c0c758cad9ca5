"""Vowels on the beat, consonants before them, codas at the end; no layout of notes may produce an impossible line."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sung import VOWELS, consonants_and_vowels, sing, sounding, spans_of

from engine.lyrics.types import Phone, Syllable
from engine.performance import BREATH, SILENCE
from engine.performance.timing import (
    MAXIMUM_LEAD_S,
    MINIMUM_PHONE_S,
    SungSyllable,
    lay_phones,
    with_silences,
)
from engine.performance.types import PhoneSpan
from engine.score import Note, Score, TempoChange, TempoMap, Track

LINE = [(2, 1, 60, "stay"), (3, 1, 64, "with"), (4, 1, 62, "my"), (5, 2, 65, "friends")]


def word(phones: str, nucleus: int, **more) -> Syllable:
    return Syllable(tuple(Phone("en", p) for p in phones.split()), nucleus, phones.lower(), **more)


@pytest.mark.parametrize("bpm", [50, 97.3, 140, 220])
@pytest.mark.parametrize("mode", ["sing", "rap"])
def test_vowels_start_exactly_on_the_beat_and_consonants_before_them(song, bpm, mode):
    found = list(consonants_and_vowels(sing(song(LINE, bpm=bpm), mode)))
    assert [vowel.start_s for _, vowel in found] == pytest.approx([beat * 60 / bpm for beat, *_ in LINE], abs=1e-9)
    assert [[s.symbol for s in onset] for onset, _ in found] == [["S", "T"], ["W"], ["M"], ["F", "R"]]
    for onset, vowel in found:
        assert onset[-1].end_s == pytest.approx(vowel.start_s, abs=1e-9)
        assert vowel.start_s - onset[0].start_s <= MAXIMUM_LEAD_S + 1e-9


def test_onset_consonants_take_their_time_from_the_note_before(song):
    with_consonant = sing(song([(1, 1, 60, "la"), (2, 1, 60, "see")]))
    without = sing(song([(1, 1, 60, "la"), (2, 1, 60, "a")]))
    long, short = (next(s for s in sounding(p) if s.symbol == "AA") for p in (without, with_consonant))
    assert long.start_s == short.start_s == pytest.approx(0.5)
    assert long.end_s - short.end_s > 0.05


def test_onset_consonants_take_their_time_from_the_rest(song):
    first = next(span for span in sounding(sing(song([(4, 2, 60, "see")]))) if span.symbol != BREATH)
    assert first.symbol == "S" and 2 - MAXIMUM_LEAD_S <= first.start_s < 1.95 and first.end_s == pytest.approx(2.0)


def test_a_short_gap_between_notes_is_sung_through_and_a_longer_one_is_silent(song):
    def silences(gap_beats):
        phrase = sing(song([(1, 1, 60, "la"), (2 + gap_beats, 1, 60, "la")])).phrases[0]
        inside = [s for s in spans_of(phrase) if s.symbol == SILENCE and 0.9 < s.start_s < 1.3]
        return sum(s.end_s - s.start_s for s in inside)

    assert silences(0.0) == silences(0.08) == 0.0
    assert silences(0.4) > 0.05


@pytest.mark.parametrize(("lyric", "coda"), [("friends", ["N", "D", "Z"]), ("last", ["S", "T"]), ("go", [])])
def test_codas_end_the_note(song, lyric, coda):
    spans = [s for s in sounding(sing(song([(2, 4, 60, lyric)]))) if s.symbol != BREATH]
    vowel = next(i for i, s in enumerate(spans) if s.symbol in VOWELS)
    assert [s.symbol for s in spans[vowel + 1 :]] == coda
    assert 3.0 <= spans[-1].end_s <= 3.1  # the note ends at 3 s; a coda may sound a little longer
    assert spans[vowel].end_s > 2.6  # the vowel, not the coda, is what is held


def test_a_melisma_is_one_vowel_that_moves(song):
    notes = [(2, 1, 60, "love"), (3, 1, 64, "-"), (4, 1, 67, "-"), (5, 1, 62, "me")]
    performed = sing(song(notes))
    assert [s.symbol for s in sounding(performed) if s.symbol != BREATH] == ["L", "AH", "V", "M", "IY"]
    vowel = next(s for s in sounding(performed) if s.symbol == "AH")
    assert vowel.start_s == pytest.approx(1.0) and vowel.end_s > 2.3
    assert [mark.text for mark in performed.phrases[0].lyrics] == ["love", "me"]


def test_several_syllables_on_one_note_share_it(song):
    vowels = [vowel for _, vowel in consonants_and_vowels(sing(song([(2, 2, 60, "again"), (4, 1, 60, "now")])))]
    assert [v.start_s for v in vowels] == pytest.approx([1.0, 1.5, 2.0])


def test_fast_runs_keep_every_phone_audible(song):
    """20 notes a second."""
    run = [(4 + i / 10, 1 / 10, 60 + i % 5, "la") for i in range(40)]
    performed = sing(song(run))
    spans = [s for s in sounding(performed) if s.symbol != BREATH]
    assert [s.symbol for s in spans] == ["L", "AA"] * 40
    assert min(s.end_s - s.start_s for s in spans) >= 0.019
    onsets = [s.start_s for s in spans if s.symbol == "AA"]
    assert onsets == pytest.approx([2 + i / 20 for i in range(40)], abs=1e-9)


@pytest.mark.parametrize("notes_per_s", [4, 8])
def test_at_speaking_tempo_no_phone_falls_below_the_minimum(song, notes_per_s):
    step = 2 / notes_per_s
    line = [(4 + i * step, step, 60, w) for i, w in enumerate(["la", "me", "so", "do", "free", "stay"] * 3)]
    spans = [s for s in sounding(sing(song(line))) if s.symbol != BREATH]
    assert min(s.end_s - s.start_s for s in spans) >= MINIMUM_PHONE_S - 1e-9


@pytest.mark.parametrize("lyric", ["la", "strong", "a"])
def test_a_song_may_start_at_tick_zero(song, lyric):
    performed = sing(song([(0, 1, 60, lyric), (1, 1, 62, "la")]))
    first = performed.phrases[0]
    assert first.start_frame == 0 and spans_of(first)[0].start_s == 0.0
    found = list(consonants_and_vowels(performed))
    onset, vowel = found[0]
    assert 0.0 <= vowel.start_s <= 0.2 and (vowel.start_s == 0.0) == (lyric == "a")
    assert all(s.end_s - s.start_s >= MINIMUM_PHONE_S for s in onset)
    assert found[1][1].start_s == pytest.approx(0.5)


def test_a_glottal_onset_is_a_short_silence_before_the_vowel(song):
    plain, hard = (sing(song([(1, 1, 60, "la"), (2, 1, 60, w)])).phrases[0] for w in ("a", "'a"))
    assert not [s for s in spans_of(plain) if s.symbol == SILENCE and 0.6 < s.start_s < 1]
    gap = next(s for s in spans_of(hard) if s.symbol == SILENCE and 0.6 < s.start_s < 1)
    assert gap.end_s == pytest.approx(1.0) and 0.02 <= gap.end_s - gap.start_s <= 0.06


def test_breaths_fill_rests_that_are_long_enough(song):
    def breaths(rest_beats, **changes):
        performed = sing(song([(2, 1, 60, "la"), (3 + rest_beats, 1, 60, "see")]), **changes)
        return [s for s in spans_of(performed.phrases[-1]) if s.symbol == BREATH]

    (taken,) = breaths(2)
    assert 2.2 <= taken.start_s < taken.end_s < 2.5 - 0.03
    assert breaths(0.8) == [] and breaths(2, breaths=False) == []


def test_a_written_breath_is_taken_over_its_note(song):
    performed = sing(song([(2, 1, 60, "la"), (3, 1, 60, "AP"), (4, 1, 60, "see")]), breaths=False)
    (taken,) = [s for s in sounding(performed) if s.symbol == BREATH]
    assert 1.5 <= taken.start_s <= 1.6 and 1.7 < taken.end_s < 2.0


def test_notes_marked_as_silence_are_silent(song):
    performed = sing(song([(2, 2, 60, "la"), (4, 2, 60, "R"), (6, 2, 60, "a")]), breaths=False)
    assert not [s for s in sounding(performed) if s.end_s > 2.05 and s.start_s < 2.95]


# ---- what holds for every layout of notes ------------------------------------------------------------------------------

WORDS = ("la", "a", "strength", "friends", "me", "-", "through", "'oh", "R", "AP", "into", None)
layouts = st.lists(
    st.tuples(
        st.one_of(st.just(0), st.integers(0, 2000)),  # rest before, ticks
        st.one_of(st.integers(1, 60), st.integers(60, 3000)),  # length, ticks
        st.integers(36, 84),
        st.sampled_from(WORDS),
    ),
    min_size=1,
    max_size=14,
)


def score_of(layout, bpm) -> Score:
    notes, at = [], 0
    for rest, length, pitch, lyric in layout:
        notes.append(Note(at + rest, length, pitch, lyric=lyric))
        at += rest + length
    return Score("any", 480, (Track("any", tuple(notes)),), TempoMap(480, (TempoChange(0, 60e6 / bpm),)))


@given(layouts, st.sampled_from([30.0, 120.0, 300.0]), st.sampled_from(["sing", "rap"]))
def test_phones_cover_every_phrase_without_gap_or_overlap(layout, bpm, mode):
    score = score_of(layout, bpm)
    for phrase in sing(score, mode).phrases:
        assert phrase.phones[0].start_s == 0.0
        assert phrase.phones[-1].end_s == pytest.approx(phrase.frames / 100)
        assert all(span.end_s > span.start_s for span in phrase.phones)
        assert all(b.start_s == a.end_s for a, b in zip(phrase.phones, phrase.phones[1:], strict=False))
        assert phrase.start_frame >= 0
        for curve in (phrase.f0_hz, phrase.energy_db, phrase.breathiness, phrase.tension):
            assert curve.shape == (phrase.frames,) and curve.dtype == np.float32 and np.isfinite(curve).all()


@given(layouts, st.sampled_from([30.0, 120.0, 300.0]))
def test_phones_do_not_overlap(layout, bpm):
    """Also across phrases: what is left of one is over before the next begins."""
    spans = sounding(sing(score_of(layout, bpm)))
    for before, after in itertools.pairwise(spans):
        assert before.end_s <= after.start_s + 1e-6, (before, after)


@given(layouts, st.sampled_from([60.0, 200.0]))
def test_every_vowel_with_time_before_it_is_on_its_beat(layout, bpm):
    score = score_of(layout, bpm)
    onsets_s = [score.tempo_map.seconds_at(note.onset_ticks) for note in score.tracks[0].notes]
    ends_s = [0.0, *(score.tempo_map.seconds_at(note.offset_ticks) for note in score.tracks[0].notes)]
    lyric_of = [note.lyric for note in score.tracks[0].notes]
    first_of_note = {}
    for span in sounding(sing(score)):
        if span.symbol in VOWELS and span.note_index not in first_of_note:
            first_of_note[span.note_index] = span.start_s
    for index, start_s in first_of_note.items():
        follows = index > 0 and onsets_s[index] - ends_s[index] < 0.06 and lyric_of[index - 1] not in ("R", "AP")
        if follows or onsets_s[index] - ends_s[index] >= 0.25:
            assert start_s == pytest.approx(onsets_s[index], abs=1e-6)


# ---- the layer below ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lead_limit_s", [0.0, 0.03, 0.1, 0.5])
def test_the_lead_stays_within_its_limit(lead_limit_s):
    sung = [SungSyllable(word("S T R AO", 3), 1.0, 2.0, 0)]
    spans = lay_phones(sung, lead_limit_s=lead_limit_s, tail_limit_s=0.1, bridge_s=0.06)
    assert spans[0].start_s >= 1.0 - min(lead_limit_s, MAXIMUM_LEAD_S) - 1e-9
    assert next(s.start_s for s in spans if s.symbol == "AO") == 1.0


def test_silences_fill_gaps_and_slivers_are_closed():
    spans = [PhoneSpan("AA", 0.1, 0.5, 0), PhoneSpan("S", 0.503, 0.7, 1), PhoneSpan("IY", 0.8, 1.0, 1)]
    filled = with_silences(spans, 1.2)
    assert [(s.symbol, s.start_s, s.end_s) for s in filled] == [
        (SILENCE, 0.0, 0.1),
        ("AA", 0.1, 0.5),
        ("S", 0.5, 0.7),
        (SILENCE, 0.7, 0.8),
        ("IY", 0.8, 1.0),
        (SILENCE, 1.0, 1.2),
    ]


@pytest.mark.parametrize("mode", ["sing", "rap"])
def test_a_hold_behind_a_rest_sings_its_vowel_again(song, mode):
    performed = sing(song([(0, 1, 60, "glo-"), (2, 1, 62, "-"), (3, 1, 64, "-"), (4, 1, 65, "ry")]), mode)
    heard = [(span.symbol, span.note_index) for span in sounding(performed) if span.symbol != BREATH]
    assert heard == [("G", 0), ("L", 0), ("AO", 0), ("AO", 1), ("R", 3), ("IY", 3)]
