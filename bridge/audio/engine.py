"""Face of the audio room: start the audio process, send it audio and commands, read its telemetry.

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
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from bridge.realtime.child_process import RestartLimit
from bridge.stems.riff import StemMetadata
from engine.errors import DeviceError, SettingsError

from .control import Command, CommandKind, CommandWriter, Telemetry, telemetry_of
from .live_ring import LiveWriter
from .memory import AudioAddress, AudioMemory, new_name
from .messages import Advance, Advanced, Opened, OpenOutput, Play, Playing
from .outputs import ClockKind, OutputInfo, OutputKind
from .song_source import PlacedWriter
from .supervisor import AudioProcess

MAX_OUTPUT_CHANNELS = 64
_FEED_EVERY_S = 0.02
_MOST_DEATHS, _DEATHS_WITHIN_S = 3, 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AudioConfig:
    """Output to open. Rates in Hz; None takes the device's own, 48000 for file and null.

    `device` is an index or part of a name (`devices.find_output`), None the default. `block_frames` 0 lets the host choose. `latency`
    is "low", "high" or seconds. `routes[track]` names the output channels of a track, counted from 0; None mixes all tracks on the
    first pair. `clock` "manual" (file and null) stands still until `AudioEngine.advance`. `source_rate` is that of the audio given to
    `push_live`, None the output's. `metadata` (without `created`) goes into a file, with the label of a synthetic voice.
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
    limiter: bool = True
    source_rate: int | None = None
    metadata: StemMetadata = StemMetadata()

    def __post_init__(self) -> None:
        if self.output not in ("device", "file", "null"):
            raise SettingsError(f"output '{self.output}'; 'device', 'file' and 'null' are possible.")
        if self.clock not in ("realtime", "manual"):
            raise SettingsError(f"clock '{self.clock}'; 'realtime' and 'manual' are possible.")
        if (self.output == "file") != (self.path is not None):
            raise SettingsError("A path belongs to the output 'file', and to no other.")
        if self.sample_rate is not None and not 8_000 <= self.sample_rate <= 384_000:
            raise SettingsError(f"{self.sample_rate} Hz; 8000 to 384000 are possible.")
        if not 0 <= self.block_frames <= 8192:
            raise SettingsError(f"blocks of {self.block_frames} samples; 0 (the host's own) to 8192 are possible.")
        if self.routes is not None:
            if len(self.routes) != self.tracks:
                raise SettingsError(f"{len(self.routes)} routes for {self.tracks} tracks; one per track is needed.")
            if any(not 0 <= channel < MAX_OUTPUT_CHANNELS for route in self.routes for channel in route):
                raise SettingsError(f"Routes name output channels from 0 to {MAX_OUTPUT_CHANNELS - 1}.")
        if not (self.latency in ("low", "high") or (isinstance(self.latency, float | int) and 0 < self.latency <= 10)):
            raise SettingsError(f"a latency of {self.latency!r}; 'low', 'high' and seconds up to 10 are possible.")

    @property
    def all_routes(self) -> tuple[tuple[int, ...], ...]:
        """Return the route of each track."""
        return self.routes if self.routes is not None else ((0, 1),) * self.tracks

    @property
    def output_channels(self) -> int:
        """Return the number of channels that the output needs: whole pairs."""
        highest = max((channel for route in self.all_routes for channel in route), default=1)
        return 2 * (highest // 2 + 1)


@dataclass(frozen=True, slots=True)
class AudioEvent:
    """A sentence for the user. `kind`: "notice" (something went or came back), "ended" (there will be no sound)."""

    kind: str
    text: str


class AudioEngine:
    """A running audio process, as a context manager. `start` makes it; `close` fades out, ends it and removes the shared memory.

    If the device goes, or the audio process dies, the process is started again as soon as the device is there. Transport, placed audio
    and counters are kept; samples that waited in the live rings are dropped, because they are too late. A device that comes back at another
    rate gets the mix matched to its rate.
    """

    def __init__(self, config: AudioConfig, on_event: Callable[[AudioEvent], None] | None = None) -> None:
        self.config = config
        self._on_event = on_event
        self._closing = threading.Event()
        self._ends: queue.SimpleQueue[str | None] = queue.SimpleQueue()  # reasons of unexpected ends; None: closing
        self._limit = RestartLimit(_MOST_DEATHS, _DEATHS_WITHIN_S)
        self._live: dict[int, LiveWriter] = {}
        self._placed: dict[int, PlacedWriter] = {}
        self._gains: dict[int, float] = {}
        self._limiter = config.limiter
        self._memory: AudioMemory | None = None
        self._threads: list[threading.Thread] = []
        self._child_lock = threading.Lock()  # between being replaced and being ended for good
        self._child = AudioProcess(self._notice, self._ended)
        atexit.register(self.close)
        try:
            self.info = self._open()
        except BaseException:
            self.close()
            raise
        self._start_thread("audio guard", self._guard)
        if config.output == "device" or config.clock == "realtime":
            self._start_thread("audio feeder", self._feed)

    @classmethod
    def start(cls, config: AudioConfig, on_event: Callable[[AudioEvent], None] | None = None) -> AudioEngine:
        """Open the output. `on_event` is called from a thread. Raises DeviceError, OutputError or SettingsError if it cannot be opened."""
        return cls(config, on_event)

    def __enter__(self) -> AudioEngine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def address(self) -> AudioAddress:
        """Return the address with which another process attaches to the shared memory."""
        return self._shared.address

    @property
    def sample_rate(self) -> int:
        """Return the sample rate of the output in Hz: the unit of all sample positions."""
        return self.info.sample_rate

    @property
    def process_id(self) -> int:
        """Return the number of the audio process."""
        return self._child.process_id

    @property
    def is_alive(self) -> bool:
        """Return whether the audio process runs."""
        return self._child.is_alive

    def push_live(self, track: int, samples: NDArray[np.float32]) -> int:
        """Append `samples` `[N]` or `[C, N]`, at `source_rate`, to what plays live. Returns how many samples did not fit."""
        return self.live(track).push(samples)

    def rest_live(self, track: int) -> None:
        """Mark a rest: until more is pushed there is silence, and no underrun."""
        self.live(track).rest()

    def place(self, track: int, song_sample: int, samples: NDArray[np.float32]) -> None:
        """Put `samples` `[N]` or `[C, N]`, at the output's rate, at their sample of the song, over what was there."""
        self.placed(track).place(song_sample, samples)

    def live(self, track: int) -> LiveWriter:
        """Return this process's writer for a track's live source. Not for tracks that another process writes."""
        memory = self._shared
        if track not in self._live:
            self._live[track] = LiveWriter(memory, self._checked(track), source_rate=self.config.source_rate)
        return self._live[track]

    def placed(self, track: int) -> PlacedWriter:
        """Return this process's writer for a track's placed source. Not for tracks that another process writes."""
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
        """Stop the transport; the sound fades out in 5 ms."""
        self._send(Command(CommandKind.STOP, at))

    def locate(self, song_sample: int, *, at: int = 0) -> None:
        """Send the playhead to a sample of the song, playing or not."""
        self._prepare(song_sample)
        self._send(Command(CommandKind.LOCATE, at, a=song_sample))

    def loop(self, start: int, stop: int, *, at: int = 0) -> None:
        """Repeat song samples `start` to `stop`; stop <= start turns the loop off."""
        if start < 0:
            raise ValueError(f"loop from song sample {start}; 0 or more is possible")
        self._prepare(start)
        self._send(Command(CommandKind.LOOP, at, a=start, b=stop))

    def gain(self, track: int, linear: float, *, at: int = 0) -> None:
        """Glide a track's gain to `linear`, 0..4."""
        if not 0 <= linear <= 4:
            raise SettingsError(f"gain {linear}; 0 to 4 are possible.")
        self._gains[self._checked(track)] = linear
        self._send(Command(CommandKind.GAIN, at, track=track, a=linear))

    def limiter(self, on: bool) -> None:
        """Turn the soft limiter on or off."""
        self._limiter = on
        self._send(Command(CommandKind.LIMITER, a=float(on)))

    def panic(self) -> None:
        """Silence all within a block and 5 ms: stop the transport, drop waiting live audio."""
        self._send(Command(CommandKind.PANIC))

    def telemetry(self) -> Telemetry:
        """Return clock, transport, counters and meters as of the last block."""
        return telemetry_of(self._shared, self.info.channels)

    def advance(self, frames: int) -> None:
        """Play `frames` samples now; only with a manual clock. Placed audio is fed in between, so none is late."""
        step = self.address.pages * self.address.page_samples // 16
        for start in range(0, frames, step):
            for writer in list(self._placed.values()):
                writer.feed()
            self._child.ask(Advance(min(step, frames - start)), Advanced)

    def close(self) -> None:
        """Fade out, end the process, remove the shared memory. Raises OutputError if a file could not be completed."""
        if self._closing.is_set():
            return
        self._closing.set()
        atexit.unregister(self.close)
        self._ends.put(None)
        with self._child_lock:
            refused = self._child.end()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()
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
        info = self._child.ask(self._open_request(config.sample_rate, waits=False), Opened).info
        self._memory = AudioMemory.create(AudioAddress(new_name(), info.sample_rate, config.tracks, config.track_channels))
        self._commands = CommandWriter(self._memory)
        self.loaded_modules: Sequence[str] = self._child.ask(self._play_request(is_resumed=False), Playing).modules
        return info

    def _open_request(self, sample_rate: int | None, *, waits: bool) -> OpenOutput:
        config = self.config
        return OpenOutput(
            output=config.output,
            device=config.device,
            path=None if config.path is None else config.path.absolute(),
            overwrite=config.overwrite,
            metadata=replace(config.metadata, created=None),
            sample_rate=sample_rate,
            block_frames=config.block_frames,
            latency=config.latency,
            clock=config.clock,
            channels=config.output_channels,
            waits=waits,
        )

    def _play_request(self, *, is_resumed: bool) -> Play:
        return Play(self._shared.address, self.config.all_routes, self._limiter, is_resumed)

    def _notice(self, text: str) -> None:
        self._tell(AudioEvent("notice", text))

    def _ended(self, why: str) -> None:
        if not self._closing.is_set():
            self._ends.put(why)

    def _guard(self) -> None:
        """Restart the audio process when it ends unexpectedly. The shared memory stays, with all commands and audio in it."""
        while (why := self._ends.get()) is not None:
            if not why:
                self._limit.count()
            if self.config.output == "file" or self._limit.is_reached:
                self._tell(AudioEvent("ended", "The audio process has ended unexpectedly; there is no sound."))
                return
            self._tell(AudioEvent("notice", why or "The audio process has ended unexpectedly; it is started again."))
            self._child.end()
            with self._child_lock:
                if self._closing.is_set():
                    return
                self._child = AudioProcess(self._notice, self._ended)
            try:
                self._resume()
            except DeviceError as error:  # its end has been put in the queue too
                log.info("not yet: %s", error)

    def _resume(self) -> None:
        request = self._open_request(self.info.sample_rate, waits=True)
        rate = self._child.ask(request, Opened, waits_forever=True).info.sample_rate
        self._child.ask(self._play_request(is_resumed=True), Playing)
        for track, linear in self._gains.items():
            self._send(Command(CommandKind.GAIN, track=track, a=linear))
        matched = (
            "" if rate == self.info.sample_rate else f" It runs at {rate} Hz now; {self.info.sample_rate} Hz are matched to it."
        )
        self._tell(AudioEvent("notice", f"'{self.info.name}' plays again.{matched}"))

    def _tell(self, event: AudioEvent) -> None:
        if self._on_event is None:
            log.warning("%s", event.text)
        else:
            self._on_event(event)

    def _start_thread(self, name: str, target: Callable[[], None]) -> None:
        self._threads.append(threading.Thread(target=target, name=name, daemon=True))
        self._threads[-1].start()

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
        if self._closing.is_set():
            raise DeviceError("The audio process has been closed.")
        if not self._commands.send(command):
            raise DeviceError("The audio process takes no commands: its device has stalled.")

    def _checked(self, track: int) -> int:
        if not 0 <= track < self.config.tracks:
            raise SettingsError(f"track {track}; there are {self.config.tracks}, counted from 0.")
        return track
