"""Standard MIDI Files (.mid, .kar) as scores and back.

Reading is tolerant: damage is repaired if possible and reported in the score's notices; only a file without a MIDI header, or one too large
for a song, is rejected. Each channel of each track with notes becomes a `Track` with its controllers as curves.
"""

from __future__ import annotations

from dataclasses import replace

from engine.score.types import Meter, Score, TempoChange, TempoMap

from . import midi_text
from .midi_events import META_METER, META_TEMPO, TEXT_METAS, RawFile, RawTrack, read_events
from .midi_lyrics import karaoke_language, place_lyrics
from .midi_parts import metas, read_parts, without_markers
from .midi_write import write_midi

__all__ = ["read_midi", "write_midi"]

MAX_SONG_S = 24 * 3600.0

_LARGEST_METER_EXPONENT = 6  # 64th notes
_MAX_NOTICES = 40


def read_midi(data: bytes, *, title: str) -> Score:
    """Return the score in the bytes of a MIDI file. Raises ScoreError if there is no MIDI header or far too much data."""
    raw = read_events(data)
    notices = list(raw.notices)
    if raw.file_format == 2:
        raw = replace(raw, tracks=_patterns_in_sequence(raw.tracks))
        notices.append("This is a format 2 file: its patterns were placed one after another.")
    tempo_map = _read_tempo_map(raw, notices)
    raw = replace(raw, tracks=_limit_length(raw.tracks, tempo_map, notices))
    meters = _read_meters(raw.tracks, notices)

    charset = midi_text.sniff_charset(event.data for event in metas(raw.tracks, *TEXT_METAS))
    parts = without_markers(read_parts(raw.tracks, charset, notices), raw.tracks, notices)
    place_lyrics(parts, raw, charset, notices)
    if not parts:
        notices.append("The file holds no notes.")
    language = karaoke_language(raw.tracks, charset)
    tracks = tuple(part.as_track(language) for part in parts)
    return Score(title, raw.ppq, tracks, tempo_map, meters, _limit_notices(notices))


def _limit_notices(notices: list[str]) -> tuple[str, ...]:
    """Return each notice once, up to a readable number."""
    distinct = tuple(dict.fromkeys(notices))
    if len(distinct) <= _MAX_NOTICES:
        return distinct
    return (*distinct[:_MAX_NOTICES], f"{len(distinct) - _MAX_NOTICES} more notices like these were left out.")


def _patterns_in_sequence(tracks: tuple[RawTrack, ...]) -> tuple[RawTrack, ...]:
    moved = []
    start = 0
    for track in tracks:
        events = tuple(event._replace(tick=event.tick + start) for event in track.events)
        start += track.end_tick
        moved.append(RawTrack(events, start))
    return tuple(moved)


def _read_tempo_map(raw: RawFile, notices: list[str]) -> TempoMap:
    events = list(metas(raw.tracks, META_TEMPO))
    if raw.fixed_us_per_beat is not None:
        if events:
            notices.append("Tempo changes were ignored, because the file counts SMPTE frames.")
        return TempoMap(raw.ppq, (TempoChange(0, raw.fixed_us_per_beat),))
    changes = {}
    for event in events:
        us_per_beat = int.from_bytes(event.data[:3], "big") if len(event.data) >= 3 else 0
        if us_per_beat:
            changes[event.tick] = TempoChange(event.tick, us_per_beat)
        else:
            notices.append("A tempo change without a tempo was ignored.")
    return TempoMap(raw.ppq, tuple(changes[tick] for tick in sorted(changes)))


def _read_meters(tracks: tuple[RawTrack, ...], notices: list[str]) -> tuple[Meter, ...]:
    meters = {}
    for event in metas(tracks, META_METER):
        numerator, exponent = (*event.data[:2], 0, 0)[:2]
        if numerator and exponent <= _LARGEST_METER_EXPONENT:
            meters[event.tick] = Meter(event.tick, numerator, 2**exponent)
        else:
            notices.append("A time signature that makes no sense was ignored.")
    return tuple(meters[tick] for tick in sorted(meters))


def _limit_length(tracks: tuple[RawTrack, ...], tempo_map: TempoMap, notices: list[str]) -> tuple[RawTrack, ...]:
    """Remove contents after MAX_SONG_S. Such times are damage, and rendering them would exhaust memory."""
    last_tick = int(tempo_map.tick_at(MAX_SONG_S))
    if all(track.end_tick <= last_tick for track in tracks):
        return tracks
    notices.append(f"Everything after {MAX_SONG_S / 3600:.0f} hours was left out.")
    return tuple(
        RawTrack(tuple(event for event in track.events if event.tick <= last_tick), min(track.end_tick, last_tick))
        for track in tracks
    )
