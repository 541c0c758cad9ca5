"""Training loop of all stages: resumable, deterministic by seed, with averaged weights and curves on disk.

Every step draws its data from (seed, step), so a resumed run gets the same data as an uninterrupted one.
"""

from __future__ import annotations

import csv
import hashlib
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from engine.errors import TrainingError
from engine.files import replacing


@dataclass(frozen=True, kw_only=True)
class StageSettings:
    """Length and learning rate of a stage."""

    steps: int
    learning_rate: float = 2e-3
    batch: int = 6
    crop_s: float = 0.8
    warm_up_steps: int = 100
    ema_decay: float = 0.999
    save_every_steps: int = 250
    seed: int = 1


@dataclass(frozen=True)
class Progress:
    """One line of the training log."""

    stage: str
    step: int
    steps: int
    losses: dict[str, float]
    held_out: dict[str, float]
    seconds_left: float


Losses = Callable[[int, np.random.Generator, torch.Generator], dict[str, Tensor]]
Report = Callable[[Progress], None]


@dataclass(frozen=True)
class Trained:
    """Result of a stage: fingerprint of the averaged weights, held-out figures, processor time over all runs."""

    weights_sha256: str
    held_out: dict[str, float]
    cpu_s: float


def run_stage(
    stage: str,
    model: nn.Module,
    average: nn.Module,
    settings: StageSettings,
    losses: Losses,
    held_out: Callable[[], dict[str, float]],
    *,
    folder: Path,
    data_identity: str,
    report: Report | None = None,
) -> Trained:
    """Train `model`, or resume from `folder/STAGE.pt`; `average` (a copy) receives the running mean of the weights.

    `losses(step, rng, generator)` gives the weighted parts of one step's loss, `held_out()` the figures of `average`. Curves go to
    `folder/STAGE.csv`. Raises TrainingError for a checkpoint that is damaged or of another run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    average.load_state_dict(model.state_dict())
    average.eval()
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, betas=(0.9, 0.98), weight_decay=1e-3)
    checkpoint = _Checkpoint(folder / f"{stage}.pt", _identity(stage, model, settings, data_identity))
    begun = checkpoint.load(model, average, optimiser)
    smoothed, curve, figures = dict(begun.smoothed), list(begun.curve), dict[str, float]()
    started, cpu_before_s = time.monotonic(), begun.cpu_s - time.process_time()
    for step in range(begun.step, settings.steps):
        for group in optimiser.param_groups:
            group["lr"] = _learning_rate(settings, step)
        step_seed = settings.seed * 1_000_003 + step
        torch.manual_seed(step_seed)  # dropout
        parts = losses(step, np.random.default_rng((settings.seed, step)), torch.Generator().manual_seed(step_seed))
        optimiser.zero_grad()
        sum(parts.values(), torch.zeros(())).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        _follow(average, model, min(settings.ema_decay, (1 + step) / (10 + step)))
        for name, value in parts.items():
            smoothed[name] = 0.98 * smoothed.get(name, value.item()) + 0.02 * value.item()
        done = step + 1
        if done % settings.save_every_steps == 0 or done == settings.steps:
            figures = held_out()
            curve.append({"step": done, **smoothed, **{f"held_out_{name}": value for name, value in figures.items()}})
            reached = _Reached(done, cpu_before_s + time.process_time(), dict(smoothed), tuple(curve))
            checkpoint.save(model, average, optimiser, reached)
            _write_curve(folder / f"{stage}.csv", curve)
            if report:
                left = (time.monotonic() - started) / (done - begun.step) * (settings.steps - done)
                report(Progress(stage, done, settings.steps, dict(smoothed), figures, left))
    return Trained(fingerprint(average), figures or held_out(), cpu_before_s + time.process_time())


def fingerprint(model: nn.Module, leave_out: Collection[str] = ()) -> str:
    """Return the SHA-256 of all weights and buffers but those left out, as little-endian bytes in the order of their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if name in leave_out:
            continue
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _learning_rate(settings: StageSettings, step: int) -> float:
    warm_up = min(1.0, (step + 1) / settings.warm_up_steps)
    cosine = 0.5 * (1.0 + math.cos(math.pi * step / settings.steps))
    return settings.learning_rate * warm_up * (0.02 + 0.98 * cosine)


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, decay: float) -> None:
    for slow, fast in zip(average.parameters(), model.parameters(), strict=True):
        slow.lerp_(fast, 1.0 - decay)
    for held, now in zip(average.buffers(), model.buffers(), strict=True):
        held.copy_(now)


def _identity(stage: str, model: nn.Module, settings: StageSettings, data_identity: str) -> str:
    """Return a hash of network, settings and data, which must be the same when a run resumes."""
    fixed = replace(settings, save_every_steps=1)
    shapes = [(name, tuple(tensor.shape)) for name, tensor in model.state_dict().items()]
    return hashlib.sha256(f"{stage}\n{shapes}\n{fixed}\n{data_identity}".encode()).hexdigest()


@dataclass(frozen=True)
class _Reached:
    """Progress of a run beside its weights, for log and curves. `curve` has a row per saved step."""

    step: int = 0
    cpu_s: float = 0.0
    smoothed: Mapping[str, float] = field(default_factory=dict)
    curve: Sequence[Mapping[str, float]] = ()


@dataclass(frozen=True)
class _Checkpoint:
    path: Path
    identity: str

    def save(self, model: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer, reached: _Reached) -> None:
        states = {"model": model.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict()}
        with replacing(self.path) as part:
            torch.save({**states, "identity": self.identity, "reached": asdict(reached)}, part)

    def load(self, model: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer) -> _Reached:
        if not self.path.exists():
            return _Reached()
        try:
            stored = torch.load(self.path, weights_only=True)
            identity, reached = stored["identity"], _Reached(**stored["reached"])
            if identity == self.identity:
                model.load_state_dict(stored["model"])
                average.load_state_dict(stored["average"])
                optimiser.load_state_dict(stored["optimiser"])
        except Exception as error:  # whatever a damaged or foreign file makes the reader raise
            raise TrainingError(
                f"{self.path} is damaged or of another network, so the run cannot go on. "
                "Delete it to start again, or choose another run folder."
            ) from error
        if identity != self.identity:
            raise TrainingError(
                f"{self.path} was begun with other settings or other clips, so the run cannot go on from there. "
                "Use the settings it was begun with, or choose another run folder."
            )
        return reached


def _write_curve(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write all rows; a loss that some steps do not have (no clip with a narrow band, for example) leaves its cells empty."""
    names = sorted(dict.fromkeys(name for row in rows for name in row), key=lambda name: name.startswith("held_out_"))
    with replacing(path) as part, part.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(names)
        table.writerows([_cell(name, row) for name in names] for row in rows)


def _cell(name: str, row: Mapping[str, float]) -> str:
    if name not in row:
        return ""
    return str(row[name]) if name == "step" else f"{row[name]:.5f}"
