"""Articulatory units of the starter voice: the parts of a phone and their times.

An unstressed AH is a schwa. A diphthong is a nucleus and a glide (a held one stays on the nucleus), a stop or affricate is a closure and
a release. The same splitting rules label the training data and performances. `SIL` is silence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MONOPHTHONGS = ("AA", "AE", "AH", "AO", "EH", "ER", "IH", "IY", "UH", "UW")
DIPHTHONGS = ("AW", "AY", "EY", "OW", "OY")
STOPS = ("B", "D", "G", "K", "P", "T")
AFFRICATES = ("CH", "JH")
FRICATIVES = ("DH", "F", "HH", "S", "SH", "TH", "V", "Z", "ZH")
NASALS = ("M", "N", "NG")
LIQUIDS = ("L", "R")
GLIDES = ("W", "Y")

VOWELS = frozenset(MONOPHTHONGS + DIPHTHONGS)
PHONES = frozenset(MONOPHTHONGS + DIPHTHONGS + STOPS + AFFRICATES + FRICATIVES + NASALS + LIQUIDS + GLIDES)

SCHWA = "AX"  # the AH of "about": another sound than that of "love"

UNITS: tuple[str, ...] = (
    "SIL",
    SCHWA,
    *MONOPHTHONGS,
    *(unit for phone in DIPHTHONGS for unit in (phone, phone + "_glide")),
    *(unit for phone in STOPS + AFFRICATES for unit in (phone + "_closure", phone)),
    *FRICATIVES,
    *NASALS,
    *LIQUIDS,
    *GLIDES,
)
UNIT_INDEX = {unit: index for index, unit in enumerate(UNITS)}

# Seconds of noise after a closure opens; measured medians of read English lie close to these.
_RELEASE_S = {"P": 0.035, "T": 0.045, "K": 0.045, "B": 0.015, "D": 0.02, "G": 0.025, "CH": 0.07, "JH": 0.05}
_GLIDE_S, _GLIDE_SHARE = 0.13, 0.4


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of `UNITS` from `start_s` to `end_s`."""

    symbol: str
    start_s: float
    end_s: float


def split_phone(
    symbol: str, start_s: float, end_s: float, *, is_reduced: bool = False, release_s: float | None = None
) -> tuple[Unit, ...]:
    """Return a phone's units. `is_reduced`: an unstressed vowel; `release_s`: measured time at which a closure opens, else a rule
    decides.

    Raises ValueError for a symbol outside the inventory.
    """
    if symbol == "AH" and is_reduced:
        return (Unit(SCHWA, start_s, end_s),)
    if symbol in DIPHTHONGS:
        border_s = end_s - min(_GLIDE_S, _GLIDE_SHARE * (end_s - start_s))
        return Unit(symbol, start_s, border_s), Unit(symbol + "_glide", border_s, end_s)
    if symbol in _RELEASE_S:
        border_s = release_s if release_s is not None else end_s - min(_RELEASE_S[symbol], 0.6 * (end_s - start_s))
        return Unit(symbol + "_closure", start_s, border_s), Unit(symbol, border_s, end_s)
    if symbol not in UNIT_INDEX:
        raise ValueError(f"'{symbol}' is not a phone of the starter voice. Valid: {', '.join(sorted(PHONES))}, SIL.")
    return (Unit(symbol, start_s, end_s),)


@dataclass(frozen=True)
class UnitFrames:
    """Network input of one phrase: `units[N]` indices into UNITS, `unit_of_frame[T]`, `position[T, POSITION_FEATURES]`, `until_s[T]`."""

    units: NDArray[np.int64]
    unit_of_frame: NDArray[np.int64]
    position: NDArray[np.float32]
    until_s: NDArray[np.float64]  # from the frame to its unit's end

    def cut(self, frames: slice | NDArray[np.int64]) -> UnitFrames:
        """Return some of the frames."""
        return UnitFrames(self.units, self.unit_of_frame[frames], self.position[frames], self.until_s[frames])


def unit_indices(units: Iterable[Unit]) -> NDArray[np.int64]:
    """Return indices into UNITS [N]."""
    return np.array([UNIT_INDEX[unit.symbol] for unit in units], dtype=np.int64)


POSITION_FEATURES = 8
_SATURATION_S = (0.03, 0.08, 0.2)


def unit_frames(units: Iterable[Unit], frames: int, frame_rate_hz: int, first_frame: int = 0) -> UnitFrames:
    """Lay contiguous units over a frame grid: frame t is at the time (t + 0.5) / frame_rate_hz. A unit may end at infinity.

    The position features saturate, so that a note of four seconds looks like the longest vowels of the training data.
    """
    spans = list(units)
    starts = np.array([unit.start_s for unit in spans])
    ends = np.array([unit.end_s for unit in spans])
    times = (first_frame + np.arange(frames) + 0.5) / frame_rate_hz
    index = np.clip(np.searchsorted(starts, times, side="right") - 1, 0, len(spans) - 1)
    since, until = np.maximum(0.0, times - starts[index]), np.maximum(0.0, ends[index] - times)
    length = np.maximum(1e-3, ends[index] - starts[index])
    columns = [np.minimum(since, s) / s for s in _SATURATION_S] + [np.minimum(until, s) / s for s in _SATURATION_S]
    columns.append(np.clip(np.log(length / 0.1), -1.5, 1.0))
    columns.append(np.where(length < 0.25, since / length, 0.5))
    return UnitFrames(
        units=unit_indices(spans),
        unit_of_frame=index.astype(np.int64),
        position=np.stack(columns, axis=1).astype(np.float32),
        until_s=until,
    )


def without_end(position: NDArray[np.float32], horizon_s: float) -> NDArray[np.float32]:
    """Return position features [T, 8] with a look-ahead of `horizon_s` only: a unit that ends later looks endless, as in live play."""
    is_endless = position[:, 5] * _SATURATION_S[2] > horizon_s
    hidden = position.copy()
    hidden[is_endless, 3:6] = 1.0
    hidden[is_endless, 6] = 1.0
    hidden[is_endless, 7] = 0.5
    return hidden
