"""VOCALOID 3 and 4 sequences (.vsqx): XML with long element names in version 3 and short ones in version 4."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from engine.errors import ScoreError
from engine.score.types import Meter, Note, Score, TempoMap, Track

from .musicxml_file import parse_xml
from .project import (
    MAX_NOTES,
    PPQ,
    bar_ticks,
    in_order,
    is_singable,
    meters_at_bars,
    tempo_change,
    tempo_changes,
    vocaloid_curves,
)
from .vocaloid_lyrics import from_vocaloid, is_romaji

_NEUTRAL_GENDER = 64
_MAX_PREMEASURE = 64


@dataclass(frozen=True, slots=True)
class _Names:
    """Names of elements, and of the controllers in the order in which `vocaloid_curves` takes them ("" = the format has none)."""

    track: str
    part: str
    number: str
    name: str
    tick: str
    duration: str
    pitch: str
    lyric: str
    phonemes: str
    control: str
    value: str
    bar: str
    numerator: str
    denominator: str
    bpm: str
    mute: str
    controllers: tuple[str, ...]


_VSQ3 = _Names(
    "vsTrack", "musicalPart", "vsTrackNo", "trackName", "posTick", "durTick", "noteNum", "lyric", "phnms", "mCtrl", "attr",
    "posMes", "nume", "denomi", "bpm", "mute", ("PIT", "PBS", "DYN", "BRE", "GEN", ""),
)  # fmt: skip
_VSQ4 = _Names(
    "vsTrack", "vsPart", "tNo", "name", "t", "dur", "n", "y", "p", "cc", "v",
    "m", "nu", "de", "v", "m", ("P", "S", "D", "B", "G", ""),
)  # fmt: skip


def read_vsqx(data: bytes, *, title: str) -> Score:
    """Read a sequence. Contents before its first bar (the "pre-measure") are left out."""
    root = parse_xml(data)
    kind = root.tag.rpartition("}")[2]
    if kind not in ("vsq3", "vsq4"):
        raise ScoreError(f"The .vsqx file holds <{kind[:40]}> and not a VOCALOID sequence. Save it again in its own program.")
    for element in root.iter():  # names without their schema
        element.tag = element.tag.rpartition("}")[2]
    names = _VSQ3 if kind == "vsq3" else _VSQ4
    master = root.find("masterTrack")
    ppq = min(max(round(_number(master, "resolution", PPQ)), 1), 100_000)
    scale = PPQ / ppq
    meters = meters_at_bars(
        (_number(item, names.bar, 0), _number(item, names.numerator, 4), _number(item, names.denominator, 4))
        for item in _all(master, "timeSig")
    )
    start = _premeasure_ticks(meters, min(max(round(_number(master, "preMeasure", 0)), 0), _MAX_PREMEASURE))
    changes = (
        tempo_change(_number(item, names.tick, 0) * scale - start, _number(item, names.bpm, 12000) / 100)
        for item in _all(master, "tempo")
    )
    mixer = root.find("mixer")
    muted = {_number(unit, names.number, -1) for unit in _all(mixer, "vsUnit") if _number(unit, names.mute, 0) == 1}
    tracks = tuple(_track(item, index, names, muted, start, scale) for index, item in enumerate(root.findall(names.track)))
    moved = {max(0, meter.tick - start): meter for meter in meters}
    notices = ["Vibrato and phonemes of the project were left out; the voice makes its own."]
    if any(root.find(f"{place}/wavPart") is not None for place in ("monoTrack", "stTrack")):
        notices.append("Audio tracks of the project were left out.")
    return Score(
        title,
        PPQ,
        tracks,
        TempoMap(PPQ, tempo_changes(changes)),
        tuple(Meter(tick, moved[tick].numerator, moved[tick].denominator) for tick in sorted(moved)),
        tuple(notices),
    )


def _premeasure_ticks(meters: tuple[Meter, ...], bars: int) -> int:
    tick = 0
    for _ in range(bars):
        tick += bar_ticks(next((meter for meter in reversed(meters) if meter.tick <= tick), Meter(0, 4, 4)))
    return tick


def _track(item: Element, index: int, names: _Names, muted: set[float], start: int, scale: float) -> Track:
    notes: list[Note] = []
    points: dict[str, dict[int, float]] = {name: {} for name in names.controllers}
    for part in item.findall(names.part):
        origin = _number(part, names.tick, 0) * scale - start
        for note in part.findall("note"):
            onset = origin + _number(note, names.tick, -1e9) * scale
            duration, pitch = _number(note, names.duration, 0) * scale, _number(note, names.pitch, 60)
            if is_singable(onset, duration, pitch) and len(notes) < MAX_NOTES:
                lyric = from_vocaloid(_text(note, names.lyric), _text(note, names.phonemes))
                notes.append(Note(round(onset), round(duration), float(round(pitch)), lyric=lyric))
        for control in part.findall(names.control):
            value = control.find(names.value)
            if value is not None and value.get("id") in points:
                tick = round(origin + _number(control, names.tick, 0) * scale)
                points[str(value.get("id"))][tick] = _finite(value.text, 0)
    gender = names.controllers[4]
    points[gender] = {tick: value - _NEUTRAL_GENDER for tick, value in points[gender].items()}
    return Track(
        name=_text(item, names.name) or f"Track {index + 1}",
        notes=in_order(notes),
        curves=vocaloid_curves(*points.values()),
        language="ja" if is_romaji([note.lyric for note in notes]) else None,
        is_muted=_number(item, names.number, index) in muted,
    )


def _all(parent: Element | None, name: str) -> Iterable[Element]:
    return [] if parent is None else parent.findall(name)


def _text(parent: Element | None, name: str) -> str:
    child = None if parent is None else parent.find(name)
    return (child.text or "").strip() if child is not None else ""


def _number(parent: Element | None, name: str, default: float) -> float:
    return _finite(_text(parent, name), default)


def _finite(text: str | None, default: float) -> float:
    try:
        value = float(text or "")
    except ValueError:
        return default
    return value if math.isfinite(value) and abs(value) < 1e9 else default
