"""The loudness model for training: the speaker's loudness from the words and the melody of speech.

Causal, apart from the units of `look_ahead` more frames. `engine.voices.starter.numpy_networks` runs it without torch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .acoustic import UnitEncoder
from .config import LoudnessConfig

_DILATION = 4


class LoudnessModel(nn.Module):
    """The network. Shapes: B phrases, N units, T frames."""

    median_hz: Tensor

    def __init__(self, config: LoudnessConfig) -> None:
        super().__init__()
        self.config = config
        ahead = config.look_ahead
        self.encoder = UnitEncoder(config.units, config.embedding)
        self.dropout = nn.Dropout(config.dropout)
        self.speakers = nn.Embedding(config.speakers, config.speaker_channels)
        self.entry = nn.Conv1d(config.features, config.channels, 2 * ahead + 1, padding=ahead)
        self.manner = nn.Conv1d(2 + config.speaker_channels, config.channels, 1)
        self.past = nn.Conv1d(config.channels, config.channels, 5, dilation=_DILATION)
        self.exit = nn.Conv1d(config.channels, 1, 1)
        self.register_buffer("median_hz", torch.full((config.speakers,), 200.0))

    def forward(
        self, units: Tensor, unit_of_frame: Tensor, position: Tensor, pitch: Tensor, since_rest: Tensor, mix: Tensor
    ) -> Tensor:
        """Map units [B, N]; unit_of_frame, pitch (relative), since_rest [B, T]; position [B, T, 8]; mix [B, speakers] to effort [B, T]."""
        context = self.dropout(self.encoder(units))
        gathered = torch.gather(context, 1, unit_of_frame[:, :, None].expand(-1, -1, context.shape[2]))
        features = torch.cat([gathered, position], dim=2).transpose(1, 2)
        speaker = (mix @ self.speakers.weight)[:, None].expand(-1, pitch.shape[1], -1)
        manner = torch.cat([pitch[:, :, None], since_rest[:, :, None], speaker], dim=2).transpose(1, 2)
        hidden = functional.leaky_relu(self.entry(features) + self.manner(manner), 0.1)
        hidden = functional.leaky_relu(self.past(functional.pad(hidden, (4 * _DILATION, 0))), 0.1)
        return self.exit(self.dropout(hidden)).squeeze(1)
