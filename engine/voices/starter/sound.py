"""Spectral envelopes to samples of the starter voice: effects of the controls on spectra, and the source-filter stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.dsp.bands import band_centres_hz, band_interpolation, bin_centres_hz, cosine_transform, mel_of
from engine.performance.types import BREATH, SILENCE, Controls, PhoneSpan
from engine.units import NEPERS_PER_DB

from .config import AcousticConfig, EnvelopeVariance
from .numpy_networks import EnvelopeFrames
from .synthesiser import DEEPEST_GROWL, FFT_SIZE, Synthesiser, SynthesiserState

Array = NDArray[np.float32]

_NEPERS_PER_DB = np.float32(NEPERS_PER_DB)
_LEAST_APERIODICITY = 0.15  # in speech: D4C finds less noise at low frequencies than there is (tuned on harmonics-to-noise)
_LEAST_SUNG, _SUNG_UP_TO_HZ, _SPOKEN_FROM_HZ = 0.04, 1500.0, 4000.0  # in held notes, at low frequencies
# Held notes above this pitch turn to noise at high frequencies (people: partials up to 5 kHz at A4).
_NOISY_FROM_F0_HZ, _NOISY_FROM_HZ, _NOISE_SHARE = 300.0, 4500.0, 0.8
# Held notes begin and end darker than they are in the middle: dB at 8 kHz against 1 kHz, and how long.
_EDGE_DB, _EDGE_FROM_HZ, _ONSET_S, _END_S = -12.0, 1000.0, 0.06, 0.1
_FADE_FROM_HZ, _TOP_FADE_DB = 11_000.0, 9.0  # hiss fades towards the band's edge instead of stopping there
_LEVELLING_LIMIT_DB = 9.0
# Above this pitch the first formant of close vowels is passed: singers open up.
_OPENING_HZ, _OPENING_DB_PER_OCTAVE = 330.0, 24.0
_LEVELLING_BAND_HZ = 4000.0
_LEVELLING_LOWEST_HZ = 50.0
_LEVELLING_PACE = np.float32(0.35)  # share of the way per frame
# All that the harmonics pick from the whole band, half-harmonics of growl too, may be louder than the envelope itself by so much.
_HEADROOM_DB, _HEADROOM_UP_TO_HZ = 12.0, 880.0
_LEAST_HEADROOM_DB = 3.0  # an octave higher, where one harmonic says little about the others
_GROWL_SHARE = 0.5 * DEEPEST_GROWL  # of a harmonic's size, that full growl moves to the half-harmonics beside it
_LEAST_PICKED = 1e-6  # of the envelope's mean power: there is nothing to be raised
_TENSION_DB = 9.0  # at 8 kHz against 500 Hz, at full tension
_FADE_S, _RING_S = 0.006, 0.012
_PAUSES = frozenset({SILENCE, BREATH})


@dataclass
class SoundState:
    """State between calls."""

    synthesiser: SynthesiserState
    levelling: float  # natural-log gain of the last frame
    voiced: bool


class Sound:
    """The sound stage, without state of its own: several streams may share it."""

    def __init__(self, config: AcousticConfig, variance: EnvelopeVariance) -> None:
        self._rate, self._hop = config.sample_rate, config.hop_samples
        self._synthesiser = Synthesiser(self._rate, self._hop)
        bins_hz = bin_centres_hz(self._rate, FFT_SIZE)
        self._restored, self._offsets = _restoring(variance, config)
        self._power_to_bins = band_interpolation(self._rate, config.power_bands, bins_hz)
        # Not by BLAS, which rounds by the number of threads.
        self._plain_to_bins = np.einsum("ab,bc->ac", self._restored, self._power_to_bins)
        self._plain_offsets = np.einsum("sa,ab->sb", self._offsets, self._power_to_bins)
        self._ratio_to_bins = band_interpolation(self._rate, config.aperiodicity_bands, bins_hz)
        fade = np.clip((bins_hz - _FADE_FROM_HZ) / (self._rate / 2 - _FADE_FROM_HZ), 0.0, 1.0)
        self._top_fade = (-_TOP_FADE_DB * _NEPERS_PER_DB * fade).astype(np.float32)
        sung = np.interp(bins_hz, [_SUNG_UP_TO_HZ, _SPOKEN_FROM_HZ], [_LEAST_SUNG, _LEAST_APERIODICITY])
        self._floor_change = (sung - _LEAST_APERIODICITY).astype(np.float32)
        self._noisy = np.clip(bins_hz / _NOISY_FROM_HZ - 1.0, 0.0, 0.5).astype(np.float32) * np.float32(2.0 * _NOISE_SHARE)
        edge = np.clip(np.log2(np.maximum(bins_hz, 1.0) / _EDGE_FROM_HZ) / np.log2(8000.0 / _EDGE_FROM_HZ), 0.0, 1.0)
        self._edge_tilt = (_EDGE_DB * _NEPERS_PER_DB * edge).astype(np.float32)
        octaves = np.clip(np.log2(np.maximum(bins_hz, 1.0) / 500.0), 0.0, 4.0)
        self._tension_tilt = (octaves / 4.0 * _TENSION_DB * _NEPERS_PER_DB).astype(np.float32)
        self._bins_hz = bins_hz.astype(np.float32)
        harmonics = int(_LEVELLING_BAND_HZ / _LEVELLING_LOWEST_HZ)
        self._harmonics = np.arange(1, harmonics, dtype=np.float32)
        self._levelling_top = int(_LEVELLING_BAND_HZ / (self._rate / 2) * (FFT_SIZE // 2))
        self._half_harmonics = np.arange(1, int(self._rate / _OPENING_HZ) + 2, dtype=np.float32)
        fade_samples = np.hanning(2 * int(_FADE_S * self._rate) + 3)[1:-1]
        self._mask_fade = fade_samples / fade_samples.sum()

    @property
    def delay_samples(self) -> int:
        """The latency of the synthesiser in samples."""
        return self._synthesiser.delay_samples

    def start(self, seed: int) -> SoundState:
        """Return the state of silence before the first frame."""
        return SoundState(self._synthesiser.start(seed), 0.0, False)

    def sound(
        self,
        state: SoundState,
        envelope: EnvelopeFrames,
        voiced: Array,
        gain_db: Array,
        controls: Controls,
        mix: Array,
        phones: Sequence[PhoneSpan],
        first_frame: int,
    ) -> Array:
        """Return samples [T * hop] of T frames from `first_frame` on; voiced 0 or 1, plain gain [T], shares of the speakers [T,
        speakers].

        Updates the state.
        """
        amplitude, ratio = self._spectra(envelope, gain_db, controls, mix)
        levelling = self._levelling(state, amplitude, ratio, voiced, controls)
        is_voiced = voiced[:, None]
        harmonic = amplitude + np.float32(0.5) * np.log1p(-(ratio**2)) + levelling[:, None]
        dark = self._edges(phones, first_frame, controls)
        if dark is not None:
            harmonic = harmonic + dark[:, None] * self._edge_tilt
        above = (
            np.clip(self._bins_hz / controls.f0_hz[:, None], 0.03, 1.0) ** 2
        )  # breath under the fundamental has nothing to sing
        noise = amplitude + np.log(is_voiced * ratio * above + (1.0 - is_voiced)) + self._top_fade
        magnitudes = np.stack([harmonic, noise], axis=1).astype(np.float32)
        samples = self._synthesiser.sound(state.synthesiser, controls.f0_hz, voiced, controls.growl, magnitudes)
        return samples * self._audible(phones, first_frame * self._hop - self.delay_samples, len(samples))

    def _spectra(self, envelope: EnvelopeFrames, gain_db: Array, controls: Controls, mix: Array) -> tuple[Array, Array]:
        """Return natural-log amplitude and aperiodicity at the FFT bins [T, bins], with gain, tension and breathiness applied."""
        bands, aperiodicity = envelope.log_amplitude, envelope.aperiodicity
        if controls.formant_semitones.any():
            restored = bands @ self._restored + mix @ self._offsets
            amplitude = self._moved(restored, controls.formant_semitones) @ self._power_to_bins
            aperiodicity = self._moved(aperiodicity, controls.formant_semitones)
        else:
            amplitude = bands @ self._plain_to_bins + mix @ self._plain_offsets
        amplitude = amplitude + (gain_db * _NEPERS_PER_DB)[:, None]
        if controls.tension.any():
            amplitude = amplitude + controls.tension[:, None] * self._tension_tilt
        ratio = np.clip(aperiodicity @ self._ratio_to_bins, self._least_aperiodicity(controls), 0.999)
        if controls.breathiness.any():
            ratio = ratio ** np.exp(np.float32(-1.5) * controls.breathiness)[:, None]
            whisper = np.clip((controls.breathiness - 0.4) / 0.6, 0.0, 1.0)[:, None] ** 2
            ratio = np.minimum(ratio + (1.0 - ratio) * whisper, 0.9999)
        return amplitude.astype(np.float32), ratio.astype(np.float32)

    def _least_aperiodicity(self, controls: Controls) -> Array:
        """Return the floor of the aperiodicity [T, bins]: lower at low frequencies in held notes, higher above 4.5 kHz in high ones."""
        steady = controls.steadiness[:, None]
        octaves = np.clip(np.log2(controls.f0_hz / _NOISY_FROM_F0_HZ), 0.0, 1.0)[:, None]
        return np.maximum(_LEAST_APERIODICITY + steady * self._floor_change, steady * octaves * self._noisy)

    def _edges(self, phones: Sequence[PhoneSpan], first_frame: int, controls: Controls) -> Array | None:
        """Return the darkness of the pulses' spectrum at the start and end of a passage between silences, 0..1 [T]; None for none."""
        if not controls.steadiness.any():
            return None
        times = (first_frame + np.arange(controls.frames) + 0.5) * self._hop / self._rate
        dark = np.zeros(controls.frames)
        for before, span in pairwise(phones):
            if before.symbol in _PAUSES and span.symbol not in _PAUSES:
                dark = np.maximum(dark, np.clip(1.0 - (times - span.start_s) / _ONSET_S, 0.0, 1.0) * (times >= before.start_s))
            elif before.symbol not in _PAUSES and span.symbol in _PAUSES:
                dark = np.maximum(dark, np.clip(1.0 - (span.start_s - times) / _END_S, 0.0, 1.0) * (times < span.end_s))
        return (dark * controls.steadiness).astype(np.float32) if dark.any() else None

    def _moved(self, bands: Array, semitones: Array) -> Array:
        """Read [T, bands] at frequencies divided by the shift; above the voice's band the last value holds."""
        count = bands.shape[1]
        wanted_hz = np.minimum(band_centres_hz(self._rate, count)[None] * 2.0 ** (-semitones[:, None] / 12.0), self._rate / 2)
        position = mel_of(wanted_hz) / mel_of(self._rate / 2) * (count - 1)
        low = np.clip(position.astype(int), 0, count - 2)
        share = (position - low).astype(np.float32)
        at_low, at_high = np.take_along_axis(bands, low, 1), np.take_along_axis(bands, low + 1, 1)
        return at_low + share * (at_high - at_low)

    def _levelling(self, state: SoundState, amplitude: Array, ratio: Array, voiced: Array, controls: Controls) -> Array:
        """Return the slowly varying natural-log gain [T] that keeps loudness steady as the harmonics of a pitch hit or miss the formants.

        The power of the envelope at the harmonics under 4 kHz is compared with the envelope's mean there. `_highest_levelling` limits the
        gain for the other harmonics.
        """
        top, f0_hz = self._levelling_top, controls.f0_hz
        power = np.exp(2.0 * amplitude[:, : top + 2]) * (1.0 - ratio[:, : top + 2] ** 2)
        harmonics = f0_hz[:, None] * self._harmonics
        position = np.minimum(harmonics * np.float32(top / _LEVELLING_BAND_HZ), np.float32(top))
        low = position.astype(np.int32)
        at_low, at_high = np.take_along_axis(power, low, 1), np.take_along_axis(power, low + 1, 1)
        at_harmonics = (at_low + (position - low) * (at_high - at_low)) * (harmonics < _LEVELLING_BAND_HZ)
        picked = at_harmonics.sum(axis=1) * f0_hz / _LEVELLING_BAND_HZ
        limit = _LEVELLING_LIMIT_DB * _NEPERS_PER_DB
        opened = limit + _OPENING_DB_PER_OCTAVE * _NEPERS_PER_DB * np.log2(np.maximum(f0_hz / _OPENING_HZ, 1.0))
        highest = self._highest_levelling(amplitude, ratio, controls)
        wanted = np.clip(0.5 * np.log((power[:, : top + 1].mean(axis=1) + 1e-12) / (picked + 1e-12)), -limit, opened)
        gains = np.empty(len(wanted), np.float32)
        for index, (target, is_voiced) in enumerate(zip(wanted, voiced > 0, strict=True)):
            held = state.levelling + _LEVELLING_PACE * (target - state.levelling)
            level = float(held if state.voiced else target)  # a vowel begins at its own level
            state.levelling = min(level, float(highest[index]))
            state.voiced = bool(is_voiced)
            gains[index] = state.levelling
        return gains

    def _highest_levelling(self, amplitude: Array, ratio: Array, controls: Controls) -> Array:
        """Return the largest natural-log gain [T] at which everything the pulses excite, up to half the rate, stays within its limit.

        High notes have few harmonics under 4 kHz, or none: the gain that suits these would raise all others by as much, and the
        half-harmonics of growl. Unlimited for low notes, which have many harmonics.
        """
        highest = np.full(len(controls.f0_hz), np.inf, np.float32)
        high = np.flatnonzero(controls.f0_hz > _OPENING_HZ)
        if not len(high):
            return highest
        power = np.exp(2.0 * amplitude[high]) * (1.0 - ratio[high] ** 2)
        f0_hz, growl = controls.f0_hz[high, None], _GROWL_SHARE * controls.growl[high, None]
        position = 0.5 * f0_hz * self._half_harmonics * np.float32(FFT_SIZE / self._rate)
        low = np.minimum(position, FFT_SIZE // 2 - 1).astype(np.int32)
        at_low, at_high = np.take_along_axis(power, low, 1), np.take_along_axis(power, low + 1, 1)
        share = np.where(self._half_harmonics % 2 == 0, (1.0 - growl) ** 2, growl**2) * (position < FFT_SIZE // 2)
        picked = (np.maximum(at_low, at_high) * share).sum(axis=1) * f0_hz[:, 0] / (self._rate / 2)
        mean = power.mean(axis=1) + 1e-12
        octaves = np.clip(np.log2(f0_hz[:, 0] / _HEADROOM_UP_TO_HZ), 0.0, 1.0)
        headroom_db = _HEADROOM_DB + (_LEAST_HEADROOM_DB - _HEADROOM_DB) * octaves
        highest[high] = headroom_db * _NEPERS_PER_DB + 0.5 * np.log(mean / np.maximum(picked, _LEAST_PICKED * mean))
        return highest

    def _audible(self, phones: Sequence[PhoneSpan], first_sample: int, samples: int) -> Array:
        """Return 1 while a phone sounds and shortly after, exactly 0 in silence, with short fades between."""
        reach = len(self._mask_fade) // 2
        start, end = first_sample - reach, first_sample + samples + reach
        mask = np.zeros(end - start)
        for span in phones:
            if span.symbol != SILENCE:
                low = int((span.start_s - _FADE_S) * self._rate)
                high = end if span.end_s == np.inf else int((span.end_s + _RING_S) * self._rate)
                mask[max(0, low - start) : max(0, high - start)] = 1.0
        if mask.all() or not mask.any():
            return mask[:samples].astype(np.float32)
        smooth = np.convolve(mask, self._mask_fade, mode="valid").astype(np.float32)
        smooth[smooth < 1e-5] = 0.0
        return smooth


def _restoring(variance: EnvelopeVariance, config: AcousticConfig) -> tuple[Array, Array]:
    """Return matrix [bands, bands] and offsets [speakers, bands] that apply the gains: restored = predicted @ matrix + mix @ offsets."""
    bands, speakers = config.power_bands, config.speakers
    if not variance.gain:
        return np.eye(bands, dtype=np.float32), np.zeros((speakers, bands), np.float32)
    means = np.array(variance.means)
    transform, change = cosine_transform(bands), np.array(variance.gain) - 1.0
    matrix = np.eye(bands) + np.einsum("ka,k,kb->ab", transform, change, transform)
    offsets = -np.einsum("k,sk,ka->sa", change, means, transform)
    return matrix.astype(np.float32), offsets.astype(np.float32)
