"""Streams of the token and loudness models: tokens and the speaker's loudness pattern for a plan that may change at every call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.performance.types import SILENCE, Controls
from engine.voices.units import UNIT_INDEX, Unit, UnitFrames, unit_indices

from .conditioning import PITCH_LAG_FRAMES, pitch_bins, time_left_classes
from .config import FRAMES_PER_TOKEN
from .numpy_networks import GptNetwork, GptState, LoudnessNetwork

_TEMPERATURE = 0.5  # of drawing tokens: takes differ a little in how they are articulated
_LEAST_CONFIDENCE = 0.5  # of a token, to be used: a guess misleads more than the units alone
_DB_PER_LOUDNESS = 10.0  # the loudness model counts in tens of dB
_REST = UNIT_INDEX[SILENCE]

Array = NDArray[np.float32]
Codes = NDArray[np.int64]


class TokenStream:
    """Tokens of the GPT, generated just before the decoder needs them; a token is dropped if its units were planned anew.

    The first step after silence has none, unless `writes_all`: a note-on then sounds a millisecond earlier, and phrases of a score begin
    with silence anyway.
    """

    def __init__(
        self, network: GptNetwork, seed: int, *, least_confidence: float = _LEAST_CONFIDENCE, writes_all: bool = False
    ) -> None:
        self._network, self._least_confidence = network, least_confidence
        self._writes_all, self._is_after_silence = writes_all, True
        self._state: GptState = network.start()
        self._noise = np.random.default_rng((seed, 1))
        self._contexts = np.zeros((0, 0), np.float32)
        self._codes: dict[int, int] = {}  # by the first frame of their step
        self._written_for: dict[int, Codes] = {}

    def follow(self, units: Sequence[Unit]) -> None:
        """Take over another plan."""
        self._contexts = self._network.contexts(unit_indices(units))

    def forget(self) -> None:
        """Drop all tokens: they lie before skipped silence, or belong to frames that will not come."""
        self._codes.clear()
        self._written_for.clear()
        self._is_after_silence = True

    def codes(self, laid: UnitFrames, begin: int, first: int, f0_hz: Array, mix: Array) -> Codes:
        """Return the token of every frame of `laid` [T], `begin` being a step's first frame; f0_hz and mix from frame `first` on."""
        none = self._network.config.codes
        found = np.full(len(laid.unit_of_frame), none)
        for step in range(begin, begin + len(found), FRAMES_PER_TOKEN):
            at = slice(step - begin, step - begin + FRAMES_PER_TOKEN)
            if step not in self._codes and self._is_after_silence and not self._writes_all:
                self._codes[step], self._written_for[step] = none, laid.units[laid.unit_of_frame[at]]
                self._is_after_silence = False
            elif step not in self._codes:
                now = max(0, step - PITCH_LAG_FRAMES - first)  # after skipped silence there is no earlier pitch
                self._write(step, laid, at, float(f0_hz[now]), mix[now])
            elif self._codes[step] != none and not self._is_as_written(step, laid, at, first - begin):
                self._codes[step] = self._state.last_code = none
            found[at] = self._codes[step]
        oldest = begin - FRAMES_PER_TOKEN
        for step in [step for step in self._codes if step < oldest]:
            del self._codes[step], self._written_for[step]
        return found

    def _write(self, step: int, laid: UnitFrames, at: slice, f0_hz: float, mix: Array) -> None:
        units = laid.units[laid.unit_of_frame[at]]
        pitch = pitch_bins(
            np.array([f0_hz]), units[FRAMES_PER_TOKEN // 2 : FRAMES_PER_TOKEN // 2 + 1], self._network.config.pitches
        )
        left = time_left_classes(laid.until_s[at.start : at.start + 1])
        contexts = self._contexts[laid.unit_of_frame[at]]
        logits = self._network.logits(self._state, contexts, laid.position[at], int(pitch[0]), int(left[0]), mix)
        drawn = int(np.argmax(logits / _TEMPERATURE + self._noise.gumbel(size=len(logits))))
        self._state.last_code = drawn
        is_sure = 1.0 / np.exp(logits - logits[drawn]).sum() >= self._least_confidence
        self._codes[step] = drawn if is_sure else self._network.config.codes
        self._written_for[step] = units

    def _is_as_written(self, step: int, laid: UnitFrames, at: slice, past: int) -> bool:
        """Return True if the remaining frames of the step still belong to the units that the token was generated for."""
        gone = max(0, past - at.start)
        return np.array_equal(laid.units[laid.unit_of_frame[at]][gone:], self._written_for[step][gone:])


class LoudnessPattern:
    """The speaker's own loudness of the words in dB, scaled by `natural_dynamics`."""

    def __init__(self, network: LoudnessNetwork) -> None:
        self._network, self._state = network, network.start()
        self._contexts = np.zeros((0, 0), np.float32)

    def follow(self, units: Sequence[Unit]) -> None:
        """Take over another plan."""
        self._contexts = self._network.contexts(unit_indices(units))

    def db(self, ahead: UnitFrames, controls: Controls, mix: Array) -> Array:
        """Return the pattern [T]; `ahead` includes the frames of the look-ahead."""
        features = np.concatenate([self._contexts[ahead.unit_of_frame], ahead.position], axis=1)
        rests = ahead.units[ahead.unit_of_frame[: controls.frames]] == _REST
        effort = self._network.effort(self._state, features, controls.f0_hz, rests, mix)
        return _DB_PER_LOUDNESS * effort * controls.natural_dynamics
