"""Output of `vocalese play` over JACK equals the file of `vocalese render`, sample by sample, as received by another program.

The JACK server runs in its synchronous mode, where a client that is late delays the period instead of losing it: what is heard is then the
same on a busy machine.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from jack_server import JackServer, require_jack

require_jack()

ROOT = Path(__file__).parents[2]
RATE, BLOCK, WAIT_S = 48_000, 256, 120.0
TWO_PHRASES = [(2, 1, 57, "stay"), (3, 1, 60, "here"), (6, 1, 62, "my"), (7, 1, 57, "love")]


class Listener:
    """A client that hears the first two outputs of whoever plays, from when they are there."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._ears = [client.inports.register(f"in_{channel}") for channel in range(2)]
        self._blocks: list[np.ndarray] = []
        client.set_process_callback(self._process)
        client.activate()

    def joined(self) -> bool:
        """Connect to the player's outputs; False if it has none yet."""
        ports = self._client.get_ports(is_audio=True, is_output=True)
        theirs = [port for port in ports if not port.name.startswith(("system:", "listener:"))]
        if len(theirs) < len(self._ears):
            return False
        for source, ear in zip(theirs, self._ears, strict=False):
            self._client.connect(source, ear)
        return True

    def heard(self) -> np.ndarray:
        """`[N, 2]`."""
        return np.concatenate(list(self._blocks))

    def _process(self, _frames: int) -> None:
        self._blocks.append(np.stack([ear.get_array() for ear in self._ears], axis=1))


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """On a server without hardware, which is the default one as long as it runs."""
    server = JackServer(BLOCK, rate=RATE)
    server.make_default(monkeypatch)
    with server:
        client = server.client("listener")
        yield Listener(client)
        client.deactivate()
        client.close()


def test_what_is_heard_is_the_stem(vocalese, midi, tmp_path: Path, listener: Listener) -> None:
    score = midi("two", TWO_PHRASES)
    rendered = vocalese("render", score, "-o", tmp_path, "--rate", RATE, "--depth", "32f", "--json")
    stem = soundfile.read(rendered.stems[0]["path"], dtype="float32")[0]
    command = [sys.executable, "-m", "bridge.cli", "play", str(score), "--device", "jack", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as playing:
        deadline_s = time.monotonic() + WAIT_S
        while not listener.joined():  # it sounds as soon as it is rendered, and not before the second beat
            assert playing.poll() is None and time.monotonic() < deadline_s
            time.sleep(0.01)
        said, complained = playing.communicate(timeout=WAIT_S)
    assert playing.returncode == 0, complained
    sys.stdout.write(f"{said}{complained}")
    heard = listener.heard()
    begin = int(np.flatnonzero(heard[:, 0])[0]) - int(np.flatnonzero(stem)[0])  # one constant for everything
    stop = int(np.flatnonzero(stem)[-1]) + 1
    assert begin >= 0 and np.abs(stem).max() > 0.05
    for side in (0, 1):
        np.testing.assert_allclose(heard[begin : begin + stop, side], stem[:stop], atol=1e-4)
    assert not heard[:begin].any() and not heard[begin + stop :].any(), "and nothing else"
