"""Lists of arrays that are computed once and kept in a file."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import TrainingError
from engine.files import replacing

ArrayLists = dict[str, list[NDArray[Any]]]


def cached_arrays(path: Path, identity: str, compute: Callable[[], ArrayLists]) -> ArrayLists:
    """Return the lists in `path`; compute and write them if it does not exist. Arrays of a list differ in their first dimension only.

    Raises TrainingError if `path` was written for another `identity`.
    """
    digest = sha256(identity.encode()).hexdigest()
    if not path.exists():
        lists = compute()
        stored: dict[str, NDArray[Any]] = {"identity": np.array(digest)}
        for name, arrays in lists.items():
            stored[f"{name}_lengths"] = np.array([len(array) for array in arrays], dtype=np.int64)
            stored[f"{name}_rows"] = np.concatenate(arrays) if arrays else np.empty(0)
        with replacing(path) as part, part.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **stored)
        return lists
    with np.load(path, allow_pickle=False) as file:
        if str(file["identity"]) != digest:
            raise TrainingError(f"{path} was made from other networks or clips. Delete it to have it made again.")
        names = [name.removesuffix("_lengths") for name in file.files if name.endswith("_lengths")]
        return {name: _split(file[f"{name}_rows"], file[f"{name}_lengths"]) for name in names}


def _split(rows: NDArray[Any], lengths: NDArray[np.int64]) -> list[NDArray[Any]]:
    return np.split(rows, np.cumsum(lengths)[:-1]) if len(lengths) else []
