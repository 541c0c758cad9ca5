"""Cards of voices: name, origin, permitted use and level, read from `card.toml` in the folder of a voice."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from engine.errors import VoiceError

from .kinds import find_kind

FORMAT_VERSION = 1
_GAIN_LIMIT = 100.0


@dataclass(frozen=True, kw_only=True)
class VoiceCard:
    """Facts about a voice.

    `range_low` and `range_high` are the MIDI pitches between which it sounds natural. `gain` is the factor from its samples to the level of a
    stem. `colours` names the timbres that `colour` moves between; empty: one timbre only.
    """

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
    colours: tuple[str, ...] = ()
    gain: float = 1.0

    @property
    def reads_text(self) -> bool:
        """True if the voice pronounces words itself; its performances then hold approximate English phones for alignment."""
        kind = find_kind(self.kind)
        return kind is not None and kind.reads_text


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
    """Read the card of the voice in `folder`. Raises VoiceError naming what is missing or wrong."""
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
    for key, wanted in _REQUIRED.items():
        if not isinstance(values.get(key), wanted) or isinstance(values[key], bool):
            raise VoiceError(f"{path}: '{key}' is missing or not a {_type_name(wanted)}.")
    if not values["languages"] or not all(isinstance(language, str) for language in values["languages"]):
        raise VoiceError(f"{path}: 'languages' is missing or not a list of language codes, as in [\"en\"].")
    known = {key: values[key] for key in _REQUIRED}
    known["languages"] = tuple(values["languages"])
    colours = values.get("colours", [])
    if not isinstance(colours, list) or not all(isinstance(name, str) for name in colours):
        raise VoiceError(f"{path}: 'colours' is not a list of names.")
    known["colours"] = tuple(colours)
    kind = find_kind(values["kind"])
    gain = values.get("gain", kind.gain if kind else 1.0)
    if isinstance(gain, bool) or not isinstance(gain, int | float) or not 0 < gain <= _GAIN_LIMIT:
        raise VoiceError(f"{path}: 'gain' is not a number above 0, up to {_GAIN_LIMIT:g}.")
    card = VoiceCard(**known, gain=float(gain), training=values.get("training", {}), measured=values.get("measured", {}))
    if kind:
        kind.check_card(card)
    return card


def weights_path(folder: Path, card: VoiceCard) -> Path:
    """Return the path of the weights file that the card names. Raises VoiceError if it is not in `folder` or its checksum differs."""
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
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _type_name(kind: type | tuple[type, ...]) -> str:
    names: dict[object, str] = {str: "text", list: "list", int: "whole number", dict: "table"}
    return names.get(kind, "number")
