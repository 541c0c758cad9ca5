"""Song of a session: tracks, clips, tempo map and loop, as a frozen value; each change gives a new one.

Positions are quarter notes (`ppq`); the tempo map converts them to seconds, the device's rate to samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bridge.protocol import events
from bridge.protocol.events import Clip, CurvePoint, TempoPoint
from engine import (
    STARTER_NAME,
    Curve,
    Leftover,
    Mode,
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

TICKS_PER_QUARTER = 15_360  # resolution of songs made of clips: 0.03 ms at 120 bpm
_DEFAULT_BPM = 120.0
_VELOCITIES = 127
_FILLERS = {"hum": "mm", "la": "la"}


@dataclass(frozen=True, kw_only=True)
class TrackSettings:
    """Voice, words and settings of a track. `text` is for notes without words; `semitones` may be fractional."""

    voice: str = STARTER_NAME
    settings: PerformanceSettings = PerformanceSettings()
    words: WordSettings = WordSettings(leftover=Leftover.FILL)  # the sender sets the filler of a session
    text: str = ""
    semitones: float = 0.0


@dataclass(frozen=True)
class SongTrack:
    """One track: its notes in a loaded score, and its clips by number. `gain_db` is the mixer's."""

    name: str
    singing: TrackSettings = TrackSettings()
    written: Track | None = None
    clips: Mapping[int, Clip] = field(default_factory=dict)
    gain_db: float = 0.0


@dataclass(frozen=True)
class Timeline:
    """Song. `tempo_revision` is the sender's revision of the tempo map, 0 = none was sent; `tempo_points` the map as sent.

    `loop` is (start, end) in ppq or None."""

    tempo_map: TempoMap = TempoMap(TICKS_PER_QUARTER)
    tempo_revision: int = 0
    tracks: Mapping[int, SongTrack] = field(default_factory=dict)
    loop: tuple[float, float] | None = None
    title: str = "song"
    tempo_points: tuple[TempoPoint, ...] = ()

    @classmethod
    def of_score(cls, score: Score, singing: TrackSettings = TrackSettings()) -> Timeline:
        """Make a song of the vocal tracks of a score, numbered from 0."""
        tracks, _ = select_tracks(score)
        numbered = {number: SongTrack(track.name, singing, track) for number, track in enumerate(tracks)}
        return cls(score.tempo_map, tracks=numbered, title=score.title)

    def with_track(self, number: int, track: SongTrack) -> Timeline:
        """Return the song with a track added or replaced."""
        return replace(self, tracks={**self.tracks, number: track})

    def with_clip(self, clip: Clip) -> Timeline:
        """Return the song with a clip added or replaced."""
        track = self.track(clip.track)
        return self.with_track(clip.track, replace(track, clips={**track.clips, clip.clip: clip}))

    def without_clip(self, number: int, clip: int) -> Timeline:
        """Return the song without a clip, which need not exist."""
        track = self.track(number)
        return self.with_track(number, replace(track, clips={key: kept for key, kept in track.clips.items() if key != clip}))

    def cleared(self, number: int) -> Timeline:
        """Return the song with a track without notes, words and name; its settings stay."""
        track = self.track(number)
        return self.with_track(
            number, replace(SongTrack(default_name(number), replace(track.singing, text="")), gain_db=track.gain_db)
        )

    def with_setting(self, event: events.Event) -> Timeline | None:
        """Return the song after a message about a track's words, voice, name or settings; None for other messages."""
        match event:
            case events.TrackName(track=number, name=name):
                return self.with_track(number, replace(self.track(number), name=name or default_name(number)))
            case events.TrackParam(track=number, name="gain_db", value=value):
                return self.with_track(number, replace(self.track(number), gain_db=value))
        number = getattr(event, "track", 0)
        singing = self.track(number).singing
        changes = _changes(singing, event)
        if changes is None:
            return None
        return self.with_track(number, replace(self.track(number), singing=replace(singing, **changes)))

    def with_tempo(self, revision: int, changes: Iterable[TempoPoint]) -> Timeline:
        """Return the song with another tempo map."""
        points = tuple(changes)
        ticks = (TempoChange(self._ticks(point.ppq), 60e6 / point.bpm) for point in points)
        tempo_map = TempoMap(self.tempo_map.ppq, tuple(ticks))
        return replace(self, tempo_map=tempo_map, tempo_revision=revision, tempo_points=points)

    @property
    def tempo_changes(self) -> tuple[TempoPoint, ...]:
        """Tempo map; the first change is at 0."""
        if self.tempo_points:
            return self.tempo_points
        ppq = self.tempo_map.ppq
        later = (TempoPoint(change.tick / ppq, change.bpm, 4, 4) for change in self.tempo_map.changes if change.tick > 0)
        return (TempoPoint(0.0, self.bpm_at(0.0), 4, 4), *later)

    def at_tempo(self, bpm: float, ppq: float) -> Timeline:
        """Return the song scaled in tempo, so that it has `bpm` at `ppq`."""
        share = self.bpm_at(ppq) / bpm
        changes = self.tempo_map.changes or (TempoChange(0, 60e6 / _DEFAULT_BPM),)
        if changes[0].tick > 0:
            changes = (TempoChange(0, 60e6 / _DEFAULT_BPM), *changes)
        scaled = tuple(TempoChange(change.tick, change.us_per_beat * share) for change in changes)
        points = tuple(replace(point, bpm=point.bpm / share) for point in self.tempo_points)
        return replace(self, tempo_map=TempoMap(self.tempo_map.ppq, scaled), tempo_points=points)

    def track(self, number: int) -> SongTrack:
        """Return a track by its number; an empty one if unknown."""
        return self.tracks.get(number) or SongTrack(default_name(number))

    def bpm_at(self, ppq: float) -> float:
        """Return the tempo in quarter notes per minute."""
        bpm = _DEFAULT_BPM
        for change in self.tempo_map.changes:
            if change.tick > ppq * self.tempo_map.ppq:
                break
            bpm = change.bpm
        return bpm

    def seconds_at(self, ppq: float) -> float:
        """Return the seconds from the start of the song."""
        return self.tempo_map.seconds_at(ppq * self.tempo_map.ppq)

    def ppq_at(self, seconds: float) -> float:
        """Return the quarter notes from the start of the song."""
        return self.tempo_map.tick_at(seconds) / self.tempo_map.ppq

    def sample_at(self, ppq: float, sample_rate: int) -> int:
        """Return the nearest sample of the song, 0 for a position before the song."""
        return max(0, round(self.seconds_at(ppq) * sample_rate))

    def score_of(self, number: int) -> Score:
        """Return one track with its clips as a score, for planning."""
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


def default_name(number: int) -> str:
    """Return the name of an unnamed track."""
    return f"track {number + 1}"


def _changes(singing: TrackSettings, event: events.Event) -> dict[str, Any] | None:
    """Return the changes that a message makes to the settings of a track. Raises SettingsError for an invalid value."""
    match event:
        case events.LyricsSet(text=text, language=language):
            return {"text": text, **_in_language(singing, language)}
        case events.LyricsAppend(text=text, language=language):
            return {"text": f"{singing.text}\n{text}" if singing.text else text, **_in_language(singing, language)}
        case events.LyricsFiller(filler=filler):
            return {"words": replace(singing.words, filler=_FILLERS[filler])}
        case events.TrackVoice(voice=voice, language=language):
            return {"voice": voice, **_in_language(singing, language)}
        case events.TrackMode(mode=mode):
            return {"settings": replace(singing.settings, mode=Mode(mode))}
        case events.TrackSeed(seed=seed):
            return {"settings": replace(singing.settings, seed=seed)}
        case events.TrackParam(name="transpose_semitones", value=value):
            return {"semitones": value}
        case events.TrackParam(name=name, value=value):
            setting: dict[str, Any] = {name: value}
            return {"settings": replace(singing.settings, **setting)}
        case _:
            return None


def _in_language(singing: TrackSettings, language: str) -> dict[str, WordSettings]:
    return {"words": replace(singing.words, language=language)} if language else {}


def first_difference_s(before: TempoMap, after: TempoMap) -> float:
    """Return the seconds of the song up to which two tempo maps agree; infinity if they agree throughout.

    Audio placed before is at the same place under both.
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
    """Return notes in ticks of the song, cut at the end of the clip."""
    for note in clip.notes:
        length_ppq = min(note.duration_ppq, clip.length_ppq - note.ppq)
        if length_ppq <= 0:
            continue
        onset = round((clip.start_ppq + note.ppq) * ppq)
        offset = round((clip.start_ppq + note.ppq + length_ppq) * ppq)
        velocity = min(max(round(_VELOCITIES * note.velocity), 1), _VELOCITIES)
        yield Note(onset, max(1, offset - onset), note.pitch, velocity, note.lyric or None)


def _joined_curves(clips: Sequence[Clip], ppq: int) -> tuple[Curve, ...]:
    """Join one curve per parameter: each clip's first and last values hold to its borders, so that clips are independent."""
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
