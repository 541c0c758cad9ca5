"""Conversion of frames of 10 ms to blocks of any number of samples, as sound cards and hosts request them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray


class BlockReader:
    """Reader of a voice in blocks of any size, which renders no more frames than a block needs.

    `render(frames)` returns frames * hop_samples samples, as `LiveVoice.render` does.
    """

    def __init__(self, render: Callable[[int], NDArray[np.float32]], hop_samples: int) -> None:
        self._render, self._hop = render, hop_samples
        self._waiting = np.zeros(0, dtype=np.float32)

    def read(self, samples: int) -> NDArray[np.float32]:
        """Return the next `samples` samples."""
        missing = samples - len(self._waiting)
        if missing > 0:
            self._waiting = np.concatenate([self._waiting, self._render(-(-missing // self._hop))])
        block, self._waiting = self._waiting[:samples], self._waiting[samples:]
        return block
