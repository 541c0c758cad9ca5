"""The s1 network, text to semantic tokens: a decoder-only transformer over phones followed by tokens (as in VALL-E, Wang et al. 2023).

Phones attend to all phones; a token attends to all phones and to the tokens up to itself (prefix language model). The blocks are
post-norm (Vaswani et al. 2017) and there is no norm after the last. Keys and values are in a cache of fixed size, so that a step has
fixed shapes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import GptConfig

SPAN_STEP = 16  # attention looks at a multiple of so many cache positions


class KeyValueCache:
    """Keys and values of all layers, `memory` `[L, 2, B, H, capacity, width / heads]`, of fixed size and address."""

    def __init__(self, config: GptConfig, *, batch: int, capacity: int, device: torch.device, dtype: torch.dtype) -> None:
        self.capacity = -(-capacity // SPAN_STEP) * SPAN_STEP
        shape = (config.layers, 2, batch, config.heads, self.capacity, config.width // config.heads)
        self.memory = torch.zeros(shape, device=device, dtype=dtype)

    @property
    def keys(self) -> Tensor:
        """`[L, B, H, capacity, w]`."""
        return self.memory[:, 0]

    @property
    def values(self) -> Tensor:
        """`[L, B, H, capacity, w]`."""
        return self.memory[:, 1]

    def span(self, length: int) -> int:
        """Return how many positions attention covers when `length` are filled."""
        return min(-(-length // SPAN_STEP) * SPAN_STEP, self.capacity)

    def write(self, layer: int, positions: Tensor, span: int, keys_values: Tensor) -> Tensor:
        """Write `[2, B, H, T, w]` at `positions` `[T]`; return the first `span` positions of the layer."""
        return self.memory[layer].index_copy_(3, positions, keys_values)[:, :, :, :span]

    def keep(self, rows: Tensor) -> None:
        """Drop all batch rows but `rows`."""
        self.memory = self.memory[:, :, rows]


class Block(nn.Module):
    """Post-norm transformer block: y = LN(x + attention(x)), z = LN(y + W2 relu(W1 y))."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)
        self.feed_forward_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, bias: Tensor, remember: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """Map `[B, T, d]` to the same shape. `bias` `[1 or B, 1, T, keys]` is added to the scores: -inf where a query must not attend.

        `remember` takes the keys and values of `x`, `[2, B, H, T, w]`, and returns all that are cached.
        """
        batch, length, width = x.shape
        parts = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        k, v = parts[1:] if remember is None else remember(parts[1:])
        heard = F.scaled_dot_product_attention(parts[0], k, v, attn_mask=bias).transpose(1, 2).flatten(2)
        y = self.attention_norm(x + self.out(heard))
        return self.feed_forward_norm(y + self.fc2(F.relu(self.fc1(y))))


class Text2Semantic(nn.Module):
    """Phones, BERT features and semantic tokens to logits of the next token."""

    def __init__(self, config: GptConfig) -> None:
        super().__init__()
        self.config = config
        self.text_embedding = nn.Embedding(config.phonemes, config.width)
        self.bert = nn.Linear(config.bert_width, config.width)
        self.text_gain = nn.Parameter(torch.ones(1))
        self.code_embedding = nn.Embedding(config.codes, config.width)
        self.code_gain = nn.Parameter(torch.ones(1))
        self.blocks = nn.ModuleList(Block(config.width, config.heads) for _ in range(config.layers))
        self.to_logits = nn.Linear(config.width, config.codes, bias=False)

    def embed_text(self, phones: Tensor, bert: Tensor) -> Tensor:
        """Embed `[B, N]` phones and `[B, 1024, N]` features as `[B, N, d]`. For text without BERT features, `bert` is zero."""
        x = self.text_embedding(phones)
        x = x + self.bert(bert.transpose(1, 2).to(x.dtype))
        positions = torch.arange(phones.shape[1], device=phones.device)
        return x + self.text_gain * sinusoid(positions, self.config.width).to(x.dtype)

    def embed_codes(self, codes: Tensor, first: Tensor | int = 0) -> Tensor:
        """Embed `[B, T]` tokens as `[B, T, d]`; `first` is the position of the first one, counted from the prompt's start."""
        positions = torch.arange(codes.shape[1], device=codes.device) + first
        x = self.code_embedding(codes)
        return x + self.code_gain * sinusoid(positions, self.config.width).to(x.dtype)

    def new_cache(self, batch: int, capacity: int) -> KeyValueCache:
        """Return an empty cache on this model's device."""
        weight = self.to_logits.weight
        return KeyValueCache(self.config, batch=batch, capacity=capacity, device=weight.device, dtype=weight.dtype)

    def prefill(self, text: Tensor, codes: Tensor, cache: KeyValueCache, text_mask: Tensor | None = None) -> Tensor:
        """Run embedded text `[B, N, d]` and tokens `[B, P, d]` and fill the cache; return hidden states `[B, N + P, d]`.

        `text_mask` `[B, N]` is false at padding.
        """
        x = torch.cat([text, codes], dim=1)
        length = x.shape[1]
        span = cache.span(length)
        mask = F.pad(prefix_mask(text.shape[1], codes.shape[1], x.device)[None], (0, span - length))
        if text_mask is not None:
            mask = mask & F.pad(text_mask, (0, span - text_mask.shape[1]), value=True)[:, None]
        return self._through(x, cache, torch.arange(length, device=x.device), span, mask[:, None])

    def step(
        self,
        code: Tensor,
        first: Tensor,
        position: Tensor,
        span: int,
        cache: KeyValueCache,
        valid: Tensor,
        told: Tensor | None = None,
    ) -> Tensor:
        """Return logits `[B, codes]` after one more token `[B, 1]`.

        `first` is the token's place among the tokens, `position` `[1]` its place in the cache, `valid` `[B, capacity]` is false at
        padding. `span` must exceed `position`. `told` `[B, 1, d]` is added to the token's embedding.
        """
        seen = torch.arange(span, device=code.device) <= position
        mask = (valid[:, :span] & seen)[:, None, None]
        x = self.embed_codes(code, first)
        hidden = self._through(x if told is None else x + told, cache, position, span, mask)
        return self.to_logits(hidden[:, -1])

    def forward(self, text: Tensor, codes: Tensor, mask: Tensor) -> Tensor:
        """Return hidden states `[B, N + T, d]` of embedded text and tokens (teacher forcing); `mask` `[1 or B, N + T, N + T]`."""
        x = torch.cat([text, codes], dim=1)
        bias = score_bias(mask[:, None], x.dtype)
        for block in self.blocks:
            x = block(x, bias)
        return x

    def _through(self, x: Tensor, cache: KeyValueCache, positions: Tensor, span: int, mask: Tensor) -> Tensor:
        bias = score_bias(mask, x.dtype)
        for layer, block in enumerate(self.blocks):
            x = block(x, bias, partial(cache.write, layer, positions, span))
        return x


def score_bias(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Return 0 where `mask` is true, -inf elsewhere."""
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, -torch.inf)


def sinusoid(positions: Tensor, width: int) -> Tensor:
    """Map `[T]` positions to `[T, width]`: sine in even columns, cosine in odd ones."""
    rates = torch.exp(torch.arange(0, width, 2, device=positions.device) * -(math.log(10_000.0) / width))
    angles = positions[:, None].float() * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


def prefix_mask(text: int, codes: int, device: torch.device) -> Tensor:
    """Return a mask `[N + T, N + T]`, true where a row may attend to a column: text to all text, tokens to all text and the tokens so
    far.
    """
    mask = torch.ones(text + codes, text + codes, dtype=torch.bool, device=device).tril()
    mask[:text, :text] = True
    return mask


def training_logits(
    model: Text2Semantic, phones: Tensor, bert: Tensor, codes: Tensor, lengths: Tensor
) -> tuple[Tensor, Tensor]:
    """Return teacher-forced logits `[B, T + 1, codes]` and their targets `[B, T + 1]`.

    `phones` `[B, N]` and `codes` `[B, T]` are padded on the right; `lengths` `[B, 2]` holds the true lengths of both. Padded tokens are
    the end mark, as input and as target. The official training marks the padding of the text on its *left*, so the last padded phones are
    attended to and as many true first ones are not. Weights were trained so, hence it is kept.
    """
    end, (batch, text_length), code_length = model.config.end, phones.shape, codes.shape[1]
    device = phones.device
    text_heard = torch.arange(text_length, device=device) >= (text_length - lengths[:, :1])
    code_heard = torch.arange(code_length, device=device) < lengths[:, 1:]
    given = torch.where(code_heard, codes, end)
    heard = torch.cat([text_heard, code_heard], dim=1)
    mask = prefix_mask(text_length, code_length, device)[None] & heard[:, None]
    hidden = model(model.embed_text(phones, bert), model.embed_codes(given), mask)
    targets = torch.cat([given, given.new_full((batch, 1), end)], dim=1)
    return model.to_logits(hidden[:, text_length - 1 :]), targets
