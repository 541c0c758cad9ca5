"""Conditioning of speech by the reference clip of an imported voice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import VoiceError
from engine.voices.card import VoiceCard, sha256_of

from .encoders import FeatureFolder
from .importer import SAMPLE_RATE, GptSovitsNetworks
from .networks import audio, hubert
from .reading import Reading
from .reference_cache import ReferenceCache, ReferenceConditioning
from .text import read_reference_text

_PROMPT_SILENCE_SAMPLES = 9600  # at 16 kHz, behind the reference clip

Samples = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Conditioning:
    """Conditioning by a reference clip: the voice's embedding `[1, gin, 1]`, and its semantic tokens `[P]` and text, both empty if one is
    missing.
    """

    ge: Tensor
    prompt: Tensor
    reading: Reading
    notices: tuple[str, ...]


def reference_conditioning(
    folder: Path, networks: GptSovitsNetworks, features: FeatureFolder, cache_folder: Path | None
) -> Conditioning:
    """Return the conditioning by the reference clip in `folder`, from the cache if it is there.

    Raises VoiceError if the voice has no usable reference.
    """
    card = networks.card
    clip, rate = _read_clip(folder, card)
    if networks.sovits.speaker is not None and networks.speaker is None:
        raise VoiceError(
            f"'{card.name}' is a {card.model.get('version')} voice without its speaker network. "
            "Import it again with --speaker-encoder (vocalese voice fetch says where it comes from)."
        )
    reading, notices = _read_reference(card, features)
    cache = None if cache_folder is None else ReferenceCache(cache_folder)
    key = (card.sha256, repr(_reference_table(card)), features.fingerprint)
    found = cache.load(key) if cache is not None else None
    if found is None:
        found = ReferenceConditioning(_style_of(networks, clip, rate), _codes_of(networks, features, clip, rate, reading))
        if cache is not None:
            cache.store(key, found)
    return Conditioning(found.ge, found.prompt, reading, notices)


@torch.inference_mode()
def _style_of(networks: GptSovitsNetworks, clip: Samples, rate: int) -> Tensor:
    """Return the embedding of the clip, `[1, gin, 1]`."""
    clip_32k = _resample(clip, rate, SAMPLE_RATE)
    peak = float(np.abs(clip_32k).max())
    wave = torch.from_numpy(clip_32k / np.float32(min(2.0, max(1.0, peak))))
    speaker = None
    if networks.speaker is not None:
        low = torch.from_numpy(_resample(wave.numpy(), SAMPLE_RATE, audio.SPEAKER_RATE))
        speaker = networks.speaker(audio.filterbank(low)[None])
    return networks.sovits.voice(audio.spectrogram(wave)[None], speaker)


def _read_reference(card: VoiceCard, features: FeatureFolder) -> tuple[Reading, tuple[str, ...]]:
    """Return the reading of the clip's text; an empty one and a notice if the text or HuBERT is missing."""
    table = _reference_table(card)
    text = str(table.get("text", ""))
    if not text.strip():
        return Reading(()), (
            f"'{card.name}' has no text of its reference clip: only its sound is used, not its way of speaking.",
        )
    if features.hubert is None:
        return Reading(()), (
            f"HuBERT is not there, so only the sound of the reference clip of '{card.name}' is used, not its way of speaking. "
            "See: vocalese voice fetch.",
        )
    reading = read_reference_text(text, str(table.get("language", "en")))
    return reading, reading.notices


@torch.inference_mode()
def _codes_of(networks: GptSovitsNetworks, features: FeatureFolder, clip: Samples, rate: int, reading: Reading) -> Tensor:
    """Return the semantic tokens of the clip `[P]`, none without a reading."""
    network = features.load_hubert() if reading.symbols else None
    if network is None:
        return torch.empty(0, dtype=torch.long)
    low = _resample(clip, rate, hubert.SAMPLE_RATE)
    heard = network(torch.from_numpy(np.concatenate([low, np.zeros(_PROMPT_SILENCE_SAMPLES, dtype=np.float32)]))[None])
    if heard.shape[1] != networks.sovits.config.semantic_width:
        raise VoiceError(
            f"The HuBERT in the features folder gives {heard.shape[1]} values per frame, which '{networks.card.name}' cannot use."
        )
    return networks.sovits.quantizer.encode(heard)[0]


def _reference_table(card: VoiceCard) -> dict[str, object]:
    table = card.model.get("reference")
    if not isinstance(table, dict):
        raise VoiceError(f"'{card.name}' has no reference clip to sound like. Import it again with --reference CLIP.wav.")
    return table


def _read_clip(folder: Path, card: VoiceCard) -> tuple[Samples, int]:
    """Read the clip as mono. Raises VoiceError if it is missing, changed or unreadable."""
    table = _reference_table(card)
    name = str(table.get("file"))
    path = folder / name
    if Path(name).name != name or not path.is_file() or sha256_of(path) != table.get("sha256"):
        raise VoiceError(f"The reference clip of '{card.name}' is missing or was changed. Import the voice again.")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise VoiceError(f"The reference clip {path} cannot be read: {error}") from error
    return samples.mean(axis=1), rate


def _resample(samples: Samples, rate: int, wanted: int) -> Samples:
    return samples if rate == wanted else np.asarray(soxr.resample(samples, rate, wanted, quality="VHQ"), dtype=np.float32)
