"""Processes of our own: fresh interpreters that talk over their standard input and output, and are overheard."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path

log = logging.getLogger(__name__)

# For processes that wake up to be quick: memory on large pages (glibc 2.35 and newer; nobody else reads this). After a rest of 50 ms the first
# frame of a voice is sung a third faster, because fewer page tables have to be walked anew.
LARGE_PAGES = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=1073741824"
    ":glibc.malloc.top_pad=67108864"
}


def spawn(module: str, *arguments: str, settings: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """`python -m module arguments`, with pipes for all it reads and says. `settings` are environment variables that must be so.

    Unlike a spawned `multiprocessing` child it does not run the parent's main script, whatever that imports.
    """
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**LARGE_PAGES, **os.environ, **(settings or {}), "PYTHONPATH": path},
    )


class LastWords:
    """What a process prints about itself, sound systems included: logged, and kept from the user's sight until it explains something."""

    def __init__(self, process: subprocess.Popen[bytes], name: str) -> None:
        self._process, self._name = process, name
        self._lines: deque[str] = deque(maxlen=20)
        self._thread = threading.Thread(target=self._hear, name=f"{name} messages", daemon=True)
        self._thread.start()

    def __str__(self) -> str:
        return " / ".join(self._lines) or "none"

    def wait(self) -> None:
        """Until the process has ended and all is heard."""
        self._thread.join()

    def _hear(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            text = line.decode(errors="replace").rstrip()
            self._lines.append(text)
            log.debug("%s process: %s", self._name, text)
