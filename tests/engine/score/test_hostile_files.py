"""Damaged and hostile files of every readable format: a score or one ScoreError that names the file, never anything else."""

import json
import random

import pytest
from score_files import PITCHES, WORDS, damaged, good_score_files, zipped

from engine.errors import LyricError, ScoreError
from engine.lyrics.lyric_files import read_lyric_text
from engine.score import EXTRA_SUFFIXES, READABLE_SUFFIXES, io, read_score
from engine.score.types import Score

FILES = good_score_files()
TEXTS = (".txt", ".lrc")
SCORES = sorted(FILES.keys() - set(TEXTS))


@pytest.fixture
def read(tmp_path):
    def read(suffix, data):
        path = tmp_path / f"song{suffix}"
        path.write_bytes(data)
        return read_lyric_text(path) if suffix in TEXTS else read_score(path)

    return read


def test_every_readable_format_has_a_file():
    assert set(READABLE_SUFFIXES) - set(EXTRA_SUFFIXES) <= FILES.keys()


@pytest.mark.parametrize("suffix", SCORES)
def test_good_files_are_read(read, suffix):
    score = read(suffix, FILES[suffix])
    (track,) = [track for track in score.tracks if track.notes]
    assert [note.pitch for note in track.notes] == list(PITCHES)
    if suffix in READABLE_SUFFIXES and suffix not in EXTRA_SUFFIXES:
        assert "".join(note.lyric.strip("+-") for note in track.notes) == "".join(WORDS).replace("-", "")
        assert score.tempo_map.seconds_at(score.end_ticks) == pytest.approx(2.0)


@pytest.mark.parametrize("suffix", TEXTS)
def test_good_texts_are_read(read, suffix):
    assert read(suffix, FILES[suffix]).lines == ("keep the lanterns",)


def result_or_message(read, suffix, data):
    """Result and "", or None and the message of the error. Other exceptions fail the test."""
    try:
        return read(suffix, data), ""
    except (ScoreError, LyricError) as error:
        return None, str(error)


@pytest.mark.parametrize("suffix", [*SCORES, *TEXTS])
@pytest.mark.parametrize("kind", range(6))
def test_damaged_files(read, suffix, kind):
    result, message = result_or_message(read, suffix, damaged(FILES[suffix], kind))
    assert result is not None or (f"song{suffix}" in message and "\n" not in message and len(message) < 600)


@pytest.mark.parametrize("suffix", [suffix for suffix in SCORES if suffix not in EXTRA_SUFFIXES])
def test_mutated_files(read, suffix):
    rng = random.Random(suffix)
    for _ in range(25):
        data = bytearray(FILES[suffix])
        for _ in range(rng.randint(1, 6)):
            start = rng.randrange(len(data))
            match rng.randrange(3):
                case 0:
                    data[start] = rng.randrange(256)
                case 1:
                    del data[start : start + rng.randint(1, 9)]
                case _:
                    data[start:start] = rng.choice((b"-1e99", b"9" * 40, b"[", b"{", b'"', b"<", b"\xff\0", b"null", b"&a;"))
        score, message = result_or_message(read, suffix, bytes(data))
        assert isinstance(score, Score) or f"song{suffix}" in message


DEEP = b"[" * 150_000
HOSTILE = {
    "nothing": b" ",
    "deep JSON": b'{"time": {}, "library": ' + DEEP,
    "deep JSON that ends": b'[{"offset": ' + DEEP + b"]" * 150_000 + b"}]",
    "deep YAML": b"ustx_version: 1\nvoice_parts: " + b"[" * 20_000,
    "a YAML bomb": b"ustx_version: 1\na: &a [x, x]\nb: &b [*a, *a]\nvoice_parts: [*b, *b]",
    "deep XML": b"<score-partwise>" + b"<a>" * 100_000,
    "an XML bomb": b'<!DOCTYPE a [<!ENTITY b "bbbb">]><score-partwise>&b;</score-partwise>',
    "an empty archive": b"PK\x05\x06" + b"\0" * 18,
    "an archive of nothing": zipped({}),
    "an archive of something else": zipped({"META-INF/x": b"y", "sequence.json": b"[]"}),
    "huge numbers": json.dumps([{"offset": 1e300, "note_seq": "C4", "note_dur": "9" * 5000}]).encode(),
    "infinite numbers": b'[{"offset": Infinity, "note_seq": "C4", "note_dur": NaN}]',
    "NULs": b"\0" * 5000,
    "text": "keep the lanterns burning – 灯".encode() * 50,
    "wide text": "[#SETTING]\nTempo=1e999\n[#0000]\nLength=1e999\nNoteNum=-7\nLyric=x\n".encode("utf-16"),
}


@pytest.mark.parametrize("suffix", SCORES)
@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files(read, suffix, data):
    score, message = result_or_message(read, suffix, data)
    assert isinstance(score, Score) or (f"song{suffix}" in message and len(message) < 600)


@pytest.fixture(scope="module")
def bomb():
    """An archive of half a megabyte that unpacks to 270."""
    return zipped({name: bytes(90 * 2**20) for name in ("META-INF/container.xml", "Project/sequence.json", "ppsf.json")})


@pytest.mark.parametrize("suffix", [".vpr", ".mxl", *(suffix for suffix in EXTRA_SUFFIXES if suffix in FILES)])
def test_archives_that_unpack_to_gigabytes(read, bomb, suffix):
    with pytest.raises(ScoreError, match=f"song{suffix}"):
        read(suffix, bomb)


class PanicError(BaseException):
    """Exception like those of libraries written in other languages, outside `Exception`."""


@pytest.mark.parametrize("error", [ValueError("a\nb"), KeyError("x"), RecursionError(), MemoryError(), PanicError("rust")])
def test_any_exception_of_a_reader_is_a_score_error(tmp_path, monkeypatch, error):
    def fail(source):
        raise error

    row = io._FORMATS[0]
    monkeypatch.setattr(io, "_FORMATS", (type(row)(row.name, row.suffixes, row.recognise, fail), *io._FORMATS[1:]))
    path = tmp_path / "song.mid"
    path.write_bytes(FILES[".mid"])
    with pytest.raises(ScoreError, match=r"song.mid is damaged .* Save it again") as raised:
        read_score(path)
    assert "\n" not in str(raised.value)


def test_the_user_may_stop_reading(tmp_path, monkeypatch):
    def stop(source):
        raise KeyboardInterrupt

    row = io._FORMATS[0]
    monkeypatch.setattr(io, "_FORMATS", (type(row)(row.name, row.suffixes, row.recognise, stop), *io._FORMATS[1:]))
    path = tmp_path / "song.mid"
    path.write_bytes(FILES[".mid"])
    with pytest.raises(KeyboardInterrupt):
        read_score(path)


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        (".ustx", FILES[".ustx"].replace(b"position: 480", b"position: 99999999999")),
        (".ust", FILES[".ust"].replace(b"Length=480", b"Length=9999999").replace(b"Tempo=120.00", b"Tempo=5")),
        (
            ".svp",
            FILES[".svp"].replace(b'"bpm": 120.0', b'"bpm": 5').replace(b'"onset": 705600000', b'"onset": 70560000000000'),
        ),
    ],
)
def test_a_song_of_days_is_refused(read, suffix, data):
    with pytest.raises(ScoreError, match=rf"song{suffix} is \d+ hours long"):
        read(suffix, data)
