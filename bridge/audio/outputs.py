"""Outputs for the mixer's blocks: device, file, null. All are opened, watched and closed alike, in the audio process.

A device asks for blocks by itself. File and null output are driven by a clock: "realtime" takes a block when its time has come,
"manual" takes as many as `advance` says, as fast as they can be made; so the same mixer bounces to disk and is tested sample by sample.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bridge.realtime.priority import AUDIO, ask_for_real_time
from bridge.stems.riff import StemFormat, StemMetadata
from bridge.stems.wav import StemWriter
from engine.errors import DeviceError, OutputError, SettingsError

from .devices import Device, find_output, load_sounddevice, sane_latency_s
from .resample import StreamResampler

OutputKind = Literal["device", "file", "null"]
ClockKind = Literal["realtime", "manual"]
DEFAULT_RATE = 48_000
DEFAULT_BLOCK_FRAMES = 256
_STALLED_S, _STALLED_BLOCKS = 1.0, 8  # without a call: the device is gone


class Source(Protocol):
    """Source of an output's blocks: the mixer."""

    def process(self, out: NDArray[np.float32], *, underrun: bool = False, lead_s: float = 0.0) -> None:
        """Fill `out[N, C]`."""


@dataclass(frozen=True, slots=True)
class OutputInfo:
    """An open output. `block_frames` is 0 where the host chooses; `latency_s` is the driver's claim."""

    name: str
    sample_rate: int
    channels: int
    block_frames: int
    latency_s: float


class AudioOutput(Protocol):
    """Interface between the mixer and an output."""

    info: OutputInfo

    def start(self, source: Source) -> None:
        """Begin to take blocks."""

    def watch(self) -> str | None:
        """Check the output a few times per second outside of the callback. Return a sentence for the user if something happened, else None.

        Raises DeviceLost if there will be no more sound.
        """

    def advance(self, frames: int) -> None:
        """Take `frames` samples now. Raises SettingsError if time runs by itself."""

    def close(self) -> None:
        """Stop, and complete what was written."""

    @property
    def is_open(self) -> bool:
        """Return whether blocks are being taken, or can be."""


class DeviceLost(Exception):
    """The device is gone. PortAudio may wait for it for minutes when closed, so the process has to be left as it is."""


class DeviceOutput:
    """A PortAudio device."""

    def __init__(
        self, wanted: str | int | None, *, sample_rate: int | None, block_frames: int, channels: int, latency: str | float
    ) -> None:
        self._sounddevice = load_sounddevice()
        self._channels, self._latency, self._block_frames = channels, latency, block_frames
        self._source: Source | None = None
        self._calls = self._seen_calls = 0
        self._seen_at_s = 0.0
        self._stream: Any = None
        self.info = self._open(find_output(wanted, channels), sample_rate)

    @property
    def is_open(self) -> bool:
        """Return whether a stream is open."""
        return self._stream is not None

    def start(self, source: Source) -> None:
        """Begin to take blocks."""
        self._source = source
        self._seen_at_s = time.monotonic()
        ask_for_real_time(AUDIO)  # this thread watches, and the callback waits for it while it holds the GIL
        try:
            self._stream.start()
        except self._sounddevice.PortAudioError as error:
            raise DeviceError(f"'{self.info.name}' cannot be started: {error}.") from error

    def watch(self) -> str | None:
        """Raise DeviceLost if the device has gone."""
        now_s = time.monotonic()
        if self._calls != self._seen_calls:
            self._seen_calls, self._seen_at_s = self._calls, now_s
        if not self._stream.active or now_s - self._seen_at_s >= max(
            _STALLED_S, _STALLED_BLOCKS * self.info.block_frames / self.info.sample_rate
        ):
            raise DeviceLost(f"The audio device '{self.info.name}' is gone. Playing goes on when it is back.")
        return None

    def advance(self, frames: int) -> None:
        """Raise SettingsError: a device has its own time."""
        raise SettingsError("A device plays in its own time and cannot be advanced by hand.")

    def close(self) -> None:
        """Stop the stream."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close(ignore_errors=True)

    def _open(self, device: Device, sample_rate: int | None) -> OutputInfo:
        rate, block_frames = sample_rate or device.default_rate, self._block_frames
        try:
            self._stream = self._sounddevice.OutputStream(
                device=device.index,
                samplerate=rate,
                blocksize=block_frames,
                channels=self._channels,
                dtype="float32",
                latency=self._latency,
                callback=self._callback,
            )
        except (self._sounddevice.PortAudioError, ValueError) as error:
            raise DeviceError(
                f"'{device.name}' ({device.host_api}) cannot be opened at {rate} Hz with blocks of "
                f"{block_frames or 'its own'} samples: {error}. Try --rate {device.default_rate}, or --block 0."
            ) from error
        latency_s = sane_latency_s(self._stream.latency)
        if latency_s is None:
            latency_s = 2 * (block_frames or DEFAULT_BLOCK_FRAMES) / rate
        return OutputInfo(device.name, rate, self._channels, block_frames, latency_s)

    def _callback(self, out: NDArray[np.float32], frames: int, moments: Any, status: Any) -> None:
        if not self._calls:
            ask_for_real_time(AUDIO)  # JACK's and CoreAudio's threads have it, ALSA's have not
        self._calls += 1
        if self._source is None:
            out[:] = 0.0
            return
        lead_s = moments.outputBufferDacTime - moments.currentTime
        self._source.process(
            out, underrun=bool(status.output_underflow), lead_s=lead_s if 0 <= lead_s < 2 else self.info.latency_s
        )


class ClockedOutput:
    """Base of file and null output: they drive the mixer themselves; `_keep` stores the blocks."""

    def __init__(self, info: OutputInfo, clock: ClockKind) -> None:
        if clock not in ("realtime", "manual"):
            raise SettingsError(f"clock '{clock}'; 'realtime' and 'manual' are possible.")
        self.info = info
        self._clock = clock
        self._block = np.zeros((info.block_frames, info.channels), np.float32)
        self._source: Source | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._trouble: str | None = None

    @property
    def is_open(self) -> bool:
        """Return whether it is open and no write has failed."""
        return not self._stopping.is_set()

    def start(self, source: Source) -> None:
        """Begin to take blocks, or wait for `advance`."""
        self._source = source
        if self._clock == "realtime":
            self._thread = threading.Thread(target=self._run, name="audio clock", daemon=True)
            self._thread.start()

    def watch(self) -> str | None:
        """Return the error of a failed write, once."""
        trouble, self._trouble = self._trouble, None
        return trouble

    def advance(self, frames: int) -> None:
        """Take `frames` samples now, in blocks."""
        if self._clock != "manual" or self._source is None:
            raise SettingsError("Only an output with a manual clock can be advanced by hand.")
        for start in range(0, frames, len(self._block)):
            self._take(min(len(self._block), frames - start))

    def close(self) -> None:
        """Stop the clock."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        ask_for_real_time(AUDIO)
        period_s = len(self._block) / self.info.sample_rate
        due_s = time.monotonic()
        try:
            while not self._stopping.wait(max(0.0, due_s - time.monotonic())):
                self._take(len(self._block))
                due_s = max(due_s + period_s, time.monotonic() - 1.0)  # after a long stop, do not run to catch up
        except OutputError as error:
            self._stopping.set()
            self._trouble = f"{self.info.name} cannot be written on: {error}"

    def _take(self, frames: int) -> None:
        assert self._source is not None
        block = self._block[:frames]
        self._source.process(block)
        self._keep(block)

    def _keep(self, block: NDArray[np.float32]) -> None:
        pass


class NullOutput(ClockedOutput):
    """Null output: no sound; time passes by itself or by `advance`."""

    def __init__(self, *, sample_rate: int | None, block_frames: int, channels: int, clock: ClockKind = "realtime") -> None:
        super().__init__(_clocked_info("null", sample_rate, block_frames, channels), clock)


class FileOutput(ClockedOutput):
    """A WAV file of 32-bit floats with the label of a stem. It is written under a temporary name and renamed when it is closed."""

    def __init__(
        self,
        path: str | Path,
        *,
        sample_rate: int | None,
        block_frames: int,
        channels: int,
        clock: ClockKind = "manual",
        overwrite: bool = False,
        metadata: StemMetadata | None = None,
    ) -> None:
        super().__init__(_clocked_info(str(path), sample_rate, block_frames, channels), clock)
        if not Path(path).parent.is_dir():
            raise OutputError(
                f"{path} cannot be written: there is no folder {Path(path).parent}. Choose another folder or name."
            )
        written = StemFormat(sample_rate=self.info.sample_rate, channels=channels, total_samples=0, subtype="32f")
        self._writer = StemWriter(path, written, metadata=metadata, overwrite=overwrite, is_open_ended=True)
        self._writer.__enter__()
        self._is_written = False

    def close(self) -> None:
        """Stop, and put the file in place."""
        super().close()
        if not self._is_written:
            self._is_written = True
            self._writer.__exit__(None, None, None)

    def _keep(self, block: NDArray[np.float32]) -> None:
        self._writer.write(block.T)


class RateMatch:
    """A source for a device of another rate: matches blocks with the constant delay of `StreamResampler`."""

    def __init__(self, source: Source, source_rate: int, device_rate: int, channels: int) -> None:
        self._source, self._source_rate, self._device_rate = source, source_rate, device_rate
        self._resampler = StreamResampler(source_rate, device_rate, channels=channels)
        self._ready = np.zeros((channels, 0), np.float32)

    def process(self, out: NDArray[np.float32], *, underrun: bool = False, lead_s: float = 0.0) -> None:
        """Fill `out[N, C]`."""
        lead_s += self._resampler.delay_samples / self._device_rate
        while (missing := len(out) - self._ready.shape[1]) > 0:
            block = np.zeros((-(-missing * self._source_rate // self._device_rate), out.shape[1]), np.float32)
            self._source.process(block, underrun=underrun, lead_s=lead_s)
            self._ready = np.concatenate([self._ready, self._resampler.push(np.ascontiguousarray(block.T))], axis=1)
            underrun = False
        out[:] = self._ready[:, : len(out)].T
        self._ready = self._ready[:, len(out) :]


def _clocked_info(name: str, sample_rate: int | None, block_frames: int, channels: int) -> OutputInfo:
    return OutputInfo(name, sample_rate or DEFAULT_RATE, channels, block_frames or DEFAULT_BLOCK_FRAMES, 0.0)
