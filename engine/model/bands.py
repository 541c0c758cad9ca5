"""Mel-spaced bands: where they lie and how values on them become values on an FFT's bins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mel_of(f_hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """HTK mel scale."""
    return 2595.0 * np.log10(1.0 + np.asarray(f_hz) / 700.0)


def band_centres_hz(sample_rate: int, bands: int) -> NDArray[np.float64]:
    """Centres of the bands: evenly spaced in mel from 0 Hz to half the sample rate, both ends included."""
    mels = np.linspace(0.0, float(mel_of(sample_rate / 2)), bands)
    return 700.0 * (10.0 ** (mels / 2595.0) - 1.0)


def bin_centres_hz(sample_rate: int, fft_size: int) -> NDArray[np.float64]:
    """Frequencies of the fft_size / 2 + 1 bins."""
    return np.arange(fft_size // 2 + 1) * sample_rate / fft_size


def band_interpolation(sample_rate: int, bands: int, frequencies_hz: NDArray[np.float64]) -> NDArray[np.float32]:
    """[bands, len(frequencies_hz)]: linear interpolation in mel from band centres to the given frequencies."""
    position = mel_of(frequencies_hz) / mel_of(sample_rate / 2) * (bands - 1)
    low = np.clip(position.astype(int), 0, bands - 2)
    weight = position - low
    matrix = np.zeros((bands, len(position)), dtype=np.float32)
    columns = np.arange(len(position))
    matrix[low, columns] = 1.0 - weight
    matrix[low + 1, columns] += weight
    return matrix
