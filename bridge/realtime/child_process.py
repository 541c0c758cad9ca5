"""Child processes: start, messages, stderr, restart limit, shutdown.

A child is a fresh `python -m module`, not a `multiprocessing` child, so it does not run the parent's main script. Messages go over its standard
input and output (see `ipc`); its stderr is logged.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Generic

from .ipc import Message, MessagePipe, Received
from .process_tuning import HUGE_PAGES

_SHOWN_LINES = 20

log = logging.getLogger(__name__)


class ChildProcess(Generic[Received]):
    """A running child of this process. `name` is for messages and logs; `reads` is the type of the messages that it sends.

    `is_realtime`: give it huge pages of memory. `environment` is added to the parent's, and wins. `ends_at_exit`: kill it when the parent exits
    without `close`. Raises OSError if it cannot be started.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        name: str,
        reads: Any,
        environment: Mapping[str, str] | None = None,
        is_realtime: bool = False,
        ends_at_exit: bool = False,
    ) -> None:
        self.name = name
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
        pages = HUGE_PAGES if is_realtime else {}
        with _without_interrupts():
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env={**pages, **os.environ, **(environment or {}), "PYTHONPATH": path},
            )
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        assert self._stdin is not None and self._stdout is not None
        self.pipe: MessagePipe[Received] = MessagePipe(self._stdout.fileno(), self._stdin.fileno(), reads)
        self.stderr = StderrTail(self._process, name)
        self._is_closed, self._ends_at_exit = False, ends_at_exit
        if ends_at_exit:
            atexit.register(self._kill)

    @property
    def process_id(self) -> int:
        """Return the number of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Return whether the process runs."""
        return self._process.poll() is None

    def send(self, message: Message) -> bool:
        """Send a message to the process. Return False if it has ended."""
        return self.pipe.send(message)

    def close(self, within_s: float, *, reader: threading.Thread | None = None, sigterm_after_s: float | None = None) -> None:
        """Close the child's input, wait for its end, and release its pipes. Stop it if it does not end `within_s`.

        `reader` is the thread that reads its messages; it is joined before the pipe goes. With `sigterm_after_s` the child gets SIGTERM first,
        after that time. May be called twice.
        """
        if self._is_closed:
            return
        self._is_closed = True
        atexit.unregister(self._kill)
        assert self._stdin is not None and self._stdout is not None
        if not self.pipe.close_output(within_s):  # a thread waits for a child that does not read
            self._process.kill()
            self.pipe.close_output(within_s)
        with suppress(OSError):
            self._stdin.close()
        if sigterm_after_s is not None and not self._has_ended_within(sigterm_after_s):
            self._process.terminate()
        if not self._has_ended_within(within_s):
            level = logging.DEBUG if self._ends_at_exit else logging.WARNING  # a worker may be in the middle of a job
            log.log(level, "the %s process did not end within %g s and was stopped", self.name, within_s)
            self._process.kill()
            self._process.wait()
        if reader is not None and reader is not threading.current_thread():
            reader.join()
        self.stderr.close()
        self._stdout.close()
        self.pipe.close()

    def _has_ended_within(self, timeout_s: float) -> bool:
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _kill(self) -> None:
        with suppress(OSError):
            self._process.kill()


class StderrTail:
    """Collects a child's stderr. Lines are logged; the last 20 are shown if the child fails."""

    def __init__(self, process: subprocess.Popen[bytes], name: str) -> None:
        self._process, self._name = process, name
        self._lines: deque[str] = deque(maxlen=_SHOWN_LINES)
        self._thread = threading.Thread(target=self._collect, name=f"{name} stderr", daemon=True)
        self._thread.start()

    def __str__(self) -> str:
        return " / ".join(self._lines) or "none"

    def wait(self) -> None:
        """Wait until the process has ended and all its lines are read."""
        self._thread.join()

    def close(self) -> None:
        """Wait as `wait` does, then close the pipe."""
        self.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def _collect(self) -> None:
        assert self._process.stderr is not None
        held = b""
        while piece := self._process.stderr.read(1 << 16):
            *lines, held = (held + piece).split(b"\n")
            for line in lines:
                self._take(line)
        if held:
            self._take(held)

    def _take(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        self._lines.append(text)
        log.debug("%s process: %s", self._name, text)


class RestartLimit:
    """Counts unexpected ends of a process, to tell a rare crash from a process that cannot run."""

    def __init__(self, most: int, within_s: float) -> None:
        self._most, self._within_s = most, within_s
        self._ends_s: list[float] = []

    def count(self) -> None:
        """Note that the process has ended now."""
        self._ends_s.append(time.monotonic())

    @property
    def is_reached(self) -> bool:
        """Return whether it has ended too often lately to be started again."""
        now_s = time.monotonic()
        self._ends_s = [end_s for end_s in self._ends_s if now_s - end_s < self._within_s]
        return len(self._ends_s) > self._most


def parent_pipe(reads: Any, *, never_blocks: bool = False) -> MessagePipe[Any]:
    """Return a child's pipe to its parent, and leave signals to the parent. `never_blocks`: for `MessagePipe.send_now`.

    From then on `print` writes to stderr, because sound systems print. SIGINT is ignored: a terminal sends it to parent and child, and the
    parent decides. SIGTERM ends the pipe.
    """
    sink = os.dup(1)
    os.dup2(2, 1)
    if never_blocks:
        os.set_blocking(sink, False)
    pipe: MessagePipe[Any] = MessagePipe(0, sink, reads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: pipe.end())
    return pipe


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Block SIGINT, so that a child inherits the block until it ignores the signal itself. Windows has no such mask."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
