"""HuBERT (Hsu et al. 2021), base size: 16 kHz samples to features at 50 Hz, the source of a reference clip's semantic tokens.

Attributes have the names of the released files, so they are the names of the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.errors import VoiceError

from .pretrained import load_weights, read_config, whole

SAMPLE_RATE = 16_000
_KERNELS, _STRIDES = (10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)


class _Convolution(nn.Module):
    """One step of the waveform encoder; only the first one is normalised, each channel separately."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int, is_first: bool) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inside, outside, kernel, stride=stride, bias=False)
        self.layer_norm: nn.Module = nn.GroupNorm(outside, outside) if is_first else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(self.layer_norm(self.conv(x)))


class _Positions(nn.Module):
    """Positional encoding by a wide grouped convolution with weight norm over each kernel position."""

    def __init__(self, width: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.groups = groups
        self.conv = nn.ParameterDict(
            {
                "weight_g": nn.Parameter(torch.ones(1, 1, kernel)),
                "weight_v": nn.Parameter(torch.zeros(width, width // groups, kernel)),
                "bias": nn.Parameter(torch.zeros(width)),
            }
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, T, C]` to the same shape."""
        directions = self.conv["weight_v"]
        kernel = directions.shape[2]
        weight = self.conv["weight_g"] * directions / directions.norm(dim=(0, 1), keepdim=True)
        y = F.conv1d(x.transpose(1, 2), weight, self.conv["bias"], padding=kernel // 2, groups=self.groups)
        return F.gelu(y[:, :, : x.shape[1]]).transpose(1, 2)


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2) for layer in (self.q_proj, self.k_proj, self.v_proj))
        return self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class _FeedForward(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.intermediate_dense = nn.Linear(width, inner)
        self.output_dense = nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.output_dense(F.gelu(self.intermediate_dense(x)))


class _Layer(nn.Module):
    """Post-norm transformer layer."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.attention = _Attention(width, heads)
        self.layer_norm = nn.LayerNorm(width)
        self.feed_forward = _FeedForward(width, inner)
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer_norm(x + self.attention(x))
        return self.final_layer_norm(x + self.feed_forward(x))


class Hubert(nn.Module):
    """The network of the module docstring."""

    def __init__(self, *, channels: int, width: int, heads: int, inner: int, layers: int, kernel: int, groups: int) -> None:
        super().__init__()
        steps = enumerate(zip(_KERNELS, _STRIDES, strict=True))
        self.feature_extractor = nn.ModuleDict(
            {"conv_layers": nn.ModuleList(_Convolution(channels if i else 1, channels, k, s, i == 0) for i, (k, s) in steps)}
        )
        self.feature_projection = nn.ModuleDict(
            {"layer_norm": nn.LayerNorm(channels), "projection": nn.Linear(channels, width)}
        )
        self.encoder = nn.ModuleDict(
            {
                "pos_conv_embed": _Positions(width, kernel, groups),
                "layer_norm": nn.LayerNorm(width),
                "layers": nn.ModuleList(_Layer(width, heads, inner) for _ in range(layers)),
            }
        )

    @torch.inference_mode()
    def forward(self, wave: Tensor) -> Tensor:
        """Map `[B, samples]` at 16 kHz within -1 … 1 to `[B, width, frames]`, about one frame per 320 samples."""
        x = wave[:, None]
        for step in self.feature_extractor["conv_layers"].children():
            x = step(x)
        x = self.feature_projection["projection"](self.feature_projection["layer_norm"](x.transpose(1, 2)))
        x = self.encoder["layer_norm"](x + self.encoder["pos_conv_embed"](x))
        for layer in self.encoder["layers"].children():
            x = layer(x)
        return x.transpose(1, 2)


def load_hubert(folder: Path) -> Hubert:
    """Load HuBERT from the folder `chinese-hubert-base` as the official program uses it. Raises VoiceError."""
    config = read_config(folder)
    _check_kind(config, folder)
    width, heads = whole(config, "hidden_size", folder), whole(config, "num_attention_heads", folder)
    groups = whole(config, "num_conv_pos_embedding_groups", folder)
    if width % heads or width % groups:
        raise VoiceError(
            f"The sizes in {folder / 'config.json'} do not divide: {width} channels, {heads} heads, {groups} groups."
        )
    network = Hubert(
        channels=_channels(config, folder),
        width=width,
        heads=heads,
        inner=whole(config, "intermediate_size", folder),
        layers=whole(config, "num_hidden_layers", folder),
        kernel=config.get("num_conv_pos_embeddings", 128),
        groups=groups,
    )
    return load_weights(network, folder, prefix="hubert.")


def _check_kind(config: Mapping[str, Any], folder: Path) -> None:
    is_base = not config.get("do_stable_layer_norm") and config.get("feat_extract_norm", "group") == "group"
    same_steps = (tuple(config.get("conv_kernel", _KERNELS)), tuple(config.get("conv_stride", _STRIDES))) == (
        _KERNELS,
        _STRIDES,
    )
    if config.get("model_type") != "hubert" or not is_base or not same_steps or config.get("conv_bias"):
        raise VoiceError(
            f"{folder} is not a HuBERT of the base kind. GPT-SoVITS needs chinese-hubert-base: vocalese voice fetch."
        )


def _channels(config: Mapping[str, Any], folder: Path) -> int:
    sizes = config.get("conv_dim", [512])
    if not isinstance(sizes, list) or len(set(sizes)) != 1:
        raise VoiceError(f"{folder / 'config.json'} gives {sizes!r} for conv_dim; one size for all is needed.")
    return whole({"conv_dim": sizes[0]}, "conv_dim", folder)
