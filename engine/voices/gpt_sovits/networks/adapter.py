"""The pitch adapter: three parts, each added to a result of the official networks, that make a voice follow notes.

    ScoreStream     phone, pitch and time left of each token's 40 ms, added to the row of the GPT that predicts the token
    PitchPrior      F0 and voicing, added to the prior's frames before its second half
    HarmonicSource  a source at exactly F0 (neural source-filter, Wang et al. 2019), added after each upsampling of the decoder

The last matrix of each part is initialised to zero: a new adapter changes no bit. The voice's own weights stay as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.voices.source_filter import frames_to_samples, pulse_train

from .config import GptConfig, SovitsConfig
from .sovits import Pitched

SAMPLE_RATE, FRAME_SAMPLES = 32_000, 640  # frames at 50 Hz
LOWEST_PITCH, PITCHES = 24, 84  # MIDI; bin 0 is voiceless, then a bin per semitone
TIME_LEFT_S = (0.04, 0.08, 0.16, 0.32, 0.64, 1.28)  # borders of the classes of time left in a phone
_SCORE_WIDTH = 64
_F0_RANGE_HZ, _F0_BINS = (50.0, 1100.0), 256
_MIDDLE_HZ = 220.0
_SOURCES = 3  # sine, pulses, noise
_SINE_LEVEL, _NOISE_LEVEL, _PULSE_LEVEL = 0.3, 0.03, 0.1


@dataclass(frozen=True)
class ScoreFrames:
    """The target of each semantic token: `phones` [B, T] symbol numbers, `pitches` [B, T] bins, `time_left` [B, T] classes."""

    phones: Tensor
    pitches: Tensor
    time_left: Tensor


def pitch_bins(f0_hz: Tensor, voiced: Tensor) -> Tensor:
    """Return semitone bins of F0 (Hz, > 0); 0 where `voiced` is 0."""
    pitch = 69.0 + 12.0 * torch.log2(f0_hz / 440.0)
    return torch.where(voiced > 0.5, (pitch - LOWEST_PITCH).round().clamp(0, PITCHES - 1).long() + 1, 0)


def time_left_classes(seconds: Tensor) -> Tensor:
    """Return classes of time left: 0 (40 ms or less) … 6 (more than 1.28 s)."""
    return torch.bucketize(seconds, torch.tensor(TIME_LEFT_S, device=seconds.device, dtype=seconds.dtype))


class ScoreStream(nn.Module):
    """`ScoreFrames` to `[B, T, d]` for the GPT."""

    def __init__(self, phonemes: int, width: int) -> None:
        super().__init__()
        self.phones = nn.Embedding(phonemes, _SCORE_WIDTH)
        self.pitches = nn.Embedding(PITCHES + 1, _SCORE_WIDTH)
        self.time_left = nn.Embedding(len(TIME_LEFT_S) + 1, _SCORE_WIDTH)
        self.widen = nn.Linear(_SCORE_WIDTH, 4 * _SCORE_WIDTH)
        self.out = _zeroed(nn.Linear(4 * _SCORE_WIDTH, width, bias=False))

    def forward(self, score: ScoreFrames) -> Tensor:
        x = self.phones(score.phones) + self.pitches(score.pitches) + self.time_left(score.time_left)
        return self.out(F.gelu(self.widen(x)))


class PitchPrior(nn.Module):
    """F0 and voicing `[B, T]` to `[B, C, T]` for the prior, at 50 Hz: one of 256 steps, and the distance from A3."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bins = nn.Embedding(_F0_BINS, width)
        self.mix = nn.Conv1d(width + 2, width, 3, padding=1)
        self.out = _zeroed(nn.Conv1d(width, width, 1, bias=False))

    def forward(self, f0_hz: Tensor, voiced: Tensor) -> Tensor:
        low, high = (math.log(edge) for edge in _F0_RANGE_HZ)
        place = (f0_hz.log() - low) / (high - low) * (_F0_BINS - 1)
        height = torch.log2(f0_hz / _MIDDLE_HZ) * voiced
        binned = self.bins(place.round().clamp(0, _F0_BINS - 1).long()) * voiced[..., None]
        x = torch.cat([binned.transpose(1, 2), height[:, None], voiced[:, None]], dim=1)
        return self.out(F.gelu(self.mix(x.to(self.mix.weight.dtype))))


class HarmonicSource(nn.Module):
    """F0 and voicing `[B, T]` at 50 Hz to one tensor `[B, C_i, 640 T / stride_i]` for each stage of the decoder."""

    def __init__(self, width: int, upsample_rates: tuple[int, ...]) -> None:
        super().__init__()
        if math.prod(upsample_rates) != FRAME_SAMPLES:
            raise ValueError(f"The decoder makes {math.prod(upsample_rates)} samples of a frame; {FRAME_SAMPLES} are needed.")
        stride, convs = FRAME_SAMPLES, []
        for stage, rate in enumerate(upsample_rates):
            stride //= rate
            kernel, padding = (2 * stride, stride // 2) if stride > 1 else (7, 3)
            convs.append(nn.Conv1d(_SOURCES, width >> (stage + 1), kernel, stride, padding=padding, bias=False))
        self.stages = nn.ModuleList(_zeroed(conv) for conv in convs)

    def forward(self, f0_hz: Tensor, voiced: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, ...]:
        source = excitation(f0_hz, voiced, generator).to(next(self.parameters()).dtype)
        return tuple(stage(source) for stage in self.stages)


class PitchAdapter(nn.Module):
    """All three parts, in the sizes of their voice."""

    def __init__(self, gpt: GptConfig, sovits: SovitsConfig) -> None:
        super().__init__()
        self.score = ScoreStream(gpt.phonemes, gpt.width)
        self.prior = PitchPrior(sovits.hidden)
        self.source = HarmonicSource(sovits.decoder_width, sovits.upsample_rates)

    def pitched(self, f0_hz: Tensor, voiced: Tensor, generator: torch.Generator | None = None) -> Pitched:
        """Return the additions for SoVITS from F0 in Hz `[B, T]` at 50 Hz, above 0 also where `voiced` `[B, T]` is 0 (interpolate over
        gaps).

        Both are float32, whatever the precision of the networks: half precision would be out of tune.
        """
        return Pitched(self.prior(f0_hz, voiced), self.source(f0_hz, voiced, generator))


def excitation(f0_hz: Tensor, voiced: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Return sine, pulses and noise `[B, 3, 640 T]`; only noise, and louder, in unvoiced frames."""
    f0 = frames_to_samples(f0_hz.double(), FRAME_SAMPLES)
    gate = frames_to_samples(voiced, FRAME_SAMPLES)
    cycles = torch.cumsum(f0 / SAMPLE_RATE, dim=1)
    sine = torch.sin(2 * math.pi * (cycles - cycles.floor())).to(gate.dtype)
    pulses = pulse_train(f0, SAMPLE_RATE).to(gate.dtype)
    drawn_on = gate.device if generator is None else generator.device
    noise = torch.randn(gate.shape, generator=generator, device=drawn_on, dtype=gate.dtype).to(gate.device)
    return torch.stack([_SINE_LEVEL * gate * sine, _PULSE_LEVEL * gate * pulses, _NOISE_LEVEL * (4 - 3 * gate) * noise], dim=1)


def _zeroed(layer: nn.Module) -> nn.Module:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
