"""`vocalese check STEM SCORE`: how well a rendered stem follows its notes, as a table, JSON and a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from engine import FollowNote, Score, ScoreError, Track, draw_following, measure_following, read_score

from .common import EXIT_OK


def run(
    stem: Path, score: Path, *, track: str | None, transpose: int, picture: Path | None, start_s: float, as_json: bool
) -> int:
    """Measure, print, draw."""
    read = read_score(score)
    notes = follow_notes(read, _chosen(read, track, stem), transpose)
    samples, sample_rate = read_audio(stem)
    report = measure_following(samples, sample_rate, notes)
    target = picture or stem.with_suffix(".png")
    draw_following(target, samples, sample_rate, report, title=stem.stem, start_s=start_s)
    if as_json:
        print(json.dumps({"stem": str(stem), "score": str(score), "picture": str(target), **report.as_dict()}))
    else:
        print(report.as_table())
        print(f"Picture: {target}")
    return EXIT_OK


def read_audio(path: Path):
    """Mono float samples [N] and their rate. Raises ScoreError's sibling OutputError if it is no audio file."""
    import soundfile

    from engine import OutputError

    try:
        samples, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise OutputError(
            f"{path} cannot be read as audio: {str(error).rstrip('.')}. Give a WAV, FLAC or other sound file."
        ) from error
    return samples.mean(axis=1), sample_rate


def follow_notes(score: Score, track: Track, transpose: int = 0) -> list[FollowNote]:
    """The notes of a track in seconds."""
    at = score.tempo_map.seconds_at
    return [FollowNote(at(n.onset_ticks), at(n.offset_ticks), n.pitch + transpose, n.lyric) for n in track.notes]


def _chosen(score: Score, name: str | None, stem: Path) -> Track:
    """The track asked for, else the one whose name is in the stem's, else the first with words or notes."""
    tracks: Sequence[Track] = [track for track in score.tracks if track.notes]
    if not tracks:
        raise ScoreError(f"'{score.title}' has no notes to compare with.")
    if name is not None:
        for track in tracks:
            if track.name == name:
                return track
        raise ScoreError(f"No track '{name}'. The score has: {', '.join(repr(track.name) for track in tracks)}.")
    for track in sorted(tracks, key=lambda track: -len(track.name)):
        if track.name and stem.stem.endswith(track.name):
            return track
    return next((track for track in tracks if track.has_lyrics), tracks[0])
