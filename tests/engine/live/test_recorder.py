"""Recording of a live performance as a score: notes, words as sung, controllers, and the round trip through MIDI."""

from __future__ import annotations

import numpy as np
import pytest
from played import keys, performer_of, play

from engine.live.events import Bend, Expression, GoToLine, LiveSettings, Lyrics, NoteOn, WhenEmpty
from engine.live.lyric_queue import split_lyrics
from engine.lyrics import lay_lyrics
from engine.performance import PerformanceSettings, perform
from engine.score import Parameter, TempoChange, TempoMap, read_score, write_score


def rendered_phones(score) -> str:
    """Phones that the offline renderer sings for a take, without silences."""
    track = score.tracks[0]
    laid = lay_lyrics(track, ppq=score.ppq)
    performed = perform(track, laid, score.tempo_map, PerformanceSettings(breaths=False))
    return " ".join(span.symbol for phrase in performed.phrases for span in phrase.phones if span.symbol != "SIL")


def test_notes_have_the_times_and_strength_of_the_keys():
    performer = performer_of("stay with me")
    play(performer, keys((0.5, 0.9, 60), (1.0, 1.6, 62.5), (1.5, 2.0, 64), velocity=0.5), 2.5)
    score = performer.take(name="verse")
    at_s = score.tempo_map.seconds_at
    found = [(at_s(n.onset_ticks), at_s(n.offset_ticks), n.pitch, n.velocity, n.lyric) for n in score.tracks[0].notes]
    wanted = [(0.5, 0.9, 60, 64, "stay"), (1.0, 1.5, 62.5, 64, "with"), (1.5, 2.0, 64, 64, "me")]
    for got, expected in zip(found, wanted, strict=True):
        assert got[:2] == pytest.approx(expected[:2], abs=0.0006)
        assert got[2:] == expected[2:]


def test_a_take_uses_the_given_start_and_tempo_map():
    performer = performer_of("la la la")
    play(performer, keys((1.0, 1.4, 60), (2.0, 2.5, 62)), 3.0)
    score = performer.take(tempo_map=TempoMap(480, (TempoChange(0, 1_000_000),)), start_s=1.5)
    assert [(n.onset_ticks, n.duration_ticks, n.lyric) for n in score.tracks[0].notes] == [(240, 240, "la")]


def test_a_sounding_note_ends_at_the_time_of_the_take():
    performer = performer_of("la")
    play(performer, [NoteOn(0.5, 1, 60)], 1.5)
    (note,) = performer.take().tracks[0].notes
    assert note.duration_ticks == 1920


@pytest.mark.parametrize(
    "words",
    ["stay with my friends", "beautiful - night", "a- - way", "AP day [m ay] love", "mmm 'all -", "read[r eh d] the end"],
)
def test_through_midi_and_back_it_is_sung_with_the_same_sounds(words, tmp_path):
    performer = performer_of(words)
    played = play(performer, keys(*((0.4 * i, 0.4 * i + 0.43, 60 + i) for i in range(len(words.split()) + 2))), 4.0)
    path = tmp_path / "take.mid"
    write_score(performer.take(), path)
    assert rendered_phones(read_score(path)) == played.symbols()


@pytest.mark.parametrize("order", [(0, 1), (1, 2), (0, 2, 0, 1, 2), (2, 1, 0)])
def test_words_sung_in_pieces_keep_their_sounds(order):
    performer = performer_of("beautiful")
    events = []
    for i, syllable in enumerate(order):
        events += [GoToLine(0.5 * i, 0, syllable), *keys((0.5 * i, 0.5 * i + 0.45, 60))]
    played = play(performer, events, 4.0)
    assert rendered_phones(performer.take()) == played.symbols()


@pytest.mark.parametrize("choice", list(WhenEmpty))
def test_fillers_are_recorded_with_their_phones(choice):
    performer = performer_of(live=LiveSettings(when_empty=choice))
    played = play(performer, keys((0.1, 0.4, 60), (0.5, 0.8, 60)), 1.5)
    assert rendered_phones(performer.take()) == played.symbols()


def test_melismas_and_keys_returned_to_are_held_notes():
    performer = performer_of("way up")
    played = play(performer, keys((0.1, 2.0, 60), (0.6, 1.0, 67)), 2.5)
    score = performer.take()
    assert [(n.pitch, n.lyric) for n in score.tracks[0].notes] == [(60, "way"), (67, "up"), (60, "-")]
    assert rendered_phones(score) == played.symbols()


def test_bends_and_controllers_are_recorded(tmp_path):
    performer = performer_of("la")
    events = [
        *keys((0.5, 2.0, 60)),
        Bend(1.0, 1.5),
        Bend(1.25, 0.5, note_id=0),
        Expression(0.25, Parameter.VOLUME, 0.5),
        Expression(1.5, Parameter.MODULATION, 1.0),
    ]
    play(performer, events, 2.5)
    write_score(performer.take(), tmp_path / "take.mid")
    track = read_score(tmp_path / "take.mid").tracks[0]
    bend, volume, wheel = (track.curve(p) for p in (Parameter.BEND_CENTS, Parameter.VOLUME, Parameter.MODULATION))
    assert dict(zip(bend.ticks, np.round(bend.values), strict=True)) == {0: 0, 1920: 150, 2400: 200}
    assert dict(zip(volume.ticks, np.round(volume.values, 2), strict=True)) == {0: 0.79, 480: 0.5}
    assert wheel.values[-1] == 1.0 and wheel.ticks[-1] == 2880


def test_recorded_notes_and_points_are_bounded():
    performer = performer_of()
    performer.feed(Lyrics(0.0, split_lyrics("la " * 10).lines))
    for i in range(25_000):
        performer.feed(NoteOn(0.001 * i, 0, 60 + i % 2))
    performer.advance(2600)
    assert len(performer.take().tracks[0].notes) <= 20_000
