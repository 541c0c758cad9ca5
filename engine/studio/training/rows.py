"""Lists of arrays, made once and kept in a file."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import TrainingError

Rows = dict[str, list[NDArray]]


def kept_rows(path: Path, identity: str, make: Callable[[], Rows]) -> Rows:
    """The lists in `path`; made and written there if it does not exist. Rows of a list differ in their first dimension only.

    Raises TrainingError if `path` was made from something else than `identity` says.
    """
    digest = sha256(identity.encode()).hexdigest()
    if not path.exists():
        lists = make()
        arrays: dict[str, NDArray] = {"identity": np.array(digest)}
        for name, rows in lists.items():
            arrays[f"{name}_lengths"] = np.array([len(row) for row in rows], dtype=np.int64)
            arrays[f"{name}_rows"] = np.concatenate(rows) if rows else np.empty(0)
        partial = path.with_suffix(".part")
        with partial.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)
        partial.replace(path)
        return lists
    with np.load(path, allow_pickle=False) as stored:
        if str(stored["identity"]) != digest:
            raise TrainingError(f"{path} was made from other networks or clips. Delete it to have it made again.")
        names = [name.removesuffix("_lengths") for name in stored.files if name.endswith("_lengths")]
        return {name: _parted(stored[f"{name}_rows"], stored[f"{name}_lengths"]) for name in names}


def _parted(rows: NDArray, lengths: NDArray[np.int64]) -> list[NDArray]:
    return np.split(rows, np.cumsum(lengths)[:-1]) if len(lengths) else []
