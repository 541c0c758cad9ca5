"""Languages behind one interface (`base.Language`).

A language is a row in `engine.languages.LANGUAGES`. eSpeak NG reads it, or the class that the row names (a module here).
"""

from __future__ import annotations

import functools
import importlib

from engine.languages import LANGUAGES, language_code

from .base import BaseLanguage, Language, Pronunciation, is_han, is_hangul, is_kana
from .espeak import EspeakLanguage


@functools.cache
def language_for(code: str) -> Language | None:
    """Return the language of a code such as "en" or "zh-CN"; None if there are no rules for it."""
    known = language_code(code)
    if known is None:
        return None
    row = LANGUAGES[known]
    if not row.rules:
        return EspeakLanguage(known, row.espeak_voice)
    module, _, name = row.rules.rpartition(".")
    language: Language = getattr(importlib.import_module(module), name)()
    return language


__all__ = ["LANGUAGES", "BaseLanguage", "Language", "Pronunciation", "is_han", "is_hangul", "is_kana", "language_for"]
