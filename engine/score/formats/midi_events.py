"""Standard MIDI File bytes to timed events, with recovery of damaged files.

A chunk length is used only if another chunk (or the end of the file) follows at that place; otherwise the track extends to its end-of-track
event or the next track header. No notes or lyrics are interpreted here.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from engine.errors import ScoreError

NOTE_OFF, NOTE_ON, KEY_PRESSURE, CONTROL, PROGRAM, CHANNEL_PRESSURE, BEND = 0x80, 0x90, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0
META = 0xFF
META_TEXT, META_NAME, META_INSTRUMENT, META_LYRIC = 0x01, 0x03, 0x04, 0x05
META_END, META_TEMPO, META_METER = 0x2F, 0x51, 0x58
TEXT_METAS = range(0x01, 0x08)

MAX_EVENTS = 200_000
MAX_CHUNKS = 2_048
DEFAULT_PPQ = 480

_HEADER = struct.Struct(">4sIHHH")
_HEADER_SEARCH_BYTES = 4_096
_SYSTEM_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}
_SMPTE_FRAMES_PER_S = {24: 24.0, 25: 25.0, 29: 30_000 / 1_001, 30: 30.0}


class MidiEvent(NamedTuple):
    """A channel message (`data` without the status byte) or, if `status` is META, a meta event of kind `meta`."""

    tick: int
    status: int
    data: bytes
    meta: int = -1


@dataclass(frozen=True, slots=True)
class RawTrack:
    """Events of one MTrk chunk."""

    events: tuple[MidiEvent, ...]
    end_tick: int


@dataclass(frozen=True, slots=True)
class RawFile:
    """A MIDI file as events. `fixed_us_per_beat` is set for SMPTE time, in which tempo events have no meaning."""

    file_format: int
    ppq: int
    fixed_us_per_beat: float | None
    tracks: tuple[RawTrack, ...]
    notices: tuple[str, ...]


def read_events(data: bytes) -> RawFile:
    """Read all tracks of a Standard MIDI File (also inside a RIFF or MacBinary wrapper)."""
    start = data.find(b"MThd", 0, _HEADER_SEARCH_BYTES)
    if start < 0:
        raise ScoreError("This is not a MIDI file: it has no MThd header. Export it again as a Standard MIDI File (.mid).")
    if len(data) < start + _HEADER.size:
        raise ScoreError("This MIDI file ends inside its header, so there is nothing to recover. Export it again.")
    _, header_bytes, file_format, declared_tracks, division = _HEADER.unpack_from(data, start)
    notices: list[str] = []
    if start and not data.startswith(b"RIFF"):
        notices.append(f"{start} bytes before the MIDI header were skipped.")
    if file_format > 2:
        notices.append(f"MIDI format {file_format} does not exist; the file was read as format 1.")
    ppq, fixed_us_per_beat = _read_division(division, notices)
    first = start + 8 + header_bytes
    tracks = _read_tracks(data, first if _chunk_follows(data, first) else start + _HEADER.size, notices)
    if len(tracks) < declared_tracks:
        notices.append(f"The header promises {declared_tracks} tracks; {len(tracks)} were found.")
    return RawFile(file_format, ppq, fixed_us_per_beat, tuple(tracks), tuple(notices))


def _read_division(division: int, notices: list[str]) -> tuple[int, float | None]:
    """Return ticks per beat and, for SMPTE time, the length of the beat, which is then one nominal second."""
    if not division & 0x8000:
        if division == 0:
            notices.append(f"The file gives 0 ticks per quarter note; {DEFAULT_PPQ} were assumed.")
        return division or DEFAULT_PPQ, None
    frames, ticks_per_frame = 256 - (division >> 8), division & 0xFF
    if ticks_per_frame == 0:
        notices.append(f"The file gives 0 ticks per SMPTE frame; {DEFAULT_PPQ} ticks per quarter note were assumed.")
        return DEFAULT_PPQ, None
    nominal = 30 if frames == 29 else frames
    us_per_beat = 1e6 * nominal / _SMPTE_FRAMES_PER_S.get(frames, float(frames))
    notices.append(f"The file counts SMPTE frames ({frames} per second), so it has no beats; each second was made one beat.")
    return nominal * ticks_per_frame, us_per_beat


def _read_tracks(data: bytes, pos: int, notices: list[str]) -> list[RawTrack]:
    tracks: list[RawTrack] = []
    budget = MAX_EVENTS
    for _ in range(MAX_CHUNKS):
        if pos + 8 > len(data):
            return tracks
        if data[pos : pos + 4] != b"MTrk":
            pos = _skip_foreign(data, pos)
            if pos < 0:
                return tracks
            continue
        track, pos = _read_track(data, pos, budget, f"Track {len(tracks) + 1}", notices)
        budget -= len(track.events)
        tracks.append(track)
    raise ScoreError(f"This MIDI file has more than {MAX_CHUNKS} chunks; no song needs so many. Export only the sung tracks.")


def _skip_foreign(data: bytes, pos: int) -> int:
    """Return the position after a chunk that is no track: its end if its length is plausible, else the next track; -1 if there is none."""
    (length,) = struct.unpack_from(">I", data, pos + 4)
    end = pos + 8 + length
    if _is_chunk_id(data[pos : pos + 4]) and end < len(data) and _chunk_follows(data, end):
        return end
    return data.find(b"MTrk", pos + 1)


def _is_chunk_id(name: bytes) -> bool:
    return len(name) == 4 and name.isalnum()


def _chunk_follows(data: bytes, pos: int) -> bool:
    return pos == len(data) or _is_chunk_id(data[pos : pos + 4])


def _read_track(data: bytes, pos: int, budget: int, label: str, notices: list[str]) -> tuple[RawTrack, int]:
    """Read one MTrk chunk at `pos`. Return it with the position of the next chunk."""
    start = pos + 8
    declared_end = start + struct.unpack_from(">I", data, pos + 4)[0]
    trusted = _chunk_follows(data, declared_end)
    next_track = data.find(b"MTrk", start)
    limit = declared_end if trusted else next_track if next_track >= 0 else len(data)

    damage: Counter[str] = Counter()
    events, end_tick, stop, finished = _read_track_events(data, start, limit, budget, damage)
    if not finished:
        reason = "is cut off" if declared_end > len(data) else "has no end-of-track mark"
        damage[f"{reason}; {len(events)} events were recovered"] = 1
    elif not trusted and stop != declared_end:
        damage["has a wrong chunk length, which was ignored"] = 1
    notices.extend(f"{label} {what}{f' ({count} times)' if count > 1 else ''}." for what, count in damage.items())

    resume = stop if not trusted or data[stop : stop + 4] == b"MTrk" else declared_end
    return RawTrack(tuple(events), end_tick), resume


def _read_track_events(
    data: bytes, pos: int, end: int, budget: int, damage: Counter[str]
) -> tuple[list[MidiEvent], int, int, bool]:
    """Return the events in data[pos:end], the last tick, the position after them, and True if an end-of-track event was met."""
    events: list[MidiEvent] = []
    tick = running = 0
    while pos < end:
        delta = data[pos]
        if delta < 0x80:  # the usual case, kept fast
            pos += 1
        else:
            delta, pos = _read_number(data, pos, end)
        if pos >= end:
            break
        status = data[pos]
        if status & 0x80:
            pos += 1
        elif running:
            status = running
        else:
            damage["has data bytes that belong to no event"] += 1
            pos += 1
            continue
        tick += delta
        if status < 0xF0:
            running = status
            after = pos + (1 if PROGRAM <= status < BEND else 2)
            body = data[pos:after]
            if after > end:
                break
            if not body.isascii():
                damage["has data bytes above 127, read without their top bit"] += 1
                body = bytes(value & 0x7F for value in body)
            events.append(MidiEvent(tick, status, body))
            pos = after
        elif status == META:
            if pos >= end:
                break
            kind = data[pos]
            length, pos = _read_number(data, pos + 1, end)
            if kind == META_END:
                return events, tick, min(pos + length, end), True
            if pos + length > end:
                break
            events.append(MidiEvent(tick, META, data[pos : pos + length], kind))
            pos += length
        elif status in (0xF0, 0xF7):
            length, pos = _read_number(data, pos, end)
            pos += length
        else:
            damage["has events that do not belong in a file, which were skipped"] += 1
            pos += _SYSTEM_DATA_BYTES.get(status, 0)
        if len(events) > budget:
            raise ScoreError(
                f"This MIDI file has more than {MAX_EVENTS} events, too many for a song. Export only the tracks to be sung."
            )
    return events, tick, min(pos, end), False


def _read_number(data: bytes, pos: int, end: int) -> tuple[int, int]:
    """Return a variable-length number of at most four bytes, and the position after it."""
    value = 0
    stop = min(pos + 4, end)
    while pos < stop:
        byte = data[pos]
        pos += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            break
    return value, pos


def write_number(value: int) -> bytes:
    """Return the variable-length form of a number below 2**28."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))
