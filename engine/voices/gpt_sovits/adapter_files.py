"""Pitch adapters on disk: `adapter.safetensors` and a card, `adapter.toml`, in a separate folder or in the folder of the voice."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from engine.errors import OutputError, VoiceError
from engine.files import replacing, toml_text, write_text
from engine.voices.card import VoiceCard, read_card, sha256_of

from .adapter_card import CARD_NAME, FORMAT_VERSION, KIND, WEIGHTS_NAME, adapter_place, read_adapter_card
from .networks.adapter import PitchAdapter
from .networks.config import GptConfig, SovitsConfig


def save_adapter(adapter: PitchAdapter, folder: Path, voice: VoiceCard, training: Mapping[str, str | int | float]) -> Path:
    """Write the adapter of `voice` into `folder`, the card last; return the folder. Raises OutputError if it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / WEIGHTS_NAME) as part:
            save_file({name: tensor.contiguous() for name, tensor in adapter.state_dict().items()}, part)
            part.chmod(0o644)  # the library writes owner-only files
        card = {
            "format": FORMAT_VERSION,
            "kind": KIND,
            "voice": voice.name,
            "voice_sha256": voice.sha256,
            "sha256": sha256_of(folder / WEIGHTS_NAME),
            "training": training,
        }
        write_text(folder / CARD_NAME, toml_text(card))
    except (OSError, SafetensorError) as error:
        raise OutputError(f"The pitch adapter cannot be written to {folder}: {error}.") from error
    return folder


def install_adapter(adapter: Path, voice_folder: Path) -> Path:
    """Copy an adapter into the folder of its voice, replacing an earlier one; return its place.

    The card is deleted first and written last, so the folder never holds half an adapter. Raises VoiceError if the adapter belongs to
    another voice or is damaged, OutputError if it cannot be written.
    """
    load_adapter(adapter, read_card(voice_folder))
    place = adapter_place(voice_folder)
    try:
        if place.exists() and place.samefile(adapter):
            return place
        place.mkdir(exist_ok=True)
        (place / CARD_NAME).unlink(missing_ok=True)
        for name in (WEIGHTS_NAME, CARD_NAME):
            with replacing(place / name) as part:
                shutil.copyfile(adapter / name, part)
    except OSError as error:
        raise OutputError(f"The pitch adapter cannot be written to {place}: {error}.") from error
    return place


def load_adapter(folder: Path, voice: VoiceCard) -> PitchAdapter:
    """Load the adapter of `voice` from `folder`. Raises VoiceError if it belongs to another voice, is damaged or incomplete."""
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
