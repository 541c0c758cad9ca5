"""The song as a session knows it: tracks, clips, tempo map and loop. Frozen; every change gives a new one.

Places are quarter notes (`ppq`) until the tempo map turns them into seconds, and the device's rate into samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bridge.protocol.events import Clip, CurvePoint, TempoPoint
from engine import (
    STARTER_NAME,
    Curve,
    Note,
    Parameter,
    PerformanceSettings,
    Score,
    TempoChange,
    TempoMap,
    Track,
    WordSettings,
    select_tracks,
)

TICKS_PER_QUARTER = 15_360  # of songs that come as clips: 0.03 ms at 120 bpm
_DEFAULT_BPM = 120.0
_VELOCITIES = 127


@dataclass(frozen=True, kw_only=True)
class Singing:
    """How a track is sung. `text` is laid over its notes where none of them brings words; `semitones` may be fractional."""

    voice: str = STARTER_NAME
    settings: PerformanceSettings = PerformanceSettings()
    words: WordSettings = WordSettings()
    text: str = ""
    semitones: float = 0.0


@dataclass(frozen=True)
class SongTrack:
    """One track: what a loaded score has written for it, and the clips that lie on it, by number."""

    name: str
    singing: Singing = Singing()
    written: Track | None = None
    clips: Mapping[int, Clip] = field(default_factory=dict)


@dataclass(frozen=True)
class Timeline:
    """A song. `tempo_revision` is the sender's number of the tempo map, 0 = nobody sent one; `loop` is (start, end) in ppq or None."""

    tempo_map: TempoMap = TempoMap(TICKS_PER_QUARTER)
    tempo_revision: int = 0
    tracks: Mapping[int, SongTrack] = field(default_factory=dict)
    loop: tuple[float, float] | None = None
    title: str = "song"

    @classmethod
    def of_score(cls, score: Score, singing: Singing = Singing()) -> Timeline:
        """The tracks of a score that are for a voice, numbered from 0."""
        tracks, _ = select_tracks(score)
        numbered = {number: SongTrack(track.name, singing, track) for number, track in enumerate(tracks)}
        return cls(score.tempo_map, tracks=numbered, title=score.title)

    def with_track(self, number: int, track: SongTrack) -> Timeline:
        """Another track in place of, or beside, the ones there are."""
        return replace(self, tracks={**self.tracks, number: track})

    def with_clip(self, clip: Clip) -> Timeline:
        """The clip in place of the one with its number."""
        track = self.track(clip.track)
        return self.with_track(clip.track, replace(track, clips={**track.clips, clip.clip: clip}))

    def with_tempo(self, revision: int, changes: Iterable[TempoPoint]) -> Timeline:
        """The whole song under another tempo map."""
        ticks = (TempoChange(self._ticks(point.ppq), 60e6 / point.bpm) for point in changes)
        return replace(self, tempo_map=TempoMap(self.tempo_map.ppq, tuple(ticks)), tempo_revision=revision)

    def at_tempo(self, bpm: float, ppq: float) -> Timeline:
        """The whole song faster or slower, so that it has `bpm` at `ppq`."""
        share = self.bpm_at(ppq) / bpm
        changes = self.tempo_map.changes or (TempoChange(0, 60e6 / _DEFAULT_BPM),)
        if changes[0].tick > 0:
            changes = (TempoChange(0, 60e6 / _DEFAULT_BPM), *changes)
        scaled = tuple(TempoChange(change.tick, change.us_per_beat * share) for change in changes)
        return replace(self, tempo_map=TempoMap(self.tempo_map.ppq, scaled))

    def track(self, number: int) -> SongTrack:
        """A track by its number; an empty one if nothing is known of it."""
        return self.tracks.get(number) or SongTrack(f"track {number + 1}")

    def bpm_at(self, ppq: float) -> float:
        """Quarter notes per minute."""
        bpm = _DEFAULT_BPM
        for change in self.tempo_map.changes:
            if change.tick > ppq * self.tempo_map.ppq:
                break
            bpm = change.bpm
        return bpm

    def seconds_at(self, ppq: float) -> float:
        """Seconds from the start of the song."""
        return self.tempo_map.seconds_at(ppq * self.tempo_map.ppq)

    def ppq_at(self, seconds: float) -> float:
        """Quarter notes from the start of the song."""
        return self.tempo_map.tick_at(seconds) / self.tempo_map.ppq

    def sample_at(self, ppq: float, sample_rate: int) -> int:
        """The sample of the song nearest to a place, 0 if the place is before the song."""
        return max(0, round(self.seconds_at(ppq) * sample_rate))

    def score_of(self, number: int) -> Score:
        """One track with its clips, as a score of its own: what an engine needs to plan it."""
        song_track = self.track(number)
        ppq, written = self.tempo_map.ppq, song_track.written
        clips = sorted(song_track.clips.values(), key=lambda clip: (clip.start_ppq, clip.clip))
        notes = [note for clip in clips for note in _notes(clip, ppq)]
        curves = _joined_curves(clips, ppq)
        track = Track(song_track.name, tuple(notes), curves)
        if written is not None:
            kept = tuple(curve for curve in written.curves if curve.parameter not in {new.parameter for new in curves})
            track = replace(written, notes=(*written.notes, *notes), curves=(*kept, *curves))
        track = replace(track, notes=tuple(sorted(track.notes, key=lambda note: (note.onset_ticks, note.pitch))))
        return Score(self.title, ppq, (track,), self.tempo_map)

    def _ticks(self, ppq: float) -> int:
        return round(ppq * self.tempo_map.ppq)


def first_difference_s(before: TempoMap, after: TempoMap) -> float:
    """Seconds of the song up to which two tempo maps say the same; infinity if they do throughout.

    Up to there, what was placed by one is where the other would have it.
    """
    ticks = sorted({0, *(change.tick for change in (*before.changes, *after.changes))})
    for tick in ticks:
        if _us_per_beat(before, tick) != _us_per_beat(after, tick):
            return before.seconds_at(tick)
    return math.inf


def _us_per_beat(tempo_map: TempoMap, tick: int) -> float:
    us_per_beat = 60e6 / _DEFAULT_BPM
    for change in tempo_map.changes:
        if change.tick > tick:
            break
        us_per_beat = change.us_per_beat
    return us_per_beat


def _notes(clip: Clip, ppq: int) -> Iterable[Note]:
    """Notes in ticks of the song, cut where the clip ends."""
    for note in clip.notes:
        length_ppq = min(note.duration_ppq, clip.length_ppq - note.ppq)
        if length_ppq <= 0:
            continue
        onset = round((clip.start_ppq + note.ppq) * ppq)
        offset = round((clip.start_ppq + note.ppq + length_ppq) * ppq)
        velocity = min(max(round(_VELOCITIES * note.velocity), 1), _VELOCITIES)
        yield Note(onset, max(1, offset - onset), note.pitch, velocity, note.lyric or None)


def _joined_curves(clips: Sequence[Clip], ppq: int) -> tuple[Curve, ...]:
    """One curve per parameter: each clip's first and last values hold to its borders, so that clips do not lean on each other."""
    values: dict[Parameter, dict[int, float]] = {}
    for clip in clips:
        points: dict[str, list[CurvePoint]] = {}
        for curve in clip.curves:
            points.setdefault(curve.name, []).extend(curve.points)
        for name, given in points.items():
            known = values.setdefault(Parameter(name), {})
            ordered = sorted((point for point in given if point.ppq <= clip.length_ppq), key=lambda point: point.ppq)
            if not ordered:
                continue
            first, last = round(clip.start_ppq * ppq), round((clip.start_ppq + clip.length_ppq) * ppq) - 1
            known[first] = ordered[0].value
            known.update({min(round((clip.start_ppq + point.ppq) * ppq), last): point.value for point in ordered})
            known[last] = ordered[-1].value
    return tuple(
        Curve(parameter, tuple(sorted(known)), tuple(known[tick] for tick in sorted(known)))
        for parameter, known in sorted(values.items())
        if known
    )
