"""Child processes: answers, stderr, ends of both sides, and the restart limit."""

from __future__ import annotations

from pathlib import Path

import pytest
from echo_child import Die, Hang, Number

from bridge.realtime import child_process
from bridge.realtime.child_process import ChildProcess, RestartLimit

WAIT_S = 30.0


def started(**more: bool) -> ChildProcess[Number]:
    return ChildProcess("echo_child", name="echo", reads=Number, **more)


@pytest.fixture(autouse=True)
def _module_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "helpers"))


def test_a_child_answers_and_ends_with_its_input() -> None:
    child = started()
    for value in range(3):
        assert child.send(Number(value)) and child.pipe.receive(WAIT_S) == Number(value + 1)
    assert child.is_alive
    child.close(WAIT_S)
    child.close(WAIT_S)
    assert not child.is_alive and not child.send(Number(1))
    assert "printed on stdout" in str(child.stderr)


def test_the_end_of_a_child_is_an_end_of_file_and_its_stderr_is_kept() -> None:
    child = started()
    child.send(Die("out of patience"))
    with pytest.raises(EOFError):
        child.pipe.receive(WAIT_S)
    child.stderr.wait()
    assert "out of patience" in str(child.stderr)
    child.close(WAIT_S)


@pytest.mark.parametrize("sigterm_after_s", [None, 0.05])
def test_a_child_that_does_not_end_is_stopped(sigterm_after_s: float | None) -> None:
    child = started()
    child.send(Hang())
    child.close(0.2, sigterm_after_s=sigterm_after_s)
    assert not child.is_alive


def test_the_restart_limit_forgets_old_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(child_process.time, "monotonic", lambda: now[0])
    limit = RestartLimit(2, within_s=10.0)
    for _ in range(2):
        limit.count()
        assert not limit.is_reached
    limit.count()
    assert limit.is_reached
    now[0] += 20.0
    assert not limit.is_reached
