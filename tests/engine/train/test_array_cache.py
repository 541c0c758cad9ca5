"""Lists of arrays on disk are computed once for one identity."""

import numpy as np
import pytest

from engine import TrainingError
from engine.train.stages.array_cache import cached_arrays


def test_arrays_are_computed_once_and_belong_to_an_identity(tmp_path):
    computed = []

    def compute():
        computed.append(1)
        return {"long": [np.arange(n) for n in (3, 0, 5)], "none": []}

    path = tmp_path / "arrays.npz"
    first, again = cached_arrays(path, "this", compute), cached_arrays(path, "this", compute)
    assert len(computed) == 1 and again["none"] == []
    assert [list(row) for row in again["long"]] == [list(row) for row in first["long"]]
    with pytest.raises(TrainingError, match=r"arrays\.npz"):
        cached_arrays(path, "that", compute)
