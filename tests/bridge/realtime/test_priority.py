"""Real-time priority: for the thread that asks and no other, and no error where it is refused."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from bridge.commands import doctor
from bridge.realtime.priority import NO_REAL_TIME, SINGER, RealtimePriority, ask_for_real_time

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setscheduler"), reason="this system has another way")


def _asked() -> tuple[bool, int, bool, int]:
    granted = ask_for_real_time(SINGER)
    child = subprocess.run(
        [sys.executable, "-c", "import os; print(os.sched_getscheduler(0))"], capture_output=True, text=True, check=True
    )
    return granted, os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK, ask_for_real_time(SINGER), int(child.stdout)


def test_the_thread_that_asks_has_it_and_neither_others_nor_children():
    with ThreadPoolExecutor(1) as thread:
        granted, scheduler, again, of_child = thread.submit(_asked).result()
    assert again == granted == (scheduler == os.SCHED_FIFO)
    assert of_child == os.sched_getscheduler(0) == os.SCHED_OTHER


_WITHOUT_RIGHTS = """
import contextlib, os, resource
from bridge.realtime.priority import SINGER, ask_for_real_time
resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))
with contextlib.suppress(OSError):  # a user namespace has no other users, and its root no permission
    os.setuid(65534)
print(ask_for_real_time(SINGER))
"""


def _schedulers_of_changes() -> list[int]:
    priority, found = RealtimePriority(SINGER), []
    for change in (priority.release, priority.acquire, priority.acquire, priority.release):
        change()
        found.append(os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK)
    return found


def test_realtime_priority_is_released():
    with ThreadPoolExecutor(1) as thread:
        if not thread.submit(ask_for_real_time, SINGER).result():
            pytest.skip("this system does not grant real-time priority")
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(_schedulers_of_changes).result() == [os.SCHED_OTHER, os.SCHED_FIFO, os.SCHED_FIFO, os.SCHED_OTHER]


def test_runs_without_rtprio_permission():
    refused = subprocess.run([sys.executable, "-c", _WITHOUT_RIGHTS], capture_output=True, text=True, check=True)
    assert refused.stdout == "False\n"


def test_doctor_reports_the_priority(monkeypatch):
    monkeypatch.setattr(doctor, "ask_for_real_time", lambda _: False)
    assert doctor._priority() == NO_REAL_TIME
    monkeypatch.setattr(doctor, "ask_for_real_time", lambda _: True)
    assert doctor._priority() == "granted"
