"""Takes of one track on the song's timeline: sounding spans, missing phrases, updates after changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from bridge.audio.song_source import PlacedWriter
from engine import Performance

Samples = NDArray[np.float32]
Span = tuple[int, int]  # song samples, start and stop


class TakeState(StrEnum):
    """State of a phrase. It sounds if it is ready or edited, else it is silent."""

    READY = "ready"  # rendered as written
    EDITED = "edited"  # changed without moving its notes: the previous take sounds until the new one is ready
    WAITING = "waiting"  # not rendered yet
    STALE = "stale"  # rendered for outdated times
    FAILED = "failed"  # cannot be rendered


@dataclass(frozen=True, slots=True)
class PhraseStatus:
    """Phrase for display: seconds of the song, words, state."""

    start_s: float
    end_s: float
    text: str
    state: TakeState


@dataclass(slots=True)
class _Phrase:
    performance: Performance
    voice: str
    key: str
    start: int
    state: TakeState = TakeState.WAITING
    take: Samples | None = None
    take_key: str = ""  # key of the take

    @property
    def sounds(self) -> bool:
        return self.state in (TakeState.READY, TakeState.EDITED)


@dataclass(frozen=True, slots=True)
class PendingPhrase:
    """Phrase to be rendered, and its song samples."""

    performance: Performance
    voice: str
    start: int
    stop: int


def take_key(performance: Performance, voice: str) -> str:
    """Return a key of a phrase and a voice: equal keys, equal samples."""
    return f"{voice}/{performance.hash}"


class TrackTakes:
    """Takes of a track, written through its `PlacedWriter`.

    Takes may overlap, as the silent ends of phrases do: they are added in the order of the song. Only changed spans are written again.
    """

    def __init__(self, writer: PlacedWriter, sample_rate: int) -> None:
        self._writer, self._rate = writer, sample_rate
        self._phrases: list[_Phrase] = []

    @property
    def pending(self) -> list[PendingPhrase]:
        """Phrases to be rendered, in the order of the song."""
        waiting = (phrase for phrase in self._phrases if phrase.state not in (TakeState.READY, TakeState.FAILED))
        return [PendingPhrase(phrase.performance, phrase.voice, *self._planned_span(phrase)) for phrase in waiting]

    @property
    def missing(self) -> list[Span]:
        """Spans that are silent for lack of a take."""
        return [self._planned_span(phrase) for phrase in self._phrases if not phrase.sounds]

    @property
    def end(self) -> int:
        """Song sample after the last phrase."""
        return max((self._planned_span(phrase)[1] for phrase in self._phrases), default=0)

    def statuses(self) -> tuple[PhraseStatus, ...]:
        """Return the states of all phrases, in the order of the song."""
        return tuple(
            PhraseStatus(phrase.performance.start_s, phrase.performance.end_s, _words(phrase.performance), phrase.state)
            for phrase in self._phrases
        )

    def within(self, start: int, stop: int) -> tuple[tuple[str, TakeState], ...]:
        """Return key and state of the phrases that touch a span of the song."""
        spans = ((phrase, self._planned_span(phrase)) for phrase in self._phrases)
        return tuple((phrase.key, phrase.state) for phrase, (first, last) in spans if first < stop and last > start)

    def replan(self, performances: Iterable[Performance], voice: str) -> None:
        """Replace the phrases. Unchanged ones keep sounding, at their new place if moved; see `TakeState` for the others."""
        before_sounding, before_missing = self._sounding(), self.missing
        before, self._phrases = self._phrases, []
        takes = {phrase.take_key: phrase.take for phrase in before if phrase.take is not None}
        failed = {phrase.key for phrase in before if phrase.state is TakeState.FAILED}
        rhythms = {_rhythm(phrase.performance): phrase for phrase in before if phrase.sounds}
        words = {_words(phrase.performance) for phrase in before if phrase.take is not None or phrase.state is TakeState.STALE}
        for performance in sorted(performances, key=lambda performance: performance.start_frame):
            phrase = _Phrase(performance, voice, take_key(performance, voice), self._sample(performance.start_frame))
            same_rhythm = rhythms.get(_rhythm(performance))
            if phrase.key in takes:
                phrase.state, phrase.take, phrase.take_key = TakeState.READY, takes[phrase.key], phrase.key
            elif phrase.key in failed:
                phrase.state = TakeState.FAILED
            elif same_rhythm is not None:
                phrase.state, phrase.take, phrase.take_key = TakeState.EDITED, same_rhythm.take, same_rhythm.take_key
            elif _words(performance) in words:
                phrase.state = TakeState.STALE
            self._phrases.append(phrase)
        self._lay(before_sounding, before_missing)

    def take(self, key: str, samples: Samples) -> None:
        """Place a rendered phrase, with a short cross-fade if it is playing."""
        self._set(key, TakeState.READY, samples, key)

    def fail(self, key: str) -> None:
        """Mark a phrase that cannot be rendered; it stays silent."""
        self._set(key, TakeState.FAILED, None, "")

    def silence_from(self, start: int) -> None:
        """Silence everything from a song sample on until it is planned anew; the takes are kept."""
        before_sounding, before_missing = self._sounding(), self.missing
        for phrase in self._phrases:
            if phrase.sounds and self._planned_span(phrase)[1] > start:
                phrase.state = TakeState.STALE
        self._lay(before_sounding, before_missing)

    def _set(self, key: str, state: TakeState, take: Samples | None, take_key: str) -> None:
        before_sounding, before_missing = self._sounding(), self.missing
        for phrase in self._phrases:
            if phrase.key == key:
                phrase.state, phrase.take, phrase.take_key = state, take, take_key
        self._lay(before_sounding, before_missing)

    def _sample(self, frame: int) -> int:
        return frame * self._rate // _FRAME_RATE_HZ

    def _planned_span(self, phrase: _Phrase) -> Span:
        return phrase.start, phrase.start + self._sample(phrase.performance.frames)

    def _sounding(self) -> list[tuple[int, Samples]]:
        return [(phrase.start, phrase.take) for phrase in self._phrases if phrase.sounds and phrase.take is not None]

    def _lay(self, before_sounding: Sequence[tuple[int, Samples]], before_missing: Sequence[Span]) -> None:
        """Write the differences: takes added, removed or moved, and changes of missing spans."""
        sounding, missing = self._sounding(), self.missing
        takes_before = {(start, id(take)): (start, start + len(take)) for start, take in before_sounding}
        takes_now = {(start, id(take)): (start, start + len(take)) for start, take in sounding}
        changed = [takes_before[key] for key in takes_before.keys() - takes_now.keys()]
        changed += [takes_now[key] for key in takes_now.keys() - takes_before.keys()]
        changed += set(before_missing) ^ set(missing)
        covered = merged(takes_now.values())
        for start, stop in merged(changed):
            self._writer.place(start, _sum(sounding, start, stop))
            for first, last in without(missing, covered):
                if max(first, start) < min(last, stop):
                    self._writer.expect(max(first, start), min(last, stop))


_FRAME_RATE_HZ = 100  # frames of performances: a whole number of samples at all supported rates


def merged(spans: Iterable[Span]) -> list[Span]:
    """Merge overlapping spans; return them in order."""
    joined: list[Span] = []
    for start, stop in sorted(span for span in spans if span[1] > span[0]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined


def without(spans: Iterable[Span], holes: Sequence[Span]) -> list[Span]:
    """Return the parts of `spans` outside `holes`, which are in order and disjoint."""
    left: list[Span] = []
    for start, stop in merged(spans):
        for first, last in holes:
            if last <= start or first >= stop:
                continue
            if first > start:
                left.append((start, first))
            start = last
        if start < stop:
            left.append((start, stop))
    return left


def _sum(pieces: Iterable[tuple[int, Samples]], start: int, stop: int) -> Samples:
    block = np.zeros(stop - start, np.float32)
    for first, samples in pieces:
        low, high = max(start, first), min(stop, first + len(samples))
        if high > low:
            block[low - start : high - start] += samples[low - first : high - first]
    return block


def _rhythm(performance: Performance) -> tuple[float, ...]:
    """Return the features of a phrase that an edit without moved notes keeps."""
    return (performance.start_frame, *(round(mark.time_s, 4) for mark in performance.lyrics))


def _words(performance: Performance) -> str:
    return " ".join(mark.text for mark in performance.lyrics)
