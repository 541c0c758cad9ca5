"""The audio process seen from its parent: started, asked, overheard, ended."""

from __future__ import annotations

import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine import errors
from engine.errors import DeviceError, VocaleseError

_ANSWER_WITHIN_S = 20.0
_CLOSE_WITHIN_S = 3.0
_ENDED = "ended"
# For processes that wake up to be quick: memory on large pages (glibc 2.35 and newer; nobody else reads this). After a rest of 50 ms the first
# frame of a voice is sung a third faster, because fewer page tables have to be walked anew.
LARGE_PAGES = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=1073741824"
    ":glibc.malloc.top_pad=67108864"
}

log = logging.getLogger(__name__)


class AudioChild:
    """One run of `bridge.audio.process`.

    It is a fresh interpreter: unlike a spawned `multiprocessing` child it does not run the parent's main script, whatever that
    imports. `on_notice(text)` and `on_end(text)` are called from a thread; the text of an end says why, empty if nobody knows.
    """

    def __init__(self, on_notice: Callable[[str], None], on_end: Callable[[str], None]) -> None:
        self._on_notice, self._on_end = on_notice, on_end
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._last_words: deque[str] = deque(maxlen=20)
        self._process = _spawn()
        self._threads = [
            threading.Thread(target=target, name=f"audio {name}", daemon=True)
            for name, target in (("answers", self._hear), ("messages", self._overhear))
        ]
        for thread in self._threads:
            thread.start()

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
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()
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
            return DeviceError(f"The audio process has ended. Its last words: {' / '.join(self._last_words) or 'none'}")
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

    def _overhear(self) -> None:
        """What sound systems print about themselves is kept out of the user's sight until it explains something."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            text = line.decode(errors="replace").rstrip()
            self._last_words.append(text)
            log.debug("audio process: %s", text)


def _spawn() -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "bridge.audio.process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**LARGE_PAGES, **os.environ, "PYTHONPATH": path},
    )
