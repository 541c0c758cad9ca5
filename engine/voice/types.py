"""What every voice can do, whatever is inside it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.performance.types import Performance

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
        """Mono samples at `card.sample_rate`; sample 0 is frame 0, at least frames / frame_rate seconds long (a tail may ring out)."""
        ...
