"""`vocalese send`: send the tracks of a score to a running session, as one clip each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from bridge.cli.send import SendOptions
from bridge.client import ClipNoteRow, VocaleseClient
from bridge.protocol import limits
from bridge.protocol.replies import ClipTold
from engine import Score, ScoreError, Track, language_code, read_score

from .common import EXIT_OK, bullet_list

CLIP = 0  # number of the one clip of each track
_MOST_CURVE_POINTS = 2_400  # of one clip: fits into 64 curve messages, however the points are spread over the parameters
_TempoRow = tuple[float, float, int, int]  # ppq, bpm, numerator, denominator


def run(options: SendOptions) -> int:
    """Send the tempo map, then clip 0 of each track that is sung, from track `first_track` on.

    Tracks are named as in the score. A score that was sent to the same first track before is replaced as a whole. Raises ScoreError for
    a score without notes, ProtocolError if there is no answer.
    """
    score = read_score(options.score, verse=options.verse)
    tracks = sung_tracks(score)
    if not tracks:
        raise ScoreError(f"{options.score} has no notes to sing.")
    notices = list(score.notices)
    with VocaleseClient(options.host, options.port, token=options.token, name="vocalese send") as client:
        held = client.song()
        revision = max(int(time.time()), held.latest_revision + 1)  # ascends from run to run
        client.tempo(revision, tempo_rows(score))
        for number, track in enumerate(tracks, options.first_track):
            curves, thinned = curve_rows(track, score.ppq)
            if thinned > 1:
                notices.append(f'The controllers of "{track.name}" are too many for one clip: one in {thinned} was sent.')
            spoken = language_code(options.language or track.language or "")
            if spoken:  # an empty text sets the language alone
                client.lyrics("", track=number, language=spoken, append=True)
            length_ppq = max(note.offset_ticks for note in track.notes) / score.ppq
            taken = client.clip(
                note_rows(track, score.ppq), track=number, clip=CLIP, revision=revision, length_ppq=length_ppq, curves=curves
            )
            client.name_track(_plain(track.name), track=number)
            print(f'track {number}: "{track.name}", {taken.notes} notes')
        for left in left_over(held.clips, options.first_track, len(tracks)):
            client.remove_clip(CLIP, track=left, revision=revision)
            client.name_track("", track=left)
            print(f"track {left}: emptied, it was of the score before")
    if notices:
        print(bullet_list(notices))
    return EXIT_OK


def left_over(clips: Sequence[ClipTold], first_track: int, count: int) -> list[int]:
    """Return the tracks of the score sent before to `first_track` that a score of `count` tracks leaves over.

    Clips of one sending share a revision that no others have."""
    revision = next((clip.revision for clip in clips if (clip.track, clip.clip) == (first_track, CLIP)), None)
    tracks = sorted(clip.track for clip in clips if clip.clip == CLIP and clip.revision == revision)
    return [track for track in tracks if track >= first_track + count] if tracks and tracks[0] == first_track else []


def _plain(name: str) -> str:
    """Return a name without the characters that the protocol rejects."""
    return "".join(letter for letter in name if letter.isprintable())[: limits.MAX_NAME_CHARACTERS]


def sung_tracks(score: Score) -> list[Track]:
    """Return the tracks with words, or, without any, the melodic tracks with notes. Muted tracks are left out."""
    heard = [track for track in score.tracks if not track.is_muted]
    with_words = [track for track in heard if track.has_lyrics]
    return with_words or [track for track in heard if track.notes and not track.is_drums]


def note_rows(track: Track, ppq: int) -> list[ClipNoteRow]:
    """Return notes with positions in quarter notes from the start of the song."""
    return [
        (note.onset_ticks / ppq, note.duration_ticks / ppq, note.pitch, note.velocity / 127, note.lyric or "")
        for note in track.notes
    ]


def curve_rows(track: Track, ppq: int) -> tuple[dict[str, list[tuple[float, float]]], int]:
    """Return curves by name as points (quarter note, value), to be joined by lines, and n if only every n-th point is kept."""
    rows = {str(curve.parameter): list(_points(curve.ticks, curve.values, curve.stepped)) for curve in track.curves}
    thinned = -(-sum(map(len, rows.values())) // _MOST_CURVE_POINTS)
    return {
        name: [(tick / ppq, value) for tick, value in _every(points, thinned)] for name, points in rows.items() if points
    }, thinned


def tempo_rows(score: Score) -> list[_TempoRow]:
    """Return tempo and meter at each change, from quarter note 0 on."""
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
            yield tick - 1, last[1]  # the previous value holds until here
        yield tick, value
        last = tick, value


def _every(points: Sequence[tuple[int, float]], thinned: int) -> list[tuple[int, float]]:
    if thinned <= 1:
        return list(points)
    kept = list(points[::thinned])
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]
