"""Changes to whole scores before rendering: transposition and the choice of tracks."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace

from engine.errors import SettingsError

from .lanes import is_monophonic, split_lanes
from .names import voice_rank
from .types import Curve, Note, Parameter, Score, Track

_LOWEST_PITCH, _HIGHEST_PITCH = 0, 127
_LOWEST_TUNE, _HIGHEST_TUNE = 48, 84  # MIDI numbers between which the middle note of a sung part lies


def transpose(score: Score, semitones: float) -> Score:
    """Return `score` moved by `semitones` (may be fractional), with absolute pitch curves. Drum tracks stay."""
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
    """Return the tracks to sing, and notices that name the tracks left out.

    Tracks with words if there are any, else all that have notes. Drum tracks are second choice in both cases. Muted tracks are left out.
    """
    muted = [track for track in score.tracks if track.notes and track.is_muted]
    with_notes = [track for track in score.tracks if track.notes and not track.is_muted]
    silent = (f"Muted tracks stay silent: {_name_list(muted)}; sing one with --track.",) if muted else ()
    choices: list[tuple[Callable[[Track], bool], str]] = [
        (lambda track: track.has_lyrics and not track.is_drums, "they have no words"),
        (lambda track: track.has_lyrics, "they have no words"),
        (lambda track: not track.is_drums, "they are drums"),
    ]
    for is_chosen, reason in choices:
        chosen = tuple(filter(is_chosen, with_notes))
        if chosen:
            left_out = [track for track in with_notes if not is_chosen(track)]
            return chosen, (*silent, *([f"Tracks left out because {reason}: {_name_list(left_out)}."] if left_out else []))
    return tuple(with_notes), silent


def _name_list(tracks: Sequence[Track]) -> str:
    return ", ".join(f'"{track.name}"' for track in tracks)


def choose_for_words(tracks: Sequence[Track], *, ppq: int = 480) -> tuple[Track, str]:
    """Return the one of `tracks` (at least one) that takes words from outside, and a notice with the reason and the other tracks.

    Criteria in order: the name, monophony, notes within the range of voices, position in the file.
    """

    def merit(track: Track) -> tuple[bool, int, bool, bool]:
        return not track.is_drums, voice_rank(track.name), is_monophonic(_without_overlaps(track, ppq)), _is_in_reach(track)

    chosen = max(tracks, key=merit)
    others = ", ".join(f"'{track.name}'" for track in tracks if track is not chosen)
    if not others:
        return chosen, ""
    _, rank, is_single_line, _ = merit(chosen)
    if rank:
        reason = "which is named like a voice"
    elif is_single_line:
        reason = "a single line; no track is named like a voice"
    else:
        reason = "the first one; none is named like a voice or is a single line"
    return chosen, f"The words are laid over '{chosen.name}' only, {reason}; choose others ({others}) with --track."


def _without_overlaps(track: Track, ppq: int) -> Sequence[Note]:
    lanes, _ = split_lanes(track, ppq=ppq)
    return lanes[0].notes if len(lanes) == 1 else track.notes


def _is_in_reach(track: Track) -> bool:
    return bool(track.notes) and _LOWEST_TUNE <= statistics.median(note.pitch for note in track.notes) <= _HIGHEST_TUNE
