"""Check of a melody against the range of a voice, with a proposal for transposing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


@dataclass(frozen=True, slots=True)
class RangeReport:
    """Range of a melody. `outside`: share of its notes outside the voice's range; `proposed_transpose`: semitones, 0 = none."""

    lowest: float
    highest: float
    outside: float
    proposed_transpose: int

    def sentence(self, voice: str, low: float, high: float) -> str | None:
        """Return the warning for the user, None if all notes fit."""
        if self.outside == 0:
            return None
        text = (
            f"{100 * self.outside:.0f} % of the notes ({note_name(self.lowest)}-{note_name(self.highest)}) lie outside the range of "
            f"'{voice}' ({note_name(low)}-{note_name(high)})."
        )
        return text + (f" Try --transpose {self.proposed_transpose:+d}." if self.proposed_transpose else "")


def note_name(pitch: float) -> str:
    """Return the name of a MIDI pitch; middle C = 60 = C4."""
    number = round(pitch)
    return f"{_NAMES[number % 12]}{number // 12 - 1}"


def check_range(pitches: Sequence[float], low: float, high: float) -> RangeReport:
    """Compare pitches with `low`..`high`. Octaves are proposed before other intervals, small moves before large ones."""
    if not pitches:
        return RangeReport(0.0, 0.0, 0.0, 0)

    def outside(shift: int) -> float:
        return sum(not low <= pitch + shift <= high for pitch in pitches) / len(pitches)

    octaves = [0, 12, -12, 24, -24, 36, -36]
    others = sorted((shift for shift in range(-24, 25) if shift % 12), key=abs)
    best = min(octaves, key=lambda shift: (outside(shift), abs(shift)))
    if outside(best) > 0.02:
        better = min(others, key=lambda shift: (outside(shift), abs(shift)))
        if outside(better) < outside(best) - 0.02:
            best = better
    return RangeReport(min(pitches), max(pitches), outside(0), best if outside(best) < outside(0) else 0)
