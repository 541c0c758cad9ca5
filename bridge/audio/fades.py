"""Short fades for the audio callback: buffers are allocated beforehand, and state is held between blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FADE_S = 0.005


def fade_samples(sample_rate: int) -> int:
    """Return the length of a fade in samples: 5 ms."""
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
    """A crossfade from one sound to another over the next `length` samples after `start`."""

    def __init__(self, channels: int, length: int, max_frames: int) -> None:
        self._fall = np.zeros(length + max_frames, np.float32)
        self._fall[:length] = 1 - _raised_cosine(length)
        self._difference = np.zeros((channels, max_frames), np.float32)
        self._last = np.zeros((channels, 1), np.float32)
        self._length = length
        self._at = length

    @property
    def running(self) -> bool:
        """Return whether the old sound is still audible."""
        return self._at < self._length

    def start(self) -> None:
        """Fade from the next sample on."""
        self._at = 0

    def cancel(self) -> None:
        """Drop the old sound."""
        self._at = self._length

    def apply(self, block: NDArray[np.float32], old: NDArray[np.float32] | None) -> None:
        """Mix the new sound `block[C, N]` with `old[C, N]`, in place.

        If there is no old sound any more (None), its last distance from the new one fades instead, so that there is no step.
        """
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
    """Fade-out for a source that breaks off: its last samples backwards, fading to silence, joined without a step."""

    def __init__(self, channels: int, length: int) -> None:
        self._history = np.zeros((channels, length), np.float32)  # circular
        self._sound = np.zeros((channels, length), np.float32)
        self._spare = np.zeros((channels, length), np.float32)
        self._fall = np.ascontiguousarray(_raised_cosine(length)[::-1])
        self._length = length
        self._next = 0
        self._at = length

    def remember(self, block: NDArray[np.float32]) -> None:
        """Remember the end of `block[C, N]`, which has just been played."""
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
        """Fade out from the remembered samples, and forget them."""
        sound, split = self._spare, self._next
        sound[:, :split] = self._history[:, :split][:, ::-1]
        sound[:, split:] = self._history[:, split:][:, ::-1]
        sound *= self._fall
        sound[:, : self._length - self._at] += self._sound[:, self._at :]  # rest of an earlier fade
        self._sound, self._spare = sound, self._sound
        self._at = 0
        self.forget()

    def add_to(self, out: NDArray[np.float32], start: int) -> None:
        """Add the rest of the fade to `out[C, N]` from sample `start` on."""
        count = min(self._length - self._at, out.shape[1] - start)
        if count > 0:
            out[:, start : start + count] += self._sound[:, self._at : self._at + count]
            self._at += count

    def forget(self) -> None:
        """Forget the remembered samples: the source ended in silence, or begins anew."""
        self._history[:] = 0.0

    def cancel(self) -> None:
        """Drop both fade and memory."""
        self._at = self._length
        self.forget()


def _raised_cosine(length: int) -> NDArray[np.float32]:
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)).astype(np.float32)
