"""Parts of a MIDI file: the notes and controllers of each channel of each track, without markers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from engine.score.types import Curve, Note, Parameter, Track

from . import midi_text
from .midi_channel import ChannelReader
from .midi_events import META_INSTRUMENT, META_LYRIC, META_NAME, META_TEXT, MidiEvent, RawTrack
from .midi_markers import drop_markers

_DRUM_CHANNEL = 9


@dataclass(slots=True)
class Part:
    """A track under construction: one channel of one MIDI track."""

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


def metas(tracks: Iterable[RawTrack], *kinds: int) -> Iterable[MidiEvent]:
    """Return the meta events of certain kinds in all tracks."""
    return (event for track in tracks for event in track.events if event.meta in kinds)


def read_parts(tracks: tuple[RawTrack, ...], charset: str, notices: list[str]) -> list[Part]:
    """Return a part for each channel of each track that has notes."""
    parts: list[Part] = []
    noteless: dict[tuple[int, Parameter], dict[int, float]] = {}
    unused: set[int] = set()
    for track_index, track in enumerate(tracks):
        name = track_name(track, charset) or f"Track {track_index + 1}"
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
            parts.append(Part(part_name, track_index, channel, notes, reader.curves()))
            notices.extend(f'In "{part_name}", a note {what} ({count} times).' for what, count in problems.items())
    for (channel, parameter), points in noteless.items():
        ticks = tuple(sorted(points))
        curve = Curve(parameter, ticks, tuple(points[tick] for tick in ticks), stepped=True)
        _lend_curve(parts, channel, curve, notices)
    if unused:
        notices.append(f"Controllers that the voice does not use were left out: {', '.join(map(str, sorted(unused)))}.")
    return parts


def track_name(track: RawTrack, charset: str) -> str:
    """Return the name of a track, else that of its instrument, "" without both."""
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


def _lend_curve(parts: list[Part], channel: int, curve: Curve, notices: list[str]) -> None:
    """Give controllers of a track without notes to the parts of their channel that have no such curve."""
    takers = [
        part for part in parts if part.channel == channel and all(own.parameter != curve.parameter for own in part.curves)
    ]
    for part in takers:
        part.curves = (*part.curves, curve)
    if not takers:
        notices.append(f"A {curve.parameter} curve on channel {channel + 1} belongs to no notes and was left out.")


def without_markers(parts: list[Part], tracks: tuple[RawTrack, ...], notices: list[str]) -> list[Part]:
    """Remove notes far outside any voice, which mark phrases, beats or switches, and parts of nothing else if others remain."""
    kept: list[Part] = []
    marking: list[str] = []
    for part in parts:
        words = {event.tick for event in metas((tracks[part.track_index],), META_LYRIC, META_TEXT)}
        words -= {onset for other in parts if other is not part for onset in other.onsets}
        notes = part.notes if part.is_drums else drop_markers(part.notes, words)
        if len(notes) < len(part.notes):
            marking.append(f'"{part.name}" ({len(part.notes) - len(notes)} notes)')
            part = replace(part, notes=notes)
        if part.notes:
            kept.append(part)
    if not kept or all(part.is_drums for part in kept):
        return parts
    alone = Counter(part.track_index for part in kept)
    for part in kept:  # the channel tells parts of a track apart
        if alone[part.track_index] == 1:
            part.name = part.name.removesuffix(f" (channel {part.channel + 1})")
    if marking:
        notices.append(f"Notes far outside any voice are markers and were left out: {', '.join(marking)}.")
    return kept
