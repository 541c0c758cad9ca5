"""Where the mixer's blocks go: a device, a file, or nowhere. All are opened, watched and closed alike, in the audio process.

A device asks for blocks by itself. File and null output are asked by a clock: "realtime" takes a block whenever its time has come,
"manual" takes what `advance` is told to, as fast as it can be made; so the same mixer bounces to disk and is tested sample by sample.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bridge.priority import AUDIO, ask_for_real_time
from engine.errors import DeviceError, OutputError, SettingsError

from .devices import Device, find_output, load_sounddevice, sane_latency_s

OutputKind = Literal["device", "file", "null"]
ClockKind = Literal["realtime", "manual"]
DEFAULT_RATE = 48_000
DEFAULT_BLOCK_FRAMES = 256
_STALLED_S = 2.0


class Source(Protocol):
    """What an output takes its blocks from: the mixer."""

    def process(self, out: NDArray[np.float32], *, underrun: bool = False, lead_s: float = 0.0) -> None:
        """Fill `out[N, C]`."""


@dataclass(frozen=True, slots=True)
class OutputInfo:
    """What was opened. `block_frames` is 0 where the host chooses; `latency_s` is the driver's claim."""

    name: str
    sample_rate: int
    channels: int
    block_frames: int
    latency_s: float


class AudioOutput(Protocol):
    """The seam between the mixer and what sounds."""

    info: OutputInfo

    def start(self, source: Source) -> None:
        """Begin to take blocks."""

    def watch(self) -> str | None:
        """Called a few times per second outside of the callback; a sentence if something happened that the user should know.
        DeviceLost if nothing will be heard any more."""

    def advance(self, frames: int) -> None:
        """Take `frames` samples now. SettingsError where time runs by itself."""

    def close(self) -> None:
        """Stop. What was written is complete afterwards."""

    @property
    def is_open(self) -> bool:
        """Whether blocks are being taken, or can be."""


class DeviceLost(Exception):
    """The device has gone. PortAudio may wait for it for minutes when told to close, so the process has to be left as it is."""


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
        """Whether a stream is there."""
        return self._stream is not None

    def start(self, source: Source) -> None:
        """Begin to take blocks."""
        self._source = source
        self._seen_at_s = time.monotonic()
        ask_for_real_time(AUDIO)  # this thread watches, and the callback waits for it while it holds the interpreter
        try:
            self._stream.start()
        except self._sounddevice.PortAudioError as error:
            raise DeviceError(f"'{self.info.name}' cannot be started: {error}.") from error

    def watch(self) -> str | None:
        """Notice that the device went."""
        now_s = time.monotonic()
        if self._calls != self._seen_calls:
            self._seen_calls, self._seen_at_s = self._calls, now_s
        if not self._stream.active or now_s - self._seen_at_s >= _STALLED_S:
            raise DeviceLost(f"The audio device '{self.info.name}' is gone. Playing goes on when it is back.")
        return None

    def advance(self, frames: int) -> None:
        """A device has its own time."""
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
    """What file and null output share: they ask for blocks themselves. `_keep` decides what becomes of them."""

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
        """Open until closed, unless writing failed."""
        return not self._stopping.is_set()

    def start(self, source: Source) -> None:
        """Begin to take blocks, or wait for `advance`."""
        self._source = source
        if self._clock == "realtime":
            self._thread = threading.Thread(target=self._run, name="audio clock", daemon=True)
            self._thread.start()

    def watch(self) -> str | None:
        """What went wrong while writing, once."""
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
        except (OSError, RuntimeError) as error:  # libsndfile's are RuntimeErrors
            self._stopping.set()
            self._trouble = f"{self.info.name} cannot be written on: {error}."

    def _take(self, frames: int) -> None:
        assert self._source is not None
        block = self._block[:frames]
        self._source.process(block)
        self._keep(block)

    def _keep(self, block: NDArray[np.float32]) -> None:
        pass


class NullOutput(ClockedOutput):
    """Nothing is heard; time passes, or is passed by hand."""

    def __init__(self, *, sample_rate: int | None, block_frames: int, channels: int, clock: ClockKind = "realtime") -> None:
        super().__init__(_clocked_info("null", sample_rate, block_frames, channels), clock)


class FileOutput(ClockedOutput):
    """A WAV file of 32-bit floats. It is written beside its goal and takes its name when it is closed."""

    def __init__(
        self,
        path: str | Path,
        *,
        sample_rate: int | None,
        block_frames: int,
        channels: int,
        clock: ClockKind = "manual",
        overwrite: bool = False,
    ) -> None:
        super().__init__(_clocked_info(str(path), sample_rate, block_frames, channels), clock)
        import soundfile

        self._path, self._overwrite = Path(path), overwrite
        self._refuse_existing()
        self._temp = self._path.parent / f".vocalese-{secrets.token_hex(8)}.part"
        try:
            self._file = soundfile.SoundFile(self._temp, "w", self.info.sample_rate, channels, format="WAV", subtype="FLOAT")
        except (OSError, soundfile.SoundFileError) as error:
            raise OutputError(f"{self._path} cannot be written: {error}. Choose another folder or name.") from error

    def close(self) -> None:
        """Stop, and put the file in place."""
        super().close()
        if self._file.closed:
            return
        self._file.close()
        try:
            self._refuse_existing()
            self._temp.replace(self._path)
        except BaseException:
            self._temp.unlink(missing_ok=True)
            raise

    def _keep(self, block: NDArray[np.float32]) -> None:
        self._file.write(block)

    def _refuse_existing(self) -> None:
        if self._path.exists() and not self._overwrite:
            raise OutputError(f"{self._path} exists. Give another name, or --overwrite to replace it.")


def _clocked_info(name: str, sample_rate: int | None, block_frames: int, channels: int) -> OutputInfo:
    return OutputInfo(name, sample_rate or DEFAULT_RATE, channels, block_frames or DEFAULT_BLOCK_FRAMES, 0.0)
