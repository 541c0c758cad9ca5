"""F0 by Praat's autocorrelation method (P. Boersma, 1993), for all measurements of pitch in the engine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def praat_f0(
    samples: NDArray[np.floating],
    sample_rate: float,
    *,
    step_s: float,
    floor_hz: float,
    ceiling_hz: float,
    silence_threshold: float,
    voicing_threshold: float = 0.45,
    octave_cost: float = 0.01,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return times and F0 in Hz [T] of mono `samples`, 0 where unvoiced. Thresholds and cost as in Praat, whose defaults they have."""
    import parselmouth  # takes long to import

    track = parselmouth.Sound(samples, sample_rate).to_pitch_ac(
        time_step=step_s,
        pitch_floor=floor_hz,
        pitch_ceiling=ceiling_hz,
        silence_threshold=silence_threshold,
        voicing_threshold=voicing_threshold,
        octave_cost=octave_cost,
    )
    return np.asarray(track.xs()), np.asarray(track.selected_array["frequency"])
