"""Inputs of the starter voice's networks from a performance: units, voicing and effort."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.performance.types import BREATH, SILENCE, PhoneSpan

from .units import SCHWA, VOWELS, Unit, split_phone

_DB_PER_EFFORT = 13.0  # of loudness asked for, per unit of effort
_EFFORT_RANGE = (-0.8, 0.3)  # what the training data covers well; beyond it, plain gain
_ALWAYS_VOICED_AFTER_S, _ALWAYS_VOICED_BEFORE_S = 0.05, 0.04  # inside vowels, from their start and to their end


def units_of(spans: Sequence[PhoneSpan]) -> list[Unit]:
    """Return the units of contiguous phones. Raises ValueError for a phone outside the inventory."""
    return [unit for span in spans for unit in _units_of(span)]


def effort_of(energy_db: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the part of the loudness that the network renders [T]; the part beyond the recordings' range is left to plain gain."""
    return np.clip(energy_db / _DB_PER_EFFORT, *_EFFORT_RANGE).astype(np.float32)


def voicing(
    logits: NDArray[np.float32],
    units: Sequence[Unit],
    unit_of_frame: NDArray[np.int64],
    frame_rate_hz: int,
    *,
    first_frame: int = 0,
) -> NDArray[np.float32]:
    """Return 0 or 1 per frame [T]: the sign of the logits, but silence is unvoiced and the middle of a vowel voiced."""
    times = (first_frame + np.arange(len(logits)) + 0.5) / frame_rate_hz
    since = times - np.array([unit.start_s for unit in units])[unit_of_frame]
    until = np.array([unit.end_s for unit in units])[unit_of_frame] - times
    symbols = [unit.symbol.removesuffix("_glide") for unit in units]
    is_vowel = np.array([symbol in VOWELS or symbol == SCHWA for symbol in symbols])[unit_of_frame]
    is_glide = np.array([unit.symbol.endswith("_glide") for unit in units])[unit_of_frame]
    is_silent = np.array([symbol == SILENCE for symbol in symbols])[unit_of_frame]
    middle = is_vowel & ((since > _ALWAYS_VOICED_AFTER_S) | is_glide) & (until > _ALWAYS_VOICED_BEFORE_S)
    return (((logits > 0) | middle) & ~is_silent).astype(np.float32)


def breath_frames(spans: Sequence[PhoneSpan], first_frame: int, frames: int, frame_rate_hz: int) -> NDArray[np.float32]:
    """Return 1 in the frames of breaths, else 0. The end of a span may be infinity."""
    marks = np.zeros(frames, dtype=np.float32)
    latest_s = (first_frame + frames) / frame_rate_hz
    for span in spans:
        if span.symbol == BREATH:
            start, end = (round(min(s, latest_s) * frame_rate_hz) - first_frame for s in (span.start_s, span.end_s))
            marks[max(0, start) : max(0, end)] = 1.0
    return marks


def _units_of(span: PhoneSpan) -> tuple[Unit, ...]:
    if span.symbol == SILENCE:
        return (Unit(SILENCE, span.start_s, span.end_s),)
    symbol = "HH" if span.symbol == BREATH else span.symbol
    return split_phone(symbol, span.start_s, span.end_s, is_reduced=span.stress == 0)
