"""Velocity, controllers and colour as they reach the frames."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sung import VOWELS, sing, sounding, times_of

from engine.performance.dynamics import REFERENCE_VELOCITY, velocity_db
from engine.score import Curve, Parameter

FLAT = {"dynamics": 0.0}
NOTE = [(2, 4, 60, "la")]


def held(phrase):
    return (times_of(phrase) > 1.1) & (times_of(phrase) < 2.9)


def test_louder_keys_are_louder():
    levels = [velocity_db(v) for v in range(1, 128)]
    assert (np.diff(levels) > 0).all()
    assert velocity_db(REFERENCE_VELOCITY) == 0
    assert velocity_db(60) == pytest.approx(-6, abs=0.3) and 3 < velocity_db(127) < 5


def test_velocity_reaches_the_frames(song):
    for velocity in (20, 60, 96, 127):
        (phrase,) = sing(song(NOTE, velocity=velocity), **FLAT).phrases
        assert phrase.energy_db[held(phrase)] == pytest.approx(velocity_db(velocity), abs=1e-4)


@pytest.mark.parametrize(
    ("parameter", "value", "change_db"),
    [
        (Parameter.VOLUME, 100 / 127, 0.0),
        (Parameter.VOLUME, 50 / 127, -12.04),
        (Parameter.EXPRESSION, 1.0, 0.0),
        (Parameter.EXPRESSION, 0.5, -12.04),
        (Parameter.EXPRESSION, 0.0, -40.0),
        (Parameter.PRESSURE, 1.0, 4.0),
        (Parameter.DYNAMICS_DB, -6.0, -6.0),
        (Parameter.SUSTAIN, 0.0, 0.0),
    ],
)
def test_controllers_change_loudness_by_their_law(song, parameter, value, change_db):
    curve = Curve(parameter, (0,), (value,), stepped=True)
    plain, changed = (sing(song(NOTE, velocity=96, curves=c), **FLAT).phrases[0] for c in ((), (curve,)))
    assert (changed.energy_db - plain.energy_db)[held(plain)] == pytest.approx(change_db, abs=0.01)


def test_a_controller_acts_from_its_time_on(song):
    curve = Curve(Parameter.EXPRESSION, (0, 1920), (1.0, 0.5), stepped=True)
    (phrase,) = sing(song(NOTE, velocity=96, curves=(curve,)), **FLAT).phrases
    before, after = (held(phrase) & side for side in (times_of(phrase) < 2.0, times_of(phrase) > 2.0))
    assert phrase.energy_db[before] == pytest.approx(0, abs=0.01)
    assert phrase.energy_db[after] == pytest.approx(-12.04, abs=0.01)


def test_the_sustain_pedal_holds_notes_until_it_is_lifted_or_the_next_note(song):
    def vowel_ends(curves):
        performed = sing(song([(2, 1, 60, "la"), (6, 1, 60, "la")], curves=curves))
        return [s.end_s for s in sounding(performed) if s.symbol in VOWELS]

    lifted = Curve(Parameter.SUSTAIN, (960, 1920), (1.0, 0.0), stepped=True)
    kept = Curve(Parameter.SUSTAIN, (960, 3000), (1.0, 0.0), stepped=True)
    dry, pedalled, through = (vowel_ends(c) for c in ((), (lifted,), (kept,)))
    assert dry[0] == pytest.approx(1.5, abs=0.05) and pedalled[0] == pytest.approx(2.0, abs=0.05)
    assert through[0] == pytest.approx(3.0, abs=0.15)
    assert through[1] == pytest.approx(dry[1], abs=0.01)


@pytest.mark.parametrize(
    ("curves", "breathiness", "tension"),
    [
        ((), 0, 0),
        ([(Parameter.BREATH, 0.5)], 0.5, 0),
        ([(Parameter.BREATHINESS, -1.0)], -1, 0),
        ([(Parameter.BREATHINESS, 0.7), (Parameter.BREATH, 0.7)], 1, 0),
        ([(Parameter.VOICING, 0.2)], 0.8, 0),
        ([(Parameter.TENSION, -0.4)], 0, -0.4),
        ([(Parameter.BRIGHTNESS, 1.0)], 0, 1),
        ([(Parameter.BRIGHTNESS, 0.0), (Parameter.TENSION, -1.0)], 0, -1),
        ([(Parameter.PRESSURE, 1.0)], 0, 0.3),
    ],
)
def test_colour_comes_from_its_controllers(song, curves, breathiness, tension):
    written = [Curve(parameter, (0,), (value,), stepped=True) for parameter, value in curves]
    (phrase,) = sing(song(NOTE, curves=written)).phrases
    assert phrase.breathiness == pytest.approx(breathiness, abs=1e-6)
    assert phrase.tension == pytest.approx(tension, abs=1e-6)


@pytest.mark.parametrize(
    ("curves", "setting", "semitones"),
    [
        ((), 0.0, 0),
        ((), 3.0, 3),
        ([(Parameter.GENDER, 1.0)], 0.0, -4),
        ([(Parameter.GENDER, -0.5)], 1.0, 3),
        ([(Parameter.TONE_SHIFT_CENTS, 250.0)], 0.0, 2.5),
        ([(Parameter.TONE_SHIFT_CENTS, -1200.0), (Parameter.GENDER, 1.0)], -6.0, -12),
    ],
)
def test_formants_come_from_setting_gender_and_tone_shift(song, curves, setting, semitones):
    written = [Curve(parameter, (0,), (value,), stepped=True) for parameter, value in curves]
    (phrase,) = sing(song(NOTE, curves=written), formant_semitones=setting).phrases
    assert phrase.formant_semitones == pytest.approx(semitones, abs=1e-6)


def test_phrases_swell_and_notes_are_accented_as_dynamics_ask(song):
    line = [(2 + i, 1, 60, "la") for i in range(8)]
    flat, usual, strong = (sing(song(line), dynamics=d).phrases[0].energy_db for d in (0.0, 1.0, 2.0))
    inside = slice(40, 400)
    assert np.ptp(flat[inside]) < 1e-3 < 1.5 < np.ptp(usual[inside])
    assert strong - flat == pytest.approx(2 * (usual - flat), abs=1e-3)


@given(st.lists(st.tuples(st.integers(1, 127), st.floats(0, 1), st.floats(-60, 30)), min_size=1, max_size=6))
def test_loudness_is_bounded(song, notes):
    curves = [
        Curve(Parameter.EXPRESSION, tuple(range(0, 480 * len(notes), 480)), tuple(e for _, e, _ in notes), stepped=True),
        Curve(Parameter.DYNAMICS_DB, tuple(range(0, 480 * len(notes), 480)), tuple(d for _, _, d in notes)),
    ]
    score = song([(i, 1, 60, "la") for i in range(len(notes))], curves=curves, velocity=notes[0][0])
    for phrase in sing(score).phrases:
        assert phrase.energy_db.min() >= -40 and phrase.energy_db.max() <= 12
