"""Inputs of the token and loudness models besides units: pitch, time left, time since a rest. Used in training and singing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.units import hz_to_midi
from engine.voices.units import UNIT_INDEX

from .config import FRAMES_PER_TOKEN

LOWEST_PITCH = 36.0  # MIDI; a bin is a semitone
PITCH_LAG_FRAMES = 2  # a step's token is wanted this long before it begins, and pitch is not known ahead
_LATEST_S = (0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28)  # borders of the classes of time left
_VOICELESS = (
    "SIL",
    "F",
    "HH",
    "S",
    "SH",
    "TH",
    *(part for stop in ("P", "T", "K", "CH") for part in (f"{stop}_closure", stop)),
)
_IS_VOICELESS = np.isin(np.arange(len(UNIT_INDEX)), [UNIT_INDEX[unit] for unit in _VOICELESS])


def pitch_bins(f0_hz: NDArray[np.floating], middle_units: NDArray[np.int64], bins: int) -> NDArray[np.int64]:
    """Return bins [K] from the pitch at each step's beginning, PITCH_LAG_FRAMES early, and the unit in its middle; the last bin:
    unvoiced.
    """
    pitch = hz_to_midi(np.maximum(f0_hz, 1.0))
    nearest = np.clip(np.round(pitch - LOWEST_PITCH), 0, bins - 2).astype(np.int64)
    return np.where(_IS_VOICELESS[middle_units], bins - 1, nearest)


def time_left_classes(until_s: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return classes 0 (20 ms or less to the unit's end) .. 7 (more than 1.28 s, or unknown)."""
    return np.searchsorted(_LATEST_S, until_s, side="left").astype(np.int64)


def step_frames(steps: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return, of steps 0 .. K-1, the frame of the pitch, the first frame and the middle frame."""
    first = np.arange(steps) * FRAMES_PER_TOKEN
    return np.maximum(0, first - PITCH_LAG_FRAMES), first, first + FRAMES_PER_TOKEN // 2


def slopes(heads: int) -> NDArray[np.float32]:
    """Return the bias of each attention head, -slope per step back (ALiBi, Press et al. 2022)."""
    return (2.0 ** (-8.0 * (np.arange(heads) + 1) / heads)).astype(np.float32)


def relative_pitch(f0_hz: NDArray[np.floating], median_hz: float) -> NDArray[np.float32]:
    """Return half octaves [T] from the speaker's median, limited to -1..1, since melodies leave the range of speech."""
    return np.clip(2.0 * np.log2(np.maximum(f0_hz, 1.0) / median_hz), -1.0, 1.0).astype(np.float32)


def since_rest(is_rest: NDArray[np.bool_], before: float = 0.0, frame_rate_hz: int = 100) -> tuple[NDArray[np.float32], float]:
    """Return the time since the last rest in units of 2 s, at most 1 [T], and the seconds to go on from; `before`: seconds at the start."""
    seconds = np.empty(len(is_rest), np.float32)
    for index, rests in enumerate(is_rest):
        before = 0.0 if rests else before + 1.0 / frame_rate_hz
        seconds[index] = before
    return np.minimum(seconds / 2.0, 1.0).astype(np.float32), before
