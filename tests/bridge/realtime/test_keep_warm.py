"""`KeepWarm` runs its work while there is activity and for a while after, and no longer."""

from __future__ import annotations

import pytest

from bridge.realtime import keep_warm
from bridge.realtime.keep_warm import KeepWarm


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    moment = [1_000.0]
    monkeypatch.setattr(keep_warm.time, "monotonic", lambda: moment[0])
    return moment


def test_work_is_wanted_until_some_time_after_the_last_activity(now: list[float]) -> None:
    idle = KeepWarm(lambda: None, every_s=0.004, active_for_s=30.0)
    assert not idle.is_attached and idle.timeout_s() == 0.004 and idle.is_attached
    now[0] += 29.0
    assert idle.timeout_s() == 0.004
    now[0] += 2.0
    assert idle.timeout_s() is None
    assert idle.note_activity(), "its loop sleeps and has to be woken"
    assert idle.timeout_s() == 0.004
    now[0] += 1.0
    assert not idle.note_activity()


def test_it_may_begin_asleep(now: list[float]) -> None:
    idle = KeepWarm(lambda: None, starts_active=False)
    assert idle.timeout_s() is None and idle.note_activity() and idle.is_active


def test_work_chooses_when_it_runs_again(now: list[float]) -> None:
    pauses = iter([0.0, None, 0.5])
    idle = KeepWarm(lambda: next(pauses), every_s=0.006)
    assert [idle.run() for _ in range(3)] == [0.0, 0.006, 0.5]
