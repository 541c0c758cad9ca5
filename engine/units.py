"""Units that all rooms share: the frame rate of performances, MIDI pitch and Hz, decibels, nepers and gain."""

from __future__ import annotations

import math
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

FRAME_RATE_HZ: Final = 100  # frames of a performance; a frame is a whole number of samples at every sample rate that is taken
NEPERS_PER_DB: Final = math.log(10.0) / 20.0
DB_PER_NEPER: Final = 20.0 / math.log(10.0)

_A4_HZ, _A4_PITCH = 440.0, 69.0

_Number = TypeVar("_Number", float, NDArray[np.float64], NDArray[np.floating])


def midi_to_hz(pitch: _Number) -> _Number:
    """Return the frequency of a MIDI pitch (A4 = 69 = 440 Hz)."""
    return _A4_HZ * 2.0 ** ((pitch - _A4_PITCH) / 12.0)


def hz_to_midi(hz: _Number) -> _Number:
    """Return the MIDI pitch of a frequency above 0."""
    return _A4_PITCH + 12.0 * np.log2(hz / _A4_HZ)


def db_to_gain(db: float) -> float:
    """Return the amplitude factor of a level in dB."""
    return 10.0 ** (db / 20.0)
