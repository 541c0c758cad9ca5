"""A live engine in this process on an audio process without a clock of its own: time passes when the test says so."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np
import soundfile

from bridge.audio.engine import AudioConfig, AudioEngine
from bridge.live import messages
from bridge.live.messages import WorkerConfig, wire_events
from bridge.live.worker import LiveEngine
from bridge.realtime.ipc import Message
from engine import STARTER_NAME, Configure, LiveEvent, LiveSettings, PerformanceSettings

RATE, BLOCK = 48_000, 128
PLAIN = PerformanceSettings(vibrato_depth_cents=0.0, drift_cents=0.0)

_Report = TypeVar("_Report", bound=Message)


class Stage:
    """`feed` events now, let time pass with `play`; when the block ends, `heard` is all that sounded, `[N, C]`."""

    def __init__(
        self,
        folder: Path,
        *,
        tracks: int = 1,
        block: int = BLOCK,
        rate: int = RATE,
        known: tuple[tuple[LiveEvent, ...], ...] = (),
    ) -> None:
        self.reports: list[Message] = []
        self.heard = np.zeros((0, 2), np.float32)
        self._path = folder / "heard.wav"
        self.block, self.rate = block, rate
        routes = tuple((track, track) for track in range(tracks))
        self.audio = AudioEngine.start(
            AudioConfig(
                output="file",
                path=self._path,
                clock="manual",
                sample_rate=rate,
                block_frames=block,
                tracks=tracks,
                routes=routes,
                limiter=False,  # both sides of a track come out on one channel, twice as loud as a listener would have it
            )
        )
        config = WorkerConfig(self.audio.address, (STARTER_NAME,) * tracks, is_manual=True)
        self.audio.advance(block)
        self.engine = LiveEngine(messages.Open(config, tuple(map(wire_events, known))), self.reports.append)
        for track in range(tracks):
            self.feed(Configure(0.0, PLAIN, LiveSettings()), track)

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.engine.close()
        self.audio.close()
        self.heard, _ = soundfile.read(self._path, dtype="float32", always_2d=True)

    @property
    def now(self) -> int:
        """The next device sample."""
        return self.audio.telemetry().transport.device_sample

    def feed(self, event: LiveEvent, track: int = 0, *others: LiveEvent) -> None:
        """Something happens now, and others with it."""
        at_ns = round(self.now * 1e9 / self.rate)
        self.engine.handle(messages.TrackEvents(track, wire_events((event, *others)), at_ns))

    def reported(self, kind: type[_Report]) -> list[_Report]:
        """Return the reports of a kind so far."""
        return [report for report in self.reports if isinstance(report, kind)]

    def play(self, samples: int) -> None:
        """Let time pass, in whole blocks."""
        for _ in range(-(-samples // self.block)):
            while self.engine.turn() == 0.0:
                pass
            self.audio.advance(self.block)

    def underruns(self) -> int:
        """Of all tracks."""
        return sum(track.live_underruns for track in self.audio.telemetry().tracks)


def cents_off(sound: np.ndarray, pitch: float, rate: int = RATE) -> float:
    """Cents from a MIDI pitch to a steady sound within two semitones of it, by autocorrelation."""
    correlation = np.fft.irfft(np.abs(np.fft.rfft(sound, 2 * len(sound))) ** 2)[: len(sound) // 2]
    correlation /= np.arange(len(sound), len(sound) - len(correlation), -1)  # fewer products at longer lags
    period = rate / (440.0 * 2.0 ** ((pitch - 69.0) / 12.0))
    low = int(period / 1.12)
    top = low + int(np.argmax(correlation[low : int(period * 1.12) + 2]))
    a, b, c = correlation[top - 1 : top + 2]
    return float(1200.0 * np.log2(period / (top + 0.5 * (a - c) / (a - 2 * b + c))))


def onsets_of(sound: np.ndarray) -> list[int]:
    """First samples of notes that follow 20 ms of digital silence and reach -50 dB of the note's peak."""
    loud = np.flatnonzero(sound)
    begins = [int(loud[0]), *(int(loud[i + 1]) for i in np.flatnonzero(np.diff(loud) > 0.02 * RATE))]
    found = []
    for begin, end in zip(begins, [*begins[1:], len(sound)], strict=True):
        note = np.abs(sound[begin:end])
        found.append(begin + int(np.argmax(note > 0.003 * note.max())))
    return found
