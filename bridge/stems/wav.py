"""Stem writer: streams to a temporary file beside the target, which appears complete or not at all."""

from __future__ import annotations

import errno
import logging
import os
import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from bridge.stems.riff import StemFormat, StemMetadata, Subtype, build_header, require
from engine.errors import OutputError

_DITHER_SEED = 0x566F63  # "Voc"
_PIECE_SAMPLES = 1 << 16  # samples converted at a time, for blocks of any size

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WrittenStem:
    """Result of writing. `clipped_samples` counts values beyond full scale (always 0 for "32f", which keeps them)."""

    path: Path
    total_samples: int
    clipped_samples: int
    peak_dbfs: float


def write_stem(
    path: str | Path,
    blocks: Iterable[NDArray[np.float32]],
    *,
    sample_rate: int,
    channels: int,
    total_samples: int,
    subtype: Subtype = "24",
    metadata: StemMetadata | None = None,
    time_reference_samples: int = 0,
    overwrite: bool = False,
) -> WrittenStem:
    """Write `blocks` (each `[C, N]`, together `total_samples` long) to `path`, as a complete file or none."""
    stem_format = StemFormat(sample_rate=sample_rate, channels=channels, total_samples=total_samples, subtype=subtype)
    writer = StemWriter(
        path, stem_format, metadata=metadata, time_reference_samples=time_reference_samples, overwrite=overwrite
    )
    with writer:
        for block in blocks:
            writer.write(block)
    return writer.result


class StemWriter:
    """Context manager that writes a stem: puts the file in place at the end, and removes it after an error.

    If `is_open_ended`, the length of the format is ignored: the file is as long as the samples written.
    """

    def __init__(
        self,
        path: str | Path,
        stem_format: StemFormat,
        *,
        metadata: StemMetadata | None = None,
        time_reference_samples: int = 0,
        overwrite: bool = False,
        is_open_ended: bool = False,
    ) -> None:
        require(0 <= time_reference_samples < 1 << 64, f"time reference {time_reference_samples}", "0 or more samples")
        self.path = Path(path)
        self.format = stem_format
        self._is_open_ended = is_open_ended
        self._metadata, self._time_reference_samples = metadata or StemMetadata(), time_reference_samples
        self._header = self._built_header()
        self._overwrite = overwrite
        self._encoder = _Encoder(stem_format.subtype)
        self._temp = self.path.parent / f".vocalese-{secrets.token_hex(8)}.part"
        self._file: BinaryIO | None = None
        self._written_samples = 0

    @property
    def result(self) -> WrittenStem:
        peak_dbfs = 20 * float(np.log10(max(self._encoder.peak, 1e-10)))
        return WrittenStem(self.path, self._written_samples, self._encoder.clipped_samples, peak_dbfs)

    @property
    def _needed_bytes(self) -> int:
        return len(self._header) + self.format.data_bytes + self.format.data_bytes % 2

    def _built_header(self) -> bytes:
        return build_header(self.format, self._metadata, self._time_reference_samples, is_open_ended=self._is_open_ended)

    def __enter__(self) -> StemWriter:
        try:
            self._refuse_existing()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            free_bytes = shutil.disk_usage(self.path.parent).free
            if free_bytes < self._needed_bytes:
                raise self._disk_full(free_bytes)
            self._file = open(self._temp, "xb")
            self._file.write(self._header)
        except BaseException as error:
            self._discard()
            self._explain(error)
            raise
        return self

    def write(self, block: NDArray[np.float32]) -> None:
        """Append `block[C, N]`."""
        if self._file is None:
            raise RuntimeError("StemWriter.write outside its `with` block")
        if block.ndim != 2 or block.shape[0] != self.format.channels:
            raise ValueError(f"block of shape {block.shape}, expected [{self.format.channels}, N]")
        if not self._is_open_ended and self._written_samples + block.shape[1] > self.format.total_samples:
            raise OutputError(
                f"{self.path}: more than the announced {self.format.total_samples} samples; the stem was not written."
            )
        try:
            for start in range(0, block.shape[1], _PIECE_SAMPLES):
                piece = block[:, start : start + _PIECE_SAMPLES]
                self._refuse_not_finite(piece)
                self._file.write(self._encoder.encode(piece))
                self._written_samples += piece.shape[1]
        except OSError as error:
            self._explain(error)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            self._discard()
            return
        try:
            self._commit()
        except BaseException as failure:
            self._discard()
            self._explain(failure)
            raise

    def _commit(self) -> None:
        assert self._file is not None
        if self._is_open_ended:
            self.format = replace(self.format, total_samples=self._written_samples)
        if self._written_samples != self.format.total_samples:
            raise OutputError(
                f"{self.path}: {self._written_samples} of the announced {self.format.total_samples} samples arrived; "
                "the stem was not written."
            )
        self._file.write(b"\0" * (self.format.data_bytes % 2))
        if self._is_open_ended:
            self._file.seek(0)
            self._file.write(self._built_header())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._refuse_existing()
        os.replace(self._temp, self.path)
        if self._encoder.clipped_samples:
            log.warning("%s: %d samples are beyond full scale and were clipped", self.path, self._encoder.clipped_samples)

    def _discard(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # close() flushes, which fails again on a full disk
                self._file.close()
        with suppress(OSError):
            self._temp.unlink(missing_ok=True)

    def _refuse_existing(self) -> None:
        if self.path.is_dir():
            raise OutputError(f"{self.path} is a folder. Give the name of a file in it.")
        if self.path.exists() and not self._overwrite:
            raise OutputError(f"{self.path} exists. Give another name, or --overwrite to replace it.")

    def _refuse_not_finite(self, piece: NDArray[np.float32]) -> None:
        finite = np.isfinite(piece).all(axis=0)
        if not finite.all():
            sample = self._written_samples + int(np.argmin(finite))
            raise OutputError(f"{self.path}: the audio is not a number at sample {sample}; the stem was not written.")

    def _explain(self, error: BaseException) -> None:
        """Raise OutputError for an `error` of the file system."""
        if not isinstance(error, OSError):
            return
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise self._disk_full(shutil.disk_usage(self.path.parent).free) from error
        raise OutputError(
            f"{self.path} cannot be written: {error.strerror or error}. Choose another folder or name."
        ) from error

    def _disk_full(self, free_bytes: int) -> OutputError:
        return OutputError(
            f"{self.path}: the disk is full: {self._needed_bytes} bytes needed, {free_bytes} bytes free in "
            f"{self.path.parent.resolve()}. Free some space or choose another folder."
        )


class _Encoder:
    """Encoder of float32 to little-endian PCM or float; block sizes do not change the bytes."""

    def __init__(self, subtype: Subtype) -> None:
        self.subtype = subtype
        self.peak = 0.0
        self.clipped_samples = 0
        self._random = np.random.Generator(np.random.PCG64(_DITHER_SEED))

    def encode(self, piece: NDArray[np.float32]) -> bytes:
        interleaved = np.ascontiguousarray(piece.T, dtype="<f4")  # [N, C]
        magnitude = np.abs(interleaved)
        self.peak = max(self.peak, float(magnitude.max(initial=0.0)))
        if self.subtype == "32f":
            return interleaved.tobytes()
        self.clipped_samples += int(np.count_nonzero(magnitude > 1.0))
        if self.subtype == "16":
            return self._quantise(interleaved, 16, self._tpdf_dither(interleaved)).astype("<i2").tobytes()
        as_bytes = self._quantise(interleaved, 24, 0.0).astype("<i4").view(np.uint8)
        return as_bytes.reshape(-1, 4)[:, :3].tobytes()

    @staticmethod
    def _quantise(samples: NDArray[np.float32], bits: int, dither: NDArray[np.float64] | float) -> NDArray[np.floating]:
        full_scale = 2.0 ** (bits - 1)
        return np.clip(np.rint(samples * full_scale + dither), -full_scale, full_scale - 1)

    def _tpdf_dither(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """Add triangular noise of ±1 step; exact zeros stay zero, so that rests are digital silence."""
        uniform = self._random.random((*samples.shape, 2))
        return np.where(samples == 0, 0.0, uniform[..., 0] - uniform[..., 1])
