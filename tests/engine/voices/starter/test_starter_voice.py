"""The starter voice's sound, measured: repeatable, in tune, audible where it sings and silent where it does not."""

import os
import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import parselmouth
import pytest

from engine import PerformanceSettings, plan_score
from engine.performance import SILENCE
from engine.performance.types import Performance, PhoneSpan
from engine.score import Curve, Parameter
from engine.voices.units import VOWELS

STILL = PerformanceSettings(vibrato_depth_cents=0.0, drift_cents=0.0, overshoot=0.0, dynamics=0.0)
RATE = 32_000


def held(symbol, pitch, seconds=1.2, **changes):
    """One phone at a steady pitch and natural level, with silence before and behind."""
    frames = round(100 * (seconds + 0.4))
    curves = {f.name: np.zeros(frames, dtype=np.float32) for f in fields(Performance) if f.type.startswith("FloatFrames")}
    phones = (
        PhoneSpan(SILENCE, 0.0, 0.2),
        PhoneSpan(symbol, 0.2, 0.2 + seconds, 0),
        PhoneSpan(SILENCE, 0.2 + seconds, frames / 100),
    )
    curves["f0_hz"] = np.full(frames, 440 * 2 ** ((pitch - 69) / 12), dtype=np.float32)
    return Performance(0, phones, **{**curves, **changes})


def middle(samples, seconds=1.2):
    return samples[round((0.2 + 0.3 * seconds) * RATE) : round((0.2 + 0.8 * seconds) * RATE)]


def level_db(samples):
    return 20 * np.log10(np.sqrt(np.mean(samples.astype(np.float64) ** 2)) + 1e-12)


def constant(performance, name, value):
    return replace(performance, **{name: np.full(performance.frames, value, dtype=np.float32)})


@pytest.fixture(scope="module")
def line(song, starter):
    score = song([(1, 1, 60, "stay"), (2, 1, 64, "with"), (3, 1, 62, "my"), (4, 3, 57, "friends"), (9, 2, 60, "ah")])
    return plan_score(score, starter.card, PerformanceSettings()).tracks[0].performed.phrases


def test_a_performance_has_one_sound(starter, line):
    first, again = starter.synthesise(line[0]), starter.synthesise(line[0])
    assert first.dtype == np.float32 and first.ndim == 1
    assert first.tobytes() == again.tobytes()


_HASH = """
import hashlib, numpy as np
from dataclasses import replace
from engine import PerformanceSettings, load_voice, plan_text
voice = load_voice("kathleen")
phrase = plan_text("Stay with me", voice.card, PerformanceSettings()).tracks[0].performed.phrases[0]
moved = np.full(phrase.frames, 2.0, np.float32)
for spoken in (phrase, replace(phrase, steadiness=1.0), replace(phrase, steadiness=1.0, formant_semitones=moved)):
    print(hashlib.sha256(voice.synthesise(spoken).tobytes()).hexdigest())
"""


def test_the_sound_does_not_depend_on_the_number_of_threads():
    """Sums of many threads are rounded otherwise."""
    told = [
        {name: number for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")} for number in ("1", "2", "3")
    ]
    runs = [
        subprocess.run([sys.executable, "-c", _HASH], env={**os.environ, **threads}, check=True, capture_output=True, text=True)
        for threads in told
    ]
    assert len({run.stdout for run in runs}) == 1


def test_the_sound_does_not_depend_on_what_was_sung_before(starter, line):
    fresh = starter.synthesise(line[1])
    starter.synthesise(line[0])
    assert starter.synthesise(line[1]).tobytes() == fresh.tobytes()


def test_phrases_are_finite_and_as_long_as_their_frames(starter, line):
    for phrase in line:
        samples = starter.synthesise(phrase)
        assert np.isfinite(samples).all() and len(samples) >= phrase.frames * RATE // 100
        assert 0.02 < np.abs(samples).max() < 1.0


def test_silence_is_digital(starter, line):
    for phrase in line:
        samples = starter.synthesise(phrase)
        heard = np.zeros(len(samples), dtype=bool)
        for span in phrase.phones:
            if span.symbol != SILENCE:
                heard[max(0, int((span.start_s - 0.02) * RATE)) : int((span.end_s + 0.03) * RATE)] = True
        assert (~heard).sum() > RATE // 20
        assert np.abs(samples[~heard]).max() == 0.0


@pytest.mark.parametrize("vowel", ["AA", "IY", "UW", "EH", "AO"])
def test_held_vowels_are_voiced(starter, vowel):
    samples = starter.synthesise(held(vowel, 57)).astype(np.float64)
    track = parselmouth.Sound(middle(samples), RATE).to_pitch_ac(pitch_floor=75, pitch_ceiling=600)
    assert np.mean(track.selected_array["frequency"] > 0) > 0.95


@pytest.mark.parametrize("phone", ["S", "SH", "F"])
def test_hissed_consonants_are_not(starter, phone):
    samples = middle(starter.synthesise(held(phone, 57, 0.3)), 0.3).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    at_hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    assert spectrum[at_hz > 1500].sum() > 3 * spectrum[at_hz < 700].sum()


@pytest.mark.parametrize("pitch", [45, 50, 57, 62, 69, 76])
def test_pitch_is_exact(starter, pitch):
    samples = middle(starter.synthesise(held("AA", pitch))).astype(np.float64)
    f0_hz = 440 * 2 ** ((pitch - 69) / 12)
    track = parselmouth.Sound(samples, RATE).to_pitch_ac(pitch_floor=0.6 * f0_hz, pitch_ceiling=1.7 * f0_hz)
    found = track.selected_array["frequency"]
    assert (found > 0).mean() > 0.9
    assert 1200 * abs(np.log2(np.median(found[found > 0]) / f0_hz)) < 3


@pytest.mark.slow
def test_a_held_ah_stays_level_from_a2_to_e5(starter):
    levels = [level_db(middle(starter.synthesise(held("AA", pitch)))) for pitch in range(45, 77)]
    assert max(levels) - min(levels) < 8


@pytest.mark.parametrize("change_db", [-18.0, -6.0, 6.0])
def test_energy_becomes_level(starter, change_db):
    usual = held("AA", 57)
    changed = constant(usual, "energy_db", change_db)
    difference = level_db(middle(starter.synthesise(changed))) - level_db(middle(starter.synthesise(usual)))
    assert difference == pytest.approx(change_db, abs=2.5)


def periodicity(samples, f0_hz):
    period = round(RATE / f0_hz)
    a, b = (x.astype(np.float64) for x in (samples[:-period], samples[period:]))
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def test_breathiness_adds_noise_and_takes_it_away(starter):
    usual = held("AA", 45)  # 110 Hz
    clear, natural, breathy = (
        periodicity(middle(starter.synthesise(constant(usual, "breathiness", b))), 110.0) for b in (-1.0, 0.0, 1.0)
    )
    assert clear > natural > breathy + 0.01


def test_tension_brightens(starter):
    def brightness_db(tension):
        samples = middle(starter.synthesise(constant(held("AA", 57), "tension", tension))).astype(np.float64)
        power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
        at_hz = np.fft.rfftfreq(len(samples), 1 / RATE)
        return 10 * np.log10(power[(at_hz > 3000) & (at_hz < 8000)].sum() / power[at_hz < 900].sum())

    relaxed, usual, tense = (brightness_db(t) for t in (-1.0, 0.0, 1.0))
    assert relaxed + 3 < usual < tense - 3


def test_formants_move_and_the_pitch_stays(starter):
    def centre_and_pitch(semitones):
        samples = middle(starter.synthesise(constant(held("AA", 57), "formant_semitones", semitones))).astype(np.float64)
        power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
        at_hz = np.fft.rfftfreq(len(samples), 1 / RATE)
        found = parselmouth.Sound(samples, RATE).to_pitch_ac(pitch_floor=120, pitch_ceiling=380).selected_array["frequency"]
        inside = (at_hz > 300) & (at_hz < 5000)  # the formants, not the fundamental
        return (power[inside] * at_hz[inside]).sum() / power[inside].sum(), np.median(found[found > 0])

    (down_hz, low), (usual_hz, same), (up_hz, high) = (centre_and_pitch(s) for s in (-6.0, 0.0, 6.0))
    assert 1.1 * down_hz < usual_hz < up_hz / 1.1
    assert [low, same, high] == pytest.approx([220.0] * 3, rel=0.0017)


def test_breaths_are_soft_noise(starter):
    breath, vowel = (starter.synthesise(held(symbol, 57, 0.3)) for symbol in ("BR", "AA"))
    assert -46 < level_db(middle(breath, 0.3)) - level_db(middle(vowel, 0.3)) < -20


def test_no_clicks_where_vowels_start_and_end(starter, line):
    """Largest step against the level around it."""
    for phrase in line:
        samples = starter.synthesise(phrase).astype(np.float64)
        borders_s = [time_s for span in phrase.phones if span.symbol in VOWELS for time_s in (span.start_s, span.end_s)]
        for border_s in borders_s:
            at = int(border_s * RATE)
            around = samples[max(0, at - 640) : at + 640]
            rms = np.sqrt(np.mean(around**2))
            assert np.abs(np.diff(around)).max() <= 4 * max(rms, 1e-3)


def test_long_notes_keep_their_level_and_spectrum(starter):
    samples = starter.synthesise(held("AA", 57, 20.0))
    early, late = (level_db(samples[round(s * RATE) : round((s + 2) * RATE)]) for s in (2, 17))
    assert early == pytest.approx(late, abs=1.0)


def test_nothing_pitched_is_no_problem(starter):
    whispered = held("S", 57, f0_hz=np.full(160, np.nan, dtype=np.float32))
    assert np.isfinite(starter.synthesise(whispered)).all()


def test_the_fingerprint_is_the_weights_own(starter):
    assert starter.card.sha256 in starter.fingerprint


def test_curves_of_the_score_are_heard(song, starter, render):
    """The chain from a written controller to the samples."""
    quiet = Curve(Parameter.EXPRESSION, (0,), (0.5,), stepped=True)
    plans = [plan_score(song([(2, 4, 57, "ah")], curves=c), starter.card, STILL) for c in ((), (quiet,))]
    usual, soft = (level_db(render(plan, rate=RATE)[int(1.5 * RATE) : int(2.5 * RATE)]) for plan in plans)
    assert soft - usual == pytest.approx(-12, abs=4)
