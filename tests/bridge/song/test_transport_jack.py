"""JACK's transport leads: a real server, another client that starts, stops and locates."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jack_server import JackServer, require_jack
from sequencer_bench import Desk, Here, clip

from bridge.song.transport import JackTransport
from engine.errors import DeviceError

jack = require_jack(portaudio=False)
WAIT_S = 20.0


@pytest.fixture
def conductor(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, object]]:
    """A server without hardware, and a client that moves its transport."""
    monkeypatch.setenv("JACK_NO_AUDIO_RESERVATION", "1")
    with JackServer() as server:
        client = server.client("conductor")
        client.activate()
        yield server.name, client
        client.deactivate()
        client.close()


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


def test_positions_are_as_old_as_jacks_own_clock_says(conductor) -> None:
    name, client = conductor
    with JackTransport(server=name) as transport:
        client.transport_start()
        wait_until(lambda: transport()[0].is_playing)

        def distance_s() -> float:
            state, age_s = transport()
            return abs(state.song_s + age_s - client.transport_frame / client.samplerate)

        # Whatever the system's other clocks show: JACK estimates the present frame too, and both agree unless a period came between.
        wait_until(lambda: all(distance_s() < 0.01 for _ in range(3)))
        wait_until(lambda: transport()[1] > 0.0)


def test_without_a_server_it_says_so() -> None:
    with pytest.raises(DeviceError, match="no JACK server named 'nowhere'"):
        JackTransport(server="nowhere")
