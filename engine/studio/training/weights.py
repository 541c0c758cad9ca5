"""Trained networks to a voice's weights file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save_file
from torch import nn

TRAINING_ONLY = ("codebook.uses", "codebook.sums")


def as_shipped(network: nn.Module) -> nn.Module:
    """`network` itself, its weights rounded as in a voice's file."""
    for name, tensor in network.state_dict().items():
        if name not in TRAINING_ONLY:
            tensor.copy_(tensor.half().float())
    return network


def save_weights(networks: Mapping[str, nn.Module], path: Path) -> None:
    """float16 safetensors, named NETWORK.PARAMETER: half the size; what a card says was measured is measured with these."""
    tensors = {
        f"{network}.{name}": tensor.half().contiguous()
        for network, module in networks.items()
        for name, tensor in module.state_dict().items()
        if name not in TRAINING_ONLY
    }
    save_file(tensors, path)
    path.chmod(0o644)  # the library writes owner-only files
