"""Changes to whole scores before they are sung: another key, and which tracks are for a voice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..errors import SettingsError
from .types import Curve, Parameter, Score, Track

_LOWEST_PITCH, _HIGHEST_PITCH = 0, 127


def transpose(score: Score, semitones: float) -> Score:
    """`score` moved by `semitones` (may be fractional), absolute pitch curves too; drum tracks stay."""
    pitches = [note.pitch + semitones for track in score.tracks if not track.is_drums for note in track.notes]
    if pitches and not _LOWEST_PITCH <= min(pitches) <= max(pitches) <= _HIGHEST_PITCH:
        raise SettingsError(
            f"Transposing by {semitones:+g} semitones moves the notes to {min(pitches):g}..{max(pitches):g}; "
            f"MIDI pitches go from {_LOWEST_PITCH} to {_HIGHEST_PITCH}. Choose a smaller interval."
        )
    return replace(score, tracks=tuple(_transpose_track(track, semitones) for track in score.tracks))


def _transpose_track(track: Track, semitones: float) -> Track:
    if track.is_drums:
        return track
    notes = tuple(replace(note, pitch=note.pitch + semitones) for note in track.notes)
    return replace(track, notes=notes, curves=tuple(_transpose_curve(curve, semitones) for curve in track.curves))


def _transpose_curve(curve: Curve, semitones: float) -> Curve:
    if curve.parameter is not Parameter.F0_HZ:
        return curve
    ratio = 2 ** (semitones / 12)
    return replace(curve, values=tuple(value * ratio for value in curve.values))


def select_tracks(score: Score) -> tuple[tuple[Track, ...], tuple[str, ...]]:
    """The tracks to sing, and a notice that names those left out.

    Tracks with words if there are any, else all that have notes; drums come second in both cases.
    """
    with_notes = [track for track in score.tracks if track.notes]
    choices: list[tuple[Callable[[Track], bool], str]] = [
        (lambda track: track.has_lyrics and not track.is_drums, "they have no words"),
        (lambda track: track.has_lyrics, "they have no words"),
        (lambda track: not track.is_drums, "they are drums"),
    ]
    for is_chosen, reason in choices:
        chosen = tuple(filter(is_chosen, with_notes))
        if chosen:
            left_out = [track for track in with_notes if not is_chosen(track)]
            names = ", ".join(f'"{track.name}"' for track in left_out)
            return chosen, (f"Tracks left out because {reason}: {names}.",) if left_out else ()
    return tuple(with_notes), ()
