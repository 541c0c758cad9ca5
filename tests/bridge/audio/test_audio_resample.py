"""The rate match of live blocks: how it is cut changes nothing, its delay is what it says, and images stay away."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.audio.control import CommandKind
from bridge.audio.live_ring import LiveWriter
from bridge.audio.resample import StreamResampler

RATES = [(32_000, 48_000), (32_000, 44_100), (32_000, 96_000), (48_000, 44_100), (44_100, 48_000), (48_000, 32_000)]


def run(source: int, target: int, sound: np.ndarray, block: int) -> np.ndarray:
    resampler = StreamResampler(source, target)
    parts = [resampler.push(sound[None, start : start + block]) for start in range(0, len(sound), block)]
    return np.concatenate([*parts, resampler.flush()], axis=1)[0]


@pytest.mark.parametrize(("source", "target"), RATES)
@pytest.mark.parametrize("block", [1, 32, 100, 2048])
def test_blocks_of_any_size_give_the_same(source: int, target: int, block: int) -> None:
    sound = (np.random.default_rng(0).standard_normal(3_000) * 0.1).astype(np.float32)
    np.testing.assert_allclose(run(source, target, sound, block), run(source, target, sound, 3_000), atol=1e-6)


@pytest.mark.parametrize(("source", "target"), RATES)
@pytest.mark.parametrize("hz", [100, 1_000, 6_000, 13_000])
def test_a_tone_comes_out_later_by_the_delay_it_says(source: int, target: int, hz: int) -> None:
    delay = StreamResampler(source, target).delay_samples
    assert 0 < delay / target < 0.0015
    sound = np.sin(2 * np.pi * hz / source * np.arange(source // 4)).astype(np.float32)
    out = run(source, target, sound, 160)
    expected = np.sin(2 * np.pi * hz / target * (np.arange(len(out)) - delay))
    steady = slice(2 * delay, len(out) - 4 * delay)
    np.testing.assert_allclose(out[steady], expected[steady], atol=2e-3)


def test_each_block_leaves_at_once() -> None:
    """No more waits than the filter needs: what is due by the delay is out."""
    resampler = StreamResampler(32_000, 48_000)
    out = 0
    for pushed in range(64, 6_400, 64):
        out += resampler.push(np.zeros((1, 64), np.float32)).shape[1]
        assert out == pushed * 3 // 2


def test_images_are_attenuated() -> None:
    sound = np.sin(2 * np.pi * 12_000 / 32_000 * np.arange(32_000)).astype(np.float32)
    out = run(32_000, 48_000, sound, 320)[1_000:-1_000]
    spectrum = 20 * np.log10(np.abs(np.fft.rfft(out * np.blackman(len(out)))) + 1e-9)
    hz = np.fft.rfftfreq(len(out), 1 / 48_000)
    assert spectrum[(hz > 17_500)].max() < spectrum.max() - 65


def test_equal_rates_pass_unchanged() -> None:
    resampler = StreamResampler(48_000, 48_000)
    block = np.random.default_rng(0).standard_normal((1, 100)).astype(np.float32)
    assert resampler.delay_samples == 0
    assert resampler.push(block) is block
    assert resampler.flush().shape == (1, 0)


def test_a_live_voice_of_another_rate_sounds_later_by_the_delay(bench) -> None:
    one = bench()
    voice = LiveWriter(one.memory, 0, source_rate=32_000)
    tone = lambda rate, at: 0.5 * np.sin(2 * np.pi * 440 / rate * at)  # noqa: E731
    for start in range(0, 8_000, 80):
        voice.push(tone(32_000, np.arange(start, start + 80)).astype(np.float32))
    voice.rest()
    one.send(CommandKind.GAIN, 1.0)
    heard = one.play(14_000)[:, 0]
    steady = np.arange(1_000, 11_000)
    np.testing.assert_allclose(heard[steady], tone(48_000, steady - voice.delay_samples), atol=2e-3)
    assert one.telemetry().tracks[0].live_underruns == 0
    voice.close()
