"""Mixers to play with, and sounds to play."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from audio_bench import RATE, Bench


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    """`bench(tracks=1, channels=1, outputs=2, routes=None)`; closed at the end."""
    made: list[Bench] = []

    def make(tracks: int = 1, channels: int = 1, outputs: int = 2, routes=None, **layout: int) -> Bench:
        made.append(Bench(tracks, channels, outputs, routes, **layout))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def noise() -> Callable[..., np.ndarray]:
    """`noise(samples, seed=0)`: every sample differs from every other, so a shift of one is seen."""

    def make(samples: int, seed: int = 0) -> np.ndarray:
        return (np.random.default_rng(seed).standard_normal(samples) * 0.1).astype(np.float32)

    return make


@pytest.fixture
def tone() -> Callable[..., np.ndarray]:
    """`tone(samples, start=0)`: a sine of 220 Hz at half scale, in phase with sample 0 whatever the start."""

    def make(samples: int, start: int = 0) -> np.ndarray:
        return (0.5 * np.sin(2 * np.pi * 220 / RATE * (start + np.arange(samples)))).astype(np.float32)

    return make
