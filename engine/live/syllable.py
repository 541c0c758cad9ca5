"""The sounding syllable of a live voice: its phones are laid at the note-on, and its end when the key is released."""

from __future__ import annotations

import math

from engine.lyrics import Phone
from engine.performance.timing import GLOTTAL_GAP_S, MINIMUM_VOWEL_S
from engine.performance.types import SILENCE, PhoneSpan

from .phone_plan import BREATHING, LEGATO_TAIL_S, RELEASE_S, SILENT, PhonePlan, Sound


class SyllablePlan:
    """Phones of a live voice, syllable by syllable. Times in seconds on the clock of the stream.

    A syllable is held from `begin` to `end`; after that its tail sounds until `end_s`. `number` counts syllables and other notes.
    """

    def __init__(self) -> None:
        self._plan = PhonePlan()
        self.sound = SILENT
        self.number = 0
        self.vowel_s = 0.0
        self.is_held = False
        self.end_s = 0.0  # inf while it is held
        self._tail_s = 0.0  # start of the tail, when it is not held any more

    @property
    def is_singing(self) -> bool:
        """A vowel is held, not a breath or a rest."""
        return self.is_held and self.sound is not BREATHING and self.sound is not SILENT

    def since(self, time_s: float) -> tuple[PhoneSpan, ...]:
        """Return the phones that end after `time_s`."""
        return self._plan.since(time_s)

    def forget(self, time_s: float) -> None:
        """Discard phones that end before `time_s`."""
        self._plan.forget(time_s)

    def begin(self, sound: Sound, time_s: float) -> None:
        """Start a syllable, after the end of the one before as far as that must still sound."""
        self._end_previous(time_s)
        if sound.has_glottal_onset and not sound.onset and time_s < self.end_s:
            self._plan.lay(SILENCE, GLOTTAL_GAP_S, -1)
        self._lay(sound.onset, sound.onset_durations_s(), sound)
        self.vowel_s = self._plan.end_s
        self._plan.lay(sound.held, math.inf, self.number, sound.stress)
        self.sound = sound
        self.is_held, self.end_s = True, math.inf

    def end(self, sound: Sound, time_s: float) -> float:
        """End the held syllable like `sound`: glide, coda, release. A vowel keeps its minimum length. Return the start of the tail."""
        tail_s = max(time_s, self.vowel_s + MINIMUM_VOWEL_S)
        glide_s, coda = sound.tail_durations_s(is_legato=False)
        release_s = RELEASE_S if sound.fades else 0.0
        if coda:
            coda[-1] += release_s
            self._plan.cut(tail_s + glide_s)
            self._lay(sound.coda, coda, sound)
        else:
            self._plan.cut(tail_s + glide_s + release_s)
        self.is_held, self._tail_s, self.end_s = False, tail_s, self._plan.end_s
        self._plan.hush()
        return tail_s

    def silence(self, time_s: float) -> None:
        """End all sound at `time_s`."""
        self.is_held = False
        self._plan.cut(time_s)
        self._plan.hush()
        self._tail_s = self.end_s = time_s

    def _end_previous(self, time_s: float) -> None:
        """Cut the current syllable so that the next can start: immediately, or after a short coda if its vowel has been audible."""
        was_audible = time_s - self.vowel_s >= MINIMUM_VOWEL_S
        if self.is_held and was_audible:
            glide_s, coda = self.sound.tail_durations_s(is_legato=True)
            self._plan.cut(time_s + glide_s)
            self._lay(self.sound.coda, coda, self.sound)
        elif time_s < self.end_s and was_audible and not self.is_held:
            self._plan.squeeze(time_s, max(time_s, self._tail_s + LEGATO_TAIL_S))
        else:
            self._plan.cut(time_s)

    def _lay(self, phones: tuple[Phone, ...], seconds: list[float], sound: Sound) -> None:
        for phone, length_s in zip(phones, seconds, strict=True):
            self._plan.lay(phone.symbol, length_s, self.number, sound.stress)
