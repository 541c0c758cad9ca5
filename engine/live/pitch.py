"""Pitch of a live voice, frame by frame: song with glides, vibrato and slow drift; rap and talk with a speech contour."""

from __future__ import annotations

import math

import numpy as np

from engine.performance.settings import Mode, PerformanceSettings
from engine.units import FRAME_RATE_HZ, midi_to_hz

from .speech import LiveContour

LOWEST_HZ, HIGHEST_HZ = 20.0, 4000.0
_SHORTEST_GLIDE_S = 0.02
_WHEEL_CENTS, _WHEEL_GROWTH_S = 100.0, 0.1
_OWN_GROWTH_S = 0.6  # a long note is only known to be one when it has lasted
_FASTEST_GROWTH_CENTS = 10.0  # per frame: the vibrato of the note before dies away instead of stopping
_DRIFT_RATES_HZ = (0.41, 0.83, 1.7)
_DRIFT_WEIGHTS = (0.45, 0.35, 0.2)


class LivePitch:
    """Pitch of one voice. Call `jump` and `glide` for notes, and `at` once for each frame, in order."""

    def __init__(self, settings: PerformanceSettings) -> None:
        self.settings = settings
        self._from = self._to = 60.0
        self._start_s, self._length_s = 0.0, 0.0
        self._onset_s = 0.0
        self._depth_cents, self._phase = 0.0, 0.0
        self.contour = LiveContour()
        self._drift_phases = np.random.default_rng(settings.seed).uniform(0.0, 2.0 * math.pi, len(_DRIFT_RATES_HZ)).tolist()

    def jump(self, pitch: float, time_s: float) -> None:
        """Go to the pitch of a note after silence."""
        self._from = self._to = pitch
        self._onset_s, self._length_s = time_s, 0.0
        self._phase = 0.0

    def glide(self, pitch: float, time_s: float, portamento_s: float) -> None:
        """Glide from the current pitch to another note."""
        self._from, self._to = self._glided(time_s), pitch
        step = abs(self._to - self._from)
        self._start_s, self._length_s = time_s, max(_SHORTEST_GLIDE_S, portamento_s * (0.7 + 0.05 * step))
        self._onset_s = time_s

    def at(self, time_s: float, bend_semitones: float, modulation: float, *, is_held: bool) -> float:
        """Return Hz for the frame whose middle is `time_s`."""
        pitch = (
            self._glided(time_s) + bend_semitones + (self._drift(time_s) + self._vibrato(time_s, modulation, is_held)) / 100.0
        )
        spoken = self.contour.at(time_s)
        if self.settings.mode is not Mode.SING:
            pitch = self._spoken(pitch, self.settings.intonation * spoken)
        return min(max(midi_to_hz(pitch), LOWEST_HZ), HIGHEST_HZ)

    def _spoken(self, sung: float, contour: float) -> float:
        """Return the contour of speech for talk, or for rap a blend of contour and notes."""
        settings = self.settings
        if settings.mode is Mode.TALK:
            return settings.speaking_pitch + contour
        centre, shift = self.contour.register(settings.speaking_pitch)
        strength = settings.pitch_strength
        melody = sung if strength >= 0.5 else sung + shift
        return strength * melody + (1.0 - strength) * (centre + contour)

    def _glided(self, time_s: float) -> float:
        if self._length_s == 0.0 or time_s >= self._start_s + self._length_s:
            return self._to
        place = max(0.0, (time_s - self._start_s) / self._length_s)
        return self._from + (self._to - self._from) * (0.5 - 0.5 * math.cos(math.pi * place))

    def _drift(self, time_s: float) -> float:
        waves = (
            weight * math.sin(2.0 * math.pi * rate_hz * time_s + phase)
            for weight, rate_hz, phase in zip(_DRIFT_WEIGHTS, _DRIFT_RATES_HZ, self._drift_phases, strict=True)
        )
        return self.settings.drift_cents * sum(waves)

    def _vibrato(self, time_s: float, modulation: float, is_held: bool) -> float:
        settings = self.settings
        since_s = time_s - self._onset_s
        own = settings.vibrato_depth_cents * min(max((since_s - settings.vibrato_delay_s) / _OWN_GROWTH_S, 0.0), 1.0)
        wheel = _WHEEL_CENTS * modulation * min(max(since_s / _WHEEL_GROWTH_S, 0.0), 1.0)
        wanted = own + wheel if is_held else 0.0
        change = min(max(wanted - self._depth_cents, -_FASTEST_GROWTH_CENTS), _FASTEST_GROWTH_CENTS)
        self._depth_cents += change
        self._phase = (self._phase + 2.0 * math.pi * settings.vibrato_rate_hz / FRAME_RATE_HZ) % (2.0 * math.pi)
        return self._depth_cents * math.sin(self._phase)
