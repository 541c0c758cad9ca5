"""Loudness of a live voice, frame by frame: velocity, attack, decay of held vowels, release and controllers."""

from __future__ import annotations

import math

import numpy as np

from engine.performance.dynamics import (
    STRESS_DB,
    NoteStart,
    starts_db,
    velocity_db,
)
from engine.performance.settings import PerformanceSettings

from .phone_plan import RELEASE_S

_LOUDEST_DB, _SOFTEST_DB = 12.0, -40.0
_LEVEL_STEP_DB = 2.0  # per frame, from one legato note to the next
_SOFT_ATTACK_S, _HARD_ATTACK_S = 0.14, 0.01
_SOFT_ATTACK_DB = 10.0  # this much softer starts the vowel of the softest key
_ACCENT_DB, _ACCENT_S = 1.2, 0.12
_SETTLING_DB_PER_S, _SETTLING_DB, _SETTLING_AFTER_S = 1.5, 3.0, 0.6
_RELEASE_DB = 24.0
_WANDER_DB, _WANDER_RATES_HZ = 0.5, (0.7, 1.9, 4.3)


class LiveLoudness:
    """Loudness of one voice. Call `strike`, `level` and `release` for notes, and `at` once for each frame, in order."""

    def __init__(self, settings: PerformanceSettings) -> None:
        self.settings = settings
        self._level_db = self._wanted_db = 0.0
        self._attack_s, self._attack_db = 0.0, 0.0
        self._vowel_s, self._accent = 0.0, 0.0
        self._silent_s = math.inf
        self._start: tuple[NoteStart, ...] = ()  # of the syllable, if it is emphasised or has an attack
        rng = np.random.default_rng([settings.seed, 1])
        self._phases = rng.uniform(0.0, 2.0 * math.pi, len(_WANDER_RATES_HZ)).tolist()

    def strike(
        self,
        velocity: float,
        struck_s: float,
        vowel_s: float,
        *,
        is_fresh: bool,
        attack: float = 0.0,
        is_emphasised: bool = False,
        accent: float = 0.0,
    ) -> None:
        """Start a syllable whose vowel starts at `vowel_s`. `is_fresh`: after silence, so that the velocity shapes its attack.

        `attack` (-1 soft .. 1 hard), emphasis and `accent` (0 .. 1: stress in speech) are added as in a score.
        """
        self.level(velocity)
        self._vowel_s, self._silent_s, self._accent = vowel_s, math.inf, accent
        start = NoteStart(struck_s, vowel_s, vowel_s, math.inf, attack, is_emphasised)
        self._start = (start,) if attack or is_emphasised else ()
        self._attack_db = 0.0
        if is_fresh:
            self._level_db = self._wanted_db
            self._attack_s = _SOFT_ATTACK_S + (_HARD_ATTACK_S - _SOFT_ATTACK_S) * velocity
            self._attack_db = _SOFT_ATTACK_DB * (1.0 - velocity)

    def level(self, velocity: float) -> None:
        """Go to the level of another note on the same vowel."""
        self._wanted_db = velocity_db(round(127 * velocity))

    def release(self, silent_s: float) -> None:
        """Fade out until `silent_s`."""
        self._silent_s = silent_s

    def at(self, time_s: float, gain_db: float) -> float:
        """Return dB against the voice's natural level for the frame whose middle is `time_s`; `gain_db`: of the controllers."""
        self._level_db += min(max(self._wanted_db - self._level_db, -_LEVEL_STEP_DB), _LEVEL_STEP_DB)
        since_s = time_s - self._vowel_s
        shape = _WANDER_DB * sum(
            math.sin(2.0 * math.pi * rate_hz * time_s + phase) / len(_WANDER_RATES_HZ)
            for rate_hz, phase in zip(_WANDER_RATES_HZ, self._phases, strict=True)
        )
        attack_db = 0.0
        if since_s >= 0.0:
            shape += (_ACCENT_DB + STRESS_DB * self._accent) * math.exp(-since_s / _ACCENT_S)
            shape -= min(_SETTLING_DB_PER_S * max(0.0, since_s - _SETTLING_AFTER_S), _SETTLING_DB)
            if self._attack_db and since_s < self._attack_s:
                attack_db = self._attack_db * (1.0 - since_s / self._attack_s) ** 2
        if self._start:
            gain_db += float(starts_db(self._start, np.array([time_s]))[0])
        total = min(max(self._level_db + self.settings.dynamics * shape - attack_db + gain_db, _SOFTEST_DB), _LOUDEST_DB)
        return total - _RELEASE_DB * min(max((time_s - (self._silent_s - RELEASE_S)) / RELEASE_S, 0.0), 1.0)
