"""`vocalese serve` as a user starts it: it says what is open, sings what comes, and ends cleanly."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from bridge.cli import main
from bridge.cli.serve import ServeOptions
from bridge.client import VocaleseClient
from bridge.commands.serve import _Arrivals, server_options
from bridge.midi.router import MidiOptions, ProgramUse
from engine import LiveSettings, Overlap, Parameter, WhenEmpty
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
        ({"routes": ("0-1",) * 4}, "--route 0-1; valid are output channels from 1 to 64"),
        ({"routes": ("63-65",) * 4}, "--route 63-65; valid are output channels from 1 to 64"),
        ({"routes": ("1-\u00b2",) * 4}, "valid are output channels from 1 to 64"),
        ({"latency": "medium"}, "a latency of 'medium'"),
        ({"latency": float("nan")}, "a latency of nan"),
        ({"device": "\u00b2", "tracks": 65}, "valid is 1 to 64"),
        ({"channels": ("2=" + "9" * 5000,)}, "a track from 0 to 3"),
        ({"bindings": ("9" * 5000 + "=growl",)}, "valid is CONTROLLER=PARAMETER"),
        ({"voices": ("7=kathleen",)}, "valid is 0 to 3"),
        ({"mpe": "16"}, "--mpe 16; valid is 1 to 15 member channels. Try"),
        ({"mpe": "many"}, "--mpe many; valid is 1 to 15"),
        ({"learn": "growll"}, "--learn growll; valid is .*Did you mean --learn growl?"),
        ({"learn": "growl", "with_midi": False}, "--no-midi"),
        ({"bindings": ("20",)}, "--bind 20; valid is CONTROLLER=PARAMETER.*Try --bind 20=growl"),
        ({"bindings": ("128=growl",)}, "from 0 to 127"),
        ({"bindings": ("20=tensoin",)}, "--bind 20=tensoin; valid is .*Did you mean --bind 20=tension?"),
        ({"bindings": ("64=growl",)}, "such as 20 to 31"),
        ({"program": "bank"}, "--program bank; valid is voice, line, nothing"),
        ({"channels": ("17=0",)}, "--channel 17=0; valid is .*1 to 16.*Try"),
        ({"channels": ("2=4",)}, "a track from 0 to 3"),
        ({"channels": ("2",)}, "CHANNEL=TRACK"),
        ({"line_keys": "36,37"}, "PREVIOUS,AGAIN,NEXT"),
        ({"line_keys": "36,36,none"}, "three different MIDI keys"),
        ({"line_keys": "36,37,128"}, "from 0 to 127"),
        ({"overlaps": ("1=slur",)}, "--overlap slur; valid is legato, melisma. Try"),
        ({"fillers": ("mm",)}, "--filler mm; valid is la, hum. Try"),
    ],
)
def test_wrong_options_say_what_is_valid(wrong: dict, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        server_options(ServeOptions(**wrong))


def test_every_choice_about_midi_can_be_made() -> None:
    options = server_options(
        ServeOptions(
            tracks=2,
            output="null",
            mpe="5",
            learn="growl",
            bindings=("20=tension", "1=volume"),
            program="line",
            channels=("10=1", "2=none"),
            line_keys="36,none,38",
            overlaps=("melisma", "0=legato"),
            fillers=("1=hum",),
        )
    )
    assert options.learn is Parameter.GROWL
    assert options.midi == MidiOptions(
        tracks={0: 0, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 7, 8: 8, 9: 1, 10: 10, 11: 11, 12: 12, 13: 13, 14: 14, 15: 15},
        mpe=True,
        mpe_members=5,
        program=ProgramUse.LINE,
        bindings={20: Parameter.TENSION, 1: Parameter.VOLUME},
    )
    keys = {"previous_line_key": 36, "again_key": None, "next_line_key": 38}
    assert options.live == (
        LiveSettings(overlap=Overlap.LEGATO, when_empty=WhenEmpty.LA, **keys),
        LiveSettings(overlap=Overlap.MELISMA, when_empty=WhenEmpty.HUM, **keys),
    )
    nothing = server_options(ServeOptions(tracks=1, line_keys="none"))
    assert nothing.midi == MidiOptions() and nothing.live[0].line_steps == {}


def test_the_command_line_passes_them_on(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[ServeOptions] = []
    monkeypatch.setattr("bridge.commands.serve.run", lambda options: given.append(options) or 0)
    words = "--mpe --learn growl --bind 20=tension --bind 21=breath --program nothing --channel 2=0 --line-keys none"
    assert main(["serve", *words.split(), "--overlap", "melisma", "--filler", "0=hum"]) == 0
    assert main(["serve", "--mpe", "7"]) == 0
    assert given == [
        ServeOptions(
            mpe="15",
            learn="growl",
            bindings=("20=tension", "21=breath"),
            program="nothing",
            channels=("2=0",),
            line_keys="none",
            overlaps=("melisma",),
            fillers=("0=hum",),
        ),
        ServeOptions(mpe="7"),
    ]


def test_arrivals_are_shown_beside_what_is_played() -> None:
    """A terminal that shows nothing holds up nobody; what it could not show is counted, and clocks are counted anyway."""
    said: list[str] = []
    is_stuck = threading.Event()

    def say(text: str) -> None:
        assert is_stuck.wait(60)
        said.append(text)

    arrivals = _Arrivals(say)
    note, clock = mido.Message("note_on", note=60), mido.Message("clock")
    for _ in range(1_500):
        arrivals.midi(1.0, "keys", note, ())
    for _ in range(3):
        arrivals.midi(1.0, "keys", clock, ())
    is_stuck.set()
    arrivals.close()
    notes = [text for text in said if "note_on" in text]
    (left_out,) = re.findall(r"(\d+) messages came too fast", "\n".join(said))
    assert len(notes) + int(left_out) == 1_500 and 1_000 <= len(notes) <= 1_001
    assert [text.split() for text in said if "clock" in text] == [["MIDI", "3", "x", "clock"]]


def test_tracks_have_voices_languages_and_routes_of_their_own() -> None:
    options = server_options(
        ServeOptions(tracks=2, voices=("a", "1=b"), languages=("1=ja",), routes=("1-2", "3-4"), output="null", host="0.0.0.0")
    )
    assert options.voices == ("a", "b") and options.languages == ("", "ja")  # "": the voice's own
    assert options.audio.all_routes == ((0, 1), (2, 3))
    assert options.token is not None and len(options.token) >= 16
    assert server_options(ServeOptions()).token is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("serve", "--latency", "medium"), "'medium'; valid is low, high, or seconds"),
        (("serve", "--latency", "nan"), "valid is low, high, or seconds"),
        (("serve", "--latency", "-1"), "valid is low, high, or seconds"),
        (("serve", "--lead", "inf"), "not a finite number"),
        (("serve", "--port", "99999"), "valid is 0 to 65535"),
        (("send", "song.mid", "--port", "-1"), "valid is 0 to 65535"),
        (("doctor", "--port", "65536"), "valid is 0 to 65535"),
        (("follow", "reaper", "--listen", "99999"), "valid is 0 to 65535"),
        (("play", "song.mid", "--start", "nan"), "not a finite number"),
        (("play", "song.mid", "--loop", "0", "inf"), "not a finite number"),
    ],
)
def test_numbers_are_checked_when_arguments_are_parsed(vocalese, arguments, told) -> None:
    answer = vocalese(*arguments)
    assert answer.code == 2 and told in answer.err and "Traceback" not in answer.err


@pytest.mark.parametrize("written", ["\u00b2=kathleen", "9" * 5000 + "=kathleen"])
def test_what_is_no_track_number_is_part_of_the_value(written) -> None:
    assert server_options(ServeOptions(tracks=1, voices=(written,), output="null")).voices == (written,)


def test_a_latency_is_taken_as_a_word_or_in_seconds() -> None:
    from bridge.cli import build_parser

    parse = build_parser().parse_args
    assert parse(["serve"]).latency == "low" and parse(["serve", "--latency", "high"]).latency == "high"
    assert parse(["serve", "--latency", "0.02"]).latency == 0.02
    assert server_options(ServeOptions(latency=0.02, output="null")).audio.latency == 0.02
