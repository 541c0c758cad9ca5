"""The ceiling: nothing over −0.3 dBFS, between the samples too, at any size of blocks; everything under −6 dBFS unchanged to the bit."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from engine.dsp.ceiling import CEILING_DBFS, Ceiling, soft_limit
from engine.voices.starter.synthesiser import pulse_train

RATE = 48_000
TIME_S = np.arange(RATE // 2) / RATE


def true_peak_dbfs(samples: np.ndarray) -> float:
    return float(20 * np.log10(np.abs(soxr.resample(samples, 1, 4, quality="VHQ")).max()))


def in_blocks(samples: np.ndarray, size: int) -> np.ndarray:
    ceiling = Ceiling(RATE)
    return np.concatenate([ceiling.limited(samples[None, at : at + size])[0] for at in range(0, len(samples), size)])


def tone(hz: float, gain: float) -> np.ndarray:
    return (gain * np.sin(2 * np.pi * hz * TIME_S + 0.7)).astype(np.float32)


def pulses(hz: float, gain: float) -> np.ndarray:
    f0_hz = np.full(len(TIME_S), hz)
    return gain * pulse_train(np.cumsum(f0_hz / RATE), f0_hz, RATE)


@pytest.mark.parametrize("size", [64, 128, 441, 24_000])
@pytest.mark.parametrize(
    "sound",
    [
        tone(50, 8),
        tone(997, 4),
        tone(4_000, 1e4),
        tone(12_000, 1.9),
        pulses(70, 1.0),
        pulses(440, 3.0),
        pulses(4_100, 400.0),
        np.sign(tone(441, 1)) * np.float32(2),
        np.full(len(TIME_S), 3, np.float32),
    ],
    ids=["50 Hz", "997 Hz", "4 kHz by 80 dB", "12 kHz", "low pulses", "pulses", "high pulses", "square", "one side"],
)
def test_loud_signals_stay_under_the_ceiling_between_samples(sound: np.ndarray, size: int) -> None:
    sound = np.concatenate([np.zeros(1_000, np.float32), sound])
    assert true_peak_dbfs(sound) > 0
    limited = in_blocks(sound, size)
    assert true_peak_dbfs(limited) <= CEILING_DBFS
    assert np.abs(limited).max() > 0.6  # turned down, not away


def test_noise_as_large_as_the_ceiling_stays_under_it() -> None:
    noise = (0.3 * np.random.default_rng(0).standard_normal(48_000)).astype(np.float32)
    shaped = soxr.resample(soxr.resample(noise, 48_000, 32_000), 32_000, 48_000)
    assert true_peak_dbfs(shaped) > 0
    assert true_peak_dbfs(in_blocks(shaped, 256)) <= CEILING_DBFS


@pytest.mark.parametrize("size", [32, 64, 128, 256])
@pytest.mark.parametrize("gain_db", [-9, 0, 20])
@pytest.mark.parametrize("highest_hz", [16_000, 24_000])
def test_hiss_in_small_blocks_stays_under_it(size: int, gain_db: float, highest_hz: int) -> None:
    """Limiting works without the next block, even where hiss peaks between the last samples of a block."""
    for seed in range(6):
        noise = 10 ** (gain_db / 20) * np.random.default_rng(seed).standard_normal(24_000)
        sound = soxr.resample(soxr.resample(noise, RATE, 2 * highest_hz), 2 * highest_hz, RATE).astype(np.float32)
        limited = in_blocks(sound, size)
        assert true_peak_dbfs(limited) <= CEILING_DBFS
        assert np.abs(limited).max() > 0.6


@pytest.mark.parametrize("size", [1, 64, 441, 24_000])
def test_signals_under_6_db_are_unchanged(size: int) -> None:
    sound = 0.5 * np.random.default_rng(1).uniform(-1, 1, 4_000).astype(np.float32)
    np.testing.assert_array_equal(in_blocks(sound, size), sound)


def test_peaks_just_under_the_ceiling_pass_unchanged() -> None:
    np.testing.assert_array_equal(in_blocks(tone(220, 0.91), 128), tone(220, 0.91))
    np.testing.assert_array_equal(in_blocks(tone(1_900, 0.9), 64), tone(1_900, 0.9))


def test_the_gain_recovers_completely() -> None:
    quiet = tone(220, 0.3)
    after = in_blocks(np.concatenate([tone(220, 4), quiet]), 128)[-len(quiet) :]
    assert np.abs(after[:2_000]).max() < 0.2
    np.testing.assert_array_equal(after[-4_800:], quiet[-4_800:])


def test_channels_share_one_gain() -> None:
    left = Ceiling(RATE, 2).limited(np.stack([tone(220, 4), tone(220, 0.4)]))
    np.testing.assert_allclose(left[1], 0.1 * left[0], atol=1e-6)


def test_reset_clears_the_gain() -> None:
    ceiling = Ceiling(RATE)
    ceiling.limited(tone(220, 4)[None])
    ceiling.reset()
    np.testing.assert_array_equal(ceiling.limited(tone(220, 0.3)[None])[0], tone(220, 0.3))


def test_soft_limit_is_linear_below_its_knee() -> None:
    ramp = np.linspace(-3, 3, 1_001, dtype=np.float32)
    sound = soft_limit(ramp)
    assert np.abs(sound).max() < 0.99 + 1e-6 and (np.diff(sound) >= 0).all()
    np.testing.assert_array_equal(sound[np.abs(ramp) <= 0.8], ramp[np.abs(ramp) <= 0.8])
