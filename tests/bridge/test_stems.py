"""Stems on disk, read back by an independent reader (libsndfile) and chunk by chunk."""

import errno
import os
import shutil
import struct
from collections import namedtuple
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.stems.naming import MAX_NAME_BYTES, safe_name, stem_names
from bridge.stems.riff import StemFormat, StemMetadata, build_header, read_stem_metadata
from bridge.stems.wav import StemWriter, write_stem
from engine.errors import OutputError

METADATA = StemMetadata(
    title="夜の歌 & <Más>",
    track="Lead",
    voice="Höffner",
    seed=42,
    version="0.1.0",
    comment="take 2",
    created=datetime(2026, 3, 1, 12, 34, 56),
)
STEP = {"16": 2.0**-15, "24": 2.0**-23, "32f": 0.0}


def sung(samples=5000, channels=1, seed=0):
    """Something loud, with digital silence in the middle."""
    audio = np.random.default_rng(seed).uniform(-0.9, 0.9, (channels, samples)).astype(np.float32)
    audio[:, samples // 3 : samples // 2] = 0
    return audio


def write(path, audio, *, block=700, **options):
    channels, total_samples = audio.shape
    blocks = (audio[:, start : start + block] for start in range(0, total_samples, block))
    options = {"sample_rate": 48000, "channels": channels, "total_samples": total_samples, **options}
    return write_stem(path, blocks, **options)


def chunks_of(path):
    """Chunk bodies by name, by the RIFF rules and nothing else."""
    data, position, chunks = path.read_bytes(), 12, {}
    assert data[:4] == b"RIFF" and data[8:12] == b"WAVE" and struct.unpack("<I", data[4:8])[0] == len(data) - 8
    while position < len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        chunks[name] = data[position + 8 : position + 8 + size]
        position += 8 + size + size % 2
    assert position == len(data)
    return chunks


@pytest.mark.parametrize("subtype", ["16", "24", "32f"])
@pytest.mark.parametrize("sample_rate", [44100, 48000, 88200, 96000])
@pytest.mark.parametrize("channels", [1, 2])
def test_another_reader_gets_the_same_samples(tmp_path, sample_rate, subtype, channels):
    audio = sung(5001, channels)
    result = write(tmp_path / "a.wav", audio, sample_rate=sample_rate, subtype=subtype)
    read, rate = soundfile.read(tmp_path / "a.wav", dtype="float64", always_2d=True)
    assert rate == sample_rate and read.shape == (5001, channels)
    assert np.abs(read.T - audio).max() <= 1.51 * STEP[subtype]
    assert soundfile.info(tmp_path / "a.wav").subtype == {"16": "PCM_16", "24": "PCM_24", "32f": "FLOAT"}[subtype]
    assert result.total_samples == 5001 and result.clipped_samples == 0
    assert result.peak_dbfs == pytest.approx(20 * np.log10(np.abs(audio).max()), abs=1e-6)


def test_dither_is_triangular_and_leaves_digital_silence_alone(tmp_path):
    quiet = np.full((1, 60000), 0.25 * 2.0**-15, np.float32)  # a quarter of a step: plain rounding would lose it
    quiet[:, 20000:30000] = 0
    write(tmp_path / "a.wav", quiet, subtype="16")
    read, _ = soundfile.read(tmp_path / "a.wav", dtype="int16")
    assert not read[20000:30000].any()
    assert read[30000:].mean() == pytest.approx(0.25, abs=0.02)
    assert set(np.unique(read)) <= {-1, 0, 1}


@pytest.mark.parametrize("subtype", ["16", "24", "32f"])
def test_equal_input_gives_equal_bytes_in_any_block_size(tmp_path, subtype):
    files = []
    for block in (1, 700, 5000):
        path = tmp_path / f"{block}.wav"
        write(path, sung(2000, 2), block=block, subtype=subtype, metadata=METADATA)
        files.append(path.read_bytes())
    assert files[0] == files[1] == files[2]


def test_long_blocks_are_converted_piecewise_with_the_same_result(tmp_path):
    audio = sung(150_000)
    write(tmp_path / "one.wav", audio, block=150_000, subtype="16")
    write(tmp_path / "many.wav", audio, block=999, subtype="16")
    assert (tmp_path / "one.wav").read_bytes() == (tmp_path / "many.wav").read_bytes()


def test_values_beyond_full_scale_are_clipped_and_counted(tmp_path, caplog):
    audio = np.array([[1.5, -1.5, 1.0, -1.0, 0.5]], np.float32)
    assert write(tmp_path / "a.wav", audio, subtype="24").clipped_samples == 2
    assert "clipped" in caplog.text
    read, _ = soundfile.read(tmp_path / "a.wav")
    assert read.tolist() == [1 - 2.0**-23, -1, 1 - 2.0**-23, -1, 0.5]
    assert write(tmp_path / "b.wav", audio, subtype="32f").clipped_samples == 0
    assert soundfile.read(tmp_path / "b.wav")[0][0] == 1.5


def test_the_file_says_who_sang_and_when_it_starts(tmp_path):
    start = (7 << 32) + 12345
    write(tmp_path / "a.wav", sung(), metadata=METADATA, time_reference_samples=start)
    chunks = chunks_of(tmp_path / "a.wav")
    assert list(chunks) == [b"bext", b"fmt ", b"iXML", b"LIST", b"data"]
    bext = chunks[b"bext"]
    assert bext[:256].startswith(b"synthetic voice: yes; voice: H?ffner; seed: 42")
    assert bext[256:288].rstrip(b"\0") == b"Vocalese"
    assert bext[320:338] == b"2026-03-0112:34:56"
    assert struct.unpack_from("<QH", bext, 338) == (start, 1)
    assert bext[602:] == b"A=PCM,F=48000,W=24,M=mono,T=Vocalese 0.1.0\r\n"
    assert b"<SYNTHETIC_VOICE>yes</SYNTHETIC_VOICE>" in chunks[b"iXML"]

    with soundfile.SoundFile(tmp_path / "a.wav") as file:
        texts = file.copy_metadata()
    assert texts["title"] == "夜の歌 & <Más> - Lead" and texts["artist"] == "Höffner" and texts["software"] == "Vocalese 0.1.0"
    assert texts["comment"] == "synthetic voice: yes; voice: Höffner; seed: 42; version: 0.1.0; take 2"

    info = read_stem_metadata(tmp_path / "a.wav")
    assert info.metadata == METADATA and info.synthetic and info.time_reference_samples == start
    assert (info.sample_rate, info.channels, info.subtype, info.total_samples) == (48000, 1, "24", 5000)


def test_without_a_date_no_clock_is_read(tmp_path):
    write(tmp_path / "a.wav", sung())
    assert chunks_of(tmp_path / "a.wav")[b"bext"][320:338] == bytes(18)
    assert read_stem_metadata(tmp_path / "a.wav").metadata == StemMetadata()


def test_text_that_xml_cannot_hold_is_cleaned(tmp_path):
    write(tmp_path / "a.wav", sung(), metadata=replace(METADATA, title="a\x00b\x1b\ud800c", comment="]]>&amp;"))
    metadata = read_stem_metadata(tmp_path / "a.wav").metadata
    assert metadata.title == "a b c" and metadata.comment == "]]>&amp;"


def test_above_4_gib_the_file_is_rf64(tmp_path):
    stem_format = StemFormat(sample_rate=96000, channels=2, total_samples=800_000_000, subtype="24")
    header = build_header(stem_format, METADATA, 99)
    path = tmp_path / "long.wav"
    with open(path, "wb") as file:
        file.write(header)
        file.truncate(len(header) + stem_format.data_bytes)  # a hole: no disk space used
    assert header[:4] == b"RF64" and struct.unpack_from("<Q", header, 20)[0] == path.stat().st_size - 8
    assert soundfile.info(path).frames == 800_000_000
    info = read_stem_metadata(path)
    assert info.total_samples == 800_000_000 and info.metadata == METADATA and info.time_reference_samples == 99


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\0\0\0\0AVI ", b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\xff", b"OggS" * 9])
def test_files_that_are_no_wav_are_refused(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(OutputError, match="not a WAV file"):
        read_stem_metadata(tmp_path / "a.wav")


def test_wav_files_of_others_have_no_metadata(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(100), 44100)
    info = read_stem_metadata(tmp_path / "a.wav")
    assert info.metadata == StemMetadata() and not info.synthetic and info.total_samples == 100


def test_an_empty_stem_is_a_file_too(tmp_path):
    write_stem(tmp_path / "a.wav", [], sample_rate=44100, channels=1, total_samples=0)
    assert soundfile.info(tmp_path / "a.wav").frames == 0


# --- nothing half-written, nothing lost ---------------------------------------------------------------------------------------


def test_an_existing_file_stays_unless_overwrite_is_given(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"a\.wav exists.*--overwrite"):
        write(path, sung())
    assert path.read_bytes() == b"mine"
    write(path, sung(), overwrite=True)
    assert soundfile.info(path).frames == 5000 and os.listdir(tmp_path) == ["a.wav"]


def test_a_file_that_appears_meanwhile_stays(tmp_path):
    path = tmp_path / "a.wav"

    def write() -> None:
        with StemWriter(path, StemFormat(sample_rate=48000, channels=1, total_samples=10)) as writer:
            writer.write(np.zeros((1, 10), np.float32))
            path.write_bytes(b"mine")

    with pytest.raises(OutputError, match="exists"):
        write()
    assert path.read_bytes() == b"mine" and os.listdir(tmp_path) == ["a.wav"]


def failing_blocks(error):
    yield np.zeros((1, 10), np.float32)
    raise error


@pytest.mark.parametrize("error", [ValueError("render failed"), KeyboardInterrupt()])
def test_an_error_while_rendering_leaves_nothing(tmp_path, error):
    with pytest.raises(type(error)):
        write_stem(tmp_path / "a.wav", failing_blocks(error), sample_rate=48000, channels=1, total_samples=20)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (np.zeros((1, 19), np.float32), "19 of the announced 20"),
        (np.zeros((1, 21), np.float32), "more than the announced 20"),
        (np.where(np.arange(20) == 7, np.nan, 0)[None].astype(np.float32), "not a number at sample 7"),
        (np.where(np.arange(20) == 8, np.inf, 0)[None].astype(np.float32), "not a number at sample 8"),
    ],
)
def test_a_wrong_render_is_not_written(tmp_path, block, message):
    with pytest.raises(OutputError, match=message):
        write_stem(tmp_path / "a.wav", [block], sample_rate=48000, channels=1, total_samples=20)
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_noticed_before_writing(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(OutputError, match=r"disk is full: 1\d+ bytes needed, 1000 bytes free"):
        write(tmp_path / "a.wav", sung())
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_disk_that_fills_up_while_writing_leaves_nothing(tmp_path, monkeypatch, failing):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(OutputError, match="bytes needed"):
        write(tmp_path / "a.wav", sung())
    assert os.listdir(tmp_path) == []


def test_folders_are_made_and_impossible_ones_explained(tmp_path):
    write(tmp_path / "new" / "folder" / "a.wav", sung())
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot be written"):
        write(tmp_path / "file" / "a.wav", sung())
    with pytest.raises(OutputError, match="is a folder"):
        write(tmp_path / "new", sung())
    with pytest.raises(OutputError, match="cannot be written"):
        write(tmp_path / ("x" * 300 + ".wav"), sung())


@pytest.mark.parametrize(
    "options", [{"sample_rate": 0}, {"channels": 65}, {"subtype": "8"}, {"total_samples": -1}, {"time_reference_samples": -1}]
)
def test_impossible_formats_are_refused(tmp_path, options):
    with pytest.raises(OutputError, match="Valid:"):
        write(tmp_path / "a.wav", sung(), **options)


def test_blocks_must_have_the_announced_channels(tmp_path):
    with pytest.raises(ValueError, match=r"expected \[2, N\]"):
        write(tmp_path / "a.wav", sung(), channels=2)
    assert os.listdir(tmp_path) == []


# --- names -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "track", "name"),
    [
        ("Song", "Lead", "Song - Lead.wav"),
        ("Song", "", "Song.wav"),
        ("", "", "track-1.wav"),
        ("..", " /.. ", "_.wav"),
        ("../../etc/passwd", "", "_.._etc_passwd.wav"),
        ("a:b?c*d", 'e"f|g\\h<i>', "a_b_c_d - e_f_g_h_i_.wav"),
        ("a\x00b\nc\x7f", "", "a b c.wav"),
        ("CON", "", "_CON.wav"),
        ("com1.mid", "", "_com1.mid.wav"),
        ("console", "", "console.wav"),
        ("--help", "", "help.wav"),
        ("trailing. . ", "", "trailing.wav"),
        ("夜の歌", "主旋律", "夜の歌 - 主旋律.wav"),
        ("e\u0301te\u0301", "", "\u00e9t\u00e9.wav"),
        ("abc\u202egpj", "\ud800", "abcgpj.wav"),
    ],
)
def test_names_are_safe(title, track, name):
    assert safe_name(title, track) == name


@pytest.mark.parametrize("title", ["x" * 999, "歌" * 500, "e\u0332" * 500, "👩‍🎤" * 99])
def test_long_names_are_cut_between_characters(tmp_path, title):
    name = safe_name(title)
    assert len(name.encode()) <= MAX_NAME_BYTES and title.startswith(name.removesuffix(".wav")[:20])
    (tmp_path / name).write_bytes(b"")


def test_tracks_never_share_a_name():
    assert stem_names("", ["Lead", "lead", "", "Lead", "Lead-2"]) == [
        "Lead.wav",
        "lead-2.wav",
        "track-3.wav",
        "Lead-3.wav",
        "Lead-2-2.wav",
    ]


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_a_stem_whose_length_is_not_known_ends_where_the_writing_ends(tmp_path: Path, channels: int) -> None:
    path, samples = tmp_path / "open.wav", np.random.default_rng(0).uniform(-1, 1, (channels, 1_001)).astype(np.float32)
    open_ended = StemFormat(sample_rate=48_000, channels=channels, total_samples=0, subtype="32f")
    with StemWriter(path, open_ended, metadata=StemMetadata(title="Take", voice="Kathleen"), is_open_ended=True) as writer:
        for start in range(0, 1_001, 256):
            writer.write(samples[:, start : start + 256])
    assert writer.result.total_samples == 1_001
    info = read_stem_metadata(path)
    assert info.synthetic and info.total_samples == 1_001 and info.channels == channels
    assert info.metadata.title == "Take" and info.metadata.voice == "Kathleen"
    np.testing.assert_array_equal(soundfile.read(path, dtype="float32", always_2d=True)[0].T, samples)


def test_an_open_ended_header_is_as_long_whatever_the_length() -> None:
    def header(samples: int) -> bytes:
        stem = StemFormat(sample_rate=48_000, channels=2, total_samples=samples, subtype="32f")
        return build_header(stem, StemMetadata(), 0, is_open_ended=True)

    small, large = header(10), header(1 << 30)
    assert len(small) == len(large)
    assert small[:4] == b"RIFF" and small[12:16] == b"JUNK" and large[:4] == b"RF64" and large[12:16] == b"ds64"
