"""Lines of pronunciations, in our word list and in users' dictionaries: `word  PH ON ES`, ARPAbet, `#` starts a comment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.errors import LyricError

from .syllables import ARPABET, VOWELS, is_vowel, plain

MAX_PHONES = 200  # of one word


def parse_phones(symbols: Iterable[str]) -> tuple[str, ...]:
    """Parse ARPAbet symbols in any case, vowels with an optional stress digit. Raises LyricError with the first wrong one."""
    phones = tuple(symbol.upper() for symbol in symbols)
    for given, phone in zip(symbols, phones, strict=True):
        bare = plain(phone)
        is_stressed_right = phone == bare or (bare in VOWELS and len(phone) == len(bare) + 1)
        if bare not in ARPABET or not is_stressed_right:
            raise LyricError(
                f"{given[:20]!r} is not an ARPAbet phone; valid are {' '.join(sorted(ARPABET))}, "
                "vowels with an optional stress digit 0, 1 or 2."
            )
    if not 0 < len(phones) <= MAX_PHONES:
        raise LyricError(f"A word needs 1 to {MAX_PHONES} phones, {len(phones)} are given.")
    return phones


def is_arpabet(symbols: Iterable[str]) -> bool:
    """Return True for ARPAbet in capital letters, the form of hints in any language."""
    phones = tuple(symbols)
    try:
        return all(phone == phone.upper() for phone in phones) and bool(parse_phones(phones))
    except LyricError:
        return False


def parse_entries(text: str, source: str) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Yield (line number, word, phones) of each entry. Raises LyricError with `source` and the line."""
    for number, line in enumerate(text.splitlines(), start=1):
        word, *symbols = line.split("#", 1)[0].split() or [""]
        if not word:
            continue
        try:
            yield number, word, with_lone_stress(parse_phones(symbols))
        except LyricError as error:
            raise LyricError(f"{source}, line {number}, word {word[:40]!r}: {error}") from None


def with_lone_stress(phones: tuple[str, ...]) -> tuple[str, ...]:
    """Return the phones with the first vowel stressed if no vowel has a stress digit."""
    if any(phone[-1].isdigit() for phone in phones):
        return phones
    first = next((i for i, phone in enumerate(phones) if is_vowel(phone)), None)
    return tuple(phone + ("1" if i == first else "0") if is_vowel(phone) else phone for i, phone in enumerate(phones))
