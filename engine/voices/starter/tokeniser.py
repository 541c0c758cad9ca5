"""The tokeniser: 24 liftered cepstra at 100 Hz to semantic tokens at 25 Hz and back.

Liftering removes the harmonics, so a token codes the articulation of a sound and not its pitch. Used in training and for a user's own
recordings; singing from notes needs only the tokens of the GPT.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from .config import FRAMES_PER_TOKEN, TokeniserConfig

_QUIETEST = -9.0  # natural-log amplitude; silence is not told apart below it
_DECAY = 0.98
_DEAD_BELOW = 0.02  # mean uses per step under which a code is moved to where data are
_COMMITMENT = 0.25


def cepstra_of(bands: NDArray[np.float32], cepstra: int) -> NDArray[np.float32]:
    """Return the first `cepstra` coefficients [T, cepstra] of log bands [T, bands] (orthonormal DCT-II over the mel axis)."""
    return np.maximum(bands, _QUIETEST).astype(np.float32) @ _cosines(bands.shape[1], cepstra)


@lru_cache(maxsize=4)
def _cosines(bands: int, cepstra: int) -> NDArray[np.float32]:
    place = (np.arange(bands) + 0.5) / bands
    matrix = np.sqrt(2.0 / bands) * np.cos(np.pi * place[:, None] * np.arange(cepstra)[None])
    matrix[:, 0] /= np.sqrt(2.0)
    return matrix.astype(np.float32)


@dataclass(frozen=True)
class Tokenised:
    """`codes` [B, N]; `quantised` [B, N, code_channels], straight-through in training; `loss`: commitment."""

    codes: Tensor
    quantised: Tensor
    loss: Tensor


class Codebook(nn.Module):
    """Vector quantisation with a codebook that follows the data (van den Oord et al. 2017, moving averages; dead codes re-seeded)."""

    vectors: Tensor
    uses: Tensor
    sums: Tensor

    def __init__(self, codes: int, channels: int) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.randn(codes, channels))
        self.register_buffer("uses", torch.ones(codes))
        self.register_buffer("sums", self.vectors.clone())

    def forward(self, hidden: Tensor) -> Tokenised:
        flat = hidden.reshape(-1, hidden.shape[-1])
        codes = self.nearest(flat)
        if self.training:
            self._follow(flat.detach(), codes)
        quantised = self.vectors[codes].reshape(hidden.shape)
        loss = _COMMITMENT * functional.mse_loss(hidden, quantised.detach())
        return Tokenised(codes.reshape(hidden.shape[:-1]), hidden + (quantised - hidden).detach(), loss)

    def nearest(self, flat: Tensor) -> Tensor:
        distance = flat.pow(2).sum(1, keepdim=True) - 2 * flat @ self.vectors.T + self.vectors.pow(2).sum(1)
        return distance.argmin(1)

    @torch.no_grad()
    def start_from(self, flat: Tensor, rounds: int = 10) -> None:
        """Initialise by k-means over `flat` [M, channels]; a random codebook uses a single code for long."""
        self.vectors.copy_(flat[torch.randperm(len(flat))[: len(self.vectors)]])
        for _ in range(rounds):
            codes = self.nearest(flat)
            counts = torch.zeros(len(self.vectors)).index_add_(0, codes, torch.ones(len(flat)))
            sums = torch.zeros_like(self.vectors).index_add_(0, codes, flat)
            alive = counts > 0
            self.vectors[alive] = sums[alive] / counts[alive, None]
            self.vectors[~alive] = flat[torch.randint(0, len(flat), (int((~alive).sum()),))]
        self.uses.fill_(1.0)
        self.sums.copy_(self.vectors)

    @torch.no_grad()
    def _follow(self, flat: Tensor, codes: Tensor) -> None:
        counts = torch.zeros_like(self.uses).index_add_(0, codes, torch.ones(len(flat)))
        self.uses.lerp_(counts, 1 - _DECAY)
        self.sums.lerp_(torch.zeros_like(self.sums).index_add_(0, codes, flat), 1 - _DECAY)
        dead = self.uses < _DEAD_BELOW
        fresh = flat[torch.randint(0, len(flat), (int(dead.sum()),))]
        self.uses[dead], self.sums[dead] = 1.0, fresh
        self.vectors.copy_(self.sums / self.uses[:, None])


class Tokeniser(nn.Module):
    """Cepstra [B, T, cepstra], T a multiple of FRAMES_PER_TOKEN -> codes [B, T / 4] -> cepstra."""

    mean: Tensor
    scale: Tensor

    def __init__(self, config: TokeniserConfig) -> None:
        super().__init__()
        self.config = config
        width, step = config.channels, FRAMES_PER_TOKEN
        self.register_buffer("mean", torch.zeros(config.cepstra))
        self.register_buffer("scale", torch.ones(()))
        self.encoder = nn.Sequential(
            nn.Conv1d(config.cepstra, width, 5, padding=2),
            nn.LeakyReLU(0.1),
            nn.Conv1d(width, width, step, stride=step),
            nn.LeakyReLU(0.1),
            nn.Conv1d(width, width, 3, padding=1),
            nn.LeakyReLU(0.1),
            nn.Conv1d(width, config.code_channels, 1),
        )
        self.codebook = Codebook(config.codes, config.code_channels)
        self.decoder = nn.Sequential(
            nn.Conv1d(config.code_channels, width, 3, padding=1),
            nn.LeakyReLU(0.1),
            nn.ConvTranspose1d(width, width, step, stride=step),
            nn.LeakyReLU(0.1),
            nn.Conv1d(width, width, 5, padding=2),
            nn.LeakyReLU(0.1),
            nn.Conv1d(width, config.cepstra, 1),
        )

    def hidden(self, cepstra: Tensor) -> Tensor:
        """Map [B, T, cepstra] to [B, T / 4, code_channels], before quantisation."""
        return self.encoder(((cepstra - self.mean) / self.scale).transpose(1, 2)).transpose(1, 2)

    def tokenise(self, cepstra: Tensor) -> Tokenised:
        return self.codebook(self.hidden(cepstra))

    def restore(self, quantised: Tensor) -> Tensor:
        """Map [B, N, code_channels] to cepstra [B, 4 N, cepstra]."""
        return self.decoder(quantised.transpose(1, 2)).transpose(1, 2) * self.scale + self.mean

    @torch.inference_mode()
    def codes_of(self, cepstra: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return tokens [ceil(T / 4)] of one sound [T, cepstra]; the end is padded with its last frame."""
        missing = -len(cepstra) % FRAMES_PER_TOKEN
        filled = np.pad(cepstra, ((0, missing), (0, 0)), mode="edge")
        return self.tokenise(torch.from_numpy(filled)[None]).codes[0].numpy()
