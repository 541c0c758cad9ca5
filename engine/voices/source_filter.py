"""Source and filter in torch, for training: pulse train and noise shaped by minimum-phase envelopes.

Envelopes are natural-log amplitudes on mel-spaced bands, one row per frame; frame t is centred on sample (t + 0.5) * hop. Pitch enters
only here, so it is exact whatever the networks predict.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.dsp.bands import band_interpolation, bin_centres_hz

FFT_SIZE = 1536  # a 640-sample window at 32 kHz plus 28 ms of impulse response


def bin_interpolation(sample_rate: int, bands: int, fft_size: int = FFT_SIZE) -> Tensor:
    """Return the matrix [bands, fft_size / 2 + 1] from band centres to FFT bins."""
    return torch.from_numpy(band_interpolation(sample_rate, bands, bin_centres_hz(sample_rate, fft_size)))


def minimum_phase(log_magnitude: Tensor) -> Tensor:
    """Return the complex spectrum [..., F] of the minimum-phase filter with this natural-log magnitude [..., F], F = fft_size / 2 + 1.

    Folding of the real cepstrum (Oppenheim & Schafer, Discrete-Time Signal Processing).
    """
    fft_size = 2 * (log_magnitude.shape[-1] - 1)
    fold = torch.zeros(fft_size, dtype=log_magnitude.dtype, device=log_magnitude.device)
    fold[0] = fold[fft_size // 2] = 1.0
    fold[1 : fft_size // 2] = 2.0
    return torch.exp(torch.fft.rfft(torch.fft.irfft(log_magnitude, fft_size) * fold))


def pulse_train(f0_samples: Tensor, sample_rate: int, start_cycles: float = 0.0) -> Tensor:
    """Return a unit-variance band-limited pulse train [..., N] (float32) with all harmonics of `f0_samples` (float64 Hz, > 0).

    Closed form of a sum of equal cosines (a ratio of sines). The phase is float64, so it stays exact over an hour; the top harmonic fades
    in and out as the pitch moves, so that none starts with a step.
    """
    cycles = start_cycles + torch.cumsum(f0_samples / sample_rate, dim=-1)
    cycles = cycles - torch.floor(cycles)
    count = 0.5 * sample_rate / f0_samples
    whole = torch.floor(count)
    fraction = count - whole
    half = torch.sin(torch.pi * cycles)
    at_pulse = half.abs() < 1e-6
    ratio = torch.sin(torch.pi * (2.0 * whole + 1.0) * cycles) / torch.where(at_pulse, torch.ones_like(half), half)
    cosines = 0.5 * (torch.where(at_pulse, 2.0 * whole + 1.0, ratio) - 1.0)
    cosines = cosines + fraction * torch.cos(2.0 * torch.pi * (whole + 1.0) * cycles)
    return (cosines * torch.sqrt(2.0 / (whole + fraction**2))).float()


def frames_to_samples(values: Tensor, hop_samples: int) -> Tensor:
    """Interpolate per-frame values [B, T] linearly between frame centres to [B, T * hop]."""
    return torch.nn.functional.interpolate(
        values[:, None], scale_factor=float(hop_samples), mode="linear", align_corners=False
    ).squeeze(1)


def shape(excitation: Tensor, log_magnitude: Tensor, hop_samples: int) -> Tensor:
    """Filter `excitation` [B, T * hop] by the minimum-phase filters of `log_magnitude` [B, T, F]; return [B, T * hop + tail].

    Frames of two hops under a Hann window, overlap-added; the tail is the ringing of the last filters.
    """
    frames, _bins = log_magnitude.shape[1:]
    shaped = _shaped(_windowed(excitation, frames, hop_samples), log_magnitude)
    return _overlap_added(shaped, hop_samples)[:, hop_samples // 2 :]


def _windowed(excitation: Tensor, frames: int, hop_samples: int) -> Tensor:
    """Return views [B, T, 2 hop] of [B, T * hop]; frame t is centred on sample (t + 0.5) * hop."""
    pad = hop_samples // 2
    return torch.nn.functional.pad(excitation, (pad, hop_samples + pad)).unfold(1, 2 * hop_samples, hop_samples)[:, :frames]


def _shaped(segments: Tensor, log_magnitude: Tensor) -> Tensor:
    fft_size = 2 * (log_magnitude.shape[-1] - 1)
    window = torch.hann_window(segments.shape[-1], dtype=segments.dtype, device=segments.device)
    return torch.fft.irfft(torch.fft.rfft(segments * window, fft_size) * minimum_phase(log_magnitude), fft_size)


def _overlap_added(shaped: Tensor, hop_samples: int) -> Tensor:
    """Overlap-add [B, T, fft_size] to [B, (T - 1) * hop + fft_size]."""
    batch, frames, fft_size = shaped.shape
    length = (frames - 1) * hop_samples + fft_size
    summed = torch.nn.functional.fold(shaped.transpose(1, 2), (1, length), (1, fft_size), stride=(1, hop_samples))
    return summed.reshape(batch, length)
