"""Networks of an imported voice on a device: on the CPU as loaded, or copied to CUDA in half precision."""

from __future__ import annotations

import copy
import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.errors import SettingsError

from .networks.adapter import PitchAdapter, ScoreFrames
from .networks.decoding import Decoding
from .networks.gpt import Text2Semantic
from .networks.int8 import int8_copy, int8_kernel
from .networks.sovits import Sovits
from .settings import ComputeDevice, ImportedSettings, Precision

_ROOM = 2048  # phones and codes: more than nearly any phrase, so that its recorded steps serve the next one too


@dataclass(frozen=True, eq=False)
class NetworksOnDevice:
    """The networks on `device`, in `dtype`; `precision` is the requested one."""

    gpt: Text2Semantic
    sovits: Sovits
    adapter: PitchAdapter | None
    device: torch.device
    dtype: torch.dtype
    precision: Precision

    @property
    def name(self) -> str:
        """A name that differs wherever equal seeds may give other semantic tokens."""
        if self.device.type != "cpu":
            return f"{self.device.type}-{str(self.dtype).removeprefix('torch.')}"
        return {
            Precision.FP32: "fp32",
            Precision.INT8: f"int8-{int8_kernel()}",
            Precision.AUTO: f"fp32+int8-{int8_kernel()}",
        }[self.precision]

    def gpt_for(self, *, is_raw: bool) -> Text2Semantic:
        """Return the GPT for speech, or (`is_raw`) the one for tokens that are only material for singing."""
        if self.device.type != "cpu" or self.precision is Precision.FP32:
            return self.gpt
        return self._small_gpt if is_raw or self.precision is Precision.INT8 else self.gpt

    def put(self, tensor: Tensor) -> Tensor:
        """Move a tensor to the device; floating-point values take the precision of the networks."""
        return tensor.to(device=self.device, dtype=self.dtype if tensor.is_floating_point() else tensor.dtype)

    def put_score(self, score: ScoreFrames) -> ScoreFrames:
        return ScoreFrames(*(self.put(part) for part in (score.phones, score.pitches, score.time_left)))

    def decoding(self, length: int) -> Decoding | None:
        """Return memory for a text of `length` phones and tokens, kept with its CUDA graphs; None on a CPU, where the loop allocates its
        own.
        """
        if self.device.type != "cuda":
            return None
        return self._kept if length < _ROOM else Decoding(self.gpt, 1, length)

    @functools.cached_property
    def _kept(self) -> Decoding:
        return Decoding(self.gpt, 1, _ROOM)

    @functools.cached_property
    def _small_gpt(self) -> Text2Semantic:
        return int8_copy(self.gpt)


def device_for(settings: ImportedSettings) -> str:
    """Return the device of `settings` by torch's name. Raises SettingsError if CUDA is asked for and torch has none."""
    if settings.device is ComputeDevice.CUDA and not torch.cuda.is_available():
        raise SettingsError("There is no CUDA device that this torch can use. Take the device auto or cpu.")
    wants_cpu = settings.device is ComputeDevice.CPU or settings.precision is Precision.INT8
    return "cpu" if wants_cpu or not torch.cuda.is_available() else "cuda"


def put_on_device(
    gpt: Text2Semantic, sovits: Sovits, adapter: PitchAdapter | None, device: str, precision: Precision
) -> NetworksOnDevice:
    """Return the networks on `device`. For a device other than the CPU they are copied, so that the originals remain as a fallback."""
    if device == "cpu":
        return NetworksOnDevice(gpt, sovits, adapter, torch.device("cpu"), torch.float32, precision)
    dtype = torch.float32 if precision is Precision.FP32 else torch.float16
    return NetworksOnDevice(
        copy.deepcopy(gpt).to(device, dtype),
        copy.deepcopy(sovits).to(device, dtype),
        None if adapter is None else copy.deepcopy(adapter).to(device, dtype),
        torch.device(device),
        dtype,
        precision,
    )
