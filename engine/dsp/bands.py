"""Mel-spaced bands: their centres, and interpolation from bands to FFT bins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
