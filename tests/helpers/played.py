"""Shared by the tests of live play: performers that are fed and asked, and what to read off them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from engine.live.events import LiveEvent, LiveSettings, Lyrics, NoteOff, NoteOn
from engine.live.lyric_queue import split_lyrics
from engine.live.performer import LivePerformer
from engine.performance import SILENCE, PerformanceSettings, PhoneSpan
from engine.performance.types import Controls

PLAIN = {"vibrato_depth_cents": 0.0, "drift_cents": 0.0, "dynamics": 0.0}


@dataclass
class Played:
    """Everything that came out of a performer, phone spans as the last word on each moment."""

    performer: LivePerformer
    spans: list[PhoneSpan]
    controls: dict[str, np.ndarray]

    def at(self, time_s: float) -> str:
        """The phone that sounds."""
        return next(span.symbol for span in self.spans if span.start_s <= time_s < span.end_s)

    def sounding(self) -> list[PhoneSpan]:
        return [span for span in self.spans if span.symbol != SILENCE]

    def symbols(self) -> str:
        return " ".join(span.symbol for span in self.sounding())

    def pitch(self, time_s: float) -> float:
        return float(69 + 12 * np.log2(self.controls["f0_hz"][int(time_s * 100)] / 440))

    def energy_db(self, time_s: float) -> float:
        return float(self.controls["energy_db"][int(time_s * 100)])


def performer_of(words: str = "", *, live: LiveSettings | None = None, **settings) -> LivePerformer:
    performer = LivePerformer(PerformanceSettings(**{**PLAIN, **settings}), live)
    if words:
        performer.feed(Lyrics(0.0, split_lyrics(words).lines))
    return performer


def play(performer: LivePerformer, events: Iterable[LiveEvent], seconds: float, chunks: Sequence[int] = (1,)) -> Played:
    """Frames asked for in portions of `chunks`, over and over; a span that changes after it sounded fails."""
    for event in events:
        performer.feed(event)
    spans: dict[float, PhoneSpan] = {}
    controls: list[Controls] = []
    frames, turn = round(seconds * 100), 0
    while frames > 0:
        count = min(frames, chunks[turn % len(chunks)])
        first_s = performer.frame / 100
        phones, moved = performer.advance(count)
        check_contiguous(phones, first_s)
        for start_s in [start_s for start_s in spans if start_s >= first_s]:
            del spans[start_s]
        for span in phones:
            before = spans.get(span.start_s)
            if before is not None and before.end_s <= first_s:
                assert before == span, "a span that had sounded was changed"
            spans[span.start_s] = span
        controls.append(moved)
        frames, turn = frames - count, turn + 1
    ordered = [spans[start_s] for start_s in sorted(spans)]
    columns = {item.name: np.concatenate([getattr(part, item.name) for part in controls]) for item in fields(Controls)}
    return Played(performer, ordered, columns)


def check_contiguous(phones: Sequence[PhoneSpan], first_s: float) -> None:
    assert phones[0].start_s <= max(0.0, first_s - 0.3)
    assert phones[-1].end_s == math.inf
    for span, following in itertools.pairwise(phones):
        assert span.start_s < span.end_s == following.start_s


def keys(*notes: tuple[float, float, float], velocity: float = 0.75) -> list[LiveEvent]:
    """(on, off, pitch) as events in order of time, each note with an id of its own."""
    events: list[LiveEvent] = []
    for number, (on_s, off_s, pitch) in enumerate(notes):
        events += [NoteOn(on_s, number, pitch, velocity), NoteOff(off_s, number)]
    return sorted(events, key=lambda event: event.time_s)
