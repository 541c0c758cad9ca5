"""Standard MIDI Files (.mid, .kar) as scores and back.

Reading is tolerant: damage is repaired where it can be and told in the score's notices; only a file without a MIDI header, or
one too large for a song, is refused. Each channel of each track with notes becomes a `Track` with its controllers as curves.
"""

from __future__ import annotations

import bisect
import math
import re
from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass, field, replace

from ..types import Curve, Meter, Note, Parameter, Score, TempoChange, TempoMap, Track
from . import midi_text
from .midi_channel import ChannelReader
from .midi_events import (
    META_INSTRUMENT,
    META_LYRIC,
    META_METER,
    META_NAME,
    META_TEMPO,
    META_TEXT,
    TEXT_METAS,
    MidiEvent,
    RawFile,
    RawTrack,
    read_events,
)
from .midi_text import Syllable
from .midi_write import write_midi

__all__ = ["read_midi", "write_midi"]

MAX_SONG_S = 24 * 3600.0

_DRUM_CHANNEL = 9
_LARGEST_METER_EXPONENT = 6  # 64th notes
_KARAOKE_LINES = 2  # so many line marks make text events lyrics
_KARAOKE_WORDS = 4  # so many text events, nearly all on note onsets, do too
_KARAOKE_HIT_SHARE = 0.75
_OWN_TRACK_HIT_SHARE = 0.5
_VOCAL_NAME = re.compile(r"vo[cx]|voice|melod|lead|sing|歌|主旋律|メロ|ボーカル|보컬|멜로디", re.IGNORECASE)
_FIT_SAMPLE = 500  # so many syllables decide which notes the words belong to
_MAX_FIT_LOOKUPS = 500_000
_EXAMPLES = 3
_MAX_NOTICES = 40


def read_midi(data: bytes, *, title: str) -> Score:
    """The score in the bytes of a MIDI file. Raises ScoreError if there is no MIDI header or far too much data."""
    raw = read_events(data)
    notices = list(raw.notices)
    if raw.file_format == 2:
        raw = replace(raw, tracks=_patterns_in_sequence(raw.tracks))
        notices.append("This is a format 2 file: its patterns were placed one after another.")
    tempo_map = _read_tempo_map(raw, notices)
    raw = replace(raw, tracks=_limit_length(raw.tracks, tempo_map, notices))
    meters = _read_meters(raw.tracks, notices)

    charset = midi_text.sniff_charset(event.data for event in _metas(raw.tracks, *TEXT_METAS))
    parts = _read_parts(raw.tracks, charset, notices)
    _place_lyrics(parts, raw, charset, notices)
    if not parts:
        notices.append("The file holds no notes.")
    language = _karaoke_language(raw.tracks, charset)
    tracks = tuple(part.as_track(language) for part in parts)
    return Score(title, raw.ppq, tracks, tempo_map, meters, _readable(notices))


def _readable(notices: list[str]) -> tuple[str, ...]:
    """Each notice once, and not more than a person would read."""
    distinct = tuple(dict.fromkeys(notices))
    if len(distinct) <= _MAX_NOTICES:
        return distinct
    return (*distinct[:_MAX_NOTICES], f"{len(distinct) - _MAX_NOTICES} more notices like these were left out.")


@dataclass(slots=True)
class _Part:
    """A track in the making: one channel of one MIDI track."""

    name: str
    track_index: int
    channel: int
    notes: list[Note]
    curves: tuple[Curve, ...]
    has_lyrics: bool = False
    top_notes: dict[int, int] = field(init=False)  # onset tick -> index of the highest note that starts there
    onsets: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.top_notes = {note.onset_ticks: index for index, note in enumerate(self.notes)}  # ascending by onset, then pitch
        self.onsets = list(self.top_notes)

    @property
    def is_drums(self) -> bool:
        return self.channel == _DRUM_CHANNEL

    def as_track(self, language: str | None) -> Track:
        return Track(self.name, tuple(self.notes), self.curves, language if self.has_lyrics else None, self.is_drums)


def _metas(tracks: Iterable[RawTrack], *kinds: int) -> Iterable[MidiEvent]:
    return (event for track in tracks for event in track.events if event.meta in kinds)


def _patterns_in_sequence(tracks: tuple[RawTrack, ...]) -> tuple[RawTrack, ...]:
    moved = []
    start = 0
    for track in tracks:
        events = tuple(event._replace(tick=event.tick + start) for event in track.events)
        start += track.end_tick
        moved.append(RawTrack(events, start))
    return tuple(moved)


# --- Tempo and meter ---


def _read_tempo_map(raw: RawFile, notices: list[str]) -> TempoMap:
    events = list(_metas(raw.tracks, META_TEMPO))
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
    for event in _metas(tracks, META_METER):
        numerator, exponent = (*event.data[:2], 0, 0)[:2]
        if numerator and exponent <= _LARGEST_METER_EXPONENT:
            meters[event.tick] = Meter(event.tick, numerator, 2**exponent)
        else:
            notices.append("A time signature that makes no sense was ignored.")
    return tuple(meters[tick] for tick in sorted(meters))


def _limit_length(tracks: tuple[RawTrack, ...], tempo_map: TempoMap, notices: list[str]) -> tuple[RawTrack, ...]:
    """Without what comes after MAX_SONG_S: such times are damage, and whoever renders them would run out of memory."""
    last_tick = int(tempo_map.tick_at(MAX_SONG_S))
    if all(track.end_tick <= last_tick for track in tracks):
        return tracks
    notices.append(f"Everything after {MAX_SONG_S / 3600:.0f} hours was left out.")
    return tuple(
        RawTrack(tuple(event for event in track.events if event.tick <= last_tick), min(track.end_tick, last_tick))
        for track in tracks
    )


# --- Notes and controllers ---


def _read_parts(tracks: tuple[RawTrack, ...], charset: str, notices: list[str]) -> list[_Part]:
    parts: list[_Part] = []
    noteless: dict[tuple[int, Parameter], dict[int, float]] = {}
    unused: set[int] = set()
    for track_index, track in enumerate(tracks):
        name = _track_name(track, charset) or f"Track {track_index + 1}"
        channels = _read_channels(track)
        several = sum(reader.has_notes for reader in channels.values()) > 1
        for channel, reader in sorted(channels.items()):
            unused |= reader.unused_controllers
            if not reader.has_notes:
                for curve in reader.curves():
                    points = noteless.setdefault((channel, curve.parameter), {})
                    points.update(zip(curve.ticks, curve.values, strict=True))
                continue
            part_name = f"{name} (channel {channel + 1})" if several else name
            problems: Counter[str] = Counter()
            notes = list(reader.notes(track.end_tick, problems))
            parts.append(_Part(part_name, track_index, channel, notes, reader.curves()))
            notices.extend(f'In "{part_name}", a note {what} ({count} times).' for what, count in problems.items())
    for (channel, parameter), points in noteless.items():
        ticks = tuple(sorted(points))
        curve = Curve(parameter, ticks, tuple(points[tick] for tick in ticks), stepped=True)
        _lend_curve(parts, channel, curve, notices)
    if unused:
        notices.append(f"Controllers that the voice does not use were left out: {', '.join(map(str, sorted(unused)))}.")
    return parts


def _track_name(track: RawTrack, charset: str) -> str:
    names = {event.meta: event.data for event in reversed(track.events) if event.meta in (META_NAME, META_INSTRUMENT)}
    texts = (midi_text.decode_text(names[kind], charset).strip() for kind in (META_NAME, META_INSTRUMENT) if kind in names)
    return next((text for text in texts if text), "")


def _read_channels(track: RawTrack) -> dict[int, ChannelReader]:
    channels: dict[int, ChannelReader] = {}
    for event in track.events:
        if event.status < 0xF0:
            channel = event.status & 0x0F
            if channel not in channels:
                channels[channel] = ChannelReader()
            channels[channel].feed(event)
    return channels


def _lend_curve(parts: list[_Part], channel: int, curve: Curve, notices: list[str]) -> None:
    """Controllers on a track without notes belong to the notes of their channel that have none of that kind themselves."""
    takers = [
        part for part in parts if part.channel == channel and all(own.parameter != curve.parameter for own in part.curves)
    ]
    for part in takers:
        part.curves = (*part.curves, curve)
    if not takers:
        notices.append(f"A {curve.parameter} curve on channel {channel + 1} belongs to no notes and was left out.")


# --- Lyrics ---


@dataclass(frozen=True, slots=True)
class _LyricSource:
    """The words of one MIDI track."""

    track_index: int
    syllables: tuple[Syllable, ...]
    joined: int

    def sample(self) -> tuple[Syllable, ...]:
        return self.syllables[:: math.ceil(len(self.syllables) / _FIT_SAMPLE)]


def _place_lyrics(parts: list[_Part], raw: RawFile, charset: str, notices: list[str]) -> None:
    sources = _lyric_sources(raw.tracks, charset, parts)
    joined = sum(source.joined for source in sources)
    if joined:
        notices.append(f"Several lyrics stood on one tick and were joined ({joined} times).")
    sampled = sum(len(source.sample()) for source in sources)
    most_parts = max(1, _MAX_FIT_LOOKUPS // max(1, sampled))
    homeless: list[Syllable] = []
    for source in sources:
        part = _best_part(source, parts, _tolerance(raw.ppq), most_parts)
        if part is None:
            homeless.extend(source.syllables)
            continue
        if part.track_index != source.track_index:
            notices.append(f'Lyrics from another track were given to "{part.name}", whose notes fit them best.')
        homeless.extend(_attach(part, source.syllables, _tolerance(raw.ppq)))
    if homeless:
        examples = ", ".join(f'"{syllable.lyric}"' for syllable in homeless[:_EXAMPLES])
        notices.append(f"{len(homeless)} lyrics have no note near them and were left out: {examples}…")


def _syllable_count(sources: list[_LyricSource]) -> int:
    return sum(len(source.syllables) for source in sources)


def _lyric_sources(tracks: tuple[RawTrack, ...], charset: str, parts: list[_Part]) -> list[_LyricSource]:
    """The words of the file. Many karaoke files hold the same ones twice, as lyrics and as texts: the fuller kind counts."""
    lyrics = []
    texts = []
    onsets = {onset for part in parts for onset in part.onsets}
    for track_index, track in enumerate(tracks):
        words = _decoded(track, META_LYRIC, charset)
        lyrics.append(_LyricSource(track_index, *midi_text.translate_lyrics(words)))
        remarks = _decoded(track, META_TEXT, charset)
        words = [(tick, text) for tick, text in remarks if not midi_text.is_karaoke_header(text)]
        if _is_karaoke(words, onsets):
            texts.append(_LyricSource(track_index, *midi_text.translate_lyrics(words)))
    fuller = lyrics if _syllable_count(lyrics) >= _syllable_count(texts) else texts
    return [source for source in fuller if source.syllables]


def _decoded(track: RawTrack, meta: int, charset: str) -> list[tuple[int, str]]:
    return [(event.tick, midi_text.decode_text(event.data, charset)) for event in _metas((track,), meta)]


def _is_karaoke(texts: list[tuple[int, str]], onsets: set[int]) -> bool:
    """Are these text events words to sing, and not remarks?"""
    if sum(midi_text.starts_karaoke_line(text) for _, text in texts) >= _KARAOKE_LINES:
        return True
    hits = sum(tick in onsets and not midi_text.is_chord_name(text) for tick, text in texts)
    return len(texts) >= _KARAOKE_WORDS and hits >= _KARAOKE_HIT_SHARE * len(texts)


def _karaoke_language(tracks: tuple[RawTrack, ...], charset: str) -> str | None:
    texts = (midi_text.decode_text(event.data, charset) for event in _metas(tracks, META_TEXT))
    return next((language for text in texts if (language := midi_text.karaoke_language(text))), None)


def _best_part(source: _LyricSource, parts: list[_Part], tolerance: int, most_parts: int) -> _Part | None:
    """The part these words belong to: their own track's if they hit its notes, else the best fit, melody before drums."""

    def share(part: _Part) -> float:
        return _hit_share(source, part, tolerance)

    own = [part for part in parts if part.track_index == source.track_index]
    if own:
        best = max(own, key=lambda part: _fit(source, part, share(part)))
        if share(best) >= _OWN_TRACK_HIT_SHARE:
            return best
    free = sorted((part for part in parts if not part.has_lyrics), key=lambda part: (part.is_drums, -len(part.notes)))
    fits = [(_fit(source, part, share(part)), part) for part in free[:most_parts]]
    hitting = [(fit, part) for fit, part in fits if fit > 0]
    if not hitting:
        return None
    return max(hitting, key=lambda candidate: _preference(*candidate))[1]


def _preference(fit: float, part: _Part) -> tuple[bool, float, bool, float]:
    """Of parts that fit about equally well (a doubled melody), the one named like a voice counts."""
    return not part.is_drums, round(fit, 1), _VOCAL_NAME.search(part.name) is not None, fit


def _hit_share(source: _LyricSource, part: _Part, tolerance: int) -> float:
    sample = source.sample()
    hits = sum(_nearest(part.onsets, syllable.tick, tolerance) is not None for syllable in sample)
    return hits / len(sample)


def _fit(source: _LyricSource, part: _Part, share: float) -> float:
    """F-measure: words that hit notes, and notes that get words."""
    words = len(source.syllables)
    return 2 * share * words / (words + len(part.onsets))


def _tolerance(ppq: int) -> int:
    """How far words may stand from their note, in ticks: a 16th."""
    return math.ceil(ppq / 4)


def _nearest(onsets: list[int], tick: int, tolerance: int, taken: Container[int] = ()) -> int | None:
    """The onset nearest to `tick` that is not taken."""
    index = bisect.bisect_left(onsets, tick)
    near = [onset for onset in onsets[max(0, index - 1) : index + 1] if abs(onset - tick) <= tolerance and onset not in taken]
    return min(near, key=lambda onset: abs(onset - tick), default=None)


def _attach(part: _Part, syllables: tuple[Syllable, ...], tolerance: int) -> list[Syllable]:
    """Writes the syllables on the notes: exact ticks first, then the nearest onset still without words. Returns the rest."""
    placed = {syllable.tick: syllable.lyric for syllable in syllables if syllable.tick in part.top_notes}
    rest = []
    for syllable in syllables:
        if syllable.tick in part.top_notes:
            continue
        onset = _nearest(part.onsets, syllable.tick, tolerance, placed)
        if onset is None:
            rest.append(syllable)
        else:
            placed[onset] = syllable.lyric
    for onset, lyric in placed.items():
        index = part.top_notes[onset]
        note = part.notes[index]
        part.notes[index] = Note(note.onset_ticks, note.duration_ticks, note.pitch, note.velocity, lyric)
    part.has_lyrics = part.has_lyrics or bool(placed)
    return rest
