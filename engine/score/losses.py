"""Notices about contents that a score format cannot hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .formats.svp_write import CURVES as SVP_CURVES
from .types import BREATH_MARKS, Parameter, Score, Track

_PITCH = frozenset(
    {Parameter.F0_HZ, Parameter.BEND_CENTS, Parameter.MODULATION, Parameter.SUSTAIN}
)  # in the pitch curve or the notes
_Kind = tuple[str, Callable[[Track], bool]]


def _has_hints(track: Track) -> bool:
    return any("[" in (note.lyric or "") for note in track.notes)


def _has_stars(track: Track) -> bool:
    return any("*" in (note.lyric or "") for note in track.notes)


def _has_accents(track: Track) -> bool:
    return any(note.is_accented for note in track.notes)


def _has_breaths(track: Track) -> bool:
    return any(note.lyric in BREATH_MARKS for note in track.notes)


def _has_vibrato(track: Track) -> bool:
    return any(note.vibrato for note in track.notes)


def _has_pitch_points(track: Track) -> bool:
    return any(note.pitch_points for note in track.notes)


def _has_curves(track: Track) -> bool:
    return any(curve.ticks for curve in track.curves)


def _has_other_curves(track: Track) -> bool:
    return any(curve.ticks for curve in track.curves if curve.parameter not in SVP_CURVES)


def _has_curves_beside_pitch(track: Track) -> bool:
    return any(curve.ticks for curve in track.curves if curve.parameter not in _PITCH)


def _has_velocities(track: Track) -> bool:
    return any(note.velocity != 100 for note in track.notes)


_LOST: Mapping[str, tuple[_Kind, ...]] = {
    ".musicxml": (
        ("curves", _has_curves),
        ("pitch points", _has_pitch_points),
        ("vibrato", _has_vibrato),
        ("pronunciation hints", _has_hints),
        ("breaths (they are rests)", _has_breaths),
    ),
    ".svp": (
        ("pitch points", _has_pitch_points),
        ("curves that Synthesizer V does not have", _has_other_curves),
        ("velocities", _has_velocities),
        ("accents", lambda track: _has_accents(track) or _has_stars(track)),
    ),
    ".ds": (
        ("curves other than pitch", _has_curves_beside_pitch),
        ("velocities", _has_velocities),
    ),
}
_LOST = {**_LOST, ".xml": _LOST[".musicxml"]}


def losses(score: Score, suffix: str) -> tuple[str, ...]:
    """Return one sentence with the contents of the score that a format cannot hold; none if nothing is lost."""
    lost = [name for name, has in _LOST.get(suffix.lower(), ()) if any(has(track) for track in score.tracks)]
    if not lost:
        return ()
    return (f"{suffix.lower()} has no place for all of the score; lost: {', '.join(lost)}.",)
