"""Score and syllables to performances: everything decided before any network runs.

In: a monophonic `Track`, its `SyllableTrack` (one entry per note, in phones of the voice), the tempo map, `PerformanceSettings`.
Out: one frozen `Performance` per phrase: phones with exact times, F0, loudness and colour on a 100 Hz grid, with a content hash.
Same input, same output, always; a phrase depends only on itself.

    timing.py    vowels on the beat, consonants before it        settings.py     all choices with their ranges
    pitch.py     glides, overshoot, vibrato, drift, bends        vocal_range.py  does it fit the voice, how to move it
    dynamics.py  velocity, phrase arch, controllers              curves.py       expression curves in seconds
    speech.py    rap contour, talk                               perform.py      puts them together
    live.py      a voice that is played: events in, the next frames out (with live_*.py)

May import engine.score, engine.lyrics, engine.errors.
"""

from .perform import PerformedTrack, PlacedLine, perform, perform_lines
from .settings import Mode, PerformanceSettings
from .types import BREATH, FRAME_RATE_HZ, SILENCE, LyricMark, Performance, PhoneSpan
from .vocal_range import RangeReport, check_range, note_name

__all__ = [
    "BREATH",
    "FRAME_RATE_HZ",
    "SILENCE",
    "LyricMark",
    "Mode",
    "Performance",
    "PerformanceSettings",
    "PerformedTrack",
    "PhoneSpan",
    "RangeReport",
    "PlacedLine",
    "check_range",
    "note_name",
    "perform",
    "perform_lines",
]
