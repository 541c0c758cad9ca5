"""Spectrograms as in the training of the networks. Waves are `[…, samples]` within -1 … 1; results `[…, rows, frames]` unless stated."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor
from torch.nn import functional as F

SAMPLE_RATE, N_FFT, HOP = 32_000, 2048, 640  # of the reference and the training spectrograms
SPEAKER_RATE = 16_000

_LOG_FLOOR = 1e-5
_BANDS, _FRAME, _SHIFT, _KALDI_FFT, _LOWEST_HZ = 80, 400, 160, 512, 20.0


def spectrogram(wave: Tensor, n_fft: int = N_FFT, hop: int = HOP) -> Tensor:
    """Return linear magnitudes, `n_fft // 2 + 1` rows, `samples // hop` frames; the edges are mirrored."""
    padded = F.pad(wave.reshape(1, -1, wave.shape[-1]), ((n_fft - hop) // 2, (n_fft - hop) // 2), mode="reflect")
    window = torch.hann_window(n_fft, dtype=wave.dtype, device=wave.device)
    spectrum = torch.stft(padded[0], n_fft, hop, n_fft, window, center=False, return_complex=True)
    magnitudes = (torch.view_as_real(spectrum).square().sum(-1) + 1e-8).sqrt()
    return magnitudes.reshape(*wave.shape[:-1], *magnitudes.shape[1:])


def log_mel(magnitudes: Tensor, sample_rate: int, bands: int) -> Tensor:
    """Return the natural logarithm of a linear spectrogram's mel bands, floored at 1e-5."""
    filters = slaney_filters(sample_rate, 2 * (magnitudes.shape[-2] - 1), bands).to(magnitudes)
    return (filters @ magnitudes).clamp(min=_LOG_FLOOR).log()


def filterbank(wave: Tensor) -> Tensor:
    """Return the Kaldi log filterbank `[frames, 80]` of 16 kHz samples `[samples]`: 25 ms windows every 10 ms, whole windows only, no
    dither.
    """
    frames = wave.unfold(-1, _FRAME, _SHIFT)
    frames = frames - frames.mean(-1, keepdim=True)
    frames = frames - 0.97 * F.pad(frames[None], (1, 0), mode="replicate")[0, :, :-1]
    window = torch.hann_window(_FRAME, periodic=False, dtype=wave.dtype, device=wave.device).pow(0.85)  # "povey"
    power = torch.fft.rfft(frames * window, _KALDI_FFT).abs().square()
    return (power @ kaldi_filters().to(power).T).clamp(min=torch.finfo(torch.float32).eps).log()


@functools.cache
def slaney_filters(sample_rate: int, n_fft: int, bands: int) -> Tensor:
    """Return triangles of equal area from 0 Hz to the highest frequency, spaced as in Slaney's Auditory Toolbox: `[bands, n_fft // 2 +
    1]`.

    The scale is linear to 1 kHz (15 bands) and logarithmic above (27 bands to 6.4 kHz).
    """
    step, ratio = 200 / 3, math.log(6.4) / 27
    top = sample_rate / 2
    top_mel = top / step if top < 1000 else 15 + math.log(top / 1000) / ratio
    mels = torch.linspace(0, top_mel, bands + 2, dtype=torch.float64)
    edges = torch.where(mels < 15, mels * step, 1000 * torch.exp(ratio * (mels - 15)))
    bins = torch.linspace(0, top, n_fft // 2 + 1, dtype=torch.float64)
    return (_triangles(edges, bins) * (2 / (edges[2:] - edges[:-2]))[:, None]).float()


@functools.cache
def kaldi_filters() -> Tensor:
    """Return triangles on HTK's mel scale from 20 Hz to 8 kHz, `[80, 257]`; linear in mel, the highest row is empty."""

    def mel(hz: Tensor) -> Tensor:
        return 1127 * torch.log1p(hz / 700)

    low, high = mel(torch.tensor([_LOWEST_HZ, SPEAKER_RATE / 2], dtype=torch.float64))
    edges = low + (high - low) / (_BANDS + 1) * torch.arange(_BANDS + 2, dtype=torch.float64)
    bins = mel(torch.arange(_KALDI_FFT // 2, dtype=torch.float64) * SPEAKER_RATE / _KALDI_FFT)
    return F.pad(_triangles(edges, bins), (0, 1)).float()


def _triangles(edges: Tensor, bins: Tensor) -> Tensor:
    """Return triangles at `bins`: filter i rises from edge i to edge i + 1 and falls to edge i + 2."""
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return torch.minimum((bins - left) / (centre - left), (right - bins) / (right - centre)).clamp(min=0)
