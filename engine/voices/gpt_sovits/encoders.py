"""Encoders of GPT-SoVITS voices, from a folder of the user. None is part of Vocalese; all are optional.

HuBERT encodes the reference clip, whose way of speaking then continues; BERT reads Chinese text; the speaker network is copied into v2Pro
and v2ProPlus voices at import.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from .networks.bert import Bert, load_bert
from .networks.hubert import Hubert, load_hubert
from .networks.pretrained import weights_file

HUB_REPOSITORY = "lj1995/GPT-SoVITS"
_HUBERT, _BERT, _SPEAKER = "chinese-hubert-base", "chinese-roberta-wwm-ext-large", "sv"
SPEAKER_FILE = f"{_SPEAKER}/pretrained_eres2netv2w24s4ep4.ckpt"
_HASHED_BYTES = 1 << 20


@dataclass(frozen=True)
class FeatureFile:
    """A file by its path in the hub's repository (and in the folder), with its purpose."""

    path: str
    purpose: str


FEATURE_FILES = (
    *(FeatureFile(f"{_HUBERT}/{name}", "hears the reference clip") for name in ("config.json", "pytorch_model.bin")),
    *(FeatureFile(f"{_BERT}/{name}", "reads Chinese") for name in ("config.json", "tokenizer.json", "pytorch_model.bin")),
    FeatureFile(SPEAKER_FILE, "hears the speaker, for v2Pro and v2ProPlus"),
)


@dataclass(frozen=True)
class FeatureFolder:
    """A folder of encoders; `path` None stands for an empty one."""

    path: Path | None = None

    @property
    def hubert(self) -> Path | None:
        """The folder of HuBERT, or None if it is incomplete."""
        return self._complete(_HUBERT)

    @property
    def bert(self) -> Path | None:
        """The folder of BERT, or None if it is incomplete."""
        return self._complete(_BERT)

    @property
    def speaker_file(self) -> Path | None:
        """The official file of the speaker network, or None if it is missing."""
        path = None if self.path is None else self.path / SPEAKER_FILE
        return path if path is not None and path.is_file() else None

    def load_hubert(self) -> Hubert | None:
        """Load HuBERT; None if it is missing. Raises VoiceError if it is damaged."""
        return None if self.hubert is None else load_hubert(self.hubert)

    def load_bert(self) -> Bert | None:
        """Load BERT; None if it is missing. Raises VoiceError if it is damaged."""
        return None if self.bert is None else load_bert(self.bert)

    @property
    def fingerprint(self) -> str:
        """A text that differs for other encoders (size and first bytes of their weights), since these change the sound of a voice."""
        return "+".join(_fingerprint(folder) for folder in (self.hubert, self.bert))

    def _complete(self, name: str) -> Path | None:
        if self.path is None or weights_file(self.path / name) is None:
            return None
        return self.path / name


def _fingerprint(folder: Path | None) -> str:
    path = None if folder is None else weights_file(folder)
    if path is None:
        return "none"
    with path.open("rb") as stream:
        return f"{hashlib.sha256(stream.read(_HASHED_BYTES)).hexdigest()[:12]}-{path.stat().st_size}"
