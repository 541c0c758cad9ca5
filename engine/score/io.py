"""Score files of every format: one table of how to recognise, read and write each.

Files are recognised by content first, because suffixes are unreliable; the suffix decides only if the content is ambiguous. Readers are
imported when needed, so that reading MIDI loads no YAML or XML parser.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from engine.errors import ScoreError

from .types import Score

logger = logging.getLogger(__name__)

MAX_FILE_MB = 64
MAX_SONG_S = 24 * 3600.0

_HEAD_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class _Source:
    """Input of a reader."""

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
    """Read a score file of any known format, with the words of `verse` if it has several. Raises only ScoreError."""
    source = _Source(Path(path), _read_bytes(Path(path)), verse)
    score_format = _recognise(source)
    score = _read_safely(score_format, source)
    seconds = score.tempo_map.seconds_at(score.end_ticks)
    if not seconds <= MAX_SONG_S:
        raise ScoreError(
            f"{source.path.name} is {seconds / 3600:.0f} hours long; a song may have {MAX_SONG_S / 3600:.0f}. "
            "It is damaged, or a note stands far behind the others: remove it and save the score again."
        )
    suffix = source.path.suffix.lower()
    if suffix in READABLE_SUFFIXES and suffix not in score_format.suffixes:
        notice = f"{source.path.name} is a {score_format.name} file in spite of its suffix, and was read as one."
        score = replace(score, notices=(notice, *score.notices))
    return score


def write_score(score: Score, path: str | os.PathLike[str]) -> None:
    """Write `score` in the format of the suffix (see `write_score_bytes`). `engine.render.script.write_score` also writes .ds."""
    target = Path(path)
    suffix = target.suffix.lower()
    score_format = next((row for row in _FORMATS if row.write and suffix in row.suffixes and suffix in WRITABLE_SUFFIXES), None)
    if score_format is None or score_format.write is None:
        raise ScoreError(f'Scores cannot be written as "{target.name}". Choose one of: {" ".join(WRITABLE_SUFFIXES)}')
    write_score_bytes(score_format.write(score), target)


def write_score_bytes(data: bytes, target: Path) -> None:
    """Write a file. An existing one is replaced only after the new one is complete."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(data)
        os.replace(partial, target)
    except OSError as error:
        raise ScoreError(f"{target} cannot be written: {error.strerror}. Choose a folder that exists and is yours.") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _read_safely(score_format: _Format, source: _Source) -> Score:
    """Return the score. Any error of a reader or its library becomes a ScoreError with the name of the file."""
    name = source.path.name
    try:
        return score_format.read(source)
    except ScoreError as error:
        message = " ".join(str(error).split())  # libraries' messages have lines
        raise ScoreError(message if name in message else f"{name}: {message}") from error
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # extension modules may raise a bare BaseException
        logger.debug("reading %s failed", source.path, exc_info=True)
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise ScoreError(
            f"{name} is damaged or no {score_format.name} file ({reason}). Save it again in its own program, or export MIDI."
        ) from error


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


def _known_formats() -> str:
    return f"Vocalese reads {' '.join(READABLE_SUFFIXES)}"


# --- The table of formats ---


def _has_midi_header(head: bytes) -> bool:
    return b"MThd" in head and not _is_vsq(head)


def _is_vsq(head: bytes) -> bool:
    return b"MThd" in head and b"DM:0000:" in head and b"[Common]" in head


def _is_vpr(head: bytes) -> bool:
    return head.startswith(b"PK\x03\x04") and b"sequence.json" in head


def _is_svp(head: bytes) -> bool:
    is_known = any(key in head for key in (b'"mainGroup"', b'"blickOffset"', b'"renderConfig"'))
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and (is_known or (b'"time"' in head and b'"library"' in head))


def _is_vsqx(head: bytes) -> bool:
    return b"<vsq3" in head or b"<vsq4" in head


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


def _write_musicxml(score: Score) -> bytes:
    from .formats.musicxml_write import write_musicxml

    return write_musicxml(score)


def _write_svp(score: Score) -> bytes:
    from .formats.svp_write import write_svp

    return write_svp(score)


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
    from .formats.ds_parts import read_ds_parts

    return read_ds_parts(source.data, title=source.title)


def _read_svp(source: _Source) -> Score:
    from .formats.svp import read_svp

    return read_svp(source.data, title=source.title)


def _read_vpr(source: _Source) -> Score:
    from .formats.vpr import read_vpr

    return read_vpr(source.data, title=source.title)


def _read_vsq(source: _Source) -> Score:
    from .formats.vsq import read_vsq

    return read_vsq(source.data, title=source.title)


def _read_vsqx(source: _Source) -> Score:
    from .formats.vsqx import read_vsqx

    return read_vsqx(source.data, title=source.title)


def _read_other(source: _Source) -> Score:
    from .formats.libresvip_formats import read_with_libresvip

    return read_with_libresvip(source.path, title=source.title)


# Projects of other singing programs, read by the optional `formats` extra; they are known by their suffix only.
EXTRA_SUFFIXES = tuple(".acep .ccs .dv .ppsf .s5p .svip .tssln .ufdata .vog .vvproj .vxf .xvsq .y77".split())

_FORMATS = (
    _Format("MIDI", (".mid", ".midi", ".kar", ".smf", ".rmi"), _has_midi_header, _read_midi, _write_midi),
    _Format("MusicXML", (".musicxml", ".xml", ".mxl"), _is_musicxml, _read_musicxml, _write_musicxml),
    _Format("USTX", (".ustx",), _is_ustx, _read_ustx, _write_ustx),
    _Format("UST", (".ust",), _is_ust, _read_ust),
    _Format("DiffSinger", (".ds",), _is_ds, _read_ds),  # written by `engine.render.script`, which knows phonemes
    _Format("Synthesizer V", (".svp",), _is_svp, _read_svp, _write_svp),
    _Format("VOCALOID", (".vpr",), _is_vpr, _read_vpr),
    _Format("VOCALOID 2", (".vsq",), _is_vsq, _read_vsq),
    _Format("VOCALOID 3/4", (".vsqx",), _is_vsqx, _read_vsqx),
    _Format("song project", EXTRA_SUFFIXES, lambda head: False, _read_other),
)

READABLE_SUFFIXES = tuple(dict.fromkeys(suffix for row in _FORMATS for suffix in row.suffixes))
WRITABLE_SUFFIXES = tuple(suffix for row in _FORMATS if row.write for suffix in row.suffixes if suffix != ".mxl")
