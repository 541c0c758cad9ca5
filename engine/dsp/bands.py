"""Mel-spaced bands: their centres, interpolation from bands to FFT bins, and the bands of a recording."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_FFT_SIZE = 2048
_WINDOW_S = 0.032


def mel_of(f_hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Convert Hz to the HTK mel scale."""
    return 2595.0 * np.log10(1.0 + np.asarray(f_hz) / 700.0)


def band_centres_hz(sample_rate: int, bands: int) -> NDArray[np.float64]:
    """Return band centres, evenly spaced in mel from 0 Hz to half the sample rate, both ends included."""
    mels = np.linspace(0.0, float(mel_of(sample_rate / 2)), bands)
    return 700.0 * (10.0 ** (mels / 2595.0) - 1.0)


def bin_centres_hz(sample_rate: int, fft_size: int) -> NDArray[np.float64]:
    """Return the frequencies of the fft_size / 2 + 1 bins."""
    return np.arange(fft_size // 2 + 1) * sample_rate / fft_size


def triangles(edges_hz: NDArray[np.float64], bins_hz: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return [bands, bins]: filter i rises from edge i to edge i + 1 and falls to edge i + 2, linear in Hz."""
    rising = (bins_hz[None] - edges_hz[:-2, None]) / np.diff(edges_hz)[:-1, None]
    falling = (edges_hz[2:, None] - bins_hz[None]) / np.diff(edges_hz)[1:, None]
    return np.maximum(0.0, np.minimum(rising, falling))


def cosine_transform(bands: int) -> NDArray[np.float64]:
    """Return the orthonormal DCT-II as a matrix [coefficients, bands]."""
    order, position = np.arange(bands)[:, None], np.arange(bands)[None]
    matrix = np.sqrt(2.0 / bands) * np.cos(np.pi * order * (position + 0.5) / bands)
    matrix[0] /= np.sqrt(2.0)
    return matrix


def band_interpolation(sample_rate: int, bands: int, frequencies_hz: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the matrix [bands, len(frequencies_hz)] of linear interpolation in mel from band centres to the given frequencies."""
    position = mel_of(frequencies_hz) / mel_of(sample_rate / 2) * (bands - 1)
    low = np.clip(position.astype(int), 0, bands - 2)
    weight = position - low
    matrix = np.zeros((bands, len(position)), dtype=np.float32)
    columns = np.arange(len(position))
    matrix[low, columns] = 1.0 - weight
    matrix[low + 1, columns] += weight
    return matrix


def recorded_bands(samples: NDArray[np.float32], sample_rate: int, hop_samples: int, bands: int) -> NDArray[np.float32]:
    """Return the natural-log amplitude density [T, bands] of a recording [T * hop], frame t centred on (t + 0.5) * hop."""
    width = round(_WINDOW_S * sample_rate)
    frames = len(samples) // hop_samples
    padded = np.pad(samples, (width, width))
    starts = width + np.arange(frames) * hop_samples + hop_samples // 2 - width // 2
    window = np.hanning(width + 2)[1:-1].astype(np.float32)
    power = np.empty((frames, bands), dtype=np.float32)
    filters = _filters(sample_rate, bands)
    for first in range(0, frames, 512):
        rows = padded[starts[first : first + 512, None] + np.arange(width)] * window
        power[first : first + 512] = np.abs(np.fft.rfft(rows, _FFT_SIZE)) ** 2 @ filters
    return 0.5 * np.log(power / float(np.sum(window**2)) + 1e-12).astype(np.float32)


@lru_cache(maxsize=4)
def _filters(sample_rate: int, bands: int) -> NDArray[np.float32]:
    """Return triangles [F, bands] around the band centres, each with sum one."""
    centres = band_centres_hz(sample_rate, bands)
    bins_hz = np.arange(_FFT_SIZE // 2 + 1) * sample_rate / _FFT_SIZE
    spread = np.maximum(np.gradient(centres), 2 * sample_rate / _FFT_SIZE)
    triangles = np.maximum(0.0, 1.0 - np.abs(bins_hz[:, None] - centres[None]) / spread[None])
    return (triangles / triangles.sum(axis=0)).astype(np.float32)
