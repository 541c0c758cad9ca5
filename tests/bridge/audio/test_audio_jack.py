"""The real thing: a JACK server without hardware, our audio process playing on it through PortAudio, and a second client recording.

The server runs in its synchronous mode, where a client that is late delays the period instead of losing it: what is heard is then
the same on a busy machine, and can be compared sample by sample. Underruns are printed, not asserted.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from audio_bench import largest_step
from jack_server import JackServer, require_jack

from bridge.audio.engine import AudioConfig, AudioEngine, AudioEvent
from engine.errors import DeviceError

require_jack()

ROOT = Path(__file__).parents[3]
RATE = 48_000
WAIT_S = 20.0


class Recorder:
    """A JACK client that records what the audio process gives out, `[N, C]`, from `connect` on."""

    def __init__(self, server: JackServer, channels: int) -> None:
        self.client = server.client("recorder")
        self.blocks: list[np.ndarray] = []
        self.xruns = 0
        self.ports = [self.client.inports.register(f"in_{channel}") for channel in range(channels)]
        self.client.set_process_callback(self._process)
        self.client.set_xrun_callback(self._count)
        self.client.activate()

    def connect(self) -> None:
        """Listen to the ports of PortAudio's client."""

        def theirs() -> list:
            ports = self.client.get_ports(is_audio=True, is_output=True)
            return [port for port in ports if not port.name.startswith(("system:", "recorder:"))]

        wait_until(lambda: len(theirs()) >= len(self.ports), "ports of the audio process")
        for source, port in zip(theirs(), self.ports, strict=False):
            self.client.connect(source, port)
        already = len(self.blocks)
        wait_until(lambda: len(self.blocks) > already + 20, "blocks through the new connections")

    def heard(self) -> np.ndarray:
        blocks = list(self.blocks)
        return np.concatenate(blocks) if blocks else np.zeros((0, len(self.ports)), np.float32)

    def close(self) -> None:
        self.client.deactivate()
        self.client.close()

    def _process(self, _frames: int) -> None:
        self.blocks.append(np.stack([port.get_array() for port in self.ports], axis=1))

    def _count(self, _delay: float) -> None:
        self.xruns += 1


def wait_until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, f"no {what} within {WAIT_S:g} s"
        time.sleep(0.01)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., JackServer]]:
    """`server(block)`: a running server that clients of this test find by default."""
    running: list[JackServer] = []

    def make(block: int) -> JackServer:
        running.append(JackServer(block, rate=RATE, outputs=4))
        running[-1].make_default(monkeypatch)
        running[-1].start()
        running[-1].client("probe").close()
        return running[-1]

    yield make
    for each in running:
        each.stop()


def marked_noise(samples: int, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(samples) * 0.1).astype(np.float32)


@pytest.mark.parametrize("block", [64, 128, 256])
def test_what_is_heard_is_what_was_asked(server: Callable[..., JackServer], block: int) -> None:
    """Track 0 placed, on outputs 0-1; track 1 live, on 2-3. Both lie where they were asked for, relative to the device's counter."""
    recorder = Recorder(server(block), 4)
    placed, live = marked_noise(40_000, 1), marked_noise(30_000, 2)
    with AudioEngine.start(AudioConfig(device="jack", tracks=2, routes=((0, 1), (2, 3)))) as audio:
        recorder.connect()
        assert audio.sample_rate == RATE
        begin = audio.telemetry().transport.device_sample + RATE // 4
        audio.place(0, 5_000, placed)
        audio.play(song_sample=0, at=begin)
        audio.push_live(1, live)
        origin = None
        while origin is None:
            origin = audio.telemetry().tracks[1].live_origin
        audio.rest_live(1)
        wait_until(lambda: audio.telemetry().transport.device_sample > begin + 60_000, "progress of the device")
        telemetry = audio.telemetry()
    sys.stdout.write(
        f"block {block}: {telemetry.device_underruns} underruns, {recorder.xruns} xruns, load {telemetry.callback_load:.1%}\n"
    )
    heard = recorder.heard()
    recorder.close()
    first = int(np.flatnonzero(heard[:, 0])[0])
    zero = first - (begin + 5_000)  # where device sample 0 would be in the recording: one constant for everything
    np.testing.assert_array_equal(heard[first : first + len(placed), 0], placed)
    np.testing.assert_array_equal(heard[zero + origin :][: len(live), 2], live)
    np.testing.assert_array_equal(heard[:, 0], heard[:, 1])
    assert np.count_nonzero(heard[:, 0]) == np.count_nonzero(placed), "and nothing else"
    assert np.count_nonzero(heard[:, 3]) == np.count_nonzero(live)
    assert [track.live_underruns + track.placed_missing_samples for track in telemetry.tracks] == [0, 0]
    assert telemetry.clock.block_frames == block


PRODUCER = """
import json, sys, time
import numpy as np
from bridge.audio.live_ring import LiveWriter
from bridge.audio.memory import AudioAddress, AudioMemory
from bridge.audio.song_source import PlacedWriter
memory = AudioMemory.attach(AudioAddress(**json.loads(sys.argv[1])))
live, placed, at = LiveWriter(memory, 0), PlacedWriter(memory, 1), 0
tone = lambda start, count: (0.3 * np.sin(2 * np.pi * 200 / 48000 * (start + np.arange(count)))).astype(np.float32)
placed.place(0, tone(0, 480000))
while True:
    placed.feed()
    while live.waiting_samples < 4800:
        live.push(tone(at, 480))
        at += 480
    print(at, flush=True)
    time.sleep(0.01)
"""


def test_the_audio_process_survives_a_killed_writer(server: Callable[..., JackServer]) -> None:
    recorder = Recorder(server(128), 4)
    with AudioEngine.start(AudioConfig(device="jack", tracks=2, routes=((0, 1), (2, 3)))) as audio:
        recorder.connect()
        address = json.dumps(asdict(audio.address))
        producer = subprocess.Popen([sys.executable, "-c", PRODUCER, address], stdout=subprocess.PIPE, cwd=ROOT)
        assert producer.stdout is not None and producer.stdout.readline()
        audio.play(song_sample=0)
        wait_until(lambda: audio.telemetry().tracks[0].live_played_samples > RATE // 4, "live audio")
        producer.send_signal(signal.SIGKILL)
        producer.wait()
        producer.stdout.close()
        wait_until(lambda: audio.telemetry().tracks[0].live_underruns == 1, "underrun")
        wait_until(lambda: audio.telemetry().tracks[0].live_missed_samples > RATE // 10, "missed samples")
        assert audio.is_alive
        played = audio.telemetry().tracks[0].live_played_samples
        heard = recorder.heard()[:, 0]
        begin = int(np.flatnonzero(heard)[0])
        ended = begin + played
        assert not heard[ended + RATE * 20 // 1000 :].any(), "silent 20 ms after the last sample there was"
        assert largest_step(heard) < 1.3 * 0.3 * 2 * np.pi * 200 / RATE, "no click"
        audio.push_live(0, marked_noise(2_000, 3))
        audio.rest_live(0)
        wait_until(lambda: audio.telemetry().tracks[0].live_played_samples == played + 2_000, "audio of the heir")
    recorder.close()


def test_the_device_goes_and_comes_back(server: Callable[..., JackServer]) -> None:
    events: list[AudioEvent] = []
    jackd = server(256)
    with AudioEngine.start(AudioConfig(device="jack"), events.append) as audio:
        audio.place(0, 0, marked_noise(10 * RATE, 4))
        audio.play(song_sample=0)
        wait_until(lambda: audio.telemetry().transport.song_sample > 0, "playing")
        jackd.stop()
        wait_until(lambda: events, "notice that the device is gone")
        stood = audio.telemetry().transport.song_sample
        time.sleep(0.3)
        assert audio.telemetry().transport.song_sample == stood, "the song waits"
        assert not audio.telemetry().device_open
        jackd.start()
        wait_until(lambda: len(events) == 2, "notice that the device is back")
        wait_until(lambda: audio.telemetry().transport.song_sample > stood + RATE // 10, "playing again")
        assert audio.telemetry().device_open
    assert [event.kind for event in events] == ["notice", "notice"]
    assert "is gone" in events[0].text and "plays again" in events[1].text


def test_the_device_comes_back_at_another_rate(server: Callable[..., JackServer], caplog: pytest.LogCaptureFixture) -> None:
    events: list[AudioEvent] = []
    jackd = server(256)
    with AudioEngine.start(AudioConfig(device="jack"), events.append) as audio:
        time_s = np.arange(20 * RATE) / RATE
        audio.place(0, 0, (0.3 * np.sin(2 * np.pi * 1_000 * time_s)).astype(np.float32))
        audio.play(song_sample=0)
        wait_until(lambda: audio.telemetry().transport.song_sample > 0, "playing")
        jackd.stop()
        wait_until(lambda: events, "notice that the device is gone")
        jackd.start(rate=44_100)
        wait_until(lambda: len(events) == 2, "notice that the device is back")
        assert "44100 Hz" in events[1].text
        recorder = Recorder(jackd, 2)
        recorder.connect()
        stood = audio.telemetry().transport.song_sample
        wait_until(lambda: audio.telemetry().transport.song_sample > stood + RATE, "a second of sound")
        assert audio.sample_rate == RATE
        heard = recorder.heard()[-16_384:, 0]
        recorder.close()
    loudest_hz = np.abs(np.fft.rfft(heard * np.hanning(len(heard)))).argmax() * 44_100 / len(heard)
    assert loudest_hz == pytest.approx(1_000, abs=3)
    assert not caplog.records, "what is told to who listens is not logged too"


def test_ports_of_jack_are_called_vocalese(server: Callable[..., JackServer]) -> None:
    helper = server(256).client("helper")
    with AudioEngine.start(AudioConfig(device="jack")):
        names = [port.name for port in helper.get_ports(is_audio=True, is_output=True) if not port.is_physical]
        assert names == ["Vocalese-audio:out_0", "Vocalese-audio:out_1"]
    helper.close()


def test_an_unknown_device_lists_the_available_ones(server: Callable[..., JackServer]) -> None:
    server(256)
    before = set(os.listdir("/dev/shm"))
    with pytest.raises(DeviceError, match=r"(?s)No output device is meant by 'harmonium'.*JACK"):
        AudioEngine.start(AudioConfig(device="harmonium"))
    with pytest.raises(DeviceError, match="output channels, 64 are needed"):
        AudioEngine.start(AudioConfig(device="jack", routes=((62, 63),)))
    left = set(os.listdir("/dev/shm")) - before
    assert not [name for name in left if name.startswith("vocalese-") and "jack" not in name]


def run(*arguments: str) -> subprocess.Popen[str]:
    """A fresh interpreter: PortAudio sees the servers that were there when it was loaded."""
    return subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def test_the_round_trip_through_joined_ports_is_one_period(server: Callable[..., JackServer]) -> None:
    """PortAudio's ports are joined to each other by a second client; in JACK's synchronous mode that costs exactly one period."""
    helper = server(256).client("helper")
    code = "from bridge.audio.loopback import *\nimport json, dataclasses\nprint(json.dumps(dataclasses.asdict(measure_round_trip('jack'))))"
    try:
        measuring = run("-c", code)

        def theirs(**kind: bool) -> list:
            return [port for port in helper.get_ports(is_audio=True, **kind) if not port.name.startswith("system:")]

        wait_until(lambda: theirs(is_output=True) and theirs(is_input=True), "ports of PortAudio")
        helper.connect(theirs(is_output=True)[0], theirs(is_input=True)[0])
        measured = json.loads(measuring.communicate(timeout=WAIT_S)[0])
    finally:
        helper.close()
    assert (measured["sample_rate"], measured["block_frames"], measured["bursts"]) == (RATE, 256, 8)
    assert len(measured["round_trips_ms"]) >= 6
    assert set(measured["round_trips_ms"]) == {1000 * 256 / RATE}


def test_the_command_lists_the_server(server: Callable[..., JackServer]) -> None:
    server(256)
    as_json, as_text = (run("-m", "bridge.cli", "devices", *more) for more in (["--json"], []))
    listed = json.loads(as_json.communicate(timeout=WAIT_S)[0])
    (system,) = listed["devices"]
    assert (system["name"], system["output_channels"], system["input_channels"]) == ("system", 4, 2)
    assert system["is_default"] and system["rates"] == [RATE]
    assert [api["name"] for api in listed["host_apis"] if api["devices"]] == ["JACK Audio Connection Kit"]
    assert "*  0  system: 4 out, 2 in; 48 kHz; latency" in as_text.communicate(timeout=WAIT_S)[0]
