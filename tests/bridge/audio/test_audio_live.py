"""The live ring: what is pushed is heard, whatever the blocks; running dry fades and is counted; nothing blocks."""

from __future__ import annotations

import numpy as np
import pytest
from audio_bench import RATE, Bench, largest_step
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.audio.control import CommandKind
from bridge.audio.live_ring import LiveWriter, as_channels

TONE_STEP = 0.5 * 2 * np.pi * 220 / RATE  # steepest of the tone


@settings(max_examples=25)
@given(pushes=st.lists(st.integers(1, 700), min_size=1, max_size=30), block=st.sampled_from((17, 32, 64, 128, 256, 1024, 2048)))
def test_what_is_pushed_is_heard_sample_by_sample(pushes: list[int], block: int) -> None:
    bench = Bench(1, 1, 2, None, live_samples=1 << 15)
    try:
        sound = (np.random.default_rng(1).standard_normal(sum(pushes)) * 0.1).astype(np.float32)
        at = 0
        for count in pushes:
            assert bench.live[0].push(sound[at : at + count]) == 0
            at += count
        bench.live[0].rest()
        heard = bench.play(len(sound) + 3 * block, block)
    finally:
        bench.close()
    np.testing.assert_array_equal(heard[: len(sound), 0], sound)
    np.testing.assert_array_equal(heard[:, 0], heard[:, 1])
    assert not heard[len(sound) :].any()


def test_the_ring_goes_round_many_times(bench, noise) -> None:
    one = bench(live_samples=512)
    sound = noise(20_000)
    heard = []
    for start in range(0, len(sound), 100):
        assert one.live[0].push(sound[start : start + 100]) == 0
        heard.append(one.play(100, 100))
    np.testing.assert_array_equal(np.concatenate(heard)[:, 0], sound)
    assert one.telemetry().tracks[0].live_played_samples == len(sound)


def test_what_does_not_fit_is_dropped_and_counted(bench, noise) -> None:
    one = bench(live_samples=512)
    sound = noise(700)
    assert one.live[0].push(sound) == 188
    assert one.telemetry().tracks[0].live_dropped_samples == 188
    np.testing.assert_array_equal(one.play(512)[:, 0], sound[:512])


@pytest.mark.parametrize("block", [32, 64, 256, 1024])
def test_running_dry_fades_within_20_ms_and_counts_once(bench, tone, block: int) -> None:
    one = bench()
    one.live[0].push(tone(5_000))  # ends in the middle of a wave
    heard = one.play(8 * 1024, block)[:, 0]
    np.testing.assert_array_equal(heard[:5_000], tone(5_000))
    assert heard[5_000 : 5_000 + RATE // 1000].any(), "it fades, it does not stop dead"
    assert not heard[5_000 + RATE * 20 // 1000 :].any()
    assert largest_step(heard) < 1.2 * TONE_STEP
    track = one.telemetry().tracks[0]
    assert track.live_underruns == 1
    assert track.live_missed_samples == 8 * 1024 - 5_000


def test_it_fades_in_again_when_data_are_back(bench, tone) -> None:
    one = bench()
    one.live[0].push(tone(5_000))
    first = one.play(6_400)[:, 0]
    one.live[0].push(tone(4_000, start=5_030))
    second = one.play(2_560)[:, 0]
    assert largest_step(np.concatenate([first, second])[:-1]) < 1.6 * TONE_STEP
    np.testing.assert_array_equal(second[RATE // 100 :], tone(4_000, start=5_030)[RATE // 100 : 2_560])
    assert one.telemetry().tracks[0].live_underruns == 1


def test_a_rest_is_no_underrun_and_what_follows_keeps_its_attack(bench, noise) -> None:
    one = bench()
    first, second = noise(1_000), noise(1_000, seed=1)
    one.live[0].push(first)
    one.live[0].rest()
    before = one.play(2_048)[:, 0]
    one.live[0].push(second)
    one.live[0].rest()
    after = one.play(2_048)[:, 0]
    np.testing.assert_array_equal(before[:1_000], first)
    np.testing.assert_array_equal(after[:1_000], second)
    assert not before[1_000:].any() and not after[1_000:].any()
    track = one.telemetry().tracks[0]
    assert (track.live_underruns, track.live_missed_samples) == (0, 0)


def test_it_waits_for_a_whole_block_before_it_starts(bench, noise) -> None:
    """Small pushes ahead of a large block would be an underrun each."""
    one = bench()
    sound = noise(320)
    heard = []
    for start in range(0, 320, 32):
        one.live[0].push(sound[start : start + 32])
        heard.append(one.play(128, 128)[:, 0] if start == 32 or start == 288 else np.zeros(0))
    assert not heard[1].any()
    np.testing.assert_array_equal(heard[9], sound[:128])
    assert one.telemetry().tracks[0].live_underruns == 0


def test_the_writer_reports_when_its_next_sample_will_sound(bench, noise) -> None:
    one = bench()
    assert one.live[0].next_device_sample is None
    one.play(1_000)
    one.live[0].push(noise(700))
    heard = one.play(256)
    due = one.live[0].next_device_sample
    assert due == 1_700
    one.live[0].push(np.full(300, 0.45, np.float32))
    heard = one.play(700)[:, 0]
    assert np.flatnonzero(heard == np.float32(0.45))[0] == due - 1_256


def test_discarding_fades_and_lets_the_next_come_first(bench, tone, noise) -> None:
    one = bench()
    one.live[0].push(tone(10_000))
    heard = [one.play(1_000, 100)]
    one.live[0].discard()
    heard.append(one.play(1_000, 100))
    assert not heard[1][RATE // 100 :].any()
    assert largest_step(np.concatenate(heard)[:, 0]) < 1.2 * TONE_STEP
    one.live[0].push(noise(500))
    np.testing.assert_array_equal(one.play(500, 100)[:, 0], noise(500))
    assert one.telemetry().tracks[0].live_underruns == 0


def test_panic_silences_within_a_block_and_10_ms(bench, tone) -> None:
    one = bench(tracks=2)
    for track, writer in enumerate(one.live):
        writer.push(tone(20_000, start=track))
    one.play(1_000, 100)
    one.send(CommandKind.PANIC)
    heard = one.play(4_000, 100)
    assert not heard[RATE // 100 :].any()
    assert not one.telemetry().transport.playing


def test_a_new_writer_goes_on_where_a_dead_one_stopped(bench, noise) -> None:
    one = bench()
    one.live[0].push(noise(1_000))
    one.play(2_000, 100)
    heir = LiveWriter(one.memory, 0)
    heir.rest()
    one.play(100)
    missed = one.telemetry().tracks[0].live_missed_samples
    one.play(1_000)
    assert one.telemetry().tracks[0].live_missed_samples == missed, "the heir rests, so nothing is missing any more"
    heir.push(noise(500, seed=3))
    np.testing.assert_array_equal(one.play(500, 100)[:, 0], noise(500, seed=3))
    heir.close()


def test_shapes() -> None:
    mono, stereo = np.zeros(5), np.zeros((2, 5))
    assert as_channels(mono, 2).shape == as_channels(stereo, 2).shape == (2, 5)
    assert as_channels(stereo[:, ::-1], 2).flags.c_contiguous
    with pytest.raises(ValueError, match=r"shape \(3, 5\)"):
        as_channels(np.zeros((3, 5)), 2)


@pytest.mark.parametrize("channels", [1, 2])
def test_tracks_go_to_their_own_outputs(bench, noise, channels: int) -> None:
    one = bench(tracks=2, channels=channels, outputs=4, routes=((0, 1), (2, 3)))
    sounds = [np.stack([noise(300, seed=10 * t + c) for c in range(channels)]) for t in range(2)]
    for writer, sound in zip(one.live, sounds, strict=True):
        writer.push(sound)
        writer.rest()
    heard = one.play(300, 100)
    for track, sound in enumerate(sounds):
        np.testing.assert_array_equal(heard[:, 2 * track], sound[0])
        np.testing.assert_array_equal(heard[:, 2 * track + 1], sound[channels - 1])


@pytest.mark.parametrize("block", [64, 100, 512, 2048])
def test_a_timed_start_is_exact_whatever_the_blocks(bench, noise, block: int) -> None:
    one = bench()
    sound = noise(6_000)
    one.live[0].start_at(3_001)
    one.live[0].push(sound)
    one.live[0].rest()
    heard = one.play(12_000, block)[:, 0]
    np.testing.assert_array_equal(heard[3_001:9_001], sound)
    assert not heard[:3_001].any() and not heard[9_001:].any()
    assert one.telemetry().tracks[0].live_underruns == 0


def test_a_timed_start_waits_behind_the_end_of_the_sound_before(bench, noise) -> None:
    one = bench()
    first, second = noise(1_000, seed=1), noise(1_000, seed=2)
    one.live[0].push(first)
    one.live[0].rest()
    one.live[0].start_at(1_500)
    one.live[0].push(second)
    one.live[0].rest()
    heard = one.play(4_000, 128)[:, 0]
    np.testing.assert_array_equal(heard[:1_000], first)
    np.testing.assert_array_equal(heard[1_500:2_500], second)
    assert not heard[1_000:1_500].any()


def test_a_start_that_is_late_begins_with_the_next_block(bench, noise) -> None:
    one = bench()
    one.play(1_000, 100)
    sound = noise(500)
    one.live[0].start_at(700)
    one.live[0].push(sound)
    one.live[0].rest()
    np.testing.assert_array_equal(one.play(1_000, 100)[:500, 0], sound)


def test_only_one_start_lies_ahead(bench, noise) -> None:
    one = bench()
    one.live[0].push(noise(100))
    one.live[0].start_at(700)
    with pytest.raises(ValueError, match="start lies ahead"):
        one.live[0].start_at(900)
