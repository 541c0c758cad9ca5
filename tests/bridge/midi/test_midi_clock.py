"""Clock and time code as transports: tempo and position out of jittery streams, and what happens when messages are missing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_bytes import clock_bytes, messages, quarter_frames

from bridge.midi.clock import ClockFollower
from bridge.midi.pulses import PulseFit
from bridge.midi.timecode import TimecodeFollower, song_seconds

START, CONTINUE, STOP, CLOCK = 0xFA, 0xFB, 0xFC, 0xF8


def send(follower, time_s: float, *data: int) -> None:
    for message in messages(*data):
        assert follower.feed(message, time_s)


def roll(follower, times_s) -> None:
    for message, time_s in clock_bytes(times_s):
        follower.feed(message, time_s)


# ---- MIDI clock ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bpm", [30.0, 60.0, 97.3, 120.0, 174.0, 300.0])
@pytest.mark.parametrize("jitter_s", [0.0, 0.001, 0.003])
def test_tempo_and_position_from_jittery_clocks(bpm, jitter_s):
    rng = np.random.default_rng(5)
    interval_s = 60 / bpm / 24
    times = 10.0 + interval_s * np.arange(24 * 8)
    heard = np.maximum.accumulate(times + rng.uniform(0, min(jitter_s, 0.25 * interval_s), len(times)))
    follower = ClockFollower()
    send(follower, 9.99, START)
    errors = []
    for number, (message, time_s) in enumerate(clock_bytes(heard)):
        follower.feed(message, time_s)
        if number > 24:
            state = follower.state_at(time_s)
            errors.append(state.ppq - (time_s - 10.0) / interval_s / 24)
            assert state.is_playing and state.bpm == pytest.approx(bpm, rel=0.03)
    # Jitter only ever delays: half of it is a constant delay, the rest must be nearly gone.
    assert np.std(errors) * 60 / bpm <= 0.35 * jitter_s + 1e-9
    assert np.max(np.abs(errors)) * 60 / bpm <= 1.5 * jitter_s + 1e-9


def test_playing_starts_with_the_first_clock_after_start():
    follower = ClockFollower()
    roll(follower, [0.0, 0.02, 0.04])
    send(follower, 0.05, START)
    assert not follower.state_at(0.055).is_playing
    send(follower, 0.06, CLOCK)
    state = follower.state_at(0.06)
    assert state.is_playing and state.ppq == pytest.approx(0.0, abs=1e-6)
    assert state.bpm == pytest.approx(125.0)


def test_stop_keeps_the_place_and_continue_goes_on_from_it():
    follower = ClockFollower()
    send(follower, 0.0, START)
    roll(follower, 0.02 * np.arange(1, 25))
    send(follower, 0.49, STOP)
    roll(follower, 0.02 * np.arange(25, 40))
    stopped = follower.state_at(0.79)
    assert not stopped.is_playing and stopped.ppq == 1.0 and stopped.bpm == pytest.approx(125.0)
    send(follower, 0.79, CONTINUE)
    send(follower, 0.80, CLOCK)
    assert follower.state_at(0.80).ppq == pytest.approx(1.0, abs=0.01)


def test_song_position_counts_sixteenths():
    follower = ClockFollower()
    send(follower, 0.0, 0xF2, 0x20, 0x01)
    assert follower.state_at(0.0).ppq == (0x20 + 0x80) / 4
    send(follower, 0.01, CONTINUE)
    roll(follower, 0.02 + 0.02 * np.arange(25))
    assert follower.state_at(0.50).ppq == pytest.approx(41.0, abs=0.01)
    send(follower, 0.51, 0xF2, 0, 0)  # a locate while it plays
    send(follower, 0.52, CLOCK)
    assert follower.state_at(0.52).ppq == pytest.approx(0.0, abs=0.01)


def test_position_goes_on_smoothly_between_clocks_but_not_without_them():
    follower = ClockFollower()
    send(follower, 0.0, START)
    roll(follower, 0.02 * np.arange(1, 49))
    last_s = 0.96
    assert follower.state_at(last_s + 0.01).ppq == pytest.approx(47.5 / 24, abs=1e-6)
    assert follower.state_at(last_s + 0.3).ppq == pytest.approx(48 / 24, abs=1e-6)
    assert not follower.state_at(last_s + 0.6).is_playing


def test_one_late_clock_is_no_new_tempo_but_a_new_tempo_is_found_within_a_beat():
    follower = ClockFollower()
    times = list(0.02 * np.arange(48))
    times[40] += 0.015
    roll(follower, times)
    assert follower.state_at(0.94).bpm == pytest.approx(125.0, rel=0.001)
    roll(follower, 0.94 + 0.03 * np.arange(1, 13))
    assert follower.state_at(1.3).bpm == pytest.approx(60 / 24 / 0.03, rel=0.01)


def test_a_slow_change_of_tempo_is_followed():
    follower, time_s = ClockFollower(), 0.0
    for bpm in np.linspace(100, 140, 400):
        time_s += 60 / bpm / 24
        send(follower, time_s, CLOCK)
    assert follower.state_at(time_s).bpm == pytest.approx(140, rel=0.02)


def test_clocks_that_come_back_after_a_silence_count_afresh():
    follower = ClockFollower()
    roll(follower, 0.02 * np.arange(24))
    roll(follower, 10.0 + 0.05 * np.arange(3))
    assert follower.state_at(10.1).bpm == pytest.approx(50.0)


def test_other_messages_are_not_taken():
    follower = ClockFollower()
    assert not any(follower.feed(message, 0.0) for message in messages(0x90, 60, 100, 0xFE, 0xF1, 0, 0xF0, 1, 0xF7))


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from([CLOCK, START, STOP, CONTINUE])), max_size=100))
def test_any_stream_gives_finite_states(stream):
    follower = ClockFollower()
    for time_s, status in stream:  # also with times that go back
        send(follower, time_s, status)
        state = follower.state_at(time_s)
        assert math.isfinite(state.ppq) and state.ppq >= 0
        assert state.bpm is None or 0 < state.bpm < math.inf


def test_the_rate_is_much_more_exact_than_its_jitter():
    rng = np.random.default_rng(2)
    errors = []
    for _ in range(50):
        fit = PulseFit()
        for number in range(30):
            fit.add(number, 0.02 * number + float(rng.normal(0, 0.001)) + 1.0)
        errors.append(fit.interval_s / 0.02 - 1)
    assert np.std(errors) < 0.0025


# ---- MIDI time code --------------------------------------------------------------------------------------------------

RATES = (24.0, 25.0, 30_000 / 1_001, 30.0)


@pytest.mark.parametrize("rate", range(4))
@pytest.mark.parametrize("jitter_s", [0.0, 0.002])
def test_time_code_is_a_place_in_seconds(rate, jitter_s):
    rng = np.random.default_rng(rate)
    follower = TimecodeFollower()
    quarter_s = 1 / RATES[rate] / 4
    start_s = song_seconds(1, 9, 58, 20, rate)
    errors = []
    for number, message in enumerate(quarter_frames(1, 9, 58, 20, rate, 40)):
        time_s = 5.0 + number * quarter_s + rng.uniform(0, jitter_s)
        assert follower.feed(message, time_s)
        state = follower.state_at(time_s)
        assert state.is_playing == (number >= 7)
        if number >= 7:
            errors.append(state.song_s - (start_s + time_s - 5.0))
    assert np.max(np.abs(errors)) <= jitter_s + 1e-6
    assert not follower.state_at(time_s + 0.2).is_playing


@pytest.mark.parametrize(
    ("code", "rate", "seconds"),
    [
        ((0, 0, 10, 12), 0, 10.5),
        ((1, 0, 0, 0), 1, 3600.0),
        ((0, 10, 0, 0), 2, (18_000 - 18) * 1_001 / 30_000),
        ((0, 1, 0, 2), 2, 1_800 * 1_001 / 30_000),
        ((23, 59, 59, 29), 3, 86_400 - 1 / 30),
    ],
)
def test_frames_of_every_rate_in_seconds(code, rate, seconds):
    assert song_seconds(*code, rate) == pytest.approx(seconds)


def test_a_full_frame_puts_the_tape_and_stops_it():
    follower = TimecodeFollower()
    send(follower, 1.0, 0xF0, 0x7F, 0x7F, 1, 1, 1 << 5 | 2, 3, 4, 5, 0xF7)
    state = follower.state_at(1.0)
    assert not state.is_playing and state.song_s == pytest.approx(7384.2)
    assert not follower.feed(messages(0xF0, 0x7F, 0x7F, 1, 1, 2, 99, 4, 5, 0xF7)[0], 1.0)


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_lost_quarter_frames_do_not_move_the_place(lost):
    follower = TimecodeFollower()
    for number, message in enumerate(quarter_frames(0, 0, 10, 0, 1, 12)):
        if 33 <= number < 33 + lost:
            continue
        time_s = 0.01 * number
        follower.feed(message, time_s)
        if number >= 7:
            assert follower.state_at(time_s).song_s == pytest.approx(10 + time_s, abs=1e-6)


def test_a_wrong_bit_does_not_move_the_place_but_a_new_place_does():
    follower = TimecodeFollower()
    stream = list(quarter_frames(0, 0, 10, 0, 1, 6))
    stream[18] = messages(0xF1, 0x2F)[0]  # seconds, low nibble
    for number, message in enumerate([*stream, *quarter_frames(0, 5, 0, 0, 1, 4)]):
        follower.feed(message, 0.01 * number)
        song_s = follower.state_at(0.01 * number).song_s
        if 7 <= number < 48:
            assert song_s == pytest.approx(10 + 0.01 * number, abs=1e-6)
    assert song_s == pytest.approx(300 + 0.01 * (number - 48), abs=1e-6)


def test_backwards_counts_as_stopped():
    follower = TimecodeFollower()
    stream = list(quarter_frames(0, 0, 10, 0, 1, 4))
    for number, message in enumerate([*stream, *reversed(stream)]):
        follower.feed(message, 0.01 * number)
    assert not follower.state_at(0.01 * number).is_playing


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 0.1), st.integers(0, 127)), max_size=200))
def test_any_quarter_frames_give_finite_places(stream):
    follower, time_s = TimecodeFollower(), 0.0
    for step_s, data in stream:
        time_s += step_s
        send(follower, time_s, 0xF1, data)
        assert 0 <= follower.state_at(time_s).song_s <= 24 * 3600 + 10
