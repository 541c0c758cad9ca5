"""Cards of pitch adapters, `adapter.toml`: the voice that an adapter belongs to and how it was trained. Reading one imports no torch."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import VoiceError

KIND, FORMAT_VERSION = "pitch-adapter", 1
WEIGHTS_NAME, CARD_NAME = "adapter.safetensors", "adapter.toml"
_INSTALLED = "adapter"  # in a voice's folder


@dataclass(frozen=True)
class AdapterCard:
    """The voice of an adapter (name and checksum of its weights), the checksum of the adapter, and how it was trained."""

    voice: str
    voice_sha256: str
    sha256: str
    training: Mapping[str, object]


def adapter_place(voice_folder: Path) -> Path:
    """Return the folder in which the adapter of a voice is installed."""
    return voice_folder / _INSTALLED


def installed_adapter(voice_folder: Path) -> Path | None:
    """Return the folder of the installed adapter, or None if its card is not there."""
    folder = adapter_place(voice_folder)
    return folder if (folder / CARD_NAME).is_file() else None


def read_adapter_card(folder: Path) -> AdapterCard:
    """Read the card in `folder`. Raises VoiceError naming what is missing or wrong."""
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
