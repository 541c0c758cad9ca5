"""Helpers for projects of singing editors: limits, meters at bars, and VOCALOID's controllers as curves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from engine.score.types import Curve, Meter, Note, Parameter, TempoChange

PPQ = 480
LAST_TICK = 100_000 * PPQ
BPM_RANGE = (5.0, 1000.0)
MAX_NOTES = 200_000
PIT_RANGE = 8192
DEFAULT_SENSITIVITY = 2
_SILENT_DB = -60.0
VOCALOID_PARAMETERS = {parameter: curve for parameter in Parameter if (curve := parameter.spec.vocaloid) is not None}

Points = Mapping[int, float]


def tempo_change(tick: float, bpm: float) -> TempoChange:
    """Return a tempo change with its tempo clipped to the bounds."""
    return TempoChange(max(0, round(tick)), 60e6 / min(max(bpm, BPM_RANGE[0]), BPM_RANGE[1]))


def tempo_changes(changes: Iterable[TempoChange]) -> tuple[TempoChange, ...]:
    """Return tempo changes in ascending order; of several at one tick the last one."""
    by_tick = {change.tick: change for change in changes if change.tick <= LAST_TICK}
    return tuple(by_tick[tick] for tick in sorted(by_tick))


def meters_at_bars(bars: Iterable[tuple[float, float, float]]) -> tuple[Meter, ...]:
    """Return meters from (bar, numerator, denominator). The meter before gives the length of a bar. Invalid ones are left out."""
    meters: list[Meter] = []
    bar = tick = 0
    for place, numerator, denominator in sorted(bars):
        if not 1 <= numerator <= 255 or denominator not in (1, 2, 4, 8, 16, 32, 64) or place > LAST_TICK:
            continue
        position = max(bar, round(place))
        if meters:
            tick += (position - bar) * bar_ticks(meters[-1])
        bar = position
        meters = [meter for meter in meters if meter.tick != tick] + [Meter(tick, round(numerator), round(denominator))]
    return tuple(meters)


def bar_ticks(meter: Meter) -> int:
    """Return the length of a bar."""
    return PPQ * 4 * meter.numerator // meter.denominator


def in_order(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Return notes by onset, then pitch, as in a `Track`."""
    return tuple(sorted(notes, key=lambda note: (note.onset_ticks, note.pitch)))


def is_singable(onset: float, duration: float, pitch: float) -> bool:
    """Return True for a note within the bounds of a score."""
    return 0 <= onset <= LAST_TICK and 0.5 <= duration <= LAST_TICK and 0 <= pitch <= 127


def stepped_curve(parameter: Parameter, points: Points) -> Curve:
    """Return a curve whose values hold until the next one."""
    ticks = tuple(sorted(tick for tick in points if 0 <= tick <= LAST_TICK))
    return Curve(parameter, ticks, tuple(points[tick] for tick in ticks), stepped=True)


def vocaloid_curves(bend: Points, sensitivity: Points, dynamics: Points, *others: Points) -> tuple[Curve, ...]:
    """Return VOCALOID's controllers as curves, without those that are always neutral.

    Bend -8192..8191 within `sensitivity` semitones, dynamics 0..127 (64 = 0 dB), `others` in the order of `VOCALOID_PARAMETERS`.
    """
    cents: dict[int, float] = {}
    value, semitones = 0.0, float(DEFAULT_SENSITIVITY)
    for tick in sorted(bend.keys() | sensitivity.keys()):
        value, semitones = bend.get(tick, value), sensitivity.get(tick, semitones)
        cents[tick] = round(max(-1.0, min(1.0, value / PIT_RANGE)) * max(0.0, min(24.0, semitones)) * 100, 3)
    curves = (
        stepped_curve(Parameter.BEND_CENTS, cents),
        stepped_curve(Parameter.DYNAMICS_DB, {tick: _decibels(value) for tick, value in dynamics.items()}),
        *(_share_curve(parameter, points) for parameter, points in zip(VOCALOID_PARAMETERS, others, strict=True)),
    )
    return tuple(curve for curve in curves if any(curve.values))


def _decibels(value: float) -> float:
    return round(20 * math.log10(min(value, 127) / 64), 3) if value > 0 else _SILENT_DB


def _share_curve(parameter: Parameter, points: Points) -> Curve:
    spec = parameter.spec
    full = VOCALOID_PARAMETERS[parameter].full
    return stepped_curve(
        parameter, {tick: round(float(max(spec.low, min(spec.high, value / full))), 6) for tick, value in points.items()}
    )
