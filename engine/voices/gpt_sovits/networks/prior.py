"""The prior of the latent: semantic tokens joined with phones and voice (MRTE, after Mega-TTS, Jiang et al. 2023)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .config import SovitsConfig
from .transformer import Attention, Encoder


class Mrte(nn.Module):
    """Multi-reference timbre encoder: token frames attend to the phones; the global embedding is added."""

    def __init__(self, hidden: int, width: int, heads: int) -> None:
        super().__init__()
        self.semantic_in = nn.Conv1d(hidden, width, 1)
        self.text_in = nn.Conv1d(hidden, width, 1)
        self.attention = Attention(width, heads)
        self.out = nn.Conv1d(width, hidden, 1)

    def forward(self, semantic: Tensor, mask: Tensor, text: Tensor, text_mask: Tensor, ge: Tensor) -> Tensor:
        """Map `[B, C, T]` frames and `[B, C, N]` phones to `[B, C, T]`; `ge` is `[B, 512, 1]`."""
        x = self.semantic_in(semantic * mask)
        context = self.text_in(text * text_mask)
        heard = self.attention(x * mask, context * text_mask, mask[:, :, :, None] * text_mask[:, :, None])
        return self.out((heard + x + ge) * mask)


class Prior(nn.Module):
    """Quantised features at 50 Hz and phones to hidden frames, and these to mean and log deviation of the latent."""

    def __init__(self, config: SovitsConfig) -> None:
        super().__init__()

        def encoder(layers: int) -> Encoder:
            return Encoder(layers, config.hidden, config.filter, config.heads, config.kernel, config.window)

        self.semantic_in = nn.Conv1d(config.semantic_width, config.hidden, 1)
        self.semantic_encoder = encoder(config.semantic_layers)
        self.text_embedding = nn.Embedding(config.phonemes, config.hidden)
        self.text_encoder = encoder(config.text_layers)
        self.mrte = Mrte(config.hidden, config.mrte_width, config.mrte_heads)
        self.joint_encoder = encoder(config.semantic_layers)
        self.to_statistics = nn.Conv1d(config.hidden, 2 * config.latent, 1)

    def forward(
        self,
        features: Tensor,
        mask: Tensor,
        phones: Tensor,
        text_mask: Tensor,
        ge: Tensor,
        pitch: Tensor | None = None,
    ) -> Tensor:
        """Map `[B, 768, T]` features and `[B, N]` phones to hidden frames `[B, C, T]`. `pitch` `[B, C, T]` is added before the last
        encoder.
        """
        semantic = self.semantic_encoder(self.semantic_in(features * mask), mask)
        text = self.text_encoder(self.text_embedding(phones).transpose(1, 2), text_mask)
        joined = self.mrte(semantic, mask, text, text_mask, ge)
        return self.joint_encoder(joined if pitch is None else joined + pitch, mask)

    def statistics(self, hidden: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log standard deviation of the latent, `[B, latent, T]` each."""
        mean, log_deviation = (self.to_statistics(hidden) * mask).chunk(2, dim=1)
        return mean, log_deviation


def ones_mask(batch: int, length: int, like: Tensor) -> Tensor:
    """Return a mask without padding, `[B, 1, T]`."""
    return torch.ones(batch, 1, length, dtype=like.dtype, device=like.device)
