"""How a GPT-SoVITS voice is run: with which pitch adapter, where, and how exactly. No torch here: settings are made before it is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from engine.errors import SettingsError


class Precision(StrEnum):
    """Of the GPT's weights. `AUTO`, on a CPU: eight bits for what will be sung or rapped, exact talk; on CUDA: half precision."""

    AUTO = "auto"
    FP32 = "fp32"
    INT8 = "int8"


class ComputeDevice(StrEnum):
    """`AUTO`: CUDA where torch has one, else the CPU."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


@dataclass(frozen=True, kw_only=True)
class ImportedSettings:
    """`adapter`: folder of the pitch adapter to take instead of the one in the voice's folder; `has_adapter` false: take none.

    `heard` is a folder in which what a voice hears in its reference clip is kept between runs.
    """

    adapter: Path | None = None
    has_adapter: bool = True
    precision: Precision = Precision.AUTO
    device: ComputeDevice = ComputeDevice.AUTO
    heard: Path | None = None

    def __post_init__(self) -> None:
        if self.precision is Precision.INT8 and self.device is ComputeDevice.CUDA:
            raise SettingsError("Weights of eight bits are for the CPU. Take the precision auto or fp32 on CUDA.")
        if self.adapter is not None and not self.has_adapter:
            raise SettingsError("A pitch adapter is either given or left out, not both.")

    @property
    def is_only_for_imported(self) -> bool:
        """Whether something is asked for that other voices cannot do."""
        return self.adapter is not None or self.precision is Precision.INT8 or self.device is ComputeDevice.CUDA
