"""The kind "starter": the voices that this project trains."""

from __future__ import annotations

from pathlib import Path

from engine.voices.card import VoiceCard
from engine.voices.kinds import LoadOptions, VoiceKind
from engine.voices.types import Voice


def _load(folder: Path, card: VoiceCard, options: LoadOptions) -> Voice:
    from .voice import load_starter

    return load_starter(folder, card)


KIND = VoiceKind(name="starter", gain=1.4, load=_load)
