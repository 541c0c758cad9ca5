"""Sizes of the starter voice's networks: all that is needed to build them again. Stored in a voice's card."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from .units import POSITION_FEATURES, UNITS

FRAMES_PER_TOKEN = 4  # 100 Hz frames, 25 Hz tokens


class Sizes:
    """What the config dataclasses share: to and from the plain table of a card."""

    def as_dict(self) -> dict[str, object]:
        values = asdict(self)  # type: ignore[call-overload]
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Raises TypeError for a key that is not known."""
        fixed = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
        return cls(**fixed)


@dataclass(frozen=True)
class AcousticConfig(Sizes):
    """The direct model: units in, spectral envelope out, seeing the whole phrase."""

    sample_rate: int = 32_000
    hop_samples: int = 320
    units: int = len(UNITS)
    speakers: int = 1
    power_bands: int = 80
    aperiodicity_bands: int = 24
    embedding: int = 96
    channels: int = 160
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2)
    speaker_channels: int = 16
    voicing_channels: int = 64
    dropout: float = 0.1  # on the units' context vectors, in training only

    @property
    def features(self) -> int:
        """Per frame: the unit's context vector and its position features."""
        return self.embedding + POSITION_FEATURES


@dataclass(frozen=True)
class TokeniserConfig(Sizes):
    """Pitch-free cepstra to semantic tokens and back."""

    bands: int = 80
    cepstra: int = 24
    channels: int = 128
    code_channels: int = 32
    codes: int = 512


@dataclass(frozen=True)
class DecoderConfig(AcousticConfig):
    """The streaming decoder: tokens and units in, spectral envelope out, `look_ahead` frames ahead at most."""

    codes: int = 512
    code_channels: int = 32
    look_ahead: int = 2
    token_dropout: float = 0.15
    unit_dropout: float = 0.15


@dataclass(frozen=True)
class GptConfig(Sizes):
    """The token model: told the units, pitch, time left and speaker of every step."""

    units: int = len(UNITS)
    speakers: int = 1
    codes: int = 512
    embedding: int = 96
    speaker_channels: int = 16
    width: int = 192
    layers: int = 4
    heads: int = 6
    window: int = 64  # tokens that a step looks back on
    pitches: int = 49  # semitones from LOWEST_PITCH, the last one is "unvoiced"
    time_left: int = 8
    dropout: float = 0.1
    token_dropout: float = 0.2
    sees_pitch: bool = True
    sees_duration: bool = True


@dataclass(frozen=True)
class LoudnessConfig(Sizes):
    """The loudness model: how strongly the speaker says what."""

    units: int = len(UNITS)
    speakers: int = 1
    embedding: int = 48
    speaker_channels: int = 8
    channels: int = 64
    look_ahead: int = 2
    dropout: float = 0.2

    @property
    def features(self) -> int:
        """Per frame: the unit's context vector and its position features."""
        return self.embedding + POSITION_FEATURES
