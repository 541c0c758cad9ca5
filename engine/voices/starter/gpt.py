"""The token model for training: a frame-synchronous GPT, conditioned on the score at every step of 40 ms.

A step gets the units of its four frames with their positions, the pitch, the time left, the speaker and the previous token. So the
alignment cannot slip, no word is skipped or doubled, and the length is exact. `numpy_networks` runs it step by step without torch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.voices.units import POSITION_FEATURES

from .acoustic import UnitEncoder
from .conditioning import slopes
from .config import FRAMES_PER_TOKEN, GptConfig


class Layer(nn.Module):
    """Pre-norm attention over a window of the past, then a feed-forward layer."""

    def __init__(self, config: GptConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.norm_1, self.norm_2 = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.inward = nn.Linear(config.width, 3 * config.width)
        self.outward = nn.Linear(config.width, config.width)
        self.widen = nn.Linear(config.width, 4 * config.width)
        self.narrow = nn.Linear(4 * config.width, config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        """Map hidden [B, K, width]; bias [heads, K, K], -inf where a step must not attend."""
        batch, steps, width = hidden.shape
        query, key, value = (
            part.reshape(batch, steps, self.heads, -1).transpose(1, 2)
            for part in self.inward(self.norm_1(hidden)).chunk(3, dim=2)
        )
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias[None])
        hidden = hidden + self.dropout(self.outward(seen.transpose(1, 2).reshape(batch, steps, width)))
        return hidden + self.dropout(self.narrow(functional.gelu(self.widen(self.norm_2(hidden)), approximate="tanh")))


class TokenGpt(nn.Module):
    """The network. Shapes: B phrases, N units, K steps of four frames."""

    bias: Tensor

    def __init__(self, config: GptConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = UnitEncoder(config.units, config.embedding)
        self.dropout = nn.Dropout(config.dropout)
        self.frames = nn.Linear(FRAMES_PER_TOKEN * (config.embedding + POSITION_FEATURES), config.width)
        self.pitch = nn.Embedding(config.pitches, config.width)
        self.time_left = nn.Embedding(config.time_left, config.width)
        self.speakers = nn.Embedding(config.speakers, config.speaker_channels)
        self.speaker_to_width = nn.Linear(config.speaker_channels, config.width)
        self.previous = nn.Embedding(config.codes + 1, config.width)  # the last one: nothing known
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.exit = nn.Linear(config.width, config.codes)
        steps = torch.arange(2 * config.window)
        back = steps[:, None] - steps[None]
        bias = -torch.from_numpy(slopes(config.heads))[:, None, None] * back
        self.register_buffer("bias", bias.masked_fill((back < 0) | (back >= config.window), -torch.inf), persistent=False)

    def forward(
        self,
        units: Tensor,
        unit_of_frame: Tensor,
        position: Tensor,
        pitch: Tensor,
        time_left: Tensor,
        mix: Tensor,
        previous: Tensor,
    ) -> Tensor:
        """Return logits [B, K, codes].

        Units [B, N]; unit_of_frame [B, 4 K]; position [B, 4 K, 8]; pitch, time_left, previous [B, K]; mix [B, speakers]. `previous` may
        hold `config.codes`: unknown.
        """
        batch, steps = previous.shape
        context = self.dropout(self.encoder(units))
        gathered = torch.gather(context, 1, unit_of_frame[:, :, None].expand(-1, -1, context.shape[2]))
        hidden = self.frames(torch.cat([gathered, position], dim=2).reshape(batch, steps, -1)) + self.previous(previous)
        if self.config.sees_pitch:
            hidden = hidden + self.pitch(pitch)
        if self.config.sees_duration:
            hidden = hidden + self.time_left(time_left)
        hidden = hidden + self.speaker_to_width(mix @ self.speakers.weight)[:, None]
        bias = self.bias[:, :steps, :steps]
        for layer in self.layers:
            hidden = layer(hidden, bias)
        return self.exit(self.norm(hidden))
