"""`vocalese serve` as a user starts it: it says what is open, sings what comes, and ends cleanly."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.client import VocaleseClient
from bridge.commands.serve import ServeOptions, server_options
from engine.errors import SettingsError

ROOT = Path(__file__).parents[2]


def test_it_sings_what_is_sent_and_ends_at_ctrl_c(tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    command = [sys.executable, "-m", "bridge.cli", "serve", "--output", str(heard), "--port", "0", "--no-midi", "--tracks", "2"]
    command += ["--lyrics", "stay with me", "--route", "1-1", "--route", "2-2", "--monitor"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None and process.stderr is not None
        opened: list[str] = []
        while not (opened and opened[-1].startswith("Ctrl-C")):
            opened.append(process.stdout.readline())
            assert opened[-1], process.stderr.read()
        (port,) = re.findall(r"OSC +127\.0\.0\.1:(\d+)", "".join(opened))
        with VocaleseClient(port=int(port), timeout_s=5.0) as client:
            client.note(57.0, duration_s=0.3, track=1)
            while client.status().clock_s < 0.5:
                time.sleep(0.1)
            time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "/vocalese/note" in rest and rest.endswith("Stopped.\n")
    sound, rate = soundfile.read(heard)
    assert rate == 48_000 and np.abs(sound[:, 1]).max() > 0.05
    assert not sound[:, 0].any()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"tracks": 65}, "valid is 1 to 64"),
        ({"lead_ms": 0.1}, "valid is 0.5 to 100"),
        ({"routes": ("1-2",)}, "4 tracks"),
        ({"routes": ("a",) * 4}, "output channels"),
        ({"voices": ("7=kathleen",)}, "valid is 0 to 3"),
    ],
)
def test_wrong_options_say_what_is_valid(wrong: dict, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        server_options(ServeOptions(**wrong))


def test_tracks_have_voices_languages_and_routes_of_their_own() -> None:
    options = server_options(
        ServeOptions(tracks=2, voices=("a", "1=b"), languages=("1=ja",), routes=("1-2", "3-4"), output="null", host="0.0.0.0")
    )
    assert options.voices == ("a", "b") and options.languages == ("en", "ja")
    assert options.audio.all_routes == ((0, 1), (2, 3))
    assert options.token is not None and len(options.token) >= 16
    assert server_options(ServeOptions()).token is None
