"""First stage: the direct model, from prepared clips to spectral envelopes, trained through the synthesiser.

Loss: log-magnitude L1 at three FFT sizes, log-mel L1, aperiodicity L1 against D4C and voicing cross-entropy. The spectral losses depend
on the total power only (the aperiodicity is detached there): otherwise they would prefer a periodic buzz to noise.

A recording with a narrower band gives no target above it; there the bands follow the first speaker's, joined at the border.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from engine.errors import TrainingError
from engine.train.dataset import Clip, clip_units
from engine.units import FRAME_RATE_HZ
from engine.voices.starter.acoustic import AcousticModel, Envelope
from engine.voices.starter.config import AcousticConfig
from engine.voices.units import unit_frames

from .loop import Report, StageSettings, Trained, run_stage
from .objective import Batch, Renderer, aperiodicity_loss, stack_rows, tie_loss, unit_row


def make_batch(clips: Sequence[Clip], crops: Sequence[tuple[int, int]], frames: int) -> Batch:
    """Return a batch of crops given as (clip index, first frame)."""
    return Batch(**stack_rows([recorded_row(clips[index], first, frames) for index, first in crops]))


def recorded_row(clip: Clip, first: int, frames: int) -> dict[str, Tensor]:
    """Return one crop of a recording, by the names of Batch."""
    hop = len(clip.samples) // clip.frames
    laid = unit_frames(clip_units(clip), clip.frames, FRAME_RATE_HZ)
    window = slice(first, first + frames)
    return {
        **unit_row(laid, window),
        "f0_hz": torch.from_numpy(clip.f0_hz[window]),
        "voiced": torch.from_numpy(clip.voiced[window].astype(np.float32)),
        "effort": torch.from_numpy(clip.effort[window]),
        "aperiodicity": torch.from_numpy(clip.aperiodicity[window]),
        "samples": torch.from_numpy(clip.samples[first * hop : (first + frames) * hop].astype(np.float32) / 32767),
        "speaker": torch.tensor(clip.speaker),
        "band_hz": torch.tensor(clip.band_hz),
    }


def losses_of(model: AcousticModel, renderer: Renderer, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
    """Return the weighted parts of the training loss."""
    features = model.frame_features(batch.units, batch.unit_of_frame, batch.position)
    envelope = model.envelope(features, batch.voiced, batch.effort, model.speaker(batch.speaker))
    rendered = renderer.render(envelope, batch, generator)
    parts = {
        "spectral": renderer.spectral_loss(rendered, batch),
        "aperiodicity": aperiodicity_loss(envelope, batch, model.config),
        "voicing": 0.1 * functional.binary_cross_entropy_with_logits(model.voicing_logit(features), batch.voiced),
    }
    is_narrow = batch.band_hz < model.config.sample_rate / 2
    if is_narrow.any():
        with torch.no_grad():
            first = model.envelope(
                features[is_narrow],
                batch.voiced[is_narrow],
                batch.effort[is_narrow],
                model.speaker(torch.zeros_like(batch.speaker))[is_narrow],
            )
        own = Envelope(envelope.log_amplitude[is_narrow], envelope.aperiodicity[is_narrow])
        parts["tie"] = 0.1 * tie_loss(own, first, model.config, batch.band_hz[is_narrow])
    return parts


def train_direct(
    config: AcousticConfig,
    settings: StageSettings,
    training: Sequence[Clip],
    held_out: Sequence[Clip],
    folder: Path,
    report: Report | None = None,
) -> tuple[AcousticModel, Trained]:
    """Train, or resume from `folder/direct.pt`; return the averaged model."""
    torch.manual_seed(settings.seed)
    model, average = AcousticModel(config), AcousticModel(config)
    renderer = Renderer(config)
    cropper = Cropper(training, settings)

    def losses(step: int, rng: np.random.Generator, generator: torch.Generator) -> dict[str, Tensor]:
        return losses_of(model, renderer, make_batch(training, cropper.draw(rng), cropper.frames), generator)

    @torch.no_grad()
    def figures() -> dict[str, float]:
        if not held_out:
            return {}
        frames = min(clip.frames for clip in held_out)
        batch = make_batch(held_out, [(index, 0) for index in range(len(held_out))], frames)
        parts = losses_of(average, renderer, batch, torch.Generator().manual_seed(settings.seed))
        return {"loss": float(sum(parts.values(), torch.zeros(())))}

    trained = run_stage(
        "direct",
        model,
        average,
        settings,
        losses,
        figures,
        folder=folder,
        data_identity=clips_identity(training),
        report=report,
    )
    return average, trained


class Cropper:
    """Random source of crops: clips by length, at any position."""

    def __init__(self, clips: Sequence[Clip], settings: StageSettings) -> None:
        self.frames = round(settings.crop_s * FRAME_RATE_HZ)
        self._batch = settings.batch
        self._clips = clips
        self._usable = [index for index, clip in enumerate(clips) if clip.frames > self.frames]
        if not self._usable:
            raise TrainingError(
                f"No clip is longer than crop_s = {settings.crop_s:g} s. Give longer recordings or a smaller crop_s."
            )
        lengths = np.array([clips[index].frames for index in self._usable], dtype=float)
        self._chances = lengths / lengths.sum()

    def draw(self, rng: np.random.Generator) -> list[tuple[int, int]]:
        """Return (clip index, first frame) of each crop of a batch."""
        chosen = rng.choice(len(self._usable), self._batch, p=self._chances)
        return [(self._usable[c], int(rng.integers(0, self._clips[self._usable[c]].frames - self.frames))) for c in chosen]


def clips_identity(clips: Sequence[Clip]) -> str:
    """Return a text that identifies the clips."""
    return "\n".join(f"{clip.name} {clip.frames} {clip.speaker}" for clip in clips)
