"""UTAU sequences: notes, tempo, both pitch modes, vibrato, and the encodings they come in."""

import random
import time

import pytest

from engine.errors import ScoreError
from engine.score.formats.ust import read_ust
from engine.score.types import Parameter, PitchPoint, Score, Vibrato

HEAD = "[#VERSION]\nUST Version1.2\n[#SETTING]\nTempo=90,00\nProjectName=Song\nMode2=True\n"
SONG = (
    HEAD
    + """\
[#0000]
Length=480
Lyric=R
NoteNum=60
[#0001]
Length=240
Lyric=か
NoteNum=60
Intensity=80
PBS=-40;5
PBW=30,50
PBY=-12.5
PBM=s,r
VBR=65,180,35,20,10,5,-3
@preuttr=30
[#0002]
Length=720
Lyric=?ー
NoteNum=64
Tempo=120
PBS=-20
PBW=40
[#TRACKEND]
"""
)


def test_reads_every_field():
    score = read_ust(SONG.encode("cp932"), title="t")
    (track,) = score.tracks
    first, second = track.notes
    assert track.name == "Song"
    assert (first.onset_ticks, first.duration_ticks, first.pitch, first.lyric, first.velocity) == (480, 240, 60, "か", 80)
    assert first.pitch_points == (PitchPoint(-40, 50, "l"), PitchPoint(-10, -125, "o"), PitchPoint(40, 0, "io"))
    assert first.vibrato == Vibrato(65, 180, 35, 20, 10, 5, -3)
    assert (second.onset_ticks, second.duration_ticks, second.lyric) == (720, 720, "-")
    assert second.pitch_points == (PitchPoint(-20, -400, "io"), PitchPoint(20, 0, "io"))  # starts on the note before
    assert [(change.tick, round(change.bpm, 6)) for change in score.tempo_map.changes] == [(0, 90), (720, 120)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_encodings(encoding):
    text = HEAD + "[#0000]\nLength=480\nNoteNum=60\nLyric=きゃ\n"
    assert read_ust(text.encode(encoding), title="t").tracks[0].notes[0].lyric == "きゃ"


def test_mode_1_pitch_becomes_a_bend_curve():
    text = HEAD.replace("90,00", "120") + "[#0000]\nLength=20\nLyric=a\nNoteNum=60\nPBStart=0\nPitchBend=0,10,-20\n"
    curve = read_ust(text.encode(), title="t").tracks[0].curve(Parameter.BEND_CENTS)
    assert (curve.ticks, curve.values) == ((0, 5, 10, 15), (0, 10, -20, 0))


@pytest.mark.parametrize("data", [b"", b"hello", b"\xff\xfe\x00\x81", b"[#other]\nx=1"])
def test_unusable_files_are_score_errors(data):
    with pytest.raises(ScoreError, match="not a UST"):
        read_ust(data, title="t")


def test_fuzzed_files_are_read_or_refused():
    rng = random.Random(5)
    for _ in range(500):
        data = bytearray(SONG.encode("cp932"))
        for _ in range(rng.randint(1, 30)):
            data[rng.randrange(len(data))] = rng.choice(b"0123456789-,;=\n[#]e.\xff\x81n")
        started = time.process_time()
        try:
            score = read_ust(bytes(data), title="t")
            assert isinstance(score, Score)
            assert all(0 <= note.pitch <= 127 and note.duration_ticks >= 1 for note in score.tracks[0].notes)
        except ScoreError:
            pass
        assert time.process_time() - started < 2
