"""Project files in JSON, plain or inside a zip archive, without trust in the file: values are checked on use."""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from collections.abc import Callable
from struct import error as struct_error
from typing import Any, TypeAlias

from engine.errors import ScoreError

Node: TypeAlias = dict[str, Any]

ZIP_MAGIC = b"PK\x03\x04"
MAX_JSON_BYTES = 64 * 1024 * 1024
MAX_NUMBER = 1e15
_ENCRYPTED_FLAG = 0x1


def load_json(data: bytes, what: str) -> Node:
    """Return the JSON object in `data`. `what` names it for errors ("Synthesizer V project"). NUL bytes behind it are ignored."""
    try:
        content = json.loads(data.rstrip(b"\0 \r\n\t").decode("utf-8-sig"), parse_constant=lambda name: None)
    except (ValueError, RecursionError) as error:
        raise ScoreError(f"The {what} is not readable JSON ({_short(error)}). Save it again in its own program.") from error
    if not isinstance(content, dict):
        raise ScoreError(f"The {what} holds no project: valid is one JSON object. Save it again in its own program.")
    return content


def read_zip_member(data: bytes, is_wanted: Callable[[str], bool], what: str) -> bytes:
    """Return the first member of a zip archive with a wanted name. Folder separators are normalised to "/"."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                if is_wanted(info.filename.replace("\\", "/")):
                    if info.flag_bits & _ENCRYPTED_FLAG:
                        raise ScoreError(f"The {what} is encrypted. Save it without a password.")
                    with archive.open(info) as member:
                        content = member.read(MAX_JSON_BYTES + 1)
                    if len(content) > MAX_JSON_BYTES:
                        raise ScoreError(f"The {what} unpacks to more than {MAX_JSON_BYTES // 2**20} MiB, which no song needs.")
                    return content
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        KeyError,
        struct_error,
    ) as error:
        raise ScoreError(f"The {what} is a damaged zip archive ({_short(error)}). Save it again in its own program.") from error
    raise ScoreError(f"The {what} is a zip archive without a song in it. Save it again in its own program.")


def nodes(value: object) -> list[Node]:
    """Return the objects in a list; [] if the value is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def node(value: object) -> Node:
    """Return an object; {} if the value is none."""
    return value if isinstance(value, dict) else {}


def number(value: object, default: float) -> float:
    """Return a finite number of a plausible size, else `default`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    try:
        result = float(value)
    except OverflowError:
        return default
    return result if math.isfinite(result) and abs(result) <= MAX_NUMBER else default


def text(value: object) -> str:
    """Return text without surrounding blanks, "" if the value is no text."""
    return value.strip() if isinstance(value, str) else ""


def _short(error: BaseException) -> str:
    return str(error)[:120] or type(error).__name__
