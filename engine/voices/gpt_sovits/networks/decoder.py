"""Latent to samples: the HiFi-GAN generator (Kong et al. 2020) with the voice added at its entrance."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import SovitsConfig

_SLOPE, _LAST_SLOPE = 0.1, 0.01
_EDGE_KERNEL = 7


class ResBlock(nn.Module):
    """Pairs of a dilated and a plain convolution, each pair with a residual."""

    def __init__(self, width: int, kernel: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.dilated = nn.ModuleList(
            nn.Conv1d(width, width, kernel, dilation=dilation, padding=dilation * (kernel - 1) // 2) for dilation in dilations
        )
        self.plain = nn.ModuleList(nn.Conv1d(width, width, kernel, padding=(kernel - 1) // 2) for _ in dilations)

    def forward(self, x: Tensor) -> Tensor:
        for dilated, plain in zip(self.dilated, self.plain, strict=True):
            x = x + plain(F.leaky_relu(dilated(F.leaky_relu(x, _SLOPE)), _SLOPE))
        return x


class Stage(nn.Module):
    """Upsampling, then the mean of residual blocks with different receptive fields (multi-receptive-field fusion)."""

    def __init__(self, width: int, rate: int, kernel: int, config: SovitsConfig) -> None:
        super().__init__()
        self.upsample = nn.ConvTranspose1d(width, width // 2, kernel, rate, padding=(kernel - rate) // 2)
        self.resblocks = nn.ModuleList(
            ResBlock(width // 2, reach, dilations)
            for reach, dilations in zip(config.resblock_kernels, config.resblock_dilations, strict=True)
        )

    def forward(self, x: Tensor, source: Tensor | None) -> Tensor:
        x = self.upsample(F.leaky_relu(x, _SLOPE))
        if source is not None:
            x = x + source
        return torch.stack([block(x) for block in self.resblocks]).mean(0)


class Decoder(nn.Module):
    """`[B, latent, T]` at 50 Hz to `[B, 640 T]` samples at 32 kHz."""

    def __init__(self, config: SovitsConfig) -> None:
        super().__init__()
        width = config.decoder_width
        self.first = nn.Conv1d(config.latent, width, _EDGE_KERNEL, padding=_EDGE_KERNEL // 2)
        self.condition = nn.Conv1d(config.embedding, width, 1)
        self.stages = nn.ModuleList(
            Stage(width >> i, rate, kernel, config)
            for i, (rate, kernel) in enumerate(zip(config.upsample_rates, config.upsample_kernels, strict=True))
        )
        last_width = width >> len(config.upsample_rates)
        self.last = nn.Conv1d(last_width, 1, _EDGE_KERNEL, padding=_EDGE_KERNEL // 2, bias=False)

    def forward(self, latent: Tensor, ge: Tensor, sources: Sequence[Tensor] | None = None) -> Tensor:
        """Return samples. `ge` is `[B, gin, 1]`, or `[B, gin, T]` for a voice that changes. `sources`, one for each stage, are added
        after the upsampling.
        """
        x = self.first(latent) + self.condition(ge)
        given: Sequence[Tensor | None] = sources or [None] * len(self.stages)
        for stage, source in zip(self.stages, given, strict=True):
            x = stage(x, source)
        return torch.tanh(self.last(F.leaky_relu(x, _LAST_SLOPE)))[:, 0]
