"""JACK's transport leads: a real server, another client that starts, stops and locates."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sequencer_bench import Desk, Here, clip

from bridge.session.transport import JackTransport
from engine.errors import DeviceError

jack = pytest.importorskip(
    "jack", reason="the package JACK-Client and libjack are needed to follow JACK", exc_type=(ImportError, OSError)
)
WAIT_S = 20.0


@pytest.fixture
def conductor(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, object]]:
    """A server without hardware, and a client that moves its transport."""
    if shutil.which("jackd") is None:
        pytest.skip("jackd is not installed (apt-get install jackd2)")
    monkeypatch.setenv("JACK_NO_AUDIO_RESERVATION", "1")
    name = f"vocalese-{secrets.token_hex(4)}"
    command = ["jackd", "--no-mlock", "-r", "-n", name, "-d", "dummy", "-r", "48000", "-p", "256"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = None
    try:
        for _ in range(100):
            try:
                client = jack.Client("conductor", no_start_server=True, servername=name)
                break
            except jack.JackOpenError:
                time.sleep(0.1)
        assert client is not None, "the JACK server did not come up"
        client.activate()
        yield name, client
    finally:
        if client is not None:
            client.deactivate()
            client.close()
        server.terminate()
        server.wait(10)


def wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_song_goes_where_jack_is(conductor, tmp_path: Path) -> None:
    name, client = conductor
    with JackTransport(server=name) as transport, Desk(tmp_path / "heard.wav", renderer=Here()) as desk:
        desk.sequencer.apply(clip([(1, 1, 60, "la")]))
        desk.sequencer.settle()
        desk.sequencer.listen_to(transport)
        client.transport_frame = 120_000
        wait_until(lambda: transport()[0].song_s == 2.5)
        desk.sequencer.step()
        desk.play_s(0.01)
        assert desk.song_sample == 120_000 and not desk.sequencer.status().is_playing
        client.transport_start()
        wait_until(lambda: transport()[0].is_playing)
        state, age_s = transport()
        assert state.song_s >= 2.5 and age_s >= 0.0
        desk.sequencer.step()
        desk.play_s(0.01)
        assert desk.sequencer.status().is_playing and desk.song_sample >= 120_000
        client.transport_stop()
        wait_until(lambda: not transport()[0].is_playing)
        desk.sequencer.step()
        desk.play_s(0.01)
        assert not desk.sequencer.status().is_playing


def test_without_a_server_it_says_so() -> None:
    with pytest.raises(DeviceError, match="no JACK server named 'nowhere'"):
        JackTransport(server="nowhere")
