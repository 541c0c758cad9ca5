"""Editing one note changes its phrase and nothing else: what makes re-rendering quick and takes repeatable."""

from dataclasses import replace

import numpy as np
import pytest
from sung import sing

from engine.performance.types import Performance
from engine.score import Curve, Parameter

# Three phrases with rests of a beat and more between them.
SONG = [
    (2, 1, 60, "stay"), (3, 1, 62, "with"), (4, 2, 64, "me"),
    (8, 0.5, 67, "hold"), (8.5, 0.5, 65, "the"), (9, 0.75, 64, "line"),
    (14, 1, 60, "go"), (15, 2, 72, "home"),
]  # fmt: skip


def edited(score, index, **changes):
    track = score.tracks[0]
    notes = list(track.notes)
    notes[index] = replace(notes[index], **changes)
    return replace(score, tracks=(replace(track, notes=tuple(notes)),))


@pytest.mark.parametrize("mode", ["sing", "rap", "talk"])
@pytest.mark.parametrize(
    ("index", "changes", "phrase"),
    [
        (0, {"lyric": "lay"}, 0),
        (1, {"pitch": 69}, 0),
        (4, {"velocity": 40}, 1),
        (5, {"duration_ticks": 200}, 1),
        (6, {"onset_ticks": 14 * 480 + 10}, 2),
        (7, {"pitch": 71.5}, 2),
    ],
)
def test_an_edit_changes_its_own_phrase_only(song, mode, index, changes, phrase):
    before, after = sing(song(SONG), mode), sing(edited(song(SONG), index, **changes), mode)
    assert len(before.phrases) == len(after.phrases) == 3
    changed = [a.hash != b.hash or a.start_frame != b.start_frame for a, b in zip(before.phrases, after.phrases, strict=True)]
    expected = [number == phrase for number in range(3)]
    if mode == "talk" and not {"lyric", "onset_ticks", "duration_ticks"} & set(changes):
        expected = [False] * 3  # speech follows the words and the time of its notes, not their pitch
    assert changed == expected


def test_a_controller_changes_the_phrases_it_lies_over_only(song):
    swell = Curve(Parameter.EXPRESSION, (0, 7 * 480, 13 * 480), (1.0, 0.7, 1.0), stepped=True)
    before, after = sing(song(SONG)), sing(song(SONG, curves=(swell,)))
    assert [a.hash != b.hash for a, b in zip(before.phrases, after.phrases, strict=True)] == [False, True, False]


def test_the_same_line_later_in_the_song_is_another_take(song):
    twice = [(beat + shift, beats, pitch, word) for shift in (0, 16) for beat, beats, pitch, word in SONG[:3]]
    first, second = sing(song(twice)).phrases
    assert first.frames == second.frames and first.hash != second.hash
    assert (first.f0_hz != second.f0_hz).any()


def test_the_hash_covers_sound_but_not_place(song):
    phrase = sing(song(SONG)).phrases[0]
    assert replace(phrase, start_frame=999, lyrics=()).hash == phrase.hash
    louder = phrase.energy_db + np.float32(0.001)
    assert replace(phrase, energy_db=louder).hash != phrase.hash
    assert replace(phrase, phones=phrase.phones[:-1]).hash != phrase.hash


def test_the_arrays_of_a_performance_are_read_only(song):
    phrase = sing(song(SONG)).phrases[0]
    assert isinstance(phrase, Performance)
    with pytest.raises(ValueError, match="read-only"):
        phrase.f0_hz[0] = 100.0


def test_lyrics_must_belong_to_the_notes(song):
    from engine.lyrics import SyllableTrack
    from engine.performance import PerformanceSettings, perform

    score = song(SONG)
    with pytest.raises(ValueError, match="8 notes but syllables for 0"):
        perform(score.tracks[0], SyllableTrack("en", ()), score.tempo_map, PerformanceSettings())
