"""Recording of a live track: notes with words and controllers, as a score that can be written and rendered."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.lyrics import NoteKind
from engine.parameters import Parameter
from engine.score.types import Curve, Note, Score, TempoMap, Track

from .lyric_queue import LyricCue

TAKE_PPQ = 960
KEPT_NOTES, KEPT_POINTS = 20_000, 100_000  # older ones are discarded: hours of playing, some megabytes


@dataclass(frozen=True, slots=True)
class PlayedNote:
    """A note as performed: of a key, or of a key returned to. Times on the stream's clock; `offset_s` None while it sounds."""

    onset_s: float
    offset_s: float | None
    pitch: float
    velocity: float
    cue: LyricCue


class Recorder:
    """Notes and controller values of a performer, the oldest of them discarded after hours."""

    def __init__(self) -> None:
        self._notes: deque[PlayedNote] = deque(maxlen=KEPT_NOTES)
        self._points: dict[Parameter, deque[tuple[float, float]]] = {}

    def strike(self, time_s: float, pitch: float, velocity: float, cue: LyricCue) -> None:
        """Start a note and end the one before."""
        self.release(time_s)
        self._notes.append(PlayedNote(time_s, None, pitch, velocity, cue))

    def repitch(self, pitch: float, velocity: float) -> None:
        """Change the sounding note to another pitch: the first key was a slip."""
        if self._notes and self._notes[-1].offset_s is None:
            self._notes[-1] = replace(self._notes[-1], pitch=pitch, velocity=velocity)

    def release(self, time_s: float) -> None:
        """End the sounding note, if any."""
        if self._notes and self._notes[-1].offset_s is None:
            self._notes[-1] = replace(self._notes[-1], offset_s=time_s)

    def values(self, time_s: float, values: Mapping[Parameter, float]) -> None:
        """Record the values of all controllers from `time_s` on."""
        for parameter in self._points.keys() | values.keys():
            neutral = parameter.spec.played_neutral
            known = () if math.isnan(neutral) else ((0.0, neutral),)  # NaN: the setting holds until the first value
            points = self._points.setdefault(parameter, deque(known, maxlen=KEPT_POINTS))
            value = values.get(parameter, neutral)
            if not math.isnan(value) and (not points or points[-1][1] != value):
                points.append((time_s, value))

    def take(self, now_s: float, tempo_map: TempoMap, start_s: float, name: str) -> Score:
        """Return the notes since `start_s`, which becomes tick 0; a note that still sounds ends at `now_s`."""
        played = [note for note in self._notes if note.onset_s >= start_s]
        lyrics = _written(played)
        notes: list[Note] = []
        for note, lyric in zip(played, lyrics, strict=True):
            onset, offset = (
                round(tempo_map.tick_at(time_s - start_s))
                for time_s in (note.onset_s, note.offset_s or max(now_s, note.onset_s))
            )
            onset = max(onset, notes[-1].offset_ticks if notes else 0)
            velocity = min(max(round(127 * note.velocity), 1), 127)
            notes.append(Note(onset, max(1, offset - onset), note.pitch, velocity, lyric))
        curves = tuple(
            curve
            for parameter, points in sorted(self._points.items())
            if (curve := _curve(parameter, points, tempo_map, start_s)) is not None
        )
        return Score(name, tempo_map.ppq, (Track(name, tuple(notes), curves),), tempo_map)


def _curve(parameter: Parameter, points: Iterable[tuple[float, float]], tempo_map: TempoMap, start_s: float) -> Curve | None:
    """Return a stepped curve; the last value before the start holds from tick 0, and the last of several values on one tick counts."""
    by_tick: dict[int, float] = {}
    for time_s, value in points:
        tick = max(0, round(tempo_map.tick_at(time_s - start_s)))
        by_tick[tick] = value
    return Curve(parameter, tuple(by_tick), tuple(by_tick.values()), stepped=True) if by_tick else None


def _written(played: Sequence[PlayedNote]) -> list[str]:
    """Return the lyrics: as written for words that were sung completely, syllable by syllable, otherwise with their phones."""
    lyrics = [note.cue.spelled_out() for note in played]
    sung = [i for i, note in enumerate(played) if note.cue.kind is NoteKind.SING]
    for first in range(len(sung)):
        part, parts = played[sung[first]].cue.part
        word = [played[i].cue for i in sung[first : first + parts]]
        if part == 0 and _is_whole_word(word, parts):
            for i, cue in zip(sung[first : first + parts], word, strict=True):
                lyrics[i] = cue.written
    return lyrics


def _is_whole_word(cues: Sequence[LyricCue], parts: int) -> bool:
    words = {cue.syllable.word for cue in cues if cue.syllable}
    return [cue.part for cue in cues] == [(i, parts) for i in range(parts)] and len(words) == 1
