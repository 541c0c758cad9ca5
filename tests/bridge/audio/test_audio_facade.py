"""The audio process as its users see it: started, fed from other processes, killed, and cleaned up after."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.audio.engine import AudioConfig, AudioEngine, AudioEvent
from engine.errors import DeviceError, OutputError, SettingsError

ROOT = Path(__file__).parents[3]
MANUAL = AudioConfig(output="null", clock="manual", tracks=2)


def wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def shared_memory_left() -> set[str]:
    folder = Path("/dev/shm")
    return {path.name for path in folder.glob("vocalese-????????????????")} if folder.is_dir() else set()


def test_the_audio_process_never_imports_torch_or_the_engine_s_rooms() -> None:
    with AudioEngine.start(MANUAL) as audio:
        assert audio.process_id != os.getpid()
        assert not {"torch", "librosa", "scipy", "numba"} & set(audio.loaded_modules)
        assert "numpy" in audio.loaded_modules


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_a_file_holds_what_was_placed_and_pushed(tmp_path: Path, noise: Callable[..., np.ndarray], rate: int) -> None:
    path = tmp_path / "song.wav"
    config = AudioConfig(output="file", path=path, clock="manual", sample_rate=rate, tracks=2, routes=((0, 1), (2, 3)))
    song = noise(400_000)
    with AudioEngine.start(config) as audio:
        audio.place(0, 12_345, song)
        audio.push_live(1, noise(10_000, seed=1))
        audio.rest_live(1)
        audio.play(song_sample=0)
        audio.advance(500_000)
        assert audio.telemetry().tracks[0].placed_missing_samples == 0
        assert not path.exists(), "whole or not at all"
    heard, written_rate = soundfile.read(path, dtype="float32")
    assert (heard.shape, written_rate) == ((500_000, 4), rate)
    np.testing.assert_array_equal(heard[12_345 : 12_345 + len(song), 0], song)
    np.testing.assert_array_equal(heard[:10_000, 2], noise(10_000, seed=1))
    assert not heard[:12_345, :2].any() and not heard[10_000:, 2:].any()


@pytest.mark.slow
def test_random_tempo_changes_put_every_phrase_on_its_sample(tmp_path: Path, noise: Callable[..., np.ndarray]) -> None:
    """200 times the session lays the rest of the song anew, as after a change of tempo, while it plays."""
    rng = np.random.default_rng(5)
    phrase = noise(3_000)
    path = tmp_path / "song.wav"
    expected = np.zeros(200 * 8_000, np.float32)
    with AudioEngine.start(AudioConfig(output="file", path=path, clock="manual")) as audio:
        audio.play(song_sample=0)
        for change in range(200):
            now = 8_000 * change
            audio.placed(0).clear(now, len(expected))
            expected[now:] = 0
            for start in range(now + int(rng.integers(100, 3_000)), min(now + 40_000, len(expected) - 3_000), 5_000):
                audio.place(0, start, phrase)
                expected[start : start + 3_000] = phrase
            audio.advance(8_000)
    heard = soundfile.read(path, dtype="float32")[0][:, 0]
    fades = np.zeros(len(expected), bool)
    for change in range(200):  # where the song was replaced under the playhead, 5 ms are a cross-fade
        fades[8_000 * change : 8_000 * change + 240] = True
    np.testing.assert_array_equal(heard[~fades], expected[~fades])


def test_an_existing_file_is_refused_without_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists"):
        AudioEngine.start(AudioConfig(output="file", path=path))
    with pytest.raises(OutputError, match="cannot be written"):
        AudioEngine.start(AudioConfig(output="file", path=tmp_path / "nowhere" / "song.wav"))
    assert path.read_bytes() == b"mine"
    with AudioEngine.start(AudioConfig(output="file", path=path, clock="manual", overwrite=True)) as audio:
        audio.advance(100)
    assert soundfile.info(path).frames == 100
    assert list(tmp_path.iterdir()) == [path]


def test_time_passes_by_itself_without_a_device(noise: Callable[..., np.ndarray]) -> None:
    with AudioEngine.start(AudioConfig(output="null")) as audio:
        audio.place(0, 0, noise(1_000))
        audio.play(song_sample=0)
        wait_until(lambda: audio.telemetry().transport.song_sample > 5_000)
        before = audio.telemetry().clock
        wait_until(lambda: audio.telemetry().clock.device_sample > before.device_sample + 4_800)
        later = audio.telemetry().clock
        assert abs(before.device_sample_at(later.block_ns) - later.device_sample) < 4_800
        with pytest.raises(DeviceError, match="manual clock"):
            audio.advance(100)


def test_a_killed_audio_process_restarts_at_its_position(noise: Callable[..., np.ndarray]) -> None:
    events: list[AudioEvent] = []
    with AudioEngine.start(AudioConfig(output="null"), events.append) as audio:
        audio.place(0, 0, noise(1_000_000))
        audio.gain(0, 0.5)
        audio.play(song_sample=0)
        wait_until(lambda: audio.telemetry().transport.song_sample > 10_000)
        os.kill(audio.process_id, signal.SIGKILL)
        wait_until(lambda: len(events) == 2)
        stood = audio.telemetry().transport.song_sample
        wait_until(lambda: audio.telemetry().transport.song_sample > stood + 48_000 // 2)
        assert audio.is_alive
        assert audio.telemetry().tracks[0].placed_missing_samples < 48_000 // 2
        assert audio.telemetry().output_peak_db[0] < audio.telemetry().tracks[0].peak_db - 5
    assert [event.kind for event in events] == ["notice", "notice"]


def test_an_audio_process_that_keeps_dying_is_given_up() -> None:
    events: list[AudioEvent] = []
    with AudioEngine.start(AudioConfig(output="null"), events.append) as audio:
        for death in range(4):
            wait_until(lambda: len(events) >= 2 * death and audio.is_alive)  # noqa: B023
            os.kill(audio.process_id, signal.SIGKILL)
        wait_until(lambda: events[-1].kind == "ended")
    assert len(events) == 7


def test_shared_memory_is_removed_however_it_ends() -> None:
    """No shared memory, no process, no complaint of the resource tracker: closed, forgotten, interrupted, in the middle of an error."""
    before = shared_memory_left()
    start = "from bridge.audio.engine import *\naudio = AudioEngine.start(AudioConfig(output='null'))\nprint(audio.process_id, flush=True)\n"
    endings = {
        "close": "audio.close()",
        "forget": "audio.place(0, 0, __import__('numpy').zeros(9, 'f4'))",
        "error": "1 / 0",
        "exit": "raise SystemExit",
        "interrupt": "import os, signal; os.kill(os.getpid(), signal.SIGINT)",
        "guest": (
            "import subprocess, sys\n"
            "from dataclasses import asdict\n"
            "code = f'from bridge.audio.memory import *; AudioMemory.attach(AudioAddress(**{asdict(audio.address)})).close()'\n"
            "subprocess.run([sys.executable, '-c', code], check=True)\n"
            "audio.push_live(0, __import__('numpy').zeros(9, 'f4'))\n"
        ),
    }
    running = {
        name: subprocess.Popen(
            [sys.executable, "-W", "error", "-c", start + ending],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for name, ending in endings.items()
    }
    for name, process in running.items():
        out, complaints = process.communicate(timeout=60)
        assert "leaked" not in complaints and "resource_tracker" not in complaints, (name, complaints)
        assert "Exception ignored" not in complaints, (name, complaints)
        with pytest.raises(ProcessLookupError):
            os.kill(int(out), 0)
    assert shared_memory_left() <= before


def test_when_the_parent_is_killed_the_audio_process_goes_too() -> None:
    code = "from bridge.audio.engine import *; a = AudioEngine.start(AudioConfig(output='null')); print(a.process_id, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()

    def gone() -> bool:
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return True
        return b"State:\tZ" in Path(f"/proc/{child}/status").read_bytes()

    wait_until(gone)


def test_a_closed_engine_raises_device_error() -> None:
    audio = AudioEngine.start(MANUAL)
    audio.push_live(0, np.zeros(10, np.float32))
    audio.close()
    audio.close()
    for call in (audio.telemetry, audio.stop, lambda: audio.push_live(0, np.zeros(10)), lambda: audio.place(0, 0, np.zeros(1))):
        with pytest.raises(DeviceError, match="closed"):
            call()


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"output": "radio"}, "radio"),
        ({"output": "file"}, "path"),
        ({"output": "null", "path": Path("x.wav")}, "path"),
        ({"sample_rate": 100}, "100 Hz"),
        ({"block_frames": 9_000}, "9000"),
        ({"tracks": 2, "routes": ((0, 1),)}, "1 routes for 2 tracks"),
        ({"routes": ((-1,),)}, "0 to 63"),
        ({"output": "null", "clock": "sundial"}, "sundial"),
        ({"output": "null", "tracks": 65}, "65 tracks"),
    ],
)
def test_settings_are_checked(wrong: dict, what: str) -> None:
    with pytest.raises(SettingsError, match=what):
        AudioEngine.start(AudioConfig(**wrong)).close()


def test_tracks_and_gains_are_checked() -> None:
    with AudioEngine.start(MANUAL) as audio:
        with pytest.raises(SettingsError, match="track 2"):
            audio.push_live(2, np.zeros(1, np.float32))
        with pytest.raises(SettingsError, match="gain 5"):
            audio.gain(0, 5)
        with pytest.raises(ValueError, match="0 or more"):
            audio.locate(-1)
