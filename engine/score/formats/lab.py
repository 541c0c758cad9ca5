"""HTS label files (.lab): one line per phoneme, start and end in units of 100 ns."""

from __future__ import annotations

from collections.abc import Iterable

from engine.errors import ScoreError

UNITS_PER_SECOND = 10_000_000


def write_lab(spans: Iterable[tuple[float, float, str]]) -> bytes:
    """Write `spans`: start and end in seconds, and the phoneme."""
    lines = (f"{round(start * UNITS_PER_SECOND)} {round(end * UNITS_PER_SECOND)} {phoneme}\n" for start, end, phoneme in spans)
    return "".join(lines).encode("utf-8")


def read_lab(data: bytes) -> list[tuple[float, float, str]]:
    """Return start and end in seconds, and the label (with its context in a full-context file)."""
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ScoreError("The label file is not UTF-8 text.") from error
    return [_span(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _span(number: int, line: str) -> tuple[float, float, str]:
    fields = line.split(maxsplit=2)
    if len(fields) < 3 or not all(text.isascii() and text.isdigit() and len(text) < 19 for text in fields[:2]):
        raise ScoreError(f"Line {number} of the label file is {line[:60]!r}; it should be: start end phoneme, times in 100 ns.")
    start, end = int(fields[0]) / UNITS_PER_SECOND, int(fields[1]) / UNITS_PER_SECOND
    if end < start:
        raise ScoreError(f"Line {number} of the label file ends before it starts.")
    return start, end, fields[2].strip()
