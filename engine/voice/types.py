"""What every voice can do, whatever is inside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.performance.types import Controls, Performance, PhoneSpan

from .card import VoiceCard


class Voice(Protocol):
    """A singer: its card and its sound. `synthesise` is deterministic: one performance, one result."""

    @property
    def card(self) -> VoiceCard: ...

    @property
    def fingerprint(self) -> str:
        """Changes whenever the sound may: part of the render cache's key."""
        ...

    def synthesise(self, performance: Performance) -> NDArray[np.float32]:
        """Mono samples at `card.sample_rate`, at least frames / frame_rate seconds long (a tail may ring out)."""
        ...


class VoiceStream(Protocol):
    """A voice singing forward in time, 10 ms frame by 10 ms frame."""

    @property
    def sample_rate(self) -> int: ...

    @property
    def delay_samples(self) -> int:
        """Sample n of all that was sung sounds what belongs to n - delay_samples."""
        ...

    @property
    def frame(self) -> int:
        """The next frame to sing; frame t covers t / 100 s to (t + 1) / 100 s of the stream's clock."""
        ...

    def skip(self, frames: int) -> None:
        """Let `frames` frames of silence pass without making them; what still rang is gone."""
        ...

    def sing(self, phones: Sequence[PhoneSpan], controls: Controls) -> NDArray[np.float32]:
        """The next `controls.frames` frames as samples.

        `phones`: contiguous, in seconds of the stream's clock, from the one sounding at `frame` (earlier ones may be given) to at least
        40 ms after the last frame; the last one may end at infinity. What has sounded stays as it was; all that follows may be another
        plan at every call. How the frames are divided into calls changes the samples by rounding only (1e-4).
        """
        ...


class StreamingVoice(Voice, Protocol):
    """A voice that can sing live."""

    def stream(self, seed: int = 0) -> VoiceStream:
        """A stream at frame 0, independent of others. One seed, one sound."""
        ...
