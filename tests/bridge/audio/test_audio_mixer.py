"""Work of the callback besides reading its sources: gains, meters, limiter, broken samples, the clock, and keeping within its means."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import pytest
import soxr

from bridge.audio.control import CommandKind
from bridge.audio.memory import COMMANDS, AudioAddress, AudioMemory, new_name
from bridge.realtime.block_clock import BlockClock
from engine.errors import SettingsError

CEILING = 10 ** (-0.3 / 20)


def true_peak(samples: np.ndarray) -> float:
    """Between the samples too."""
    return float(np.abs(soxr.resample(samples, 1, 4)).max())


def test_levels_are_metered_in_dbfs(bench, tone) -> None:
    one = bench(tracks=2)
    one.live[0].push(tone(30_000))
    one.play(28_800)
    loud, silent = one.telemetry().tracks
    assert loud.peak_db == pytest.approx(-6.02, abs=0.01)
    assert one.telemetry().output_peak_db == pytest.approx([-6.02, -6.02], abs=0.01)
    assert silent.peak_db == silent.rms_db == -200
    one.live[0].rest()
    one.play(1_200 + 48_000)
    assert one.telemetry().tracks[0].peak_db == pytest.approx(-6.02 - 20, abs=0.2)


def test_the_rms_settles_on_that_of_the_tone(bench, tone) -> None:
    one = bench()
    for start in range(0, 96_000, 24_000):
        one.live[0].push(tone(24_000, start=start))
        one.play(24_000)
    assert one.telemetry().tracks[0].rms_db == pytest.approx(-9.03, abs=0.05)


def test_a_gain_glides(bench) -> None:
    one = bench()
    one.live[0].push(np.full(4_000, 0.8, np.float32))
    one.send(CommandKind.GAIN, 0.25, track=0)
    heard = one.play(2_000, 100)[:, 0]
    assert np.abs(np.diff(heard)).max() < 0.002
    np.testing.assert_allclose(heard[480:], 0.2, atol=1e-4)
    one.send(CommandKind.GAIN, 1.0, track=0)
    np.testing.assert_allclose(one.play(1_000, 100)[480:, 0], 0.8, atol=1e-4)


def test_the_sum_of_tracks_and_gains_stays_under_the_ceiling(bench, tone) -> None:
    one = bench(tracks=2)
    for track in range(2):
        one.send(CommandKind.GAIN, 4.0, track=track)
    for start in range(0, 24_000, 8_000):
        for track in range(2):
            one.live[track].push(tone(8_000, start=start))
        heard = one.play(8_000, 128)[:, 0]
        assert true_peak(heard) <= CEILING
    assert true_peak(heard) > 0.7
    assert one.telemetry().limited_blocks > 0


def test_the_ceiling_changes_nothing_under_it(bench, tone) -> None:
    one = bench()
    one.live[0].push(1.8 * tone(4_800))
    np.testing.assert_array_equal(one.play(4_800, 128)[:, 0], 1.8 * tone(4_800))
    assert one.telemetry().limited_blocks == 0


def test_each_pair_of_outputs_has_a_ceiling_of_its_own(bench, tone) -> None:
    one = bench(tracks=2, outputs=4, routes=((0, 1), (2, 3)))
    one.live[0].push(8 * tone(4_800))
    one.live[1].push(tone(4_800))
    heard = one.play(4_800, 128)
    assert true_peak(heard[:, 0]) <= CEILING
    np.testing.assert_array_equal(heard[:, 2], tone(4_800))


def test_the_limiter_can_be_turned_off(bench) -> None:
    one = bench()
    one.send(CommandKind.LIMITER, 0)
    ramp = np.linspace(-3, 3, 1_000, dtype=np.float32)
    one.live[0].push(ramp)
    np.testing.assert_array_equal(one.play(1_000, 100)[:, 0], ramp)
    assert one.telemetry().limited_blocks == 0


def test_broken_samples_silence_their_track_and_nothing_else(bench, noise) -> None:
    one = bench(tracks=2, outputs=4, routes=((0, 1), (2, 3)))
    broken = noise(1_000)
    broken[450] = np.nan
    broken[620] = np.inf
    one.live[0].push(broken)
    one.live[1].push(noise(1_000, seed=1))
    with np.errstate(all="ignore"):
        heard = one.play(1_000, 100)
    assert np.isfinite(heard).all()
    np.testing.assert_array_equal(heard[:, 2], noise(1_000, seed=1))
    np.testing.assert_array_equal(heard[:400, 0], broken[:400])
    np.testing.assert_array_equal(heard[700:, 0], broken[700:])
    assert one.telemetry().tracks[0].not_finite_blocks == 2


def test_fading_out_at_the_end(bench, tone) -> None:
    one = bench()
    one.live[0].push(tone(5_000))
    one.play(1_000)
    one.mixer.fade_out()
    heard = one.play(2_000, 100)[:, 0]
    assert one.mixer.faded_out
    assert heard[:100].any() and not heard[500:].any()


def test_scheduled_commands_run_in_order_of_their_times(bench) -> None:
    one = bench()
    for at, kind in ((900, CommandKind.STOP), (300, CommandKind.PLAY), (1_500, CommandKind.PLAY)):
        one.send(kind, -1, at=at)
    one.play(2_000, 512)
    transport = one.telemetry().transport
    assert transport.playing
    assert transport.song_sample == (900 - 300) + (2_000 - 1_500)
    assert transport.device_sample == 2_000


def test_a_full_command_queue_returns_false(bench) -> None:
    from bridge.audio.control import Command

    one = bench()
    assert all(one.commands.send(Command(CommandKind.STOP)) for _ in range(COMMANDS))
    assert not one.commands.send(Command(CommandKind.STOP))
    one.play(2_000, 100)
    assert one.commands.send(Command(CommandKind.STOP))


@pytest.mark.slow
def test_memory_stays_flat_however_long_it_plays(bench, tone) -> None:
    four = bench(tracks=4)
    for track in range(4):
        four.placed[track].place(0, tone(400_000))
    four.send(CommandKind.LOOP, 0, 100_000)
    four.send(CommandKind.PLAY, 0)
    out = np.zeros((128, 2), np.float32)

    def play(blocks: int) -> None:
        for _ in range(blocks):
            four.live[0].push(out[:, 0])
            four.mixer.process(out)

    for writer in four.placed:
        writer.feed()
    play(200)
    gc.collect()
    tracemalloc.start()
    try:
        play(50)
        before = tracemalloc.get_traced_memory()[0]
        play(2_000)
        assert tracemalloc.get_traced_memory()[0] - before < 4_096
    finally:
        tracemalloc.stop()


def test_the_clock_filters_the_jitter_of_the_calls() -> None:
    clock, rng = BlockClock(48_000), np.random.default_rng(0)
    true_ns = 128 / 48_000 * 1e9 * 1.0001 * np.arange(6_000)
    called_ns = true_ns + np.abs(rng.standard_normal(6_000)) * 500e3
    smoothed_ns = np.array([clock.smoothed_ns(int(called), 128) for called in called_ns])
    error_ns = (smoothed_ns - true_ns)[2_000:]
    assert error_ns.std() < 0.25 * (called_ns - true_ns).std()
    late = called_ns[-1] + 100e6
    assert clock.smoothed_ns(int(late), 128) == int(late), "after a stall it starts anew"


@pytest.mark.parametrize("lost_ms", [1.5, 2.7, 6.0])
def test_the_clock_finds_that_the_device_lost_time(lost_ms: float) -> None:
    clock, period_ns = BlockClock(48_000), 128 / 48_000 * 1e9
    rng = np.random.default_rng(1)
    for block in range(500):
        clock.smoothed_ns(round(block * period_ns + rng.normal(0, 30e3)), 128)
    late_ns = 500 * period_ns + lost_ms * 1e6
    assert clock.smoothed_ns(round(late_ns), 128) == pytest.approx(500 * period_ns, abs=0.1e6), "may be jitter"
    for block in range(1, 5):
        due_ns = late_ns + block * period_ns
        assert clock.smoothed_ns(round(due_ns + rng.normal(0, 30e3)), 128) == pytest.approx(due_ns, abs=0.1e6)


def test_the_clock_keeps_its_pace_when_blocks_come_late_but_are_caught_up_with() -> None:
    clock, period_ns = BlockClock(48_000), 128 / 48_000 * 1e9
    for block in range(500):
        clock.smoothed_ns(round(block * period_ns), 128)
    for block, late_ms in enumerate((5.0, 2.3, 0.0, 0.0), start=500):
        assert clock.smoothed_ns(round(block * period_ns + late_ms * 1e6), 128) == pytest.approx(block * period_ns, abs=0.3e6)


def test_another_process_finds_the_same_memory_and_leaves_it_there() -> None:
    address = AudioAddress(new_name(), 48_000, 3, 2)
    owner = AudioMemory.create(address)
    guest = AudioMemory.attach(address)
    owner.live[2][1, -1] = 0.5
    owner.slots[2][-1, 1, -1] = 0.25
    owner.slot_gaps[2][-1, -1] = 1
    assert (guest.live[2][1, -1], guest.slots[2][-1, 1, -1], guest.slot_gaps[2][-1, -1]) == (0.5, 0.25, 1)
    guest.close()
    AudioMemory.attach(address).close()
    owner.close()
    owner.close()
    with pytest.raises(FileNotFoundError):
        AudioMemory.attach(address)


@pytest.mark.parametrize(
    "wrong", [{"tracks": 0}, {"tracks": 65}, {"channels": 3}, {"live_samples": 1_000}, {"page_samples": 64}, {"pages": 4}]
)
def test_impossible_layouts_are_rejected(wrong: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match="possible|needed"):
        AudioAddress(**{"name": "x", "sample_rate": 48_000, "tracks": 1, "channels": 1, **wrong})
