"""Sample-rate match for live blocks, with a short delay that is known and never changes.

soxr's streams are better filters, but they let go of samples in lumps: measured between 32 and 48 kHz with blocks of 64 samples,
10 to 38 ms wait inside at any quality above its coarsest. A live voice cannot wait that long, so here each output sample is one
short windowed sinc over the inputs around it (J. O. Smith, "Digital Audio Resampling"), and leaves as soon as its last input is in.
"""

from __future__ import annotations

from math import gcd

import numpy as np
from numpy.typing import NDArray

_TAPS = 48  # at the lower of the two rates: 0.75 ms of delay at 32 kHz
_KAISER_BETA = 6.5  # about 70 dB of image rejection


class StreamResampler:
    """Matches blocks of any size from `source_rate` to `target_rate` Hz; the result does not depend on the block sizes.

    Output sample n is the input at time (n - `delay_samples`) / `target_rate`. Between 32 and 48 kHz: flat to 14.5 kHz, images from
    17.5 kHz on under -65 dB. Equal rates pass through unchanged.
    """

    def __init__(self, source_rate: int, target_rate: int, *, channels: int = 1) -> None:
        if source_rate < 1 or target_rate < 1:
            raise ValueError(f"rates of {source_rate} and {target_rate} Hz, expected 1 or more")
        divisor = gcd(source_rate, target_rate)
        self._up, self._down = target_rate // divisor, source_rate // divisor
        self._channels = channels
        self._taps = 0 if self._up == self._down else -(-_TAPS * max(self._down, self._up) // (2 * self._up)) * 2
        self.delay_samples = -(-self._taps * self._up // (2 * self._down))
        self._bank = self._filters() if self._taps else np.empty((0, 0), np.float32)
        self._held = np.zeros((channels, self._taps), np.float32)
        self._total_in = self._total_out = 0

    def push(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take `block[C, N]` and return all samples `[C, M]` that it completes."""
        if not self._taps:
            return block
        self._held = np.concatenate([self._held, block], axis=1)
        self._total_in += block.shape[1]
        # Output n needs inputs up to (n * down) // up.
        ready = -(-self._total_in * self._up // self._down)
        if ready == self._total_out:
            return np.zeros((self._channels, 0), np.float32)
        numbers = np.arange(self._total_out, ready)
        newest, phase = np.divmod(numbers * self._down, self._up)
        first = newest - self._taps + 1 - (self._total_in - self._held.shape[1])
        windows = np.lib.stride_tricks.sliding_window_view(self._held, self._taps, axis=1)[:, first]
        out = np.einsum("cnt,nt->cn", windows, self._bank[phase])
        self._total_out = ready
        kept = self._total_in - (ready * self._down // self._up - self._taps + 1)
        self._held = self._held[:, -kept:]
        return np.ascontiguousarray(out, dtype=np.float32)

    def flush(self) -> NDArray[np.float32]:
        """Return the samples still inside `[C, M]`; the next block starts a new sound."""
        out = self.push(np.zeros((self._channels, self._taps // 2 + 1), np.float32)) if self._taps else self._held
        self._reset()
        return out

    def _reset(self) -> None:
        self._held = np.zeros((self._channels, self._taps), np.float32)
        self._total_in = self._total_out = 0

    def _filters(self) -> NDArray[np.float32]:
        """Return one filter per position between two inputs, `[up, taps]`, newest input last, each with a gain of 1 at 0 Hz."""
        cutoff = min(1.0, self._up / self._down)
        centre = self._taps - 1 - self.delay_samples * self._down / self._up
        position = centre + np.arange(self._up)[:, None] / self._up - np.arange(self._taps)
        half = self._taps / 2
        window = np.i0(_KAISER_BETA * np.sqrt(np.clip(1 - (position / half) ** 2, 0, None))) / np.i0(_KAISER_BETA)
        bank = cutoff * np.sinc(cutoff * position) * np.where(np.abs(position) <= half, window, 0.0)
        return (bank / bank.sum(axis=1, keepdims=True)).astype(np.float32)
