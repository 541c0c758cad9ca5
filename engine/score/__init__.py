"""The score room: files of notes and words in, frozen `Score` values out.

In: MIDI and karaoke, MusicXML, USTX, UST, DiffSinger scripts, and other programs' projects through an optional extra.
Out: `Score` (see `types` for ticks, pitch and the one lyric convention), and MIDI, USTX or DiffSinger files again.

    score = read_score("song.mid")
    tracks, notices = select_tracks(score)
    lanes, notices = split_lanes(tracks[0], ppq=score.ppq)

Readers repair what they can and say so in `Score.notices`; what cannot be read raises `ScoreError`. This room knows nothing of
phonemes, audio or devices, and imports nothing from other rooms.
"""

from .edit import select_tracks, transpose
from .io import EXTRA_SUFFIXES, READABLE_SUFFIXES, WRITABLE_SUFFIXES, read_score, write_score
from .lanes import split_lanes
from .types import (
    BREATH_MARKS,
    DEFAULT_US_PER_BEAT,
    HOLD,
    NEXT_SYLLABLE,
    REST_MARKS,
    Curve,
    Meter,
    Note,
    Parameter,
    PitchPoint,
    Score,
    TempoChange,
    TempoMap,
    Track,
    Vibrato,
)

__all__ = [
    "BREATH_MARKS",
    "DEFAULT_US_PER_BEAT",
    "EXTRA_SUFFIXES",
    "HOLD",
    "NEXT_SYLLABLE",
    "READABLE_SUFFIXES",
    "REST_MARKS",
    "WRITABLE_SUFFIXES",
    "Curve",
    "Meter",
    "Note",
    "Parameter",
    "PitchPoint",
    "Score",
    "TempoChange",
    "TempoMap",
    "Track",
    "Vibrato",
    "read_score",
    "select_tracks",
    "split_lanes",
    "transpose",
    "write_score",
]
