"""`vocalese check STEM SCORE`: measure how well a stem follows its notes; print a table or JSON, draw a picture."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.cli.check import CheckOptions
from bridge.stems.naming import stem_names
from engine import (
    STARTER_NAME,
    ExpectedNote,
    PerformanceSettings,
    Plan,
    Score,
    ScoreError,
    Track,
    WordSettings,
    load_card,
    measure_accuracy,
    plan_score,
    plot_accuracy,
    read_score,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

from .common import EXIT_OK
from .plan import lyrics_given


@dataclass(frozen=True)
class _Words:
    """Words given beside the score (text or file) and their language; None = the score's."""

    lyrics: str | None
    language: str | None


_LANE = re.compile(r" \(lane \d+\)$")


def run(options: CheckOptions) -> int:
    """Compare a stem with its line of the score: a track, or one lane of a track with chords."""
    stem, score = options.stem, read_score(options.score)
    words = _Words(options.lyrics, options.language)
    notes = expected_notes(score, _chosen(score, options.track, stem, options.score.stem, words), options.transpose)
    samples, sample_rate = read_audio(stem)
    report = measure_accuracy(samples, sample_rate, notes)
    target = options.picture or stem.with_suffix(".png")
    plot_accuracy(target, samples, sample_rate, report, title=stem.stem, start_s=options.start_s)
    if options.as_json:
        print(json.dumps({"stem": str(stem), "score": str(options.score), "picture": str(target), **report.as_dict()}))
    else:
        print(report.as_table())
        print(f"Picture: {target}")
    return EXIT_OK


def read_audio(path: Path) -> tuple[NDArray[np.float32], int]:
    """Read a sound file as mono samples [N] and their rate. Raises OutputError if it is no audio file."""
    import soundfile

    from engine import OutputError

    try:
        samples, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise OutputError(
            f"{path} cannot be read as audio: {str(error).rstrip('.')}. Give a WAV, FLAC or other sound file."
        ) from error
    return samples.mean(axis=1), sample_rate


def expected_notes(score: Score, track: Track, transpose: int = 0) -> list[ExpectedNote]:
    """Return the notes of a track in seconds."""
    at = score.tempo_map.seconds_at
    return [ExpectedNote(at(n.onset_ticks), at(n.offset_ticks), n.pitch + transpose, n.lyric) for n in track.notes]


def _chosen(score: Score, name: str | None, stem: Path, title: str, words: _Words) -> Track:
    """Plan the score as for rendering; return the line asked for, else the one that the stem is named after, else the first."""
    if not any(track.notes for track in score.tracks):
        raise ScoreError(f"'{score.title}' has no notes to compare with.")
    if name is not None:
        return _named(score, name, words)
    plan = _plan(score, words)
    names = [Path(file).stem for file in stem_names(title, [planned.name for planned in plan.tracks])]
    for planned, stem_name in zip(plan.tracks, names, strict=True):
        if stem.stem == stem_name:
            return planned.track
    others = [track.name for track in score.tracks if track.notes]
    for candidate in sorted({*(planned.name for planned in plan.tracks), *others}, key=len, reverse=True):
        if candidate and stem.stem.endswith(candidate):
            return _named(score, candidate, words)
    return plan.tracks[0].track


def _named(score: Score, name: str, words: _Words) -> Track:
    tracks = [track for track in score.tracks if track.notes]
    for base in (name, _LANE.sub("", name)):
        if any(track.name == base for track in tracks):
            for planned in _plan(score, words, base).tracks:
                if planned.name == name:
                    return planned.track
    lines = [planned.name for track in tracks for planned in _plan(score, words, track.name).tracks]
    raise ScoreError(f"No track '{name}'. The score has: {', '.join(repr(line) for line in dict.fromkeys(lines))}.")


def _plan(score: Score, words: _Words, *track_names: str) -> Plan:
    text = None if words.lyrics is None else lyrics_given(words.lyrics)
    return plan_score(
        score,
        load_card(STARTER_NAME),
        PerformanceSettings(),
        words=WordSettings(language=words.language),
        text=text,
        track_names=track_names,
    )
