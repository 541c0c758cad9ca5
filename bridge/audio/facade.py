"""What the rest of the bridge uses of the sound: start the audio process, send it audio and commands, ask it how it is.

    with AudioEngine.start(AudioConfig(output="device", device="jack", tracks=2)) as audio:
        audio.place(0, 48_000, samples)       # sounds exactly at sample 48000 of the song
        audio.play(song_sample=0)
        audio.push_live(1, block)             # sounds as soon as it can
        audio.telemetry().tracks[1].live_underruns

Another process can make the audio: give it `audio.address`, and there

    memory = AudioMemory.attach(address)
    voice = LiveWriter(memory, track, source_rate=32_000)

with one writer per source and track at a time. If that process dies its source fades out and is counted; a new writer takes over
where it stopped.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import errors
from engine.errors import DeviceError, SettingsError, VocaleseError

from .control import Command, CommandKind, CommandWriter, Telemetry, telemetry_of
from .live import LiveWriter
from .memory import AudioAddress, AudioMemory, new_name
from .outputs import ClockKind, OutputInfo, OutputKind
from .placed import PlacedWriter

_FEED_EVERY_S = 0.02
_ANSWER_WITHIN_S = 20.0
_CLOSE_WITHIN_S = 3.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AudioConfig:
    """What to open. Rates in Hz; None takes the device's own, 48000 for file and null.

    `device` is an index or part of a name (`devices.find_output`), None the default. `block_frames` 0 lets the host choose. `latency`
    is "low", "high" or seconds. `routes[track]` names the output channels of a track, counted from 0; None mixes all tracks on the
    first pair. `clock` "manual" (file and null) stands still until `AudioEngine.advance`. `source_rate` is that of the audio given to
    `push_live`, None the output's.
    """

    output: OutputKind = "device"
    device: str | int | None = None
    path: Path | None = None
    overwrite: bool = False
    sample_rate: int | None = None
    block_frames: int = 0
    latency: str | float = "low"
    clock: ClockKind = "realtime"
    tracks: int = 1
    track_channels: int = 1
    routes: tuple[tuple[int, ...], ...] | None = None
    limiter: bool = False
    source_rate: int | None = None

    def __post_init__(self) -> None:
        if self.output not in ("device", "file", "null"):
            raise SettingsError(f"output '{self.output}'; 'device', 'file' and 'null' are possible.")
        if (self.output == "file") != (self.path is not None):
            raise SettingsError("A path belongs to the output 'file', and to no other.")
        if self.sample_rate is not None and not 8_000 <= self.sample_rate <= 384_000:
            raise SettingsError(f"{self.sample_rate} Hz; 8000 to 384000 are possible.")
        if not 0 <= self.block_frames <= 8192:
            raise SettingsError(f"blocks of {self.block_frames} samples; 0 (the host's own) to 8192 are possible.")
        if self.routes is not None:
            if len(self.routes) != self.tracks:
                raise SettingsError(f"{len(self.routes)} routes for {self.tracks} tracks; one per track is needed.")
            if any(not 0 <= channel < 64 for route in self.routes for channel in route):
                raise SettingsError("Routes name output channels from 0 to 63.")

    @property
    def all_routes(self) -> tuple[tuple[int, ...], ...]:
        """The route of each track."""
        return self.routes if self.routes is not None else ((0, 1),) * self.tracks

    @property
    def output_channels(self) -> int:
        """How many channels the output needs: whole pairs."""
        highest = max((channel for route in self.all_routes for channel in route), default=1)
        return 2 * (highest // 2 + 1)


@dataclass(frozen=True, slots=True)
class AudioEvent:
    """Something the user should know, in a sentence. `kind`: "notice" (a device went or came), "ended" (the audio process died)."""

    kind: str
    text: str


class AudioEngine:
    """A running audio process, as a context manager. `start` makes it; `close` fades out, ends it and removes the shared memory."""

    def __init__(self, config: AudioConfig, on_event: Callable[[AudioEvent], None] | None = None) -> None:
        self.config = config
        self._on_event = on_event
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._last_words: deque[str] = deque(maxlen=20)
        self._closing = threading.Event()
        self._feeder: threading.Thread | None = None
        self._memory: AudioMemory | None = None
        self._process = _spawn()
        self._readers = [
            threading.Thread(target=target, name=f"audio {name}", daemon=True)
            for name, target in (("answers", self._hear), ("messages", self._overhear))
        ]
        for reader in self._readers:
            reader.start()
        atexit.register(self.close)
        try:
            self.info = self._open()
        except BaseException:
            self.close()
            raise

    @classmethod
    def start(cls, config: AudioConfig, on_event: Callable[[AudioEvent], None] | None = None) -> AudioEngine:
        """Open the output. `on_event` is called from a thread. DeviceError, OutputError or SettingsError say why it cannot be."""
        return cls(config, on_event)

    def __enter__(self) -> AudioEngine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def address(self) -> AudioAddress:
        """What another process needs to attach to the shared memory."""
        return self._shared.address

    @property
    def sample_rate(self) -> int:
        """Of the output, in Hz: the unit of all sample positions."""
        return self.info.sample_rate

    @property
    def process_id(self) -> int:
        """Of the audio process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the audio process runs."""
        return self._process.poll() is None

    def push_live(self, track: int, samples: NDArray[np.float32]) -> int:
        """Append `samples` `[N]` or `[C, N]`, at `source_rate`, to what plays live. Returns how many samples did not fit."""
        return self.live(track).push(samples)

    def rest_live(self, track: int) -> None:
        """What was pushed is all for now; until more comes there is silence, and no underrun."""
        self.live(track).rest()

    def place(self, track: int, song_sample: int, samples: NDArray[np.float32]) -> None:
        """Put `samples` `[N]` or `[C, N]`, at the output's rate, at their sample of the song, over what was there."""
        self.placed(track).place(song_sample, samples)

    def live(self, track: int) -> LiveWriter:
        """This process's writer for a track's live source. Not for tracks that another process writes."""
        memory = self._shared
        if track not in self._live:
            self._live[track] = LiveWriter(memory, self._checked(track), source_rate=self.config.source_rate)
        return self._live[track]

    def placed(self, track: int) -> PlacedWriter:
        """This process's writer for a track's placed source. Not for tracks that another process writes."""
        memory = self._shared
        if track not in self._placed:
            self._placed[track] = PlacedWriter(memory, self._checked(track))
        return self._placed[track]

    def play(self, *, song_sample: int | None = None, at: int = 0) -> None:
        """Start the transport at `song_sample` (None: where it stands) when the device reaches its sample `at` (0: now)."""
        if song_sample is not None:
            self._prepare(song_sample)
        self._send(Command(CommandKind.PLAY, at, a=-1 if song_sample is None else song_sample))

    def stop(self, *, at: int = 0) -> None:
        """Stop the transport; what sounds fades out in 5 ms."""
        self._send(Command(CommandKind.STOP, at))

    def locate(self, song_sample: int, *, at: int = 0) -> None:
        """Send the playhead to a sample of the song, playing or not."""
        self._prepare(song_sample)
        self._send(Command(CommandKind.LOCATE, at, a=song_sample))

    def loop(self, start: int, stop: int, *, at: int = 0) -> None:
        """Repeat song samples `start` to `stop`; stop <= start turns the loop off. The playhead turns where it reaches `stop`."""
        if start < 0:
            raise ValueError(f"loop from song sample {start}; 0 or more is possible")
        self._prepare(start)
        self._send(Command(CommandKind.LOOP, at, a=start, b=stop))

    def gain(self, track: int, linear: float, *, at: int = 0) -> None:
        """Glide a track's gain to `linear`, 0..4."""
        if not 0 <= linear <= 4:
            raise SettingsError(f"gain {linear}; 0 to 4 are possible.")
        self._send(Command(CommandKind.GAIN, at, track=self._checked(track), a=linear))

    def limiter(self, on: bool) -> None:
        """Turn the soft limiter on or off."""
        self._send(Command(CommandKind.LIMITER, a=float(on)))

    def panic(self) -> None:
        """Silence within a block and 5 ms: transport stopped, waiting live audio thrown away."""
        self._send(Command(CommandKind.PANIC))

    def telemetry(self) -> Telemetry:
        """Clock, transport, counters and meters as of the last block."""
        return telemetry_of(self._shared, self.info.channels)

    def advance(self, frames: int) -> None:
        """Play `frames` samples now; only with a manual clock. Placed audio is fed on the way, so none is missing for want of time."""
        step = self.address.pages * self.address.page_samples // 4
        for start in range(0, frames, step):
            for writer in list(self._placed.values()):
                writer.feed()
            self._ask({"do": "advance", "frames": min(step, frames - start)}, "advanced")

    def close(self) -> None:
        """Fade out, end the process, remove the shared memory. OutputError if a file could not be completed."""
        if self._closing.is_set():
            return
        self._closing.set()
        atexit.unregister(self.close)
        refused = self._end_process()
        if self._feeder is not None:
            self._feeder.join()
        if self._memory is not None:
            for live in self._live.values():
                live.close()
            for placed in self._placed.values():
                placed.close()
            self._commands.close()
            self._memory.close()
        if refused is not None:
            raise refused

    @property
    def _shared(self) -> AudioMemory:
        if self._memory is None or self._closing.is_set():
            raise DeviceError("The audio process has been closed.")
        return self._memory

    def _open(self) -> OutputInfo:
        config = self.config
        order = {
            "output": config.output,
            "device": config.device,
            "path": None if config.path is None else str(config.path.absolute()),
            "overwrite": config.overwrite,
            "sample_rate": config.sample_rate,
            "block_frames": config.block_frames,
            "latency": config.latency,
            "clock": config.clock,
            "channels": config.output_channels,
        }
        opened = self._ask(order, "opened")
        info = OutputInfo(**{key: value for key, value in opened.items() if key != "event"})
        self._live: dict[int, LiveWriter] = {}
        self._placed: dict[int, PlacedWriter] = {}
        address = AudioAddress(new_name(), info.sample_rate, config.tracks, config.track_channels)
        self._memory = AudioMemory.create(address)
        self._commands = CommandWriter(self._memory)
        start = {"address": asdict(address), "routes": config.all_routes, "limiter": config.limiter}
        self.loaded_modules: Sequence[str] = self._ask(start, "ready")["modules"]
        if config.output == "device" or config.clock == "realtime":
            self._feeder = threading.Thread(target=self._feed, name="audio feeder", daemon=True)
            self._feeder.start()
        return info

    def _ask(self, order: dict[str, Any], answer: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        with suppress(OSError):  # a dead process is told by its answer
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        try:
            heard = self._answers.get(timeout=_ANSWER_WITHIN_S)
        except queue.Empty:
            raise DeviceError(f"The audio process did not answer within {_ANSWER_WITHIN_S:g} s.") from None
        if heard["event"] == answer:
            return heard
        raise self._as_error(heard)

    def _as_error(self, heard: dict[str, Any]) -> VocaleseError:
        if heard["event"] == "ended":
            self._answers.put(heard)  # whoever asks next finds out too
            return DeviceError(f"The audio process has ended. Its last words: {' / '.join(self._last_words) or 'none'}")
        kind = getattr(errors, heard.get("kind", ""), DeviceError)
        return kind(heard["text"])

    def _hear(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            heard = json.loads(line)
            if heard["event"] == "notice":
                self._tell(AudioEvent("notice", heard["text"]))
            else:
                self._answers.put(heard)
        self._answers.put({"event": "ended"})
        if not self._closing.is_set():
            self._tell(AudioEvent("ended", "The audio process has ended unexpectedly; there is no sound."))

    def _overhear(self) -> None:
        """What sound systems print about themselves is kept out of the user's sight until it explains something."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            text = line.decode(errors="replace").rstrip()
            self._last_words.append(text)
            log.debug("audio process: %s", text)

    def _tell(self, event: AudioEvent) -> None:
        log.warning("%s", event.text)
        if self._on_event is not None:
            self._on_event(event)

    def _feed(self) -> None:
        while not self._closing.wait(_FEED_EVERY_S):
            for writer in list(self._placed.values()):
                writer.feed()

    def _prepare(self, song_sample: int) -> None:
        if song_sample < 0:
            raise ValueError(f"song sample {song_sample}; 0 or more is possible")
        for writer in list(self._placed.values()):
            writer.prepare(song_sample)

    def _send(self, command: Command) -> None:
        if self._closing.is_set() or not self.is_alive:
            raise DeviceError("The audio process has ended.")
        if not self._commands.send(command):
            raise DeviceError("The audio process takes no commands: its device has stalled.")

    def _checked(self, track: int) -> int:
        if not 0 <= track < self.config.tracks:
            raise SettingsError(f"track {track}; there are {self.config.tracks}, counted from 0.")
        return track

    def _end_process(self) -> VocaleseError | None:
        refused: VocaleseError | None = None
        process = self._process
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        with suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_CLOSE_WITHIN_S)
        except subprocess.TimeoutExpired:
            log.warning("the audio process did not end within %g s and was stopped", _CLOSE_WITHIN_S)
            process.kill()
            process.wait()
        for reader in self._readers:
            reader.join()
        while not self._answers.empty():
            heard = self._answers.get()
            if heard["event"] == "refused":
                refused = self._as_error(heard)
        process.stdout.close()
        process.stderr.close()
        return refused


def _spawn() -> subprocess.Popen[bytes]:
    """A fresh interpreter: unlike a spawned `multiprocessing` child it does not run the parent's main script, whatever that imports."""
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "bridge.audio.process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
