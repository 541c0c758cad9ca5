"""Features that speakers of the same words share, whatever their pitch, level and microphone, for alignment.

Log-mel cepstra, liftered below the quefrency of any speaking pitch, with level and slopes, normalised to zero mean and unit variance over
the sounding frames of each recording (S. B. Davis & P. Mermelstein, 1980; S. Furui, 1986).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from .bands import triangles

HOP_S = 0.005
_RATE_HZ = 16_000
_WINDOW_S = 0.025
_BANDS, _LOWEST_HZ, _HIGHEST_HZ = 32, 80.0, 7000.0
_CEPSTRA = 12  # of 32 bands: finer ripples are harmonics, not formants
_SLOPE_REACH = 4  # frames on both sides
_LEVEL_WEIGHT, _SLOPE_WEIGHT = 1.0, 0.6
_SOUNDING_ABOVE_FLOOR_DB = 10.0
_LOWEST_DB = -60.0  # below the loudest frame

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SpeechFeatures:
    """One row per 5 ms; row t is centred on (t + 0.5) * HOP_S. vectors [T, D] are normalised, level_db [T] is 0 at the loudest frame."""

    vectors: Array
    level_db: Array

    @property
    def sounding(self) -> NDArray[np.bool_]:
        """Frames clearly above the recording's noise [T]."""
        return self.level_db > pause_level_db(self.level_db)


def pause_level_db(level_db: Array) -> float:
    """Return the level that pauses stay under: somewhat above the quietest frames, but well below speech."""
    return float(min(np.percentile(level_db, 3) + _SOUNDING_ABOVE_FLOOR_DB, -22.0))


def speech_features(samples: NDArray[np.floating], sample_rate: int) -> SpeechFeatures:
    """Return the features of mono `samples` [N]."""
    low = np.asarray(soxr.resample(np.asarray(samples, dtype=np.float64), sample_rate, _RATE_HZ))
    mels = _log_mels(low)
    cepstra = mels @ _cosines()
    level_db = 10.0 * np.log10(np.exp(2.0 * mels).sum(axis=1))
    level_db = np.maximum(level_db - level_db.max(), _LOWEST_DB)
    still = np.column_stack([_LEVEL_WEIGHT * _normalised(level_db[:, None], level_db), _normalised(cepstra, level_db)])
    return SpeechFeatures(np.column_stack([still, _SLOPE_WEIGHT * _normalised(_slopes(still), level_db)]), level_db)


def _log_mels(samples: Array) -> Array:
    """Return natural-log amplitudes [T, bands] of a pre-emphasised signal."""
    hop, size = round(HOP_S * _RATE_HZ), round(_WINDOW_S * _RATE_HZ)
    frames = max(1, len(samples) // hop)
    sharp = np.diff(samples, prepend=samples[:1]) + 0.03 * samples
    padded = np.pad(sharp, (size // 2 - hop // 2, size + hop))
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][:frames] * np.hanning(size)
    spectra = np.abs(np.fft.rfft(windows, 512))
    return np.log(spectra @ _mel_triangles() + 1e-6 * (np.abs(spectra).max() + 1e-9))


def _mel_triangles() -> Array:
    """Return triangles [bins, bands], evenly spaced on the mel scale, each reaching to its neighbours' peaks."""
    bins_hz = np.arange(257) * _RATE_HZ / 512
    lowest_mel, highest_mel = (1127.0 * float(np.log1p(hz / 700.0)) for hz in (_LOWEST_HZ, _HIGHEST_HZ))
    edges_mel = np.linspace(lowest_mel, highest_mel, _BANDS + 2)
    edges_hz = 700.0 * np.expm1(edges_mel / 1127.0)
    return np.ascontiguousarray(triangles(edges_hz, bins_hz).T)


def _cosines() -> Array:
    """Return a discrete cosine transform [bands, cepstra] without the level."""
    order = np.arange(1, _CEPSTRA + 1)
    return np.cos(np.pi * (np.arange(_BANDS)[:, None] + 0.5) * order / _BANDS) * np.sqrt(2.0 / _BANDS)


def _slopes(rows: Array) -> Array:
    """Return the least-squares slope of each column over 9 frames [T, D]."""
    reach = np.arange(-_SLOPE_REACH, _SLOPE_REACH + 1)
    padded = np.pad(rows, ((_SLOPE_REACH, _SLOPE_REACH), (0, 0)), mode="edge")
    views = np.lib.stride_tricks.sliding_window_view(padded, len(reach), axis=0)
    return views @ (reach / np.sum(reach**2))


def _normalised(rows: Array, level_db: Array) -> Array:
    """Normalise each column to zero mean and unit variance over sounding frames, since recordings differ in their share of pauses."""
    sounding = level_db > pause_level_db(level_db)
    base = rows[sounding] if sounding.any() else rows
    return (rows - base.mean(axis=0)) / (base.std(axis=0) + 1e-6)
