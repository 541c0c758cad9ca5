"""Discriminators of sound for the adversarial stage, on spectrograms of several resolutions and on the waveform folded by periods.

Small versions of those of UnivNet (Jang et al. 2021) and HiFi-GAN (Kong et al. 2020); least-squares losses (Mao et al. 2017).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

_FFT_SIZES = (2048, 1024, 512, 256)
_PERIODS = (2, 3, 5, 7, 11)
_FLOOR = 1e-3


@dataclass(frozen=True)
class DiscriminatorOutput:
    """Output of one discriminator: `score` (1: recorded, 0: generated) at every place, and the features of its layers."""

    score: Tensor
    seen: list[Tensor]


class SpectrogramDiscriminator(nn.Module):
    """Samples [B, N] through their log spectrogram with one window size."""

    def __init__(self, fft_size: int, channels: int) -> None:
        super().__init__()
        self._fft_size = fft_size
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(inputs, channels, (9, 3), stride=(stride, 1), padding=(4, 1)))
            for inputs, stride in ((1, 1), (channels, 2), (channels, 2), (channels, 2))
        )
        self.exit = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def entry(self, samples: Tensor) -> Tensor:
        """[B, 1, bins, frames], in float32 whatever the layers compute in."""
        with torch.autocast(samples.device.type, enabled=False):
            window = torch.hann_window(self._fft_size, device=samples.device)
            spectrum = torch.stft(samples.float(), self._fft_size, self._fft_size // 4, window=window, return_complex=True)
            power = spectrum.real.square() + spectrum.imag.square()  # its root has no gradient at zero
            return 0.5 * torch.log(power / self._fft_size + _FLOOR**2)[:, None]

    def forward(self, samples: Tensor) -> DiscriminatorOutput:
        return _output_of(self.layers, self.exit, self.entry(samples))


class PeriodDiscriminator(nn.Module):
    """Samples [B, N] folded so that every `period`-th sample is a neighbour."""

    def __init__(self, period: int, channels: Sequence[int]) -> None:
        super().__init__()
        self._period = period
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(inputs, outputs, (5, 1), stride=(3, 1), padding=(2, 0)))
            for inputs, outputs in zip((1, *channels), channels, strict=False)
        )
        self.exit = weight_norm(nn.Conv2d(channels[-1], 1, (3, 1), padding=(1, 0)))

    def entry(self, samples: Tensor) -> Tensor:
        padded = functional.pad(samples, (0, -samples.shape[1] % self._period))
        return padded.reshape(len(samples), 1, -1, self._period)

    def forward(self, samples: Tensor) -> DiscriminatorOutput:
        return _output_of(self.layers, self.exit, self.entry(samples))


class DiscriminatorSet(nn.Module):
    """All discriminators. `channels`: of those on spectrograms, and the largest of those on periods."""

    def __init__(self, channels: tuple[int, int]) -> None:
        super().__init__()
        spectra, widest = channels
        widths = [min(widest, 16 * 2**layer) for layer in range(4)]
        self.spectra = nn.ModuleList(SpectrogramDiscriminator(size, spectra) for size in _FFT_SIZES)
        self.periods = nn.ModuleList(PeriodDiscriminator(period, widths) for period in _PERIODS)

    def forward(self, samples: Tensor) -> list[DiscriminatorOutput]:
        return [discriminator(samples) for discriminator in (*self.spectra, *self.periods)]


def discriminator_loss(of_recorded: Sequence[DiscriminatorOutput], of_made: Sequence[DiscriminatorOutput]) -> Tensor:
    """Return the loss of the discriminators: 0 for perfect separation, 0.5 for none."""
    parts = [
        (1.0 - real.score).square().mean() + made.score.square().mean() for real, made in zip(of_recorded, of_made, strict=True)
    ]
    return torch.stack(parts).mean()


def generator_loss(of_made: Sequence[DiscriminatorOutput]) -> Tensor:
    """Return the loss of the generator."""
    return torch.stack([(1.0 - made.score).square().mean() for made in of_made]).mean()


def feature_matching_loss(of_recorded: Sequence[DiscriminatorOutput], of_made: Sequence[DiscriminatorOutput]) -> Tensor:
    """Return the distance of the discriminators' features of two sounds, relative to the size of the recorded one's."""
    parts = [
        (seen.detach().float() - other.float()).abs().mean() / seen.detach().float().abs().mean().clamp(min=1e-3)
        for real, made in zip(of_recorded, of_made, strict=True)
        for seen, other in zip(real.seen, made.seen, strict=True)
    ]
    return torch.stack(parts).mean()


def below(samples: Tensor, band_hz: Tensor, sample_rate: int) -> Tensor:
    """Return samples [B, N] without frequencies above `band_hz` [B] (a slope of 300 Hz), so that a wider band does not reveal a generated
    sound.
    """
    bins_hz = torch.fft.rfftfreq(samples.shape[1], 1.0 / sample_rate, device=samples.device)
    place = ((band_hz[:, None] - bins_hz[None]) / 300.0).clamp(0.0, 1.0)
    return torch.fft.irfft(torch.fft.rfft(samples) * 0.5 * (1.0 - torch.cos(math.pi * place)), samples.shape[1])


def _output_of(layers: nn.ModuleList, last: nn.Module, hidden: Tensor) -> DiscriminatorOutput:
    seen = []
    for layer in layers:
        hidden = functional.leaky_relu(layer(hidden), 0.1)
        seen.append(hidden)
    return DiscriminatorOutput(last(hidden).float(), seen)
