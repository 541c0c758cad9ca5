"""Placed audio: at its sample of the song or not at all, through loop, locate, late arrival, replacement and a dead writer."""

from __future__ import annotations

import numpy as np
import pytest
from audio_bench import RATE, Bench, largest_step
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.audio.control import CommandKind
from bridge.audio.song_source import PlacedWriter

TONE_STEP = 0.5 * 2 * np.pi * 220 / RATE
FADE = RATE // 200


@settings(max_examples=25)
@given(
    start=st.integers(0, 9_000),
    length=st.integers(1, 20_000),
    begin_at=st.integers(0, 3_000),
    block=st.sampled_from((32, 64, 101, 128, 256, 1024, 2048)),
)
def test_it_sounds_at_its_sample(start: int, length: int, begin_at: int, block: int) -> None:
    sound = (np.random.default_rng(2).standard_normal(length) * 0.1).astype(np.float32)
    bench = Bench(1, 1, 2, None)
    try:
        bench.placed[0].place(start, sound)
        bench.send(CommandKind.PLAY, 0, at=begin_at)
        heard = bench.play(begin_at + start + length + 500, block)[:, 0]
    finally:
        bench.close()
    expected = np.zeros_like(heard)
    expected[begin_at + start :][:length] = sound
    np.testing.assert_array_equal(heard, expected)


@pytest.mark.parametrize("block", [64, 100, 256, 2048])
def test_a_song_of_four_tracks_with_loop_and_locate(bench, noise, block: int) -> None:
    """The transport as a score: what is heard is cut from the stems at the samples that were asked for."""
    four = bench(tracks=4, outputs=8, routes=tuple((2 * t, 2 * t + 1) for t in range(4)))
    stems = np.zeros((4, 120_000), np.float32)
    for track in range(4):
        for phrase, start in enumerate(range(1_000 + 777 * track, 110_000, 15_000)):
            stems[track, start : start + 9_000] = noise(9_000, seed=100 * track + phrase)
            four.placed[track].place(start, stems[track, start : start + 9_000])
    four.send(CommandKind.PLAY, 500, at=333)
    four.send(CommandKind.LOOP, 40_000, 61_000, at=30_000)
    four.send(CommandKind.LOOP, 0, 0, at=30_000 + 80_000)
    four.send(CommandKind.LOCATE, 100_000, at=140_001)
    four.send(CommandKind.STOP, at=150_005)
    heard = four.play(160_000, block)

    song, at = np.full(160_000, -1), 500
    for device_sample in range(333, 150_005):
        if device_sample == 140_001:
            at = 100_000
        song[device_sample] = at
        at += 1
        if 30_000 <= device_sample < 110_000 and at == 61_000:
            at = 40_000
    jumps = np.flatnonzero((song[1:] >= 0) & (song[1:] != song[:-1] + 1)) + 1
    exact = song >= 0
    for jump in jumps[1:]:  # the first is the start, in a rest
        exact[jump : jump + FADE] = False
    assert len(jumps) == 5
    for track in range(4):
        np.testing.assert_array_equal(heard[exact, 2 * track], stems[track, song[exact]])
    assert exact.mean() > 0.9
    assert all(track.placed_missing_samples == 0 for track in four.telemetry().tracks)


def test_a_phrase_at_the_start_of_the_loop_keeps_its_attack_each_time(bench, noise) -> None:
    one = bench()
    sound = noise(5_000)
    one.placed[0].place(48_000, sound)
    one.send(CommandKind.LOOP, 48_000, 58_000)
    one.send(CommandKind.PLAY, 48_000)
    heard = one.play(30_000)[:, 0]
    for turn in range(3):
        np.testing.assert_array_equal(heard[10_000 * turn :][:5_000], sound)


def test_long_loops_wrap_without_a_gap(bench, noise) -> None:
    """Longer than the window, and a multiple of it: the start of the loop is there when the end is reached."""
    one = bench(page_samples=256, pages=16)
    length = 256 * 16 * 3
    song = noise(length)
    one.placed[0].place(0, song)
    one.send(CommandKind.LOOP, 0, length)
    one.send(CommandKind.PLAY, 0)
    heard = one.play(3 * length, 64)[:, 0]
    assert one.telemetry().tracks[0].placed_missing_samples == 0
    turns = heard.reshape(3, length)
    np.testing.assert_array_equal(turns[0], song)
    np.testing.assert_array_equal(turns[1:, FADE:], np.stack([song[FADE:]] * 2))


def test_jumping_out_of_and_into_sound_does_not_click(bench, tone) -> None:
    one = bench()
    one.placed[0].place(0, tone(100_000))
    one.send(CommandKind.PLAY, 0)
    one.send(CommandKind.LOCATE, 50_060, at=10_000)
    one.send(CommandKind.STOP, at=20_011)
    heard = one.play(30_000)[:, 0]
    assert largest_step(heard) < 1.7 * TONE_STEP
    assert not heard[20_011 + FADE :].any()


def test_missing_audio_is_silence_in_its_place_and_counted(bench, tone) -> None:
    one = bench()
    one.placed[0].place(0, tone(10_000))
    one.placed[0].expect(10_000, 20_000)
    one.placed[0].place(20_000, tone(10_000, start=20_000))
    assert one.placed[0].missing() == [(10_000, 20_000)]
    one.send(CommandKind.PLAY, 0)
    heard = one.play(40_000)[:, 0]
    assert one.telemetry().tracks[0].placed_missing_samples == 10_000
    assert not heard[10_000:20_000].any()
    np.testing.assert_array_equal(heard[20_000 + FADE : 30_000], tone(10_000, start=20_000)[FADE:])
    assert largest_step(heard[:29_000]) < 1.2 * TONE_STEP


def test_what_comes_late_sounds_in_its_place_from_then_on(bench, noise) -> None:
    one = bench()
    sound = noise(20_000)
    one.placed[0].expect(0, 20_000)
    one.send(CommandKind.PLAY, 0)
    first = one.play(6_400)[:, 0]
    one.placed[0].place(0, sound)
    rest = one.play(20_000)[:, 0]
    assert not first.any()
    np.testing.assert_array_equal(rest[FADE : 20_000 - 6_400], sound[6_400 + FADE :])
    assert one.telemetry().tracks[0].placed_missing_samples == 6_400
    assert one.placed[0].missing() == []


@pytest.mark.parametrize("swapped_at", [14_976, 3 * 4_096 - 256, 3 * 4_096 - 128, 3 * 4_096 - 1, 3 * 4_096])
def test_a_phrase_is_swapped_while_it_plays_by_a_cross_fade(bench, tone, swapped_at: int) -> None:
    """In the middle of a page, and so that a page ends within the fade."""
    one = bench()
    one.placed[0].place(0, tone(40_000))
    one.send(CommandKind.PLAY, 0)
    first = one.play(swapped_at)[:, 0]
    one.placed[0].place(0, -tone(40_000))
    second = one.play(10_112)[:, 0]
    np.testing.assert_array_equal(first, tone(swapped_at))
    np.testing.assert_array_equal(second[FADE:], -tone(10_112 - FADE, start=swapped_at + FADE))
    assert largest_step(np.concatenate([first, second])) < 0.5 * np.pi / FADE + 1.2 * TONE_STEP


def test_clearing_makes_silence_on_purpose(bench, noise) -> None:
    one = bench()
    one.placed[0].place(0, noise(10_000))
    one.placed[0].clear(2_000, 9_000)
    one.send(CommandKind.PLAY, 0)
    heard = one.play(20_000)[:, 0]
    np.testing.assert_array_equal(heard[:2_000], noise(10_000)[:2_000])
    assert not heard[2_000:9_000].any()
    assert one.telemetry().tracks[0].placed_missing_samples == 0


def test_a_writer_that_died_leaves_silence_and_a_count_and_its_heir_takes_over(bench, tone) -> None:
    one = bench(page_samples=256, pages=16)
    one.placed[0].place(0, tone(60_000))
    one.send(CommandKind.PLAY, 0)
    first = one.play(1_000, 100)[:, 0]
    alone = one.play(10_000, 100, feed=False)[:, 0]
    heard = np.concatenate([first, alone])
    ran_out = 1_000 + int(np.flatnonzero(alone != tone(10_000, start=1_000))[0])
    assert largest_step(heard) < 1.2 * TONE_STEP
    assert not heard[ran_out + RATE * 20 // 1000 :].any()
    assert one.telemetry().tracks[0].placed_missing_samples == 11_000 - ran_out
    heir = PlacedWriter(one.memory, 0)
    heir.place(0, tone(60_000))
    heir.feed()
    back = one.play(2_000, 100, feed=False)[:, 0]
    np.testing.assert_array_equal(back[FADE:], tone(2_000 - FADE, start=11_000 + FADE))
    heir.close()


def test_locating_while_another_page_plays_is_prepared(bench, noise) -> None:
    one = bench()
    song = noise(1_000_000)
    one.placed[0].place(0, song)
    one.send(CommandKind.PLAY, 0)
    one.play(1_024)
    one.placed[0].prepare(900_000)
    one.send(CommandKind.LOCATE, 900_000)
    heard = one.play(4_000, feed=False)[:, 0]
    np.testing.assert_array_equal(heard[FADE:], song[900_000 + FADE : 904_000])


def test_a_locate_and_a_loop_at_once_are_both_prepared(bench, noise) -> None:
    one = bench()
    song = noise(1_000_000)
    one.placed[0].place(0, song)
    one.send(CommandKind.PLAY, 0)
    one.play(1_024)
    for target in (900_000, 400_000):
        one.placed[0].prepare(target)
    one.send(CommandKind.LOCATE, 900_000)
    one.send(CommandKind.LOOP, 400_000, 905_000)
    heard = one.play(4_000, feed=False)[:, 0]
    np.testing.assert_array_equal(heard[FADE:], song[900_000 + FADE : 904_000])
    heard = one.play(4_000)[:, 0]
    np.testing.assert_array_equal(heard[1_000 + FADE :], song[400_000 + FADE : 403_000])
    assert one.telemetry().tracks[0].placed_missing_samples == 0


def test_commands_in_the_past_keep_the_song_in_its_place(bench, noise) -> None:
    one = bench()
    song = noise(50_000)
    one.placed[0].place(0, song)
    one.play(5_000)
    one.send(CommandKind.PLAY, 0, at=3_000)
    heard = one.play(5_000)[:, 0]
    np.testing.assert_array_equal(heard[FADE:], song[2_000 + FADE : 7_000])
    assert one.telemetry().late_commands == 1


def test_live_and_placed_sound_together(bench, noise) -> None:
    one = bench()
    one.placed[0].place(100, noise(3_000))
    one.live[0].push(noise(2_000, seed=1))
    one.live[0].rest()
    one.send(CommandKind.PLAY, 0)
    heard = one.play(4_000)[:, 0]
    expected = np.zeros(4_000, np.float32)
    expected[100:3_100] = noise(3_000)
    expected[:2_000] += noise(2_000, seed=1)
    np.testing.assert_array_equal(heard, expected)


def test_positions_before_the_song_are_refused(bench, noise) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        bench().placed[0].place(-1, noise(10))
