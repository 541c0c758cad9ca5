"""OpenUtau projects (.ustx): notes, pitch points, vibrato and curves, read and written without loss.

All scalars are read as text, because OpenUtau leaves lyrics such as `no` and `on` unquoted, which YAML takes for booleans.
"""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import yaml

from engine.errors import ScoreError
from engine.score.types import Curve, Meter, Note, Parameter, PitchPoint, Score, TempoChange, TempoMap, Track, Vibrato

from .utau_marks import read_aliases, to_utau

Node: TypeAlias = dict[str, Any]

USTX_PPQ = 480
USTX_VERSION = "0.6"
DEFAULT_BPM = 120.0
BPM_RANGE = (5.0, 1000.0)
MAX_TICK = 2**40
NEUTRAL_VOLUME = 100.0  # of the `vol` expression; ours is velocity 100
LEAST_ACCENT, ACCENT = 120.0, 150  # percent of the `atk` expression: least for an accent, value as written
# Supports text, lists and tables only, less than the "safe" loader: no tag can build an object.
LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
LANGUAGE_HINTS = {
    "english": "en",
    "arpa": "en",
    "chinese": "zh",
    "mandarin": "zh",
    "cantonese": "yue",
    "japanese": "ja",
    "korean": "ko",
}
_NESTED = re.compile(r"(?:[\[{]\s*){64}")  # the parser is extremely slow with it
SHAPES = frozenset({"io", "i", "o", "l"})


@dataclass(frozen=True, slots=True)
class _CurveKind:
    parameter: Parameter
    scale: float  # our unit per unit in the file
    neutral: float  # in the file's unit


CURVES = {
    kind.abbreviation: _CurveKind(parameter, kind.scale, parameter.spec.neutral / kind.scale)
    for parameter in Parameter
    if (kind := parameter.spec.ustx) is not None
}
ABBREVIATIONS = {kind.parameter: abbreviation for abbreviation, kind in CURVES.items()}
VIBRATO_FIELDS = {  # ours -> theirs
    "length_percent": "length",
    "period_ms": "period",
    "depth_cents": "depth",
    "fade_in_percent": "in",
    "fade_out_percent": "out",
    "shift_percent": "shift",
    "drift_percent": "drift",
    "volume_link_percent": "vol_link",
}
VIBRATO_DEFAULTS = {
    "length": 0.0,
    "period": 175.0,
    "depth": 25.0,
    "in": 10.0,
    "out": 10.0,
    "shift": 0.0,
    "drift": 0.0,
    "vol_link": 0.0,
}


def read_ustx(data: bytes, *, title: str) -> Score:
    """Read an OpenUtau project of any version."""
    project = _load(data)
    ppq = _whole(project.get("resolution"), USTX_PPQ)
    if not 1 <= ppq <= 100_000:
        raise ScoreError(f"The USTX resolution is {ppq}; valid is 1 to 100000 ticks per quarter, usually {USTX_PPQ}.")
    notices: list[str] = []
    parts_of_track: dict[int, list[Node]] = {}
    for part in _nodes(project.get("voice_parts")):
        parts_of_track.setdefault(_whole(part.get("track_no"), 0), []).append(part)
    headers = _nodes(project.get("tracks"))
    tracks = tuple(
        _read_track(headers[number] if 0 <= number < len(headers) else {}, number, parts)
        for number, parts in sorted(parts_of_track.items())
    )
    if project.get("wave_parts"):
        notices.append("The audio parts of the project were left out.")
    tempos = tuple(_read_tempos(project))
    return Score(title, ppq, tracks, TempoMap(ppq, tempos), tuple(_read_meters(project, ppq)), tuple(notices))


def _load(data: bytes) -> Node:
    try:
        text = data.decode("utf-8-sig")
        if "&" in text and any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=LOADER)):
            raise ScoreError("The USTX file uses YAML aliases, which OpenUtau never writes and which are refused for safety.")
        if _NESTED.search(text):
            raise ScoreError("The USTX file is nested more deeply than any project of OpenUtau. Save it again in OpenUtau.")
        project = yaml.load(text, Loader=LOADER)  # builds no objects, see LOADER
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ScoreError(f"The USTX file is not readable YAML ({error}). Save it again in OpenUtau.") from error
    if not isinstance(project, dict) or not ("voice_parts" in project or "tracks" in project):
        raise ScoreError("The file is YAML but not an OpenUtau project: it has neither voice_parts nor tracks.")
    return project


def _nodes(value: object) -> list[Node]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _number(value: object, default: float) -> float:
    try:
        result = float(value)  # type: ignore[arg-type]  # anything unusable falls back below
    except (TypeError, ValueError):
        return default
    return result if math.isfinite(result) and abs(result) <= MAX_TICK else default


def _whole(value: object, default: int) -> int:
    return round(_number(value, default))


def _read_tempos(project: Node) -> Iterable[TempoChange]:
    nodes = _nodes(project.get("tempos")) or [{"position": 0, "bpm": project.get("bpm")}]
    tempos = {max(0, _whole(node.get("position"), 0)): _number(node.get("bpm"), DEFAULT_BPM) for node in nodes}
    for tick in sorted(tempos):
        yield TempoChange(tick, 60e6 / min(max(tempos[tick], BPM_RANGE[0]), BPM_RANGE[1]))


def _read_meters(project: Node, ppq: int) -> list[Meter]:
    """Return meters from bar numbers. The meter before gives the length of a bar."""
    nodes = _nodes(project.get("time_signatures")) or [{"bar_position": 0, **project}]
    meters: list[Meter] = []
    bar = tick = 0
    for node in sorted(nodes, key=lambda node: _whole(node.get("bar_position"), 0)):
        numerator, denominator = _whole(node.get("beat_per_bar"), 4), _whole(node.get("beat_unit"), 4)
        position = max(bar, _whole(node.get("bar_position"), 0))
        if not (1 <= numerator <= 255 and denominator in (1, 2, 4, 8, 16, 32, 64)):
            continue
        if meters:
            tick += (position - bar) * _bar_ticks(meters[-1], ppq)
        bar = position
        meters = [meter for meter in meters if meter.tick != tick] + [Meter(tick, numerator, denominator)]
    return meters


def _bar_ticks(meter: Meter, ppq: int) -> int:
    return ppq * 4 * meter.numerator // meter.denominator


def _read_track(header: Node, number: int, parts: Sequence[Node]) -> Track:
    parts = sorted(parts, key=lambda part: _whole(part.get("position"), 0))
    notes = sorted((note for part in parts for note in _read_notes(part)), key=lambda note: (note.onset_ticks, note.pitch))
    lyrics, alias_language = read_aliases([note.lyric for note in notes])
    name = str(header.get("track_name") or (parts[0].get("name") if parts else "") or f"Track {number + 1}")
    phonemizer = str(header.get("phonemizer", "")).lower()
    return Track(
        name=name,
        notes=tuple(replace(note, lyric=lyric) for note, lyric in zip(notes, lyrics, strict=True)),
        curves=tuple(_read_curves(parts)),
        language=next((code for hint, code in LANGUAGE_HINTS.items() if hint in phonemizer), alias_language),
        is_muted=str(header.get("mute", "")).lower() == "true",
    )


def _read_notes(part: Node) -> Iterable[Note]:
    start = _whole(part.get("position"), 0)
    previous: Note | None = None
    for node in sorted(_nodes(part.get("notes")), key=lambda node: _whole(node.get("position"), 0)):
        onset = max(0, start + _whole(node.get("position"), 0))
        pitch = _number(node.get("tone"), 60.0) + _number(node.get("tuning"), 0.0) / 100
        duration = _whole(node.get("duration"), 0)
        if duration < 1 or not 0 <= pitch <= 127:
            continue
        step_cents = _snap_cents(previous, onset, pitch)
        previous = Note(
            onset_ticks=onset,
            duration_ticks=duration,
            pitch=pitch,
            velocity=_velocity(node),
            lyric=str(node.get("lyric") or "") or None,
            vibrato=_read_vibrato(node.get("vibrato")),
            pitch_points=tuple(_read_pitch_points(node.get("pitch"), step_cents)),
            is_accented=_expression(node, "atk", 0.0) >= LEAST_ACCENT,
        )
        yield previous


def _snap_cents(previous: Note | None, onset: int, pitch: float) -> float:
    """Return the height of a snapped first pitch point: the note before if it touches this one, else this note."""
    touches = previous is not None and previous.offset_ticks == onset
    return round((previous.pitch - pitch) * 100, 6) if previous is not None and touches else 0.0


def _velocity(node: Node) -> int:
    return max(1, min(127, round(_expression(node, "vol", NEUTRAL_VOLUME))))


def _expression(node: Node, abbreviation: str, default: float) -> float:
    """Return the expression of the note's first phoneme that has one."""
    found = (item for item in _nodes(node.get("phoneme_expressions")) if item.get("abbr") == abbreviation)
    return next((_number(item.get("value"), default) for item in found), default)


def _read_vibrato(node: object) -> Vibrato | None:
    if not isinstance(node, dict) or _number(node.get("length"), 0.0) <= 0:
        return None
    return Vibrato(**{ours: _number(node.get(theirs), VIBRATO_DEFAULTS[theirs]) for ours, theirs in VIBRATO_FIELDS.items()})


def _read_pitch_points(node: object, snapped_cents: float) -> Iterable[PitchPoint]:
    """Return points; times in ms, heights in tenths of a semitone."""
    if not isinstance(node, dict):
        return
    snaps = str(node.get("snap_first", "true")).lower() == "true"
    for i, point in enumerate(_nodes(node.get("data"))):
        cents = snapped_cents if snaps and i == 0 else _number(point.get("y"), 0.0) * 10
        shape = str(point.get("shape", "io"))
        yield PitchPoint(_number(point.get("x"), 0.0), cents, shape if shape in SHAPES else "io")


def _read_curves(parts: Sequence[Node]) -> Iterable[Curve]:
    for abbreviation, kind in CURVES.items():
        points: dict[int, float] = {}
        for part in parts:
            start = _whole(part.get("position"), 0)
            samples = _samples(part, abbreviation)
            if points and samples:
                _separate(points, start + samples[0][0], samples[0][1], kind)
            points.update({max(0, start + x): y for x, y in samples})
        if points:
            ticks = sorted(points)
            yield Curve(kind.parameter, tuple(ticks), tuple(_scale(points[tick], kind.scale) for tick in ticks))


def _samples(part: Node, abbreviation: str) -> list[tuple[int, float]]:
    for node in _nodes(part.get("curves")):
        xs, ys = node.get("xs"), node.get("ys")
        if node.get("abbr") == abbreviation and isinstance(xs, list) and isinstance(ys, list):
            return sorted({_whole(x, 0): _number(y, 0.0) for x, y in zip(xs, ys, strict=False)}.items())
    return []


def _separate(points: dict[int, float], start: int, first: float, kind: _CurveKind) -> None:
    """Keep the neutral stretch between two parts, which a straight line would otherwise cross."""
    end = max(points)
    if points[end] != kind.neutral and end + 1 < start:
        points[end + 1] = kind.neutral
    if first != kind.neutral and max(points) < start - 1:
        points[start - 1] = kind.neutral


def _scale(value: float, scale: float) -> float:
    return round(value * scale, 9)


def write_ustx(score: Score) -> bytes:
    """Return an OpenUtau project with one voice part per track, at 480 ticks per quarter."""

    def ticks(value: int) -> int:
        return round(value * USTX_PPQ / score.ppq)

    tempos = score.tempo_map.changes or (TempoChange(0, 60e6 / DEFAULT_BPM),)
    if tempos[0].tick > 0:
        tempos = (TempoChange(0, 60e6 / DEFAULT_BPM), *tempos)
    meters = _write_meters(score)
    project = {
        "name": score.title,
        "comment": "",
        "output_dir": "Vocal",
        "cache_dir": "UCache",
        "ustx_version": USTX_VERSION,
        "resolution": USTX_PPQ,
        "bpm": _plain(tempos[0].bpm),
        "beat_per_bar": meters[0]["beat_per_bar"],
        "beat_unit": meters[0]["beat_unit"],
        "time_signatures": meters,
        "tempos": [{"position": ticks(change.tick), "bpm": _plain(change.bpm)} for change in tempos],
        "tracks": [_write_header(track) for track in score.tracks],
        "voice_parts": [_write_part(track, number, ticks) for number, track in enumerate(score.tracks)],
        "wave_parts": [],
    }
    return yaml.dump(project, Dumper=DUMPER, allow_unicode=True, sort_keys=False, width=2**16).encode("utf-8")


def _plain(value: float) -> float | int:
    """Return whole numbers without a decimal point, as OpenUtau writes them, others without the noise of binary fractions."""
    rounded = round(value, 9)
    return int(rounded) if rounded == int(rounded) else rounded


def _write_meters(score: Score) -> list[dict[str, int]]:
    """Return meters by bar number. One in the middle of a bar moves to the next bar line, as OpenUtau requires."""
    result: list[dict[str, int]] = []
    bar, before = 0, Meter(0, 4, 4)
    for meter in score.meters:
        bar += math.ceil((meter.tick - before.tick) / _bar_ticks(before, score.ppq))
        result = [node for node in result if node["bar_position"] != bar]
        result.append({"bar_position": bar, "beat_per_bar": meter.numerator, "beat_unit": meter.denominator})
        before = meter
    if not result or result[0]["bar_position"] > 0:
        result.insert(0, {"bar_position": 0, "beat_per_bar": 4, "beat_unit": 4})
    return result


def _write_header(track: Track) -> Node:
    return {
        "phonemizer": "OpenUtau.Core.DefaultPhonemizer",
        "track_name": track.name,
        "track_color": "Blue",
        "mute": track.is_muted,
        "solo": False,
        "volume": 0,
        "pan": 0,
    }


def _write_part(track: Track, number: int, ticks: Callable[[int], int]) -> Node:
    lyrics = to_utau(note.lyric for note in track.notes)
    ends = [note.offset_ticks for note in track.notes] + [curve.ticks[-1] for curve in track.curves if curve.ticks]
    notes, previous = [], None
    for note, lyric in zip(track.notes, lyrics, strict=True):
        notes.append(_write_note(note, previous, lyric, ticks))
        previous = note
    return {
        "duration": ticks(max(ends, default=USTX_PPQ)),
        "name": track.name,
        "comment": "",
        "track_no": number,
        "position": 0,
        "notes": notes,
        "curves": [_write_curve(curve, ticks) for curve in track.curves if curve.parameter in ABBREVIATIONS],
    }


def _write_note(note: Note, previous: Note | None, lyric: str, ticks: Callable[[int], int]) -> Node:
    tone = round(note.pitch)
    onset = ticks(note.onset_ticks)
    expressions = [] if note.velocity == NEUTRAL_VOLUME else [{"index": None, "abbr": "vol", "value": note.velocity}]
    if note.is_accented:
        expressions.append({"index": None, "abbr": "atk", "value": ACCENT})
    return {
        "position": onset,
        "duration": max(1, ticks(note.offset_ticks) - onset),
        "tone": tone,
        "lyric": lyric,
        "pitch": _write_pitch(note.pitch_points, _snap_cents(previous, note.onset_ticks, note.pitch)),
        "vibrato": _write_vibrato(note.vibrato),
        "tuning": round((note.pitch - tone) * 100),
        "phoneme_expressions": expressions,
        "phoneme_overrides": [],
    }


def _write_pitch(points: Sequence[PitchPoint], snapped_cents: float) -> Node:
    data = [{"x": _plain(point.time_ms), "y": _plain(point.cents / 10), "shape": point.shape} for point in points]
    return {"data": data, "snap_first": bool(points) and abs(points[0].cents - snapped_cents) < 1e-6}


def _write_vibrato(vibrato: Vibrato | None) -> Mapping[str, float]:
    if vibrato is None:
        return {name: _plain(value) for name, value in VIBRATO_DEFAULTS.items()}
    return {theirs: _plain(getattr(vibrato, ours)) for ours, theirs in VIBRATO_FIELDS.items()}


def _write_curve(curve: Curve, ticks: Callable[[int], int]) -> Node:
    abbreviation = ABBREVIATIONS[curve.parameter]
    scale = CURVES[abbreviation].scale
    points = {ticks(tick): _plain(value / scale) for tick, value in _as_line_points(curve)}
    return {"xs": list(points), "ys": list(points.values()), "abbr": abbreviation}


def _as_line_points(curve: Curve) -> Iterable[tuple[int, float]]:
    """Return the points of a curve; a stepped one gets a second point just before each step."""
    before: float | None = None
    for tick, value in zip(curve.ticks, curve.values, strict=True):
        place = bisect.bisect_left(curve.ticks, tick)
        free = place == 0 or curve.ticks[place - 1] < tick - 1
        if curve.stepped and before is not None and before != value and free:
            yield tick - 1, before
        yield tick, value
        before = value
