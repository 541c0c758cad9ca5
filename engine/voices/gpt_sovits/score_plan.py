"""Performances as input of a pitch adapter: the target of each semantic token of 40 ms, and F0 and voicing at 50 Hz."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import RenderError
from engine.performance.types import BREATH, SILENCE, Performance, Utterance
from engine.units import FRAME_RATE_HZ
from engine.voices.articulation import units_of
from engine.voices.units import PHONES, SCHWA, Unit

from .networks.adapter import ScoreFrames, pitch_bins, time_left_classes
from .networks.symbols import symbol_ids
from .score_phones import CODE_FRAMES, code_places, phones_of, pitch_frames

ADAPTER_LANGUAGE = "en"  # of the recordings that adapters are trained on
_VOICED_PHONES = PHONES - frozenset("P T K CH F HH S SH TH".split())


@dataclass(frozen=True, eq=False)
class ScorePlan:
    """A phrase of N phones in K = `codes` tokens: `phones` [N] numbers; `score` [1, K]; `f0_hz` (> 0 throughout) and `voiced` [1, 2 K]."""

    phones: Tensor
    score: ScoreFrames
    f0_hz: Tensor
    voiced: Tensor
    codes: int


def can_be_sung_natively(utterance: Utterance) -> bool:
    """Return True if there are words, all in the language of the adapters."""
    return bool(utterance.words) and all(
        syllable.vowel.language == ADAPTER_LANGUAGE for word in utterance.words for syllable in word
    )


def score_plan(performance: Performance, table: str) -> ScorePlan:
    """Return the plan of a performance in English phones, by the symbol table `table` ("v1" or "v2").

    The last token may reach up to 30 ms beyond the performance's end. Raises RenderError if no frame has a pitch.
    """
    codes = -(-performance.frames // CODE_FRAMES)
    # Breaths are not spoken in recordings: there, such a place is a pause.
    units = units_of([replace(p, symbol=SILENCE) if p.symbol == BREATH else p for p in performance.phones])
    symbols, ends_s = phones_of([unit.symbol for unit in units], [unit.end_s for unit in units])
    phone_of_code, time_left_s = code_places(ends_s, codes)
    frames = codes * CODE_FRAMES
    f0_hz, voiced = (
        torch.from_numpy(values)[None]
        for values in pitch_frames(_carried(performance, frames), _voiced(units, frames, performance.frames))
    )
    phones = torch.tensor(symbol_ids(symbols, table))
    pitches = pitch_bins(f0_hz[:, ::2], voiced[:, ::2])  # of two frames in a code the first, as in training
    score = ScoreFrames(phones[phone_of_code][None], pitches, time_left_classes(torch.from_numpy(time_left_s))[None])
    return ScorePlan(phones, score, f0_hz, voiced, codes)


def _carried(performance: Performance, frames: int) -> NDArray[np.float64]:
    """Return F0 [frames] with gaps filled by straight lines, held at the ends."""
    known = np.flatnonzero(np.isfinite(performance.f0_hz))
    if not len(known):
        raise RenderError(f"The phrase at {performance.start_s:.2f} s has no pitch anywhere; it cannot be sung.")
    return np.interp(np.arange(frames), known, performance.f0_hz[known])


def _voiced(units: Sequence[Unit], frames: int, sung_frames: int) -> NDArray[np.float64]:
    """Return 1 in frames whose middle is in a voiced phone, 0 in others, in rests and after `sung_frames`, [frames]."""
    at_s = (np.arange(sung_frames) + 0.5) / FRAME_RATE_HZ
    index = np.clip(np.searchsorted([unit.start_s for unit in units], at_s, side="right") - 1, 0, len(units) - 1)
    is_voiced = np.array([_is_voiced(unit.symbol) for unit in units])[index]
    return np.pad(is_voiced.astype(np.float64), (0, frames - sung_frames))


def _is_voiced(unit: str) -> bool:
    phone = unit.removesuffix("_glide").removesuffix("_closure")
    return phone in _VOICED_PHONES or phone == SCHWA
