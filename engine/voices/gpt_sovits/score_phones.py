"""Targets of semantic tokens: the phones of a phrase in the names of GPT-SoVITS, and the places of tokens of 40 ms among them.

Training labels recordings with these functions and singing plans with them, so that both give a pitch adapter the same inputs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.voices.units import SCHWA, VOWELS

CODE_S = 0.04
CODE_FRAMES = 4  # of 10 ms in a code
PAUSE = ","


def phone_name(unit: str) -> str:
    """Return the phone of a unit in the names of GPT-SoVITS: ARPAbet, vowels with stress (1; the schwa is AH0), silence a comma."""
    plain = unit.removesuffix("_glide")
    if plain == "SIL":
        return PAUSE
    if plain == SCHWA:
        return "AH0"
    return f"{plain}1" if plain in VOWELS else plain


def phones_of(units: Sequence[str], ends_s: Sequence[float] | NDArray[np.float64]) -> tuple[list[str], NDArray[np.float64]]:
    """Join units (with their end times) to phones; consecutive silences are merged."""
    symbols: list[str] = []
    phone_ends_s: list[float] = []
    for unit, end_s in zip(units, ends_s, strict=True):
        phone = phone_name(unit)
        if symbols and (unit.endswith("_glide") or symbols[-1] == f"{unit}_closure" or symbols[-1] == phone == PAUSE):
            symbols[-1], phone_ends_s[-1] = phone, float(end_s)
        else:
            symbols.append(unit if unit.endswith("_closure") else phone)
            phone_ends_s.append(float(end_s))
    return [symbol.removesuffix("_closure") for symbol in symbols], np.array(phone_ends_s)


def code_places(ends_s: NDArray[np.float64], codes: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the phone in the middle of each token [K], and the seconds from the token's start to that phone's end [K]."""
    starts_s = np.arange(codes) * CODE_S
    phone_of_code = np.clip(np.searchsorted(ends_s, starts_s + CODE_S / 2, side="right"), 0, len(ends_s) - 1)
    left_s = np.maximum(0.0, ends_s[phone_of_code] - starts_s)
    return phone_of_code.astype(np.int64), left_s.astype(np.float32)


def pitch_frames(
    f0_hz: NDArray[np.floating], voiced: NDArray[np.floating] | NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Convert F0 (Hz, > 0) and voicing [2 T] at 100 Hz to 50 Hz [T]: the log mean of two frames, and 1 if one of them is voiced."""
    pairs = np.asarray(f0_hz).reshape(-1, 2)
    return np.exp(np.log(pairs).mean(axis=1)).astype(np.float32), np.asarray(voiced).reshape(-1, 2).max(axis=1).astype(
        np.float32
    )
