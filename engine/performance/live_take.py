"""What was played, kept: notes with their words and the controllers, as a score that can be written and rendered."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.lyrics import NoteKind
from engine.score.types import Curve, Note, Parameter, Score, TempoMap, Track

from .curves import NEUTRAL
from .live_lyrics import LyricCue

TAKE_PPQ = 960
KEPT_NOTES, KEPT_POINTS = 20_000, 100_000  # older ones are forgotten: hours of playing, some megabytes
_GENERAL_MIDI_VOLUME = 100 / 127  # neutral, where a score has a volume at all


@dataclass(frozen=True, slots=True)
class PlayedNote:
    """A note as it was decided: a key, or a key returned to. Times on the stream's clock; `offset_s` None while it sounds."""

    onset_s: float
    offset_s: float | None
    pitch: float
    velocity: float
    cue: LyricCue


class Recorder:
    """Keeps what a performer decides."""

    def __init__(self) -> None:
        self._notes: deque[PlayedNote] = deque(maxlen=KEPT_NOTES)
        self._points: dict[Parameter, deque[tuple[float, float]]] = {}

    def strike(self, time_s: float, pitch: float, velocity: float, cue: LyricCue) -> None:
        """A note starts; the one before ends no later."""
        self.release(time_s)
        self._notes.append(PlayedNote(time_s, None, pitch, velocity, cue))

    def repitch(self, pitch: float, velocity: float) -> None:
        """The note that sounds was meant to be another one."""
        if self._notes and self._notes[-1].offset_s is None:
            self._notes[-1] = replace(self._notes[-1], pitch=pitch, velocity=velocity)

    def release(self, time_s: float) -> None:
        """The note that sounds, if any, ends."""
        if self._notes and self._notes[-1].offset_s is None:
            self._notes[-1] = replace(self._notes[-1], offset_s=time_s)

    def values(self, time_s: float, values: Mapping[Parameter, float]) -> None:
        """All controllers as they stand from now on."""
        for parameter in self._points.keys() | values.keys():
            neutral = _GENERAL_MIDI_VOLUME if parameter is Parameter.VOLUME else NEUTRAL[parameter]
            points = self._points.setdefault(parameter, deque([(0.0, neutral)], maxlen=KEPT_POINTS))
            value = values.get(parameter, neutral)
            if points[-1][1] != value:
                points.append((time_s, value))

    def take(self, now_s: float, tempo_map: TempoMap, start_s: float, name: str) -> Score:
        """What was played since `start_s`, which becomes tick 0; a note that still sounds ends at `now_s`."""
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
    """Steps on ticks; what was set before the start holds from tick 0. The last of several values on one tick counts."""
    by_tick: dict[int, float] = {}
    for time_s, value in points:
        tick = max(0, round(tempo_map.tick_at(time_s - start_s)))
        by_tick[tick] = value
    return Curve(parameter, tuple(by_tick), tuple(by_tick.values()), stepped=True) if by_tick else None


def _written(played: Sequence[PlayedNote]) -> list[str]:
    """Lyrics as they were written where a word was sung from its start to its end, syllable by syllable; else with their sounds."""
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
