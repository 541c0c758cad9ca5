"""Reference clips: what is read, what is refused, which defects are named."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from engine.errors import VoiceError
from engine.voices.gpt_sovits import media
from engine.voices.gpt_sovits.reference_clip import read_reference_clip

RATE = 32_000
Samples = NDArray[np.float64]


def speech(seconds: float = 5.0) -> Samples:
    """Something like speech: syllables of a gliding, harmonic voice with short silences between."""
    time = np.arange(int(seconds * RATE)) / RATE
    f0 = 130 + 30 * np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    wave = sum(np.sin(phase * k + k) / k for k in range(1, 25))
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * time), 0, None) ** 0.7
    return np.asarray(0.12 * wave * syllables * (1 + 0.5 * np.sin(2 * np.pi * 0.4 * time)))


def noise(seconds: float = 5.0) -> Samples:
    return np.random.default_rng(1).normal(0, 0.1, int(seconds * RATE))


def silence_around(samples: Samples, seconds: float) -> Samples:
    padding = np.zeros(int((seconds * RATE - len(samples)) / 2))
    return np.concatenate([padding, samples, padding])


def written(folder: Path, samples: Samples, name: str = "clip.wav") -> Path:
    soundfile.write(folder / name, samples, RATE, subtype="FLOAT" if name.endswith("wav") else None)
    return folder / name


def test_a_good_clip_has_no_notices(tmp_path: Path) -> None:
    clip = read_reference_clip(written(tmp_path, speech()))
    assert clip.notices == ()
    assert clip.rate == RATE and clip.samples.shape == (5 * RATE,)


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (noise(), "only noise"),
        (0.1 * np.sin(2 * np.pi * 50 * np.arange(5 * RATE) / RATE), "steady sound"),
        (np.clip(8 * speech(), -0.5, 0.5), "clipped"),
        (0.004 * speech(), "very quiet"),
        (silence_around(speech(1.5), 8), "mostly silence"),
        (speech() + 0.3 * noise(), "noise or music"),
    ],
    ids=["noise", "hum", "clipped", "quiet", "silence", "noisy"],
)
def test_defects_are_named(tmp_path: Path, samples: Samples, said: str) -> None:
    notices = read_reference_clip(written(tmp_path, samples)).notices
    assert any(said in notice for notice in notices), notices


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_channels_that_cancel_give_one_of_them(tmp_path: Path, scale: float) -> None:
    clip = read_reference_clip(written(tmp_path, np.stack([speech(), -scale * speech()], axis=1)))
    assert len(clip.notices) == 1 and "opposite in phase" in clip.notices[0]
    np.testing.assert_allclose(clip.samples, speech(), atol=1e-6)


def test_an_empty_channel_is_left_out(tmp_path: Path) -> None:
    clip = read_reference_clip(written(tmp_path, np.stack([np.zeros(5 * RATE), speech()], axis=1)))
    assert "right channel" in clip.notices[0]
    np.testing.assert_allclose(clip.samples, speech(), atol=1e-6)


@pytest.mark.parametrize(
    ("seconds", "length"),
    [
        (2.95, "2.95 s"),
        (2.999, "2.999 s"),
        (1.0, "1.0 s"),
        (10.04, "10.04 s"),
        (15.0, "15.0 s"),
        (3 - 1 / RATE, "a hair less than 3 s"),
    ],
)
def test_lengths_at_the_limits_are_distinguished(tmp_path: Path, seconds: float, length: str) -> None:
    with pytest.raises(VoiceError) as caught:
        read_reference_clip(written(tmp_path, speech(seconds)))
    assert f"is {length} long; it must have 3 to 10 s." in str(caught.value)
    assert "passage" in str(caught.value)


@pytest.mark.parametrize("seconds", [3.0, 10.0])
def test_clips_at_the_limits_are_accepted(tmp_path: Path, seconds: float) -> None:
    assert read_reference_clip(written(tmp_path, speech(seconds))).rate == RATE


def test_silence_and_values_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="silent"):
        read_reference_clip(written(tmp_path, np.zeros(4 * RATE)))
    broken = speech()
    broken[100] = np.nan
    with pytest.raises(VoiceError, match="not numbers"):
        read_reference_clip(written(tmp_path, broken))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("hello.wav", b"hello"),
        ("empty.wav", b""),
        ("random.m4a", bytes(range(256)) * 64),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:4,\nclip.wav\n#EXT-X-ENDLIST\n"),
        ("list.wav", b"ffconcat version 1.0\nfile clip.wav\n"),
    ],
)
def test_other_files_are_rejected_with_advice(tmp_path: Path, name: str, content: bytes) -> None:
    written(tmp_path, speech())  # what the playlists name
    (tmp_path / name).write_bytes(content)
    with pytest.raises(VoiceError, match="cannot be read as a recording.*ffmpeg -i"):
        read_reference_clip(tmp_path / name)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="no file"):
        read_reference_clip(tmp_path / "none.wav")
    with pytest.raises(VoiceError, match="folder"):
        read_reference_clip(tmp_path)


@pytest.fixture(params=["mp4", "webm", "wav", "flac"])
def recording(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A clip as telephones and browsers record it, under its own name or a wrong one."""
    av = pytest.importorskip("av")
    path = tmp_path / f"memo.{request.param}"
    container, codec, rate = ("webm", "libopus", 48_000) if request.param == "webm" else ("mp4", "aac", RATE)
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(speech(4.0).astype(np.float32)[None, :], format="fltp", layout="mono")
        frame.sample_rate = RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            output.mux(packet)
    return path


def test_compressed_recordings_are_read(recording: Path) -> None:
    clip = read_reference_clip(recording)
    assert abs(len(clip.samples) / clip.rate - 4.0) < 0.1
    assert clip.notices == ()
    assert 0.5 < np.std(clip.samples) / np.std(speech(4.0)) < 1.5


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the program ffmpeg")
def test_the_program_ffmpeg_serves_where_the_package_is_missing(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child.py"
    child.write_text("""print('{"error": "av"}')""", encoding="utf-8")
    monkeypatch.setattr(media, "_CHILD", child)
    clip = read_reference_clip(recording)
    assert clip.rate == 48_000 and abs(len(clip.samples) / clip.rate - 4.0) < 0.1


def test_without_any_decoder_the_message_says_what_to_do(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child.py"
    child.write_text("""print('{"error": "av"}')""", encoding="utf-8")
    monkeypatch.setattr(media, "_CHILD", child)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(VoiceError, match="ffmpeg -i memo.*pip install 'vocalese"):
        read_reference_clip(recording)


def test_a_decoder_that_hangs_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = tmp_path / "child.py"
    child.write_text("import time\ntime.sleep(600)", encoding="utf-8")
    monkeypatch.setattr(media, "_CHILD", child)
    monkeypatch.setattr(media, "TIMEOUT_S", 0.5)
    (tmp_path / "clip.m4a").write_bytes(b"x")
    with pytest.raises(VoiceError, match="more than 0.5 s to decode"):
        read_reference_clip(tmp_path / "clip.m4a")


@pytest.mark.parametrize("body", ["", "print('no json')", "print('{}')", "import os; os.abort()", "print('[1]')"])
def test_a_crashed_decoder_raises_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    child = tmp_path / "child.py"
    child.write_text(body, encoding="utf-8")
    monkeypatch.setattr(media, "_CHILD", child)
    (tmp_path / "clip.m4a").write_bytes(b"x")
    with pytest.raises(VoiceError, match="ended without a result"):
        read_reference_clip(tmp_path / "clip.m4a")


@pytest.mark.skipif(sys.platform == "win32", reason="memory is limited where there is the module resource")
def test_the_child_has_a_bound_to_its_memory(tmp_path: Path) -> None:
    code = "import media_child; media_child.limit_memory(512); bytearray(1 << 30)"
    folder = Path(media.__file__).parent
    (tmp_path / "media_child.py").write_text((folder / "media_child.py").read_text(encoding="utf-8"), encoding="utf-8")
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "MemoryError" in ran.stderr


@pytest.mark.shared_data
def test_cases(shared_data: Path) -> None:
    cases = shared_data.parent / "field" / "gpt-sovits"
    if not cases.is_dir():
        pytest.skip("the cases are not there")
    assert read_reference_clip(cases / "08_voice_memo.m4a").notices == ()
    with pytest.raises(VoiceError, match="2.95 s long"):
        read_reference_clip(cases / "10_2s95.flac")
