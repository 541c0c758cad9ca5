"""Phones laid forward in time: past phones stay, future ones can be cut and laid anew at any moment."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from engine.lyrics.syllables import VOWELS
from engine.lyrics.types import Phone, Syllable
from engine.performance.timing import CODA_STRETCH, consonant_durations, squeeze
from engine.performance.types import BREATH, SILENCE, PhoneSpan

LONGEST_ONSET_S = 0.08  # all consonants between the key and the vowel
LONGEST_TAIL_S = 0.12  # diphthong end and coda after the note-off
LEGATO_TAIL_S = 0.06  # the same, where the next syllable is waiting
RELEASE_S = 0.03  # an open end fades this long
_TAIL_GLIDE_S, _GLIDE_BEFORE_CODA_S, _LEGATO_GLIDE_S = 0.12, 0.045, 0.03
_DIPHTHONGS = frozenset({"AW", "AY", "EY", "OW", "OY"})
_FADING = VOWELS | frozenset("L R W Y M N NG".split())  # ends that fade out


@dataclass(frozen=True, slots=True)
class Sound:
    """Phones of a note: consonants, one phone that is held as long as the key, consonants. Symbols of the voice."""

    held: str
    onset: tuple[Phone, ...] = ()
    coda: tuple[Phone, ...] = ()
    stress: int = 1
    has_glottal_onset: bool = False

    @classmethod
    def of(cls, syllable: Syllable) -> Sound:
        return cls(
            held=syllable.vowel.symbol,
            onset=syllable.onset,
            coda=syllable.coda,
            stress=syllable.stress,
            has_glottal_onset=syllable.glottal_onset,
        )

    def again(self) -> Sound:
        """Return the sound without its onset, for a repeated vowel."""
        return replace(self, onset=(), has_glottal_onset=False)

    @property
    def fades(self) -> bool:
        """Its end fades out; other ends keep their full strength."""
        return (self.coda[-1].symbol if self.coda else self.held) in _FADING

    def onset_durations_s(self) -> list[float]:
        return squeeze(consonant_durations(self.onset), LONGEST_ONSET_S)

    def tail_durations_s(self, *, is_legato: bool) -> tuple[float, list[float]]:
        """Return the durations of the end of a diphthong and of each consonant of the coda."""
        longest_s = LEGATO_TAIL_S if is_legato else LONGEST_TAIL_S
        glide_s = 0.0
        if self.held in _DIPHTHONGS:
            glide_s = _LEGATO_GLIDE_S if is_legato else _GLIDE_BEFORE_CODA_S if self.coda else _TAIL_GLIDE_S
        wanted = [CODA_STRETCH * seconds for seconds in consonant_durations(self.coda)]
        return glide_s, squeeze(wanted, longest_s - glide_s)


SILENT = Sound(SILENCE)
BREATHING = Sound(BREATH)


class PhonePlan:
    """Contiguous spans from 0 s on; the last one is open (`end_s` is inf) between calls of a performer."""

    def __init__(self) -> None:
        self._spans = [PhoneSpan(SILENCE, 0.0, math.inf)]

    @property
    def end_s(self) -> float:
        return self._spans[-1].end_s if self._spans else 0.0

    def cut(self, at_s: float) -> None:
        """Remove everything from `at_s` on."""
        while self._spans and self._spans[-1].start_s >= at_s:
            self._spans.pop()
        if self._spans and self._spans[-1].end_s > at_s:
            self._spans[-1] = replace(self._spans[-1], end_s=at_s)

    def lay(self, symbol: str, length_s: float, note_index: int, stress: int = 1) -> None:
        """Append a phone."""
        start_s = self.end_s
        if length_s > 0:
            self._spans.append(PhoneSpan(symbol, start_s, start_s + length_s, note_index, stress))

    def hush(self) -> None:
        """Append silence without end."""
        self.lay(SILENCE, math.inf, -1)

    def squeeze(self, at_s: float, limit_s: float) -> None:
        """Compress the phones from `at_s` on so that they end by `limit_s` (at least `at_s`). The silence after them is removed."""
        self._spans.pop()
        end_s = self.end_s
        if end_s <= limit_s:
            return
        scale = max(0.0, limit_s - at_s) / (end_s - at_s) if end_s > at_s else 0.0
        if scale == 0.0:
            self.cut(at_s)
            return

        def moved(time_s: float) -> float:
            return time_s if time_s <= at_s else at_s + (time_s - at_s) * scale

        self._spans = [replace(span, start_s=moved(span.start_s), end_s=moved(span.end_s)) for span in self._spans]

    def since(self, time_s: float) -> tuple[PhoneSpan, ...]:
        """Return the spans that end after `time_s`."""
        first = len(self._spans)
        while first and self._spans[first - 1].end_s > time_s:
            first -= 1
        return tuple(self._spans[first:])

    def forget(self, time_s: float) -> None:
        """Discard spans that end before `time_s`."""
        self._spans = list(self.since(time_s))
