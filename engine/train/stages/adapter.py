"""Training of the pitch adapter of a GPT-SoVITS voice, whose own weights stay as they are.

Two losses. Tokens: cross-entropy of a recording's own tokens, each step conditioned on its phone, pitch and time left. Sound:
log-spectrum distance between the voice's rendering of these tokens, conditioned on the recorded F0, and the recording. The gradient
passes through the voice's networks to the adapter.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.errors import TrainingError
from engine.voices.gpt_sovits.networks.adapter import SAMPLE_RATE, PitchAdapter, ScoreFrames, pitch_bins, time_left_classes
from engine.voices.gpt_sovits.networks.gpt import Text2Semantic, prefix_mask
from engine.voices.gpt_sovits.networks.sovits import Sovits
from engine.voices.gpt_sovits.score_phones import CODE_S

from .loop import Report, StageSettings, Trained, run_stage
from .score_frames import CodedClip
from .spectra import harmonic_share, log_spectrum_distance

_MOVED_SEMITONES = 3  # how far held-out pitch is moved to see whether it is followed
_LONGEST_CODES = 500  # of a clip, for the GPT: 20 s


@dataclass(frozen=True)
class AdaptedVoice:
    """The networks to adapt, and the embedding `[1, gin, 1]` of the voice's reference."""

    gpt: Text2Semantic
    sovits: Sovits
    ge: Tensor

    def to(self, device: str) -> AdaptedVoice:
        return AdaptedVoice(self.gpt.to(device), self.sovits.to(device), self.ge.to(device))


def score_frames(clip: CodedClip, device: torch.device | str = "cpu") -> ScoreFrames:
    """Return the target of each token of the clip."""
    f0_hz, voiced = (torch.from_numpy(values[::2].copy()).to(device) for values in (clip.f0_hz, clip.voiced))
    phones = torch.from_numpy(clip.phones[clip.phone_of_code]).to(device)
    left = time_left_classes(torch.from_numpy(clip.time_left_s).to(device))
    return ScoreFrames(phones[None], pitch_bins(f0_hz, voiced)[None], left[None])


def code_loss(voice: AdaptedVoice, adapter: PitchAdapter, clip: CodedClip) -> Tensor:
    """Return the mean cross-entropy of the clip's tokens."""
    device = voice.ge.device
    clip_codes = torch.from_numpy(clip.codes[:_LONGEST_CODES]).to(device)[None]
    phones = torch.from_numpy(clip.phones).to(device)[None]
    told = adapter.score(score_frames(clip, device))[:, :_LONGEST_CODES]
    bert = torch.zeros(1, voice.gpt.config.bert_width, phones.shape[1], device=device)
    text, codes = voice.gpt.embed_text(phones, bert), voice.gpt.embed_codes(clip_codes[:, :-1])
    text = torch.cat([text[:, :-1], text[:, -1:] + told[:, :1]], dim=1)  # the row from which a code comes is told
    mask = prefix_mask(text.shape[1], codes.shape[1], phones.device)
    hidden = voice.gpt(text, codes + told[:, 1:], mask[None])
    return F.cross_entropy(voice.gpt.to_logits(hidden[0, text.shape[1] - 1 :]), clip_codes[0])


def render_piece(
    voice: AdaptedVoice,
    adapter: PitchAdapter,
    clip: CodedClip,
    first: int,
    codes: int,
    *,
    ratio: float = 1.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the voice's rendering `[1, 1280 codes]` of a piece of the clip, with F0 times `ratio`."""
    device = voice.ge.device
    frames = slice(2 * first, 2 * (first + codes))
    f0_hz, voiced = (torch.from_numpy(values[frames]).to(device)[None] for values in (clip.f0_hz, clip.voiced))
    pitched = adapter.pitched(f0_hz * ratio, voiced, generator)
    piece = torch.from_numpy(clip.codes[first : first + codes]).to(device)[None]
    phones = torch.from_numpy(clip.phones).to(device)[None]
    hidden = voice.sovits.hidden(piece, phones, voice.ge, pitched)
    return voice.sovits.render(hidden, voice.ge, noise_scale=0, pitched=pitched)


def pitch_following(voice: AdaptedVoice, adapter: PitchAdapter, clips: Sequence[CodedClip], codes: int) -> float:
    """Return the mean share of power at the harmonics of F0 when the recorded F0 is moved up: high if the voice follows the requested
    pitch.
    """
    ratio, shares = 2 ** (_MOVED_SEMITONES / 12), []
    for clip in clips:
        length = min(codes, len(clip.codes))
        samples = render_piece(voice, adapter, clip, 0, length, ratio=ratio, generator=torch.Generator().manual_seed(0))[0]
        f0_hz, voiced = (torch.from_numpy(values[: 2 * length]).to(samples.device) for values in (clip.f0_hz, clip.voiced))
        shares.append(harmonic_share(samples, f0_hz * ratio, voiced, SAMPLE_RATE))
    return float(np.mean(shares))


def train_adapter(
    voice: AdaptedVoice,
    settings: StageSettings,
    training: Sequence[CodedClip],
    held_out: Sequence[CodedClip],
    folder: Path,
    *,
    device: str = "cpu",
    report: Report | None = None,
) -> tuple[PitchAdapter, Trained]:
    """Train, or resume from `folder/adapter.pt`; return the averaged adapter, on the CPU.

    Raises TrainingError if no clip is as long as `settings.crop_s`.
    """
    codes = max(1, round(settings.crop_s / CODE_S))
    usable = [clip for clip in training if len(clip.codes) > codes]
    if not usable:
        raise TrainingError(f"No clip is longer than crop_s = {settings.crop_s:g} s. Give longer recordings.")
    voice = voice.to(device)
    torch.manual_seed(settings.seed)
    adapter = PitchAdapter(voice.gpt.config, voice.sovits.config).to(device)
    average = copy.deepcopy(adapter)

    def losses(step: int, rng: np.random.Generator, generator: torch.Generator) -> dict[str, Tensor]:
        total = {"codes": torch.zeros((), device=device), "sound": torch.zeros((), device=device)}
        for index in rng.choice(len(usable), settings.batch):
            clip = usable[index]
            first = int(rng.integers(0, len(clip.codes) - codes))
            ours = render_piece(voice, adapter, clip, first, codes, generator=generator)
            theirs = torch.from_numpy(clip.samples[first * 1280 : (first + codes) * 1280]).to(device)[None]
            total["sound"] = total["sound"] + log_spectrum_distance(ours, theirs) / settings.batch
            total["codes"] = total["codes"] + code_loss(voice, adapter, clip) / settings.batch
        return total

    @torch.no_grad()
    def figures() -> dict[str, float]:
        if not held_out:
            return {}
        return {
            "codes": float(np.mean([code_loss(voice, average, clip).item() for clip in held_out])),
            "at_pitch": pitch_following(voice, average, held_out, codes),
        }

    trained = run_stage(
        "adapter", adapter, average, settings, losses, figures, folder=folder, data_identity=_identity(usable), report=report
    )
    return average.cpu(), trained


def _identity(clips: Sequence[CodedClip]) -> str:
    return "\n".join(f"{clip.name} {len(clip.codes)} {int(clip.codes.sum())}" for clip in clips)
