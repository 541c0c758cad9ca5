"""Short fades for the audio callback: with buffers made beforehand, and state held between blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FADE_S = 0.005


def fade_samples(sample_rate: int) -> int:
    """Length of every fade: 5 ms."""
    return max(8, round(_FADE_S * sample_rate))


class FadeIn:
    """A ramp over the next `length` samples after `start`."""

    def __init__(self, length: int, max_frames: int) -> None:
        self._ramp = np.ones(length + max_frames, np.float32)
        self._ramp[:length] = _raised_cosine(length)
        self._length = length
        self._at = length

    def start(self) -> None:
        """Ramp up from the next sample on."""
        self._at = 0

    def apply(self, block: NDArray[np.float32]) -> None:
        """Multiply `block[C, N]` in place, N up to `max_frames`."""
        if self._at < self._length:
            block *= self._ramp[self._at : self._at + block.shape[1]]
            self._at += block.shape[1]


class CrossFade:
    """From one sound to another over the next `length` samples after `start`."""

    def __init__(self, channels: int, length: int, max_frames: int) -> None:
        self._fall = np.zeros(length + max_frames, np.float32)
        self._fall[:length] = 1 - _raised_cosine(length)
        self._difference = np.zeros((channels, max_frames), np.float32)
        self._last = np.zeros((channels, 1), np.float32)
        self._length = length
        self._at = length

    @property
    def running(self) -> bool:
        """Whether the old sound is still heard."""
        return self._at < self._length

    def start(self) -> None:
        """Fade from the next sample on."""
        self._at = 0

    def cancel(self) -> None:
        """The old sound is not heard any more."""
        self._at = self._length

    def apply(self, block: NDArray[np.float32], old: NDArray[np.float32] | None) -> None:
        """Turn `block[C, N]`, the new sound, into the mixture with `old[C, N]`, in place. Where there is no old sound any more (None)
        its last distance from the new one fades instead, so that there is no step."""
        frames = block.shape[1]
        difference = self._difference[:, :frames]
        if old is None:
            difference[:] = self._last
        else:
            np.subtract(old, block, out=difference)
            self._last[:, 0] = difference[:, -1]
        difference *= self._fall[self._at : self._at + frames]
        block += difference
        self._at += frames


class Tail:
    """What sounds when a source breaks off: its last samples backwards, fading to silence. It joins without a step."""

    def __init__(self, channels: int, length: int) -> None:
        self._history = np.zeros((channels, length), np.float32)  # circular
        self._sound = np.zeros((channels, length), np.float32)
        self._spare = np.zeros((channels, length), np.float32)
        self._fall = np.ascontiguousarray(_raised_cosine(length)[::-1])
        self._length = length
        self._next = 0
        self._at = length

    def remember(self, block: NDArray[np.float32]) -> None:
        """Keep the end of `block[C, N]`, which has just been played."""
        frames = block.shape[1]
        if frames >= self._length:
            self._history[:] = block[:, frames - self._length :]
            self._next = 0
            return
        first = min(frames, self._length - self._next)
        self._history[:, self._next : self._next + first] = block[:, :first]
        self._history[:, : frames - first] = block[:, first:]
        self._next = (self._next + frames) % self._length

    def start(self) -> None:
        """Fade out from what is remembered, and forget it."""
        sound, split = self._spare, self._next
        sound[:, :split] = self._history[:, :split][:, ::-1]
        sound[:, split:] = self._history[:, split:][:, ::-1]
        sound *= self._fall
        sound[:, : self._length - self._at] += self._sound[:, self._at :]  # what an earlier fade has left
        self._sound, self._spare = sound, self._sound
        self._at = 0
        self.forget()

    def add_to(self, out: NDArray[np.float32], start: int) -> None:
        """Add what is left of the fade to `out[C, N]` from sample `start` on."""
        count = min(self._length - self._at, out.shape[1] - start)
        if count > 0:
            out[:, start : start + count] += self._sound[:, self._at : self._at + count]
            self._at += count

    def forget(self) -> None:
        """The source ended in silence, or anew: nothing is remembered."""
        self._history[:] = 0.0

    def cancel(self) -> None:
        """Neither a fade nor a memory."""
        self._at = self._length
        self.forget()


def _raised_cosine(length: int) -> NDArray[np.float32]:
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)).astype(np.float32)
