"""Shared memory between the audio process and the others, as NumPy arrays.

Nothing here is locked. Each word has one writer; samples are written first and the counter that announces them afterwards, so a
reader either sees a whole block or does not see it yet.
"""

from __future__ import annotations

import platform
import secrets
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker, shared_memory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import SettingsError

MAX_TRACKS = 64
MAX_FRAMES = 1024  # of a block inside the mixer; longer ones of a device are cut
COMMANDS = 1024  # records in the command ring
COMMAND_FIELDS = 6  # kind, due device sample (0 = now), track, and three numbers
LIVE_COUNTERS = 16
GLOBAL_INTS, GLOBAL_FLOATS = 24, 8
TRACK_INTS, TRACK_FLOATS = 16, 4
_ALIGNMENT = 64  # a cache line: counters of two processes do not share one


@dataclass(frozen=True, slots=True)
class AudioAddress:
    """Name and layout of the shared memory; plain values that can be sent to another process.

    `sample_rate` in Hz is the device's. All samples in the memory have this rate. `channels` per track is 1 or 2.
    `live_samples` is the length of each live ring, `page_samples` and `pages` the window of placed audio around the playhead.
    """

    name: str
    sample_rate: int
    tracks: int
    channels: int
    live_samples: int = 1 << 15
    page_samples: int = 1 << 12
    pages: int = 64

    def __post_init__(self) -> None:
        if not 1 <= self.tracks <= MAX_TRACKS:
            raise SettingsError(f"{self.tracks} tracks; 1 to {MAX_TRACKS} are possible.")
        if self.channels not in (1, 2):
            raise SettingsError(f"{self.channels} channels per track; 1 or 2 are possible.")
        for value in (self.live_samples, self.page_samples):
            if value < 256 or value & (value - 1):
                raise SettingsError(f"{value} samples of ring or page; a power of two from 256 is needed.")
        if not 8 <= self.pages <= 4096:
            raise SettingsError(f"{self.pages} pages; 8 to 4096 are possible.")


class AudioMemory:
    """The arrays in the shared memory. The process that creates it owns it, and removes it in `close`.

    For each track:

        live_counters[track]  int64 [LIVE_COUNTERS]
        live[track]           float32 [C, live_samples]
        placed_in_use[track]  int64 [1], 1 once something was placed
        slot_pages[track]     int64 [pages], the page held by each slot, -1 for none
        slots[track]          float32 [pages, C, page_samples]
        slot_gaps[track]      uint8 [pages, page_samples], 1 where audio is due and not there
    """

    def __init__(self, memory: shared_memory.SharedMemory, address: AudioAddress, *, owner: bool) -> None:
        self.address = address
        self._memory: shared_memory.SharedMemory | None = memory
        self._owner = owner
        place = _Placer(memory.buf)
        tracks, channels = address.tracks, address.channels
        self.command_counters = place.array(np.int64, (16,))  # 0: written, 8: read
        self.commands = place.array(np.float64, (COMMANDS, COMMAND_FIELDS))
        self.ints = place.array(np.int64, (GLOBAL_INTS,))
        self.floats = place.array(np.float64, (GLOBAL_FLOATS,))
        self.output_peaks = place.array(np.float64, (MAX_TRACKS * 2,))
        self.track_ints = place.array(np.int64, (tracks, TRACK_INTS))
        self.track_floats = place.array(np.float64, (tracks, TRACK_FLOATS))
        self.live_counters = [place.array(np.int64, (LIVE_COUNTERS,)) for _ in range(tracks)]
        self.live = [place.array(np.float32, (channels, address.live_samples)) for _ in range(tracks)]
        self.placed_in_use = [place.array(np.int64, (1,)) for _ in range(tracks)]
        self.slot_pages = [place.array(np.int64, (address.pages,)) for _ in range(tracks)]
        self.slots = [place.array(np.float32, (address.pages, channels, address.page_samples)) for _ in range(tracks)]
        self.slot_gaps = [place.array(np.uint8, (address.pages, address.page_samples)) for _ in range(tracks)]

    @classmethod
    def create(cls, address: AudioAddress) -> AudioMemory:
        """Create memory of this layout under the address's name. Raises OSError if there is no room for it."""
        created = shared_memory.SharedMemory(address.name, create=True, size=_size_bytes(address))
        memory = cls(created, address, owner=True)
        for counters, pages in zip(memory.live_counters, memory.slot_pages, strict=True):
            counters[:] = 0
            pages[:] = -1
        return memory

    @classmethod
    def attach(cls, address: AudioAddress) -> AudioMemory:
        """Attach to memory that another process has created. Raises FileNotFoundError if it is gone."""
        return cls(_attach_untracked(address.name), address, owner=False)

    def close(self) -> None:
        """Release the memory; its owner also removes it. Close readers and writers on it before."""
        if self._memory is None:
            return
        memory, self._memory = self._memory, None
        for name, value in list(vars(self).items()):
            if isinstance(value, np.ndarray | list):
                delattr(self, name)
        if self._owner:
            with suppress(FileNotFoundError):
                memory.unlink()
        memory.close()


def new_name() -> str:
    """Return an unused name; short, because macOS allows 30 characters."""
    return f"vocalese-{secrets.token_hex(8)}"


class Fence:
    """Order memory accesses: called between writing samples and announcing them, and between seeing a counter and reading what it announces.

    x86 keeps such accesses in order by itself. Elsewhere two turns of a lock that no other thread holds do it: accesses before the first
    release cannot move behind the second acquire. Never waits.
    """

    def __init__(self) -> None:
        self._lock = None if platform.machine().lower() in ("x86_64", "amd64", "i686", "x86") else threading.Lock()

    def __call__(self) -> None:
        if self._lock is not None:
            for _ in range(2):
                with self._lock:
                    pass


class _Placer:
    """Hands out arrays one after another, each on its own cache line."""

    def __init__(self, buffer: memoryview | None) -> None:
        self._buffer = buffer
        self.offset = 0

    def array(self, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
        start = self.offset
        self.offset = start + -(-int(np.prod(shape)) * np.dtype(dtype).itemsize // _ALIGNMENT) * _ALIGNMENT
        return np.ndarray(shape, dtype, self._buffer, start) if self._buffer is not None else np.empty(0, dtype)


def _size_bytes(address: AudioAddress) -> int:
    channels, samples = address.channels, address.pages * address.page_samples
    per_track = 8 * (LIVE_COUNTERS + address.pages + TRACK_INTS + TRACK_FLOATS) + 4 * channels * address.live_samples
    per_track += 4 * channels * samples + samples + 10 * _ALIGNMENT
    shared = 8 * (16 + COMMANDS * COMMAND_FIELDS + GLOBAL_INTS + GLOBAL_FLOATS + MAX_TRACKS * 2) + 8 * _ALIGNMENT
    return shared + address.tracks * per_track


def _attach_untracked(name: str) -> shared_memory.SharedMemory:
    """Unregister the memory from the resource tracker of a process that does not own it: the tracker would remove it."""
    if sys.version_info >= (3, 13):
        return shared_memory.SharedMemory(name, track=False)
    register = resource_tracker.register
    resource_tracker.register = _ignore  # type: ignore[assignment]
    try:
        return shared_memory.SharedMemory(name)
    finally:
        resource_tracker.register = register


def _ignore(*_: object) -> None:
    pass
