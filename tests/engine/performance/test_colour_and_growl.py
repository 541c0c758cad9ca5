"""Colour, growl and natural dynamics as they reach performances, rendered and live."""

from dataclasses import replace

import numpy as np
import pytest
from played import performer_of, play
from sung import settings_of, sing, times_of

from engine.errors import SettingsError
from engine.live.events import Expression, NoteOff, NoteOn
from engine.lyrics import read_spoken_text
from engine.performance import Mode, PerformanceSettings, PlacedLine, perform_lines
from engine.performance.types import Controls
from engine.score import Curve, Parameter

NOTE = [(2, 4, 60, "la")]
FIELDS = ("phones", "lyrics", "utterance", "seed")
ARRAYS = ("f0_hz", "energy_db", "breathiness", "tension", "formant_semitones", "colour", "growl")


def only(song, mode="sing", curves=(), **changes):
    (phrase,) = sing(song(NOTE, curves=curves), mode, **changes).phrases
    return phrase


def speak(**changes):
    (line,) = read_spoken_text("Hello there.")
    return perform_lines([PlacedLine(line, 1.0)], settings_of("talk", **changes)).phrases[0]


@pytest.mark.parametrize("name", ["colour", "growl"])
@pytest.mark.parametrize("mode", ["sing", "rap"])
def test_setting_and_controller_add_up_within_0_and_1(song, name, mode):
    assert not getattr(only(song, mode), name).any()
    curve = Curve(Parameter(name), (0, 1920), (0.25, 0.75), stepped=True)  # the second from 2 s on
    phrase = only(song, mode, (curve,), **{name: 0.5})
    early = times_of(phrase) < 2.0
    assert (getattr(phrase, name)[early] == 0.75).all() and (getattr(phrase, name)[~early] == 1.0).all()


@pytest.mark.parametrize("name", ["colour", "growl"])
def test_colour_and_growl_change_only_their_own_control(song, name):
    plain, changed = only(song), only(song, **{name: 0.7})
    assert all(getattr(plain, item) == getattr(changed, item) for item in FIELDS)
    assert [item for item in ARRAYS if not np.array_equal(getattr(plain, item), getattr(changed, item))] == [name]
    assert plain.hash != changed.hash
    assert (getattr(speak(**{name: 0.7}), name) == np.float32(0.7)).all()


@pytest.mark.parametrize(("mode", "share"), [("sing", 0.25), ("rap", 0.5), ("talk", 1.0)])
def test_natural_dynamics_are_the_mode_s_unless_set(song, mode, share):
    own, chosen = only(song, mode), only(song, mode, natural_dynamics=0.1)
    assert (own.natural_dynamics, chosen.natural_dynamics) == (share, 0.1)
    assert own.hash != chosen.hash and np.array_equal(own.energy_db, chosen.energy_db)


@pytest.mark.parametrize(("mode", "steadiness"), [("sing", 1.0), ("rap", 0.4)])
def test_held_notes_are_steadier_than_rap(song, mode, steadiness):
    phrase = only(song, mode)
    assert phrase.steadiness == steadiness
    assert replace(phrase, steadiness=0.0).hash != phrase.hash


def test_spoken_lines_have_speech_dynamics_in_any_mode():
    (line,) = read_spoken_text("Hello.")
    phrase = perform_lines([PlacedLine(line, 1.0)], PerformanceSettings()).phrases[0]
    assert phrase.natural_dynamics == 1.0 and phrase.steadiness == 0.0
    assert PerformanceSettings(natural_dynamics=0.0).natural_dynamics_in(Mode.TALK) == 0.0


@pytest.mark.parametrize(
    ("name", "value"),
    [("colour", -0.1), ("growl", 1.1), ("attack", -1.1), ("natural_dynamics", 1.5), ("natural_dynamics", float("nan"))],
)
def test_values_outside_their_range_are_refused_by_name(name, value):
    with pytest.raises(SettingsError, match=name):
        PerformanceSettings(**{name: value})


def test_arrays_left_out_are_zeros(song):
    phrase = only(song, colour=0.5, growl=0.5)
    bare = replace(phrase, colour=None, growl=None)
    assert bare.colour.dtype == bare.growl.dtype == np.float32
    assert not bare.colour.any() and not bare.growl.any() and len(bare.growl) == phrase.frames
    controls = Controls(*(getattr(phrase, name) for name in ARRAYS[:6]))
    assert not controls.growl.any() and not controls.natural_dynamics.any()
    assert len(controls.cut(2, 7).growl) == len(controls.cut(2, 7).natural_dynamics) == 5


def test_live_controls_have_colour_and_growl():
    events = [
        Expression(0.5, Parameter.COLOUR, 0.5),
        Expression(0.5, Parameter.GROWL, 1.0),
        NoteOn(0.1, 1, 60.0),
        NoteOff(1.0, 1),
    ]
    played = play(performer_of("la", colour=0.25), events, 1.2)
    assert played.controls["colour"][20] == 0.25 and played.controls["colour"][60] == 0.75
    assert played.controls["growl"][20] == 0.0 and played.controls["growl"][60] == 1.0
    assert (played.controls["natural_dynamics"] == 0.25).all() and (played.controls["steadiness"] == 1.0).all()
    curves = {curve.parameter: curve.values for curve in played.performer.take().tracks[0].curves}
    assert curves[Parameter.COLOUR] == (0.0, 0.5) and curves[Parameter.GROWL] == (0.0, 1.0)


def test_a_live_note_has_the_attack_that_is_set_and_the_word_s_emphasis():
    def energy(words, *events):
        return play(performer_of(words), [*events, NoteOn(0.1, 1, 60.0), NoteOff(1.0, 1)], 1.2).controls["energy_db"]

    plain = energy("oh")
    soft = energy("oh", Expression(0.0, Parameter.ATTACK, -1.0)) - plain
    starred = energy("*oh*") - plain
    assert soft[10] < -10 and not soft[19:].any()
    assert starred[11] == pytest.approx(3.0, abs=0.3) and 0 < starred[60] < starred[11]
    take = play(performer_of("*oh*"), [NoteOn(0.1, 1, 60.0), NoteOff(1.0, 1)], 1.2).performer.take()
    assert take.tracks[0].notes[0].lyric == "*oh*"
