"""A prepared recording and its 25 Hz codes on the frames of SoVITS: what each code is for, F0 and voicing at 50 Hz, samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import TrainingError
from engine.model.units import SCHWA, VOWELS

from ..dataset import Clip

CODE_S = 0.04
_CLIP_FRAMES = 4  # of a clip, at 100 Hz, in a code


@dataclass(frozen=True)
class CodedClip:
    """K codes, N phones. Samples at 32 kHz.

    codes [K]; phones [N] numbers; phone_of_code [K] place among the phones; time_left_s [K] from the code's start to its phone's end; f0_hz and
    voiced [2 K], F0 carried through gaps; samples [1280 K] within -1 .. 1.
    """

    name: str
    codes: NDArray[np.int64]
    phones: NDArray[np.int64]
    phone_of_code: NDArray[np.int64]
    time_left_s: NDArray[np.float32]
    f0_hz: NDArray[np.float32]
    voiced: NDArray[np.float32]
    samples: NDArray[np.float32]


def coded(clip: Clip, codes: NDArray[np.int64], numbers_of: Callable[[Sequence[str]], Sequence[int]]) -> CodedClip:
    """Lays `codes` [K] over `clip`; what either has more at its end is left out.

    `numbers_of` gives the numbers of phones written as in GPT-SoVITS's English: ARPAbet, vowels with stress (1; the schwa is AH0), silence a
    comma. Raises TrainingError unless the clip is at 32 kHz.
    """
    if clip.sample_rate != 32_000:
        raise TrainingError(f"{clip.name} was prepared at {clip.sample_rate} Hz; 32000 are needed. Prepare it again.")
    steps = min(len(codes), clip.frames // _CLIP_FRAMES)
    symbols, ends_s = phones_of(clip)
    starts_s = np.arange(steps) * CODE_S
    phone_of_code = np.clip(np.searchsorted(ends_s, starts_s + CODE_S / 2, side="right"), 0, len(symbols) - 1)
    pairs = clip.f0_hz[: _CLIP_FRAMES * steps].reshape(-1, 2)
    return CodedClip(
        name=clip.name,
        codes=codes[:steps].astype(np.int64),
        phones=np.array(numbers_of(symbols), dtype=np.int64),
        phone_of_code=phone_of_code.astype(np.int64),
        time_left_s=np.maximum(0.0, ends_s[phone_of_code] - starts_s).astype(np.float32),
        f0_hz=np.exp(np.log(pairs).mean(axis=1)).astype(np.float32),
        voiced=clip.voiced[: _CLIP_FRAMES * steps].reshape(-1, 2).max(axis=1).astype(np.float32),
        samples=(clip.samples[: steps * 1280] / 32767.0).astype(np.float32),
    )


def phones_of(clip: Clip) -> tuple[list[str], NDArray[np.float64]]:
    """The clip's units put together to phones again, and when each ends in seconds."""
    symbols: list[str] = []
    ends_s: list[float] = []
    for unit, end_s in zip(clip.units, clip.borders_s[1:], strict=True):
        phone = phone_name(unit)
        continues = unit.endswith("_glide") or (symbols and _is_release(symbols[-1], unit))
        if continues:
            symbols[-1], ends_s[-1] = phone, float(end_s)
        else:
            symbols.append(unit if unit.endswith("_closure") else phone)
            ends_s.append(float(end_s))
    return [symbol.removesuffix("_closure") for symbol in symbols], np.array(ends_s)


def _is_release(before: str, unit: str) -> bool:
    """Whether `unit` is the release of the closure `before`."""
    return before == f"{unit}_closure"


def phone_name(unit: str) -> str:
    """How GPT-SoVITS writes the phone of a unit."""
    plain = unit.removesuffix("_glide")
    if plain == "SIL":
        return ","
    if plain == SCHWA:
        return "AH0"
    return f"{plain}1" if plain in VOWELS else plain
