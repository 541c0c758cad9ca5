"""The audio process seen from its parent: started, asked, overheard, ended."""

from __future__ import annotations

import json
import logging
import queue
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from bridge.child import LastWords, spawn
from engine import errors
from engine.errors import DeviceError, VocaleseError

_ANSWER_WITHIN_S = 20.0
_CLOSE_WITHIN_S = 3.0
_ENDED = "ended"
log = logging.getLogger(__name__)


class AudioChild:
    """One run of `bridge.audio.process`.

    `on_notice(text)` and `on_end(text)` are called from a thread; the text of an end says why, empty if nobody knows.
    """

    def __init__(self, on_notice: Callable[[str], None], on_end: Callable[[str], None]) -> None:
        self._on_notice, self._on_end = on_notice, on_end
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._process = spawn("bridge.audio.process")
        self._last_words = LastWords(self._process, "audio")
        self._thread = threading.Thread(target=self._hear, name="audio answers", daemon=True)
        self._thread.start()

    @property
    def process_id(self) -> int:
        """Of the audio process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def ask(self, order: dict[str, Any], answer: str, *, patient: bool = False) -> dict[str, Any]:
        """Send an order and wait for its answer, without end if `patient`. VocaleseError if the answer is another, or none comes."""
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # a process that has ended says so by its answer
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        try:
            heard = self._answers.get(timeout=None if patient else _ANSWER_WITHIN_S)
        except queue.Empty:
            raise DeviceError(f"The audio process did not answer within {_ANSWER_WITHIN_S:g} s.") from None
        if heard["event"] == answer:
            return heard
        raise self._as_error(heard)

    def end(self) -> VocaleseError | None:
        """Let it fade out and end; what it could not complete, if anything. A process that does not end is stopped."""
        process = self._process
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        with suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_CLOSE_WITHIN_S)
        except subprocess.TimeoutExpired:
            log.warning("the audio process did not end within %g s and was stopped", _CLOSE_WITHIN_S)
            process.kill()
            process.wait()
        if self._thread is not threading.current_thread():
            self._thread.join()
        self._last_words.wait()
        process.stdout.close()
        process.stderr.close()
        refused = None
        while not self._answers.empty():
            heard = self._answers.get()
            if heard["event"] == "refused":
                refused = self._as_error(heard)
        return refused

    def _as_error(self, heard: dict[str, Any]) -> VocaleseError:
        if heard["event"] == _ENDED:
            self._answers.put(heard)  # whoever asks next finds out too
            return DeviceError(f"The audio process has ended. Its last words: {self._last_words}")
        kind = getattr(errors, heard.get("kind", ""), DeviceError)
        return kind(heard["text"])

    def _hear(self) -> None:
        assert self._process.stdout is not None
        why = ""
        for line in self._process.stdout:
            heard = json.loads(line)
            if heard["event"] == "notice":
                self._on_notice(heard["text"])
            elif heard["event"] == "lost":
                why = heard["text"]
            else:
                self._answers.put(heard)
        self._answers.put({"event": _ENDED})
        self._on_end(why)
