"""The Vocalese engine: score and words in, voice out. It does not know OSC, MIDI ports, sound cards, DAWs or the system clock.

    score  →  lyrics  →  performance  →  voice (networks)  →  render  →  samples

This package is the whole public interface. `__init__.pyi` lists its names; a module is imported when one of its names is first used, so that
`vocalese --help` stays fast.
"""

from typing import Any

import lazy_loader

from .errors import naming_extras

_TRAINING = ("AdaptOptions", "Recipe", "adapt_voice", "read_recipe", "train_voice")
_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    """Import the module of a public name. Raises MissingExtraError where that needs a package that is not installed."""
    purpose, extra = ("Training a voice", "train") if name in _TRAINING else (f"engine.{name}", "")
    with naming_extras(purpose, extra):
        return _load(name)
