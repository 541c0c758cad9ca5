"""`vocalese convert`: a score from one format to another."""

from __future__ import annotations

from pathlib import Path

from engine import OutputError, read_score, write_score

from .common import EXIT_OK, bullet_list


def run(score: Path, target: Path, *, verse: int, overwrite: bool) -> int:
    """Read, write, say what the reader had to repair or leave out."""
    if target.exists() and not overwrite:
        raise OutputError(f"{target} exists. Give another name, or --overwrite to replace it.")
    read = read_score(score, verse=verse)
    write_score(read, target)
    notes = sum(len(track.notes) for track in read.tracks)
    print(f"{target}  ({len(read.tracks)} tracks, {notes} notes)")
    if read.notices:
        print(bullet_list(read.notices))
    return EXIT_OK
