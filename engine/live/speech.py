"""Speech contour of a live voice: that of `engine.performance.speech`, frame by frame, without look-ahead."""

from __future__ import annotations

import math

from engine.performance.speech import ACCENT_SEMITONES, DECLINATION_SEMITONES, EMPHASIS_SEMITONES, FINAL_FALL_SEMITONES
from engine.performance.timing import PHRASE_GAP_S

_DECLINES_WITHIN_S = 3.0  # length of an ordinary line; the actual length is unknown
_RISE_S, _ACCENT_S = 0.08, 0.22  # of the accent on a syllable, from its vowel on
_ACCENT_STARTS, _ACCENT_LEAVES = 0.6, 0.35  # shares of the accent where the vowel starts and where the accent is over
_FALL_WITHIN_S = 0.12
_FASTEST_SEMITONES = 0.8  # per frame
_FARTHEST_SEMITONES = 4.0  # from everyday speech to a register that fits the notes


class LiveContour:
    """Contour of one voice. Call `strike` and `release` for syllables, and `at` once for each frame, in order."""

    def __init__(self) -> None:
        self._line_s, self._vowel_s = 0.0, 0.0
        self._accent = 0.0
        self._released_s: float | None = -math.inf  # None: a syllable is held
        self._value = 0.0
        self._is_fresh = True
        self._note = 60.0  # the first of the line

    def strike(self, vowel_s: float, stress: int, *, is_emphasised: bool, pitch: float) -> None:
        """Start a syllable whose vowel starts at `vowel_s`; after a rest it begins a line."""
        if self._released_s is not None and vowel_s - self._released_s >= PHRASE_GAP_S:
            self._line_s, self._is_fresh, self._note = vowel_s, True, pitch
        self._vowel_s, self._released_s = vowel_s, None
        self._accent = EMPHASIS_SEMITONES if is_emphasised else ACCENT_SEMITONES[min(2, max(0, stress))]

    def release(self, time_s: float) -> None:
        """End the syllable."""
        self._released_s = time_s

    def at(self, time_s: float) -> float:
        """Return semitones around the speaker's pitch for the frame whose middle is `time_s`."""
        wanted = DECLINATION_SEMITONES * (0.5 - min(1.0, max(0.0, (time_s - self._line_s) / _DECLINES_WITHIN_S)))
        wanted += self._accent * self._accent_share(time_s - self._vowel_s)
        if self._released_s is not None:
            wanted -= FINAL_FALL_SEMITONES * min(1.0, max(0.0, (time_s - self._released_s) / _FALL_WITHIN_S))
        if self._is_fresh:
            self._value, self._is_fresh = wanted, False
        self._value += min(max(wanted - self._value, -_FASTEST_SEMITONES), _FASTEST_SEMITONES)
        return self._value

    def register(self, speaking_pitch: float) -> tuple[float, float]:
        """Return the centre of the speech contour for this line, and the shift in semitones that brings its notes near the centre."""
        centre = self._note + 12.0 * round((speaking_pitch - self._note) / 12.0)
        if abs(centre - speaking_pitch) > _FARTHEST_SEMITONES:
            centre = speaking_pitch
        return centre, 12.0 * round((centre - self._note) / 12.0)

    @staticmethod
    def _accent_share(since_s: float) -> float:
        if since_s < _RISE_S:
            return _ACCENT_STARTS + (1.0 - _ACCENT_STARTS) * max(0.0, since_s / _RISE_S)
        gone = min(1.0, (since_s - _RISE_S) / (_ACCENT_S - _RISE_S))
        return 1.0 - (1.0 - _ACCENT_LEAVES) * gone
