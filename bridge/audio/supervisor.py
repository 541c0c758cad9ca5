"""The parent's side of one run of the audio process."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from bridge.realtime.child_process import ChildProcess
from engine import errors
from engine.errors import DeviceError, VocaleseError

from .messages import Answer, Ended, Failed, Lost, Notice, Report, Request

_ANSWER_WITHIN_S = 20.0
_CLOSE_WITHIN_S = 3.0
_Wanted = TypeVar("_Wanted")


class AudioProcess:
    """One run of `bridge.audio.worker`.

    `on_notice(text)` and `on_end(text)` are called from a thread; the text of an end gives the reason, empty if it is unknown.
    """

    def __init__(self, on_notice: Callable[[str], None], on_end: Callable[[str], None]) -> None:
        self._on_notice, self._on_end = on_notice, on_end
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._child: ChildProcess[Report] = ChildProcess("bridge.audio.worker", name="audio", reads=Report, is_realtime=True)
        self._thread = threading.Thread(target=self._read, name="audio answers", daemon=True)
        self._thread.start()

    @property
    def process_id(self) -> int:
        """Return the number of the audio process."""
        return self._child.process_id

    @property
    def is_alive(self) -> bool:
        """Return whether the process runs."""
        return self._child.is_alive

    def ask(self, request: Request, answer: type[_Wanted], *, waits_forever: bool = False) -> _Wanted:
        """Send a request and return its answer. Raises a VocaleseError if another answer comes, or none in time."""
        self._child.send(request)  # a process that has ended is answered for by `_read`
        try:
            given = self._answers.get(timeout=None if waits_forever else _ANSWER_WITHIN_S)
        except queue.Empty:
            raise DeviceError(f"The audio process did not answer within {_ANSWER_WITHIN_S:g} s.") from None
        if isinstance(given, answer):
            return given
        raise self._as_error(given)

    def end(self) -> VocaleseError | None:
        """Let the process fade out and end. Return what it could not complete, if anything. A process that does not end is stopped."""
        self._child.close(_CLOSE_WITHIN_S, reader=self._thread)
        failed = None
        while not self._answers.empty():
            given = self._answers.get()
            if isinstance(given, Failed):
                failed = self._as_error(given)
        return failed

    def _as_error(self, given: Answer) -> VocaleseError:
        if isinstance(given, Failed):
            error: VocaleseError = getattr(errors, given.kind, DeviceError)(given.text)
            return error
        if isinstance(given, Ended):
            self._answers.put(given)  # the next caller finds out too
            return DeviceError(f"The audio process has ended. Its stderr: {self._child.stderr}")
        return DeviceError(f"The audio process answered {type(given).__name__}.")

    def _read(self) -> None:
        reason = ""
        while True:
            try:
                report = self._child.pipe.receive()
            except EOFError:
                break
            if isinstance(report, Notice):
                self._on_notice(report.text)
            elif isinstance(report, Lost):
                reason = report.text
            elif report is not None:
                self._answers.put(report)
        self._answers.put(Ended())
        self._on_end(reason)
