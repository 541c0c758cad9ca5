"""`vocalese convert`: write a score in another format."""

from __future__ import annotations

from pathlib import Path

from bridge.cli.convert import ConvertOptions
from bridge.stems.naming import stem_names
from engine import (
    OutputError,
    Score,
    WordSettings,
    diffsinger_parts,
    in_whole_words,
    losses,
    read_score,
    spelled_out,
    write_diffsinger,
    write_score,
)

from .common import EXIT_OK, bullet_list

DIFFSINGER_SUFFIX = ".ds"
NOTATION_SUFFIXES = (".musicxml", ".xml")
WHOLE_WORD_SUFFIXES = (".svp", ".ustx")


def run(options: ConvertOptions) -> int:
    """Convert a score; report repairs by the reader, and whatever the new format cannot hold."""
    target = options.target
    _check_free(target, options.overwrite)
    read = read_score(options.score, verse=options.verse)
    words = WordSettings(language=options.language)
    notices = list(read.notices)
    if target.suffix.lower() == DIFFSINGER_SUFFIX:
        notices += _write_diffsinger(read, target, words, options.overwrite)
    else:
        write_score(_in_syllables_of(target.suffix.lower(), read, words), target)
    notices += losses(read, target.suffix)
    notes = sum(len(track.notes) for track in read.tracks)
    print(f"{target}  ({len(read.tracks)} tracks, {notes} notes)")
    if notices:
        print(bullet_list(dict.fromkeys(notices)))
    return EXIT_OK


def _in_syllables_of(suffix: str, score: Score, words: WordSettings) -> Score:
    """Return the score with its syllables as the format writes them."""
    if suffix in NOTATION_SUFFIXES:
        return spelled_out(score, words)
    return in_whole_words(score, words) if suffix in WHOLE_WORD_SUFFIXES else score


def _check_free(target: Path, overwrite: bool) -> None:
    if target.exists() and not overwrite:
        raise OutputError(f"{target} exists. Give another name, or --overwrite to replace it.")


def _write_diffsinger(score: Score, target: Path, words: WordSettings, overwrite: bool) -> list[str]:
    """Write all parts into one script; if there are several, also one script each, because DiffSinger sings one voice per file."""
    parts, notices = diffsinger_parts(score, words)
    files = {target: parts}
    told = list(notices)
    if len(parts) > 1:
        names = stem_names(target.stem, [part.name for part in parts], target.suffix)
        singly = {target.with_name(name): (part,) for name, part in zip(names, parts, strict=True)}
        for path in singly:
            _check_free(path, overwrite)
        files |= singly
        listed = ", ".join(f"'{path.name}'" for path in singly)
        told.append(f"'{target.name}' holds all {len(parts)} parts. DiffSinger sings one voice per file: give it {listed}.")
    for path, written in files.items():
        write_diffsinger(written, path)
    return told
