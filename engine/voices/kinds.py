"""Registry of voice kinds. A kind is a folder of code with a module `kind.py` that states a `VoiceKind` named `KIND`.

To add a kind: make the folder and add its row to `KIND_MODULES`. `kind.py` is imported to read cards, so it imports networks inside functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from engine.lyrics.dictionary import UserDictionary

if TYPE_CHECKING:
    from .card import VoiceCard
    from .gpt_sovits.settings import ImportedSettings
    from .types import Voice

KIND_MODULES: Mapping[str, str] = {  # kind as cards name it: its module
    "starter": "engine.voices.starter.kind",
    "gpt-sovits": "engine.voices.gpt_sovits.kind",
}


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """Arguments of `load_voice` that only some kinds use.

    `features` is the folder of encoder networks, `imported` the settings of imported voices, `load_reference` loads the starter voice.
    """

    features: Path | None
    imported: ImportedSettings
    load_reference: Callable[[], Voice]


@dataclass(frozen=True)
class PhonemeReading:
    """Phonemes by the names of a kind's inventory, and full sentences about text that could not be read as written."""

    phonemes: tuple[str, ...]
    notices: tuple[str, ...] = ()


def _accept(card: VoiceCard) -> None:
    """Accept any card."""


@dataclass(frozen=True, kw_only=True)
class VoiceKind:
    """Properties of a kind of voice.

    `gain` is the factor from its samples to the level of a stem (about -18 dBFS RMS at velocity 96), unless a card gives another. `load`
    returns the voice of a folder. `check_card` raises VoiceError for a card that this kind cannot use. `reads_text`: the voice pronounces
    words itself and may take its own time to speak. `uses_import_settings`: it has a pitch adapter, a precision and a device to choose.
    `figures_in_words(text, language)` writes numbers out; None: by the rules of `engine.lyrics`. `read_phonemes(text, language,
    dictionary, card)` reads a text for display, with card None for any voice of the kind; None: by a plan.
    """

    name: str
    gain: float
    load: Callable[[Path, VoiceCard, LoadOptions], Voice]
    check_card: Callable[[VoiceCard], None] = _accept
    reads_text: bool = False
    uses_import_settings: bool = False
    figures_in_words: Callable[[str, str], str] | None = None
    read_phonemes: Callable[[str, str, UserDictionary | None, VoiceCard | None], PhonemeReading] | None = None


def find_kind(name: str) -> VoiceKind | None:
    """Return the kind of that name, or None if this version has none."""
    module = KIND_MODULES.get(name)
    return None if module is None else import_module(module).KIND
