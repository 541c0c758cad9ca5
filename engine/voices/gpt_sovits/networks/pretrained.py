"""Folders of pretrained encoders as on model hubs: `config.json` and weights, read without executing anything in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.errors import VoiceError

CONFIG_FILE, WEIGHT_FILES = "config.json", ("model.safetensors", "pytorch_model.bin")
_MOST_LAYERS, _WIDEST = 96, 8192

Network = TypeVar("Network", bound=nn.Module)


def weights_file(folder: Path) -> Path | None:
    """Return the weights in a folder that also has a configuration; None if either is missing."""
    if not (folder / CONFIG_FILE).is_file():
        return None
    return next((folder / name for name in WEIGHT_FILES if (folder / name).is_file()), None)


def read_config(folder: Path) -> dict[str, Any]:
    """Read the configuration of an encoder. Raises VoiceError if it cannot be read."""
    path = folder / CONFIG_FILE
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise VoiceError(f"{path} cannot be read ({error}). Fetch the folder again: vocalese voice fetch.") from error
    if not isinstance(config, dict):
        raise VoiceError(f"{path} holds no settings. Fetch the folder again: vocalese voice fetch.")
    return config


def whole(config: Mapping[str, Any], name: str, folder: Path) -> int:
    """Return a size from the configuration. Raises VoiceError unless it is a sensible whole number."""
    value, most = config.get(name), _MOST_LAYERS if "num_" in name else _WIDEST
    if type(value) is not int or not 0 < value <= most:
        raise VoiceError(f"{folder / CONFIG_FILE} gives {value!r} for {name}; it must be a number from 1 to {most}.")
    return value


def load_weights(network: Network, folder: Path, *, prefix: str) -> Network:
    """Load the folder's weights into `network` in float32; their names are the network's own, with or without `prefix`. Raises
    VoiceError.
    """
    path = weights_file(folder)
    if path is None:
        raise VoiceError(f"{folder} has no {CONFIG_FILE} with {' or '.join(WEIGHT_FILES)}. See: vocalese voice fetch.")
    weights = {_modern(name.removeprefix(prefix)): tensor.float() for name, tensor in _read(path).items()}
    known = network.state_dict()
    missing = sorted(set(known) - set(weights))
    if missing:
        raise VoiceError(
            f"{path} lacks '{missing[0]}' and {len(missing) - 1} more weights. It is another network, or incomplete."
        )
    misfit = next((name for name in known if known[name].shape != weights[name].shape), None)
    if misfit is not None:
        raise VoiceError(
            f"{path}: '{misfit}' has the shape {tuple(weights[misfit].shape)}, {tuple(known[misfit].shape)} is needed."
        )
    if not all(torch.isfinite(weights[name]).all() for name in known):
        raise VoiceError(f"{path} holds values that are not numbers. Fetch it again: vocalese voice fetch.")
    network.load_state_dict({name: weights[name] for name in known})
    return network.eval().requires_grad_(False)


def _read(path: Path) -> dict[str, Tensor]:
    """Read tensors by name. Only tensors and plain containers are made, whatever the file holds."""
    try:
        content = load_file(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        if isinstance(error, MemoryError):
            raise
        raise VoiceError(f"{path} is damaged or holds more than weights. Fetch it again: vocalese voice fetch.") from error
    if not isinstance(content, dict) or not all(isinstance(tensor, Tensor) for tensor in content.values()):
        raise VoiceError(f"{path} holds no table of weights. Fetch it again: vocalese voice fetch.")
    return content


def _modern(name: str) -> str:
    """Translate names that changed with the libraries: norms of old BERT files, weight norm of new HuBERT files."""
    name = name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
    return name.replace("parametrizations.weight.original0", "weight_g").replace(
        "parametrizations.weight.original1", "weight_v"
    )
