"""The examples: made by their script, singable by the starter voice, with words on every note."""

from __future__ import annotations

import itertools
import runpy
import tomllib
from pathlib import Path

import pytest

from engine.lyrics import NoteKind, lay_lyrics, parse_lyric_text, read_spoken_text
from engine.performance import Mode, PerformanceSettings, PlacedLine, perform_lines
from engine.score import Track, read_score

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "bridge" / "examples"
SCRIPT = ROOT / "examples" / "make_examples.py"
LOWEST, HIGHEST = 48, 76  # of the starter voice
ENTRIES = tomllib.loads((FOLDER / "examples.toml").read_text(encoding="utf-8"))["example"]
TRACKS = [
    pytest.param(track, id=f"{path.stem}-{track.name}")
    for path in sorted(FOLDER.glob("*.mid"))
    for track in read_score(path).tracks
    if track.notes
]


def test_script_makes_the_packaged_files(tmp_path: Path) -> None:
    runpy.run_path(str(SCRIPT))["make_examples"](tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_bytes() for path in FOLDER.glob("*.mid")}


def test_the_list_names_every_file_once_and_covers_all_modes() -> None:
    files = [entry["file"] for entry in ENTRIES]
    assert sorted(files) == sorted(path.name for path in FOLDER.iterdir() if path.suffix in (".mid", ".txt"))
    assert {entry["mode"] for entry in ENTRIES} == {"sing", "rap", "talk"}
    assert all(entry["title"] for entry in ENTRIES)
    assert all("CC0-1.0" in entry["credits"] or "public domain" in entry["credits"] for entry in ENTRIES)


@pytest.mark.parametrize("name", [entry["file"] for entry in ENTRIES if entry["file"].endswith(".mid")])
def test_the_score_reads_without_notices(name: str) -> None:
    assert read_score(FOLDER / name).notices == ()


def test_one_song_has_two_parts() -> None:
    assert [track.name for track in read_score(FOLDER / "home-we-row.mid").tracks if track.notes] == ["First", "Second"]


@pytest.mark.parametrize("track", TRACKS)
def test_a_track_is_one_line_within_the_voice(track: Track) -> None:
    for before, note in zip(track.notes, track.notes[1:], strict=False):
        assert before.offset_ticks <= note.onset_ticks
    assert all(LOWEST <= note.pitch <= HIGHEST for note in track.notes)


@pytest.mark.parametrize("track", TRACKS)
def test_every_note_has_words_that_need_no_guessing(track: Track) -> None:
    laid = lay_lyrics(track)
    assert laid.notices == ()
    assert all(len(lyric.syllables) == 1 or lyric.kind is NoteKind.HOLD for lyric in laid.notes)


@pytest.mark.parametrize("track", TRACKS)
def test_weak_syllables_are_not_louder_than_strong_ones(track: Track) -> None:
    """In the sung examples no unstressed syllable is struck harder than the stressed syllable of its own word."""
    laid = lay_lyrics(track)
    by_word: dict[int, list[tuple[int, int]]] = {}
    word = -1
    for note, lyric in zip(track.notes, laid.notes, strict=True):
        for syllable in lyric.syllables:
            word += syllable.is_word_start
            by_word.setdefault(word, []).append((syllable.stress, note.velocity))
    for syllables in by_word.values():
        strong = [velocity for stress, velocity in syllables if stress == 1]
        weak = [velocity for stress, velocity in syllables if stress == 0]
        assert not strong or not weak or max(weak) <= max(strong)


def test_the_spoken_lines_do_not_overlap() -> None:
    timed = parse_lyric_text((FOLDER / "three-lines.txt").read_text(encoding="utf-8")).timed_lines
    assert len(timed) == 3
    for line, following in itertools.pairwise(timed):
        spoken = read_spoken_text(line.text)
        assert not any(sentence.notices for sentence in spoken)
        lengths_s = [
            perform_lines([PlacedLine(s, 1.0)], PerformanceSettings(mode=Mode.TALK)).phrases[0].frames / 100 for s in spoken
        ]
        assert line.start_s + sum(lengths_s) < following.start_s
