"""Time maps: piecewise linear, monotonic maps from times of a result to times of a recording, with jumps ahead allowed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Play `from_s` to `to_s` of the recording from `start_s` to `end_s` of the result; silence unless `sounds`."""

    start_s: float
    end_s: float
    from_s: float
    to_s: float
    sounds: bool = True


@dataclass(frozen=True)
class TimeMap:
    """Contiguous stretches from 0 s to the end of the result. Raises ValueError if they overlap, leave gaps or run backwards."""

    stretches: tuple[Stretch, ...]
    _starts_s: Array = field(init=False, repr=False, compare=False)
    _columns: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        columns = np.array([(s.start_s, s.end_s, s.from_s, s.to_s) for s in self.stretches], dtype=np.float64).reshape(-1, 4)
        if not len(columns) or columns[0, 0] != 0.0:
            raise ValueError("A time map needs stretches that begin at 0 s.")
        start_s, end_s, from_s, to_s = columns.T
        if np.any(end_s <= start_s) or np.any(np.abs(start_s[1:] - end_s[:-1]) > 1e-9):
            raise ValueError("Stretches must follow each other without gaps, each longer than nothing.")
        if np.any(to_s < from_s) or np.any(from_s[1:] < to_s[:-1] - 1e-9):
            raise ValueError("A time map never runs backwards.")
        object.__setattr__(self, "_starts_s", start_s)
        object.__setattr__(self, "_columns", columns)

    @property
    def end_s(self) -> float:
        return self.stretches[-1].end_s

    def recorded_at(self, times_s: Array) -> Array:
        """Return times of the recording at `times_s` [T] of the result."""
        index = self._index(times_s)
        start_s, end_s, from_s, to_s = self._columns[index].T
        share = np.clip((times_s - start_s) / (end_s - start_s), 0.0, 1.0)
        return from_s + share * (to_s - from_s)

    def heard_at(self, recorded_s: Array) -> Array:
        """Return the first times of the result at which those times of the recording are played [T]."""
        index = np.minimum(np.searchsorted(self._columns[:, 3], recorded_s, side="right"), len(self.stretches) - 1)
        start_s, end_s, from_s, to_s = self._columns[index].T
        share = np.clip((recorded_s - from_s) / np.maximum(to_s - from_s, 1e-12), 0.0, 1.0)
        return start_s + share * (end_s - start_s)

    def sounds_at(self, times_s: Array) -> NDArray[np.bool_]:
        """Return True at times with sound [T]."""
        return np.array([s.sounds for s in self.stretches])[self._index(times_s)]

    def _index(self, times_s: Array) -> NDArray[np.int64]:
        found = np.searchsorted(self._starts_s, times_s, side="right") - 1
        return np.clip(found, 0, len(self.stretches) - 1)


def warp_frames(latent: NDArray[np.floating], time_map: TimeMap, *, frame_rate_hz: float = 50.0) -> NDArray[np.floating]:
    """Return frames `latent` [T, C] of the recording at the times of the result [T', C]; frame t is centred on (t + 0.5) / frame_rate_hz.

    Linear between neighbouring frames, constant beyond either end.
    """
    if latent.ndim != 2 or not len(latent):
        raise ValueError(f"frames of shape {latent.shape}, expected [T, C] with T > 0")
    centres_s = np.asarray((np.arange(max(1, round(time_map.end_s * frame_rate_hz))) + 0.5) / frame_rate_hz, dtype=np.float64)
    place = np.clip(time_map.recorded_at(centres_s) * frame_rate_hz - 0.5, 0, len(latent) - 1)
    low = np.minimum(place.astype(np.int64), max(0, len(latent) - 2))
    share = (place - low)[:, None].astype(latent.dtype)
    return latent[low] * (1 - share) + latent[np.minimum(low + 1, len(latent) - 1)] * share
