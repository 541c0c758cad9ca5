"""File names that every system accepts, made from titles."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import count
from pathlib import Path

MAX_NAME_BYTES = 200  # bytes of UTF-8; file systems allow 255, the rest is for "-12" and temporary suffixes
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{digit}" for port in ("com", "lpt") for digit in "123456789¹²³"]
)
_UNSAFE = re.compile(r'[<>:"/\\|?*]')
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def safe_name(title: str, track: str = "", suffix: str = ".wav", *, number: int = 1) -> str:
    """Return `"title - track.wav"` without characters that are unsafe on any file system or in a shell.

    Letters of all scripts stay (NFC), unsafe characters become "_", invisible ones are removed. An empty name becomes
    `track-<number>`.
    """
    parts = [part for part in (_clean(title), _clean(track)) if part]
    base = _shorten(" - ".join(parts), MAX_NAME_BYTES - len(suffix.encode()))
    base = base or f"track-{number}"
    if base.split(".")[0].strip().lower() in _RESERVED:
        base = f"_{base}"
    return base + suffix


def stem_names(title: str, tracks: Iterable[str], suffix: str = ".wav") -> list[str]:
    """Return one name per track, unique also on case-insensitive file systems: the second "Lead" is "Lead-2"."""
    taken: set[str] = set()
    names = []
    for number, track in enumerate(tracks, start=1):
        name = _first_free(safe_name(title, track or f"track-{number}", suffix, number=number), suffix, taken)
        taken.add(name.casefold())
        names.append(name)
    return names


def free_path(path: Path) -> Path:
    """Return the path, or the first "name 2.wav" that does not exist."""
    if not path.exists():
        return path
    return next(copy for number in count(2) if not (copy := path.with_stem(f"{path.stem} {number}")).exists())


def _first_free(name: str, suffix: str, taken: set[str]) -> str:
    base, copy, candidate = name.removesuffix(suffix), 1, name
    while candidate.casefold() in taken:
        copy += 1
        candidate = f"{base}-{copy}{suffix}"
    return candidate


def _clean(text: str) -> str:
    visible = "".join(_replacement(character) for character in unicodedata.normalize("NFC", text))
    words = " ".join(_UNSAFE.sub("_", visible).split())
    # Leading dots hide a file, leading hyphens look like options, Windows drops trailing dots and spaces.
    return words.lstrip(" .-").rstrip(" .")


def _replacement(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    if category == "Cs" or character in _BIDI_CONTROLS:
        return ""
    return character


def _shorten(text: str, max_bytes: int) -> str:
    """Shorten a name to `limit` bytes without splitting a character or an accent from its letter."""
    encoded = text.encode()
    if len(encoded) <= max_bytes:
        return text
    kept = encoded[:max_bytes].decode(errors="ignore")
    while kept and unicodedata.combining(text[len(kept)]):
        kept = kept[:-1]
    return kept.rstrip(" .")
