"""Settings of GPT-SoVITS voices: pitch adapter, device and precision. This module imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from engine.errors import SettingsError


class Precision(StrEnum):
    """Precision of the GPT's weights. `AUTO` on a CPU: eight bits for sung or rapped phrases, full precision for talk; on CUDA: half
    precision.
    """

    AUTO = "auto"
    FP32 = "fp32"
    INT8 = "int8"


class ComputeDevice(StrEnum):
    """Device of the networks. `AUTO`: CUDA if torch has it, else the CPU."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


@dataclass(frozen=True, kw_only=True)
class ImportedSettings:
    """Settings of an imported voice.

    `adapter` is the folder of a pitch adapter to use instead of the one in the voice's folder; `has_adapter` false: use none. `heard` is
    the folder of the cache of reference conditioning.
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
        """True if a setting is asked for that other voices do not have."""
        return self.adapter is not None or self.precision is Precision.INT8 or self.device is ComputeDevice.CUDA
