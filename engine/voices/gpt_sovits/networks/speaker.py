"""The speaker network of the Pro versions, ERes2NetV2 (Chen et al. 2024), up to its fused map; the official pooling head is not used.

Input: Kaldi filterbanks (`audio.filterbank`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import SpeakerConfig

_STRIDES = (1, 2, 2, 2)
_FUSED_STAGES = (2, 3)  # from the third stage on, groups are joined by attention instead of by a sum


def _clipped(x: Tensor) -> Tensor:
    """ReLU with a ceiling of 20."""
    return F.hardtanh(x, 0.0, 20.0)


class AttentionalFusion(nn.Module):
    """Weighted sum of two maps of one shape, with weights per point and channel (Dai et al. 2021)."""

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        inner = channels // reduction
        self.local_att = nn.Sequential(
            nn.Conv2d(2 * channels, inner, 1),
            nn.BatchNorm2d(inner),
            nn.SiLU(),
            nn.Conv2d(inner, channels, 1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        weight = 1 + torch.tanh(self.local_att(torch.cat([x, y], dim=1)))
        return x * weight + y * (2 - weight)


class Res2Block(nn.Module):
    """Bottleneck whose middle is split into groups, each of which also gets the result of the one before (Res2Net, Gao et al. 2019)."""

    def __init__(self, inside: int, width: int, scale: int, outside: int, stride: int, fused: bool) -> None:
        super().__init__()
        self.width = width
        self.conv1 = nn.Conv2d(inside, width * scale, 1, stride=stride, bias=False)
        self.bn1 = nn.BatchNorm2d(width * scale)
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(scale))
        self.bns = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(scale))
        self.fuse_models = nn.ModuleList(AttentionalFusion(width) for _ in range(scale - 1)) if fused else None
        self.conv3 = nn.Conv2d(width * scale, outside, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outside)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inside != outside:
            self.shortcut = nn.Sequential(nn.Conv2d(inside, outside, 1, stride=stride, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x: Tensor) -> Tensor:
        groups = _clipped(self.bn1(self.conv1(x))).split(self.width, dim=1)
        done: list[Tensor] = []
        for i, group in enumerate(groups):
            if i > 0:
                group = done[-1] + group if self.fuse_models is None else self.fuse_models[i - 1](done[-1], group)
            done.append(_clipped(self.bns[i](self.convs[i](group))))
        return _clipped(self.bn3(self.conv3(torch.cat(done, dim=1))) + self.shortcut(x))


class SpeakerNetwork(nn.Module):
    """`[B, T, 80]` filterbanks to `[B, 20480]` (at the real size): channels × frequency bands, averaged over time."""

    def __init__(self, config: SpeakerConfig) -> None:
        super().__init__()
        self.config = config
        self.conv1 = nn.Conv2d(1, config.channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(config.channels)
        inside = config.channels
        stages = []
        for stage, (count, width, stride) in enumerate(zip(config.blocks, config.widths, _STRIDES, strict=True)):
            outside = config.channels * config.expansion * 2**stage
            blocks = []
            for i in range(count):
                blocks.append(Res2Block(inside, width, config.scale, outside, stride if i == 0 else 1, stage in _FUSED_STAGES))
                inside = outside
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.layer3_ds = nn.Conv2d(inside // 2, inside, 3, stride=2, padding=1, bias=False)
        self.fuse34 = AttentionalFusion(inside)

    def forward(self, filterbank: Tensor) -> Tensor:
        x = filterbank.transpose(1, 2)[:, None]  # [B, 1, 80, T]
        x = self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x)))))
        third = self.layer3(x)
        fused = self.fuse34(self.layer4(third), self.layer3_ds(third))
        return fused.flatten(1, 2).mean(-1)
