"""Load a voice of any kind by name or folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.errors import SettingsError, VoiceError

from .card import read_card
from .catalogue import STARTER_NAME, find_voice
from .gpt_sovits.settings import ImportedSettings
from .kinds import KIND_MODULES, LoadOptions, find_kind
from .types import Voice


def load_voice(
    name_or_path: str,
    extra: Sequence[Path] = (),
    *,
    features: Path | None = None,
    imported: ImportedSettings = ImportedSettings(),  # noqa: B008 - frozen
) -> Voice:
    """Return a voice, ready to sing. Raises VoiceError if it is missing, damaged or of an unknown kind.

    `extra` are folders of voices; `features` is the folder with the encoders of GPT-SoVITS voices, which may lack some or all of them;
    `imported` are the settings of such voices. Raises SettingsError for a device that is missing, or a setting that the voice does not have.
    """
    folder = find_voice(name_or_path, extra)
    card = read_card(folder)
    kind = find_kind(card.kind)
    if kind is None:
        raise VoiceError(
            f"Voice '{card.name}' is of kind '{card.kind}'; this version sings: {', '.join(sorted(KIND_MODULES))}."
        )
    if imported.is_only_for_imported and not kind.uses_import_settings:
        raise SettingsError(
            f"'{card.name}' is no GPT-SoVITS voice; pitch adapters, weights of eight bits and CUDA are for those. Leave them out."
        )
    options = LoadOptions(features=features, imported=imported, load_reference=lambda: load_voice(STARTER_NAME))
    return kind.load(folder, card, options)
