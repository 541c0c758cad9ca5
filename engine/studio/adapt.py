"""`vocalese voice adapt`: recordings of a voice teach its GPT-SoVITS networks, which can only talk, to follow notes.

Recordings and their texts are aligned and measured as for a voice of our own (English); HuBERT and the voice's quantiser write their codes; the
reference of the voice, not of the clip, is what its sound comes from. Everything is kept in the run folder: an interrupted run goes on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from engine.errors import TrainingError
from engine.model.gpt_sovits import hubert
from engine.model.gpt_sovits.hubert import Hubert
from engine.model.gpt_sovits.sovits import Sovits
from engine.model.gpt_sovits.symbols import symbol_ids
from engine.synthesis.gpt_sovits.features import FeatureFolder
from engine.synthesis.gpt_sovits.speech import Talker
from engine.voice.gpt_sovits import load_networks
from engine.voice.pitch_adapter import save_adapter

from .dataset import Clip, load_clip, prepare, read_sources
from .training.adapter import AdaptedVoice, train_adapter
from .training.loop import Report, StageSettings
from .training.score_frames import CodedClip, coded

_SETTINGS = StageSettings(steps=4000, learning_rate=1e-3, batch=4, crop_s=1.2, save_every_steps=100)
_SAMPLE_RATE, _BANDS = 32_000, 24
_HELD_OUT = 20  # one clip in so many


@dataclass(frozen=True, kw_only=True)
class AdaptOptions:
    """Which voice, from which recordings, where to and for how long. `device`: as torch calls it, "cpu" or "cuda"."""

    voice: Path
    data: Path
    output: Path
    features: FeatureFolder
    steps: int = 4000
    jobs: int = 1
    device: str = "cpu"


def adapt_voice(
    options: AdaptOptions, *, prepared: Callable[[int, int], None] | None = None, report: Report | None = None
) -> Path:
    """Trains a pitch adapter, or goes on; returns its folder. Raises TrainingError or VoiceError."""
    if options.device != "cpu" and not torch.cuda.is_available():
        raise TrainingError(
            f"There is no device '{options.device}' that this torch can use. Leave --device out to train on the CPU."
        )
    networks = load_networks(options.voice)
    listener = options.features.load_hubert()
    if listener is None:
        raise TrainingError(
            "Training a pitch adapter needs HuBERT, which writes the codes of recordings. Get it with: vocalese voice fetch."
        )
    conditioning = Talker(options.voice, options.features).conditioning
    ge = conditioning.ge.clone()
    paths = prepare(
        read_sources(options.data),
        options.output / "features",
        sample_rate=_SAMPLE_RATE,
        aperiodicity_bands=_BANDS,
        jobs=options.jobs,
        progress=prepared,
    )
    table = str(networks.card.model["symbols"])
    clips = [_coded(load_clip(path), listener, networks.sovits, options.output / "codes", table) for path in paths]
    held_out, training = clips[::_HELD_OUT], [clip for i, clip in enumerate(clips) if i % _HELD_OUT] or clips
    adapter, trained = train_adapter(
        AdaptedVoice(networks.gpt, networks.sovits, ge),
        replace(_SETTINGS, steps=options.steps, save_every_steps=min(_SETTINGS.save_every_steps, options.steps)),
        training,
        held_out,
        options.output,
        device=options.device,
        report=report,
    )
    seconds = sum(len(clip.codes) for clip in training) / 25
    facts: dict[str, str | int | float] = {
        "recordings": options.data.name,
        "clips": len(training),
        "minutes": round(seconds / 60, 1),
        "steps": options.steps,
        **{f"held_out_{name}": round(value, 4) for name, value in trained.held_out.items()},
    }
    return save_adapter(adapter, options.output / "adapter", networks.card, facts)


def _coded(clip: Clip, listener: Hubert, sovits: Sovits, cache: Path, table: str) -> CodedClip:
    path = cache / f"{clip.name}.npy"
    if path.is_file():
        codes = np.load(path, allow_pickle=False)
    else:
        codes = codes_of(clip, listener, sovits)
        cache.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("wb") as stream:
            np.save(stream, codes, allow_pickle=False)
        os.replace(part, path)
    return coded(clip, codes, lambda symbols: symbol_ids(symbols, table))


@torch.inference_mode()
def codes_of(clip: Clip, listener: Hubert, sovits: Sovits) -> NDArray[np.int64]:
    """The clip's semantic codes [K], 25 per second. Raises TrainingError if HuBERT is another than the voice was made with."""
    low = soxr.resample(clip.samples.astype(np.float32) / 32767, clip.sample_rate, hubert.SAMPLE_RATE)
    features = listener(torch.from_numpy(low)[None])
    if features.shape[1] != sovits.config.semantic_width:
        raise TrainingError(
            f"This HuBERT gives {features.shape[1]} values per frame; the voice was made with {sovits.config.semantic_width}."
        )
    return sovits.quantizer.encode(features)[0].numpy()
