"""The starter voice: a small acoustic network and a source-filter synthesiser, exact in pitch by construction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from engine.errors import VoiceError
from engine.model.acoustic import AcousticConfig, AcousticModel
from engine.model.source_filter import (
    band_centres_hz,
    band_interpolation,
    bin_interpolation,
    frames_to_samples,
    mel_of,
    pulse_train,
    shape_long,
)
from engine.model.units import SCHWA, VOWELS, Unit, split_phone, unit_frames
from engine.performance.types import BREATH, SILENCE, Performance, PhoneSpan

from .card import VoiceCard, weights_path

KIND = "starter"
_BLOCK_FRAMES = 256
_NEPER_PER_DB = float(np.log(10.0) / 20.0)
_VOICING_FADE_S = 0.004
_ALWAYS_VOICED_AFTER_S, _ALWAYS_VOICED_BEFORE_S = 0.05, 0.04  # inside vowels, from their start and to their end
_EMPHASIS, _EMPHASIS_BANDS = 1.3, 21  # formants drawn out of a spectrum that training averaged flat (tuned on sung words)
_LEAST_APERIODICITY = 0.12  # D4C finds less noise at low frequencies than there is (tuned on harmonics-to-noise)
_FADE_FROM_HZ, _TOP_FADE_DB = 11_000.0, 9.0  # hiss fades towards the band's edge instead of stopping there
_EFFORT_RANGE = (-0.8, 0.3)  # what the training data covers well; beyond it, plain gain
_DB_PER_EFFORT = 13.0  # measured: one unit of effort makes the network this much louder
_LEVELLING_LIMIT_DB = 6.0
_LEVELLING_BAND_HZ = 4000.0
_TENSION_DB = 9.0  # at 8 kHz against 500 Hz, at full tension
_BREATH_LEVEL_DB = -6.0
_FADE_S, _RING_S = 0.006, 0.012


@dataclass(frozen=True)
class Colour:
    """Everything the filters need of a phrase, per frame [T] (or [T, bands])."""

    log_amplitude: torch.Tensor
    aperiodicity: torch.Tensor
    voiced: torch.Tensor
    f0_hz: torch.Tensor
    gain_db: torch.Tensor
    breathiness: torch.Tensor
    tension: torch.Tensor
    formant_semitones: torch.Tensor

    def cut(self, block: slice) -> Colour:
        return Colour(**{item.name: getattr(self, item.name)[block] for item in fields(self)})


class StarterVoice:
    """See the module docstring."""

    def __init__(self, card: VoiceCard, model: AcousticModel) -> None:
        self._card = card
        self._model = model.eval()
        config = model.config
        self._rate, self._hop = config.sample_rate, config.hop_samples
        self._power_to_bins = bin_interpolation(self._rate, config.power_bands)
        bins_hz = np.arange(self._power_to_bins.shape[1]) * self._rate / (2 * (self._power_to_bins.shape[1] - 1))
        self._bins_hz = torch.from_numpy(bins_hz).float()
        self._aperiodicity_to_bins = torch.from_numpy(band_interpolation(self._rate, config.aperiodicity_bands, bins_hz))
        fade = np.clip((bins_hz - _FADE_FROM_HZ) / (self._rate / 2 - _FADE_FROM_HZ), 0.0, 1.0)
        self._top_fade = torch.from_numpy((-_TOP_FADE_DB * _NEPER_PER_DB * fade).astype(np.float32))
        octaves = np.clip(np.log2(np.maximum(bins_hz, 1.0) / 500.0), 0.0, 4.0)
        self._tension_tilt = torch.from_numpy((octaves / 4.0 * _TENSION_DB * _NEPER_PER_DB).astype(np.float32))

    @property
    def card(self) -> VoiceCard:
        return self._card

    @property
    def fingerprint(self) -> str:
        return f"{KIND}-6:{self._card.sha256}"

    @torch.inference_mode()
    def synthesise(self, performance: Performance) -> NDArray[np.float32]:
        """See `engine.voice.types.Voice`."""
        units = [unit for span in performance.phones for unit in _units_of(span)]
        laid = unit_frames(units, performance.frames, performance.frame_rate_hz)
        features = self._model.frame_features(
            *(torch.from_numpy(a)[None] for a in (laid.units, laid.unit_of_frame, laid.position))
        )
        voiced = _voicing(self._model.voicing_logit(features)[0].numpy(), units, laid.unit_of_frame, performance.frame_rate_hz)
        effort = np.clip(performance.energy_db / _DB_PER_EFFORT, *_EFFORT_RANGE).astype(np.float32)
        envelope = self._model.envelope(features, torch.from_numpy(voiced)[None], torch.from_numpy(effort)[None])
        gain_db = performance.energy_db - _DB_PER_EFFORT * effort + _BREATH_LEVEL_DB * _breath_frames(performance)
        colour = Colour(
            log_amplitude=envelope.log_amplitude[0],
            aperiodicity=envelope.aperiodicity[0],
            voiced=torch.from_numpy(voiced),
            f0_hz=torch.from_numpy(_continuous(performance.f0_hz)),
            gain_db=torch.from_numpy(gain_db.astype(np.float32)),
            breathiness=torch.from_numpy(performance.breathiness.copy()),
            tension=torch.from_numpy(performance.tension.copy()),
            formant_semitones=torch.from_numpy(performance.formant_semitones.copy()),
        )
        return self._render(performance, colour)

    def _render(self, performance: Performance, colour: Colour) -> NDArray[np.float32]:
        frames, hop = performance.frames, self._hop
        f0_samples = frames_to_samples(colour.f0_hz.double()[None], hop)[0]
        gate = _smoothed(colour.voiced.repeat_interleave(hop), round(_VOICING_FADE_S * self._rate))
        generator = torch.Generator().manual_seed(int(performance.hash[:15], 16))
        sources = torch.stack([pulse_train(f0_samples, self._rate) * gate, _hiss(frames * hop, generator)])
        levelling = self._levelling(colour)
        samples = shape_long(sources, lambda block: self._filters(colour.cut(block), levelling[block]), frames, hop)
        return (samples * torch.from_numpy(_audible(performance, frames * hop, self._rate))).numpy()

    def _filters(self, colour: Colour, levelling: torch.Tensor) -> torch.Tensor:
        """Natural-log magnitudes [2, T, F] of the harmonic and the noise filter."""
        amplitude, ratio = self._spectra(colour)
        voiced = colour.voiced[:, None]
        harmonic = amplitude + 0.5 * torch.log1p(-(ratio**2)) + levelling[:, None]
        noise = amplitude + torch.log(voiced * ratio * self._above(colour.f0_hz) + (1.0 - voiced)) + self._top_fade
        return torch.stack([harmonic, noise])

    def _above(self, f0_hz: torch.Tensor) -> torch.Tensor:
        """Gain [T, F] of the breath noise in voiced frames, falling below the fundamental: a formant under it has nothing to sing."""
        return (self._bins_hz[None] / f0_hz[:, None]).clamp(0.03, 1.0) ** 2

    def _spectra(self, colour: Colour) -> tuple[torch.Tensor, torch.Tensor]:
        """Natural-log amplitude and aperiodicity at the FFT bins [T, F], with gain, tension and breathiness applied."""
        log_amplitude = self._formants_moved(_emphasised(colour.log_amplitude), colour.formant_semitones)
        amplitude = log_amplitude @ self._power_to_bins
        amplitude = amplitude + (colour.gain_db * _NEPER_PER_DB)[:, None] + colour.tension[:, None] * self._tension_tilt
        aperiodicity = self._formants_moved(colour.aperiodicity, colour.formant_semitones)
        ratio = (aperiodicity @ self._aperiodicity_to_bins).clamp(_LEAST_APERIODICITY, 0.999)
        ratio = ratio ** torch.exp(-1.5 * colour.breathiness)[:, None]
        whisper = ((colour.breathiness - 0.4) / 0.6).clamp(0.0, 1.0)[:, None] ** 2
        return amplitude, (ratio + (1.0 - ratio) * whisper).clamp(max=0.9999)

    def _formants_moved(self, bands: torch.Tensor, semitones: torch.Tensor) -> torch.Tensor:
        """[T, bands] read at frequencies divided by the shift; above the voice's band the last value holds."""
        if not torch.any(semitones):
            return bands
        count = bands.shape[1]
        centres_hz = torch.from_numpy(band_centres_hz(self._rate, count)).float()
        wanted_hz = (centres_hz[None] * torch.exp2(-semitones / 12.0)[:, None]).clamp(max=self._rate / 2)
        top_mel = float(mel_of(self._rate / 2))
        position = 2595.0 * torch.log10(1.0 + wanted_hz / 700.0) / top_mel * (count - 1)
        low = position.long().clamp(0, count - 2)
        return torch.lerp(torch.gather(bands, 1, low), torch.gather(bands, 1, low + 1), position - low)

    def _levelling(self, colour: Colour) -> torch.Tensor:
        """Log gain [T] that keeps loudness steady as the harmonics of a pitch hit or miss the formants, slowly varying.

        The power that the harmonics under 4 kHz pick from the envelope is compared with the envelope's own mean there.
        """
        gains = []
        for first in range(0, len(colour.f0_hz), _BLOCK_FRAMES):
            block = colour.cut(slice(first, first + _BLOCK_FRAMES))
            amplitude, ratio = self._spectra(block)
            top = int(_LEVELLING_BAND_HZ / (self._rate / 2) * (amplitude.shape[1] - 1))
            power = (torch.exp(2.0 * amplitude) * (1.0 - ratio**2))[:, : top + 2]
            harmonics = block.f0_hz[:, None] * torch.arange(1, int(_LEVELLING_BAND_HZ / 50.0))[None]
            inside = harmonics < _LEVELLING_BAND_HZ
            position = (harmonics / _LEVELLING_BAND_HZ * top).clamp(max=float(top))
            low = position.long()
            at_harmonics = torch.lerp(torch.gather(power, 1, low), torch.gather(power, 1, low + 1), position - low)
            picked = (at_harmonics * inside).sum(1) * block.f0_hz / _LEVELLING_BAND_HZ
            gains.append(0.5 * torch.log((power[:, : top + 1].mean(1) + 1e-12) / (picked + 1e-12)))
        limit = _LEVELLING_LIMIT_DB * _NEPER_PER_DB
        return _smoothed(torch.cat(gains).clamp(-limit, limit), 9) * colour.voiced


def load_starter(folder: Path, card: VoiceCard) -> StarterVoice:
    """The voice in `folder`. Raises VoiceError if the weights do not fit the card."""
    path = weights_path(folder, card)
    try:
        config = AcousticConfig.from_dict(card.model)
        model = AcousticModel(config)
        model.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
    except (SafetensorError, RuntimeError, TypeError, KeyError, ValueError) as error:
        raise VoiceError(f"Voice '{card.name}': the weights do not fit the card's [model] table: {error}") from error
    return StarterVoice(card, model)


def save_weights(model: AcousticModel, path: Path) -> None:
    """float16 safetensors: half the size; what a card says was measured is measured with these."""
    save_file({name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}, path)
    path.chmod(0o644)  # the library writes owner-only files


def _hiss(samples: int, generator: torch.Generator) -> torch.Tensor:
    """White noise of unit variance made of random signs: as bright as Gaussian noise, without its rare tall spikes in sibilants."""
    return torch.randint(0, 2, (samples,), generator=generator).float() * 2.0 - 1.0


def _units_of(span: PhoneSpan) -> tuple[Unit, ...]:
    if span.symbol == SILENCE:
        return (Unit(SILENCE, span.start_s, span.end_s),)
    symbol = "HH" if span.symbol == BREATH else span.symbol
    return split_phone(symbol, span.start_s, span.end_s, is_reduced=span.stress == 0)


def _voicing(
    logits: NDArray[np.float32], units: Sequence[Unit], unit_of_frame: NDArray, frame_rate_hz: int
) -> NDArray[np.float32]:
    """0 or 1 per frame: the network's answer, but never silence voiced and never the middle of a vowel unvoiced."""
    times = (np.arange(len(logits)) + 0.5) / frame_rate_hz
    since = times - np.array([unit.start_s for unit in units])[unit_of_frame]
    until = np.array([unit.end_s for unit in units])[unit_of_frame] - times
    symbols = [unit.symbol.removesuffix("_glide") for unit in units]
    is_vowel = np.array([symbol in VOWELS or symbol == SCHWA for symbol in symbols])[unit_of_frame]
    is_glide = np.array([unit.symbol.endswith("_glide") for unit in units])[unit_of_frame]
    is_silent = np.array([symbol == SILENCE for symbol in symbols])[unit_of_frame]
    middle = is_vowel & ((since > _ALWAYS_VOICED_AFTER_S) | is_glide) & (until > _ALWAYS_VOICED_BEFORE_S)
    return (((logits > 0) | middle) & ~is_silent).astype(np.float32)


def _breath_frames(performance: Performance) -> NDArray[np.float32]:
    frames = np.zeros(performance.frames, dtype=np.float32)
    for span in performance.phones:
        if span.symbol == BREATH:
            frames[round(span.start_s * performance.frame_rate_hz) : round(span.end_s * performance.frame_rate_hz)] = 1.0
    return frames


def _audible(performance: Performance, samples: int, sample_rate: int) -> NDArray[np.float32]:
    """1 while a phone sounds and shortly after, exactly 0 in silence, with short fades between."""
    mask = np.zeros(samples, dtype=np.float32)
    for span in performance.phones:
        if span.symbol != SILENCE:
            mask[max(0, int((span.start_s - _FADE_S) * sample_rate)) : int((span.end_s + _RING_S) * sample_rate)] = 1.0
    fade = np.hanning(2 * int(_FADE_S * sample_rate) + 3)[1:-1]
    smooth = np.convolve(mask, fade / fade.sum(), mode="same").astype(np.float32)
    smooth[smooth < 1e-5] = 0.0
    return smooth


def _continuous(f0_hz: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gaps (NaN) filled by straight lines; 200 Hz if nothing is pitched."""
    known = np.flatnonzero(np.isfinite(f0_hz))
    if not len(known):
        return np.full_like(f0_hz, 200.0)
    return np.interp(np.arange(len(f0_hz)), known, f0_hz[known]).astype(np.float32)


def _emphasised(log_amplitude: torch.Tensor) -> torch.Tensor:
    """Peaks and valleys of [T, bands] made larger about their moving average along the bands."""
    smooth = _moving_average(log_amplitude, _EMPHASIS_BANDS)
    return smooth + _EMPHASIS * (log_amplitude - smooth)


def _smoothed(values: torch.Tensor, width: int) -> torch.Tensor:
    """Centred Hann moving average over about `width` points of [T], edges held."""
    return _moving_average(values[None], width)[0]


def _moving_average(rows: torch.Tensor, width: int) -> torch.Tensor:
    """Centred Hann moving average along the last axis of [R, N], edges held."""
    width |= 1
    window = torch.hann_window(width + 2, periodic=False)[1:-1]
    padded = torch.nn.functional.pad(rows[:, None], (width // 2, width // 2), mode="replicate")
    return torch.nn.functional.conv1d(padded, (window / window.sum())[None, None])[:, 0]
