"""Clips, tempo, loop and transport over OSC to a running server: the song is rendered, plays where the host is, and says how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.audio.engine import AudioConfig
from bridge.client import VocaleseClient
from bridge.protocol import events, replies
from bridge.server import ServerOptions, VocaleseServer
from engine import STARTER_NAME

WAIT_S = 60.0


def wait_until(true: Callable[[], object], what: str) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline_s, f"no {what} within {WAIT_S:g} s"
        time.sleep(0.01)


@pytest.mark.slow
def test_a_host_sends_a_song_and_plays_it(tmp_path: Path) -> None:
    notices: list[str] = []
    options = ServerOptions(
        audio=AudioConfig(output="null", block_frames=256, tracks=2),
        voices=(STARTER_NAME,) * 2,
        languages=("en",) * 2,
        port=0,
        with_midi=False,
        takes=tmp_path,
        cache=tmp_path / "phrases",
    )
    with VocaleseServer(options, notices.append) as server, VocaleseClient(port=server.osc.port, timeout_s=5.0) as client:
        heard: list[replies.Reply] = []

        def is_done() -> bool:
            while (reply := client.poll()) is not None:
                heard.append(reply)
            return any(isinstance(reply, replies.Done) for reply in heard)

        client.subscribe("render", 60.0)
        client.tempo(3, [(0.0, 90.0, 4, 4)])
        client.clip([(2.0 + n, 1.0, 60.0 + n, 0.8, "stay") for n in range(3)], track=1, clip=7, length_ppq=8.0)
        wait_until(is_done, "finished clip")
        done = next(reply for reply in heard if isinstance(reply, replies.Done))
        assert (done.track, done.clip, done.start_sample, done.samples) == (1, 7, 0, round(8 * 48_000 / 1.5))
        client.send(events.Transport(1, 0, 1.5, 90.0, 0.0))
        wait_until(lambda: server.audio.telemetry().tracks[1].peak_db > -40.0, "sound of the clip")
        transport = server.audio.telemetry().transport
        assert transport.playing and transport.song_sample >= 48_000
        assert server.audio.telemetry().tracks[0].peak_db < -100.0
        client.send(events.Transport(0, 0, 4.5, 90.0, 0.0))
        wait_until(lambda: server.audio.telemetry().transport.song_sample == 3 * 48_000, "stop where the host stopped")
        assert not server.audio.telemetry().transport.playing
        assert server.status().state == "stopped"
    assert notices == []
