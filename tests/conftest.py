"""Fixtures for all tests: one loaded starter voice, songs written in beats, and the licensed data if present."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from engine.score import Curve, Note, Score, TempoChange, TempoMap, Track

# Started in the background of a shell, this process and all that it starts would not hear Ctrl-C, which some tests send.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("OMP_NUM_THREADS", "1")  # small networks: more threads only spin; child processes take it over
SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
PPQ = 480

settings.register_profile(
    "vocalese",
    deadline=None,  # no test depends on how fast the machine is
    derandomize=True,
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("vocalese")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of modules that start a JACK server."""
    for item in items:
        if isinstance(item, pytest.Function) and any(hasattr(item.module, name) for name in ("JackServer", "require_jack")):
            item.add_marker(pytest.mark.jack)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail skipped tests of lanes that the environment variable REQUIRED_LANES names (markers with spaces between them)."""
    report = yield
    required = set(os.environ.get("REQUIRED_LANES", "").split()) & {mark.name for mark in item.iter_markers()}
    if report.skipped and required and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but the lane {', '.join(sorted(required))} is required here: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of licensed recordings and scores; tests that use it carry the marker `shared_data`."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the licensed data is not at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def starter():
    """The starter voice. One torch thread: results do not depend on the number of cores."""
    import torch

    from engine import STARTER_NAME, load_voice

    torch.set_num_threads(1)
    return load_voice(STARTER_NAME)


@pytest.fixture(scope="session")
def song() -> Callable[..., Score]:
    """`song([(beat, beats, pitch, lyric), …], bpm=120, …)`: a score with one track, 0.5 s per beat by default."""

    def write(
        notes: Sequence[tuple],
        *,
        bpm: float = 120.0,
        curves: Sequence[Curve] = (),
        name: str = "lead",
        title: str = "song",
        velocity: int = 100,
        is_drums: bool = False,
    ) -> Score:
        written = tuple(
            Note(round(beat * PPQ), max(1, round(beats * PPQ)), pitch, velocity=velocity, lyric=lyric)
            for beat, beats, pitch, lyric in notes
        )
        tempo_map = TempoMap(PPQ, (TempoChange(0, 60e6 / bpm),))
        return Score(title, PPQ, (Track(name, written, tuple(curves), is_drums=is_drums),), tempo_map)

    return write


@pytest.fixture(scope="session")
def render(starter) -> Callable[..., np.ndarray]:
    """`render(plan, rate=48000, track=0, cache=None)`: all samples of one track."""
    from engine import render_track

    def samples(plan, *, rate: int = 48_000, track: int = 0, cache=None, voice=None) -> np.ndarray:
        phrases = plan.tracks[track].performed.phrases
        blocks = render_track(phrases, voice or starter, sample_rate=rate, total_samples=plan.total_samples(rate), cache=cache)
        return np.concatenate(list(blocks))

    return samples
