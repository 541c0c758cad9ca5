"""A voice by name or folder, ready to sing, whatever its kind: the only place that knows all kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from engine.errors import VoiceError
from engine.voice.card import VoiceCard, read_card
from engine.voice.catalogue import STARTER_NAME, find_voice
from engine.voice.types import Voice


def load_voice(name_or_path: str, extra: Sequence[Path] = (), *, features: Path | None = None) -> Voice:
    """A voice ready to sing. Raises VoiceError if it is missing, damaged or of an unknown kind.

    `extra` are folders of voices; `features` is the folder with the encoders of GPT-SoVITS voices, which may lack some or all of them.
    """
    folder = find_voice(name_or_path, extra)
    card = read_card(folder)
    loader = _LOADERS.get(card.kind)
    if loader is None:
        raise VoiceError(f"Voice '{card.name}' is of kind '{card.kind}'; this version sings: {', '.join(sorted(_LOADERS))}.")
    return loader(folder, card, features)


def _starter(folder: Path, card: VoiceCard, features: Path | None) -> Voice:
    from engine.voice.starter import load_starter  # torch is loaded only when a voice is

    return load_starter(folder, card)


def _gpt_sovits(folder: Path, card: VoiceCard, features: Path | None) -> Voice:
    from .gpt_sovits.features import FeatureFolder
    from .gpt_sovits.speech import Talker
    from .gpt_sovits.voice import GptSovitsVoice

    encoders = FeatureFolder(features)
    return GptSovitsVoice(Talker(folder, encoders), load_voice(STARTER_NAME), encoders)


_LOADERS: dict[str, Callable[[Path, VoiceCard, Path | None], Voice]] = {"starter": _starter, "gpt-sovits": _gpt_sovits}
