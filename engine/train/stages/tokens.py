"""Second stage: the tokeniser, and the tokens of all recorded and sung material.

The direct model's bands and those measured on recordings differ by a constant per cepstral coefficient (windows and averaging differ),
measured by rendering recordings with the direct model; with it, equal sounds get equal tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from engine.dsp.bands import band_centres_hz, recorded_bands
from engine.train.dataset import Clip, clip_units
from engine.units import DB_PER_NEPER, FRAME_RATE_HZ
from engine.voices.starter.acoustic import AcousticModel
from engine.voices.starter.config import FRAMES_PER_TOKEN, TokeniserConfig
from engine.voices.starter.tokeniser import Tokeniser, cepstra_of
from engine.voices.units import unit_frames

from .loop import Report, StageSettings, Trained, run_stage
from .sung import SungPhrase

Cepstra = NDArray[np.float32]

_START_STEP = 150  # the codebook is laid out once the encoder has learnt something
_START_CROPS = 12


def recorded_cepstra(clips: Sequence[Clip], direct: AcousticModel, config: TokeniserConfig) -> tuple[list[Cepstra], Cepstra]:
    """Return cepstra of every clip [T, cepstra], and the offset from the direct model's to the recordings' [cepstra]."""
    found, differences = [], []
    centres = band_centres_hz(direct.config.sample_rate, config.bands)
    for clip in clips:
        samples = clip.samples.astype(np.float32) / np.float32(32767)
        measured = recorded_bands(samples, clip.sample_rate, len(samples) // clip.frames, config.bands)
        predicted = direct_bands(direct, clip)
        above = centres > clip.band_hz
        measured[:, above] = predicted[:, above]  # a narrow recording is silent there
        cepstra = cepstra_of(measured, config.cepstra)
        loud = measured.max(axis=1) > np.median(measured.max(axis=1))
        differences.append((cepstra - cepstra_of(predicted, config.cepstra))[loud])
        found.append(cepstra)
    return found, np.mean(np.concatenate(differences), axis=0).astype(np.float32)


def sung_cepstra(phrases: Sequence[SungPhrase], offset: Cepstra, config: TokeniserConfig) -> list[Cepstra]:
    """Return cepstra of sung phrases, from the direct model's bands, which high notes do not blur."""
    return [cepstra_of(phrase.bands.astype(np.float32), config.cepstra) + offset for phrase in phrases]


@torch.inference_mode()
def direct_bands(direct: AcousticModel, clip: Clip) -> NDArray[np.float32]:
    """Return the recording's words by the direct model, with the recording's timing and effort."""
    laid = unit_frames(clip_units(clip), clip.frames, FRAME_RATE_HZ)
    features = direct.frame_features(*(torch.from_numpy(a)[None] for a in (laid.units, laid.unit_of_frame, laid.position)))
    voiced, effort = torch.from_numpy(clip.voiced.astype(np.float32))[None], torch.from_numpy(clip.effort)[None]
    return direct.envelope(features, voiced, effort, direct.speaker(torch.tensor([clip.speaker]))).log_amplitude[0].numpy()


def train_tokeniser(
    config: TokeniserConfig,
    settings: StageSettings,
    recorded: Sequence[Cepstra],
    sung: Sequence[Cepstra],
    held_out: Sequence[Cepstra],
    folder: Path,
    *,
    data_identity: str,
    report: Report | None = None,
) -> tuple[Tokeniser, Trained]:
    """Train the tokeniser. Half of every batch is recorded, half sung. Held-out figures: spectral distance in dB, perplexity of the
    tokens.
    """
    torch.manual_seed(settings.seed)
    model, average = Tokeniser(config), Tokeniser(config)
    everything = np.concatenate([*recorded, *sung])
    model.mean.copy_(torch.from_numpy(everything.mean(axis=0)))
    model.scale.copy_(torch.tensor(everything.std()))
    frames = round(settings.crop_s * FRAME_RATE_HZ) // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN
    sources = [[item for item in group if len(item) > frames] for group in (recorded, sung)]

    def crops(rng: np.random.Generator, count: int) -> Tensor:
        rows = []
        for index in range(count):
            item = (group := sources[index % 2])[rng.integers(len(group))]
            first = int(rng.integers(0, len(item) - frames))
            rows.append(item[first : first + frames])
        return torch.from_numpy(np.stack(rows))

    def losses(step: int, rng: np.random.Generator, generator: torch.Generator) -> dict[str, Tensor]:
        if step == _START_STEP:
            with torch.no_grad():
                model.codebook.start_from(
                    model.hidden(crops(rng, _START_CROPS * settings.batch)).reshape(-1, config.code_channels)
                )
        cepstra = crops(rng, settings.batch)
        if step < _START_STEP:
            hidden = model.hidden(cepstra)
            return {"distance": _distance(model.restore(hidden), cepstra, model.scale), "commitment": 0.0 * hidden.sum()}
        tokens = model.tokenise(cepstra)
        return {"distance": _distance(model.restore(tokens.quantised), cepstra, model.scale), "commitment": tokens.loss}

    @torch.no_grad()
    def figures() -> dict[str, float]:
        counts, distances = np.zeros(config.codes), []
        for item in held_out:
            whole = torch.from_numpy(item[: len(item) // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN])[None]
            tokens = average.tokenise(whole)
            distances.append(spectral_distance_db(average.restore(tokens.quantised), whole, config.bands))
            counts += np.bincount(tokens.codes.flatten().numpy(), minlength=config.codes)
        shares = counts[counts > 0] / counts.sum()
        return {"distance_db": float(np.mean(distances)), "perplexity": float(np.exp(-(shares * np.log(shares)).sum()))}

    trained = run_stage(
        "tokeniser", model, average, settings, losses, figures, folder=folder, data_identity=data_identity, report=report
    )
    return average, trained


def spectral_distance_db(a: Tensor, b: Tensor, bands: int) -> float:
    """Return the root mean square difference of two smooth spectra over the mel axis, from cepstra [..., cepstra]."""
    return float(((a - b).pow(2).sum(-1) / bands).sqrt().mean()) * DB_PER_NEPER


def _distance(restored: Tensor, cepstra: Tensor, scale: Tensor) -> Tensor:
    return functional.mse_loss(restored / scale, cepstra / scale)
