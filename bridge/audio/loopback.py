"""Round-trip time of a device: through a cable, a loopback device, or connected JACK ports."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import DeviceError

from .devices import find_output, load_sounddevice

_BURSTS, _EVERY_S, _BURST_SAMPLES = 8, 0.25, 128
_LEVEL = 0.1  # -20 dBFS
_CLEAR = 8.0  # a burst is found where its correlation is so many times the rest


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """Result of a measurement. `round_trips_ms`: one per burst that came back, of `bursts` that were played."""

    device: str
    host_api: str
    sample_rate: int
    block_frames: int
    bursts: int
    round_trips_ms: tuple[float, ...]
    underruns: int


def measure_round_trip(wanted: str | int | None, *, block_frames: int = 0) -> RoundTrip:
    """Play eight short bursts of noise at -20 dBFS within two seconds and listen for them. Raises DeviceError if the device cannot."""
    device = find_output(wanted, 1)
    if device.input_channels < 1:
        raise DeviceError(f"'{device.name}' ({device.host_api}) has no inputs, so nothing can come back through it.")
    sounddevice = load_sounddevice()
    rate = device.default_rate
    played = _bursts(rate)
    heard = np.zeros(len(played), np.float32)
    done = threading.Event()
    at = underruns = largest_block = 0

    def callback(indata: NDArray[np.float32], outdata: NDArray[np.float32], frames: int, _moments: Any, status: Any) -> None:
        nonlocal at, underruns, largest_block
        count = min(frames, len(played) - at)
        outdata[:] = 0.0
        outdata[:count, 0] = played[at : at + count]
        heard[at : at + count] = indata[:count, 0]
        at += count
        underruns += bool(status.output_underflow or status.input_overflow)
        largest_block = max(largest_block, frames)
        if at == len(played):
            done.set()

    try:
        with sounddevice.Stream(
            device=(device.index, device.index), samplerate=rate, blocksize=block_frames, channels=1, callback=callback
        ):
            done.wait(4 * len(played) / rate)
    except sounddevice.PortAudioError as error:
        raise DeviceError(
            f"'{device.name}' ({device.host_api}) cannot be opened for playing and recording: {error}."
        ) from error
    trips_ms = round_trips_ms(played, heard, rate)
    return RoundTrip(device.name, device.host_api, rate, largest_block, _BURSTS, trips_ms, underruns)


def round_trips_ms(played: NDArray[np.float32], heard: NDArray[np.float32], sample_rate: int) -> tuple[float, ...]:
    """Return how many ms later each burst of `played[N]` comes that is found again in `heard[N]`."""
    period = round(_EVERY_S * sample_rate)
    trips = []
    for start in range(period, period * (_BURSTS + 1), period):
        burst = played[start : start + _BURST_SAMPLES]
        likeness = np.abs(np.correlate(heard[start : start + period], burst, "valid"))
        if likeness.max() > _CLEAR * np.sqrt(np.mean(likeness**2)):
            trips.append(1000 * int(np.argmax(likeness)) / sample_rate)
    return tuple(trips)


def _bursts(sample_rate: int) -> NDArray[np.float32]:
    period = round(_EVERY_S * sample_rate)
    played = np.zeros((_BURSTS + 2) * period, np.float32)
    noise = np.random.default_rng(0).uniform(-_LEVEL, _LEVEL, (_BURSTS, _BURST_SAMPLES))
    for number in range(_BURSTS):
        played[(number + 1) * period :][:_BURST_SAMPLES] = noise[number]
    return played
