"""Reading scores, texts and words, and planning their performance."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.cli.shared import PlanOptions
from engine import (
    Durations,
    Leftover,
    LyricError,
    LyricText,
    Mode,
    PerformanceSettings,
    Plan,
    WordSettings,
    load_card,
    parse_lyric_text,
    plan_score,
    plan_text,
    read_lyric_text,
    read_score,
    read_user_dictionary,
)

from .common import (
    searched_folders,
    settings_for,
)

if TYPE_CHECKING:
    pass

TEXT_SUFFIXES = (".txt", ".lrc")
_LIKE_A_PATH = re.compile(  # a line that ends like the name of a text file, or that looks like a path
    r"[^\n]*\.(?:txt|lrc|text|srt|md|docx?|odt|rtf|pdf)|(?:~|\.{1,2})?[/\\]\S[^\n]*[/\\][^\n]*|[A-Za-z]:[/\\][^\n]*|\S*[/\\]\S+",
    re.IGNORECASE,
)


def plan_file(path: Path, options: PlanOptions, durations: Durations | None = None) -> Plan:
    """Read a score or a text and plan its performance. `durations`: see `engine.spoken_durations`."""
    card = load_card(options.voice, searched_folders(options))
    settings, words = settings_of(options), words_of(options)
    if path.suffix.lower() in TEXT_SUFFIXES:
        return plan_text(read_lyric_text(path), card, settings, title=path.stem, words=words, durations=durations)
    return plan_score(
        read_score(path, verse=options.verse),
        card,
        settings,
        semitones=options.transpose,
        text=lyrics_given(options.lyrics) if options.lyrics is not None else None,
        words=words,
        track_names=options.tracks,
        durations=durations,
    )


def settings_of(options: PlanOptions) -> PerformanceSettings:
    """Return the performance settings."""
    return settings_for(Mode(options.mode), seed=options.seed, **options.performance)


def words_of(options: PlanOptions) -> WordSettings:
    """Return the word settings. Raises LyricError if the dictionary cannot be used."""
    dictionary = read_user_dictionary(options.dictionary) if options.dictionary else None
    leftover = Leftover(options.leftover)
    return WordSettings(language=options.language, filler=options.filler, leftover=leftover, dictionary=dictionary)


def lyrics_given(argument: str) -> LyricText:
    """Read the value of `--lyrics`: a file if it names one, else the text itself.

    Raises LyricError for a path of a file that does not exist.
    """
    path = Path(argument)
    try:
        is_file, is_folder = path.is_file(), path.is_dir()
    except (OSError, ValueError):  # no valid path
        is_file = is_folder = False
    if is_file:
        return read_lyric_text(path)
    if _LIKE_A_PATH.fullmatch(argument.strip()):
        found = "is a folder" if is_folder else "does not exist"
        raise LyricError(f"{argument} {found}. Give the path of a .txt or .lrc file, or words; words with a / go into a file.")
    return parse_lyric_text(argument)
