"""A voice by name or folder, ready to sing, whatever its kind: the only place that knows all kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from engine.errors import SettingsError, VoiceError
from engine.voice.adapter_card import installed_adapter
from engine.voice.card import VoiceCard, read_card
from engine.voice.catalogue import STARTER_NAME, find_voice
from engine.voice.types import Voice

from .gpt_sovits.settings import ImportedSettings


def load_voice(
    name_or_path: str,
    extra: Sequence[Path] = (),
    *,
    features: Path | None = None,
    imported: ImportedSettings = ImportedSettings(),  # noqa: B008 - frozen
) -> Voice:
    """A voice ready to sing. Raises VoiceError if it is missing, damaged or of an unknown kind.

    `extra` are folders of voices; `features` is the folder with the encoders of GPT-SoVITS voices, which may lack some or all of them;
    `imported` is how such voices are run. Raises SettingsError if that cannot be: no such device, or a setting that is not for this voice.
    """
    folder = find_voice(name_or_path, extra)
    card = read_card(folder)
    loader = _LOADERS.get(card.kind)
    if loader is None:
        raise VoiceError(f"Voice '{card.name}' is of kind '{card.kind}'; this version sings: {', '.join(sorted(_LOADERS))}.")
    return loader(folder, card, features, imported)


def _starter(folder: Path, card: VoiceCard, features: Path | None, imported: ImportedSettings) -> Voice:
    if imported.is_only_for_imported:
        raise SettingsError(
            f"'{card.name}' is no GPT-SoVITS voice; pitch adapters, weights of eight bits and CUDA are for those. Leave them out."
        )
    from engine.voice.starter import load_starter  # torch is loaded only when a voice is

    return load_starter(folder, card)


def _gpt_sovits(folder: Path, card: VoiceCard, features: Path | None, imported: ImportedSettings) -> Voice:
    from .gpt_sovits.features import FeatureFolder
    from .gpt_sovits.speech import Talker
    from .gpt_sovits.voice import GptSovitsVoice

    encoders = FeatureFolder(features)
    adapter = (imported.adapter or installed_adapter(folder)) if imported.has_adapter else None
    talker = Talker(folder, encoders, adapter=adapter, settings=imported)
    return GptSovitsVoice(talker, load_voice(STARTER_NAME), encoders)


_LOADERS: dict[str, Callable[[Path, VoiceCard, Path | None, ImportedSettings], Voice]] = {
    "starter": _starter,
    "gpt-sovits": _gpt_sovits,
}
