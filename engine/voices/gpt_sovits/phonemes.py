"""Result of a front end for running text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Phonemes:
    """Symbols as in `networks.symbols`, marks among them, and full sentences about what could not be read as written."""

    symbols: tuple[str, ...]
    notices: tuple[str, ...] = ()


def unread_notice(signs: str, language: str) -> str:
    """Return a notice about signs that were left out of a text in `language`."""
    return f"Nothing reads the sign{'s' * (len(signs) > 1)} {' '.join(signs)} in {language}; left out."
