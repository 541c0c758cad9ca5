"""One module per language behind one interface (`base.Language`). A new language is a new module and a line in `LANGUAGES`."""

from __future__ import annotations

import functools
from collections.abc import Callable

from . import english, japanese, mandarin
from .base import Language, Pronunciation, is_han, is_kana

LANGUAGES: dict[str, Callable[[], Language]] = {
    "en": english.English,
    "ja": japanese.Japanese,
    "zh": mandarin.Mandarin,
}


@functools.cache
def language_for(code: str) -> Language | None:
    """The language of a code such as "en" or "zh-CN"; None if there are no rules for it."""
    make = LANGUAGES.get(code.lower().replace("_", "-").split("-")[0])
    return make() if make else None


__all__ = ["LANGUAGES", "Language", "Pronunciation", "is_han", "is_kana", "language_for"]
