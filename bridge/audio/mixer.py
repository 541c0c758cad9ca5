"""The audio callback: read the sources, place them by the transport, mix, meter, count.

All buffers are allocated beforehand. It never waits, and it never raises for any content of the shared memory.
"""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray

from bridge.realtime.block_clock import BlockClock
from engine import Ceiling

from .control import (
    BLOCK_FRAMES,
    BLOCK_NS,
    BLOCK_SAMPLE,
    CALLBACK_LOAD,
    CALLBACKS,
    DEVICE_SAMPLE,
    DEVICE_UNDERRUNS,
    LATE_COMMANDS,
    LEAD_S,
    LIMITED,
    LOOP_START,
    LOOP_STOP,
    MEAN_SQUARE,
    NOT_FINITE,
    PEAK,
    PLACED_MISSING,
    PLAYING,
    SEQUENCE,
    SONG_SAMPLE,
    Command,
    CommandKind,
    CommandReader,
)
from .live_ring import LiveReader
from .memory import MAX_FRAMES, AudioMemory, Fence
from .song_source import PlacedReader

_COMMANDS_PER_BLOCK = 32
_PENDING_COMMANDS = 256
_PEAK_FALL_DB_PER_S, _RMS_WINDOW_S, _LOAD_WINDOW_S = 20.0, 0.3, 1.0
_GAIN_GLIDE_S = 0.010


class Mixer:
    """Mixes the tracks of an `AudioMemory` into blocks of the device.

    `routes[track]` names the output channels (from 0) of each channel of the track; a track of one channel goes to all of them alike.
    """

    def __init__(self, memory: AudioMemory, routes: tuple[tuple[int, ...], ...], *, outputs: int, limiter: bool = True) -> None:
        address = memory.address
        self._memory, self._ints, self._floats = memory, memory.ints, memory.floats
        self._ints[SEQUENCE] += self._ints[SEQUENCE] % 2  # a mixer before us may have died in a callback
        self._rate = address.sample_rate
        self._live = [LiveReader(memory, track) for track in range(address.tracks)]
        self._placed = [PlacedReader(memory, track) for track in range(address.tracks)]
        self._commands = CommandReader(memory)
        self._pending: list[Command] = []
        self._block_clock = BlockClock(self._rate)
        self._routes = tuple(
            tuple((channel % address.channels, output) for channel, output in enumerate(route)) for route in routes
        )
        self._gains = [_Gain(self._rate) for _ in range(address.tracks)]
        self._master = _Gain(self._rate)
        self._limits = limiter
        self._ceilings = [Ceiling(self._rate, min(2, outputs - first)) for first in range(0, outputs, 2)]
        self._mix = np.zeros((address.tracks, address.channels, MAX_FRAMES), np.float32)
        self._scratch = np.zeros((address.tracks, address.channels, MAX_FRAMES), np.float32)
        self._out = np.zeros((outputs, MAX_FRAMES), np.float32)
        self._squares = np.zeros(address.tracks)
        self._fence = Fence()

    @property
    def faded_out(self) -> bool:
        """Return whether `fade_out` has reached silence."""
        return self._master.target == 0.0 and self._master.now == 0.0

    def fade_out(self) -> None:
        """Fade to silence within 10 ms and stay there."""
        self._master.target = 0.0

    def resume(self) -> None:
        """Drop what waits in the live rings, because the device was away and it is too late."""
        for live in self._live:
            live.flush()

    def process(self, out: NDArray[np.float32], *, underrun: bool = False, lead_s: float = 0.0) -> None:
        """Fill a block of the device, `out[N, C]`. `lead_s`: how long after this call its first sample sounds."""
        started_ns = time.monotonic_ns()
        ints, frames = self._ints, len(out)
        ints[SEQUENCE] += 1
        self._fence()
        ints[BLOCK_SAMPLE], ints[BLOCK_FRAMES] = ints[DEVICE_SAMPLE], frames
        ints[BLOCK_NS], self._floats[LEAD_S] = self._block_clock.smoothed_ns(started_ns, frames), lead_s
        ints[DEVICE_UNDERRUNS] += underrun
        for start in range(0, frames, MAX_FRAMES):
            self._block(out[start : start + MAX_FRAMES])
        ints[CALLBACKS] += 1
        self._report(time.monotonic_ns() - started_ns, frames)
        self._fence()
        ints[SEQUENCE] += 1

    def close(self) -> None:
        """Release the shared memory."""
        for live, placed in zip(self._live, self._placed, strict=True):
            live.close()
            placed.close()
        self._commands.close()
        del self._memory, self._ints, self._floats

    def _block(self, out: NDArray[np.float32]) -> None:
        frames = len(out)
        self._take_commands()
        self._play_placed(frames)
        device_sample = int(self._ints[DEVICE_SAMPLE])
        for track, live in enumerate(self._live):
            heard = self._scratch[track, :, :frames]
            live.read(heard, device_sample)
            self._mix[track, :, :frames] += heard
        self._meter_tracks(frames)
        mixed = self._out[:, :frames]
        mixed[:] = 0.0
        for track, gain in enumerate(self._gains):
            sound = self._mix[track, :, :frames]
            gain.apply(sound)
            for channel, output in self._routes[track]:
                mixed[output] += sound[channel]
        self._master.apply(mixed)
        self._ints[LIMITED] += self._limits and self._limited(mixed)
        self._meter_outputs(mixed)
        out[:] = mixed.T
        self._ints[DEVICE_SAMPLE] = device_sample + frames

    def _take_commands(self) -> None:
        """Move commands to the queue in which they wait for their sample, sorted by it."""
        for _ in range(_COMMANDS_PER_BLOCK):
            if len(self._pending) >= _PENDING_COMMANDS:
                return
            command = self._commands.take()
            if command is None:
                return
            place = len(self._pending)
            while place and self._pending[place - 1].at > command.at:
                place -= 1
            self._pending.insert(place, command)

    def _play_placed(self, frames: int) -> None:
        """Read the song into the mix, cut where a command is due and where the loop turns."""
        ints, at = self._ints, 0
        while at < frames:
            now = int(ints[DEVICE_SAMPLE]) + at
            while self._pending and self._pending[0].at <= now:
                self._obey(self._pending.pop(0), now)
            stop = min(frames, at + self._pending[0].at - now) if self._pending else frames
            song_sample, loop_stop = int(ints[SONG_SAMPLE]), int(ints[LOOP_STOP])
            if not ints[PLAYING]:
                for track, placed in enumerate(self._placed):
                    placed.stand(self._mix[track, :, at:stop])
                at = stop
                continue
            looped = int(ints[LOOP_START]) < loop_stop and song_sample < loop_stop
            if looped:
                stop = min(stop, at + loop_stop - song_sample)
            for track, placed in enumerate(self._placed):
                placed.read(self._mix[track, :, at:stop], song_sample)
            song_sample += stop - at
            ints[SONG_SAMPLE] = int(ints[LOOP_START]) if looped and song_sample == loop_stop else song_sample
            at = stop

    def _obey(self, command: Command, now: int) -> None:
        ints, late = self._ints, now - command.at if command.at else 0
        ints[LATE_COMMANDS] += late > 0
        match command.kind:
            case CommandKind.PLAY:
                if command.a >= 0:  # started late, it goes on where it would be by now
                    ints[SONG_SAMPLE] = int(command.a) + late
                ints[PLAYING] = 1
            case CommandKind.STOP:
                ints[PLAYING] = 0
            case CommandKind.LOCATE:
                ints[SONG_SAMPLE] = int(command.a) + (late if ints[PLAYING] else 0)
            case CommandKind.LOOP:
                ints[LOOP_START], ints[LOOP_STOP] = int(command.a), int(command.b)
            case CommandKind.GAIN:
                self._gains[command.track].target = command.a
            case CommandKind.LIMITER:
                self._limits = bool(command.a)
                for ceiling in self._ceilings:
                    ceiling.reset()
            case CommandKind.PANIC:
                ints[PLAYING] = 0
                self._pending.clear()
                for live in self._live:
                    live.cut()

    def _limited(self, mixed: NDArray[np.float32]) -> bool:
        """Limit each pair of outputs to the ceiling. Return whether any was turned down."""
        return any([ceiling.apply(mixed[2 * pair : 2 * pair + 2]) for pair, ceiling in enumerate(self._ceilings)])

    def _meter_tracks(self, frames: int) -> None:
        """Meter the levels before the gain; silence a track that is not finite."""
        mix, scratch = self._mix[:, :, :frames], self._scratch[:, :, :frames]
        np.einsum("tcn,tcn->t", mix, mix, out=self._squares)
        if not np.isfinite(self._squares).all():
            broken = ~np.isfinite(self._squares)
            mix[broken] = 0.0
            self._squares[broken] = 0.0
            self._memory.track_ints[broken, NOT_FINITE] += 1
        np.abs(mix, out=scratch)
        levels = self._memory.track_floats
        levels[:, PEAK] = np.maximum(scratch.max(axis=(1, 2)), levels[:, PEAK] * self._peak_fall(frames))
        share = 1 - math.exp(-frames / (_RMS_WINDOW_S * self._rate))
        levels[:, MEAN_SQUARE] += share * (self._squares / (frames * mix.shape[1]) - levels[:, MEAN_SQUARE])
        for track, placed in enumerate(self._placed):
            self._memory.track_ints[track, PLACED_MISSING] = placed.missing_samples

    def _meter_outputs(self, mixed: NDArray[np.float32]) -> None:
        peaks = self._memory.output_peaks[: len(mixed)]
        loudest = np.maximum(mixed.max(axis=1), -mixed.min(axis=1))
        np.maximum(loudest, peaks * self._peak_fall(mixed.shape[1]), out=peaks)

    def _peak_fall(self, frames: int) -> float:
        return 10 ** (-_PEAK_FALL_DB_PER_S * frames / self._rate / 20)

    def _report(self, took_ns: int, frames: int) -> None:
        if frames:
            load = took_ns * 1e-9 * self._rate / frames
            self._floats[CALLBACK_LOAD] += min(1.0, frames / (_LOAD_WINDOW_S * self._rate)) * (
                load - self._floats[CALLBACK_LOAD]
            )


class _Gain:
    """A gain that glides to its target, so that a change makes no click."""

    def __init__(self, sample_rate: int) -> None:
        self.now = self.target = 1.0
        self._step = 1 / (_GAIN_GLIDE_S * sample_rate)
        self._count = np.arange(1, MAX_FRAMES + 1, dtype=np.float32)
        self._ramp = np.empty(MAX_FRAMES, np.float32)

    def apply(self, sound: NDArray[np.float32]) -> None:
        """Multiply `sound[C, N]` in place."""
        if self.now == self.target:
            if self.now != 1.0:
                sound *= np.float32(self.now)
            return
        frames = sound.shape[1]
        rises = self.target > self.now
        ramp = self._ramp[:frames]
        np.multiply(self._count[:frames], np.float32(self._step if rises else -self._step), out=ramp)
        ramp += np.float32(self.now)
        (np.minimum if rises else np.maximum)(ramp, np.float32(self.target), out=ramp)
        sound *= ramp
        reached = self.now + (frames if rises else -frames) * self._step
        self.now = min(reached, self.target) if rises else max(reached, self.target)
