"""Last stage: the speaker's own loudness pattern, from the recordings' slow loudness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from engine.train.dataset import Clip, clip_units
from engine.units import FRAME_RATE_HZ
from engine.voices.starter.conditioning import relative_pitch, since_rest
from engine.voices.starter.config import LoudnessConfig
from engine.voices.starter.loudness import LoudnessModel
from engine.voices.units import UNIT_INDEX, UnitFrames, unit_frames

from .direct import Cropper, clips_identity
from .loop import Report, StageSettings, Trained, run_stage
from .objective import stack_rows, unit_row


@dataclass(frozen=True)
class _Line:
    laid: UnitFrames
    pitch: NDArray[np.float32]
    rest: NDArray[np.float32]
    speaks: NDArray[np.bool_]
    effort: NDArray[np.float32]
    mix: NDArray[np.float32]

    def row(self, first: int, frames: int) -> dict[str, Tensor]:
        window = slice(first, first + frames)
        return {
            **unit_row(self.laid, window),
            "pitch": torch.from_numpy(self.pitch[window]),
            "since_rest": torch.from_numpy(self.rest[window]),
            "mix": torch.from_numpy(self.mix),
            "speaks": torch.from_numpy(self.speaks[window].astype(np.float32)),
            "effort": torch.from_numpy(self.effort[window]),
        }


def train_loudness(
    config: LoudnessConfig,
    settings: StageSettings,
    training: Sequence[Clip],
    held_out: Sequence[Clip],
    folder: Path,
    report: Report | None = None,
) -> tuple[LoudnessModel, Trained]:
    """Train the loudness model. Held-out figure: correlation of predicted and real loudness over all frames that are no rest."""
    torch.manual_seed(settings.seed)
    model, average = LoudnessModel(config), LoudnessModel(config)
    medians = [
        float(np.median(np.concatenate([clip.f0_hz[clip.voiced] for clip in training if clip.speaker == speaker])))
        for speaker in range(config.speakers)
    ]
    model.median_hz.copy_(torch.tensor(medians))
    lines = [_line(clip, medians, config) for clip in training]
    tests = [_line(clip, medians, config) for clip in held_out]
    cropper = Cropper(training, settings)

    def losses(step: int, rng: np.random.Generator, generator: torch.Generator) -> dict[str, Tensor]:
        batch = stack_rows([lines[index].row(first, cropper.frames) for index, first in cropper.draw(rng)])
        speaks, effort = batch.pop("speaks"), batch.pop("effort")
        missed = functional.smooth_l1_loss(model(**batch), effort, reduction="none", beta=0.2)
        return {"effort": (missed * speaks).sum() / speaks.sum().clamp(min=1.0)}

    @torch.no_grad()
    def figures() -> dict[str, float]:
        if not tests:
            return {}
        said, predicted = [], []
        for line in tests:
            batch = stack_rows([line.row(0, len(line.pitch))])
            speaks, effort = batch.pop("speaks")[0] > 0, batch.pop("effort")[0]
            said.append(effort[speaks].numpy())
            predicted.append(average(**batch)[0][speaks].numpy())
        return {"correlation": float(np.corrcoef(np.concatenate(said), np.concatenate(predicted))[0, 1])}

    identity = clips_identity(training)
    trained = run_stage(
        "loudness", model, average, settings, losses, figures, folder=folder, data_identity=identity, report=report
    )
    return average, trained


def _line(clip: Clip, medians: Sequence[float], config: LoudnessConfig) -> _Line:
    laid = unit_frames(clip_units(clip), clip.frames, FRAME_RATE_HZ)
    rests = laid.units[laid.unit_of_frame] == UNIT_INDEX["SIL"]
    return _Line(
        laid=laid,
        pitch=relative_pitch(clip.f0_hz, medians[clip.speaker]),
        rest=since_rest(rests)[0],
        speaks=~rests,
        effort=clip.effort,
        mix=np.eye(config.speakers, dtype=np.float32)[clip.speaker],
    )
