"""Fourth stage: the token model, on the tokens of the sung set and of the recordings (4 : 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from engine.train.dataset import Clip, clip_units
from engine.units import FRAME_RATE_HZ
from engine.voices.starter.conditioning import pitch_bins, step_frames, time_left_classes
from engine.voices.starter.config import FRAMES_PER_TOKEN, GptConfig
from engine.voices.starter.gpt import TokenGpt
from engine.voices.units import UnitFrames, unit_frames, without_end

from .loop import Report, StageSettings, Trained, run_stage
from .objective import stack_rows, unit_row
from .sung import SungPhrase

_SUNG_SHARE = 0.8
_HORIZONS_S = (0.02, 0.05, 0.2)
_HORIZON_CHANCE = 0.3
_SMOOTHING = 0.05


@dataclass(frozen=True)
class TokenLine:
    """A phrase as training data of the token model: K steps; pitch [K] bins, until_s [K], codes [K]; mix [speakers]."""

    laid: UnitFrames
    pitch: NDArray[np.int64]
    until_s: NDArray[np.float64]
    codes: NDArray[np.int64]
    mix: NDArray[np.float32]


def recorded_line(clip: Clip, codes: NDArray[np.int64], config: GptConfig) -> TokenLine:
    """Return a recording and its tokens as a line."""
    mix = np.eye(config.speakers, dtype=np.float32)[clip.speaker]
    return _line(unit_frames(clip_units(clip), clip.frames, FRAME_RATE_HZ), clip.f0_hz, codes, mix, config)


def sung_line(phrase: SungPhrase, codes: NDArray[np.int64], config: GptConfig) -> TokenLine:
    """Return a phrase of the sung set and its tokens as a line."""
    return _line(phrase.laid, phrase.f0_hz, codes, phrase.mix, config)


def _line(
    laid: UnitFrames, f0_hz: NDArray[np.float32], codes: NDArray[np.int64], mix: NDArray[np.float32], config: GptConfig
) -> TokenLine:
    steps = len(f0_hz) // FRAMES_PER_TOKEN
    pitch_at, first, middle = step_frames(steps)
    pitch = pitch_bins(f0_hz[pitch_at], laid.units[laid.unit_of_frame[middle]], config.pitches)
    return TokenLine(laid, pitch, laid.until_s[first], codes[:steps], mix)


def train_gpt(
    config: GptConfig,
    settings: StageSettings,
    recorded: Sequence[TokenLine],
    sung: Sequence[TokenLine],
    held_out: Mapping[str, Sequence[TokenLine]],
    folder: Path,
    *,
    stage: str = "gpt",
    report: Report | None = None,
) -> tuple[TokenGpt, Trained]:
    """Train the token model. Held-out figures per group: cross-entropy in nats and the share of tokens predicted exactly."""
    torch.manual_seed(settings.seed)
    model, average = TokenGpt(config), TokenGpt(config)
    steps = round(settings.crop_s * FRAME_RATE_HZ) // FRAMES_PER_TOKEN
    groups = [[line for line in lines if len(line.codes) >= steps] for lines in (recorded, sung)]

    def losses(step: int, rng: np.random.Generator, generator: torch.Generator) -> dict[str, Tensor]:
        rows = []
        for _ in range(settings.batch):
            group = groups[int(rng.random() < _SUNG_SHARE)]
            line = group[rng.integers(len(group))]
            first = int(rng.integers(0, len(line.codes) - steps + 1))
            horizon_s = float(rng.choice(_HORIZONS_S)) if rng.random() < _HORIZON_CHANCE else None
            rows.append(_row(line, config, first, steps, horizon_s))
        batch = stack_rows(rows)
        wanted = batch.pop("codes")
        forgotten = torch.from_numpy(rng.random(wanted.shape) < config.token_dropout)
        batch["previous"] = torch.where(forgotten, torch.full_like(wanted, config.codes), batch["previous"])
        logits = model(**batch)
        return {"tokens": functional.cross_entropy(logits.transpose(1, 2), wanted, label_smoothing=_SMOOTHING)}

    @torch.no_grad()
    def figures() -> dict[str, float]:
        found = {}
        for name, lines in held_out.items():
            nats, right, count = 0.0, 0, 0
            for line in lines:
                whole = min(len(line.codes), 2 * config.window)
                batch = stack_rows([_row(line, config, 0, whole, None)])
                wanted = batch.pop("codes")
                logits = average(**batch)
                nats += float(functional.cross_entropy(logits.transpose(1, 2), wanted, reduction="sum"))
                right += int((logits.argmax(2) == wanted).sum())
                count += wanted.numel()
            found[f"{name}_nats"], found[f"{name}_right"] = nats / count, right / count
        return found

    identity = f"{len(recorded)} {len(sung)} {sum(int(line.codes.sum()) for line in (*recorded, *sung))}"
    trained = run_stage(stage, model, average, settings, losses, figures, folder=folder, data_identity=identity, report=report)
    return average, trained


def _row(line: TokenLine, config: GptConfig, first: int, steps: int, horizon_s: float | None) -> dict[str, Tensor]:
    window = slice(FRAMES_PER_TOKEN * first, FRAMES_PER_TOKEN * (first + steps))
    row = unit_row(line.laid, window)
    until_s = line.until_s[first : first + steps]
    left = time_left_classes(until_s)
    if horizon_s is not None:
        row["position"] = torch.from_numpy(without_end(row["position"].numpy(), horizon_s))
        left = np.where(until_s > horizon_s, config.time_left - 1, left)
    codes = torch.from_numpy(line.codes[first : first + steps])
    before = torch.tensor([line.codes[first - 1] if first else config.codes])
    return {
        **row,
        "pitch": torch.from_numpy(line.pitch[first : first + steps]),
        "time_left": torch.from_numpy(left),
        "mix": torch.from_numpy(line.mix),
        "codes": codes,
        "previous": torch.cat([before, codes[:-1]]),
    }
