"""`vocalese play` as users type it: into a file it is the stems, with loop and start; without a device time passes as it does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.stems.riff import read_stem_metadata

ROOT = Path(__file__).parents[2]
TWO_PHRASES = [(1, 1, 57, "stay"), (2, 1, 60, "here"), (5, 1, 62, "my"), (6, 1, 57, "love")]
FADE_S = 0.005


@pytest.fixture
def stem(vocalese, tmp_path):
    """`stem(score, rate)`: samples of the one stem that `render` makes, as 32-bit floats."""

    def render(score: Path, rate: int) -> np.ndarray:
        answer = vocalese("render", score, "-o", tmp_path / f"stems {rate}", "--rate", rate, "--depth", "32f", "--json")
        return soundfile.read(answer.stems[0]["path"], dtype="float32")[0]

    return render


@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_a_file_is_the_stem_with_start_and_loop(vocalese, midi, stem, tmp_path, rate: int) -> None:
    score, path = midi("two", TWO_PHRASES), tmp_path / "heard.wav"
    played = vocalese("play", score, "-o", path, "--rate", rate, "--start", 0.4, "--loop", 1, 3, "--times", 2, "--json")
    assert played.code == 0, played.err
    answer = played.last_line
    assert (answer["tracks"], answer["phrases"], answer["rendered"], answer["missed_s"]) == (1, 2, 2, 0)
    heard, written_rate = soundfile.read(path, dtype="float32")
    song = stem(score, rate)
    assert written_rate == rate and len(heard) == round(2.6 * rate) + 2 * rate
    fade, turn = round(FADE_S * rate), round(2.6 * rate)
    for side in (0, 1):
        np.testing.assert_allclose(heard[fade:turn, side], song[round(0.4 * rate) :][fade:turn], atol=1e-4)
        np.testing.assert_allclose(heard[turn + fade :, side], song[rate : 3 * rate][fade:], atol=1e-4)


def test_a_file_says_that_its_voice_is_synthetic(vocalese, midi, tmp_path) -> None:
    path = tmp_path / "heard.wav"
    assert vocalese("play", midi("two", TWO_PHRASES), "-o", path, "--json").code == 0
    info = read_stem_metadata(path)
    assert info.synthetic and info.metadata.voice and info.metadata.version
    assert info.total_samples == soundfile.info(path).frames


def test_each_track_can_have_its_pair(vocalese, midi, stem, tmp_path, song) -> None:
    from dataclasses import replace

    from engine.score import write_score

    low = song([(beat, beats, pitch - 5, word) for beat, beats, pitch, word in TWO_PHRASES], name="low")
    high = song(TWO_PHRASES, name="high")
    score, path = tmp_path / "duet.mid", tmp_path / "duet.wav"
    write_score(replace(high, tracks=(*high.tracks, *low.tracks)), score)
    assert vocalese("play", score, "-o", path, "--pairs", "--json").last_line["tracks"] == 2
    heard = soundfile.read(path, dtype="float32")[0]
    assert heard.shape[1] == 4
    np.testing.assert_array_equal(heard[:, 0], heard[:, 1])
    assert not np.array_equal(heard[:, 0], heard[:, 2]) and np.abs(heard).max(axis=0).min() > 0.05


@pytest.mark.realtime
def test_without_a_device_it_plays_in_time_and_ends(vocalese, midi) -> None:
    played = vocalese("play", midi("short", TWO_PHRASES[:2]), "-o", "null", "--start", 1.0)
    assert played.code == 0 and "nothing missed" in played.out and "1 track(s) on null" in played.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("-o", "song.mp3"), "names of .wav files"),
        (("-o", "x.wav", "--loop"), "--times"),
        (("--times", 2), "--loop"),
        (("--loop", 3), "--loop with 1 numbers"),
        (("-o", "null", "--loop", 4, 2), "its end has to come after its start"),
        (("-o", "null", "--start", 99), "cannot be played from 99"),
        (("-o", "null", "--start", -1), "0 or more"),
        (("-o", "null", "--start", 3, "--follow", "jack"), "leave out --start"),
        (("--device", "no such device"), "device"),
    ],
)
def test_unplayable_input_is_reported(vocalese, midi, arguments, says: str) -> None:
    answer = vocalese("play", midi("short", TWO_PHRASES[:2]), *arguments)
    assert answer.code == 1 and says in answer.err


def test_texts_and_existing_files_are_refused(vocalese, midi, tmp_path) -> None:
    text, path = tmp_path / "words.txt", tmp_path / "mine.wav"
    text.write_text("hello")
    path.write_bytes(b"mine")
    assert "vocalese render" in vocalese("play", text, "-o", "null").err
    assert "exists" in vocalese("play", midi("short", TWO_PHRASES[:2]), "-o", path).err
    assert path.read_bytes() == b"mine"


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="this system has no process groups")
@pytest.mark.parametrize("after_s", [0.0, 0.5, 3.0])
@pytest.mark.slow
def test_ctrl_c_ends_it_whenever_it_comes(midi, after_s: float) -> None:
    """A terminal interrupts all processes at once: while the render process starts, and while the loop plays."""
    command = [sys.executable, "-m", "bridge.cli", "play", str(midi("short", TWO_PHRASES[:2])), "-o", "null", "--loop"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    ) as playing:
        assert playing.stdout is not None
        assert "1 track(s) on null" in playing.stdout.readline()
        time.sleep(after_s)
        os.killpg(playing.pid, signal.SIGINT)
        out, complaints = playing.communicate(timeout=60)
    assert playing.returncode == 0, complaints
    assert out.startswith("stopped at") and not complaints


_INTERRUPTED_START = """
import os, signal, sys, threading
from bridge.cli import main

def start(thread, really=threading.Thread.start):
    if thread.name == "sequencer":
        os.kill(os.getpid(), signal.SIGINT)
    really(thread)

threading.Thread.start = start
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself Ctrl-C there")
def test_ctrl_c_while_a_thread_starts(midi) -> None:
    """Between a thread's being known and its running: it cannot be waited for then."""
    command = [sys.executable, "-c", _INTERRUPTED_START, "play", str(midi("short", TWO_PHRASES[:2])), "-o", "null", "--loop"]
    played = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert played.returncode == 0 and "stopped at" in played.stdout and not played.stderr, played.stderr
