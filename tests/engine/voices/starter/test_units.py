"""Phones to articulatory units, units to frames."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.voices.units import (
    AFFRICATES,
    DIPHTHONGS,
    PHONES,
    POSITION_FEATURES,
    STOPS,
    UNIT_INDEX,
    UNITS,
    Unit,
    split_phone,
    unit_frames,
    without_end,
)


@pytest.mark.parametrize("phone", sorted(PHONES))
def test_units_of_a_phone_cover_it(phone):
    for length_s in (0.005, 0.08, 2.0):
        units = split_phone(phone, 1.0, 1.0 + length_s)
        assert len(units) == (2 if phone in DIPHTHONGS + STOPS + AFFRICATES else 1)
        assert units[0].start_s == 1.0 and units[-1].end_s == 1.0 + length_s
        assert all(unit.end_s > unit.start_s and unit.symbol in UNIT_INDEX for unit in units)
        assert all(b.start_s == a.end_s for a, b in itertools.pairwise(units))


@pytest.mark.parametrize(
    ("phone", "start_s", "end_s", "symbols", "border_s"),
    [
        ("AY", 0.0, 3.0, ("AY", "AY_glide"), 2.87),  # held, it stays on the nucleus
        ("AY", 0.0, 0.1, ("AY", "AY_glide"), 0.06),
        ("T", 0.0, 0.1, ("T_closure", "T"), 0.055),
        ("B", 0.0, 0.1, ("B_closure", "B"), 0.085),
        ("CH", 0.0, 0.2, ("CH_closure", "CH"), 0.13),
        ("K", 0.0, 0.05, ("K_closure", "K"), 0.02),  # short: 60 % of it is the release
    ],
)
def test_diphthongs_and_stops_are_split_by_rule(phone, start_s, end_s, symbols, border_s):
    first, second = split_phone(phone, start_s, end_s)
    assert (first.symbol, second.symbol) == symbols
    assert first.end_s == second.start_s == pytest.approx(border_s)


def test_a_measured_release_comes_before_the_rule():
    first, second = split_phone("T", 0.0, 0.1, release_s=0.07)
    assert first.end_s == second.start_s == 0.07


@pytest.mark.parametrize("symbol", ["XX", "ah", "AH0", "", "SP", "sh"])
def test_a_symbol_outside_the_inventory_is_refused_with_the_valid_ones(symbol):
    with pytest.raises(ValueError, match=rf"'{symbol}' is not a phone .* AA, AE.* SIL"):
        split_phone(symbol, 0.0, 1.0)


def test_units_are_named_once():
    assert len(set(UNITS)) == len(UNITS) == len(UNIT_INDEX)
    assert UNITS[0] == "SIL"


def test_frames_look_at_their_middle():
    units = [Unit("SIL", 0.0, 0.1), Unit("AA", 0.1, 0.204), Unit("M", 0.204, 0.3)]
    laid = unit_frames(units, 30, 100)
    assert laid.units.tolist() == [UNIT_INDEX[u] for u in ("SIL", "AA", "M")]
    assert laid.unit_of_frame.tolist() == [0] * 10 + [1] * 10 + [2] * 10
    assert laid.position.shape == (30, POSITION_FEATURES) and laid.position.dtype == np.float32
    assert laid.position[10, :3] == pytest.approx([0.005 / 0.03, 0.005 / 0.08, 0.005 / 0.2], rel=1e-4)


def test_the_middle_of_a_long_note_looks_like_that_of_a_spoken_vowel():
    """Positions in an eight-second note equal those of spoken vowels, which occur in training."""
    middles = [unit_frames([Unit("AA", 0.0, s)], round(100 * s), 100).position[round(50 * s)] for s in (0.6, 2.0, 8.0)]
    assert middles[0] == pytest.approx(middles[1]) and middles[1] == pytest.approx(middles[2])


@settings(max_examples=50)
@given(st.lists(st.floats(0.001, 3.0), min_size=1, max_size=12))
def test_positions_stay_in_the_range_of_training(lengths):
    lengths = [*lengths, 0.02]
    borders = np.concatenate([[0.0], np.cumsum(lengths)])
    units = [Unit(UNITS[i % len(UNITS)], a, b) for i, (a, b) in enumerate(itertools.pairwise(borders))]
    frames = int(100 * borders[-1])
    laid = unit_frames(units, frames, 100)
    assert laid.unit_of_frame.min() >= 0 and laid.unit_of_frame.max() <= len(units) - 1
    assert (np.diff(laid.unit_of_frame) >= 0).all()
    assert laid.position[:, :6].min() >= 0 and laid.position[:, :6].max() <= 1
    assert np.abs(laid.position).max() <= 1.5 + 1e-6


def test_a_unit_without_end_looks_like_one_that_ends_beyond_the_horizon():
    held = unit_frames([Unit("AA", 0.0, np.inf)], 60, 100)
    ends = unit_frames([Unit("AA", 0.0, 3.0)], 60, 100)
    assert (held.position == without_end(ends.position, 0.05)).all()
    assert np.isfinite(held.position).all() and (held.until_s == np.inf).all()


@pytest.mark.parametrize("horizon_s", [0.02, 0.05, 0.2])
def test_what_comes_within_the_horizon_stays_seen(horizon_s):
    laid = unit_frames([Unit("AA", 0.0, 1.0)], 100, 100)
    hidden = without_end(laid.position, horizon_s)
    seen = laid.until_s <= horizon_s
    assert seen.any() and (hidden[seen] == laid.position[seen]).all()
    assert (hidden[~seen, 3:6] == 1.0).all() and (hidden[:, :3] == laid.position[:, :3]).all()


def test_a_later_stretch_is_the_same_cut_out():
    units = [Unit("SIL", 0.0, 0.1), Unit("AA", 0.1, 0.204), Unit("M", 0.204, 0.3)]
    whole, later = unit_frames(units, 30, 100), unit_frames(units, 12, 100, first_frame=15)
    assert (whole.cut(slice(15, 27)).position == later.position).all()
    assert (whole.unit_of_frame[15:27] == later.unit_of_frame).all()
