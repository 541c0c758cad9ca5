"""Source and filter in NumPy, forward in time: pulse train and noise shaped by minimum-phase envelopes, with state.

Frame t is centred on sample (t + 0.5) * hop. Between two centres the filters are crossfaded, so everything up to a frame's centre is
ready as soon as its filters are known: the latency is half a hop. Pitch enters only here, so it is exact whatever the networks predict.
The same mathematics in torch, for training: `engine.voices.source_filter`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FFT_SIZE = 1536  # a hop of 320 samples and an impulse response of up to 38 ms at 32 kHz
SOURCES = 2  # pulses, noise
DEEPEST_GROWL = 0.7
_FIRST_PULSE_S = 0.001  # from the start of the first frame after hushed silence

Array = NDArray[np.float32]


@dataclass
class SynthesiserState:
    """State between calls."""

    cycles: float  # phase of the pulse train, 0..2: two periods, which growl tells apart; NaN: as fits the first pulse after silence
    f0_hz: float  # at the last frame's centre; 0 before the first frame
    voiced: float
    filters: NDArray[np.complex64]  # [SOURCES, bins] of the last frame
    ringing: Array  # [FFT_SIZE - hop], still to sound
    noise: np.random.Generator

    def hush(self) -> None:
        """Stop all ringing; the next frame begins as after silence: with an early pulse if it is voiced."""
        self.f0_hz = self.voiced = 0.0
        self.cycles = np.nan
        self.filters = np.zeros_like(self.filters)
        self.ringing = np.zeros_like(self.ringing)


class Synthesiser:
    """Convert frames of filters to samples."""

    def __init__(self, sample_rate: int, hop_samples: int, voicing_fade_s: float = 0.004) -> None:
        self._rate, self._hop = sample_rate, hop_samples
        ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(hop_samples) / hop_samples)
        self._windows = np.stack([1.0 - ramp, ramp]).astype(np.float32)  # of the last frame's and the new frame's filters
        self._weight_of_next = ((np.arange(hop_samples) + 0.5) / hop_samples)[None]
        fade = np.hanning((round(voicing_fade_s * sample_rate) | 1) + 2)[1:-1]
        rise = np.cumsum(fade / fade.sum())
        before = (hop_samples - len(rise)) // 2
        self._gate = np.concatenate([np.zeros(before), rise, np.ones(hop_samples - before - len(rise))]).astype(np.float32)
        self._fold = np.zeros(FFT_SIZE, np.float32)
        self._fold[0] = self._fold[FFT_SIZE // 2] = 1.0
        self._fold[1 : FFT_SIZE // 2] = 2.0

    @property
    def delay_samples(self) -> int:
        """The latency: sample n of the output belongs to time n - delay_samples."""
        return self._hop // 2

    def start(self, seed: int) -> SynthesiserState:
        """Return the state of silence before the first frame."""
        filters = np.zeros((SOURCES, FFT_SIZE // 2 + 1), np.complex64)
        return SynthesiserState(0.0, 0.0, 0.0, filters, np.zeros(FFT_SIZE - self._hop, np.float32), np.random.default_rng(seed))

    def sound(self, state: SynthesiserState, f0_hz: Array, voiced: Array, growl: Array, log_magnitude: Array) -> Array:
        """Return samples [T * hop] of T frames; f0_hz > 0, voiced 0 or 1, growl 0..1 [T], natural-log filter magnitudes [T, SOURCES,
        bins].
        """
        frames, hop = len(f0_hz), self._hop
        filters = np.concatenate([state.filters[None], minimum_phase(log_magnitude, self._fold)])
        sources = np.stack([self._pulses(state, f0_hz, voiced, growl), self._hiss(state, frames)], axis=1)  # [T, SOURCES, hop]
        state.filters = filters[-1]
        fading, rising = (np.fft.rfft(sources * window, FFT_SIZE) for window in self._windows)
        shaped = np.fft.irfft((filters[:-1] * fading + filters[1:] * rising).sum(axis=1), FFT_SIZE)
        out = np.zeros(frames * hop + FFT_SIZE - hop, np.float32)
        out[: FFT_SIZE - hop] = state.ringing
        for index, piece in enumerate(shaped):
            out[index * hop : index * hop + FFT_SIZE] += piece
        state.ringing = out[frames * hop :].copy()
        return out[: frames * hop]

    def _pulses(self, state: SynthesiserState, f0_hz: Array, voiced: Array, growl: Array) -> Array:
        """Return unit-variance band-limited pulses [T, hop] from frame centre to frame centre, fading where voicing changes.

        Growl attenuates every second period, as the false folds do: a voice an octave lower is mixed in.
        """
        ends = f0_hz.astype(np.float64)
        if np.isnan(state.cycles):
            state.cycles = float(-ends[0] * (self._hop // 2 + _FIRST_PULSE_S * self._rate) / self._rate % 1.0)
        starts = np.concatenate([[state.f0_hz or ends[0]], ends[:-1]])
        hz = starts[:, None] + (ends - starts)[:, None] * self._weight_of_next
        cycles = state.cycles + np.cumsum(hz.ravel() / self._rate)
        cycles -= 2.0 * np.floor(0.5 * cycles)
        gates = np.concatenate([[state.voiced], voiced]).astype(np.float32)
        state.cycles, state.f0_hz, state.voiced = float(cycles[-1]), float(ends[-1]), float(gates[-1])
        gate = gates[:-1, None] + np.diff(gates)[:, None] * self._gate
        if not gate.any():
            return np.zeros_like(gate)
        if growl.any():
            weakening = (0.5 - 0.5 * np.cos(np.pi * cycles)).reshape(gate.shape).astype(np.float32)
            gate = gate * (1.0 - DEEPEST_GROWL * growl[:, None] * weakening)
        return pulse_train(cycles, hz.ravel(), self._rate).reshape(gate.shape) * gate

    def _hiss(self, state: SynthesiserState, frames: int) -> Array:
        """Return noise of unit variance made of random signs [T, hop]: as bright as Gaussian noise, without its rare high peaks in
        sibilants.
        """
        signs = np.unpackbits(np.frombuffer(state.noise.bytes(frames * self._hop // 8), np.uint8))
        return (signs.astype(np.float32) * 2.0 - 1.0).reshape(frames, self._hop)


def pulse_train(cycles: NDArray[np.float64], f0_hz: NDArray[np.float64], sample_rate: int) -> Array:
    """Return unit-variance pulses with all harmonics below half the rate, at phases `cycles` and pitches `f0_hz` (> 0).

    Closed form of a sum of equal cosines (a ratio of sines). The top harmonic fades in and out as the pitch moves, so that none starts
    with a step. Phases are float64, so they stay exact over an hour. A pitch without a harmonic below half the rate is silent.
    """
    count = 0.5 * sample_rate / f0_hz
    whole = np.floor(count)
    fraction = count - whole
    half = np.sin(np.pi * cycles)
    at_pulse = np.abs(half) < 1e-6
    odd = 2.0 * whole + 1.0
    ratio = np.where(at_pulse, odd, np.sin(np.pi * odd * cycles) / np.where(at_pulse, 1.0, half))
    cosines = 0.5 * (ratio - 1.0) + fraction * np.cos(2.0 * np.pi * (whole + 1.0) * cycles)
    return (cosines * np.sqrt(2.0 / (whole + fraction**2)) * (whole > 0)).astype(np.float32)


def minimum_phase(log_magnitude: Array, fold: Array) -> NDArray[np.complex64]:
    """Return the spectrum [..., bins] of the minimum-phase filter with this natural-log magnitude, by folding the real cepstrum.

    (Oppenheim & Schafer, Discrete-Time Signal Processing.)
    """
    return np.exp(np.fft.rfft(np.fft.irfft(log_magnitude, len(fold)).astype(np.float32) * fold))
