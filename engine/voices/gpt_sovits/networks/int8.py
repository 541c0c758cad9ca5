"""Weights of eight bits for the GPT on a CPU, where the time of a step is the time of reading all weights.

Each row of a matrix has its own scale. The product is FBGEMM's through torch, which rounds inputs to eight bits too; where it is missing
(not every processor has it, and torch intends to drop it) weights of eight bits meet inputs of sixteen, which is slower. Embeddings and
the output matrix stay as they are.
"""

from __future__ import annotations

import copy
import functools
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
    """Replacement of a `Linear` for inference: `[…, in]` to `[…, out]` in float32."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self._product = _packed(linear) or _weight_only(linear)

    def forward(self, x: Tensor) -> Tensor:
        return self._product(x)


def to_int8(model: Text2Semantic) -> Text2Semantic:
    """Replace the weights of `model` (on the CPU, in float32) by eight bits and return it; it then serves inference only."""
    for block in model.blocks:
        for name, part in list(block.named_children()):
            if isinstance(part, nn.Linear):
                setattr(block, name, Int8Linear(part))
    return model


def int8_copy(model: Text2Semantic) -> Text2Semantic:
    """Return a copy with weights of eight bits; `model` stays as it is. Parts that are not converted are shared."""
    return to_int8(copy.deepcopy(model, {id(parameter): parameter for parameter in model.parameters()}))


@functools.cache
def int8_kernel() -> str:
    """Return the product that this torch has on this machine, "fbgemm" or "bf16": they round differently, so tokens differ."""
    return "bf16" if _packed(nn.Linear(16, 16)) is None else "fbgemm"


def _rounded(linear: nn.Linear, peaks: Tensor) -> tuple[Tensor, Tensor]:
    """Return whole numbers `[out, in]`, and the scale of each row `[out]`, which maps its peak `[out]` to 127."""
    scale = (peaks / _LEVELS).clamp(min=1e-12)
    return (linear.weight / scale[:, None]).round().to(torch.int8).contiguous(), scale


def _pair_peaks(weight: Tensor) -> Tensor:
    """Return the largest sum of two neighbours of one sign in each row.

    Without VNNI, processors add the products of such a pair in sixteen bits: 255 times 127, rounding included, still fits.
    """
    pairs = F.pad(weight, (0, weight.shape[1] % 2)).unflatten(1, (-1, 2))
    return torch.maximum(pairs.clamp(min=0).sum(-1), -pairs.clamp(max=0).sum(-1)).amax(dim=1)


def _packed(linear: nn.Linear) -> Callable[[Tensor], Tensor] | None:
    """Return FBGEMM's product, or None if there is none."""
    weight, scale = _rounded(linear, _pair_peaks(linear.weight))
    bias = linear.bias if linear.bias is not None else torch.zeros(len(weight))
    sums, no_bias = weight.sum(dim=1, dtype=torch.int32), torch.zeros(len(weight))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch tells of its intention once, when each part is first used
            packed = torch.fbgemm_pack_quantized_matrix(weight)

            def product(x: Tensor) -> Tensor:
                whole = torch.fbgemm_linear_int8_weight_fp32_activation(x, weight, packed, sums, 1.0, 0, no_bias)
                return torch.addcmul(bias, whole, scale)

            product(torch.zeros(1, weight.shape[1]))
    except (AttributeError, RuntimeError) as error:
        log.warning(
            "This torch has no product of eight-bit matrices (%s). The slower one with sixteen-bit inputs is used.", error
        )
        return None
    return product


def _weight_only(linear: nn.Linear) -> Callable[[Tensor], Tensor]:
    """Multiply inputs in bfloat16; with many rows, expand the weights and use the ordinary product."""
    weight, scale = _rounded(linear, linear.weight.abs().amax(dim=1))
    coarse_scale, bias = scale.bfloat16(), linear.bias

    def product(x: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        if len(rows) > _FEW_ROWS:
            return F.linear(x, weight * scale[:, None], bias)
        y = torch._weight_int8pack_mm(rows.bfloat16(), weight, coarse_scale).float().view(*x.shape[:-1], -1)
        return y if bias is None else y + bias

    return product
