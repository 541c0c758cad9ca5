"""Weights of eight bits for the GPT on a CPU, where a step takes as long as reading all weights takes.

Each row of a matrix has its own scale. The kernel is torch's (FBGEMM, or QNNPACK on ARM), which rounds the input of each product to seven
or eight bits too; a torch without it gets weights of eight bits and inputs of sixteen, which is slower. Embeddings and the last matrix, the
one that tells codes apart, stay as they are.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .gpt import Text2Semantic

log = logging.getLogger(__name__)

_LEVELS = 127
_FEW_ROWS = 16  # up to here the kernel for few rows is quicker than the ordinary product


class Int8Linear(nn.Module):
    """Takes the place of a `Linear` for inference: `[…, in]` to `[…, out]` in float32."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        scale = (linear.weight.abs().amax(dim=1) / _LEVELS).clamp(min=1e-12)
        weight = (linear.weight / scale[:, None]).round().to(torch.int8).contiguous()
        self._product = _packed(weight, scale, linear.bias) or _weight_only(weight, scale, linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self._product(x)


def to_int8(model: Text2Semantic) -> Text2Semantic:
    """Puts weights of eight bits into `model` (on the CPU, in float32), which can only be used for inference from then on; returns it."""
    for block in model.blocks:
        for name, part in list(block.named_children()):
            if isinstance(part, nn.Linear):
                setattr(block, name, Int8Linear(part))
    return model


def _packed(weight: Tensor, scale: Tensor, bias: Tensor | None) -> Callable[[Tensor], Tensor] | None:
    """torch's product of eight-bit matrices, or None where this torch has none."""
    engine = torch.backends.quantized.engine
    half_range = engine != "qnnpack"  # without it, pairs of products overflow sixteen bits on older x86
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # tensors that know their own scale are to leave torch some day
            known = torch._make_per_channel_quantized_tensor(
                weight, scale.double(), torch.zeros(len(weight), dtype=torch.long), 0
            )
            packed = torch.ops.quantized.linear_prepack(known, bias)
    except (AttributeError, RuntimeError) as error:
        log.warning(
            "This torch has no product of eight-bit matrices (%s). The slower one with sixteen-bit inputs is used.", error
        )
        return None
    return lambda x: torch.ops.quantized.linear_dynamic(x, packed, half_range)


def _weight_only(weight: Tensor, scale: Tensor, bias: Tensor | None) -> Callable[[Tensor], Tensor]:
    """Inputs in bfloat16; with many rows, weights made long again and the ordinary product."""
    coarse_scale = scale.bfloat16()

    def product(x: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        if len(rows) > _FEW_ROWS:
            return F.linear(x, weight * scale[:, None], bias)
        y = torch._weight_int8pack_mm(rows.bfloat16(), weight, coarse_scale).float().view(*x.shape[:-1], -1)
        return y if bias is None else y + bias

    return product
