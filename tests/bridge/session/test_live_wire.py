"""Events of a live voice survive the pipe, and nothing else comes out of it."""

from __future__ import annotations

import json

import pytest

from bridge.session.live_wire import plain_event, read_event
from engine import (
    AllNotesOff,
    Bend,
    Configure,
    Expression,
    GoToLine,
    LiveEvent,
    LiveParameter,
    LiveSettings,
    Lyrics,
    NoteOff,
    NoteOn,
    Overlap,
    Panic,
    PerformanceSettings,
    ResetControllers,
    StepLine,
    Sustain,
    split_lyrics,
)
from engine.errors import ProtocolError

WORDS = split_lyrics("Stay *with* me - to-night AP 你好", language="en").lines

EVENTS: list[LiveEvent] = [
    NoteOn(0.5, 1 << 40, 60.5, 0.75),
    NoteOn(0.5, 3, 60.0, 0.75, WORDS[0]),
    NoteOff(1.0, 3),
    Bend(0.0, -1.5),
    Bend(0.0, 2.0, 7),
    Expression(0.0, LiveParameter.GROWL, 0.25),
    Expression(0.0, LiveParameter.DYNAMICS_DB, -60.0, 7),
    Sustain(2.0, True),
    Lyrics(0.0, WORDS),
    Lyrics(0.0, (), replaces=False),
    GoToLine(0.0, 2, 1),
    StepLine(0.0, -1),
    AllNotesOff(0.0),
    Panic(0.0, keeps_controllers=True),
    ResetControllers(0.0),
    Configure(
        0.0,
        PerformanceSettings(seed=3, natural_dynamics=0.5),
        LiveSettings(overlap=Overlap.MELISMA, again_key=None),
    ),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_what_goes_in_comes_out(event: LiveEvent) -> None:
    assert read_event(json.loads(json.dumps(plain_event(event)))) == event


@pytest.mark.parametrize("values", [["PhraseCache", 1.0], ["__import__", "os"], ["LiveEvent", 0.0]])
def test_other_classes_are_refused(values: list) -> None:
    with pytest.raises(ProtocolError):
        read_event(values)


def test_values_outside_their_range_are_refused() -> None:
    with pytest.raises(ValueError, match="pitch"):
        read_event(["NoteOn", 0.0, 1, 200.0, 0.5, None])
