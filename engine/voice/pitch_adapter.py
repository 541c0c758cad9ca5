"""A pitch adapter on disk: `adapter.safetensors` and a small card, `adapter.toml`, in a folder of its own or beside the voice it is for."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from engine.errors import OutputError, VoiceError
from engine.model.gpt_sovits.adapter import PitchAdapter
from engine.model.gpt_sovits.config import GptConfig, SovitsConfig

from .adapter_card import CARD_NAME, FORMAT_VERSION, KIND, WEIGHTS_NAME, adapter_place, read_adapter_card
from .card import VoiceCard, read_card, sha256_of


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


def install_adapter(adapter: Path, voice_folder: Path) -> Path:
    """Copies an adapter into the folder of its voice, in place of one that may be there; returns where it is.

    The card is taken away first and written last: whatever happens, there is a whole adapter or none. Raises VoiceError if the adapter is
    another voice's or damaged, OutputError if it cannot be written.
    """
    load_adapter(adapter, read_card(voice_folder))
    place = adapter_place(voice_folder)
    try:
        if place.exists() and place.samefile(adapter):
            return place
        place.mkdir(exist_ok=True)
        (place / CARD_NAME).unlink(missing_ok=True)
        for name in (WEIGHTS_NAME, CARD_NAME):
            part = place / f".{name}.part"
            shutil.copyfile(adapter / name, part)
            os.replace(part, place / name)
    except OSError as error:
        raise OutputError(f"The pitch adapter cannot be written to {place}: {error}.") from error
    return place


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
