"""A user's own pronunciations. They come before everything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from ..errors import LyricError
from .phones import parse_entries
from .text import normalise


@dataclass(frozen=True)
class UserDictionary:
    """Words (lower case) to ARPAbet phones with stress digits."""

    entries: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def get(self, word: str) -> tuple[str, ...] | None:
        return self.entries.get(word.lower())


def read_user_dictionary(path: Path | str) -> UserDictionary:
    """Read `word  PH ON ES` lines (UTF-8, ARPAbet in any case, `#` starts a comment). A later line replaces an earlier one."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise LyricError(f"The dictionary {path} cannot be read: {error.strerror or error}. Check the path.") from error
    except UnicodeDecodeError as error:
        raise LyricError(f"The dictionary {path} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error
    entries = {word.lower(): phones for _, word, phones in parse_entries(normalise(text), path.name)}
    return UserDictionary(MappingProxyType(entries))
