"""Semantic tokens: HuBERT features at 50 Hz, halved to 25 Hz and replaced by the nearest of 1024 vectors (VQ-VAE, van den Oord et al.
2017).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SemanticQuantizer(nn.Module):
    """Features to tokens, and tokens to features."""

    codebook: Tensor

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.halve = nn.Conv1d(width, width, 2, stride=2)
        self.register_buffer("codebook", torch.zeros(size, width))

    def encode(self, features: Tensor) -> Tensor:
        """Map `[B, 768, T50]` HuBERT features to `[B, T50 // 2]` tokens."""
        x = self.halve(features).transpose(1, 2)
        distance = (x * x).sum(-1, keepdim=True) - 2 * x @ self.codebook.T + (self.codebook * self.codebook).sum(-1)
        return distance.argmin(-1)

    def decode(self, codes: Tensor) -> Tensor:
        """Map `[B, T]` tokens to `[B, 768, 2T]` features at 50 Hz, each frame twice."""
        return F.embedding(codes, self.codebook).transpose(1, 2).repeat_interleave(2, dim=2)
