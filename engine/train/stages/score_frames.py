"""Prepared recordings with their 25 Hz tokens on the frames of SoVITS: targets of tokens, F0 and voicing at 50 Hz, samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import TrainingError
from engine.train.dataset import Clip
from engine.voices.gpt_sovits.score_phones import CODE_FRAMES, code_places, phones_of, pitch_frames


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


def align_codes(clip: Clip, codes: NDArray[np.int64], numbers_of: Callable[[Sequence[str]], Sequence[int]]) -> CodedClip:
    """Lay `codes` [K] over `clip`; the longer of the two is cut at its end.

    `numbers_of` gives the numbers of phones in the names of GPT-SoVITS's English (`phone_name`). Raises TrainingError unless the clip is
    at 32 kHz.
    """
    if clip.sample_rate != 32_000:
        raise TrainingError(f"{clip.name} was prepared at {clip.sample_rate} Hz; 32000 are needed. Prepare it again.")
    steps = min(len(codes), clip.frames // CODE_FRAMES)
    symbols, ends_s = phones_of(clip.units, clip.borders_s[1:])
    phone_of_code, time_left_s = code_places(ends_s, steps)
    f0_hz, voiced = pitch_frames(clip.f0_hz[: CODE_FRAMES * steps], clip.voiced[: CODE_FRAMES * steps])
    return CodedClip(
        name=clip.name,
        codes=codes[:steps].astype(np.int64),
        phones=np.array(numbers_of(symbols), dtype=np.int64),
        phone_of_code=phone_of_code,
        time_left_s=time_left_s,
        f0_hz=f0_hz,
        voiced=voiced,
        samples=(clip.samples[: steps * 1280] / 32767.0).astype(np.float32),
    )
