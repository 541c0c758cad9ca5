"""Events of a live voice survive the pipe, and no other class comes out of it."""

from __future__ import annotations

import msgspec
import pytest

from bridge.live.messages import read_event, wire_events
from bridge.realtime.ipc import encode
from engine import (
    AllNotesOff,
    Bend,
    Configure,
    Expression,
    GoToLine,
    LiveEvent,
    LiveSettings,
    Lyrics,
    NoteOff,
    NoteOn,
    Overlap,
    Panic,
    Parameter,
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
    Expression(0.0, Parameter.GROWL, 0.25),
    Expression(0.0, Parameter.DYNAMICS_DB, -60.0, 7),
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
def test_events_survive_the_pipe(event: LiveEvent) -> None:
    (sent,) = wire_events((event,))
    assert read_event(sent) == event


@pytest.mark.parametrize(("name", "values"), [("PhraseCache", 1.0), ("__import__", "os"), ("LiveEvent", {"time_s": 0.0})])
def test_other_classes_are_rejected(name: str, values: object) -> None:
    with pytest.raises(ProtocolError):
        read_event((name, msgspec.Raw(encode(values))))


def test_values_outside_their_range_are_rejected() -> None:
    values = {"time_s": 0.0, "note_id": 1, "pitch": 200.0, "velocity": 0.5}
    with pytest.raises(ProtocolError, match="pitch"):
        read_event(("NoteOn", msgspec.Raw(encode(values))))
