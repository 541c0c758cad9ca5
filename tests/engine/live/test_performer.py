"""A played voice: notes sound at once, keys and pedal hold, overlaps are legato, nothing gets stuck, chunks do not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from played import keys, performer_of, play

from engine.errors import SettingsError
from engine.live.events import (
    AllNotesOff,
    Bend,
    Configure,
    Expression,
    GoToLine,
    LiveSettings,
    Lyrics,
    NoteOff,
    NoteOn,
    Overlap,
    Panic,
    ResetControllers,
    StepLine,
    Sustain,
    WhenEmpty,
)
from engine.live.lyric_queue import split_lyrics, split_note_lyric
from engine.live.performer import SLIP_S
from engine.live.phone_plan import LEGATO_TAIL_S, LONGEST_ONSET_S, LONGEST_TAIL_S, RELEASE_S
from engine.lyrics.syllables import VOWELS
from engine.parameters import LIVE_PARAMETERS, Parameter
from engine.performance import SILENCE, PerformanceSettings

WORDS = "stay with my friends\nbeautiful night\nstrengths"


# ---- one note --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["stay", "strengths", "love", "eye", "night"])
def test_a_note_sounds_at_its_own_time_and_its_vowel_within_80_ms(word):
    played = play(performer_of(word), keys((0.1234, 1.0, 60)), 1.5)
    first, vowel = played.sounding()[0], next(s for s in played.spans if s.symbol in VOWELS)
    assert first.start_s == 0.1234
    assert 0 <= vowel.start_s - 0.1234 <= LONGEST_ONSET_S + 1e-9
    assert vowel.end_s >= 1.0


@pytest.mark.parametrize("word", ["stay", "strengths", "love", "eye", "night", "la"])
def test_after_the_key_come_glide_and_coda_and_then_silence(word):
    played = play(performer_of(word), keys((0.1, 1.0, 60)), 1.5)
    end_s = played.sounding()[-1].end_s
    assert 1.0 < end_s <= 1.0 + LONGEST_TAIL_S + RELEASE_S + 1e-9
    assert played.at(0.999) in VOWELS
    assert played.spans[-1].symbol == SILENCE


def test_an_open_vowel_fades_out_in_30_ms():
    played = play(performer_of("la"), keys((0.1, 1.0, 60)), 1.2)
    assert played.sounding()[-1].end_s == pytest.approx(1.03)
    assert played.energy_db(1.025) < played.energy_db(0.99) - 10


def test_a_final_stop_is_not_faded():
    played = play(performer_of("night"), keys((0.1, 1.0, 60)), 1.2)
    coda = played.sounding()[-1]
    assert coda.symbol == "T"
    assert played.energy_db(coda.end_s - 0.01) == pytest.approx(played.energy_db(0.99))


def test_a_short_key_press_sings_a_whole_syllable():
    played = play(performer_of("night"), keys((0.1, 0.11, 60)), 1.0)
    assert played.symbols() == "N AY T"
    assert next(s for s in played.spans if s.symbol == "AY").end_s - 0.1 < 0.25


def test_an_unstressed_vowel_carries_its_stress():
    played = play(performer_of("beautiful"), keys((0.0, 0.4, 60), (0.5, 0.9, 60)), 1.0)
    assert {s.symbol: s.stress for s in played.sounding()} == {"B": 1, "Y": 1, "UW": 1, "T": 0, "AH": 0}


def test_an_event_that_comes_late_acts_with_the_next_frame():
    performer = performer_of("la")
    play(performer, [], 0.5)
    played = play(performer, [NoteOn(0.2, 1, 60)], 0.5)
    assert played.sounding()[0].start_s == 0.5


# ---- several notes ---------------------------------------------------------------------------------------------------


def test_each_note_takes_the_next_syllable():
    played = play(performer_of(WORDS), keys(*((0.5 * i, 0.5 * i + 0.3, 60 + i) for i in range(5))), 3.0)
    assert played.symbols() == "S T EY W IH DH M AY F R EH N D Z B Y UW"


def test_overlapping_keys_are_legato_with_a_short_coda():
    played = play(performer_of("night time"), keys((0.1, 1.1, 60), (1.0, 1.5, 64)), 2.0)
    assert played.symbols() == "N AY T T AY M"
    assert all(s.symbol != SILENCE for s in played.spans if 0.1 < s.start_s < 1.5)
    second_vowel = [s for s in played.spans if s.symbol == "AY"][1]
    assert second_vowel.start_s - 1.0 <= LEGATO_TAIL_S + LONGEST_ONSET_S + 1e-9


def test_a_note_behind_a_key_that_just_came_up_shortens_its_tail():
    played = play(performer_of("strengths la"), keys((0.1, 1.0, 60), (1.02, 1.5, 64)), 2.0)
    l_s = next(s.start_s for s in played.spans if s.symbol == "L")
    assert l_s == pytest.approx(1.0 + LEGATO_TAIL_S)
    assert [s.symbol for s in played.sounding() if 1.0 <= s.start_s < l_s][-2:] == ["TH", "S"]


def test_a_hold_in_the_words_or_melisma_keeps_the_vowel():
    for live, words in ((None, "way - up"), (LiveSettings(overlap=Overlap.MELISMA), "way up")):
        played = play(performer_of(words, live=live), keys((0.1, 1.0, 60), (0.6, 1.2, 64)), 1.5)
        assert played.symbols() == "W EY"
        assert played.pitch(0.5) == pytest.approx(60, abs=0.01)
        assert played.pitch(0.9) == pytest.approx(64, abs=0.01)
        assert played.performer.lyric_position.next_text == "up"


def test_a_written_hold_is_used_up_by_an_overlap_that_holds():
    performer = performer_of("way - up", live=LiveSettings(overlap=Overlap.MELISMA))
    played = play(performer, keys((0.1, 1.0, 60), (0.6, 1.2, 64), (1.5, 1.8, 64)), 2.0)
    assert played.symbols() == "W EY AH P"


def test_a_hold_after_silence_sings_the_vowel_again():
    played = play(performer_of("way -"), keys((0.1, 0.4, 60), (0.9, 1.2, 60)), 1.5)
    assert played.symbols() == "W EY EY"


def test_the_coda_waits_for_the_last_held_note():
    played = play(performer_of("night -"), keys((0.1, 0.4, 60), (0.5, 1.2, 62)), 1.5)
    assert played.symbols() == "N AY AY T"


def test_the_voice_goes_back_to_a_key_that_is_still_down():
    played = play(performer_of("way up"), keys((0.1, 2.0, 60), (0.6, 1.0, 67)), 2.3)
    assert [round(played.pitch(t)) for t in (0.5, 0.9, 1.5)] == [60, 67, 60]
    assert played.symbols() == "W EY AH P"
    assert played.at(1.9) == "AH"


def test_a_key_struck_again_counts_as_the_newest():
    events = [NoteOn(0.1 * n, key, 60.0 + key) for n, key in enumerate((0, 1, 0, 2))]
    played = play(performer_of("la - - -"), [*events, NoteOff(0.6, 2)], 1.0)
    assert [round(played.pitch(t)) for t in (0.5, 0.9)] == [62, 60]


def test_a_key_that_comes_up_under_another_changes_nothing():
    over = play(performer_of("way up"), keys((0.1, 0.8, 60), (0.6, 1.5, 67)), 2.0)
    assert round(over.pitch(1.2)) == 67
    assert over.at(1.4) == "AH"


def test_keys_struck_together_are_one_note():
    played = play(performer_of("way up"), keys((0.1, 1.0, 60), (0.1 + 0.9 * SLIP_S, 1.0, 64)), 1.5)
    assert played.symbols() == "W EY"
    assert played.pitch(0.8) == pytest.approx(64, abs=0.01)
    assert [n.pitch for n in played.performer.take().tracks[0].notes] == [64]


def test_fast_notes_start_on_time():
    notes = [(0.1 + 0.07 * i, 0.1 + 0.07 * i + 0.05, 60 + i % 5) for i in range(60)]
    played = play(performer_of("strengths " * 60), keys(*notes), 5.0)
    last_on_s = notes[-1][0]
    assert any(s.start_s == pytest.approx(last_on_s, abs=LEGATO_TAIL_S + 1e-9) and s.symbol == "S" for s in played.spans)
    assert played.sounding()[-1].end_s < last_on_s + 0.5


def test_the_pedal_holds_the_vowel_until_its_release():
    events = [*keys((0.1, 0.4, 60)), Sustain(0.3, True), Sustain(1.5, False)]
    played = play(performer_of("night"), events, 2.0)
    assert played.at(1.49) == "AY"
    assert played.symbols() == "N AY T"
    assert played.sounding()[-1].end_s < 1.7


def test_a_glottal_onset_leaves_a_gap_in_legato():
    played = play(performer_of("la 'all"), keys((0.1, 1.0, 60), (0.6, 1.2, 62)), 1.5)
    gap = [s for s in played.spans if s.symbol == SILENCE and 0.5 < s.start_s < 0.7]
    assert [round(s.end_s - s.start_s, 3) for s in gap] == [0.04]


def test_breaths_and_rests_in_the_words_take_a_note():
    played = play(performer_of("AP la R la"), keys(*((0.5 * i, 0.5 * i + 0.3, 60) for i in range(4))), 2.5)
    assert played.symbols() == "BR L AA L AA"
    assert played.at(1.1) == SILENCE


# ---- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("choice", "sung"), [(WhenEmpty.LA, "L AA"), (WhenEmpty.HUM, "M")])
def test_without_words_the_filler_is_sung_and_reported_once(choice, sung):
    performer = performer_of("day", live=LiveSettings(when_empty=choice))
    played = play(performer, keys(*((0.5 * i, 0.5 * i + 0.3, 60) for i in range(4))), 2.5)
    assert played.symbols() == " ".join(["D EY", *[sung] * 3])
    assert len(performer.take_notices()) == 1
    assert performer.take_notices() == ()


def test_running_out_of_words_is_reported_again_after_more_words():
    performer = performer_of()
    play(performer, keys((0.1, 0.2, 60)), 0.5)
    played = play(performer, [Lyrics(0.5, split_lyrics("day").lines, False), *keys((0.6, 0.7, 60), (1.0, 1.1, 60))], 1.0)
    assert played.symbols().endswith("D EY L AA")
    assert [notice.split(";")[0] for notice in performer.take_notices()] == [
        "There are no words yet",
        "The words are used up",
    ]


def test_the_next_syllables_and_their_place_can_be_shown():
    performer = performer_of(WORDS)
    play(performer, keys(*((0.2 * i, 0.2 * i + 0.1, 60) for i in range(5))), 1.5)
    position = performer.lyric_position
    assert (position.line, position.syllable, position.lines, position.remaining) == (1, 1, 3, 4)
    assert position.upcoming == ("ti", "ful", "night", "strengths")


def test_replaced_words_start_at_once_and_appended_ones_later():
    performer = performer_of("one two")
    play(performer, [Lyrics(0.1, split_lyrics("three").lines, False)], 0.2)
    assert performer.lyric_position.upcoming == ("one", "two", "three")
    play(performer, [Lyrics(0.3, split_lyrics("four").lines)], 0.2)
    assert performer.lyric_position.upcoming == ("four",)


@pytest.mark.parametrize(("key", "line"), [(24, 0), (25, 1), (26, 2)])
def test_key_switches_step_the_line_without_a_sound(key, line):
    performer = performer_of("a b\nc d\ne f\ng h")
    played = play(performer, keys(*((0.2 * i, 0.2 * i + 0.1, 60) for i in range(3)), (0.8, 0.9, key)), 1.5)
    assert (performer.lyric_position.line, performer.lyric_position.syllable) == (line, 0)
    assert played.sounding()[-1].end_s < 0.8


def test_again_after_a_whole_line_sings_that_line_again():
    performer = performer_of("a b\nc d")
    play(performer, [*keys((0.1, 0.2, 60), (0.4, 0.5, 60)), StepLine(0.8, 0)], 1.0)
    assert (performer.lyric_position.line, performer.lyric_position.syllable) == (0, 0)


def test_a_line_beyond_the_end_means_the_end():
    performer = performer_of("a b\nc d")
    play(performer, [GoToLine(0.0, 1, 1)], 0.1)
    assert performer.lyric_position.next_text == "d"
    play(performer, [GoToLine(0.1, 99)], 0.1)
    assert performer.lyric_position.next_text == ""


def test_a_note_may_bring_its_own_word():
    own = split_note_lyric("beautiful").lines[0]
    events = [NoteOn(0.1, 1, 60, lyric=own), NoteOff(0.3, 1), *keys((0.6, 0.8, 60))]
    performer = performer_of("day")
    played = play(performer, events, 1.0)
    assert played.symbols() == "B Y UW T AH"
    assert performer.lyric_position.next_text == "day"


def test_languages_without_sounds_in_the_voice_get_english_ones():
    split = split_lyrics("さくら")
    assert "accent" in split.notices[-1]
    played_phones = {p.language for line in split.lines for cue in line.cues if cue.syllable for p in cue.syllable.phones}
    assert played_phones == {"en"}


# ---- pitch and loudness ----------------------------------------------------------------------------------------------


def test_bends_of_track_and_note_add_up_at_frame_resolution():
    events = [*keys((0.1, 1.0, 60)), Bend(0.5, 2.0), Bend(0.6, -0.5, note_id=0), Bend(0.7, 7.0, note_id=9)]
    played = play(performer_of("la"), events, 1.0)
    assert [round(played.pitch(t), 3) for t in (0.495, 0.505, 0.595, 0.605, 0.75)] == [60.0, 62.0, 62.0, 61.5, 61.5]


def test_a_bend_of_a_key_returned_to_is_its_own():
    events = [*keys((0.1, 2.0, 60), (0.6, 1.0, 67)), Bend(0.3, 1.0, note_id=0)]
    played = play(performer_of("way - up"), events, 2.0)
    assert [round(played.pitch(t), 2) for t in (0.5, 0.9, 1.5)] == [61.0, 67.0, 61.0]


@pytest.mark.parametrize(("value", "seconds"), [(0.4, 0.28), (0.0, 0.02)])
def test_portamento_is_as_long_as_chosen_and_never_backwards(value, seconds):
    events = [Expression(0.0, Parameter.PORTAMENTO_S, value), *keys((0.1, 1.0, 60), (0.5, 1.0, 62))]
    played = play(performer_of("way -"), events, 1.0)
    curve = [played.pitch(0.4 + 0.01 * i + 0.001) for i in range(55)]
    assert np.all(np.diff(curve) >= -1e-4)
    assert played.pitch(0.5 + 0.5 * seconds) < 62.01
    assert played.pitch(0.5 + 1.4 * max(seconds, 0.03)) == pytest.approx(62, abs=0.01)


def test_portamento_off_is_a_quick_step():
    events = [Expression(0.0, Parameter.PORTAMENTO, 0.0), Expression(0.0, Parameter.PORTAMENTO_S, 0.5)]
    played = play(performer_of("way -"), [*events, *keys((0.1, 1.0, 60), (0.5, 1.0, 62))], 1.0)
    assert played.pitch(0.53) == pytest.approx(62, abs=0.01)


def test_modulation_wheel_vibrato_is_centred_on_the_note():
    events = [Expression(0.0, Parameter.MODULATION, 0.5), *keys((0.1, 3.0, 60))]
    played = play(performer_of("la", vibrato_rate_hz=5.3), events, 3.0)
    pitch = np.array([played.pitch(t) for t in np.arange(1.0, 2.8, 0.01)])
    assert 0.45 < pitch.max() - 60 < 0.51
    assert pitch.mean() == pytest.approx(60, abs=0.02)
    assert abs(played.pitch(0.115) - 60) < 0.1
    crossings = np.sum(np.diff(np.sign(pitch - 60)) != 0)
    assert crossings == pytest.approx(2 * 5.3 * 1.8, abs=1)


def test_vibrato_fades_out_at_the_next_note():
    events = [Expression(0.0, Parameter.MODULATION, 1.0), *keys((0.1, 1.5, 60), (1.02, 2.0, 60))]
    played = play(performer_of("la -", vibrato_rate_hz=5.3), events, 2.0)
    curve = np.array([played.pitch(t) for t in np.arange(0.5, 1.9, 0.01)])
    assert np.ptp(curve) > 1.9
    assert np.max(np.abs(np.diff(curve))) < 0.45


def test_long_notes_have_the_vibrato_of_the_settings_and_short_ones_none():
    played = play(performer_of("la", vibrato_depth_cents=40.0), keys((0.0, 2.0, 60)), 2.0)
    start = [abs(played.pitch(t) - 60) for t in np.arange(0.0, 0.28, 0.01)]
    later = [abs(played.pitch(t) - 60) for t in np.arange(1.2, 1.9, 0.01)]
    assert max(start) < 0.02
    assert 0.35 < max(later) < 0.41


def test_velocity_is_loudness_and_attack():
    soft = play(performer_of("ah"), keys((0.1, 1.0, 60), velocity=0.3), 1.0)
    hard = play(performer_of("ah"), keys((0.1, 1.0, 60), velocity=1.0), 1.0)
    assert hard.energy_db(0.5) - soft.energy_db(0.5) == pytest.approx(30 * np.log10(127 / 38), abs=0.1)
    rise = [played.energy_db(0.5) - played.energy_db(0.105) for played in (soft, hard)]
    assert rise[0] > 4 and abs(rise[1]) < 0.5


def test_controllers_move_loudness_and_colour_while_a_note_sounds():
    events = [
        *keys((0.1, 1.0, 60)),
        Expression(0.5, Parameter.VOLUME, 50 / 127),
        Expression(0.6, Parameter.PRESSURE, 1.0),
        Expression(0.7, Parameter.BREATH, 0.8),
        Expression(0.8, Parameter.BRIGHTNESS, 0.0),
        Expression(0.8, Parameter.GENDER, 0.5),
    ]
    played = play(performer_of("la"), events, 1.0)
    level = played.energy_db(0.45)
    assert played.energy_db(0.55) - level == pytest.approx(-12.04, abs=0.01)
    assert played.energy_db(0.65) - level == pytest.approx(-8.04, abs=0.01)
    assert played.controls["breathiness"][[65, 75]].tolist() == pytest.approx([0.0, 0.8])
    assert played.controls["tension"][[55, 85]].tolist() == pytest.approx([0.0, -0.7])
    assert played.controls["formant_semitones"][85] == pytest.approx(-2.0)


def test_reset_makes_only_what_midi_says_neutral():
    events = [
        *keys((0.1, 2.0, 60)),
        Bend(0.2, 1.0),
        Expression(0.2, Parameter.VOLUME, 50 / 127),
        Expression(0.2, Parameter.EXPRESSION, 0.5),
        ResetControllers(1.0),
    ]
    played = play(performer_of("la"), events, 1.5)
    assert played.pitch(1.2) == pytest.approx(60, abs=0.01)
    assert played.energy_db(1.2) - played.energy_db(0.15) == pytest.approx(-12.04, abs=0.1)


def test_new_settings_apply_from_their_event_on():
    changed = Configure(0.8, PerformanceSettings(vibrato_depth_cents=0, drift_cents=0, dynamics=0, tension=0.5), LiveSettings())
    performer = performer_of("way up", live=LiveSettings(overlap=Overlap.MELISMA))
    played = play(performer, [*keys((0.1, 2.0, 60), (0.5, 2.0, 62), (1.0, 2.0, 64)), changed], 1.5)
    assert played.symbols() == "W EY AH"
    assert played.controls["tension"][[70, 90]].tolist() == [0.0, 0.5]


# ---- nothing gets stuck, nothing depends on the chunks ---------------------------------------------------------------


@pytest.mark.parametrize("end", [AllNotesOff, Panic])
def test_panic_and_all_notes_off_end_all_sound(end):
    events = [*keys((0.1, 9.0, 60), (0.5, 9.0, 64)), Sustain(0.3, True), end(1.0), *keys((1.5, 1.7, 60))]
    played = play(performer_of("night night night"), events, 3.0)
    assert played.at(1.3) == SILENCE
    assert played.at(1.6) != SILENCE and played.at(2.5) == SILENCE
    assert (played.at(1.005) == SILENCE) == (end is Panic)


def test_panic_removes_pending_notes_fed_before_it():
    performer = performer_of()
    events = [NoteOn(2.0, 1, 60), Panic(1.0), NoteOn(3.0, 2, 60), NoteOff(3.2, 2)]
    assert next(s.start_s for s in play(performer, events, 4.0).sounding()) == 3.0


NOTE_IDS = st.integers(0, 4)
TIMES = st.floats(0, 3)
EVENTS = st.one_of(
    st.builds(
        NoteOn, TIMES, NOTE_IDS, st.one_of(st.floats(40, 90), st.integers(24, 26).map(float)), st.floats(0, 1), st.none()
    ),
    st.builds(NoteOff, TIMES, NOTE_IDS),
    st.builds(Bend, TIMES, st.floats(-12, 12), st.none() | NOTE_IDS),
    st.builds(Expression, TIMES, st.sampled_from(list(LIVE_PARAMETERS)), st.floats(0, 0.5), st.none() | NOTE_IDS),
    st.builds(Sustain, TIMES, st.booleans()),
    st.builds(StepLine, TIMES, st.integers(-2, 2)),
    st.builds(GoToLine, TIMES, st.integers(0, 5), st.integers(0, 5)),
    st.builds(Lyrics, TIMES, st.just(split_lyrics("AP a - beau-ti-ful 'all strengths").lines), st.booleans()),
    st.builds(AllNotesOff, TIMES),
    st.builds(ResetControllers, TIMES),
    st.builds(Panic, TIMES),
)


@settings(max_examples=60)
@given(st.lists(EVENTS, max_size=60), st.lists(st.integers(1, 70), min_size=1, max_size=5), st.sampled_from(Overlap))
@pytest.mark.slow
def test_chunk_size_does_not_change_the_output(events, chunks, overlap):
    def perform(sizes):
        performer = performer_of(WORDS, live=LiveSettings(overlap=overlap), vibrato_depth_cents=28.0, drift_cents=5.0)
        return play(performer, [*events, AllNotesOff(3.0)], 4.0, sizes)

    one, other = perform((1,)), perform(tuple(chunks))
    assert one.spans == other.spans
    for name, values in one.controls.items():
        assert values.dtype == np.float32 and values.shape == (400,)
        np.testing.assert_array_equal(values, other.controls[name])
        assert np.all(np.isfinite(values))
    assert np.all(one.controls["f0_hz"] > 0)
    assert one.spans[-1].symbol == SILENCE and one.spans[-1].start_s < 3.5
    assert one.performer.take() == other.performer.take()


def test_memory_is_bounded():
    performer = performer_of("la " * 50)
    for i in range(3000):
        performer.feed(NoteOn(0.1 * i, i, 60 + i % 7))
        performer.feed(NoteOff(0.1 * i + 0.08, i))
        phones, _ = performer.advance(10)
        assert len(phones) < 30


@pytest.mark.parametrize(
    "make",
    [
        lambda: NoteOn(float("nan"), 1, 60),
        lambda: NoteOn(0.0, 1, 128),
        lambda: NoteOn(0.0, 1, 60, 1.5),
        lambda: Bend(0.0, float("inf")),
        lambda: Expression(0.0, Parameter.VOLUME, -0.1),
        lambda: NoteOff(-1.0, 1),
    ],
)
def test_events_outside_their_ranges_are_refused(make):
    with pytest.raises(ValueError, match="valid is"):
        make()


def test_key_switches_must_differ():
    with pytest.raises(SettingsError, match="different"):
        LiveSettings(again_key=24)
