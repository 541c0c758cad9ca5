"""Folders of voices: those of the package, then those of the user. `engine.voices.load` loads a voice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.errors import VoiceError

from .card import VoiceCard, read_card

STARTER_NAME = "kathleen"
_PACKAGED = Path(__file__).parent / "embedded"


def voice_folders(extra: Sequence[Path] = ()) -> dict[str, Path]:
    """Return voice folders by name; a user's folder hides a packaged voice of the same name."""
    found: dict[str, Path] = {}
    for root in (_PACKAGED, *extra):
        if root.is_dir():
            found.update({path.parent.name: path.parent for path in sorted(root.glob("*/card.toml"))})
    return found


def find_voice(name_or_path: str, extra: Sequence[Path] = ()) -> Path:
    """Return the folder of a voice given by name or by path. Raises VoiceError listing the installed voices."""
    folders = voice_folders(extra)
    if name_or_path in folders:
        return folders[name_or_path]
    path = Path(name_or_path).expanduser()
    if (path / "card.toml").is_file():
        return path
    raise VoiceError(
        f"No voice '{name_or_path}'. Installed: {', '.join(sorted(folders)) or 'none'}; or give the path of a voice folder."
    )


def load_card(name_or_path: str, extra: Sequence[Path] = ()) -> VoiceCard:
    """Read the card alone, which is quick and loads no networks."""
    return read_card(find_voice(name_or_path, extra))
