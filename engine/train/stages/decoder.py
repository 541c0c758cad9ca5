"""Third stage: the streaming decoder, on recordings (through the synthesiser) and on the sung set (against the direct model's bands).

Tokens and units are each left out at random, so that the decoder can rely on either. Often it sees only a short horizon of the score
(horizon dropout), since in live play the end of a note is unknown. Then it is polished, mostly on the sung set: the noise of the
recordings dominates their loss and hides what matters in singing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from engine.train.dataset import Clip
from engine.voices.starter.config import FRAMES_PER_TOKEN, DecoderConfig
from engine.voices.starter.decoder import Decoder
from engine.voices.units import without_end

from .direct import Cropper, clips_identity, recorded_row
from .loop import Report, StageSettings, Trained, fingerprint, run_stage
from .objective import Batch, Renderer, SungBatch, aperiodicity_loss, stack_rows, sung_losses, unit_row
from .sung import SungPhrase

Codes = NDArray[np.int64]

_HORIZONS_S = (0.02, 0.05, 0.2)
_HORIZON_CHANCE = 0.5
_SILENT_TOKEN_CHANCE = 0.05  # single tokens left out besides whole crops


@dataclass(frozen=True)
class Tokens:
    """Semantic tokens [ceil(T / 4)] of every item of a list."""

    recorded: Sequence[Codes]
    sung: Sequence[Codes]


@dataclass(frozen=True)
class Diet:
    """Share of singing in a step: sung crops for each recorded one, and the weight of their loss."""

    sung_per_recorded: int = 1
    sung_weight: float = 1.0


_POLISH = Diet(sung_per_recorded=3, sung_weight=3.0)
_POLISH_TOKEN_DROPOUT, _POLISH_UNIT_DROPOUT = 0.1, 0.05


def train_decoder(
    config: DecoderConfig,
    settings: StageSettings,
    training: Sequence[Clip],
    held_out: Sequence[Clip],
    sung: Sequence[SungPhrase],
    tokens: Tokens,
    held_out_codes: Sequence[Codes],
    folder: Path,
    report: Report | None = None,
    *,
    stage: str = "decoder",
    diet: Diet = Diet(),
    start_from: Decoder | None = None,
) -> tuple[Decoder, Trained]:
    """Train the decoder. `tokens.recorded` belongs to `training`, `tokens.sung` to `sung`. Held-out figures: spectral loss with both,
    units or tokens alone.
    """
    torch.manual_seed(settings.seed)
    model, average = Decoder(config), Decoder(config)
    identity = clips_identity(training) + f"\n{len(sung)} {sum(int(c.sum()) for c in tokens.sung)}"
    if start_from is not None:
        model.load_state_dict(start_from.state_dict())
        identity += f"\n{diet} {fingerprint(start_from)}"
    sung_crops = diet.sung_per_recorded * settings.batch
    renderer = Renderer(config)
    cropper = Cropper(training, settings)
    frames = cropper.frames = cropper.frames // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN
    long_enough = [index for index, phrase in enumerate(sung) if phrase.frames > frames + FRAMES_PER_TOKEN]

    def losses(step: int, rng: np.random.Generator, generator: torch.Generator) -> dict[str, Tensor]:
        rows = []
        for index, first in cropper.draw(rng):
            first -= first % FRAMES_PER_TOKEN
            row = recorded_row(training[index], first, frames)
            rows.append(_hidden_from({**row, "codes": _codes(tokens.recorded[index], first, frames)}, rng))
        batch = stack_rows(rows)
        codes = _without_some(batch.pop("codes"), config, rng)
        parts = recorded_losses(model, renderer, Batch(**batch), codes, _kept(len(rows), config, rng), generator)
        batch_sung = _sung_batch(sung, tokens.sung, long_enough, frames, sung_crops, config, rng)
        sung_parts = sung_losses(model, batch_sung, _kept(sung_crops, config, rng))
        return {**parts, **{name: diet.sung_weight * part for name, part in sung_parts.items()}}

    @torch.no_grad()
    def figures() -> dict[str, float]:
        if not held_out:
            return {}
        frames = min(clip.frames for clip in held_out) // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN
        batch = Batch(**stack_rows([recorded_row(clip, 0, frames) for clip in held_out]))
        codes = torch.stack([_codes(item, 0, frames) for item in held_out_codes])
        keep = torch.ones(len(held_out), dtype=torch.bool)
        found = {}
        for name, heard, kept in (
            ("both", codes, keep),
            ("units", torch.full_like(codes, config.codes), keep),
            ("tokens", codes, ~keep),
        ):
            parts = recorded_losses(average, renderer, batch, heard, kept, torch.Generator().manual_seed(settings.seed))
            found[name] = float(parts["spectral"])
        return found

    trained = run_stage(stage, model, average, settings, losses, figures, folder=folder, data_identity=identity, report=report)
    return average, trained


def polish_decoder(
    decoder: Decoder,
    settings: StageSettings,
    training: Sequence[Clip],
    held_out: Sequence[Clip],
    sung: Sequence[SungPhrase],
    tokens: Tokens,
    held_out_codes: Sequence[Codes],
    folder: Path,
    report: Report | None = None,
) -> tuple[Decoder, Trained]:
    """Continue the training of a decoder, mostly on singing; arguments as for `train_decoder`."""
    return train_decoder(
        replace(decoder.config, token_dropout=_POLISH_TOKEN_DROPOUT, unit_dropout=_POLISH_UNIT_DROPOUT),
        settings,
        training,
        held_out,
        sung,
        tokens,
        held_out_codes,
        folder,
        report,
        stage="polish",
        diet=_POLISH,
        start_from=decoder,
    )


def recorded_losses(
    model: Decoder, renderer: Renderer, batch: Batch, codes: Tensor, keep_units: Tensor, generator: torch.Generator
) -> dict[str, Tensor]:
    """Return the weighted parts of the loss on recordings."""
    features = model.frame_features(batch.units, batch.unit_of_frame, batch.position, codes, keep_units=keep_units)
    mix = functional.one_hot(batch.speaker, model.config.speakers).float()
    envelope = model.envelope(features, batch.voiced, batch.effort, model.speaker(mix))
    rendered = renderer.render(envelope, batch, generator)
    return {
        "spectral": renderer.spectral_loss(rendered, batch),
        "aperiodicity": aperiodicity_loss(envelope, batch, model.config),
        "voicing": 0.1 * functional.binary_cross_entropy_with_logits(model.voicing_logit(features), batch.voiced),
    }


def _sung_batch(
    phrases: Sequence[SungPhrase],
    codes: Sequence[Codes],
    usable: Sequence[int],
    frames: int,
    count: int,
    config: DecoderConfig,
    rng: np.random.Generator,
) -> SungBatch:
    rows = []
    for index in rng.choice(usable, count):
        phrase = phrases[index]
        first = int(rng.integers(0, (phrase.frames - frames) // FRAMES_PER_TOKEN)) * FRAMES_PER_TOKEN
        window = slice(first, first + frames)
        row = {
            **unit_row(phrase.laid, window),
            "codes": _codes(codes[index], first, frames),
            "voiced": torch.from_numpy(phrase.voiced[window]),
            "effort": torch.from_numpy(phrase.effort[window]),
            "bands": torch.from_numpy(phrase.bands[window].astype(np.float32)),
            "aperiodicity": torch.from_numpy(phrase.aperiodicity[window].astype(np.float32)),
            "mix": torch.from_numpy(phrase.mix),
        }
        rows.append(_hidden_from(row, rng))
    batch = stack_rows(rows)
    return SungBatch(**{**batch, "codes": _without_some(batch["codes"], config, rng)})


def _codes(codes: Codes, first: int, frames: int) -> Tensor:
    return torch.from_numpy(codes[first // FRAMES_PER_TOKEN : (first + frames) // FRAMES_PER_TOKEN])


def _hidden_from(row: dict[str, Tensor], rng: np.random.Generator) -> dict[str, Tensor]:
    """Hide, with a probability, everything of the row beyond a short horizon."""
    if rng.random() >= _HORIZON_CHANCE:
        return row
    return {**row, "position": torch.from_numpy(without_end(row["position"].numpy(), float(rng.choice(_HORIZONS_S))))}


def _without_some(codes: Tensor, config: DecoderConfig, rng: np.random.Generator) -> Tensor:
    whole = rng.random((len(codes), 1)) < config.token_dropout
    single = rng.random(codes.shape) < _SILENT_TOKEN_CHANCE
    return torch.where(torch.from_numpy(whole | single), torch.full_like(codes, config.codes), codes)


def _kept(rows: int, config: DecoderConfig, rng: np.random.Generator) -> Tensor:
    return torch.from_numpy(rng.random(rows) >= config.unit_dropout)
