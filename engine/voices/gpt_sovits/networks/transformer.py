"""The transformer of VITS (Kim et al. 2021): post-norm, convolutional feed-forward, relative positions near the diagonal (Shaw et al. 2018).

Tensors are `[B, C, T]`; masks are `[B, 1, T]`, 1 where there is something and 0 at padding.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MASKED = -1e4


class Attention(nn.Module):
    """Multi-head attention from `x` to `context`; with a `window`, distances up to it have learned keys and values, shared by the heads."""

    def __init__(self, width: int, heads: int, window: int | None = None) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.query, self.key, self.value, self.out = (nn.Conv1d(width, width, 1) for _ in range(4))
        if window is not None:
            self.relative_keys = nn.Parameter(torch.zeros(1, 2 * window + 1, width // heads))
            self.relative_values = nn.Parameter(torch.zeros(1, 2 * window + 1, width // heads))

    def forward(self, x: Tensor, context: Tensor, mask: Tensor) -> Tensor:
        """Map `[B, C, T]` and `[B, C, S]` to `[B, C, T]`; `mask` `[B, 1, T, S]`."""
        q, k, v = (self._heads(tensor) for tensor in (self.query(x), self.key(context), self.value(context)))
        q = q * q.shape[-1] ** -0.5
        scores = q @ k.transpose(2, 3)  # [B, H, T, S]
        if self.window is not None:
            scores = scores + to_diagonals(q @ self.relative_keys.transpose(1, 2), self.window)
        chances = scores.masked_fill(mask == 0, MASKED).softmax(-1)
        heard = chances @ v
        if self.window is not None:
            heard = heard + from_diagonals(chances, self.window) @ self.relative_values
        return self.out(heard.transpose(2, 3).flatten(1, 2))

    def _heads(self, x: Tensor) -> Tensor:
        """Split `[B, C, T]` into `[B, H, T, C / H]`."""
        return x.unflatten(1, (self.heads, -1)).transpose(2, 3)


def to_diagonals(near: Tensor, window: int) -> Tensor:
    """Map `[…, T, 2w + 1]`, one value per distance -w … w, to `[…, T, T]` with zeros further away."""
    length = near.shape[-2]
    columns = _columns(length, window, near.device).expand(near.shape)
    wide = near.new_zeros(*near.shape[:-1], length + 2 * window)
    return wide.scatter(-1, columns, near)[..., window : window + length]


def from_diagonals(square: Tensor, window: int) -> Tensor:
    """Invert `to_diagonals`: `[…, T, T]` to `[…, T, 2w + 1]`."""
    length = square.shape[-1]
    columns = _columns(length, window, square.device).expand(*square.shape[:-1], -1)
    return F.pad(square, (window, window)).gather(-1, columns)


def _columns(length: int, window: int, device: torch.device) -> Tensor:
    """Return the columns of each row's distances in a matrix widened by `window` on each side: `[T, 2w + 1]`."""
    return torch.arange(length, device=device)[:, None] + torch.arange(2 * window + 1, device=device)


class ChannelNorm(nn.Module):
    """Layer norm over the channels of `[B, C, T]`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x.transpose(1, 2), self.weight.shape, self.weight, self.bias).transpose(1, 2)


class EncoderLayer(nn.Module):
    """x = norm(x + attention(x)); x = norm(x + conv(relu(conv(x))))."""

    def __init__(self, width: int, filter_width: int, heads: int, kernel: int, window: int) -> None:
        super().__init__()
        self.attention = Attention(width, heads, window)
        self.attention_norm = ChannelNorm(width)
        self.fc1 = nn.Conv1d(width, filter_width, kernel, padding=(kernel - 1) // 2)
        self.fc2 = nn.Conv1d(filter_width, width, kernel, padding=(kernel - 1) // 2)
        self.feed_forward_norm = ChannelNorm(width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.attention_norm(x + self.attention(x, x, mask[:, :, :, None] * mask[:, :, None]))
        y = self.fc2(F.relu(self.fc1(x * mask)) * mask) * mask
        return self.feed_forward_norm(x + y)


class Encoder(nn.Module):
    """A stack of layers: `[B, C, T]` to `[B, C, T]`."""

    def __init__(self, layers: int, width: int, filter_width: int, heads: int, kernel: int, window: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(width, filter_width, heads, kernel, window) for _ in range(layers))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = x * mask
        for layer in self.layers:
            x = layer(x, mask)
        return x * mask
