"""Scores as Standard MIDI Files, format 1: a conductor track, then one MIDI track per `Track`; texts in UTF-8.

Written: notes, lyrics, pitch bend (with the range it needs), the controllers of `..controllers`, pressure, tempo, meter, names.
Formants in cents, absolute F0, written vibrato and accents over notes have no MIDI message; they are logged and left out.
"""

from __future__ import annotations

import itertools
import logging
import math
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from engine.errors import ScoreError
from engine.parameters import MidiScale
from engine.score.controllers import BY_PARAMETER
from engine.score.types import DEFAULT_US_PER_BEAT, Curve, Note, Parameter, Score, Track

from .midi_channel import BEND_CENTRE, DATA_ENTRY, DATA_ENTRY_FINE, DEFAULT_BEND_RANGE_CENTS, RPN_COARSE, RPN_FINE, bend_to_midi
from .midi_events import (
    BEND,
    CHANNEL_PRESSURE,
    CONTROL,
    META,
    META_END,
    META_LYRIC,
    META_METER,
    META_NAME,
    META_TEMPO,
    META_TEXT,
    NOTE_OFF,
    NOTE_ON,
    write_number,
)

logger = logging.getLogger(__name__)

_MELODIC_CHANNELS = tuple(channel for channel in range(16) if channel != 9)
_DRUM_CHANNEL = 9
_MAX_PPQ = 0x7FFF
_FALLBACK_PPQ = 15_360
_MAX_DELTA = 0x0FFF_FFFF
_LARGEST_TEMPO_US = 0xFF_FFFF
_MAX_BEND_RANGE_CENTS = 12_700
_STEPS_PER_BEAT = 96  # resolution of straight lines drawn with steps
_WRITABLE = BY_PARAMETER.keys() | {Parameter.BEND_CENTS, Parameter.PRESSURE}

# Order of events on one tick: note-off, controllers, words, note-on.
_FIRST, _RELEASE, _CONTROLLER, _WORDS, _STRIKE = range(5)


class _Event(NamedTuple):
    tick: int
    order: int
    message: bytes


def write_midi(score: Score) -> bytes:
    """Return a MIDI file that `read_midi` reads back with the same ticks. Raises ScoreError for pitches outside 0..127."""
    ppq = score.ppq if score.ppq <= _MAX_PPQ else _FALLBACK_PPQ
    channels = itertools.cycle(_MELODIC_CHANNELS)
    chunks = [_chunk(_conductor_events(score), score.ppq, ppq)]
    for track in score.tracks:
        channel = _DRUM_CHANNEL if track.is_drums else next(channels)
        chunks.append(_chunk(_track_events(track, channel, score.ppq), score.ppq, ppq))
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(chunks), ppq) + b"".join(chunks)


def _chunk(events: Iterable[_Event], score_ppq: int, ppq: int) -> bytes:
    body = bytearray()
    last_tick = 0
    for event in sorted(events, key=lambda event: event[:2]):
        tick = event.tick if ppq == score_ppq else round(event.tick * ppq / score_ppq)
        delta = tick - last_tick
        last_tick = tick
        while delta > _MAX_DELTA:
            body += write_number(_MAX_DELTA) + _meta(META_TEXT, b"")
            delta -= _MAX_DELTA
        body += write_number(delta) + event.message
    body += b"\0" + _meta(META_END, b"")
    return b"MTrk" + struct.pack(">I", len(body)) + bytes(body)


def _meta(kind: int, payload: bytes) -> bytes:
    return bytes((META, kind)) + write_number(len(payload)) + payload


def _text(kind: int, content: str) -> bytes:
    return _meta(kind, content.encode(errors="replace"))


def _conductor_events(score: Score) -> Iterator[_Event]:
    yield _Event(0, _FIRST, _text(META_NAME, score.title))
    changes = score.tempo_map.changes
    if not changes or changes[0].tick > 0:
        yield _Event(0, _FIRST, _tempo(DEFAULT_US_PER_BEAT))
    for change in changes:
        yield _Event(change.tick, _FIRST, _tempo(change.us_per_beat))
    for meter in score.meters:
        exponent = max(0, round(math.log2(meter.denominator)))
        yield _Event(meter.tick, _FIRST, _meta(META_METER, bytes((min(255, meter.numerator), exponent, 24, 8))))


def _tempo(us_per_beat: float) -> bytes:
    value = min(_LARGEST_TEMPO_US, max(1, round(us_per_beat)))
    return _meta(META_TEMPO, value.to_bytes(3, "big"))


def _track_events(track: Track, channel: int, ppq: int) -> Iterator[_Event]:
    yield _Event(0, _FIRST, _text(META_NAME, track.name))
    yield from _note_events(track, channel)
    yield from _lyric_events(track)
    yield from _bend_events(track, channel, ppq)
    if accents := sum(note.is_accented for note in track.notes):
        logger.warning('"%s": MIDI has no message for accents; those of %d notes were left out.', track.name, accents)
    for curve in track.curves:
        if curve.parameter not in _WRITABLE:
            logger.warning('"%s": MIDI has no message for %s; this curve was left out.', track.name, curve.parameter)
        elif curve.parameter is not Parameter.BEND_CENTS:
            yield from _controller_events(curve, channel, ppq)


def _note_events(track: Track, channel: int) -> Iterator[_Event]:
    for note in track.notes:
        key = round(note.pitch)
        if not 0 <= key <= 127:
            raise ScoreError(f'"{track.name}" has a note of pitch {note.pitch:g}; MIDI has 0 to 127. Transpose it first.')
        yield _Event(note.onset_ticks, _STRIKE, bytes((NOTE_ON | channel, key, min(127, max(1, note.velocity)))))
        yield _Event(note.offset_ticks, _RELEASE, bytes((NOTE_OFF | channel, key, 64)))


def _lyric_events(track: Track) -> Iterator[_Event]:
    """Return one lyric per tick; in a chord the highest note's words."""
    highest_first = sorted(track.notes, key=lambda note: -note.pitch)
    lyrics: dict[int, str] = {}
    for note in highest_first:
        if words := (note.lyric or "").strip():  # spaces at the ends would read as a karaoke file's word breaks
            lyrics.setdefault(note.onset_ticks, words)
    for tick, lyric in lyrics.items():
        yield _Event(tick, _WORDS, _text(META_LYRIC, lyric))


def _controller_events(curve: Curve, channel: int, ppq: int) -> Iterator[_Event]:
    last: int | None = None
    controller = BY_PARAMETER.get(curve.parameter)  # pressure has a message of its own
    scale = controller.scale if controller else MidiScale.UNIT
    for tick, value in _as_steps(curve, ppq, resolution=1 / 127):
        raw = scale.raw_of(value)
        if raw == last and not curve.stepped:
            continue
        last = raw
        message = (
            bytes((CHANNEL_PRESSURE | channel, raw))
            if controller is None
            else bytes((CONTROL | channel, controller.number, raw))
        )
        yield _Event(tick, _CONTROLLER, message)


def _bend_events(track: Track, channel: int, ppq: int) -> Iterator[_Event]:
    points = _bend_points(track, ppq)
    if not points:
        return
    range_cents = _bend_range_cents(points)
    semitones, cents = divmod(range_cents, 100)
    for number, value in ((RPN_COARSE, 0), (RPN_FINE, 0), (DATA_ENTRY, semitones), (DATA_ENTRY_FINE, cents)):
        yield _Event(0, _FIRST, bytes((CONTROL | channel, number, value)))
    for tick, bend_cents in points:
        raw = bend_to_midi(bend_cents, range_cents)
        yield _Event(tick, _CONTROLLER, bytes((BEND | channel, raw & 0x7F, raw >> 7)))


def _bend_range_cents(points: list[tuple[int, float]]) -> int:
    """Return the smallest range of whole semitones (at least the usual two) that holds all points."""
    largest = max(abs(value) for _, value in points)
    return min(_MAX_BEND_RANGE_CENTS, max(DEFAULT_BEND_RANGE_CENTS, math.ceil(largest / 100) * 100))


def _bend_points(track: Track, ppq: int) -> list[tuple[int, float]]:
    """Return the bend curve plus the bends of notes between two keys (quarter tones)."""
    curve = track.curve(Parameter.BEND_CENTS)
    resolution = DEFAULT_BEND_RANGE_CENTS / BEND_CENTRE
    steps = dict(_as_steps(curve, ppq, resolution)) if curve else {}
    offsets = {note.onset_ticks: _cents_off_key(note) for note in track.notes}
    if not any(offsets.values()):
        return list(steps.items())
    points = []
    bend, offset = 0.0, 0.0
    for tick in sorted(steps.keys() | offsets.keys()):
        bend, offset = steps.get(tick, bend), offsets.get(tick, offset)
        points.append((tick, bend + offset))
    return points


def _cents_off_key(note: Note) -> float:
    return (note.pitch - round(note.pitch)) * 100


def _as_steps(curve: Curve, ppq: int, resolution: float) -> Iterator[tuple[int, float]]:
    """Return the curve as values that hold until the next one; sloping lines become fine steps."""
    points = list(zip(curve.ticks, curve.values, strict=True))
    if curve.stepped or not points:
        yield from points
        return
    yield 0, points[0][1]
    for (start, value), (end, next_value) in itertools.pairwise(points):
        count = min((end - start) * _STEPS_PER_BEAT // ppq, math.ceil(abs(next_value - value) / resolution), end - start)
        for step in range(1, count):
            tick = start + (end - start) * step // count
            yield tick, value + (next_value - value) * (tick - start) / (end - start)
        yield end, next_value
