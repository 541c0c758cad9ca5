"""DiffSinger scripts of several parts: each segment names its part under the key `part`, which DiffSinger ignores."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.score.types import Score

from .ds import F0_STEP_S, note_name, read_ds

PART = "part"


@dataclass(frozen=True)
class DsSlot:
    """A note or rest with the phonemes that start in it: (symbol, start) in seconds of the song. A slur has none.

    `pitch` None is a rest. `text` is the word as written, or SP or AP.
    """

    start_s: float
    pitch: float | None
    text: str
    phonemes: tuple[tuple[str, float], ...] = ()
    is_slur: bool = False


@dataclass(frozen=True)
class DsSegment:
    """A phrase from `start_s` to `end_s` of the song. The slots follow each other, `f0_hz` has a value every 5 ms."""

    part: str
    start_s: float
    end_s: float
    slots: tuple[DsSlot, ...]
    f0_hz: tuple[float, ...]


def write_ds_segments(segments: Sequence[DsSegment]) -> bytes:
    """Return a script that DiffSinger's acoustic and variance inference accept unchanged."""
    return json.dumps([_segment(segment) for segment in segments], ensure_ascii=False, indent=2).encode("utf-8")


def read_ds_parts(data: bytes, *, title: str) -> Score:
    """Read a script. Segments with named parts become one track per part."""
    score = read_ds(data, title=title)
    content = json.loads(data.decode("utf-8-sig"))
    segments = content if isinstance(content, list) else [content]
    parts: dict[str, list[object]] = {}
    for segment in segments:
        parts.setdefault(str(segment.get(PART, "")), []).append(segment)
    if list(parts) == [""]:
        return score
    scores = [read_ds(json.dumps(part).encode(), title=name or title) for name, part in parts.items()]
    return replace(score, tracks=tuple(track for part in scores for track in part.tracks))


def _segment(segment: DsSegment) -> dict[str, object]:
    heads = [slot for slot in segment.slots if not slot.is_slur]
    phonemes = [phoneme for slot in heads for phoneme in slot.phonemes]
    return {
        "offset": round(segment.start_s, 6),
        PART: segment.part,
        "text": " ".join(slot.text for slot in heads),
        "ph_seq": " ".join(symbol for symbol, _ in phonemes),
        "ph_dur": _durations([start_s for _, start_s in phonemes], segment),
        "ph_num": " ".join(str(len(slot.phonemes)) for slot in heads),
        "note_seq": " ".join(note_name(None if slot.pitch is None else round(slot.pitch, 2)) for slot in segment.slots),
        "note_dur": _durations([slot.start_s for slot in segment.slots], segment),
        "note_slur": " ".join("1" if slot.is_slur else "0" for slot in segment.slots),
        "f0_seq": " ".join(f"{value:.1f}" for value in segment.f0_hz),
        "f0_timestep": str(F0_STEP_S),
    }


def _durations(starts_s: Sequence[float], segment: DsSegment) -> str:
    """Return differences of rounded borders, so that all sequences of a segment have one sum. The first starts with the segment."""
    borders = [round(segment.start_s, 6), *(round(start_s, 6) for start_s in starts_s[1:]), round(segment.end_s, 6)]
    return " ".join(f"{end - start:.6f}" for start, end in itertools.pairwise(borders))
