"""First stage: the direct model, from prepared clips to spectral envelopes, trained through the synthesiser.

Loss: log-magnitude L1 at three FFT sizes, log-mel L1, aperiodicity L1 against D4C and voicing cross-entropy. The spectral losses see the
total power only (the aperiodicity is detached there): left alone they would choose a periodic buzz over haze.

A speaker recorded with a narrower band teaches nothing above it; there the bands follow the first speaker's, joined at the border.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from engine.errors import TrainingError
from engine.model.bands import band_centres_hz, band_interpolation
from engine.model.acoustic import AcousticModel, Envelope
from engine.model.config import AcousticConfig
from engine.model.source_filter import bin_interpolation, frames_to_samples, pulse_train, shape
from engine.model.units import UnitFrames, unit_frames

from ..dataset import FRAME_RATE_HZ, Clip, clip_units
from .loop import Report, StageSettings, Trained, run_stage

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


class Renderer:
    """Envelope to samples during training, and the spectral losses; holds the constant tables."""

    def __init__(self, config: AcousticConfig) -> None:
        self.config = config
        self._to_bins = bin_interpolation(config.sample_rate, config.power_bands)
        bins = np.arange(self._to_bins.shape[1]) * config.sample_rate / (2 * (self._to_bins.shape[1] - 1))
        self._aperiodicity_to_bins = torch.from_numpy(band_interpolation(config.sample_rate, config.aperiodicity_bands, bins))
        self._mel = torch.from_numpy(_mel_filters(config.sample_rate))

    def render(self, envelope: Envelope, batch: Batch, generator: torch.Generator) -> Tensor:
        """Samples [B, T * hop]; the aperiodicity split gets no gradient."""
        voiced = batch.voiced[:, :, None]
        aperiodicity = (envelope.aperiodicity.detach() @ self._aperiodicity_to_bins).clamp(0.01, 0.999)
        aperiodicity = voiced * aperiodicity + (1.0 - voiced)
        amplitude = envelope.log_amplitude @ self._to_bins
        harmonic = amplitude + 0.5 * torch.log1p(-(aperiodicity.clamp(max=0.9999) ** 2))
        noise = amplitude + torch.log(aperiodicity)
        f0_samples = frames_to_samples(batch.f0_hz.double(), self.config.hop_samples)
        gate = batch.voiced.repeat_interleave(self.config.hop_samples, dim=1)
        start = torch.rand(1, generator=generator).item()
        pulses = pulse_train(f0_samples, self.config.sample_rate, start) * gate
        hiss = torch.randn(pulses.shape, generator=generator)
        length = pulses.shape[1]
        mixed = shape(torch.cat([pulses, hiss]), torch.cat([harmonic, noise]), self.config.hop_samples)[:, :length]
        return mixed[: len(pulses)] + mixed[len(pulses) :]

    def spectral_loss(self, rendered: Tensor, batch: Batch) -> Tensor:
        """Mean log-magnitude L1 over FFT sizes plus log-mel L1, up to what each recording reaches."""
        total = torch.zeros(())
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
        """[B, len(cycles)]: 1 at frequencies (in cycles per sample) that the recordings reach."""
        return (torch.from_numpy(cycles * self.config.sample_rate)[None] <= band_hz[:, None]).float()


def tie_loss(own: Envelope, first: Envelope, config: AcousticConfig, band_hz: Tensor) -> Tensor:
    """How far the bands above each row's `band_hz` [B] are from the first speaker's, moved to meet at the border."""
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


def make_batch(clips: Sequence[Clip], crops: Sequence[tuple[int, int]], frames: int) -> Batch:
    """Crops given as (clip index, first frame)."""
    return Batch(**stacked([recorded_row(clips[index], first, frames) for index, first in crops]))


def recorded_row(clip: Clip, first: int, frames: int) -> dict[str, Tensor]:
    """One crop of a recording, by the names of Batch."""
    hop = len(clip.samples) // clip.frames
    laid = unit_frames(clip_units(clip), clip.frames, FRAME_RATE_HZ)
    window = slice(first, first + frames)
    return {
        **unit_row(laid, window),
        "f0_hz": torch.from_numpy(clip.f0_hz[window]),
        "voiced": torch.from_numpy(clip.voiced[window].astype(np.float32)),
        "effort": torch.from_numpy(clip.effort[window]),
        "aperiodicity": torch.from_numpy(clip.aperiodicity[window]),
        "samples": torch.from_numpy(clip.samples[first * hop : (first + frames) * hop].astype(np.float32) / 32767),
        "speaker": torch.tensor(clip.speaker),
        "band_hz": torch.tensor(clip.band_hz),
    }


def unit_row(laid: UnitFrames, window: slice) -> dict[str, Tensor]:
    """The units of a crop and three neighbours on either side."""
    low = max(0, int(laid.unit_of_frame[window.start]) - 3)
    high = int(laid.unit_of_frame[window.stop - 1]) + 4
    return {
        "units": torch.from_numpy(laid.units[low:high]),
        "unit_of_frame": torch.from_numpy(laid.unit_of_frame[window] - low),
        "position": torch.from_numpy(laid.position[window]),
    }


def stacked(rows: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Rows to one batch; units are filled up to the longest."""
    longest = max(len(row["units"]) for row in rows)
    for row in rows:
        row["units"] = functional.pad(row["units"], (0, longest - len(row["units"])))
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


def losses_of(model: AcousticModel, renderer: Renderer, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
    """Parts of the training loss, already weighted."""
    features = model.frame_features(batch.units, batch.unit_of_frame, batch.position)
    envelope = model.envelope(features, batch.voiced, batch.effort, model.speaker(batch.speaker))
    rendered = renderer.render(envelope, batch, generator)
    parts = {
        "spectral": renderer.spectral_loss(rendered, batch),
        "aperiodicity": aperiodicity_loss(envelope, batch, model.config),
        "voicing": 0.1 * functional.binary_cross_entropy_with_logits(model.voicing_logit(features), batch.voiced),
    }
    is_narrow = batch.band_hz < model.config.sample_rate / 2
    if is_narrow.any():
        with torch.no_grad():
            first = model.envelope(
                features[is_narrow], batch.voiced[is_narrow], batch.effort[is_narrow], model.speaker(torch.zeros_like(batch.speaker))[is_narrow]
            )
        own = Envelope(envelope.log_amplitude[is_narrow], envelope.aperiodicity[is_narrow])
        parts["tie"] = 0.1 * tie_loss(own, first, model.config, batch.band_hz[is_narrow])
    return parts


def aperiodicity_loss(envelope: Envelope, batch: Batch, config: AcousticConfig) -> Tensor:
    """L1 against D4C in voiced frames, up to what each recording reaches."""
    centres = torch.from_numpy(band_centres_hz(config.sample_rate, config.aperiodicity_bands))[None]
    inside = (centres <= batch.band_hz[:, None]).float()[:, None]
    weight = batch.voiced[:, :, None] / batch.voiced.sum().clamp(min=1.0)
    return ((envelope.aperiodicity - batch.aperiodicity).abs() * inside * weight).sum() / config.aperiodicity_bands


def train_direct(
    config: AcousticConfig,
    settings: StageSettings,
    training: Sequence[Clip],
    held_out: Sequence[Clip],
    folder: Path,
    report: Report | None = None,
) -> tuple[AcousticModel, Trained]:
    """Train, or go on where `folder/direct.pt` stands; returns the averaged model."""
    torch.manual_seed(settings.seed)
    model, average = AcousticModel(config), AcousticModel(config)
    renderer = Renderer(config)
    cropper = Cropper(training, settings)

    def losses(step: int, rng: np.random.Generator, generator: torch.Generator) -> dict[str, Tensor]:
        return losses_of(model, renderer, make_batch(training, cropper.draw(rng), cropper.frames), generator)

    @torch.no_grad()
    def figures() -> dict[str, float]:
        if not held_out:
            return {}
        frames = min(clip.frames for clip in held_out)
        batch = make_batch(held_out, [(index, 0) for index in range(len(held_out))], frames)
        parts = losses_of(average, renderer, batch, torch.Generator().manual_seed(settings.seed))
        return {"loss": float(sum(parts.values(), torch.zeros(())))}

    trained = run_stage(
        "direct", model, average, settings, losses, figures, folder=folder, data_identity=clips_identity(training), report=report
    )
    return average, trained


class Cropper:
    """Where the crops of a step come from: clips by length, any place in them."""

    def __init__(self, clips: Sequence[Clip], settings: StageSettings) -> None:
        self.frames = round(settings.crop_s * FRAME_RATE_HZ)
        self._batch = settings.batch
        self._clips = clips
        self._usable = [index for index, clip in enumerate(clips) if clip.frames > self.frames]
        if not self._usable:
            raise TrainingError(
                f"No clip is longer than crop_s = {settings.crop_s:g} s. Give longer recordings or a smaller crop_s."
            )
        lengths = np.array([clips[index].frames for index in self._usable], dtype=float)
        self._chances = lengths / lengths.sum()

    def draw(self, rng: np.random.Generator) -> list[tuple[int, int]]:
        """(clip index, first frame) of each crop of a batch."""
        chosen = rng.choice(len(self._usable), self._batch, p=self._chances)
        return [
            (self._usable[c], int(rng.integers(0, self._clips[self._usable[c]].frames - self.frames))) for c in chosen
        ]


def clips_identity(clips: Sequence[Clip]) -> str:
    return "\n".join(f"{clip.name} {clip.frames} {clip.speaker}" for clip in clips)


def _magnitude(samples: Tensor, fft_size: int) -> Tensor:
    """[B, N] -> [B, F, frames]."""
    window = torch.hann_window(fft_size)
    return torch.stft(samples, fft_size, fft_size // 4, window=window, return_complex=True).abs() / math.sqrt(fft_size)


def _log_spectrum(samples: Tensor, fft_size: int) -> Tensor:
    return torch.log(_magnitude(samples, fft_size) + _LOG_FLOOR)


def _mel_filters(sample_rate: int) -> np.ndarray:
    """[F, bands] triangular filters, rows sum to one per band."""
    import librosa

    filters = librosa.filters.mel(sr=sample_rate, n_fft=_MEL_FFT, n_mels=_MEL_BANDS, htk=True, norm=None)
    return (filters / np.maximum(filters.sum(axis=1, keepdims=True), 1e-9)).T.astype(np.float32)
