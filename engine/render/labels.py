"""Label files: every phone of a performance with its times in the song."""

from __future__ import annotations

from collections.abc import Sequence

from engine.performance import SILENCE, Performance
from engine.score.formats.lab import write_lab


def write_labels(phrases: Sequence[Performance]) -> bytes:
    """Return HTS .lab text of all phrases, with `pau` in the rests (the usual name of silence in label sets)."""
    spans: list[tuple[float, float, str]] = []
    for phrase in sorted(phrases, key=lambda phrase: phrase.start_frame):
        for phone in phrase.phones:
            if phone.symbol != SILENCE:
                at_s = spans[-1][1] if spans else 0.0
                start_s, end_s = max(at_s, phrase.start_s + phone.start_s), phrase.start_s + phone.end_s
                if end_s <= start_s:  # under the end of the phrase before
                    continue
                if start_s > at_s:
                    spans.append((at_s, start_s, "pau"))
                spans.append((start_s, end_s, phone.symbol.lower()))
    return write_lab(spans)
