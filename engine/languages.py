"""Registry of the languages that can be read, with their tags and names. Imports no rules, so that a help text may list them.

To add a language, add a row to `LANGUAGES` and, unless eSpeak NG reads it, a module with its class to `engine/lyrics/languages`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class LanguageRow(NamedTuple):
    """Name and rules of a language.

    `rules` is the class with its `engine.lyrics.languages.base.Language`, by its full name; "" for the rules of eSpeak NG, whose voice is
    `espeak_voice`. `scripts` are named as in Unicode; all languages read Latin letters.
    """

    name: str
    rules: str = ""
    espeak_voice: str = ""
    scripts: tuple[str, ...] = ()


_RULES = "engine.lyrics.languages"
LANGUAGES: Mapping[str, LanguageRow] = MappingProxyType(
    {
        "en": LanguageRow("English", f"{_RULES}.english.English"),
        "zh": LanguageRow("Mandarin", f"{_RULES}.mandarin.Mandarin", scripts=("Han",)),
        "ja": LanguageRow("Japanese", f"{_RULES}.japanese.Japanese", scripts=("Han", "Kana")),
        "ko": LanguageRow("Korean", f"{_RULES}.korean.Korean", scripts=("Hangul",)),
        "yue": LanguageRow("Cantonese", f"{_RULES}.cantonese.Cantonese", scripts=("Han",)),
        "de": LanguageRow("German", espeak_voice="de"),
        "fr": LanguageRow("French", espeak_voice="fr"),
        "es": LanguageRow("Spanish", espeak_voice="es"),
        "it": LanguageRow("Italian", espeak_voice="it"),
        "pt": LanguageRow("Portuguese", espeak_voice="pt"),
        "la": LanguageRow("Latin", espeak_voice="it"),  # church pronunciation: respelled, then read by Italian rules
    }
)
_OTHER_TAGS = {
    "zh-yue": "yue", "zh-hk": "yue", "cmn": "zh", "zho": "zh", "chi": "zh", "eng": "en", "jpn": "ja", "kor": "ko", "deu": "de", "ger": "de",
    "fra": "fr", "fre": "fr", "spa": "es", "ita": "it", "por": "pt", "lat": "la",
}  # fmt: skip
# Languages without rules, so that notices can name them.
_OTHER_NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech", "da": "Danish", "el": "Greek", "eo": "Esperanto", "fa": "Persian",
    "fi": "Finnish", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "is": "Icelandic",
    "nb": "Norwegian", "nl": "Dutch", "nn": "Norwegian", "no": "Norwegian", "pl": "Polish", "ro": "Romanian", "ru": "Russian",
    "sk": "Slovak", "sl": "Slovene", "sr": "Serbian", "sv": "Swedish", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "vi": "Vietnamese",
}  # fmt: skip


def language_code(tag: str) -> str | None:
    """Return the code of a tag such as "en", "zh-CN" or "de_AT"; None if the language has no rules."""
    tag = tag.strip().lower().replace("_", "-")
    tag = next((known for other, known in _OTHER_TAGS.items() if f"{tag}-".startswith(f"{other}-")), tag)
    code = tag.split("-")[0]
    return code if code in LANGUAGES else None


def language_name(tag: str) -> str:
    """Return the English name of a language with its tag, "Polish ('pl')"; only the quoted tag if the name is unknown."""
    shown = "".join(c if c.isprintable() else "\ufffd" for c in tag[:24])
    code = language_code(tag)
    name = LANGUAGES[code].name if code else _OTHER_NAMES.get(tag.lower().replace("_", "-").split("-")[0])
    return f"{name} ('{shown}')" if name else f"'{shown}'"


def languages_of_script(script: str) -> tuple[str, ...]:
    """Return the codes of the languages that are written in a script such as "Han" or "Cyrillic", Latin aside."""
    return tuple(code for code, row in LANGUAGES.items() if script in row.scripts)
