"""Scores: files of notes and lyrics in, frozen `Score` values out.

In:   MIDI and karaoke, MusicXML, USTX, UST, DiffSinger scripts, and other programs' projects through an optional extra.
Out:  `Score` (see `types` for ticks, pitch and the one lyric convention), and MIDI, USTX or DiffSinger files again.

score = read_score("song.mid")
tracks, notices = select_tracks(score)
lanes, notices = split_lanes(tracks[0], ppq=score.ppq)

Readers repair damaged files and report repairs in `Score.notices`; a file that cannot be read raises `ScoreError`. No phonemes, audio or
devices here; imports nothing from other rooms.
"""

from .edit import choose_for_words, select_tracks, transpose
from .io import EXTRA_SUFFIXES, READABLE_SUFFIXES, WRITABLE_SUFFIXES, read_score, write_score, write_score_bytes
from .lanes import split_lanes
from .losses import losses
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
    "choose_for_words",
    "losses",
    "read_score",
    "select_tracks",
    "split_lanes",
    "transpose",
    "write_score",
    "write_score_bytes",
]
