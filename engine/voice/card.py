"""A voice's card: who it is, where it comes from, what it may be used for. Read from `card.toml` in the voice's folder."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from engine.errors import VoiceError

FORMAT_VERSION = 1
TEXT_READING_KIND = "gpt-sovits"


@dataclass(frozen=True, kw_only=True)
class VoiceCard:
    """Facts about a voice. `range_low`/`range_high` are MIDI pitches where it sounds natural."""

    name: str
    title: str
    kind: str
    languages: tuple[str, ...]
    range_low: float
    range_high: float
    sample_rate: int
    licence: str
    origin: str
    consent: str
    training_data: str
    weights: str
    sha256: str
    model: dict[str, object]
    training: dict[str, object]
    measured: dict[str, object]
    colours: tuple[str, ...] = ()  # names of the timbres that `colour` moves between; empty: just one

    @property
    def reads_text(self) -> bool:
        """Whether the voice pronounces words itself. The phones of its performances then are English ones: a sketch to align it by."""
        return self.kind == TEXT_READING_KIND


_REQUIRED: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "title": str,
    "kind": str,
    "languages": list,
    "range_low": (int, float),
    "range_high": (int, float),
    "sample_rate": int,
    "licence": str,
    "origin": str,
    "consent": str,
    "training_data": str,
    "weights": str,
    "sha256": str,
    "model": dict,
}


def read_card(folder: Path) -> VoiceCard:
    """The card of the voice in `folder`. Raises VoiceError naming what is missing or wrong."""
    path = folder / "card.toml"
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VoiceError(
            f"{folder} is not a voice: its card {path.name} cannot be read ({error.strerror or error})."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise VoiceError(f"The card {path} is not valid TOML: {error}.") from error
    if values.get("format") != FORMAT_VERSION:
        raise VoiceError(f"{path} has format {values.get('format')!r}; this version of Vocalese reads format {FORMAT_VERSION}.")
    for key, kind in _REQUIRED.items():
        if not isinstance(values.get(key), kind) or isinstance(values[key], bool):
            raise VoiceError(f"{path}: '{key}' is missing or not a {_type_name(kind)}.")
    if not values["languages"] or not all(isinstance(language, str) for language in values["languages"]):
        raise VoiceError(f"{path}: 'languages' is missing or not a list of language codes, as in [\"en\"].")
    known = {key: values[key] for key in _REQUIRED}
    known["languages"] = tuple(values["languages"])
    colours = values.get("colours", [])
    if not isinstance(colours, list) or not all(isinstance(name, str) for name in colours):
        raise VoiceError(f"{path}: 'colours' is not a list of names.")
    known["colours"] = tuple(colours)
    return VoiceCard(**known, training=values.get("training", {}), measured=values.get("measured", {}))


def weights_path(folder: Path, card: VoiceCard) -> Path:
    """The weights file named by the card, inside `folder`, with the checksum the card gives. Raises VoiceError otherwise."""
    path = folder / card.weights
    if Path(card.weights).name != card.weights or not path.is_file():
        raise VoiceError(f"Voice '{card.name}': weights file '{card.weights}' is not in {folder}.")
    digest = sha256_of(path)
    if digest != card.sha256:
        raise VoiceError(
            f"Voice '{card.name}': {card.weights} is damaged or was changed (SHA-256 {digest[:12]}…, the card says {card.sha256[:12]}…). "
            "Install the voice again."
        )
    return path


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _type_name(kind: type | tuple[type, ...]) -> str:
    names: dict[object, str] = {str: "text", list: "list", int: "whole number", dict: "table"}
    return names.get(kind, "number")
