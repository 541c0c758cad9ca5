"""Time warping on made-up features, compared with what was done to them."""

from __future__ import annotations

import numpy as np
import pytest

from engine.dsp.warping_path import PAUSE, warping_path


def walk(frames: int, seed: int = 0) -> np.ndarray:
    """Smooth random features [frames, 6]."""
    rng = np.random.default_rng(seed)
    return np.apply_along_axis(np.convolve, 0, rng.standard_normal((frames + 8, 6)), np.hanning(9), mode="valid")


def test_a_known_warp_is_found() -> None:
    reference = walk(120)
    true = np.concatenate([np.arange(0, 40), np.repeat(np.arange(40, 60), 2), np.arange(60, 120, 2)])
    path, _ = warping_path(reference[true], reference, pause_costs=np.full(len(true), 50.0), pause_before=[0, 120])
    assert np.abs(path - true).max() <= 1


def test_pauses_of_the_speech_are_left_out() -> None:
    reference = walk(80)
    pause = np.full((30, 6), 9.0)
    spoken = np.concatenate([pause[:10], reference[:50], pause, reference[50:], pause[:5]])
    costs = np.where(np.all(spoken == 9.0, axis=1), 0.1, 50.0)
    path, _ = warping_path(spoken, reference, pause_costs=costs, pause_before=[0, 50, 80])
    wanted = np.concatenate([[PAUSE] * 10, np.arange(50), [PAUSE] * 30, np.arange(50, 80), [PAUSE] * 5])
    assert np.mean(path == wanted) > 0.95


def test_no_reference_frame_is_held_for_more_than_three_frames_nor_three_skipped() -> None:
    spoken, reference = walk(150, seed=3), walk(90, seed=4)  # nothing in common: the limits decide
    path, _ = warping_path(spoken, reference, pause_costs=np.full(150, 1e6), pause_before=[0, 90])
    assert np.bincount(path).max() <= 3
    assert np.diff(path).min() >= 0 and np.diff(path).max() <= 3
    assert path[0] == 0 and path[-1] == 89


def test_what_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="three times"):
        warping_path(walk(10), walk(90), pause_costs=np.full(10, 1e6), pause_before=[])
