"""The pitch curve stays on the written notes with all its music in it, and does what the user wrote on top."""

from dataclasses import replace

import numpy as np
import pytest
from sung import pitch_of, sing, times_of

from engine.errors import SettingsError
from engine.performance import PerformanceSettings
from engine.score import Curve, Parameter, PitchPoint, Vibrato

STILL = {"drift_cents": 0.0, "vibrato_depth_cents": 0.0, "overshoot": 0.0}
MELODY = [(2 + i, 1, 60 + step, "la") for i, step in enumerate([0, 4, 7, 5, 12, 11, 4, 2, -5, 0])]
MELODY += [(12, 3, 67, "a"), (15, 0.5, 64, "la"), (15.5, 4, 48, "me")]


def with_note(score, index=0, **changes):
    track = score.tracks[0]
    notes = list(track.notes)
    notes[index] = replace(notes[index], **changes)
    return replace(score, tracks=(replace(track, notes=tuple(notes)),))


def middle(note, phrase):
    """Frames in the steady middle of a note given in beats of half a second."""
    onset_s, length_s = note[0] / 2, note[1] / 2
    times = times_of(phrase)
    return (times >= onset_s + max(0.08, 0.25 * length_s)) & (times <= onset_s + length_s - max(0.03, 0.15 * length_s))


@pytest.mark.parametrize("seed", range(4))
def test_notes_are_in_tune_with_vibrato_and_drift(song, seed):
    (phrase,) = sing(song(MELODY), seed=seed).phrases
    errors = [100 * abs(np.median(pitch_of(phrase)[middle(note, phrase)]) - note[2]) for note in MELODY]
    assert np.median(errors) <= 5 and max(errors) <= 20


def test_glides_end_at_the_onset(song):
    (phrase,) = sing(song([(2, 1, 60, "la"), (3, 1, 72, "la")]), **STILL).phrases
    pitch, times = pitch_of(phrase), times_of(phrase)
    at = {round(1000 * (t - 1.5)): p for t, p in zip(times, pitch, strict=True)}
    assert at[-125] == pytest.approx(60, abs=0.01) and 60 < at[-35] < 66
    assert at[-5] > 66 and at[45] == pytest.approx(72, abs=0.3) and at[75] == pytest.approx(72, abs=0.01)
    assert (np.diff(pitch[(times > 1.3) & (times < 1.7)]) >= -1e-4).all()


def test_overshoot_is_small_and_short(song):
    shaped, plain = (sing(song([(2, 1, 60, "la"), (3, 2, 65, "la")]), **{**STILL, "overshoot": o}).phrases[0] for o in (0.1, 0))
    beyond = pitch_of(shaped) - pitch_of(plain)
    assert 0.2 < beyond.max() <= 0.35 and beyond.min() >= -1e-4
    assert np.abs(beyond[times_of(shaped) > 1.7]).max() < 1e-4


def test_vibrato_is_delayed_and_on_long_notes_only(song):
    depths = {}
    for beats in (0.8, 4):
        (phrase,) = sing(song([(2, beats, 60, "la")]), **{**STILL, "vibrato_depth_cents": 50.0}).phrases
        since = times_of(phrase) - 1.0
        inside = (since > 0.02) & (since < 0.5 * beats - 0.1)
        depths[beats] = 100 * np.abs(pitch_of(phrase) - 60)[inside], since[inside]
    assert depths[0.8][0].max() < 0.1
    wave, since = depths[4]
    assert wave[since < 0.25].max() < 1 and 40 < wave[since > 1].max() < 60


def test_vibrato_is_as_fast_as_set_and_centred(song):
    (phrase,) = sing(song([(2, 8, 60, "la")]), **{**STILL, "vibrato_depth_cents": 80.0, "vibrato_rate_hz": 6.0}).phrases
    wave = pitch_of(phrase)[(times_of(phrase) > 1.8) & (times_of(phrase) < 4.8)] - 60
    crossings = np.count_nonzero(np.diff(np.sign(wave)))
    assert crossings / 2 / 3.0 == pytest.approx(6.0, rel=0.08)
    assert abs(wave.mean()) < 0.05


def test_written_vibrato_is_sung_as_written(song):
    vibrato = Vibrato(length_percent=50, period_ms=200, depth_cents=100, fade_in_percent=0, fade_out_percent=0)
    (phrase,) = sing(with_note(song([(2, 4, 60, "la")]), vibrato=vibrato), **STILL).phrases
    cents = 100 * (pitch_of(phrase) - 60)
    since = times_of(phrase) - 1.0
    assert np.abs(cents[(since > 0.02) & (since < 0.99)]).max() < 0.1
    second_half = (since > 1.0) & (since < 1.95)
    assert cents[second_half] == pytest.approx(100 * np.sin(2 * np.pi * (since[second_half] - 1.0) / 0.2), abs=0.5)


def test_written_pitch_points_replace_the_glide(song):
    score = song([(2, 2, 60, "la"), (4, 2, 64, "la")])
    points = (PitchPoint(-100, -400, "l"), PitchPoint(100, 50, "l"), PitchPoint(200, 0, "l"))
    (phrase,) = sing(with_note(score, 1, pitch_points=points), **STILL).phrases
    pitch, since = pitch_of(phrase), times_of(phrase) - 2.0
    at = {round(1000 * s): p for s, p in zip(since, pitch, strict=True)}
    assert at[-105] == pytest.approx(60, abs=0.01)
    assert at[-5] == pytest.approx(64 + (-4 + 4.5 * 95 / 200), abs=0.01)
    assert at[95] == pytest.approx(64 + (-4 + 4.5 * 195 / 200), abs=0.01)
    assert at[205] == pytest.approx(64, abs=0.01)


@pytest.mark.parametrize("shape", ["io", "i", "o", "l"])
def test_every_shape_of_pitch_point_joins_its_ends(song, shape):
    points = (PitchPoint(0, -300, shape), PitchPoint(400, 0, shape))
    (phrase,) = sing(with_note(song([(2, 2, 60, "la")]), pitch_points=points), **STILL).phrases
    inside = (times_of(phrase) > 1.0) & (times_of(phrase) < 1.4)
    curve = pitch_of(phrase)[inside]
    assert curve[0] == pytest.approx(57, abs=0.15) and curve[-1] == pytest.approx(60, abs=0.15)
    assert (np.diff(curve) > -1e-4).all()


def test_bends_are_added_to_everything_else(song):
    bend = Curve(Parameter.BEND_CENTS, (0, 960, 1920), (0.0, 0.0, 200.0))
    plain, bent = (sing(song(MELODY, curves=c), seed=3).phrases[0] for c in ((), (bend,)))
    expected = np.interp(times_of(plain), [1.0, 2.0], [0.0, 2.0])
    assert pitch_of(bent) - pitch_of(plain) == pytest.approx(expected, abs=1e-3)


def test_the_modulation_wheel_brings_vibrato_to_short_notes(song):
    wheel = Curve(Parameter.MODULATION, (0,), (1.0,), stepped=True)
    still, moved = (sing(song([(2, 0.8, 60, "la")], curves=c), **STILL).phrases[0] for c in ((), (wheel,)))
    inside = (times_of(still) > 1.0) & (times_of(still) < 1.4)
    assert 50 < 100 * np.abs(pitch_of(moved) - pitch_of(still))[inside].max() <= 130
    assert (pitch_of(moved) == pitch_of(still))[~inside].all()


def test_an_absolute_pitch_curve_overrides_the_notes_where_it_has_values(song):
    curve = Curve(Parameter.F0_HZ, (0, 1200, 1440), (0.0, 300.0, 0.0), stepped=True)
    plain, drawn = (sing(song([(2, 2, 60, "la")], curves=c)).phrases[0] for c in ((), (curve,)))
    inside = (times_of(plain) >= 1.25) & (times_of(plain) < 1.5)
    assert inside.sum() == 25
    assert drawn.f0_hz[inside] == pytest.approx(300.0, abs=1e-3)
    assert (drawn.f0_hz == plain.f0_hz)[~inside].all()


def test_phrases_begin_with_a_scoop_and_end_with_a_fall(song):
    (phrase,) = sing(song([(4, 2, 60, "la")]), **STILL).phrases
    pitch, times = pitch_of(phrase), times_of(phrase)
    assert 58.5 < pitch[times < 1.95].max() < 59.2
    assert pitch[(times > 2.0) & (times < 2.95)] == pytest.approx(60, abs=0.01)
    assert pitch[-1] == pytest.approx(59.5, abs=0.01)


@pytest.mark.parametrize("mode", ["sing", "rap", "talk"])
def test_a_take_is_decided_by_score_settings_and_seed(song, mode):
    first, again, other = (sing(song(MELODY), mode, seed=seed) for seed in (7, 7, 8))
    assert [p.hash for p in first.phrases] == [p.hash for p in again.phrases]
    for a, b in zip(first.phrases, again.phrases, strict=True):
        assert a.f0_hz.tobytes() == b.f0_hz.tobytes() and a.energy_db.tobytes() == b.energy_db.tobytes()
    assert not {p.hash for p in first.phrases} & {p.hash for p in other.phrases}
    assert any((a.f0_hz != b.f0_hz).any() for a, b in zip(first.phrases, other.phrases, strict=True))


@pytest.mark.parametrize(
    ("name", "value"),
    [("vibrato_depth_cents", 201.0), ("portamento_s", -0.1), ("pitch_strength", 1.01), ("drift_cents", float("nan"))],
)
def test_settings_outside_their_range_are_refused_by_name(name, value):
    with pytest.raises(SettingsError, match=name):
        PerformanceSettings(**{name: value})
