"""The streaming decoder for training: semantic tokens and aligned units to spectral envelope, aperiodicity and voicing.

Every layer is causal; only the entry has `look_ahead` frames of units and tokens. Voicing, effort and speaker are those of the frame
itself. Pitch is left to the source. `engine.voices.starter.numpy_networks` runs the same network frame by frame without torch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .acoustic import Envelope, UnitEncoder
from .config import FRAMES_PER_TOKEN, DecoderConfig


class CausalBlock(nn.Module):
    """Causal residual gated convolution [B, C, T] -> [B, C, T]."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.past = 2 * dilation
        self.convolution = nn.Conv1d(channels, 2 * channels, 3, dilation=dilation)
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        signal, gate = self.convolution(functional.pad(hidden, (self.past, 0))).chunk(2, dim=1)
        return hidden + self.mix(torch.tanh(signal) * torch.sigmoid(gate))


class Decoder(nn.Module):
    """The network. Shapes: B phrases, N units, T frames, K = ceil(T / 4) tokens."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        ahead = config.look_ahead
        inputs = config.features + config.code_channels
        self.encoder = UnitEncoder(config.units, config.embedding)
        self.dropout = nn.Dropout(config.dropout)
        self.no_unit = nn.Parameter(torch.zeros(config.features))
        self.tokens = nn.Embedding(config.codes + 1, config.code_channels)  # the last one: no token
        self.speakers = nn.Embedding(config.speakers, config.speaker_channels)
        self.voicing_entry = nn.Conv1d(inputs, config.voicing_channels, 2 * ahead + 1, padding=ahead)
        self.voicing_past = nn.Conv1d(config.voicing_channels, config.voicing_channels, 5, dilation=2)
        self.voicing_exit = nn.Conv1d(config.voicing_channels, 1, 1)
        self.entry = nn.Conv1d(inputs, config.channels, 2 * ahead + 1, padding=ahead)
        self.manner = nn.Conv1d(2 + config.speaker_channels, config.channels, 1)
        self.blocks = nn.ModuleList(CausalBlock(config.channels, dilation) for dilation in config.dilations)
        self.exit = nn.Conv1d(config.channels, config.power_bands + config.aperiodicity_bands, 1)

    def frame_features(
        self, units: Tensor, unit_of_frame: Tensor, position: Tensor, codes: Tensor, *, keep_units: Tensor | None = None
    ) -> Tensor:
        """Map units [B, N], unit_of_frame [B, T], position [B, T, 8], codes [B, K] to [B, inputs, T].

        A code equal to `config.codes` means no token. If `keep_units` [B] is False, the units are hidden.
        """
        frames = unit_of_frame.shape[1]
        context = self.dropout(self.encoder(units))
        gathered = torch.gather(context, 1, unit_of_frame[:, :, None].expand(-1, -1, context.shape[2]))
        articulation = torch.cat([gathered, position], dim=2)
        if keep_units is not None:
            articulation = torch.where(keep_units[:, None, None], articulation, self.no_unit)
        tokens = self.tokens(codes).repeat_interleave(FRAMES_PER_TOKEN, dim=1)[:, :frames]
        return torch.cat([articulation, tokens], dim=2).transpose(1, 2)

    def voicing_logit(self, features: Tensor) -> Tensor:
        """Map [B, inputs, T] to [B, T], > 0 means voiced."""
        hidden = functional.leaky_relu(self.voicing_entry(features), 0.1)
        hidden = functional.leaky_relu(self.voicing_past(functional.pad(hidden, (8, 0))), 0.1)
        return self.voicing_exit(hidden).squeeze(1)

    def speaker(self, mix: Tensor) -> Tensor:
        """Map shares of the speakers [B, speakers] to vectors [B, speaker_channels]."""
        return mix @ self.speakers.weight

    def envelope(self, features: Tensor, voiced: Tensor, effort: Tensor, speaker: Tensor) -> Envelope:
        """Return the envelope. `voiced` [B, T] 0 or 1; `effort` [B, T]: slow loudness in 10 dB against the speaker's mean; `speaker` [B,
        S].
        """
        manner = torch.cat([voiced[:, :, None], effort[:, :, None], speaker[:, None].expand(-1, voiced.shape[1], -1)], dim=2)
        hidden = self.entry(features) + self.manner(manner.transpose(1, 2))
        for block in self.blocks:
            hidden = block(hidden)
        power, aperiodicity = (
            self.exit(hidden).transpose(1, 2).split([self.config.power_bands, self.config.aperiodicity_bands], dim=2)
        )
        return Envelope(log_amplitude=power - 6.0, aperiodicity=torch.sigmoid(aperiodicity))
