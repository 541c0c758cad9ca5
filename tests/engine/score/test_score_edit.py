"""Transposing, and which tracks are sung."""

import pytest

from engine.errors import SettingsError
from engine.score import Curve, Note, Parameter, Score, TempoMap, Track, select_tracks, transpose


def track(name, lyric=None, *, notes=True, is_drums=False):
    return Track(name, (Note(0, 480, 60.0, lyric=lyric),) if notes else (), is_drums=is_drums)


def score(*tracks):
    return Score("song", 480, tracks, TempoMap(480))


VOX, CHOIR, PIANO = track("Vox", "la"), track("Choir", "ah"), track("Piano")
KIT, RAP, EMPTY = track("Kit", is_drums=True), track("Rap", "yo", is_drums=True), track("Empty", notes=False)


@pytest.mark.parametrize(
    ("tracks", "chosen", "left_out"),
    [
        ((VOX, PIANO, CHOIR, KIT), (VOX, CHOIR), ("Piano", "Kit")),
        ((VOX, RAP), (VOX,), ("Rap",)),
        ((PIANO, RAP), (RAP,), ("Piano",)),
        ((PIANO, KIT, EMPTY), (PIANO,), ("Kit",)),
        ((KIT,), (KIT,), ()),
        ((EMPTY,), (), ()),
        ((), (), ()),
    ],
)
def test_select_tracks(tracks, chosen, left_out):
    selected, notices = select_tracks(score(*tracks))
    assert selected == chosen
    assert len(notices) == bool(left_out)
    assert all(f'"{name}"' in notices[0] for name in left_out)


def test_transpose_moves_notes_and_absolute_pitch_but_not_drums():
    f0 = Curve(Parameter.F0_HZ, (0, 5), (220.0, 0.0))
    bend = Curve(Parameter.BEND_CENTS, (0,), (50.0,))
    moved = transpose(score(Track("Vox", (Note(0, 480, 57.0),), (f0, bend)), KIT), 12)
    assert moved.tracks[0].notes[0].pitch == 69.0
    assert [curve.values for curve in moved.tracks[0].curves] == [(440.0, 0.0), (50.0,)]
    assert moved.tracks[1] == KIT


@pytest.mark.parametrize("semitones", [68, -61])
def test_transposing_out_of_range_is_refused(semitones):
    with pytest.raises(SettingsError, match="smaller interval"):
        transpose(score(VOX), semitones)
