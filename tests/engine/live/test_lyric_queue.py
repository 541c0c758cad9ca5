"""Words split for live play: one cue per note, as a score would lay them."""

from __future__ import annotations

import pytest
from played import performer_of, play

from engine.live.events import Lyrics
from engine.live.lyric_queue import MAX_CUES, LyricLine, split_lyrics, split_note_lyric
from engine.lyrics import NoteKind, UserDictionary, lay_lyrics
from engine.score import Note, Track


def shown(text: str) -> list[list[str]]:
    return [[cue.text for cue in line.cues] for line in split_lyrics(text).lines]


def test_lines_become_syllables_and_marks():
    assert shown("Beautiful day - AP\nR stay [hh ah]") == [["Beau", "ti", "ful", "day", "-", "AP"], ["R", "stay", "hh ah"]]


def test_headings_comments_and_empty_lines_are_no_lines():
    assert shown("[Chorus]\n# loud\n\nsing\n\n...\nit") == [["sing"], ["it"]]


@pytest.mark.parametrize(
    "text", ["beautiful a- - way - AP stay", "the end 24/7 read[r eh d]", "さくら", "你好", "'all hum- ming"]
)
def test_cues_sing_what_a_score_with_these_lyrics_sings(text):
    (line,) = split_note_lyric(text, voice_languages=("en", "zh", "ja")).lines
    notes = tuple(Note(480 * i, 480, 60.0, lyric=cue.written) for i, cue in enumerate(line.cues))
    laid = lay_lyrics(Track("", notes)).notes
    assert [note.kind for note in laid] == [cue.kind for cue in line.cues]
    assert [list(note.syllables) for note in laid] == [[cue.syllable] if cue.syllable else [] for cue in line.cues]


def test_parts_say_which_syllables_make_a_word():
    (line,) = split_lyrics("beautiful a- - way").lines
    assert [cue.part for cue in line.cues if cue.kind is NoteKind.SING] == [(0, 3), (1, 3), (2, 3), (0, 2), (1, 2)]


def test_a_dictionary_of_the_user_counts():
    (line,) = split_lyrics("vox", dictionary=UserDictionary({"vox": ("B", "AO1", "K")})).lines
    assert [phone.symbol for phone in line.cues[0].syllable.phones] == ["B", "AO", "K"]


def test_guesses_and_omissions_are_reported():
    assert any("☃" in notice for notice in split_lyrics("sing ☃ blorptang").notices)
    assert any("blorptang" in notice for notice in split_lyrics("sing ☃ blorptang").notices)


def test_a_full_queue_is_reported():
    (line,) = split_lyrics("la " * 1000).lines
    lines = (line,) * (MAX_CUES // 1000 + 1)
    performer = performer_of()
    play(performer, [Lyrics(0.0, lines)], 0.01)
    assert performer.lyric_position.remaining == MAX_CUES
    assert "too many" in performer.take_notices()[0]


def test_empty_lines_take_no_note():
    performer = performer_of()
    play(performer, [Lyrics(0.0, (LyricLine("", ()), *split_lyrics("la").lines))], 0.01)
    assert performer.lyric_position.upcoming == ("la",)
