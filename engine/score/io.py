"""Score files of every format: one table says how each is recognised, read and written.

Files are recognised by content first, because suffixes lie; the suffix decides only where the content says nothing.
Readers are imported when they are needed, so that a MIDI user never pays for YAML or XML.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import ScoreError
from .types import Score

MAX_FILE_MB = 64

_HEAD_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class _Source:
    """What a reader may need to know about a file."""

    path: Path
    data: bytes
    verse: int

    @property
    def title(self) -> str:
        return self.path.stem


@dataclass(frozen=True, slots=True)
class _Format:
    name: str
    suffixes: tuple[str, ...]
    recognise: Callable[[bytes], bool]  # from the first bytes of the file
    read: Callable[[_Source], Score]
    write: Callable[[Score], bytes] | None = None


def read_score(path: str | os.PathLike[str], *, verse: int = 1) -> Score:
    """The score in a file of any known format, with the words of `verse` where it has several."""
    source = _Source(Path(path), _read_bytes(Path(path)), verse)
    score_format = _recognise(source)
    score = score_format.read(source)
    suffix = source.path.suffix.lower()
    if suffix in READABLE_SUFFIXES and suffix not in score_format.suffixes:
        notice = f"{source.path.name} is a {score_format.name} file in spite of its suffix, and was read as one."
        score = replace(score, notices=(notice, *score.notices))
    return score


def write_score(score: Score, path: str | os.PathLike[str]) -> None:
    """Writes `score` in the format of the suffix. An existing file is replaced only once the new one is complete."""
    target = Path(path)
    suffix = target.suffix.lower()
    score_format = next((row for row in _FORMATS if row.write and suffix in row.suffixes), None)
    if score_format is None or score_format.write is None:
        raise ScoreError(f'Scores cannot be written as "{target.name}". Choose one of: {" ".join(WRITABLE_SUFFIXES)}')
    data = score_format.write(score)
    try:
        _replace_file(target, data)
    except OSError as error:
        raise ScoreError(f"{target} cannot be written: {error.strerror}. Choose a folder that exists and is yours.") from error


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise ScoreError(f"{path} is a folder. Give one score file; {_known_formats()}")
        if not path.exists():
            raise ScoreError(f"{path} does not exist. Give the path of a score file; {_known_formats()}")
        if not path.is_file():
            raise ScoreError(f"{path} is no ordinary file. Give the path of a score file; {_known_formats()}")
        size = path.stat().st_size
        if size > MAX_FILE_MB * 2**20:
            raise ScoreError(f"{path} has {size / 2**20:.0f} MB; scores may have {MAX_FILE_MB} MB. Is it really a score?")
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        raise ScoreError(f"{str(path)!r} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    if not data:
        raise ScoreError(f"{path} is empty. Export the score again; {_known_formats()}")
    return data


def _recognise(source: _Source) -> _Format:
    head = source.data[:_HEAD_BYTES]
    suffix = source.path.suffix.lower()
    by_suffix = next((row for row in _FORMATS if suffix in row.suffixes), None)
    if by_suffix and by_suffix.recognise(head):
        return by_suffix
    recognised = next((row for row in _FORMATS if row.recognise(head)), by_suffix)
    if recognised is None:
        raise ScoreError(f"{source.path.name} is no score that Vocalese knows; {_known_formats()}")
    return recognised


def _replace_file(target: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
