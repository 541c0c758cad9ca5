"""One module per language behind one interface (`base.Language`). A new language is a new module and a line in `LANGUAGES`."""

from __future__ import annotations

import functools
from collections.abc import Callable

from . import cantonese, english, japanese, korean, mandarin
from .base import Language, Pronunciation, is_han, is_hangul, is_kana

LANGUAGES: dict[str, Callable[[], Language]] = {
    "en": english.English,
    "zh": mandarin.Mandarin,
    "ja": japanese.Japanese,
    "ko": korean.Korean,
    "yue": cantonese.Cantonese,
}
_OTHER_TAGS = {"zh-yue": "yue", "zh-hk": "yue", "cmn": "zh"}


@functools.cache
def language_for(code: str) -> Language | None:
    """The language of a code such as "en" or "zh-CN"; None if there are no rules for it."""
    tag = code.lower().replace("_", "-")
    tag = next((known for other, known in _OTHER_TAGS.items() if f"{tag}-".startswith(f"{other}-")), tag)
    make = LANGUAGES.get(tag.split("-")[0])
    return make() if make else None


__all__ = ["LANGUAGES", "Language", "Pronunciation", "is_han", "is_hangul", "is_kana", "language_for"]
