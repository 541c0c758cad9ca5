"""Walks rows of the parameter table through every format and interface that the row says it exists in."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import mido
import pytest

from bridge.cli import build_parser
from bridge.cli.expression import expression_values
from bridge.commands.serve import ServeOptions, midi_options
from bridge.midi.router import Learned, MidiOptions, MidiRouter, TrackEvent
from bridge.protocol import page
from bridge.protocol.read import Read, read_event
from engine import (
    CONTROLLERS,
    SETTINGS,
    Curve,
    Expression,
    LivePerformer,
    MidiScale,
    Note,
    Parameter,
    PerformanceSettings,
    Score,
    SettingsError,
    TempoMap,
    Track,
    read_score,
    write_score,
)
from engine.performance.curves import NEUTRAL
from engine.score.formats.project import VOCALOID_PARAMETERS

PPQ = 480
FREE_CONTROLLER = 20


def walk_parameter(parameter: Parameter) -> None:
    """Assert that curves, files, live play, MIDI and OSC know a parameter as its row says."""
    spec = parameter.spec
    assert parameter == parameter.value == spec.name and NEUTRAL[parameter] is spec.neutral
    middle = 0.5 * (spec.low + spec.high) if spec.midi is None else spec.midi.scale.value_of(96)
    assert spec.low <= middle <= spec.high
    _walk_files(parameter, middle)
    _walk_osc(parameter, middle)
    if spec.is_live:
        _walk_live(parameter, middle)
    if spec.midi is not None:
        (controller,) = [known for known in CONTROLLERS if known.parameter is parameter]
        assert (controller.number, controller.name, controller.meaning) == (spec.midi.number, spec.midi.name, spec.midi.meaning)
    assert (parameter in VOCALOID_PARAMETERS) == (spec.vocaloid is not None)


def walk_setting(name: str) -> None:
    """Assert that the performance, OSC and the command line know a setting as its row says."""
    setting = SETTINGS[name]
    assert getattr(PerformanceSettings(), name) == setting.default.value
    for value in (setting.low, setting.high):
        assert getattr(PerformanceSettings(**{name: value}), name) == value
        assert isinstance(read_event("/vocalese/track/param", "isf", [0, name, value]), Read)
    with pytest.raises(SettingsError, match=name):
        PerformanceSettings(**{name: setting.high + 1})
    assert not isinstance(read_event("/vocalese/track/param", "isf", [0, name, setting.high + 1]), Read)
    assert f"| `{name}` | {setting.low:g} to {setting.high:g} |" in page.page()
    if (option := setting.default.option) is not None:
        parsed = build_parser().parse_args(["render", "song.mid", option.flag, str(setting.low)])
        assert expression_values(parsed) == {name: setting.low}


def _walk_files(parameter: Parameter, value: float) -> None:
    spec = parameter.spec
    suffixes = {".mid": spec.midi, ".ustx": spec.ustx, ".svp": spec.svp}
    curve = Curve(parameter, (0, PPQ), (value, value), stepped=True)
    score = Score("walk", PPQ, (Track("walk", (Note(0, 2 * PPQ, 60.0, lyric="la"),), (curve,)),), TempoMap(PPQ))
    with tempfile.TemporaryDirectory() as folder:
        for suffix in [suffix for suffix, has in suffixes.items() if has]:
            path = Path(folder) / f"walk{suffix}"
            write_score(score, path)
            back = read_score(path).tracks[0].curve(parameter)
            if suffix != ".svp" or value != spec.neutral:  # a neutral curve is left out
                assert back is not None and value in [pytest.approx(found, abs=1e-3) for found in back.values], suffix


def _walk_osc(parameter: Parameter, value: float) -> None:
    spec, name = parameter.spec, parameter.value
    assert f"`{name}` | {spec.low:g} to {spec.high:g} |" in page.page()
    assert isinstance(read_event("/vocalese/clip/curve", "iiiisdf", [0, 1, 1, 0, name, 0.0, value]), Read)
    assert isinstance(read_event("/vocalese/note/expression", "iisf", [0, 1, name, value]), Read) == spec.is_per_note
    assert isinstance(read_event("/vocalese/midi/learn", "s", [name]), Read) == spec.is_live
    assert isinstance(read_event("/vocalese/midi/bind", "is", [FREE_CONTROLLER, name]), Read) == spec.is_live


def _walk_live(parameter: Parameter, value: float) -> None:
    spec = parameter.spec
    for bound in (spec.low, spec.high):
        Expression(0.0, parameter, bound)
    with pytest.raises(ValueError, match=parameter):
        Expression(0.0, parameter, spec.high + 1)
    performer = LivePerformer(PerformanceSettings())
    performer.feed(Expression(0.0, parameter, value))
    performer.advance(2)
    kept = performer.take().tracks[0].curve(parameter)
    assert value == spec.played_neutral or (kept is not None and kept.values[-1] == value)
    if spec.midi is not None:
        (moved,) = _routed(MidiRouter(), spec.midi.number, 96)
        assert moved == Expression(1.0, parameter, spec.midi.scale.value_of(96))
    bound_by_option = midi_options(ServeOptions(bindings=(f"{FREE_CONTROLLER}={parameter}",)))
    for options in (MidiOptions(bindings={FREE_CONTROLLER: parameter}), bound_by_option):
        (moved,) = _routed(MidiRouter(options), FREE_CONTROLLER, 127)
        assert moved == Expression(1.0, parameter, spec.high)
    router = MidiRouter()
    router.learn(parameter)
    message = mido.Message("control_change", control=FREE_CONTROLLER + 1, value=0)
    learned, found = router.feed(message, 1.0)
    assert learned == Learned(FREE_CONTROLLER + 1, parameter) and isinstance(found, TrackEvent)
    assert found.event == Expression(1.0, parameter, spec.low)


def _routed(router: MidiRouter, number: int, value: int) -> list[object]:
    message = mido.Message("control_change", control=number, value=value)
    return [item.event for item in router.feed(message, 1.0) if isinstance(item, TrackEvent)]


if __name__ == "__main__":  # python parameter_walk.py NAME, in a process whose table has another row
    added = Parameter(sys.argv[1])
    assert added.spec.midi is not None and added.spec.midi.scale is MidiScale.UNIT
    walk_parameter(added)
    walk_setting(added.value)
    sys.stdout.write(f"walked {added}\n")
