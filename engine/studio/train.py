"""Train the starter voice's acoustic model from prepared clips: resumable, one seed = one result.

Every step draws its batch from (seed, step), so a run that is stopped and resumed sees the same data as one that is not.
Loss: log-magnitude L1 at three FFT sizes, log-mel L1, aperiodicity L1 against D4C and voicing cross-entropy. The spectral losses see the
total power only (the aperiodicity is detached there): left alone they would choose a periodic buzz over haze.
"""

from __future__ import annotations

import csv
import hashlib
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from engine.errors import TrainingError
from engine.model.acoustic import AcousticConfig, AcousticModel, Envelope
from engine.model.source_filter import band_interpolation, bin_interpolation, frames_to_samples, pulse_train, shape
from engine.model.units import unit_frames

from .dataset import FRAME_RATE_HZ, Clip, clip_units

log = logging.getLogger(__name__)

_FFT_SIZES = (2048, 512, 256)
_MEL_FFT, _MEL_BANDS = 1024, 80
_LOG_FLOOR = 3e-4


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How long and how fast; `steps` of `batch` crops of `crop_s` seconds."""

    steps: int = 4000
    batch: int = 6
    crop_s: float = 0.8
    learning_rate: float = 2e-3
    warm_up_steps: int = 100
    ema_decay: float = 0.999
    save_every_steps: int = 250
    seed: int = 1


@dataclass(frozen=True)
class Progress:
    """One line of the training log."""

    step: int
    steps: int
    losses: dict[str, float]
    held_out_loss: float | None
    seconds_left: float


@dataclass(frozen=True)
class Batch:
    """Crops on one frame grid. B crops, N units (padded), T frames."""

    units: Tensor  # [B, N]
    unit_of_frame: Tensor  # [B, T]
    position: Tensor  # [B, T, 8]
    f0_hz: Tensor  # [B, T]
    voiced: Tensor  # [B, T]
    effort: Tensor  # [B, T]
    aperiodicity: Tensor  # [B, T, bands]
    samples: Tensor  # [B, T * hop]


class Renderer:
    """Envelope to samples during training, and the spectral losses; holds the constant tables."""

    def __init__(self, config: AcousticConfig) -> None:
        self.config = config
        self._to_bins = bin_interpolation(config.sample_rate, config.power_bands)
        bins = np.arange(self._to_bins.shape[1]) * config.sample_rate / (2 * (self._to_bins.shape[1] - 1))
        self._aperiodicity_to_bins = torch.from_numpy(band_interpolation(config.sample_rate, config.aperiodicity_bands, bins))
        self._mel = torch.from_numpy(_mel_filters(config.sample_rate))

    def render(self, envelope: Envelope, batch: Batch, generator: torch.Generator) -> Tensor:
        """Samples [B, T * hop]; the aperiodicity split gets no gradient."""
        voiced = batch.voiced[:, :, None]
        aperiodicity = (envelope.aperiodicity.detach() @ self._aperiodicity_to_bins).clamp(0.01, 0.999)
        aperiodicity = voiced * aperiodicity + (1.0 - voiced)
        amplitude = envelope.log_amplitude @ self._to_bins
        harmonic = amplitude + 0.5 * torch.log1p(-(aperiodicity.clamp(max=0.9999) ** 2))
        noise = amplitude + torch.log(aperiodicity)
        f0_samples = frames_to_samples(batch.f0_hz.double(), self.config.hop_samples)
        gate = batch.voiced.repeat_interleave(self.config.hop_samples, dim=1)
        start = torch.rand(1, generator=generator).item()
        pulses = pulse_train(f0_samples, self.config.sample_rate, start) * gate
        hiss = torch.randn(pulses.shape, generator=generator)
        length = pulses.shape[1]
        mixed = shape(torch.cat([pulses, hiss]), torch.cat([harmonic, noise]), self.config.hop_samples)[:, :length]
        return mixed[: len(pulses)] + mixed[len(pulses) :]

    def spectral_loss(self, rendered: Tensor, target: Tensor) -> Tensor:
        """Mean log-magnitude L1 over FFT sizes plus log-mel L1."""
        total = torch.zeros(())
        for size in _FFT_SIZES:
            total = total + functional.l1_loss(_log_spectrum(rendered, size), _log_spectrum(target, size)) / len(_FFT_SIZES)
        mel_r, mel_t = (torch.log(_magnitude(x, _MEL_FFT).transpose(1, 2) @ self._mel + _LOG_FLOOR) for x in (rendered, target))
        return total + functional.l1_loss(mel_r, mel_t)


def make_batch(clips: Sequence[Clip], crops: Sequence[tuple[int, int]], frames: int) -> Batch:
    """Crops given as (clip index, first frame)."""
    rows: list[dict[str, Tensor]] = []
    for index, first in crops:
        clip = clips[index]
        hop = len(clip.samples) // clip.frames
        laid = unit_frames(clip_units(clip), clip.frames, FRAME_RATE_HZ)
        low = max(0, int(laid.unit_of_frame[first]) - 3)
        high = int(laid.unit_of_frame[first + frames - 1]) + 4
        window = slice(first, first + frames)
        rows.append(
            {
                "units": torch.from_numpy(laid.units[low:high]),
                "unit_of_frame": torch.from_numpy(laid.unit_of_frame[window] - low),
                "position": torch.from_numpy(laid.position[window]),
                "f0_hz": torch.from_numpy(clip.f0_hz[window]),
                "voiced": torch.from_numpy(clip.voiced[window].astype(np.float32)),
                "effort": torch.from_numpy(clip.effort[window]),
                "aperiodicity": torch.from_numpy(clip.aperiodicity[window]),
                "samples": torch.from_numpy(clip.samples[first * hop : (first + frames) * hop].astype(np.float32) / 32767),
            }
        )
    longest = max(len(row["units"]) for row in rows)
    for row in rows:
        row["units"] = functional.pad(row["units"], (0, longest - len(row["units"])))
    return Batch(**{name: torch.stack([row[name] for row in rows]) for name in rows[0]})


def losses_of(model: AcousticModel, renderer: Renderer, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
    """Parts of the training loss, already weighted."""
    features = model.frame_features(batch.units, batch.unit_of_frame, batch.position)
    envelope = model.envelope(features, batch.voiced, batch.effort)
    rendered = renderer.render(envelope, batch, generator)
    weight = batch.voiced[:, :, None] / batch.voiced.sum().clamp(min=1.0)
    aperiodicity = ((envelope.aperiodicity - batch.aperiodicity).abs() * weight).sum() / batch.aperiodicity.shape[2]
    voicing = functional.binary_cross_entropy_with_logits(model.voicing_logit(features), batch.voiced)
    return {"spectral": renderer.spectral_loss(rendered, batch.samples), "aperiodicity": aperiodicity, "voicing": 0.1 * voicing}


def train(
    config: AcousticConfig,
    settings: TrainSettings,
    training: Sequence[Clip],
    held_out: Sequence[Clip],
    folder: Path,
    report: Callable[[Progress], None] | None = None,
) -> AcousticModel:
    """Train, or go on where `folder/checkpoint.pt` stands; returns the averaged model. Curves go to `folder/curves.csv`."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    model, average = AcousticModel(config), AcousticModel(config)
    average.load_state_dict(model.state_dict())
    average.eval()
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, betas=(0.9, 0.98), weight_decay=1e-3)
    checkpoint = folder / "checkpoint.pt"
    identity = _identity(config, settings, training)
    first_step = _resume(checkpoint, identity, model, average, optimiser) if checkpoint.exists() else 0
    renderer = Renderer(config)
    frames = round(settings.crop_s * FRAME_RATE_HZ)
    usable = [index for index, clip in enumerate(training) if clip.frames > frames]
    if not usable:
        raise TrainingError(
            f"No clip is longer than crop_s = {settings.crop_s:g} s. Give longer recordings or a smaller crop_s."
        )
    lengths = np.array([training[index].frames for index in usable], dtype=float)
    started, smoothed = time.monotonic(), dict[str, float]()
    for step in range(first_step, settings.steps):
        rng = np.random.default_rng((settings.seed, step))
        chosen = rng.choice(len(usable), settings.batch, p=lengths / lengths.sum())
        crops = [(usable[c], int(rng.integers(0, training[usable[c]].frames - frames))) for c in chosen]
        for group in optimiser.param_groups:
            group["lr"] = _learning_rate(settings, step)
        step_seed = settings.seed * 1_000_003 + step
        torch.manual_seed(step_seed)  # dropout
        generator = torch.Generator().manual_seed(step_seed)
        parts = losses_of(model, renderer, make_batch(training, crops, frames), generator)
        optimiser.zero_grad()
        sum(parts.values(), torch.zeros(())).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        _average(average, model, min(settings.ema_decay, (1 + step) / (10 + step)))
        for name, value in parts.items():
            smoothed[name] = 0.98 * smoothed.get(name, value.item()) + 0.02 * value.item()
        done = step + 1
        if done % settings.save_every_steps == 0 or done == settings.steps:
            held_out_loss = _held_out_loss(average, renderer, held_out, settings.seed)
            _append_curve(folder / "curves.csv", done, smoothed, held_out_loss)
            _save(checkpoint, identity, model, average, optimiser, done)
            if report:
                left = (time.monotonic() - started) / (done - first_step) * (settings.steps - done)
                report(Progress(done, settings.steps, dict(smoothed), held_out_loss, left))
    return average


def _learning_rate(settings: TrainSettings, step: int) -> float:
    warm_up = min(1.0, (step + 1) / settings.warm_up_steps)
    cosine = 0.5 * (1.0 + math.cos(math.pi * step / settings.steps))
    return settings.learning_rate * warm_up * (0.02 + 0.98 * cosine)


@torch.no_grad()
def _average(average: AcousticModel, model: AcousticModel, decay: float) -> None:
    for slow, fast in zip(average.parameters(), model.parameters(), strict=True):
        slow.lerp_(fast, 1.0 - decay)


@torch.no_grad()
def _held_out_loss(model: AcousticModel, renderer: Renderer, clips: Sequence[Clip], seed: int) -> float | None:
    if not clips:
        return None
    frames = min(clip.frames for clip in clips)
    batch = make_batch(clips, [(index, 0) for index in range(len(clips))], frames)
    parts = losses_of(model, renderer, batch, torch.Generator().manual_seed(seed))
    return float(sum(parts.values(), torch.zeros(())))


def _identity(config: AcousticConfig, settings: TrainSettings, training: Sequence[Clip]) -> str:
    """What must be the same for a run to go on: network, settings and clips."""
    fixed = replace(settings, save_every_steps=1)
    names = "\n".join(f"{clip.name} {clip.frames}" for clip in training)
    return hashlib.sha256(f"{config}\n{fixed}\n{names}".encode()).hexdigest()


def _save(
    path: Path, identity: str, model: AcousticModel, average: AcousticModel, optimiser: torch.optim.Optimizer, step: int
) -> None:
    partial = path.with_suffix(".part")
    states = {"model": model.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict()}
    torch.save({**states, "identity": identity, "step": step}, partial)
    partial.replace(path)


def _resume(path: Path, identity: str, model: AcousticModel, average: AcousticModel, optimiser: torch.optim.Optimizer) -> int:
    try:
        stored = torch.load(path, weights_only=True)
        stored_identity, step = stored["identity"], int(stored["step"])
        if stored_identity == identity:
            model.load_state_dict(stored["model"])
            average.load_state_dict(stored["average"])
            optimiser.load_state_dict(stored["optimiser"])
    except Exception as error:  # whatever a damaged or foreign file makes the reader raise
        raise TrainingError(
            f"{path} is damaged or of another network, so the run cannot go on. Delete it to start again, or choose another run folder."
        ) from error
    if stored_identity != identity:
        raise TrainingError(
            f"{path} was begun with other settings or other clips, so the run cannot go on from there. "
            "Use the settings it was begun with, or choose another run folder."
        )
    return step


def _append_curve(path: Path, step: int, losses: dict[str, float], held_out: float | None) -> None:
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        if is_new:
            writer.writerow(["step", *losses, "held_out"])
        writer.writerow([step, *(f"{value:.5f}" for value in losses.values()), "" if held_out is None else f"{held_out:.5f}"])


def _magnitude(samples: Tensor, fft_size: int) -> Tensor:
    """[B, N] -> [B, F, frames]."""
    window = torch.hann_window(fft_size)
    return torch.stft(samples, fft_size, fft_size // 4, window=window, return_complex=True).abs() / math.sqrt(fft_size)


def _log_spectrum(samples: Tensor, fft_size: int) -> Tensor:
    return torch.log(_magnitude(samples, fft_size) + _LOG_FLOOR)


def _mel_filters(sample_rate: int) -> np.ndarray:
    """[F, bands] triangular filters, rows sum to one per band."""
    import librosa

    filters = librosa.filters.mel(sr=sample_rate, n_fft=_MEL_FFT, n_mels=_MEL_BANDS, htk=True, norm=None)
    return (filters / np.maximum(filters.sum(axis=1, keepdims=True), 1e-9)).T.astype(np.float32)
