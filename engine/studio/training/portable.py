"""A process whose arithmetic is to be the same on all x86-64 processors with AVX2, for the first steps of a training.

Torch, MKL, OpenBLAS and NumPy choose their kernels by the processor they find. Each kernel sums in another order, and a few steps of training
later no weight is the same. Here all four are told to use their oldest kernels, which costs half of the speed. (Conditional numerical
reproducibility: oneMKL developer guide; ATEN_CPU_CAPABILITY: PyTorch; NPY_DISABLE_CPU_FEATURES: NumPy, "CPU/SIMD optimizations".)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch

from engine.errors import TrainingError

_OLDEST_KERNELS = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_CORETYPE": "Nehalem",
}


@contextmanager
def portable_process() -> Iterator[Callable[..., Any]]:
    """Yields what calls a function, with its arguments, in that process: `call(function, *arguments)`.

    The call returns and raises what the function does, and raises TrainingError if the process is gone. It is started by the first call.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_use_own_convolutions) as pool:

        def call(function: Callable[..., Any], *arguments: Any) -> Any:
            try:
                with _environment({**_OLDEST_KERNELS, "NPY_DISABLE_CPU_FEATURES": _vector_features()}):
                    answer = pool.submit(function, *arguments)
                return answer.result()
            except BrokenProcessPool as error:
                raise TrainingError(
                    "The process that begins a stage of training ended early; it was killed, or the memory was used up. "
                    "Run the same command again: it goes on where it stopped."
                ) from error

        yield call


def _vector_features() -> str:
    """What NumPy found on this processor beyond its baseline."""
    return " ".join(np.show_config(mode="dicts")["SIMD Extensions"].get("found", ()))


def _use_own_convolutions() -> None:
    torch.backends.mkldnn.set_flags(False)  # oneDNN's blocks follow the sizes of caches


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """The libraries read it once, when a process loads them."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
