"""Minutes of everything at once, as fast as it goes: nothing clicks, nothing breaks, nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest
from audio_bench import RATE, Bench, largest_step

from bridge.audio.control import CommandKind

MINUTES = 2
BLOCKS = (64, 128, 256, 1024)
LEVEL, HZ = 0.2, 220


def sine(start: int, count: int) -> np.ndarray:
    return (LEVEL * np.sin(2 * np.pi * HZ / RATE * (start + np.arange(count)))).astype(np.float32)


@pytest.mark.slow
def test_random_play_does_not_click(bench) -> None:
    """A placed and a live sine under random transport commands, replacements, starving, rests and discards. A step between samples is
    never larger than what two sines and their fades can make."""
    one: Bench = bench(tracks=2)
    rng = np.random.default_rng(0)
    one.placed[0].place(0, sine(0, 20 * RATE))
    steepest = 2 * np.pi * HZ / RATE * LEVEL
    fade = LEVEL * np.pi / 2 / (RATE // 200)
    last = np.zeros((1, 2), np.float32)
    at = played = 0
    while played < MINUTES * 60 * RATE:
        block = int(rng.choice(BLOCKS))
        match rng.integers(0, 60):
            case 0 | 1:
                one.send(CommandKind.PLAY, int(rng.integers(0, 15 * RATE)))
            case 2:
                one.send(CommandKind.STOP)
            case 3 | 4:
                one.send(CommandKind.LOCATE, int(rng.integers(0, 15 * RATE)))
            case 5:
                start = int(rng.integers(0, 10 * RATE))
                one.send(CommandKind.LOOP, start, start + int(rng.integers(2_000, 3 * RATE)))
            case 6:
                one.send(CommandKind.LOOP)
            case 7:
                start = int(rng.integers(0, 10 * RATE))
                one.placed[0].place(start, sine(start, int(rng.integers(1, 2 * RATE))))
            case 8:
                one.live[1].discard()
                at = 0
            case 9:  # a note that ends, and then rests
                count = 4_800
                ending = sine(at, count) * np.minimum(1, np.arange(count, 0, -1) / 480).astype(np.float32)
                one.live[1].push(ending)
                one.live[1].rest()
                at = 0
            case chance if chance < 55 and one.live[1].waiting_samples < 4 * block:
                one.live[1].push(sine(at, 2 * block))
                at += 2 * block
        heard = np.concatenate([last, one.play(2 * block, block)])
        assert np.isfinite(heard).all()
        # At once, at most: two sines, a fade-in and two tails of each.
        assert largest_step(heard[:, 0] - heard[0, 0]) < 6 * (steepest + fade)
        last, played = heard[-1:], played + 2 * block
    assert one.telemetry().tracks[1].live_underruns > 100, "it did starve"
