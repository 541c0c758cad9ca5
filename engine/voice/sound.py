"""From spectral envelopes to the starter voice's samples: everything a producer's controls do to the sound, and the source-filter stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.model.bands import band_centres_hz, band_interpolation, bin_centres_hz, mel_of
from engine.model.config import AcousticConfig
from engine.model.inference import EnvelopeFrames
from engine.model.synthesiser import FFT_SIZE, Synthesiser, SynthesiserState
from engine.performance.types import SILENCE, Controls, PhoneSpan

Array = NDArray[np.float32]

_NEPER_PER_DB = np.float32(np.log(10.0) / 20.0)
_EMPHASIS, _EMPHASIS_BANDS = 1.3, 21  # formants drawn out of a spectrum that training averaged flat (tuned on sung words)
_LEAST_APERIODICITY = 0.15  # D4C finds less noise at low frequencies than there is (tuned on harmonics-to-noise)
_FADE_FROM_HZ, _TOP_FADE_DB = 11_000.0, 9.0  # hiss fades towards the band's edge instead of stopping there
_LEVELLING_LIMIT_DB = 6.0
# Above this pitch the first formant of close vowels is passed: singers open up.
_OPENING_HZ, _OPENING_DB_PER_OCTAVE = 330.0, 24.0
_LEVELLING_BAND_HZ = 4000.0
_LEVELLING_LOWEST_HZ = 50.0
_LEVELLING_PACE = np.float32(0.35)  # share of the way per frame
_TENSION_DB = 9.0  # at 8 kHz against 500 Hz, at full tension
_FADE_S, _RING_S = 0.006, 0.012


@dataclass
class SoundState:
    """What is held between calls."""

    synthesiser: SynthesiserState
    levelling: float  # natural-log gain of the last frame
    voiced: bool


class Sound:
    """See the module docstring. Has no state of its own: many streams may share it."""

    def __init__(self, config: AcousticConfig) -> None:
        self._rate, self._hop = config.sample_rate, config.hop_samples
        self._synthesiser = Synthesiser(self._rate, self._hop)
        bins_hz = bin_centres_hz(self._rate, FFT_SIZE)
        self._emphasis = _emphasis(config.power_bands)
        self._power_to_bins = band_interpolation(self._rate, config.power_bands, bins_hz)
        self._plain_to_bins = self._emphasis @ self._power_to_bins
        self._ratio_to_bins = band_interpolation(self._rate, config.aperiodicity_bands, bins_hz)
        fade = np.clip((bins_hz - _FADE_FROM_HZ) / (self._rate / 2 - _FADE_FROM_HZ), 0.0, 1.0)
        self._top_fade = (-_TOP_FADE_DB * _NEPER_PER_DB * fade).astype(np.float32)
        octaves = np.clip(np.log2(np.maximum(bins_hz, 1.0) / 500.0), 0.0, 4.0)
        self._tension_tilt = (octaves / 4.0 * _TENSION_DB * _NEPER_PER_DB).astype(np.float32)
        self._bins_hz = bins_hz.astype(np.float32)
        harmonics = int(_LEVELLING_BAND_HZ / _LEVELLING_LOWEST_HZ)
        self._harmonics = np.arange(1, harmonics, dtype=np.float32)
        self._levelling_top = int(_LEVELLING_BAND_HZ / (self._rate / 2) * (FFT_SIZE // 2))
        fade_samples = np.hanning(2 * int(_FADE_S * self._rate) + 3)[1:-1]
        self._mask_fade = fade_samples / fade_samples.sum()

    @property
    def delay_samples(self) -> int:
        """See Synthesiser."""
        return self._synthesiser.delay_samples

    def start(self, seed: int) -> SoundState:
        """Silence before the first frame."""
        return SoundState(self._synthesiser.start(seed), 0.0, False)

    def sound(
        self,
        state: SoundState,
        envelope: EnvelopeFrames,
        voiced: Array,
        gain_db: Array,
        controls: Controls,
        phones: Sequence[PhoneSpan],
        first_frame: int,
    ) -> Array:
        """Samples [T * hop] of T frames from `first_frame` on; voiced 0 or 1 and plain gain [T]. Moves the state."""
        amplitude, ratio = self._spectra(envelope, gain_db, controls)
        levelling = self._levelling(state, amplitude, ratio, voiced, controls.f0_hz)
        is_voiced = voiced[:, None]
        harmonic = amplitude + np.float32(0.5) * np.log1p(-(ratio**2)) + levelling[:, None]
        above = (
            np.clip(self._bins_hz / controls.f0_hz[:, None], 0.03, 1.0) ** 2
        )  # breath under the fundamental has nothing to sing
        noise = amplitude + np.log(is_voiced * ratio * above + (1.0 - is_voiced)) + self._top_fade
        magnitudes = np.stack([harmonic, noise], axis=1).astype(np.float32)
        samples = self._synthesiser.sound(state.synthesiser, controls.f0_hz, voiced, controls.growl, magnitudes)
        return samples * self._audible(phones, first_frame * self._hop - self.delay_samples, len(samples))

    def _spectra(self, envelope: EnvelopeFrames, gain_db: Array, controls: Controls) -> tuple[Array, Array]:
        """Natural-log amplitude and aperiodicity at the FFT bins [T, bins], with gain, tension and breathiness applied."""
        bands, aperiodicity = envelope.log_amplitude, envelope.aperiodicity
        if controls.formant_semitones.any():
            amplitude = self._moved(bands @ self._emphasis, controls.formant_semitones) @ self._power_to_bins
            aperiodicity = self._moved(aperiodicity, controls.formant_semitones)
        else:
            amplitude = bands @ self._plain_to_bins
        amplitude = amplitude + (gain_db * _NEPER_PER_DB)[:, None]
        if controls.tension.any():
            amplitude = amplitude + controls.tension[:, None] * self._tension_tilt
        ratio = np.clip(aperiodicity @ self._ratio_to_bins, _LEAST_APERIODICITY, 0.999)
        if controls.breathiness.any():
            ratio = ratio ** np.exp(np.float32(-1.5) * controls.breathiness)[:, None]
            whisper = np.clip((controls.breathiness - 0.4) / 0.6, 0.0, 1.0)[:, None] ** 2
            ratio = np.minimum(ratio + (1.0 - ratio) * whisper, 0.9999)
        return amplitude.astype(np.float32), ratio.astype(np.float32)

    def _moved(self, bands: Array, semitones: Array) -> Array:
        """[T, bands] read at frequencies divided by the shift; above the voice's band the last value holds."""
        count = bands.shape[1]
        wanted_hz = np.minimum(band_centres_hz(self._rate, count)[None] * 2.0 ** (-semitones[:, None] / 12.0), self._rate / 2)
        position = mel_of(wanted_hz) / mel_of(self._rate / 2) * (count - 1)
        low = np.clip(position.astype(int), 0, count - 2)
        share = (position - low).astype(np.float32)
        at_low, at_high = np.take_along_axis(bands, low, 1), np.take_along_axis(bands, low + 1, 1)
        return at_low + share * (at_high - at_low)

    def _levelling(self, state: SoundState, amplitude: Array, ratio: Array, voiced: Array, f0_hz: Array) -> Array:
        """Natural-log gain [T] that keeps loudness steady as the harmonics of a pitch hit or miss the formants, slowly varying.

        The power that the harmonics under 4 kHz pick from the envelope is compared with the envelope's own mean there.
        """
        top = self._levelling_top
        power = np.exp(2.0 * amplitude[:, : top + 2]) * (1.0 - ratio[:, : top + 2] ** 2)
        harmonics = f0_hz[:, None] * self._harmonics
        position = np.minimum(harmonics * np.float32(top / _LEVELLING_BAND_HZ), np.float32(top))
        low = position.astype(np.int32)
        at_low, at_high = np.take_along_axis(power, low, 1), np.take_along_axis(power, low + 1, 1)
        at_harmonics = (at_low + (position - low) * (at_high - at_low)) * (harmonics < _LEVELLING_BAND_HZ)
        picked = at_harmonics.sum(axis=1) * f0_hz / _LEVELLING_BAND_HZ
        limit = _LEVELLING_LIMIT_DB * _NEPER_PER_DB
        highest = limit + _OPENING_DB_PER_OCTAVE * _NEPER_PER_DB * np.log2(np.maximum(f0_hz / _OPENING_HZ, 1.0))
        wanted = np.clip(0.5 * np.log((power[:, : top + 1].mean(axis=1) + 1e-12) / (picked + 1e-12)), -limit, highest)
        gains = np.empty(len(wanted), np.float32)
        for index, (target, is_voiced) in enumerate(zip(wanted, voiced > 0, strict=True)):
            held = state.levelling + _LEVELLING_PACE * (target - state.levelling)
            state.levelling = float(held if state.voiced else target)  # a vowel begins at its own level
            state.voiced = bool(is_voiced)
            gains[index] = state.levelling
        return gains

    def _audible(self, phones: Sequence[PhoneSpan], first_sample: int, samples: int) -> Array:
        """1 while a phone sounds and shortly after, exactly 0 in silence, with short fades between."""
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


def _emphasis(bands: int) -> Array:
    """[bands, bands]: makes peaks and valleys larger about their moving average along the bands."""
    window = np.hanning(_EMPHASIS_BANDS + 2)[1:-1]
    window /= window.sum()
    reach = _EMPHASIS_BANDS // 2
    smooth = np.zeros((bands, bands))
    for band in range(bands):
        for offset, weight in zip(range(-reach, reach + 1), window, strict=True):
            smooth[min(max(band + offset, 0), bands - 1), band] += weight
    return (smooth + _EMPHASIS * (np.eye(bands) - smooth)).astype(np.float32)
