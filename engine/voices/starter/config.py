"""Sizes of the starter voice's networks: all that is needed to build them again. Stored in a voice's card."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from engine.voices.units import POSITION_FEATURES, UNITS

FRAMES_PER_TOKEN = 4  # 100 Hz frames, 25 Hz tokens
_LARGEST_GAIN, _LARGEST_MEAN = 10.0, 1000.0  # of the variance of envelopes: far beyond any that is measured


class ModelConfig:
    """Base of the configurations: conversion to and from the plain table of a card."""

    def as_dict(self) -> dict[str, object]:
        values = asdict(self)  # type: ignore[call-overload]
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read a table. Raises TypeError for an unknown key."""
        fixed = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
        return cls(**fixed)


@dataclass(frozen=True)
class AcousticConfig(ModelConfig):
    """Sizes of the direct model: units to spectral envelope, with the whole phrase in view."""

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
        """Features per frame: the unit's context vector and its position features."""
        return self.embedding + POSITION_FEATURES


@dataclass(frozen=True)
class EnvelopeVariance(ModelConfig):
    """Gains that restore the variance of predicted envelopes (T. Toda & K. Tokuda, global variance, 2007).

    `gain` [power_bands] and `means` [speakers][power_bands] belong to the orthonormal DCT-II of the natural-log band amplitudes: each
    coefficient's distance from its speaker's mean is multiplied by its gain. Empty: envelopes as predicted.
    """

    gain: tuple[float, ...] = ()
    means: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError for what is not a number in range; values of a card are turned into tuples."""
        object.__setattr__(self, "gain", _numbers("gain", self.gain, 0.0, _LARGEST_GAIN))
        means = tuple(_numbers("means", row, -_LARGEST_MEAN, _LARGEST_MEAN) for row in self.means)
        object.__setattr__(self, "means", means)

    def require(self, bands: int, speakers: int) -> None:
        """Raises ValueError unless it is empty or has a gain for each band and for each speaker a mean for each band."""
        lengths = [len(row) for row in self.means]
        if (self.gain or self.means) and (len(self.gain) != bands or lengths != [bands] * speakers):
            raise ValueError(
                f"[model.variance] has {len(self.gain)} gains and means of the lengths {lengths}; "
                f"{bands} gains and {speakers} times {bands} means are needed"
            )


def _numbers(name: str, values: Any, low: float, high: float) -> tuple[float, ...]:
    """`values` as numbers from `low` to `high`. Raises ValueError otherwise."""
    if not isinstance(values, list | tuple) or not all(_is_number(value) and low <= value <= high for value in values):
        raise ValueError(f"[model.variance] '{name}' has to hold numbers from {low:g} to {high:g} alone")
    return tuple(float(value) for value in values)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True)
class TokeniserConfig(ModelConfig):
    """Sizes of the tokeniser: pitch-free cepstra to semantic tokens and back."""

    bands: int = 80
    cepstra: int = 24
    channels: int = 128
    code_channels: int = 32
    codes: int = 512


@dataclass(frozen=True)
class DecoderConfig(AcousticConfig):
    """Sizes of the streaming decoder: tokens and units to spectral envelope, with `look_ahead` frames of look-ahead."""

    codes: int = 512
    code_channels: int = 32
    look_ahead: int = 2
    token_dropout: float = 0.15
    unit_dropout: float = 0.15


@dataclass(frozen=True)
class GptConfig(ModelConfig):
    """Sizes of the token model, which is conditioned on units, pitch, time left and speaker of every step."""

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
class LoudnessConfig(ModelConfig):
    """Sizes of the loudness model: the speaker's loudness from words and melody."""

    units: int = len(UNITS)
    speakers: int = 1
    embedding: int = 48
    speaker_channels: int = 8
    channels: int = 64
    look_ahead: int = 2
    dropout: float = 0.2

    @property
    def features(self) -> int:
        """Features per frame: the unit's context vector and its position features."""
        return self.embedding + POSITION_FEATURES
