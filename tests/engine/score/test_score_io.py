"""Files: which format they are in, and what is said about those that are none."""

import os

import pytest
from smf_bytes import mtrk, smf, sung

import engine.score
from engine.errors import ScoreError
from engine.score import READABLE_SUFFIXES, WRITABLE_SUFFIXES, io, read_score, write_score

MIDI = smf(mtrk(sung("la", "la")))


@pytest.fixture
def midi_path(tmp_path):
    path = tmp_path / "my song.mid"
    path.write_bytes(MIDI)
    return path


def test_title_is_the_name_of_the_file(midi_path):
    assert read_score(midi_path).title == "my song"
    assert read_score(str(midi_path)) == read_score(midi_path)


@pytest.mark.parametrize("suffix", [".mid", ".MIDI", ".kar", ".smf"])
def test_round_trip_through_files(midi_path, tmp_path, suffix):
    score = read_score(midi_path)
    write_score(score, tmp_path / f"copy{suffix}")
    assert read_score(tmp_path / f"copy{suffix}").tracks == score.tracks
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([f"copy{suffix}", "my song.mid"])


@pytest.mark.parametrize("suffix", [".xml", ".ust", ".svp"])
def test_content_counts_more_than_suffix(tmp_path, suffix):
    path = tmp_path / f"song{suffix}"
    path.write_bytes(MIDI)
    score = read_score(path)
    assert len(score.tracks[0].notes) == 2
    assert "in spite of its suffix" in score.notices[0]


def test_unknown_suffixes_are_accepted(tmp_path):
    path = tmp_path / "song.bak"
    path.write_bytes(MIDI)
    assert read_score(path).notices == ()


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (MIDI, "MIDI"),
        (b"RIFF\0\0\0\0RMIDdata\0\0\0\0" + MIDI, "MIDI"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<score-partwise version="4.0">', "MusicXML"),
        ('<?xml version="1.0"?><score-timewise>'.encode("utf-16"), "MusicXML"),
        (b"PK\x03\x04" + bytes(26) + b"META-INF/container.xml", "MusicXML"),
        (b"name: New Project\nustx_version: '0.6'\n", "USTX"),
        (b"[#VERSION]\r\nUST Version1.2\r\n[#SETTING]\r\n", "UST"),
        (b'[\n  {\n    "offset": 0.0,\n    "text": "AP"', "DiffSinger"),
    ],
)
def test_formats_are_recognised_by_content(tmp_path, head, name):
    assert io._recognise(io._Source(tmp_path / "song.unknown", head, 1)).name == name


@pytest.mark.parametrize("suffix", [suffix for suffix in READABLE_SUFFIXES if suffix not in WRITABLE_SUFFIXES])
def test_unclear_content_leaves_it_to_the_suffix(tmp_path, suffix):
    assert suffix in io._recognise(io._Source(tmp_path / f"song{suffix}", b"?", 1)).suffixes


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.mid", None, "does not exist"),
        ("", None, "is a folder"),
        ("empty.mid", b"", "is empty"),
        ("noise.mid", b"\x93\x01noise", "not a MIDI file"),
        ("photo.png", b"\x89PNG\r\n", "no score that Vocalese knows"),
        ("nul\0.mid", None, "cannot be read"),
        ("x" * 300, None, "cannot be read"),
    ],
)
def test_unreadable_files(tmp_path, name, content, says):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ScoreError, match=says) as caught:
        read_score(tmp_path / name)
    if says in ("does not exist", "is a folder", "is empty", "no score that Vocalese knows"):
        assert all(suffix in str(caught.value) for suffix in READABLE_SUFFIXES)


def test_huge_files_are_refused_unread(tmp_path):
    path = tmp_path / "huge.mid"
    with path.open("wb") as file:
        file.truncate(io.MAX_FILE_MB * 2**20 + 1)
    with pytest.raises(ScoreError, match="64 MB"):
        read_score(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.mid")
    with pytest.raises(ScoreError, match="no ordinary file"):
        read_score(tmp_path / "pipe.mid")


@pytest.mark.parametrize(
    ("name", "says"), [("song.wav", ".ustx"), ("song", ".mid"), ("no/such/folder/song.mid", "cannot be written")]
)
def test_unwritable(midi_path, tmp_path, name, says):
    with pytest.raises(ScoreError, match=says):
        write_score(read_score(midi_path), tmp_path / name)


def test_failed_write_keeps_the_old_file(midi_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    score = read_score(midi_path)
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(ScoreError, match="No space left"):
        write_score(score, midi_path)
    assert [path.name for path in midi_path.parent.iterdir()] == [midi_path.name]
    assert midi_path.read_bytes() == MIDI


def test_exported_names_exist():
    assert all(hasattr(engine.score, name) for name in engine.score.__all__)
    assert engine.score.__all__ == sorted(engine.score.__all__, key=lambda name: (name.islower(), not name.isupper(), name))
