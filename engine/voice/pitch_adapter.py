"""A pitch adapter on disk: `adapter.safetensors` and a small card, `adapter.toml`, in a folder of its own or beside the voice it is for."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from engine.errors import OutputError, VoiceError
from engine.model.gpt_sovits.adapter import PitchAdapter
from engine.model.gpt_sovits.config import GptConfig, SovitsConfig

from .card import VoiceCard, sha256_of

KIND, FORMAT_VERSION = "pitch-adapter", 1
WEIGHTS_NAME, CARD_NAME = "adapter.safetensors", "adapter.toml"


@dataclass(frozen=True)
class AdapterCard:
    """Which voice an adapter is for (the checksum of its weights), its own checksum, and how it was trained."""

    voice: str
    voice_sha256: str
    sha256: str
    training: Mapping[str, object]


def save_adapter(adapter: PitchAdapter, folder: Path, voice: VoiceCard, training: Mapping[str, str | int | float]) -> Path:
    """Writes the adapter of `voice` into `folder`, the card last. Raises OutputError if that cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".{WEIGHTS_NAME}.part"
        save_file({name: tensor.contiguous() for name, tensor in adapter.state_dict().items()}, part)
        part.chmod(0o644)  # the library writes owner-only files
        os.replace(part, folder / WEIGHTS_NAME)
        lines = [
            f"format = {FORMAT_VERSION}",
            f'kind = "{KIND}"',
            f"voice = {_text(voice.name)}",
            f'voice_sha256 = "{voice.sha256}"',
            f'sha256 = "{sha256_of(folder / WEIGHTS_NAME)}"',
            "",
            "[training]",
            *(f"{name} = {_text(value) if isinstance(value, str) else value}" for name, value in training.items()),
        ]
        part = folder / f".{CARD_NAME}.part"
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
        os.replace(part, folder / CARD_NAME)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"The pitch adapter cannot be written to {folder}: {error}.") from error
    return folder


def read_adapter_card(folder: Path) -> AdapterCard:
    """Raises VoiceError naming what is missing or wrong."""
    path = folder / CARD_NAME
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VoiceError(f"{folder} holds no pitch adapter: {CARD_NAME} cannot be read ({error.strerror or error}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise VoiceError(f"The card {path} is not valid TOML: {error}.") from error
    if (values.get("kind"), values.get("format")) != (KIND, FORMAT_VERSION):
        raise VoiceError(f"{path} is not the card of a pitch adapter of format {FORMAT_VERSION}. Train the adapter again.")
    texts = {name: values.get(name) for name in ("voice", "voice_sha256", "sha256")}
    if not all(isinstance(text, str) for text in texts.values()) or not isinstance(values.get("training", {}), dict):
        raise VoiceError(f"{path} lacks voice, voice_sha256 or sha256. Train the adapter again.")
    return AdapterCard(**{name: str(text) for name, text in texts.items()}, training=values.get("training", {}))


def load_adapter(folder: Path, voice: VoiceCard) -> PitchAdapter:
    """The adapter in `folder`, which must be one for `voice`. Raises VoiceError if it is another's, damaged or incomplete."""
    card, path = read_adapter_card(folder), folder / WEIGHTS_NAME
    if card.voice_sha256 != voice.sha256:
        raise VoiceError(
            f"The pitch adapter in {folder} was trained for '{card.voice}' with other weights than those of '{voice.name}'. "
            "Train one for this voice: vocalese voice adapt."
        )
    if not path.is_file() or sha256_of(path) != card.sha256:
        raise VoiceError(f"{path} is missing, damaged or was changed. Train the adapter again, or copy it again.")
    with torch.device("meta"):
        adapter = PitchAdapter(GptConfig.from_table(voice.model.get("gpt")), SovitsConfig.from_table(voice.model.get("sovits")))
    try:
        adapter.load_state_dict(load_file(path), assign=True)
    except (SafetensorError, RuntimeError) as error:
        raise VoiceError(f"{path} does not fit the voice '{voice.name}'. Train the adapter again.") from error
    return adapter.eval().requires_grad_(False)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
