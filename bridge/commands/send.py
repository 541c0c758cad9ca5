"""`vocalese send`: the tracks of a score into a running session, as clips that play where they stand in the song."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bridge.client import ClipNoteRow, VocaleseClient
from engine import Score, ScoreError, Track, read_score

from .common import EXIT_OK, bullet_list

_MOST_CURVE_POINTS = 2_400  # of one clip: fewer than the protocol's 64 curve messages hold, however they fall to the parameters
_TempoRow = tuple[float, float, int, int]  # ppq, bpm, numerator, denominator


def run(path: Path, *, host: str, port: int, token: str, first_track: int, verse: int) -> int:
    """Send the tempo map, then one clip for each track that is sung: track `first_track` and those behind it, clip 0 of each.

    A clip that was sent before is replaced. Raises ScoreError for a score without notes, ProtocolError where nobody answers.
    """
    score = read_score(path, verse=verse)
    tracks = sung_tracks(score)
    if not tracks:
        raise ScoreError(f"{path} has no notes to sing.")
    revision = int(time.time())  # goes up with every change, also from one run to the next
    notices = list(score.notices)
    with VocaleseClient(host, port, token=token, name="vocalese send") as client:
        client.tempo(revision, tempo_rows(score))
        for number, track in enumerate(tracks, first_track):
            curves, thinned = curve_rows(track, score.ppq)
            if thinned > 1:
                notices.append(f'The controllers of "{track.name}" are too many for one clip: one in {thinned} was sent.')
            length_ppq = max(note.offset_ticks for note in track.notes) / score.ppq
            taken = client.clip(
                note_rows(track, score.ppq), track=number, revision=revision, length_ppq=length_ppq, curves=curves
            )
            print(f'track {number}: "{track.name}", {taken.notes} notes')
    if notices:
        print(bullet_list(notices))
    return EXIT_OK


def sung_tracks(score: Score) -> list[Track]:
    """Tracks with words; without any, each melodic track that has notes."""
    with_words = [track for track in score.tracks if track.has_lyrics]
    return with_words or [track for track in score.tracks if track.notes and not track.is_drums]


def note_rows(track: Track, ppq: int) -> list[ClipNoteRow]:
    """Positions in quarter notes from the start of the song."""
    return [
        (note.onset_ticks / ppq, note.duration_ticks / ppq, note.pitch, note.velocity / 127, note.lyric or "")
        for note in track.notes
    ]


def curve_rows(track: Track, ppq: int) -> tuple[dict[str, list[tuple[float, float]]], int]:
    """Curves as points joined by straight lines, (quarter note, value) by name, and n where only every n-th point was kept."""
    rows = {str(curve.parameter): list(_points(curve.ticks, curve.values, curve.stepped)) for curve in track.curves}
    thinned = -(-sum(map(len, rows.values())) // _MOST_CURVE_POINTS)
    return {
        name: [(tick / ppq, value) for tick, value in _every(points, thinned)] for name, points in rows.items() if points
    }, thinned


def tempo_rows(score: Score) -> list[_TempoRow]:
    """Tempo and meter wherever one of them changes, from quarter note 0 on."""
    bpm, meter = 120.0, (4, 4)
    tempos = {change.tick: change.bpm for change in score.tempo_map.changes}
    meters = {meter.tick: (meter.numerator, meter.denominator) for meter in score.meters}
    rows = []
    for tick in sorted({0, *tempos, *meters}):
        bpm, meter = tempos.get(tick, bpm), meters.get(tick, meter)
        rows.append((tick / score.ppq, bpm, *meter))
    return rows


def _points(ticks: Sequence[int], values: Sequence[float], stepped: bool) -> Iterator[tuple[int, float]]:
    last: tuple[int, float] | None = None
    for tick, value in zip(ticks, values, strict=True):
        if stepped and last is not None and tick - last[0] > 1:
            yield tick - 1, last[1]  # the value before holds until here
        yield tick, value
        last = tick, value


def _every(points: Sequence[tuple[int, float]], thinned: int) -> list[tuple[int, float]]:
    if thinned <= 1:
        return list(points)
    kept = list(points[::thinned])
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]
