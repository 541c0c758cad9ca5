"""Score and syllables to performances: everything musical is decided here, before a network runs.

In: a monophonic `Track`, its `SyllableTrack` (one entry per note, in phones of the voice), the tempo map, `PerformanceSettings`.
Out: one frozen `Performance` per phrase: phones with exact times, F0, loudness and timbre on a 100 Hz grid, with a content hash.
The same input gives the same output; a phrase depends only on itself.

    perform.py      a track, by the modules below             settings.py     choices, checked against the parameter table
    phrases.py      notes in seconds, divided at rests        vocal_range.py  fit of a melody to a voice, transposition
    sung_phrase.py  performance of a sung or rapped phrase    curves.py       expression curves in seconds
    spoken_lines.py performance and timing of spoken lines    dynamics.py     velocity, phrase arch, controllers
    timing.py       vowels on the beat, consonants before it  timbre.py       breathiness, tension, formants and so on
    pitch.py        glides, overshoot, vibrato, drift, bends  utterances.py   words of a phrase, for voices that read text
    speech.py       contour and durations of speech           types.py        Performance, Controls

Live play has a room of its own, `engine.live`. May import engine.score, engine.lyrics, engine.parameters, engine.errors.
"""

from .perform import perform
from .settings import Mode, PerformanceSettings
from .spoken_lines import Durations, PerformedTrack, PlacedLine, perform_lines
from .types import BREATH, FRAME_RATE_HZ, SILENCE, LyricMark, Performance, PhoneSpan
from .vocal_range import RangeReport, check_range, note_name

__all__ = [
    "BREATH",
    "FRAME_RATE_HZ",
    "SILENCE",
    "Durations",
    "LyricMark",
    "Mode",
    "Performance",
    "PerformanceSettings",
    "PerformedTrack",
    "PhoneSpan",
    "PlacedLine",
    "RangeReport",
    "check_range",
    "note_name",
    "perform",
    "perform_lines",
]
