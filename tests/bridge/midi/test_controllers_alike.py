"""A controller means the same when it is played live, when it is read from a file, and in a file that a performance was recorded into."""

from __future__ import annotations

import math
import struct

import mido
import numpy as np
import pytest

from bridge.midi.router import MidiRouter, TrackEvent
from engine import (
    CONTROLLERS,
    Controller,
    Expression,
    LiveEvent,
    LivePerformer,
    Mode,
    NoteOff,
    NoteOn,
    Parameter,
    PerformanceSettings,
    Score,
    plan_score,
    read_score,
    write_score,
)

MOVED = [controller for controller in CONTROLLERS if controller.parameter is not None]
_names = [controller.name for controller in MOVED]


def file_of(path, *messages: tuple[int, bytes]) -> Score:
    """A MIDI file with a note and these messages (tick, bytes), 960 ticks to the second."""
    body, last = b"", 0
    for tick, message in messages:
        rest, delta = tick - last, []
        last = tick
        while True:
            delta.insert(0, rest & 0x7F | (0x80 if delta else 0))
            rest >>= 7
            if not rest:
                break
        body += bytes(delta) + message
    body += b"\0\xff\x2f\0"
    path.write_bytes(b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480) + b"MTrk" + struct.pack(">I", len(body)) + body)
    return read_score(path)


def routed(*data: int, time_s: float = 1.0) -> list[LiveEvent]:
    return [item.event for item in MidiRouter().feed(mido.Message.from_bytes(data), time_s) if isinstance(item, TrackEvent)]


@pytest.mark.parametrize("controller", MOVED, ids=_names)
def test_every_value_means_the_same_live_and_in_a_file(tmp_path, controller: Controller) -> None:
    steps = [(10 * raw, bytes((0xB0, controller.number, raw))) for raw in range(128)]
    score = file_of(tmp_path / "moved.mid", *steps, (1_400, bytes((0x90, 60, 90))), (1_900, bytes((0x80, 60, 0))))
    (curve,) = score.tracks[0].curves
    assert curve.parameter is controller.parameter
    if controller.parameter is Parameter.SUSTAIN:
        assert [routed(0xB0, 64, raw)[0].is_down for raw in range(128)] == [value >= 0.5 for value in curve.values]
        return
    live = [routed(0xB0, controller.number, raw)[0] for raw in range(128)]
    assert [event.parameter.value for event in live] == [controller.parameter.value] * 128
    assert [event.value for event in live] == list(curve.values)


@pytest.mark.parametrize("controller", MOVED, ids=_names)
def test_every_value_comes_back_from_a_file_that_is_written(controller: Controller) -> None:
    raws = (0, 127) if controller.number == 65 else range(128)
    assert [controller.scale.raw_of(controller.scale.value_of(raw)) for raw in raws] == list(raws)


def test_a_performance_that_was_recorded_has_the_same_controllers_in_its_file(tmp_path, starter) -> None:
    performer = LivePerformer(PerformanceSettings())
    moved = {5: 64, 65: 127, 71: 100, 76: 20, 3: 90, 18: 30, 70: 40, 74: 80, 73: 40, 2: 20, 1: 50, 7: 90, 11: 100}
    events = [event for number, raw in moved.items() for event in routed(0xB0, number, raw, time_s=0.2)]
    assert len(events) == len(moved)
    keys = [NoteOn(0.5, 1, 60.0, 0.7), NoteOn(1.0, 2, 67.0, 0.7), NoteOff(1.0, 1), NoteOff(1.5, 2)]
    for event in (*events, *keys):
        performer.feed(event)
    _, sung = performer.advance(200)
    path = tmp_path / "take.mid"
    write_score(performer.take(), path)
    back = read_score(path)
    held = {curve.parameter: curve.values[-1] for curve in back.tracks[0].curves}
    by_number = {controller.number: controller for controller in MOVED}
    for number, raw in moved.items():
        parameter = by_number[number].parameter
        assert held.get(parameter, math.nan) == pytest.approx(by_number[number].scale.value_of(raw), abs=1e-9), number

    phrase = plan_score(back, starter.card, PerformanceSettings()).tracks[0].performed.phrases[0]
    at_live, at_file = 80, 80 - phrase.start_frame
    for name in ("breathiness", "tension", "formant_semitones", "colour", "growl"):
        assert getattr(phrase, name)[at_file] == pytest.approx(getattr(sung, name)[at_live], abs=1e-4), name


def glide_s(score: Score, starter, settings: PerformanceSettings) -> float:
    """Return how long the pitch is between the two notes of a score, a fifth apart."""
    phrase = plan_score(score, starter.card, settings).tracks[0].performed.phrases[0]
    pitch = 69 + 12 * np.log2(np.nan_to_num(phrase.f0_hz, nan=440.0) / 440)
    return float(np.sum((pitch > 61) & (pitch < 66)) / 100)


def test_portamento_of_a_file_is_heard(tmp_path, starter) -> None:
    def song(*messages: tuple[int, bytes]) -> Score:
        notes = [(960, b"\x90\x3c\x5a"), (1_920, b"\x80\x3c\x00"), (1_920, b"\x90\x43\x5a"), (2_880, b"\x80\x43\x00")]
        return file_of(tmp_path / "glide.mid", *messages, *notes)

    settings = PerformanceSettings(vibrato_depth_cents=0, drift_cents=0)
    as_set = glide_s(song(), starter, settings)
    assert glide_s(song((0, b"\xb0\x05\x7f")), starter, settings) > 2 * as_set
    assert glide_s(song((0, b"\xb0\x41\x00")), starter, settings) < as_set
    assert glide_s(song((0, b"\xb0\x05\x7f"), (10, b"\xb0\x41\x00")), starter, settings) < as_set


def test_the_pitch_strength_of_a_take_counts_when_it_is_rapped(starter) -> None:
    performer = LivePerformer(PerformanceSettings())
    for event in (Expression(0.0, Parameter.PITCH_STRENGTH, 1.0), NoteOn(0.5, 1, 72.0, 0.7), NoteOff(1.0, 1)):
        performer.feed(event)
    performer.advance(150)
    rapped = plan_score(performer.take(), starter.card, PerformanceSettings(mode=Mode.RAP)).tracks[0].performed.phrases[0]
    middle = rapped.f0_hz[np.isfinite(rapped.f0_hz)]
    assert np.median(69 + 12 * np.log2(middle / 440)) == pytest.approx(72, abs=0.6)


def test_controller_3_moves_a_note_that_is_rapped_live() -> None:
    settings = PerformanceSettings(mode=Mode.RAP, pitch_strength=0.0, speaking_pitch=57.0, intonation=0.0, drift_cents=0.0)
    performer = LivePerformer(settings)
    moves = [(0.1, (0x90, 64, 100)), (0.5, (0xB0, 3, 127)), (1.0, (0xB0, 3, 0)), (1.5, (0x80, 64, 0))]
    for time_s, data in moves:
        for event in routed(*data, time_s=time_s):
            performer.feed(event)
    _, controls = performer.advance(150)
    pitch = 69 + 12 * np.log2(controls.f0_hz / 440)
    assert pitch[[40, 80, 130]] == pytest.approx([57.0, 64.0, 57.0], abs=0.05)
