"""Disk cache of reference conditioning: HuBERT and the speaker network are large, slow and deterministic."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.files import replacing

log = logging.getLogger(__name__)

_VERSION = 1  # raise when the same clip would be heard differently


@dataclass(frozen=True, eq=False)
class ReferenceConditioning:
    """The embedding `ge` `[1, gin, 1]` and the semantic tokens `prompt` `[P]`, empty if there are none."""

    ge: Tensor
    prompt: Tensor


@dataclass(frozen=True)
class ReferenceCache:
    """A folder of safetensors files, a few kilobytes per voice. A damaged file counts as missing."""

    folder: Path

    def load(self, key: Sequence[str]) -> ReferenceConditioning | None:
        """Return the conditioning stored under `key` (texts that name voice, clip and encoders), or None."""
        try:
            kept = load_file(self._path(key))
            ge, prompt = kept["ge"], kept["prompt"]
        except (OSError, SafetensorError, KeyError):
            return None
        fits = ge.dtype == torch.float32 and ge.ndim == 3 and prompt.dtype == torch.long and prompt.ndim == 1
        return ReferenceConditioning(ge, prompt) if fits and bool(torch.isfinite(ge).all()) else None

    def store(self, key: Sequence[str], heard: ReferenceConditioning) -> None:
        """Store the conditioning. If the disk is full or read-only, log a warning."""
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as part:
                save_file({"ge": heard.ge.contiguous(), "prompt": heard.prompt.contiguous()}, part)
        except (OSError, SafetensorError) as error:
            log.warning(
                "The folder %s cannot be written (%s); the reference clip is heard again next time.", self.folder, error
            )

    def _path(self, key: Sequence[str]) -> Path:
        digest = hashlib.sha256("\n".join((str(_VERSION), *key)).encode()).hexdigest()[:40]
        return self.folder / f"{digest}.safetensors"
