"""The direct model: units, timing, voicing and effort to spectral envelope, aperiodicity and voicing.

Pitch is no input of the envelope, so a note far outside the training range cannot break it; the source-filter stage
(`engine.voices.source_filter`) keeps pitch exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .config import AcousticConfig


@dataclass(frozen=True)
class Envelope:
    """Inputs of the filters per frame: natural-log amplitude [B, T, power_bands], aperiodicity 0..1 [B, T, aperiodicity_bands]."""

    log_amplitude: Tensor
    aperiodicity: Tensor


class UnitEncoder(nn.Module):
    """Unit indices [B, N] -> context vectors [B, N, embedding]."""

    def __init__(self, units: int, embedding: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(units, embedding)
        self.convolutions = nn.ModuleList(nn.Conv1d(embedding, embedding, 3, padding=1) for _ in range(2))

    def forward(self, units: Tensor) -> Tensor:
        hidden = self.embedding(units).transpose(1, 2)
        for convolution in self.convolutions:
            hidden = hidden + functional.leaky_relu(convolution(hidden), 0.1)
        return hidden.transpose(1, 2)


class GatedBlock(nn.Module):
    """Residual gated convolution [B, C, T] -> [B, C, T]."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(channels, 2 * channels, 3, padding=dilation, dilation=dilation)
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        signal, gate = self.convolution(hidden).chunk(2, dim=1)
        return hidden + self.mix(torch.tanh(signal) * torch.sigmoid(gate))


class AcousticModel(nn.Module):
    """The network. Shapes: B phrases, N units, T frames."""

    def __init__(self, config: AcousticConfig) -> None:
        super().__init__()
        self.config = config
        features = config.features
        self.encoder = UnitEncoder(config.units, config.embedding)
        self.dropout = nn.Dropout(config.dropout)
        self.voicing = nn.Sequential(
            nn.Conv1d(features, config.voicing_channels, 5, padding=2),
            nn.LeakyReLU(0.1),
            nn.Conv1d(config.voicing_channels, config.voicing_channels, 5, padding=4, dilation=2),
            nn.LeakyReLU(0.1),
            nn.Conv1d(config.voicing_channels, 1, 1),
        )
        self.speakers = nn.Embedding(config.speakers, config.speaker_channels)
        self.entry = nn.Conv1d(features + 2 + config.speaker_channels, config.channels, 3, padding=1)
        self.blocks = nn.ModuleList(GatedBlock(config.channels, dilation) for dilation in config.dilations)
        self.exit = nn.Conv1d(config.channels, config.power_bands + config.aperiodicity_bands, 1)

    def frame_features(self, units: Tensor, unit_of_frame: Tensor, position: Tensor) -> Tensor:
        """Map units [B, N], unit_of_frame [B, T], position [B, T, 8] to [B, features, T]."""
        context = self.dropout(self.encoder(units))
        gathered = torch.gather(context, 1, unit_of_frame[:, :, None].expand(-1, -1, context.shape[2]))
        return torch.cat([gathered, position], dim=2).transpose(1, 2)

    def voicing_logit(self, features: Tensor) -> Tensor:
        """Map [B, features, T] to [B, T], > 0 means voiced."""
        return self.voicing(features).squeeze(1)

    def speaker(self, index: Tensor) -> Tensor:
        """Map speaker indices [B] to vectors [B, speaker_channels]; a mix of voices is a mix of vectors."""
        return self.speakers(index)

    def envelope(self, features: Tensor, voiced: Tensor, effort: Tensor, speaker: Tensor) -> Envelope:
        """Return the envelope. `voiced` [B, T] 0 or 1; `effort` [B, T]: slow loudness in 10 dB against the speaker's mean; `speaker` [B,
        S] or [B, T, S].
        """
        if speaker.ndim == 2:
            speaker = speaker[:, None].expand(-1, features.shape[2], -1)
        hidden = self.entry(torch.cat([features, voiced[:, None], effort[:, None], speaker.transpose(1, 2)], dim=1))
        for block in self.blocks:
            hidden = block(hidden)
        power, aperiodicity = (
            self.exit(hidden).transpose(1, 2).split([self.config.power_bands, self.config.aperiodicity_bands], dim=2)
        )
        return Envelope(log_amplitude=power - 6.0, aperiodicity=torch.sigmoid(aperiodicity))
