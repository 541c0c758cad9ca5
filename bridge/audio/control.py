"""Commands to the audio process and telemetry back, as numbers in shared memory: the callback reads and writes them without a lock.

Times are device samples: a counter that starts at 0 with the audio process, grows with every sample given to the device, and never
steps, whatever the transport does. A command is due at a device sample (0: with the next block) and acts at exactly that one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

import numpy as np

from .live_ring import DROPPED, MISSED, ORIGIN, READ, SOUNDS, UNDERRUNS, WRITTEN
from .memory import COMMANDS, MAX_TRACKS, AudioMemory, Fence

_WRITTEN, _READ = 0, 8  # of the command counters
_DB_OF_NOTHING = -200.0
_Value = TypeVar("_Value")


class CommandKind(IntEnum):
    """Kind of a command; its three numbers in brackets."""

    PLAY = 1  # [song sample, or -1 to go on]
    STOP = 2
    LOCATE = 3  # [song sample]
    LOOP = 4  # [start, stop] in song samples; off where stop <= start
    GAIN = 5  # [linear gain], of a track
    LIMITER = 6  # [1 on, 0 off]
    PANIC = 7  # silence, transport stopped, nothing waits


@dataclass(frozen=True, slots=True)
class Command:
    """A command for the callback. `at` is a device sample, 0 = now; one in the past acts as if it had been on time."""

    kind: CommandKind
    at: int = 0
    track: int = 0
    a: float = 0.0
    b: float = 0.0


class CommandWriter:
    """Sends commands; one per audio process."""

    def __init__(self, memory: AudioMemory) -> None:
        self._counters, self._records, self._fence = memory.command_counters, memory.commands, Fence()

    def send(self, command: Command) -> bool:
        """Queue a command. Return False if the queue is full, which only a stalled device causes."""
        written = int(self._counters[_WRITTEN])
        if written - int(self._counters[_READ]) >= COMMANDS:
            return False
        self._records[written % COMMANDS] = (command.kind, command.at, command.track, command.a, command.b, 0.0)
        self._fence()
        self._counters[_WRITTEN] = written + 1
        return True

    def close(self) -> None:
        """Release the shared memory."""
        del self._counters, self._records


class CommandReader:
    """Receives commands in the callback, in the order sent."""

    def __init__(self, memory: AudioMemory) -> None:
        self._counters, self._records, self._fence = memory.command_counters, memory.commands, Fence()

    def take(self) -> Command | None:
        """Return the next command, None if there is none."""
        read = int(self._counters[_READ])
        if read == int(self._counters[_WRITTEN]):
            return None
        self._fence()
        kind, at, track, a, b, _ = self._records[read % COMMANDS].tolist()
        self._counters[_READ] = read + 1
        return Command(CommandKind(int(kind)), int(at), int(track), a, b)

    def close(self) -> None:
        """Release the shared memory."""
        del self._counters, self._records


# Places of the telemetry's numbers.
SEQUENCE, DEVICE_SAMPLE, BLOCK_NS, SONG_SAMPLE, PLAYING, LOOP_START, LOOP_STOP = 0, 1, 2, 3, 4, 5, 6
CALLBACKS, DEVICE_UNDERRUNS, LIMITED, LATE_COMMANDS, BLOCK_FRAMES, DEVICE_OPEN, BLOCK_SAMPLE = 7, 8, 9, 10, 11, 12, 13
LEAD_S, CALLBACK_LOAD = 0, 1
PLACED_MISSING, NOT_FINITE = 0, 1
PEAK, MEAN_SQUARE = 0, 1


@dataclass(frozen=True, slots=True)
class Clock:
    """The device's clock: sample `device_sample` was asked for at `block_ns` of `time.monotonic_ns` (jitter filtered out) and sounds
    `lead_s` later."""

    device_sample: int
    block_ns: int
    lead_s: float
    block_frames: int
    sample_rate: int

    def device_sample_at(self, monotonic_ns: int) -> int:
        """Return the device sample that the callback would be asked for at a moment, by the steady rate."""
        return self.device_sample + round((monotonic_ns - self.block_ns) * self.sample_rate * 1e-9)


@dataclass(frozen=True, slots=True)
class TransportState:
    """Position of the song: `song_sample` comes at `device_sample`, the next to be asked for, if `playing`. `loop` is (start, stop) or None."""

    playing: bool
    song_sample: int
    device_sample: int
    loop: tuple[int, int] | None
    callbacks: int
    in_callback: bool


@dataclass(frozen=True, slots=True)
class TrackTelemetry:
    """Counters and meters of a track, all since the start. Levels in dBFS, -200 for silence; the peak falls 20 dB per second."""

    peak_db: float
    rms_db: float
    live_waiting_samples: int
    live_played_samples: int
    live_underruns: int
    live_missed_samples: int
    live_dropped_samples: int
    live_origin: int | None
    """Device sample minus ring sample while the live source sounds: ring sample k plays at device sample k + `live_origin`."""
    placed_missing_samples: int
    not_finite_blocks: int


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Telemetry of the audio process. `callback_load` is the smoothed share of a block's time that its callback took."""

    clock: Clock
    transport: TransportState
    tracks: tuple[TrackTelemetry, ...]
    output_peak_db: tuple[float, ...]
    callbacks: int
    device_underruns: int
    limited_blocks: int
    late_commands: int
    callback_load: float
    device_open: bool


def clock_of(memory: AudioMemory) -> Clock:
    """Return the device's clock as of the last finished block: little to read, for frequent callers."""
    return _steady(memory, lambda: _clock(memory))


def transport_of(memory: AudioMemory) -> TransportState:
    """Return the transport as of the last finished block."""
    return _steady(memory, lambda: _transport(memory))


def telemetry_of(memory: AudioMemory, outputs: int = 2) -> Telemetry:
    """Return all telemetry as of the last finished block; `outputs` channels of the device are metered."""
    return _steady(memory, lambda: _telemetry(memory, outputs))


def _steady(memory: AudioMemory, read: Callable[[], _Value]) -> _Value:
    """Read again while a callback writes; after the last try return that, in case the process died half-way."""
    fence = Fence()
    for _ in range(200):
        before = int(memory.ints[SEQUENCE])
        fence()
        value = read()
        fence()
        if before % 2 == 0 and before == int(memory.ints[SEQUENCE]):
            return value
        time.sleep(50e-6)
    return value


def _transport(memory: AudioMemory) -> TransportState:
    ints = memory.ints.tolist()
    loop = (ints[LOOP_START], ints[LOOP_STOP]) if ints[LOOP_STOP] > ints[LOOP_START] else None
    return TransportState(
        bool(ints[PLAYING]), ints[SONG_SAMPLE], ints[DEVICE_SAMPLE], loop, ints[CALLBACKS], bool(ints[SEQUENCE] % 2)
    )


def _clock(memory: AudioMemory) -> Clock:
    ints = memory.ints
    return Clock(
        int(ints[BLOCK_SAMPLE]),
        int(ints[BLOCK_NS]),
        float(memory.floats[LEAD_S]),
        int(ints[BLOCK_FRAMES]),
        memory.address.sample_rate,
    )


def _telemetry(memory: AudioMemory, outputs: int) -> Telemetry:
    ints, floats = memory.ints.tolist(), memory.floats.tolist()
    return Telemetry(
        clock=_clock(memory),
        transport=_transport(memory),
        tracks=tuple(_track(memory, track) for track in range(memory.address.tracks)),
        output_peak_db=tuple(_decibels(peak) for peak in memory.output_peaks[: min(outputs, 2 * MAX_TRACKS)].tolist()),
        callbacks=ints[CALLBACKS],
        device_underruns=ints[DEVICE_UNDERRUNS],
        limited_blocks=ints[LIMITED],
        late_commands=ints[LATE_COMMANDS],
        callback_load=floats[CALLBACK_LOAD],
        device_open=bool(ints[DEVICE_OPEN]),
    )


def _track(memory: AudioMemory, track: int) -> TrackTelemetry:
    live, ints = memory.live_counters[track].tolist(), memory.track_ints[track].tolist()
    floats = memory.track_floats[track]
    return TrackTelemetry(
        peak_db=_decibels(float(floats[PEAK])),
        rms_db=_decibels(math.sqrt(max(float(floats[MEAN_SQUARE]), 0.0))),
        live_waiting_samples=live[WRITTEN] - live[READ],
        live_played_samples=live[READ],
        live_underruns=live[UNDERRUNS],
        live_missed_samples=live[MISSED],
        live_dropped_samples=live[DROPPED],
        live_origin=live[ORIGIN] if live[SOUNDS] else None,
        placed_missing_samples=ints[PLACED_MISSING],
        not_finite_blocks=ints[NOT_FINITE],
    )


def _decibels(amplitude: float) -> float:
    return float(20 * np.log10(amplitude)) if amplitude > 1e-10 else _DB_OF_NOTHING
