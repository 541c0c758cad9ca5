"""Score files of every format: one table says how each is recognised, read and written.

Files are recognised by content first, because suffixes lie; the suffix decides only where the content says nothing.
Readers are imported when they are needed, so that a MIDI user never pays for YAML or XML.
"""

from __future__ import annotations

import os
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
    if "\0" in str(path):
        raise ScoreError(f"{str(path)!r} cannot be read: no file name has a NUL in it.")
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
    except OSError as error:
        raise ScoreError(f"{path} cannot be read: {error.strerror}. Check its name and its permissions.") from error
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
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(data)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _known_formats() -> str:
    return f"Vocalese reads {' '.join(READABLE_SUFFIXES)}"


# --- The table of formats ---


def _has_midi_header(head: bytes) -> bool:
    return b"MThd" in head


def _is_musicxml(head: bytes) -> bool:
    if head.startswith(b"PK\x03\x04"):
        return b"META-INF/" in head or b".musicxml" in head
    text = head.replace(b"\0", b"")  # UTF-16 too
    return b"<score-partwise" in text or b"<score-timewise" in text


def _is_ustx(head: bytes) -> bool:
    return b"ustx_version:" in head


def _is_ust(head: bytes) -> bool:
    return b"[#VERSION]" in head or b"[#SETTING]" in head


def _is_ds(head: bytes) -> bool:
    keys = (b'"ph_seq"', b'"note_seq"', b'"f0_seq"', b'"offset"')
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[") and any(key in head for key in keys)


def _read_midi(source: _Source) -> Score:
    from .formats.midi import read_midi

    return read_midi(source.data, title=source.title)


def _write_midi(score: Score) -> bytes:
    from .formats.midi import write_midi

    return write_midi(score)


def _read_musicxml(source: _Source) -> Score:
    from .formats.musicxml import read_musicxml

    return read_musicxml(source.data, title=source.title, verse=source.verse)


def _read_ustx(source: _Source) -> Score:
    from .formats.ustx import read_ustx

    return read_ustx(source.data, title=source.title)


def _write_ustx(score: Score) -> bytes:
    from .formats.ustx import write_ustx

    return write_ustx(score)


def _read_ust(source: _Source) -> Score:
    from .formats.ust import read_ust

    return read_ust(source.data, title=source.title)


def _read_ds(source: _Source) -> Score:
    from .formats.ds import read_ds

    return read_ds(source.data, title=source.title)


def _write_ds(score: Score) -> bytes:
    from .formats.ds import write_ds

    return write_ds(score)


def _read_other(source: _Source) -> Score:
    from .formats.libresvip_formats import read_with_libresvip

    return read_with_libresvip(source.path, title=source.title)


# Projects of other singing programs, read by the optional `formats` extra; they are known by their suffix only.
EXTRA_SUFFIXES = tuple(
    ".acep .ccs .dv .ppsf .s5p .svip .svp .tssln .ufdata .vog .vpr .vsq .vsqx .vvproj .vxf .xvsq .y77".split()
)

_FORMATS = (
    _Format("MIDI", (".mid", ".midi", ".kar", ".smf"), _has_midi_header, _read_midi, _write_midi),
    _Format("MusicXML", (".musicxml", ".xml", ".mxl"), _is_musicxml, _read_musicxml),
    _Format("USTX", (".ustx",), _is_ustx, _read_ustx, _write_ustx),
    _Format("UST", (".ust",), _is_ust, _read_ust),
    _Format("DiffSinger", (".ds",), _is_ds, _read_ds, _write_ds),
    _Format("song project", EXTRA_SUFFIXES, lambda head: False, _read_other),
)

READABLE_SUFFIXES = tuple(suffix for row in _FORMATS for suffix in row.suffixes)
WRITABLE_SUFFIXES = tuple(suffix for row in _FORMATS if row.write for suffix in row.suffixes)
