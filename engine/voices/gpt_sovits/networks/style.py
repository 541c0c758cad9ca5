"""Voice embedding of a reference recording: MelStyleEncoder (StyleSpeech, Min et al. 2021), joined with a speaker vector in the Pro
versions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_KERNEL = 5


class GatedConv(nn.Module):
    """Residual convolution, half of whose output gates the other half."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, 2 * width, _KERNEL, padding=_KERNEL // 2)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.glu(self.conv(x), dim=1)


class StyleAttention(nn.Module):
    """Self-attention over `[B, T, C]` with a residual and no norm; scores are divided by the root of the model's width, not of the head's."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value))
        heard = F.scaled_dot_product_attention(q, k, v, scale=x.shape[-1] ** -0.5)
        return x + self.out(heard.transpose(1, 2).flatten(2))


class StyleEncoder(nn.Module):
    """A linear spectrogram `[B, rows, F]` to one vector per reference, `[B, gin, 1]`."""

    def __init__(self, rows: int, width: int, heads: int, out: int) -> None:
        super().__init__()
        self.rows = rows
        self.spectral = nn.ModuleList([nn.Linear(rows, width), nn.Linear(width, width)])
        self.temporal = nn.ModuleList(GatedConv(width) for _ in range(2))
        self.attention = StyleAttention(width, heads)
        self.out = nn.Linear(width, out)

    def forward(self, spectrogram: Tensor) -> Tensor:
        """Return the embedding; rows beyond those that the version uses are dropped."""
        x = spectrogram[:, : self.rows].transpose(1, 2)
        for layer in self.spectral:
            x = F.mish(layer(x))
        x = x.transpose(1, 2)
        for conv in self.temporal:
            x = conv(x)
        x = self.attention(x.transpose(1, 2))
        return self.out(x).mean(dim=1)[:, :, None]


class SpeakerFusion(nn.Module):
    """Pro: adds a speaker vector to the style, and makes the narrower copy for the prior."""

    def __init__(self, speaker_width: int, embedding: int, prior_width: int) -> None:
        super().__init__()
        self.project = nn.Linear(speaker_width, embedding)
        self.slope = nn.Parameter(torch.full((embedding,), 0.25))
        self.to_prior = nn.Linear(embedding, prior_width)

    def forward(self, style: Tensor, speaker: Tensor) -> Tensor:
        """Map `[B, gin, 1]` style and `[B, 20480]` speaker vector to `[B, gin, 1]`."""
        return F.prelu(style + self.project(speaker)[:, :, None], self.slope)

    def for_prior(self, ge: Tensor) -> Tensor:
        """Map `[B, gin, 1]` to `[B, 512, 1]`."""
        return self.to_prior(ge.transpose(1, 2)).transpose(1, 2)
