"""Whole files or none: a file is written beside its place and moved there when it is complete."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomli_w


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield the path of a temporary file in the folder of `path`; move it to `path` at the end, or delete it after an error.

    The name of the temporary file is unique, so several processes may write the same `path`. The folder must exist.
    Raises OSError if the file cannot be written or moved.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file; an existing one is replaced. Raises OSError."""
    with replacing(path) as part:
        part.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write a whole UTF-8 file; an existing one is replaced. Raises OSError."""
    write_bytes(path, text.encode("utf-8"))


def toml_text(table: Mapping[str, Any]) -> str:
    """Return a table as TOML. Halves of surrogate pairs, which TOML cannot hold, become question marks."""
    return tomli_w.dumps(_encodable(table))


def _encodable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(item) for item in value]
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
