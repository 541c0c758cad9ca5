"""The weights file of a voice from trained networks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save_file
from torch import nn

TRAINING_ONLY = ("codebook.uses", "codebook.sums")


def as_shipped(network: nn.Module) -> nn.Module:
    """Round the weights of `network` as in a voice's file; return it."""
    for name, tensor in network.state_dict().items():
        if name not in TRAINING_ONLY:
            tensor.copy_(tensor.half().float())
    return network


def save_weights(networks: Mapping[str, nn.Module], path: Path) -> None:
    """Write float16 safetensors, named NETWORK.PARAMETER. Figures on a card are measured with these rounded weights."""
    tensors = {
        f"{network}.{name}": tensor.half().contiguous()
        for network, module in networks.items()
        for name, tensor in module.state_dict().items()
        if name not in TRAINING_ONLY
    }
    save_file(tensors, path)
    path.chmod(0o644)  # the library writes owner-only files
