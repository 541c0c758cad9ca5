"""Objectives of the direct model and the decoder: the synthesiser as a layer, and distances to the recordings.

Needs torch and NumPy only, and runs on the device of its inputs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from engine.dsp.bands import band_centres_hz, band_interpolation, triangles
from engine.voices.source_filter import bin_interpolation, frames_to_samples, pulse_train, shape
from engine.voices.starter.acoustic import Envelope
from engine.voices.starter.config import AcousticConfig
from engine.voices.starter.decoder import Decoder
from engine.voices.units import UnitFrames

_FFT_SIZES = (2048, 512, 256)
_MEL_FFT, _MEL_BANDS = 1024, 80
_LOG_FLOOR = 3e-4
_BORDER_BANDS = 6  # the mean over so many bands under a narrow recording's border joins the two spectra there


@dataclass(frozen=True)
class Batch:
    """Crops on one frame grid. B crops, N units (padded), T frames."""

    units: Tensor  # [B, N]
    unit_of_frame: Tensor  # [B, T]
    position: Tensor  # [B, T, 8]
    f0_hz: Tensor  # [B, T]
    voiced: Tensor  # [B, T]
    effort: Tensor  # [B, T]
    aperiodicity: Tensor  # [B, T, bands]
    samples: Tensor  # [B, T * hop]
    speaker: Tensor  # [B]
    band_hz: Tensor  # [B], what the recording reaches up to


@dataclass(frozen=True)
class SungBatch:
    """Crops of the sung set."""

    units: Tensor
    unit_of_frame: Tensor
    position: Tensor
    codes: Tensor
    voiced: Tensor
    effort: Tensor
    bands: Tensor
    aperiodicity: Tensor
    mix: Tensor


class Renderer:
    """Envelope to samples during training, and the spectral losses; holds the constant tables."""

    def __init__(self, config: AcousticConfig, device: torch.device | str = "cpu") -> None:
        self.config = config
        self._to_bins = bin_interpolation(config.sample_rate, config.power_bands).to(device)
        bins = np.arange(self._to_bins.shape[1]) * config.sample_rate / (2 * (self._to_bins.shape[1] - 1))
        ratio_to_bins = torch.from_numpy(band_interpolation(config.sample_rate, config.aperiodicity_bands, bins))
        self._aperiodicity_to_bins = ratio_to_bins.to(device)
        self._mel = torch.from_numpy(mel_filters(config.sample_rate)).to(device)

    def render(
        self, envelope: Envelope, batch: Batch, generator: torch.Generator, *, teaches_aperiodicity: bool = False
    ) -> Tensor:
        """Return samples [B, T * hop]. The aperiodicity gets no gradient by default: a spectral loss would prefer a buzz."""
        voiced = batch.voiced[:, :, None]
        ratio = envelope.aperiodicity if teaches_aperiodicity else envelope.aperiodicity.detach()
        aperiodicity = (ratio @ self._aperiodicity_to_bins).clamp(0.01, 0.999)
        aperiodicity = voiced * aperiodicity + (1.0 - voiced)
        amplitude = envelope.log_amplitude @ self._to_bins
        harmonic = amplitude + 0.5 * torch.log1p(-(aperiodicity.clamp(max=0.9999) ** 2))
        noise = amplitude + torch.log(aperiodicity)
        f0_samples = frames_to_samples(batch.f0_hz.double(), self.config.hop_samples)
        gate = batch.voiced.repeat_interleave(self.config.hop_samples, dim=1)
        start = torch.rand(1, generator=generator, device=generator.device).item()
        pulses = pulse_train(f0_samples, self.config.sample_rate, start) * gate
        hiss = torch.randn(pulses.shape, generator=generator, device=pulses.device)
        length = pulses.shape[1]
        mixed = shape(torch.cat([pulses, hiss]), torch.cat([harmonic, noise]), self.config.hop_samples)[:, :length]
        return mixed[: len(pulses)] + mixed[len(pulses) :]

    def spectral_loss(self, rendered: Tensor, batch: Batch) -> Tensor:
        """Return mean log-magnitude L1 over FFT sizes plus log-mel L1, up to the upper limit of each recording."""
        total = rendered.new_zeros(())
        for size in _FFT_SIZES:
            inside = self._inside(np.arange(size // 2 + 1) / size, batch.band_hz)[:, :, None]
            distance = (_log_spectrum(rendered, size) - _log_spectrum(batch.samples, size)).abs()
            total = total + _weighted_mean(distance, inside) / len(_FFT_SIZES)
        mel_r, mel_t = (
            torch.log(_magnitude(x, _MEL_FFT).transpose(1, 2) @ self._mel + _LOG_FLOOR) for x in (rendered, batch.samples)
        )
        centres = band_centres_hz(self.config.sample_rate, _MEL_BANDS + 2)[1:-1] / self.config.sample_rate
        return total + _weighted_mean((mel_r - mel_t).abs(), self._inside(centres, batch.band_hz)[:, None])

    def _inside(self, cycles: np.ndarray, band_hz: Tensor) -> Tensor:
        """Return [B, len(cycles)]: 1 at frequencies (in cycles per sample) within the recordings' bands."""
        frequencies_hz = torch.from_numpy(cycles * self.config.sample_rate).to(band_hz.device)
        return (frequencies_hz[None] <= band_hz[:, None]).float()


def tie_loss(own: Envelope, first: Envelope, config: AcousticConfig, band_hz: Tensor) -> Tensor:
    """Return the distance of the bands above each row's `band_hz` [B] from the first speaker's, shifted to meet at the border."""
    power_hz = torch.from_numpy(band_centres_hz(config.sample_rate, config.power_bands))[None]
    above = (power_hz > band_hz[:, None]).float()[:, None]
    below = (power_hz <= band_hz[:, None]).float()
    border = ((torch.cumsum(below.flip(1), 1) <= _BORDER_BANDS).flip(1) * below)[:, None]
    step = ((own.log_amplitude.detach() - first.log_amplitude) * border).sum(2, keepdim=True) / border.sum(2, keepdim=True)
    power = _weighted_mean((own.log_amplitude - first.log_amplitude - step).abs(), above)
    ratio_hz = torch.from_numpy(band_centres_hz(config.sample_rate, config.aperiodicity_bands))[None]
    return power + _weighted_mean((own.aperiodicity - first.aperiodicity).abs(), (ratio_hz > band_hz[:, None]).float()[:, None])


def _weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum() / weights.expand_as(values).sum().clamp(min=1.0)


def aperiodicity_loss(envelope: Envelope, batch: Batch, config: AcousticConfig) -> Tensor:
    """Return L1 against D4C in voiced frames, up to the upper limit of each recording."""
    centres = torch.from_numpy(band_centres_hz(config.sample_rate, config.aperiodicity_bands)).to(batch.band_hz.device)[None]
    inside = (centres <= batch.band_hz[:, None]).float()[:, None]
    weight = batch.voiced[:, :, None] / batch.voiced.sum().clamp(min=1.0)
    return ((envelope.aperiodicity - batch.aperiodicity).abs() * inside * weight).sum() / config.aperiodicity_bands


def sung_losses(model: Decoder, batch: SungBatch, keep_units: Tensor) -> dict[str, Tensor]:
    """Return the weighted parts of the loss on the sung set: distance to the direct model's bands."""
    features = model.frame_features(batch.units, batch.unit_of_frame, batch.position, batch.codes, keep_units=keep_units)
    envelope = model.envelope(features, batch.voiced, batch.effort, model.speaker(batch.mix))
    weight = batch.voiced[:, :, None] / batch.voiced.sum().clamp(min=1.0)
    ratio = ((envelope.aperiodicity - batch.aperiodicity).abs() * weight).sum() / batch.aperiodicity.shape[2]
    return {
        "sung": functional.l1_loss(envelope.log_amplitude, batch.bands),
        "sung_aperiodicity": ratio,
        "sung_voicing": 0.1 * functional.binary_cross_entropy_with_logits(model.voicing_logit(features), batch.voiced),
    }


def unit_row(laid: UnitFrames, window: slice) -> dict[str, Tensor]:
    """Return the units of a crop and three neighbours on either side."""
    low = max(0, int(laid.unit_of_frame[window.start]) - 3)
    high = int(laid.unit_of_frame[window.stop - 1]) + 4
    return {
        "units": torch.from_numpy(laid.units[low:high]),
        "unit_of_frame": torch.from_numpy(laid.unit_of_frame[window] - low),
        "position": torch.from_numpy(laid.position[window]),
    }


def stack_rows(rows: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Stack rows to one batch; units are padded to the longest."""
    longest = max(len(row["units"]) for row in rows)
    for row in rows:
        row["units"] = functional.pad(row["units"], (0, longest - len(row["units"])))
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


def _magnitude(samples: Tensor, fft_size: int) -> Tensor:
    """Map [B, N] to [B, F, frames]."""
    window = torch.hann_window(fft_size, device=samples.device)
    return torch.stft(samples, fft_size, fft_size // 4, window=window, return_complex=True).abs() / math.sqrt(fft_size)


def _log_spectrum(samples: Tensor, fft_size: int) -> Tensor:
    return torch.log(_magnitude(samples, fft_size) + _LOG_FLOOR)


def mel_filters(sample_rate: int) -> np.ndarray:
    """Return [F, bands] triangles between neighbouring mel steps, float32; each band's weights sum to one."""
    corners_hz = band_centres_hz(sample_rate, _MEL_BANDS + 2)
    bins_hz = np.fft.rfftfreq(_MEL_FFT, 1.0 / sample_rate)
    filters = triangles(corners_hz, bins_hz).astype(np.float32)
    return (filters / np.maximum(filters.sum(axis=1, keepdims=True), 1e-9)).T
