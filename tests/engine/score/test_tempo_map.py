"""Ticks and seconds. The first table restates the numbers of OpenUtau's TimeAxisTest (MIT)."""

import pytest

from engine.score import TempoChange, TempoMap

OPENUTAU = TempoMap(
    480,
    (TempoChange(0, 60e6 / 120), TempoChange(4800, 60e6 / 75), TempoChange(9600, 60e6 / 90), TempoChange(18000, 60e6 / 60)),
)


@pytest.mark.parametrize(
    ("tick", "ms"), [(0, 0), (2400, 2500), (4800, 5000), (7200, 9000), (15960, 21833 + 1 / 3), (24000, 37166 + 2 / 3)]
)
def test_openutau_time_axis(tick, ms):
    assert OPENUTAU.seconds_at(tick) * 1000 == pytest.approx(ms, abs=1e-6)
    assert OPENUTAU.tick_at(ms / 1000) == pytest.approx(tick, abs=1e-6)


def test_no_tempo_is_120_bpm():
    assert TempoMap(960).seconds_at(960) == 0.5


def test_before_the_first_change_it_is_120_bpm():
    tempo_map = TempoMap(480, (TempoChange(960, 1_000_000),))
    assert tempo_map.seconds_at(960) == 1.0
    assert tempo_map.seconds_at(1440) == 2.0


@pytest.mark.parametrize("tick", [0, 1, 4799.5, 4800, 9601, 18000, 1e7])
def test_there_and_back(tick):
    assert OPENUTAU.tick_at(OPENUTAU.seconds_at(tick)) == pytest.approx(tick, abs=1e-6)
