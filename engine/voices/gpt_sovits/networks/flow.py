"""The flow between prior and posterior, and the posterior encoder: mean-only affine couplings over WaveNet layers (VITS; Glow)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_KERNEL = 5


class WaveNet(nn.Module):
    """Gated convolutions with residual and skip paths, conditioned on the voice: `[B, C, T]` to `[B, C, T]`."""

    def __init__(self, width: int, layers: int, embedding: int) -> None:
        super().__init__()
        self.width = width
        self.condition = nn.Conv1d(embedding, 2 * width * layers, 1)
        self.gates = nn.ModuleList(nn.Conv1d(width, 2 * width, _KERNEL, padding=_KERNEL // 2) for _ in range(layers))
        self.outs = nn.ModuleList(nn.Conv1d(width, width if i == layers - 1 else 2 * width, 1) for i in range(layers))

    def forward(self, x: Tensor, mask: Tensor, ge: Tensor) -> Tensor:
        """`ge` is `[B, gin, 1]`, or `[B, gin, T]` for a voice that changes."""
        skipped = torch.zeros_like(x)
        conditions = self.condition(ge).split(2 * self.width, dim=1)
        for gate, out, condition in zip(self.gates, self.outs, conditions, strict=True):
            a, b = (gate(x) + condition).chunk(2, dim=1)
            y = out(torch.tanh(a) * torch.sigmoid(b))
            if out is not self.outs[-1]:  # the last layer has no residual path
                residual, y = y.chunk(2, dim=1)
                x = (x + residual) * mask
            skipped = skipped + y
        return skipped * mask


class Coupling(nn.Module):
    """Shift one half of the channels by a function of the other half."""

    def __init__(self, channels: int, hidden: int, layers: int, embedding: int) -> None:
        super().__init__()
        self.pre = nn.Conv1d(channels // 2, hidden, 1)
        self.wavenet = WaveNet(hidden, layers, embedding)
        self.post = nn.Conv1d(hidden, channels // 2, 1)

    def forward(self, x: Tensor, mask: Tensor, ge: Tensor, *, inverse: bool) -> Tensor:
        kept, moved = x.chunk(2, dim=1)
        shift = self.post(self.wavenet(self.pre(kept) * mask, mask, ge)) * mask
        moved = (moved - shift) * mask if inverse else moved * mask + shift
        return torch.cat([kept, moved], dim=1)


class Flow(nn.Module):
    """Couplings with reversed channels after each. Forward: posterior to prior; inverse: prior to the input of the decoder."""

    def __init__(self, channels: int, hidden: int, couplings: int, layers: int, embedding: int) -> None:
        super().__init__()
        self.couplings = nn.ModuleList(Coupling(channels, hidden, layers, embedding) for _ in range(couplings))

    def forward(self, x: Tensor, mask: Tensor, ge: Tensor) -> Tensor:
        """Map `[B, latent, T]` to the same shape."""
        for coupling in self.couplings:
            x = coupling(x, mask, ge, inverse=False).flip(1)
        return x

    def inverse(self, x: Tensor, mask: Tensor, ge: Tensor) -> Tensor:
        """Invert `forward`."""
        for coupling in reversed(self.couplings):
            x = coupling(x.flip(1), mask, ge, inverse=True)
        return x


class Posterior(nn.Module):
    """Encoder of a linear spectrogram to its latent; used in training only."""

    def __init__(self, rows: int, channels: int, hidden: int, layers: int, embedding: int) -> None:
        super().__init__()
        self.pre = nn.Conv1d(rows, hidden, 1)
        self.wavenet = WaveNet(hidden, layers, embedding)
        self.to_statistics = nn.Conv1d(hidden, 2 * channels, 1)

    def forward(self, spectrogram: Tensor, mask: Tensor, ge: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map `[B, 1025, F]` and standard normal noise `[B, latent, F]` to latent, mean and log deviation, `[B, latent, F]` each."""
        x = self.wavenet(self.pre(spectrogram) * mask, mask, ge)
        mean, log_deviation = (self.to_statistics(x) * mask).chunk(2, dim=1)
        return (mean + noise * log_deviation.exp()) * mask, mean, log_deviation
