"""Cache of rendered phrases on disk, keyed by the hash of all their inputs."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.files import replacing
from engine.performance.types import Performance
from engine.voices.types import Voice

log = logging.getLogger(__name__)

RENDER_VERSION = 2  # raise when the same performance and weights would sound different


def phrase_key(performance: Performance, voice: Voice) -> str:
    """Return the hexadecimal key of one phrase by one voice."""
    return hashlib.sha256(f"{RENDER_VERSION}:{voice.fingerprint}:{performance.hash}".encode()).hexdigest()[:40]


@dataclass(frozen=True)
class PhraseCache:
    """A folder of phrases; `trim` deletes the least recently used ones beyond `limit_bytes`. A damaged entry counts as missing."""

    folder: Path
    limit_bytes: int = 1_000_000_000

    def load(self, key: str) -> NDArray[np.float32] | None:
        path = self._path(key)
        try:
            samples = np.load(path, allow_pickle=False)
            os.utime(path)
        except (OSError, ValueError, EOFError):
            return None
        return samples if samples.dtype == np.float32 and samples.ndim == 1 and np.isfinite(samples).all() else None

    def notices(self, key: str) -> tuple[str, ...]:
        """Return the notices stored with a phrase."""
        try:
            return tuple(self._path(key).with_suffix(".txt").read_text(encoding="utf-8").splitlines())
        except (OSError, UnicodeDecodeError):
            return ()

    def store(self, key: str, samples: NDArray[np.float32], notices: Sequence[str] = ()) -> None:
        """Store a phrase. If the disk is full or read-only, log a warning."""
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if notices:
                path.with_suffix(".txt").write_text("\n".join(notices), encoding="utf-8")
            with replacing(path) as part, part.open("wb") as stream:
                np.save(stream, samples, allow_pickle=False)
        except OSError as error:
            log.warning("The phrase cache %s cannot be written (%s); rendering goes on without it.", self.folder, error)

    def trim(self) -> None:
        """Delete the least recently used phrases beyond the limit."""
        entries = []
        for path in self.folder.glob("*/*.npy"):
            try:
                status = path.stat()
            except OSError:
                continue
            entries.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= self.limit_bytes:
                break
            path.unlink(missing_ok=True)
            path.with_suffix(".txt").unlink(missing_ok=True)
            total -= size

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.npy"
