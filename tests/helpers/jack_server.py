"""A real JACK server for tests: `jackd` with its dummy driver, in synchronous mode, under a name of its own."""

from __future__ import annotations

import ctypes.util
import secrets
import shutil
import subprocess
import time
from types import TracebackType
from typing import Any

import pytest

UP_WITHIN_S = 20.0


def require_jack(*, portaudio: bool = True) -> Any:
    """The module `jack`; skips the test, or the module, where JACK or PortAudio is not installed."""
    jack = pytest.importorskip(
        "jack", reason="the package JACK-Client and libjack are needed to record", exc_type=(ImportError, OSError)
    )
    if portaudio and ctypes.util.find_library("portaudio") is None:
        pytest.skip("PortAudio is not installed (apt-get install libportaudio2)", allow_module_level=True)
    if shutil.which("jackd") is None:
        pytest.skip("jackd is not installed (apt-get install jackd2)", allow_module_level=True)
    return jack


class JackServer:
    """Runs from the start of its `with` block to the end. Without `realtime` it does not ask for priority, which not all systems grant."""

    def __init__(self, block: int = 256, *, rate: int = 48_000, outputs: int = 2, realtime: bool = False) -> None:
        self.name, self.block, self.rate = f"vocalese-{secrets.token_hex(4)}", block, rate
        self._command = ["jackd", "--no-mlock", "-S", *([] if realtime else ["-r"]), "-n", self.name, "-d", "dummy", "-C", "2"]
        self._command += ["-P", str(outputs), "-r", str(rate), "-p", str(block)]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> JackServer:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self, *, rate: int | None = None) -> None:
        """Start it again, at another rate if one is given."""
        if rate is not None:
            self.rate = rate
            self._command[len(self._command) - 1 - self._command[::-1].index("-r") + 1] = str(rate)
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def make_default(self, patch: pytest.MonkeyPatch) -> None:
        """Let programs of this test find it without knowing its name."""
        for key, value in (
            ("JACK_NO_AUDIO_RESERVATION", "1"),
            ("JACK_NO_START_SERVER", "1"),
            ("JACK_DEFAULT_SERVER", self.name),
        ):
            patch.setenv(key, value)

    def client(self, name: str) -> Any:
        """A client, as soon as the server answers."""
        import jack

        deadline_s = time.monotonic() + UP_WITHIN_S
        while True:
            try:
                return jack.Client(name, no_start_server=True, servername=self.name)
            except jack.JackOpenError:
                assert time.monotonic() < deadline_s, "the JACK server did not come up"
                time.sleep(0.1)
