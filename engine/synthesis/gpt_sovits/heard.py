"""What a voice hears in its reference clip, kept on disk: HuBERT and the speaker network are large and slow, and hear the same every time."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

log = logging.getLogger(__name__)

_VERSION = 1  # raise when the same clip would be heard differently


@dataclass(frozen=True, eq=False)
class Heard:
    """The embedding `ge` `[1, gin, 1]` and the codes `prompt` `[P]`, empty where there are none."""

    ge: Tensor
    prompt: Tensor


@dataclass(frozen=True)
class HeardCache:
    """A folder of safetensors files, a few kilobytes per voice. A damaged one counts as missing."""

    folder: Path

    def load(self, key: Sequence[str]) -> Heard | None:
        """What was heard under `key`: texts that name voice, clip and encoders."""
        try:
            kept = load_file(self._path(key))
            ge, prompt = kept["ge"], kept["prompt"]
        except (OSError, SafetensorError, KeyError):
            return None
        fits = ge.dtype == torch.float32 and ge.ndim == 3 and prompt.dtype == torch.long and prompt.ndim == 1
        return Heard(ge, prompt) if fits and bool(torch.isfinite(ge).all()) else None

    def store(self, key: Sequence[str], heard: Heard) -> None:
        """Keep it; a full or read-only disk only costs the next run its head start."""
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as stream:
                part = Path(stream.name)
            try:
                save_file({"ge": heard.ge.contiguous(), "prompt": heard.prompt.contiguous()}, part)
                os.replace(part, path)
            finally:
                part.unlink(missing_ok=True)
        except (OSError, SafetensorError) as error:
            log.warning(
                "The folder %s cannot be written (%s); the reference clip is heard again next time.", self.folder, error
            )

    def _path(self, key: Sequence[str]) -> Path:
        digest = hashlib.sha256("\n".join((str(_VERSION), *key)).encode()).hexdigest()[:40]
        return self.folder / f"{digest}.safetensors"
