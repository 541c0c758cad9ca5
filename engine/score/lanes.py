"""Polyphonic tracks as monophonic lanes, because one voice sings one note at a time.

The highest line becomes the first lane. Notes that overlap the next one slightly, as in legato playing, are shortened instead.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .types import Note, TempoMap, Track

MAX_LANES = 32
_LEGATO_SHARE = 0.3  # of the shorter of both notes
_LEGATO_S = 0.1
_OCTAVE = 12

_Lane = list[Note]


def split_lanes(
    track: Track, *, ppq: int = 480, tempo_map: TempoMap | None = None
) -> tuple[tuple[Track, ...], tuple[str, ...]]:
    """Return one monophonic track per line, the highest first, and notices. A monophonic track is returned as it is.

    Overlaps below a 32nd (of `ppq` ticks per quarter) or 30 % of the note are trimmed. Overlaps up to a 16th, or up to 100 ms if a
    `tempo_map` is given, are trimmed too if no other lane is free and both notes sound alone for at least as long. Each lane that starts a
    note at a lyric gets that lyric. Each lane keeps all curves.
    """
    if is_monophonic(track.notes):
        return (track,), ()
    done: Counter[str] = Counter()
    lanes = _assign(_by_onset(track.notes), _Legato(ppq, tempo_map), done)
    lanes.sort(key=functools.cmp_to_key(_compare_height))
    notices = [f'"{track.name}": {text} ({count} notes).' for text, count in done.items()]
    if len(lanes) > 1:
        notices.append(f'"{track.name}" has notes that sound together; it was split into {len(lanes)} lanes.')
    return tuple(_lane_track(track, lane, number) for number, lane in enumerate(lanes, 1)), tuple(notices)


def is_monophonic(notes: Sequence[Note]) -> bool:
    """Return True if each note (in order of time) ends before the next one starts."""
    return all(note.offset_ticks <= following.onset_ticks for note, following in itertools.pairwise(notes))


def _lane_track(track: Track, lane: _Lane, number: int) -> Track:
    name = track.name if number == 1 else f"{track.name} (lane {number})"
    return replace(track, name=name, notes=tuple(lane))


def _by_onset(notes: Sequence[Note]) -> list[list[Note]]:
    """Group notes that start together, the highest first, each with the words written at that tick."""
    groups: dict[int, list[Note]] = {}
    for note in sorted(notes, key=lambda note: (note.onset_ticks, -note.pitch)):
        groups.setdefault(note.onset_ticks, []).append(note)
    return [_share_lyric(group) for group in groups.values()]


def _share_lyric(group: list[Note]) -> list[Note]:
    lyric = next((note.lyric for note in group if note.lyric), None)
    return [note if note.lyric or not lyric else replace(note, lyric=lyric) for note in group]


@dataclass(frozen=True, slots=True)
class _Legato:
    """Greatest overlap of notes of one line."""

    ppq: int
    tempo_map: TempoMap | None

    def is_free(self, last: Note, note: Note) -> bool:
        """Return True if `note` may follow `last` in a lane, with `last` trimmed a little if necessary."""
        overlap = last.offset_ticks - note.onset_ticks
        if overlap <= 0:
            return True
        if note.onset_ticks <= last.onset_ticks:
            return False
        restruck = note.pitch == last.pitch
        goes_past = note.offset_ticks >= last.offset_ticks
        legato = overlap < _LEGATO_SHARE * min(last.duration_ticks, note.duration_ticks)
        return restruck or overlap < max(1, self.ppq // 8) or (goes_past and legato)

    def is_played_over(self, last: Note, note: Note) -> bool:
        """Return True if `last` was released late and both notes sound alone for at least as long as they overlap."""
        overlap = last.offset_ticks - note.onset_ticks
        alone = min(note.onset_ticks - last.onset_ticks, note.offset_ticks - last.offset_ticks)
        return 0 < overlap <= alone and overlap <= self._longest_overlap(note.onset_ticks)

    def _longest_overlap(self, tick: int) -> float:
        if self.tempo_map is None:
            return self.ppq / 4
        return max(self.ppq / 4, self.tempo_map.tick_at(self.tempo_map.seconds_at(tick) + _LEGATO_S) - tick)


def _assign(groups: list[list[Note]], legato: _Legato, done: Counter[str]) -> list[_Lane]:
    lanes: list[_Lane] = []
    for group in groups:
        unused = list(lanes)
        for note in group:
            free = [lane for lane in unused if legato.is_free(lane[-1], note)]
            if not free and len(group) == 1:
                free = [lane for lane in unused if legato.is_played_over(lane[-1], note)]
            if free:
                lane = _choose_lane(free, note) if len(group) == 1 else free[0]
                unused.remove(lane)
                _append_trimming(lane, note, done)
            elif len(lanes) < MAX_LANES:
                lanes.append([note])
            else:
                done[f"more than {MAX_LANES} notes sound together; the lowest were left out"] += 1
    return lanes


def _append_trimming(lane: _Lane, note: Note, done: Counter[str]) -> None:
    last = lane[-1]
    if last.offset_ticks > note.onset_ticks:
        lane[-1] = replace(last, duration_ticks=note.onset_ticks - last.onset_ticks)
        done["small overlaps with the next note were trimmed"] += 1
    lane.append(note)


def _choose_lane(free: list[_Lane], note: Note) -> _Lane:
    """Return the lane of a lone note: the upper one, unless the note is over an octave below it and nearer to a lower one."""
    if free[0][-1].pitch - note.pitch <= _OCTAVE:
        return free[0]
    return min(free, key=lambda lane: abs(lane[-1].pitch - note.pitch))


def _compare_height(lane: _Lane, other: _Lane) -> int:
    """Return a negative number if `lane` is the higher one while both sound, or starts first if they never do."""
    higher_by = 0.0  # semitones x ticks
    sound_together = False
    i = j = 0
    while i < len(lane) and j < len(other):
        shared = min(lane[i].offset_ticks, other[j].offset_ticks) - max(lane[i].onset_ticks, other[j].onset_ticks)
        if shared > 0:
            sound_together = True
            higher_by += shared * (lane[i].pitch - other[j].pitch)
        if lane[i].offset_ticks <= other[j].offset_ticks:
            i += 1
        else:
            j += 1
    if not sound_together:
        return lane[0].onset_ticks - other[0].onset_ticks
    return (higher_by < 0) - (higher_by > 0)
