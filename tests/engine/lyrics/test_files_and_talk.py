"""Lyric files, users' dictionaries and running text."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine.lyrics
from engine.errors import LyricError
from engine.lyrics import lay_timed_text, parse_lyric_text, read_lyric_text, read_spoken_text, read_user_dictionary
from engine.score.types import Note, TempoChange, TempoMap, Track

PLAIN = """# my song
[Verse 1]
Hello there (oh)
[Chorus: two voices]
(Hook)
// hidden
la la
[HH AH] yo
"""
TIMED = """[ti:Song]
[offset:+500]
[00:01.00]Hello world
[00:03.50][00:10.00]again
[00:05.00]<00:05.00>one <00:05.50>two <00:06.00>
[00:07.00]
"""


def test_plain_text_loses_headings_and_comments() -> None:
    assert parse_lyric_text(PLAIN).lines == ("Hello there (oh)", "la la", "[HH AH] yo")


@pytest.mark.parametrize(
    ("line", "sung"),
    [
        ("hold on (x2)", ("hold on",)),
        ("hold on [2x]", ("hold on",)),
        ("hold on x3", ("hold on",)),
        ("oh - x2 -", ("oh",)),
        ("(repeat)", ()),
        ("Refrain:", ()),
        ("Chorus (x2)", ()),
        ("Verse 2", ()),
        ("1. Strophe", ()),
        ("2 x 3", ("2 x 3",)),
        ("size x2 now", ("size x2 now",)),
        ("chorus of angels", ("chorus of angels",)),
        ("Music", ("Music",)),
    ],
)
def test_headings_without_brackets_and_marks_of_repeats_are_no_words(line: str, sung: tuple[str, ...]) -> None:
    assert parse_lyric_text(line).lines == sung


def test_timed_text() -> None:
    lines = parse_lyric_text(TIMED).timed_lines
    assert [(line.start_s, line.text) for line in lines] == [
        (0.5, "Hello world"),
        (3.0, "again"),
        (4.5, "one two"),
        (6.5, ""),
        (9.5, "again"),
    ]
    assert lines[2].words == ((4.5, "one"), (5.0, "two"), (5.5, ""))


def test_timed_lines_go_to_the_notes_of_their_time() -> None:
    track = Track("v", tuple(Note(i * 480, 480, 60.0) for i in range(14)))
    laid, notices = lay_timed_text(track, parse_lyric_text(TIMED).timed_lines, TempoMap(480, (TempoChange(0, 500_000),)))
    lyrics = [note.lyric for note in laid.notes]
    assert lyrics == [None, "Hello", "+", "world", "la", "la", "again", "+", "la", "one", "two", None, None, None]
    assert "There is no note for 'again' at 9.50 s." in notices


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        ("\ufeffcafé".encode(), ("café",)),
        ("café".encode("utf-16"), ("café",)),
        ("café".encode("cp1252"), ("café",)),
        (b"", ()),
        (b"\x00\xff[00:xx]", ("\x00ÿ[00:xx]",)),
    ],
)
def test_text_encodings(tmp_path: Path, data: bytes, lines: tuple[str, ...]) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes(data)
    assert read_lyric_text(path).lines == lines


def test_unreadable_files_are_reported(tmp_path: Path) -> None:
    for read in (read_lyric_text, read_user_dictionary):
        with pytest.raises(LyricError, match="cannot be read"):
            read(tmp_path / "missing.txt")


def test_user_dictionary(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("# mine\nVocalese  v ow1 k ah0 l iy2 z # comment\n\nSZA S IH Z AH\nmmm M\n", encoding="utf-8")
    own = read_user_dictionary(path)
    assert own.get("vocalese") == tuple("V OW1 K AH0 L IY2 Z".split())
    assert own.get("Sza") == ("S", "IH1", "Z", "AH0") and own.get("mmm") == ("M",) and own.get("else") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a AH\nb QQ", "own.txt, line 2, word 'b': 'QQ' is not an ARPAbet phone; valid are AA AE"),
        ("a", "own.txt, line 1, word 'a': A word needs 1 to 200 phones, 0 are given"),
        ("a B1", "'B1' is not an ARPAbet phone"),
        ("a AH3", "'AH3' is not an ARPAbet phone"),
    ],
)
def test_user_dictionary_errors_name_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "own.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LyricError) as error:
        read_user_dictionary(path)
    assert message in str(error.value)


def test_user_dictionary_must_be_utf8(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_bytes(b"caf\xe9 K AH F EY")
    with pytest.raises(LyricError, match="UTF-8"):
        read_user_dictionary(path)


def talked(text: str) -> list[tuple[list[str], tuple[int, ...], bool]]:
    return [([word[0].word for word in line.words], line.pauses, line.is_question) for line in read_spoken_text(text)]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Hello, Dr. Smith! How are you?", [(["Hello", "doctor", "Smith"], (1, 0, 2), False), (["How", "are", "you"], (0, 0, 2), True)]),
        ("It's 3.5 miles, at 10 a.m. or so", [(["It's", "3.5", "miles", "at", "10", "a.m.", "or", "so"], (0, 0, 1, 0, 0, 0, 0, 2), False)]),
        ("one - two (three) four", [(["one", "two", "three", "four"], (1, 1, 1, 2), False)]),
        ("“Really?!” yes…", [(["Really"], (2,), True), (["yes"], (2,), False)]),
        ("first line\nsecond", [(["first", "line"], (0, 2), False), (["second"], (2,), False)]),
        ("", []),
        ("?!. 😀 ...", []),
    ],
)  # fmt: skip
def test_spoken_text(text: str, lines: list[tuple[list[str], tuple[int, ...], bool]]) -> None:
    assert talked(text) == lines


@pytest.mark.slow
def test_spoken_text_without_end_is_cut_and_long_text_bounded() -> None:
    lines = read_spoken_text("word " * 1000)
    assert max(len(line.words) for line in lines) <= 120 and sum(len(line.words) for line in lines) == 1000
    assert any("characters" in notice for notice in read_spoken_text("a " * 150_000)[0].notices)


def test_exported_names_exist() -> None:
    assert engine.lyrics.__all__ == sorted(engine.lyrics.__all__)
    assert all(hasattr(engine.lyrics, name) for name in engine.lyrics.__all__)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("[00:12.00]v1: keep the light", "keep the light"),
        ("[00:12.00] v2:keep the light", "keep the light"),
        ("[00:12.00]bg: ooh", "ooh"),
        ("[00:12.00]BG: ooh", "ooh"),
        ("[00:12.00][v12]: keep", "keep"),
        ("[00:12.00][bg] keep", "keep"),
        ("[00:12.00]F: keep", "keep"),
        ("[00:12.00]v1: <00:12.00>keep <00:12.50>the <00:13.00>light", "keep the light"),
        ("[00:12.00]<00:12.00>v1: keep <00:12.50>the", "keep the"),
        ("[00:12.00]<00:12.00>bg: ooh", "ooh"),
        ("[00:12.00]love: a word", "love: a word"),
        ("[00:12.00]Fire: a word", "Fire: a word"),
        ("[00:12.00]v1:", ""),
    ],
)
def test_singer_marks_are_no_words(line, text):
    given = parse_lyric_text(f"[ar:Somebody]\n[ti:A Song]\n[by:me]\n[length:03:20]\n{line}\n[00:20.00]end")
    assert [timed.text for timed in given.timed_lines] == [text, "end"]
    words = " ".join(word for _, word in given.timed_lines[0].words)
    assert words == (text if "<" in line else "")
