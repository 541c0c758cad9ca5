"""Peak limiter without delay: keeps a signal under −0.3 dBFS, between the samples too.

Everything under the ceiling passes unchanged. Peaks above it are attenuated, with a fade-in as early as the block allows and a slow
release. Offline a block is a whole phrase, live it is a block of the device.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.units import NEPERS_PER_DB

CEILING_DBFS = -0.3
_UNTOUCHED = 0.5  # −6 dBFS: below, no peak between samples can reach the ceiling
_HIGHEST = 0.92  # peaks up to here pass unchanged, between samples too; under the ceiling, for a gain that moves makes new ones
_LOWEST, _LOWEST_FROM = 0.78, 1.05  # at the end of a block, where the peak between two samples may not be known yet
_ATTACK_DB_PER_S, _RELEASE_DB_PER_S = 12_000.0, 60.0
_OVERSAMPLING, _REACH = 4, 16  # peaks between two samples are found from this many on either side
_LATE = _REACH + 1  # the last samples of a block, of whose peaks less is known
_LONG = 1024  # samples; shorter blocks are all ends: what is turned down in one has to leave room for the next one's beginning
_RISE = 0.2  # the most that a sine rises above its samples, as a share of their second difference
_KNEE, _BENT_TOP = 0.8, 0.99


class Ceiling:
    """Limiter of one source, block by block; its channels are attenuated together. Not safe for threads."""

    def __init__(self, sample_rate: int, channels: int = 1) -> None:
        self._attack = _ATTACK_DB_PER_S * NEPERS_PER_DB / sample_rate
        self._release = _RELEASE_DB_PER_S * NEPERS_PER_DB / sample_rate
        self._before = np.zeros((channels, 2 * _REACH), np.float32)
        self._gain = 0.0  # natural logarithm, at the last sample

    def reset(self) -> None:
        """Reset to silence before the next block."""
        self._before[:] = 0.0
        self._gain = 0.0

    def apply(self, block: NDArray[np.float32]) -> bool:
        """Limit `block[C, N]` in place; return True if there was anything to attenuate."""
        samples = block.shape[1]
        if not samples:
            return False
        if self._gain == 0.0 and _is_quiet(block) and _is_quiet(self._before):
            self._remember(block)
            return False
        peaks = self._peaks(block)
        self._remember(block)
        gains = np.zeros(samples)
        over = np.flatnonzero(peaks > _HIGHEST)
        if not len(over) and self._gain == 0.0:
            return False
        gains[over] = np.log(_allowed(peaks[over], (over >= samples - _LATE) | (samples < _LONG)) / peaks[over])
        numbers = np.arange(samples)
        falling, rising = numbers * self._attack, numbers * self._release
        gains = np.minimum.accumulate((gains + falling)[::-1])[::-1] - falling
        gains[0] = min(gains[0], self._gain + self._release)
        gains = np.minimum(np.minimum.accumulate(gains - rising) + rising, 0.0)
        self._gain = float(gains[-1])
        block *= np.exp(gains).astype(np.float32)
        return True

    def limited(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return `block[C, N]` itself if nothing exceeds the ceiling, else a limited copy."""
        copy = block.copy()
        return copy if self.apply(copy) else block

    def _remember(self, block: NDArray[np.float32]) -> None:
        kept = self._before.shape[1]
        if block.shape[1] >= kept:
            self._before[:] = block[:, -kept:]
        else:
            self._before[:] = np.concatenate([self._before[:, block.shape[1] :], block], axis=1)

    def _peaks(self, block: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the largest magnitude at and beside each sample [N], over all channels. Values between samples are known where enough
        samples follow; those of the previous block count for the first sample.
        """
        joined = np.concatenate([self._before, block], axis=1)
        found = [np.correlate(channel, weights, "valid") for channel in joined for weights in _BETWEEN]
        between = np.abs(found).max(axis=0)  # [N + 1], of samples -_REACH - 1 to N - _REACH and the next ones
        peaks = np.abs(block).max(axis=0).astype(np.float64)
        peaks[0] = max(peaks[0], between[:_LATE].max())
        known = between[_LATE:]
        if len(known):
            peaks[: len(known)] = np.maximum(peaks[: len(known)], known)
            peaks[1 : len(known) + 1] = np.maximum(peaks[1 : len(known) + 1], known[: len(peaks) - 1])
        # The samples after the block are unknown: noise may rise between its last ones, by their second difference at most.
        bends = np.abs(np.diff(joined[:, -_LATE - 2 :], 2, axis=1)).max(axis=0)[-len(peaks) :]
        peaks[-len(bends) :] = np.maximum(peaks[-len(bends) :], np.abs(block[:, -len(bends) :]).max(axis=0) + _RISE * bends)
        return peaks


def soft_limit(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return samples, linear up to a knee and compressed to full scale above it."""
    over = np.abs(samples) > _KNEE
    if over.any():
        samples = samples.copy()
        loud, room = samples[over], _BENT_TOP - _KNEE
        samples[over] = np.sign(loud) * (_KNEE + room * np.tanh((np.abs(loud) - _KNEE) / room))
    return samples


def _allowed(peaks: NDArray[np.float64], is_late: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the magnitude to which peaks above `_HIGHEST` are limited: `_HIGHEST`, and less for high ones near the end of a block."""
    lower = _HIGHEST - (_HIGHEST - _LOWEST) * np.clip((peaks - _HIGHEST) / (_LOWEST_FROM - _HIGHEST), 0.0, 1.0)
    return np.where(is_late, lower, _HIGHEST)


def _is_quiet(block: NDArray[np.float32]) -> bool:
    return bool(block.max() <= _UNTOUCHED and block.min() >= -_UNTOUCHED)


def _interpolation() -> NDArray[np.float32]:
    """Return weights [_OVERSAMPLING - 1, 2 * _REACH] of samples for values between the two middle ones."""
    places = np.arange(1, _OVERSAMPLING) / _OVERSAMPLING
    distances = np.arange(2 * _REACH)[:, None] - (_REACH - 1) - places
    window = np.i0(5.0 * np.sqrt(np.clip(1.0 - (distances / _REACH) ** 2, 0.0, 1.0))) / np.i0(5.0)
    weights = np.sinc(distances) * window
    return np.ascontiguousarray((weights / weights.sum(axis=0)).T, np.float32)


_BETWEEN = _interpolation()
