"""Messages between the bridge and the audio process."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from bridge.realtime.ipc import Message
from bridge.stems.riff import StemMetadata

from .memory import AudioAddress
from .outputs import ClockKind, OutputInfo, OutputKind


class OpenOutput(Message, frozen=True):
    """First request: open an output; see `AudioConfig`. Answered by `Opened`.

    `metadata` is for a file. `waits`: wait for a device that is not there.
    """

    output: OutputKind
    device: str | int | None
    path: Path | None
    overwrite: bool
    metadata: StemMetadata
    sample_rate: int | None
    block_frames: int
    latency: str | float
    clock: ClockKind
    channels: int
    waits: bool


class Play(Message, frozen=True):
    """Second request: attach to the shared memory and play it. Answered by `Playing`. `is_resumed`: go on after a process that died."""

    address: AudioAddress
    routes: tuple[tuple[int, ...], ...]
    has_limiter: bool
    is_resumed: bool


class Advance(Message, frozen=True):
    """Play `frames` samples now, with a manual clock. Answered by `Advanced`."""

    frames: int


Request: TypeAlias = OpenOutput | Play | Advance


class Opened(Message, frozen=True):
    """The output is open."""

    info: OutputInfo


class Playing(Message, frozen=True):
    """The mixer runs. `modules`: top-level modules that the process has imported."""

    modules: tuple[str, ...]


class Advanced(Message, frozen=True):
    """`Advance` is done."""


class Failed(Message, frozen=True):
    """A request could not be done; `kind` names a class of `engine.errors`."""

    text: str
    kind: str = "DeviceError"


class Notice(Message, frozen=True):
    """A full sentence for the user."""

    text: str


class Lost(Message, frozen=True):
    """The device is lost and the process ends; `text` says why."""

    text: str


class Ended(Message, frozen=True):
    """The process has ended; made by the parent."""


Answer: TypeAlias = Opened | Playing | Advanced | Failed | Ended
Report: TypeAlias = Opened | Playing | Advanced | Failed | Notice | Lost
