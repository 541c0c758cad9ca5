"""Stars around words: what is emphasised, what is not, and that nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.lyrics import SyllableTrack, lay_lyrics, lay_text, read_spoken_text
from engine.score.types import Note, Track


def laid(*lyrics: str | None) -> SyllableTrack:
    return lay_lyrics(Track("", tuple(Note(480 * i, 480, 60.0, lyric=lyric) for i, lyric in enumerate(lyrics))))


def quote(track: SyllableTrack) -> str:
    return " ".join(s.marked_text for note in track.notes for s in note.syllables)


def spoken(text: str) -> str:
    return " ".join(s.marked_text for line in read_spoken_text(text) for word in line.words for s in word)


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("*love*", "*love*"),
        ("**love**", "*love*"),
        ("(*love*),", "*love*"),
        ("*away*", "a *way*"),
        ("*beautiful*|+|+", "*beau* ti ful"),
        ("*a-|way*", "a *way*"),
        ("*a*-|way", "a *way*"),
        ("a-|*way*", "a *way*"),
        ("a-|-*way*", "a *way*"),
        ("*stay with* me||", "*stay* *with* me"),
        ("*stay, with* me||", "*stay* *with* me"),
        ("*read[r eh d]*", "*read*"),
        ("*[hh ah]*", "*hh ah*"),
        ("*'all*", "*all*"),
        ("*爱*", "*爱*"),
        ("love*", "love"),
        ("f**k *you*|", "f k *you*"),
        ("f***", "f"),
        ("love|+*", "love"),
        ("stay * with * me||", "stay with me"),
        ("*love", "love"),
        ("stay *with me||", "stay with me"),
        ("rock-*star*", "rock star"),
    ],
)
def test_stars_on_notes(written: str, heard: str) -> None:
    assert quote(laid(*(lyric or None for lyric in written.split("|")))) == heard


def test_a_held_note_is_still_held() -> None:
    assert [note.kind.value for note in laid("*love*", "+*", "-").notes] == ["sing", "hold", "hold"]


def test_an_emphasised_word_is_stressed() -> None:
    plain, starred = (laid(word).notes[0].syllables[0] for word in ("the", "*the*"))
    assert (plain.stress, starred.stress) == (0, 1)
    assert replace(starred, stress=0, is_emphasised=False) == plain


def test_a_vowel_taken_up_again_is_not_emphasised() -> None:
    assert quote(laid("*love*", "AP", "-")).split() == ["*love*", "love"]


def test_a_text_keeps_its_emphasis_on_the_notes() -> None:
    track = Track("", tuple(Note(480 * i, 480, 60.0) for i in range(6)))
    on_notes, notices = lay_text(track, "stay *away, my* love\n*oh")
    assert [note.lyric for note in on_notes.notes] == ["stay", "*away*", "+", "*my*", "love", "oh"]
    assert not notices
    assert quote(lay_lyrics(on_notes)) == "stay a *way* *my* love oh"


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("I *never* said that.", "I *ne* ver said that"),
        ("*Stop. Go* now!", "*Stop* *Go* now"),
        ("Stop *now*? Yes.", "Stop *now* Yes"),
        ("He is *Mr. Day*.", "He is *mi* ster *Day*"),
        ("f*** this, 2 * 3", "f this two three"),
        ("one *two\nthree* four", "one two three four"),
    ],
)
def test_spoken_words(text: str, heard: str) -> None:
    assert spoken(text).lower() == heard.lower()


def test_questions_are_kept() -> None:
    assert [line.is_question for line in read_spoken_text("Is it *you?* Or *me*?")] == [True, True]


@given(st.text(alphabet="ab *-'[]+.\n,", max_size=40))
def test_emphasis_changes_no_phones(text: str) -> None:
    for line in read_spoken_text(text):
        assert all(word for word in line.words)
    for note in laid(text, None, text).notes:
        assert all(s.stress == 1 for s in note.syllables if s.is_emphasised)


def test_many_stars_take_no_longer_than_many_words() -> None:
    text = "*a " * 6000
    assert len(read_spoken_text(text * 3)) > 1
    assert len(laid(text[:20_000]).notes) == 1
