"""Judges of sound for the adversarial stage: some look at spectrograms of several resolutions, some at the waveform folded by periods.

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
class Judgement:
    """Of one judge: `score` (1: recorded, 0: made) of every place it looked at, and what its layers saw on the way."""

    score: Tensor
    seen: list[Tensor]


class SpectrogramJudge(nn.Module):
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

    def forward(self, samples: Tensor) -> Judgement:
        return _judged(self.layers, self.exit, self.entry(samples))


class PeriodJudge(nn.Module):
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

    def forward(self, samples: Tensor) -> Judgement:
        return _judged(self.layers, self.exit, self.entry(samples))


class Judges(nn.Module):
    """All of them. `channels`: of the spectrograms' judges, and the widest of the periods'."""

    def __init__(self, channels: tuple[int, int]) -> None:
        super().__init__()
        spectra, widest = channels
        widths = [min(widest, 16 * 2**layer) for layer in range(4)]
        self.spectra = nn.ModuleList(SpectrogramJudge(size, spectra) for size in _FFT_SIZES)
        self.periods = nn.ModuleList(PeriodJudge(period, widths) for period in _PERIODS)

    def forward(self, samples: Tensor) -> list[Judgement]:
        return [judge(samples) for judge in (*self.spectra, *self.periods)]


def judging_loss(of_recorded: Sequence[Judgement], of_made: Sequence[Judgement]) -> Tensor:
    """What the judges strive to make small: 0 sees through everything, 0.5 knows nothing."""
    parts = [
        (1.0 - real.score).square().mean() + made.score.square().mean() for real, made in zip(of_recorded, of_made, strict=True)
    ]
    return torch.stack(parts).mean()


def deceiving_loss(of_made: Sequence[Judgement]) -> Tensor:
    """What the maker of sounds strives to make small."""
    return torch.stack([(1.0 - made.score).square().mean() for made in of_made]).mean()


def matching_loss(of_recorded: Sequence[Judgement], of_made: Sequence[Judgement]) -> Tensor:
    """How differently the judges see two sounds, relative to how strongly they see the recorded one."""
    parts = [
        (seen.detach().float() - other.float()).abs().mean() / seen.detach().float().abs().mean().clamp(min=1e-3)
        for real, made in zip(of_recorded, of_made, strict=True)
        for seen, other in zip(real.seen, made.seen, strict=True)
    ]
    return torch.stack(parts).mean()


def below(samples: Tensor, band_hz: Tensor, sample_rate: int) -> Tensor:
    """Samples [B, N] without what lies above `band_hz` [B] (a slope of 300 Hz): a made sound must not be known by its wider band."""
    bins_hz = torch.fft.rfftfreq(samples.shape[1], 1.0 / sample_rate, device=samples.device)
    place = ((band_hz[:, None] - bins_hz[None]) / 300.0).clamp(0.0, 1.0)
    return torch.fft.irfft(torch.fft.rfft(samples) * 0.5 * (1.0 - torch.cos(math.pi * place)), samples.shape[1])


def _judged(layers: nn.ModuleList, last: nn.Module, hidden: Tensor) -> Judgement:
    seen = []
    for layer in layers:
        hidden = functional.leaky_relu(layer(hidden), 0.1)
        seen.append(hidden)
    return Judgement(last(hidden).float(), seen)
