"""The real thing: `vocalese serve` on a JACK server without hardware, played by OSC and by MIDI over JACK, and heard by a second client."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from jack_server import JackServer, require_jack
from live_stage import RATE, cents_off

from bridge.client import VocaleseClient

require_jack()

ROOT = Path(__file__).parents[3]
BLOCK, WAIT_S = 256, 90.0


def wait_until(true: Callable[[], object], what: str) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline_s, f"no {what} within {WAIT_S:g} s"
        time.sleep(0.02)


class Hall:
    """A second JACK client: hears two channels, and plays MIDI."""

    def __init__(self, server: JackServer) -> None:
        self.client = server.client("hall")
        self._ears = [self.client.inports.register(f"in_{channel}") for channel in range(2)]
        self._keys = self.client.midi_outports.register("keys")
        self._blocks: list[np.ndarray] = []
        self._to_play: list[bytes] = []
        self.client.set_process_callback(self._process)
        self.client.activate()

    def listen(self) -> None:
        """To the first two channels of the server under test, by whatever name PortAudio gave it."""
        wait_until(lambda: len(self._ports(is_audio=True, is_output=True)) >= 2, "audio ports")
        theirs = self._ports(is_audio=True, is_output=True)
        for source, ear in zip(theirs, self._ears, strict=False):
            self.client.connect(source, ear)

    def join_keys(self) -> bool:
        """Return whether there is a MIDI port of Vocalese, and connect it to the keys."""
        ports = [port for port in self._ports(is_midi=True, is_input=True) if "ocalese" in port.name]
        if ports:
            self.client.connect(self._keys, ports[0])
            connected_at = len(self._blocks)  # JACK takes a connection into its graph at the start of a later period
            wait_until(lambda: len(self._blocks) >= connected_at + 3, "periods after the connection")
        return bool(ports)

    def play(self, *message: int) -> None:
        self._to_play.append(bytes(message))

    def heard(self) -> np.ndarray:
        """`[N, 2]` so far."""
        return np.concatenate(list(self._blocks)) if self._blocks else np.zeros((0, 2), np.float32)

    def close(self) -> None:
        self.client.deactivate()
        self.client.close()

    def _ports(self, **kind: bool) -> list:
        return [port for port in self.client.get_ports(**kind) if not port.name.startswith(("system:", "hall:"))]

    def _process(self, _frames: int) -> None:
        self._keys.clear_buffer()
        while self._to_play:
            self._keys.write_midi_event(0, self._to_play.pop(0))
        self._blocks.append(np.stack([ear.get_array() for ear in self._ears], axis=1))


@contextmanager
def staged(patch: pytest.MonkeyPatch, folder: Path, *options: str) -> Iterator[tuple[Hall, int, Callable[[], str]]]:
    """The hall, the OSC port of a running `vocalese serve`, and what that has printed so far."""
    server = JackServer(BLOCK, rate=RATE, realtime=True)
    server.make_default(patch)
    server.start()
    hall = Hall(server)
    command = [sys.executable, "-m", "bridge.cli", "serve", "--device", "jack", "--block", str(BLOCK), "--port", "0"]
    command += ["--tracks", "2", "--route", "1-1", "--route", "2-2", "--takes", str(folder), *options]
    log = folder / "printed.txt"
    with log.open("wb") as out:
        serving = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT, env=dict(os.environ))
    try:
        wait_until(lambda: serving.poll() is not None or "Ctrl-C" in log.read_text(), "running server")
        found = re.search(r"OSC +127\.0\.0\.1:(\d+)", log.read_text())
        assert found and serving.poll() is None, log.read_text()
        hall.listen()
        yield hall, int(found[1]), log.read_text
    finally:
        serving.send_signal(signal.SIGINT)
        serving.wait(WAIT_S)
        hall.close()
        server.stop()


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[Hall, int]]:
    """The hall, and the OSC port of a running `vocalese serve`."""
    with staged(monkeypatch, tmp_path) as (hall, port, _):
        yield hall, port


def is_at(sound: np.ndarray, pitch: float) -> bool:
    """Return whether the end of a sound is at a MIDI pitch, within 10 cents: five pieces of 50 ms in which nothing is missing, as it is now and
    then on a busy machine."""
    pieces = np.split(sound, range(0, len(sound), RATE // 20))[1:-1]
    whole = [piece for piece in pieces if np.abs(piece).max() > 0.02 and np.count_nonzero(piece == 0.0) < 3]
    return len(whole) >= 5 and abs(float(np.median([cents_off(piece, pitch) for piece in whole[-5:]]))) < 10.0


def test_osc_and_midi_are_heard_at_the_pitch_that_is_played_and_bent(stage: tuple[Hall, int]) -> None:
    hall, port = stage
    with VocaleseClient(port=port, timeout_s=5.0) as client:
        for track in (0, 1):
            client.param("vibrato_depth_cents", 0.0, track=track)
            client.param("drift_cents", 0.0, track=track)
        client.note_on(1, 57.0)
        wait_until(lambda: is_at(hall.heard()[-2 * RATE :, 0], 57.0), "sound of an OSC note at its pitch")
        client.bend(1, 0.75)
        wait_until(lambda: is_at(hall.heard()[-2 * RATE :, 0], 57.75), "sound of its bend")
        client.note_off(1)
        wait_until(lambda: not hall.heard()[-RATE // 4 :].any(), "silence after it")
        assert not hall.heard()[:, 1].any(), "and nothing on the other track"

        wait_until(hall.join_keys, "MIDI port named Vocalese")
        hall.play(0x91, 60, 100)
        wait_until(lambda: is_at(hall.heard()[-2 * RATE :, 1], 60.0), "sound of a MIDI note at its pitch")
        hall.play(0xE1, 0, 96)  # half the range up: one semitone
        wait_until(lambda: is_at(hall.heard()[-2 * RATE :, 1], 61.0), "sound of its bend")
        hall.play(0x81, 60, 0)
        wait_until(lambda: not hall.heard()[-RATE // 4 :].any(), "silence after both")
        sys.stdout.write(f"{client.status().underruns} underruns\n")


def test_controllers_are_learned_and_shown_from_the_command_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    options = ("--monitor", "--learn", "growl", "--bind", "21=tension", "--channel", "3=1")
    with staged(monkeypatch, tmp_path, *options) as (hall, _, printed):
        assert "next MIDI controller that is moved will move growl" in printed()
        wait_until(hall.join_keys, "MIDI port named Vocalese")
        hall.play(0xB2, 30, 127)
        wait_until(lambda: "Controller 30 now moves growl." in printed(), "word that it was learned")
        hall.play(0xB2, 21, 0)
        hall.play(0x92, 60, 100)
        wait_until(lambda: np.abs(hall.heard()[:, 1]).max(initial=0.0) > 0.02, "sound on the track of the channel")
        hall.play(0xB2, 120, 0)
        for words in (
            r"MIDI +\S*.*control_change channel=2 control=30 value=127 .*track 1: Expression parameter growl value 1",
            r"control=21 value=0 .*track 1: Expression parameter tension value -1",
            r"note_on channel=2 note=60 velocity=100 .*track 1: NoteOn .*pitch 60",
        ):
            wait_until(lambda words=words: re.search(words, printed()), words)
