"""The starter voice forward in time: any block size is one sound, plans may change under it, and sweeps make no clicks."""

import subprocess
import sys
from dataclasses import replace
from itertools import cycle

import numpy as np
import parselmouth
import pytest

from engine import PerformanceSettings, plan_score
from engine.live.blocks import BlockReader
from engine.performance import SILENCE
from engine.performance.types import Controls, PhoneSpan
from engine.score import Curve, Parameter
from engine.voices.card import read_card
from engine.voices.catalogue import STARTER_NAME, find_voice
from engine.voices.starter.voice import Articulation, load_starter

RATE, HOP = 32_000, 320


def controls_of(frames, **changes):
    """Natural controls at 220 Hz; a value or an array [frames] for those that are told."""
    values = {
        "f0_hz": 220.0,
        "energy_db": 0.0,
        "breathiness": 0.0,
        "tension": 0.0,
        "formant_semitones": 0.0,
        "colour": 0.0,
        **changes,
    }
    return Controls(**{name: np.broadcast_to(np.float32(value), frames).copy() for name, value in values.items()})


@pytest.fixture(scope="module")
def phrase(song, starter):
    """Words and a controller bend, as plan: phones and controls."""
    bend = Curve(Parameter.BEND_CENTS, (0, 1000, 1400, 2600), (0.0, 0.0, 180.0, -90.0))
    score = song([(1, 1, 60, "strange"), (2, 1, 64, "voices"), (3, 0.5, 62, "+"), (3.5, 2, 57, "shine")], curves=(bend,))
    performance = (
        plan_score(score, starter.card, PerformanceSettings(breathiness=0.1, colour=0.3)).tracks[0].performed.phrases[0]
    )
    frames = performance.frames
    held = np.interp(
        np.arange(frames), np.flatnonzero(np.isfinite(performance.f0_hz)), performance.f0_hz[np.isfinite(performance.f0_hz)]
    )
    names = ("energy_db", "breathiness", "tension", "formant_semitones", "colour", "growl")
    controls = Controls(
        f0_hz=held.astype(np.float32),
        natural_dynamics=np.full(frames, 0.5, np.float32),
        steadiness=np.full(frames, performance.steadiness, np.float32),
        **{name: getattr(performance, name) for name in names},
    )
    return performance.phones, controls


@pytest.mark.parametrize("articulation", [Articulation.TOKENS, Articulation.UNITS])
@pytest.mark.parametrize("samples", [[1, 2, 3, 64], [441], [512], [4096], [1, 4096, 100, 7]])
@pytest.mark.slow
def test_blocks_of_any_size_are_the_offline_sound(phrase, articulation, samples):
    folder = find_voice(STARTER_NAME)
    voice = load_starter(folder, read_card(folder), articulation)
    phones, controls = phrase
    whole = voice.stream(7).sing(phones, controls)
    stream = voice.stream(7)

    def render(frames):
        first = stream.frame
        return stream.sing(phones, controls.cut(first, min(controls.frames, first + frames)))

    reader, blocks, sizes = BlockReader(render, HOP), [], cycle(samples)
    while sum(map(len, blocks)) < len(whole):
        blocks.append(reader.read(min(next(sizes), len(whole) - sum(map(len, blocks)))))
    assert np.concatenate(blocks) == pytest.approx(whole, abs=1e-4)
    assert np.abs(whole).max() > 0.02


def test_a_phrase_is_its_stream_without_the_delay(song, starter):
    score = song([(1, 2, 57, "home")])
    performance = plan_score(score, starter.card, PerformanceSettings()).tracks[0].performed.phrases[0]
    sung = starter.synthesise(performance)
    track = parselmouth.Sound(sung.astype(np.float64), RATE).to_intensity(minimum_pitch=200)
    assert len(sung) == performance.frames * HOP
    assert starter.stream().delay_samples == HOP // 2 and np.isfinite(np.asarray(track.values)).all()


def test_only_the_phones_to_come_need_be_given(phrase, starter):
    """The stream remembers what it sang: a caller that forgets gets the same sound."""
    phones, controls = phrase
    whole, forgetful = starter.stream(1).sing(phones, controls), starter.stream(1)
    blocks = []
    while forgetful.frame < controls.frames:
        now_s = forgetful.frame / 100
        left = [span for span in phones if span.end_s > now_s]
        blocks.append(forgetful.sing(left, controls.cut(forgetful.frame, forgetful.frame + 5)))
    assert np.concatenate(blocks) == pytest.approx(whole, abs=1e-4)


def test_a_note_whose_end_is_not_known_is_held_until_it_is(starter):
    silence, onset = PhoneSpan(SILENCE, 0.0, 0.1), PhoneSpan("M", 0.1, 0.18)
    endless = (silence, onset, PhoneSpan("AA", 0.18, np.inf))
    released = (silence, onset, PhoneSpan("AA", 0.18, 1.5), PhoneSpan("N", 1.5, 1.6), PhoneSpan(SILENCE, 1.6, np.inf))
    stream = starter.stream(1)
    samples = [stream.sing(endless, controls_of(145)), stream.sing(released, controls_of(55))]
    sung = np.concatenate(samples).astype(np.float64)
    held, after = sung[RATE // 2 : round(1.4 * RATE)], sung[round(1.65 * RATE) :]
    track = parselmouth.Sound(held, RATE).to_pitch_ac(pitch_floor=120, pitch_ceiling=400).selected_array["frequency"]
    assert np.median(track[track > 0]) == pytest.approx(220.0, rel=0.001) and (track > 0).mean() > 0.95
    assert np.abs(after).max() == 0.0


def test_a_plan_may_change_in_the_middle_of_a_token(starter):
    """A key pressed at any frame is heard, whatever the stream had looked ahead to."""
    waiting = (PhoneSpan(SILENCE, 0.0, np.inf),)
    for pressed in (21, 22, 23, 24):
        stream = starter.stream(1)
        quiet = stream.sing(waiting, controls_of(pressed))
        now_s = pressed / 100
        plan = (PhoneSpan(SILENCE, 0.0, now_s), PhoneSpan("AA", now_s, np.inf))
        sung = stream.sing(plan, controls_of(40))
        assert np.abs(quiet).max() == 0.0
        first = np.flatnonzero(np.abs(sung) > 1e-3)[0]
        assert first < 0.03 * RATE
        assert np.sqrt(np.mean(sung[HOP * 10 :] ** 2)) > 0.02


def largest_step(samples):
    """Largest step between samples against the signal's own level around it (20 ms)."""
    steps = np.abs(np.diff(samples.astype(np.float64)))
    power = np.convolve(samples.astype(np.float64) ** 2, np.ones(640) / 640, mode="same")
    return float((steps / np.sqrt(power[:-1] + 1e-6)).max())


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("formant_semitones", np.linspace(-12, 12, 300)),
        ("formant_semitones", np.linspace(12, -12, 300)),
        ("breathiness", np.linspace(0, 1, 300)),
        ("breathiness", np.linspace(1, 0, 300)),
        ("tension", np.linspace(-1, 1, 300)),
        ("colour", np.linspace(0, 1, 300)),
        ("energy_db", np.linspace(-30, 6, 300)),
        ("growl", np.linspace(0, 1, 300)),
        ("steadiness", np.linspace(0, 1, 300)),
        ("f0_hz", 110 * 2 ** np.linspace(0, 2, 300)),
    ],
)
def test_a_sweep_makes_no_clicks(starter, name, values):
    phones = (PhoneSpan("AA", 0.0, np.inf),)
    swept = starter.stream(1).sing(phones, controls_of(300, **{name: values}))[RATE // 10 :]
    ends = [starter.stream(1).sing(phones, controls_of(100, **{name: values[index]}))[RATE // 10 :] for index in (0, 150, -1)]
    assert np.isfinite(swept).all()
    assert largest_step(swept) < 1.25 * max(largest_step(end) for end in ends)


@pytest.mark.parametrize("vowel", ["AA", "IY", "UW"])
@pytest.mark.parametrize("steadiness", [0.0, 1.0])
def test_from_e2_to_c6_it_stays_a_voice_in_tune(starter, vowel, steadiness):
    levels = []
    for pitch in (40, 46, 52, 58, 64, 70, 76, 80, 84):
        f0_hz = 440 * 2 ** ((pitch - 69) / 12)
        sung = (
            starter.stream(1)
            .sing((PhoneSpan(vowel, 0.0, np.inf),), controls_of(120, f0_hz=f0_hz, steadiness=steadiness))[RATE // 5 :]
            .astype(np.float64)
        )
        track = parselmouth.Sound(sung, RATE).to_pitch_ac(pitch_floor=0.6 * f0_hz, pitch_ceiling=1.7 * f0_hz)
        found = track.selected_array["frequency"]
        assert (found > 0).mean() > 0.9
        assert abs(1200 * np.log2(np.median(found[found > 0]) / f0_hz)) < 5
        levels.append(10 * np.log10(np.mean(sung**2)))
    assert max(levels) - min(levels) < 10


def test_one_seed_is_one_sound(phrase, starter):
    phones, controls = phrase
    first, again, other = (starter.stream(seed).sing(phones, controls) for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes() != other.tobytes()


def test_two_streams_do_not_hear_each_other(phrase, starter):
    phones, controls = phrase
    alone = starter.stream(1).sing(phones, controls)
    first, second = starter.stream(1), starter.stream(2)
    blocks = []
    for at in range(0, controls.frames, 10):
        blocks.append(first.sing(phones, controls.cut(at, at + 10)))
        second.sing(phones, controls.cut(at, at + 10))
    assert np.concatenate(blocks) == pytest.approx(alone, abs=1e-4)


def test_a_wrong_phone_changes_nothing(phrase, starter):
    phones, controls = phrase
    stream = starter.stream(1)
    before = stream.sing(phones, controls.cut(0, 50))
    with pytest.raises(ValueError, match="'XX' is not a phone"):
        stream.sing((replace(phones[0], symbol="XX"),), controls.cut(50, 60))
    rest = stream.sing(phones, controls.cut(50, controls.frames))
    assert np.concatenate([before, rest]) == pytest.approx(starter.stream(1).sing(phones, controls), abs=1e-4)


def test_singing_needs_no_torch():
    code = (
        "import sys; from engine import load_voice, STARTER_NAME; from engine.performance.types import PhoneSpan; import numpy as np\n"
        "from engine.performance.types import Controls\n"
        "c = Controls(**{n: np.full(20, 220.0 if n == 'f0_hz' else 0.0, np.float32) for n in"
        " ('f0_hz', 'energy_db', 'breathiness', 'tension', 'formant_semitones', 'colour')})\n"
        "samples = load_voice(STARTER_NAME).stream().sing((PhoneSpan('AA', 0.0, 1.0),), c)\n"
        "assert abs(samples).max() > 0.01\n"
        "print(sorted({'torch', 'librosa', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("skipped", [1, 2, 3, 4, 10, 11])
def test_after_skipped_silence_the_first_frame_needs_no_step_of_the_gpt(starter, skipped):
    """Between a key and its sound there is no time to lose."""
    stream = starter.stream(1)
    stream.sing((PhoneSpan(SILENCE, 0.0, np.inf),), controls_of(5))
    stream.skip(skipped)
    now_s, written = stream.frame / 100, stream._tokens._state.steps
    plan = (PhoneSpan(SILENCE, 0.0, now_s), PhoneSpan("L", now_s, now_s + 0.06), PhoneSpan("AA", now_s + 0.06, np.inf))
    sung = [stream.sing(plan, controls_of(1))]
    assert stream._tokens._state.steps == written
    sung += [stream.sing(plan, controls_of(1)) for _ in range(39)]
    assert stream._tokens._state.steps == written + 10  # 40 frames and two that it looks ahead, less the first four
    together = starter.stream(1)
    together.sing((PhoneSpan(SILENCE, 0.0, np.inf),), controls_of(5))
    together.skip(skipped)
    assert np.concatenate(sung) == pytest.approx(together.sing(plan, controls_of(40)), abs=1e-4)
    assert np.abs(np.concatenate(sung)).max() > 0.02


def test_warm_up_is_in_parts_and_changes_no_stream(starter):
    plan = (PhoneSpan(SILENCE, 0.0, 0.1), PhoneSpan("L", 0.1, 0.16), PhoneSpan("AA", 0.16, np.inf))
    alone, disturbed = starter.stream(1), starter.stream(1)
    wanted, sung = [], []
    for _ in range(30):
        wanted.append(alone.sing(plan, controls_of(1)))
        sung.append(disturbed.sing(plan, controls_of(1)))
        assert len(list(starter.warm_up())) >= 3
    assert np.concatenate(sung).tobytes() == np.concatenate(wanted).tobytes()
