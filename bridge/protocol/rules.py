"""Checks of a whole message, after its arguments have been checked one by one. Each takes and returns the event, or raises RejectedMessage."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from bridge.protocol import events, limits
from bridge.protocol.arguments import within
from bridge.protocol.message import Range
from bridge.protocol.ranges import CURVES, EXPRESSIONS, TRACK_PARAMS
from bridge.protocol.rejection import Code, RejectedMessage


def _within_named_range(ranges: dict[str, Range], event: Any) -> Any:
    bounds = ranges[event.name]
    return replace(event, value=within(f"value of {event.name}", event.value, bounds.low, bounds.high))


def expression(event: events.NoteExpression) -> events.NoteExpression:
    """Check the value of a named expression."""
    return _within_named_range(EXPRESSIONS, event)


def param(event: events.TrackParam) -> events.TrackParam:
    """Check the value of a named track setting."""
    return _within_named_range(TRACK_PARAMS, event)


def curve(event: events.ClipCurve) -> events.ClipCurve:
    """Check that positions ascend, and the values of a named curve."""
    _ascending("ppq", [point.ppq for point in event.points])
    bounds = CURVES[event.name]
    points = tuple(
        replace(point, value=within(f"value of {event.name}", point.value, bounds.low, bounds.high)) for point in event.points
    )
    return replace(event, points=points)


def tempo_map(event: events.TempoMapSet) -> events.TempoMapSet:
    """Check that a tempo map starts at 0 and ascends, and its denominators."""
    positions = [change.ppq for change in event.changes]
    if positions[0] != 0:
        raise RejectedMessage(Code.RULE, f"the first tempo is at ppq {positions[0]:g}", "the first one stands at ppq 0")
    _ascending("ppq", positions)
    for change in event.changes:
        if change.denominator & (change.denominator - 1):
            raise RejectedMessage(Code.RANGE, f"denominator is {change.denominator}", "valid is 1, 2, 4, 8, 16, 32, 64")
    return event


def loop(event: events.Loop) -> events.Loop:
    """Check that a loop ends after its start."""
    if event.on and event.end_ppq <= event.start_ppq:
        given = f"the loop goes from ppq {event.start_ppq:g} to {event.end_ppq:g}"
        raise RejectedMessage(Code.RULE, given, "its end is greater than its start")
    return event


def hello(event: events.Hello) -> events.Hello:
    """Check the major version of the client."""
    if event.api_major != limits.API_MAJOR:
        given = f"the client speaks version {event.api_major}"
        raise RejectedMessage(Code.VERSION, given, f"this server speaks version {limits.API_MAJOR}")
    return event


def _ascending(name: str, values: list[float]) -> None:
    for before, after in pairwise(values):
        if after <= before:
            raise RejectedMessage(
                Code.RULE, f"{name} {after:g} comes after {before:g}", f"each {name} is greater than the one before"
            )
