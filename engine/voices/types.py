"""Protocols of voices of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.performance.types import Controls, Performance, PhoneSpan

from .card import VoiceCard


class Voice(Protocol):
    """A voice with its card. `synthesise` is deterministic: one performance, one result."""

    @property
    def card(self) -> VoiceCard: ...

    @property
    def fingerprint(self) -> str:
        """A text that differs if the sound may differ: part of the render cache's key."""
        ...

    def synthesise(self, performance: Performance) -> NDArray[np.float32]:
        """Return mono samples at `card.sample_rate`, at least frames / frame_rate seconds long (a tail may ring out)."""
        ...


class VoiceStream(Protocol):
    """A voice that sings forward in time, by frames of 10 ms."""

    @property
    def sample_rate(self) -> int: ...

    @property
    def delay_samples(self) -> int:
        """The latency: sample n of the output belongs to time n - delay_samples."""
        ...

    @property
    def frame(self) -> int:
        """The next frame; frame t covers t / 100 s to (t + 1) / 100 s of the stream's clock."""
        ...

    def skip(self, frames: int) -> None:
        """Skip `frames` frames of silence without computing them; ringing filters are reset."""
        ...

    def sing(self, phones: Sequence[PhoneSpan], controls: Controls) -> NDArray[np.float32]:
        """Return the next `controls.frames` frames as samples.

        `phones`: contiguous, in seconds of the stream's clock, from the one at `frame` (earlier ones are allowed) to at least 40 ms after
        the last frame; the last one may end at infinity. Samples that were returned stay; everything later may be planned anew at every
        call. The division of frames into calls changes the samples by rounding only (1e-4).
        """
        ...


class StreamingVoice(Voice, Protocol):
    """A voice that can sing live."""

    def stream(self, seed: int = 0) -> VoiceStream:
        """Return a stream at frame 0, independent of others; equal seeds give equal sound."""
        ...
