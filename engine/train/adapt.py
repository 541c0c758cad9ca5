"""Training of pitch adapters (`vocalese voice adapt`): the networks of an imported voice learn to follow notes from recordings.

Recordings and their English texts are aligned and measured as for a starter voice; HuBERT and the voice's quantiser give their semantic
tokens; the embedding is that of the voice's reference, not of the clip. Everything is kept in the run folder, so an interrupted run
resumes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from engine.errors import TrainingError
from engine.files import replacing
from engine.voices.gpt_sovits.adapter_files import save_adapter
from engine.voices.gpt_sovits.encoders import FeatureFolder
from engine.voices.gpt_sovits.importer import load_networks
from engine.voices.gpt_sovits.networks import hubert
from engine.voices.gpt_sovits.networks.hubert import Hubert
from engine.voices.gpt_sovits.networks.sovits import Sovits
from engine.voices.gpt_sovits.networks.symbols import symbol_ids
from engine.voices.gpt_sovits.speech import TextToSpeech

from .dataset import Clip, load_clip, prepare, read_sources
from .stages.adapter import AdaptedVoice, train_adapter
from .stages.loop import Report, StageSettings
from .stages.score_frames import CodedClip, align_codes

_SETTINGS = StageSettings(steps=4000, learning_rate=1e-3, batch=4, crop_s=1.2, save_every_steps=100)
_SAMPLE_RATE, _BANDS = 32_000, 24
_HELD_OUT = 20  # one clip in so many


@dataclass(frozen=True, kw_only=True)
class AdaptOptions:
    """Options of `adapt_voice`. `device`: torch's name, "cpu" or "cuda"."""

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
    """Train a pitch adapter, or resume; return its folder. Raises TrainingError or VoiceError."""
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
    conditioning = TextToSpeech(options.voice, options.features).conditioning
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
        with replacing(path) as part, part.open("wb") as stream:
            np.save(stream, codes, allow_pickle=False)
    return align_codes(clip, codes, lambda symbols: symbol_ids(symbols, table))


@torch.inference_mode()
def codes_of(clip: Clip, listener: Hubert, sovits: Sovits) -> NDArray[np.int64]:
    """Return the clip's semantic tokens [K], 25 per second. Raises TrainingError if this HuBERT is not the one of the voice."""
    low = soxr.resample(clip.samples.astype(np.float32) / 32767, clip.sample_rate, hubert.SAMPLE_RATE)
    features = listener(torch.from_numpy(low)[None])
    if features.shape[1] != sovits.config.semantic_width:
        raise TrainingError(
            f"This HuBERT gives {features.shape[1]} values per frame; the voice was made with {sovits.config.semantic_width}."
        )
    return sovits.quantizer.encode(features)[0].numpy()
