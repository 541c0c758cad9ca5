"""The time map: never backwards, exact at its borders, and the same for waveforms and latents."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dsp.time_map import Stretch, TimeMap, warp_frames


def stretched(lengths: list[tuple[float, float, float]]) -> TimeMap:
    """From (seconds of result, seconds of recording, seconds skipped before)."""
    stretches, at_s, from_s = [], 0.0, 0.0
    for length_s, recorded_s, skipped_s in lengths:
        from_s += skipped_s
        stretches.append(Stretch(at_s, at_s + length_s, from_s, from_s + recorded_s))
        at_s, from_s = stretches[-1].end_s, from_s + recorded_s
    return TimeMap(tuple(stretches))


pieces = st.lists(st.tuples(st.floats(0.01, 2.0), st.floats(0.0, 1.0), st.sampled_from([0.0, 0.3])), min_size=1, max_size=12)


@given(pieces)
def test_it_never_runs_backwards(lengths: list[tuple[float, float, float]]) -> None:
    time_map = stretched(lengths)
    recorded_s = time_map.recorded_at(np.linspace(0.0, time_map.end_s, 500))
    assert np.all(np.diff(recorded_s) >= -1e-9)


@given(pieces)
def test_borders_are_exact(lengths: list[tuple[float, float, float]]) -> None:
    time_map = stretched(lengths)
    starts = np.array([s.start_s for s in time_map.stretches])
    assert np.allclose(time_map.recorded_at(starts), [s.from_s for s in time_map.stretches], atol=1e-9)


def test_heard_at_is_the_way_back() -> None:
    time_map = stretched([(0.5, 0.5, 0.0), (2.0, 0.1, 0.2), (0.3, 0.3, 0.0)])
    recorded_s = np.array([0.1, 0.45, 0.75, 0.9])
    assert np.allclose(time_map.recorded_at(time_map.heard_at(recorded_s)), recorded_s)
    assert time_map.heard_at(np.array([0.6]))[0] == pytest.approx(0.5), "a skipped instant is where it was skipped"


@pytest.mark.parametrize(
    "stretches",
    [
        (),
        (Stretch(0.1, 1.0, 0.0, 1.0),),
        (Stretch(0.0, 1.0, 0.0, 1.0), Stretch(1.1, 2.0, 1.0, 2.0)),
        (Stretch(0.0, 1.0, 0.0, 1.0), Stretch(1.0, 2.0, 0.5, 2.0)),
        (Stretch(0.0, 0.0, 0.0, 1.0),),
        (Stretch(0.0, 1.0, 1.0, 0.5),),
    ],
)
def test_what_is_no_map_is_refused(stretches: tuple[Stretch, ...]) -> None:
    with pytest.raises(ValueError, match="stretch|Stretch|backwards"):
        TimeMap(stretches)


def test_latent_frames_go_where_the_map_says() -> None:
    ramp = np.arange(100, dtype=np.float32)[:, None] * np.array([1.0, -2.0], dtype=np.float32)
    time_map = stretched([(0.4, 0.4, 0.0), (3.0, 0.2, 0.0), (0.6, 0.6, 0.3)])
    warped = warp_frames(ramp, time_map, frame_rate_hz=50)
    assert warped.shape == (200, 2) and warped.dtype == np.float32
    centres_s = (np.arange(200) + 0.5) / 50
    assert np.allclose(warped[:, 0], time_map.recorded_at(centres_s) * 50 - 0.5, atol=1e-3)
    assert np.allclose(warped[:, 1], -2 * warped[:, 0], atol=1e-3)


def test_an_even_map_changes_no_latent() -> None:
    latent = np.random.default_rng(1).standard_normal((37, 5)).astype(np.float32)
    assert np.array_equal(warp_frames(latent, TimeMap((Stretch(0.0, 0.74, 0.0, 0.74),))), latent)


def test_latents_need_two_axes() -> None:
    with pytest.raises(ValueError, match="expected"):
        warp_frames(np.zeros(10, dtype=np.float32), TimeMap((Stretch(0.0, 1.0, 0.0, 1.0),)))
