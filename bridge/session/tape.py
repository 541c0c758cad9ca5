"""One track's takes on the song's time line: what sounds where, what is missing, and what changes when the song does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from bridge.audio.placed import PlacedWriter
from engine import Performance

Samples = NDArray[np.float32]
Span = tuple[int, int]  # song samples, start and stop


class TakeState(StrEnum):
    """How a phrase stands. It sounds if it is ready or edited; else there is silence in its place."""

    READY = "ready"  # sounds as it is written
    EDITED = "edited"  # was changed without moving its notes: the take from before sounds until the new one is there
    WAITING = "waiting"  # has not been rendered yet
    STALE = "stale"  # was rendered for times that do not hold any more
    FAILED = "failed"  # cannot be rendered


@dataclass(frozen=True, slots=True)
class PhraseStatus:
    """A phrase for people to see: seconds of the song, its words, how it stands."""

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
    take_key: str = ""  # what the take is of

    @property
    def sounds(self) -> bool:
        return self.state in (TakeState.READY, TakeState.EDITED)


@dataclass(frozen=True, slots=True)
class PendingPhrase:
    """A phrase that has to be rendered, and the song samples that it will take."""

    performance: Performance
    voice: str
    start: int
    stop: int


def take_key(performance: Performance, voice: str) -> str:
    """Names a phrase sung by a voice: equal keys, equal samples."""
    return f"{voice}/{performance.hash}"


class Tape:
    """Keeps the phrases of a track and lays them through its `PlacedWriter`.

    Takes may overlap, as the silent ends of phrases do: they are added, in the order of the song. Only spans in which something changed
    are laid again.
    """

    def __init__(self, writer: PlacedWriter, sample_rate: int) -> None:
        self._writer, self._rate = writer, sample_rate
        self._phrases: list[_Phrase] = []

    @property
    def pending(self) -> list[PendingPhrase]:
        """What has to be rendered, in the order of the song."""
        waiting = (phrase for phrase in self._phrases if phrase.state not in (TakeState.READY, TakeState.FAILED))
        return [PendingPhrase(phrase.performance, phrase.voice, *self._planned_span(phrase)) for phrase in waiting]

    @property
    def missing(self) -> list[Span]:
        """Where there is silence in place of a phrase."""
        return [self._planned_span(phrase) for phrase in self._phrases if not phrase.sounds]

    @property
    def end(self) -> int:
        """The song sample after the last phrase."""
        return max((self._planned_span(phrase)[1] for phrase in self._phrases), default=0)

    def statuses(self) -> tuple[PhraseStatus, ...]:
        """How each phrase stands, in the order of the song."""
        return tuple(
            PhraseStatus(phrase.performance.start_s, phrase.performance.end_s, _words(phrase.performance), phrase.state)
            for phrase in self._phrases
        )

    def within(self, start: int, stop: int) -> tuple[tuple[str, TakeState], ...]:
        """Key and state of the phrases that touch a span of the song."""
        spans = ((phrase, self._planned_span(phrase)) for phrase in self._phrases)
        return tuple((phrase.key, phrase.state) for phrase, (first, last) in spans if first < stop and last > start)

    def replan(self, performances: Iterable[Performance], voice: str) -> None:
        """Other phrases from now on. What is the same goes on sounding, at its new place if it has moved; see `TakeState` for the rest."""
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
        """A phrase has been rendered: it sounds wherever it stands, across a short cross-fade if it is playing."""
        self._set(key, TakeState.READY, samples, key)

    def fail(self, key: str) -> None:
        """A phrase cannot be rendered: silence."""
        self._set(key, TakeState.FAILED, None, "")

    def silence_from(self, start: int) -> None:
        """What sounds from a song sample on is at a wrong place now: silence until it is planned anew. Its takes are kept for that."""
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
        """Lay what differs from before: takes that came, went or moved, and places that are waited for or not any more."""
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


_FRAME_RATE_HZ = 100  # of performances: a frame is a whole number of samples at the rates that the session takes


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same samples as few spans, in order."""
    joined: list[Span] = []
    for start, stop in sorted(span for span in spans if span[1] > span[0]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined


def without(spans: Iterable[Span], holes: Sequence[Span]) -> list[Span]:
    """What is left of `spans` outside of `holes`, which are in order and apart."""
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
    """What stays the same where an edit moves no note."""
    return (performance.start_frame, *(round(mark.time_s, 4) for mark in performance.lyrics))


def _words(performance: Performance) -> str:
    return " ".join(mark.text for mark in performance.lyrics)
