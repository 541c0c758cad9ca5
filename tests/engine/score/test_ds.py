"""DiffSinger scripts: seconds, words or phonemes, F0; and what is written reads back."""

import json
import random
import time

import pytest

from engine.errors import ScoreError
from engine.score.formats.ds import TICKS_PER_SECOND, note_name, note_pitch, read_ds, write_ds
from engine.score.types import Curve, Note, Parameter, Score, TempoChange, TempoMap, Track

SEGMENT = {
    "offset": 1.25,
    "text": "AP 清 晨 SP 的",
    "ph_seq": "AP q ing ch en SP d e",
    "ph_num": "2 2 1 2 1",
    "note_seq": "rest C4 D#4 F4 rest A4+50",
    "note_dur": "0.2 0.30005 0.25 0.1 0.15 0.5",
    "note_slur": "0 0 0 1 0 0",
    "f0_seq": "0.0 261.6 262.0 311.1",
    "f0_timestep": "0.005",
}


def read(**changes):
    segment = {key: value for key, value in {**SEGMENT, **changes}.items() if value is not None}
    return read_ds(json.dumps([segment]).encode(), title="t")


def seconds(score):
    return [(note.onset_ticks / TICKS_PER_SECOND, note.duration_ticks / TICKS_PER_SECOND) for note in score.tracks[0].notes]


def lyrics(score):
    return [note.lyric for note in score.tracks[0].notes]


def test_notes_words_slurs_and_breath():
    score = read()
    assert lyrics(score) == ["AP", "清", "晨", "-", "的"]
    assert [note.pitch for note in score.tracks[0].notes] == [60, 60, 63, 65, 69.5]
    for (onset, length), expected in zip(
        seconds(score), [(1.25, 0.2), (1.45, 0.3), (1.75, 0.25), (2.0, 0.1), (2.25, 0.5)], strict=True
    ):
        assert onset == pytest.approx(expected[0], abs=0.5e-3)
        assert length == pytest.approx(expected[1], abs=0.5e-3)
    assert score.tempo_map.seconds_at(12_500) == 1.25


@pytest.mark.parametrize("text", ["清晨的", "AP清晨SP的", "清 晨 的"])
def test_words_without_rests_or_blanks(text):
    assert [lyric for lyric in lyrics(read(text=text)) if lyric != "AP"] == ["清", "晨", "-", "的"]


def test_phonemes_are_hints_when_the_text_does_not_fit():
    assert lyrics(read(text="something else entirely here")) == ["AP", "[q ing]", "[ch en]", "-", "[d e]"]
    assert lyrics(read(text=None, ph_num=None)) == [None, None, "-", None]


def test_f0_curve_ends_with_its_segment():
    curve = read().tracks[0].curve(Parameter.F0_HZ)
    assert curve.ticks == (12_500, 12_550, 12_600, 12_650, 12_700)
    assert curve.values == (0, 261.6, 262, 311.1, 0)


def test_energy_is_relative_to_its_median():
    curve = read(energy="-30 -25 -20", energy_timestep=0.01).tracks[0].curve(Parameter.DYNAMICS_DB)
    assert curve.values == (-5, 0, 5)


@pytest.mark.parametrize("name", ["C4", "C#-1", "G9", "A4+49", "F#3-12.5"])
def test_note_names(name):
    assert note_name(note_pitch(name)) == name


def test_written_scripts_read_back():
    notes = tuple(
        Note(onset, length, pitch, lyric=lyric)
        for onset, length, pitch, lyric in [
            (480, 480, 60.0, "word[w er d]"),
            (960, 240, 62.5, "-"),
            (1200, 120, 62.0, "AP"),
            (1920, 480, 64.0, "l'a mour"),
        ]
    )
    f0 = Curve(Parameter.F0_HZ, (480, 960, 961), (220.0, 440.0, 0.0))
    score = Score("t", 480, (Track("v", notes, (f0,)),), TempoMap(480, (TempoChange(0, 6e5), TempoChange(960, 4e5))))
    back = read_ds(write_ds(score), title="t")
    assert lyrics(back) == ["word[w er d]", "-", "AP", "l'a mour"]
    assert [note.pitch for note in back.tracks[0].notes] == [60, 62.5, 64, 64]
    for (onset, _), note in zip(seconds(back), notes, strict=True):
        assert onset == pytest.approx(score.tempo_map.seconds_at(note.onset_ticks), abs=0.5e-3)
    written = json.loads(write_ds(score))[0]["f0_seq"].split()
    assert (written[0], written[120], written[180], written[-1]) == ("0.0", "220.0", "330.0", "0.0")


def test_long_songs_do_not_drift():
    notes = tuple(Note(i * 7, 7, 60.0, lyric="la") for i in range(3000))
    score = Score("t", 480, (Track("v", notes),), TempoMap(480, (TempoChange(0, 60e6 / 133),)))
    last = read_ds(write_ds(score), title="t").tracks[0].notes[-1]
    assert last.onset_ticks / TICKS_PER_SECOND == pytest.approx(score.tempo_map.seconds_at(notes[-1].onset_ticks), abs=1e-3)


def test_overlapping_notes_and_missing_tracks_are_refused():
    overlap = Score("t", 480, (Track("v", (Note(0, 480, 60.0), Note(240, 480, 64.0))),), TempoMap(480))
    with pytest.raises(ScoreError, match="overlap"):
        write_ds(overlap)
    with pytest.raises(ScoreError, match="no track 3"):
        write_ds(overlap, track=3)
    with pytest.raises(ScoreError, match="no notes"):
        write_ds(Score("t", 480, (), TempoMap(480)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"[1]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"note_seq": "C4", "note_dur": "1 2"}',
        b'{"note_seq": "H4", "note_dur": "1"}',
        b'{"note_seq": "C4", "note_dur": "1e9"}',
        b'{"note_seq": "C4", "note_dur": "NaN"}',
        b'{"note_seq": "C4", "note_dur": "1", "offset": 1' + b"0" * 400 + b"}",
    ],
)
def test_unusable_files_are_score_errors(data):
    with pytest.raises(ScoreError):
        read_ds(data, title="t")


def test_fuzzed_files_are_read_or_refused():
    rng = random.Random(9)
    values = [None, 0, -1, 1e300, "", "x", [], {}, [None], "C4 rest", "1 1 1 1 1 1", float("nan"), "99999999999", True]
    for _ in range(500):
        segment = {**SEGMENT, "energy": "-3 -4", "energy_timestep": 0.01}
        for key in rng.sample(sorted(segment), rng.randint(1, 3)):
            segment[key] = rng.choice(values)
        data = json.dumps([segment, SEGMENT]).encode()
        started = time.process_time()
        try:
            assert isinstance(read_ds(data if rng.random() < 0.8 else data[: rng.randrange(len(data))], title="t"), Score)
        except ScoreError:
            pass
        assert time.process_time() - started < 2
