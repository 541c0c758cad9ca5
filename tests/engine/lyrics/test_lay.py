"""Words onto notes: every mark, every mishap."""

from __future__ import annotations

import random
import time

import pytest

from engine.lyrics import Leftover, NoteKind, SyllableTrack, UserDictionary, lay_lyrics, lay_text
from engine.score.types import Note, Track

BEAT = 480


def track(*lyrics: str | None, gaps: dict[int, int] | None = None, language: str | None = None) -> Track:
    """Quarter notes; `gaps[i]` ticks of silence before note i."""
    notes, onset = [], 0
    for i, lyric in enumerate(lyrics):
        onset += (gaps or {}).get(i, 0)
        notes.append(Note(onset, BEAT, 60.0, lyric=lyric))
        onset += BEAT
    return Track("voice", tuple(notes), language=language)


def sung(laid: SyllableTrack) -> list[str]:
    """One text per note: the pieces of spelling joined by |, or the kind."""
    return ["|".join(s.text for s in n.syllables) or n.kind.value for n in laid.notes]


MARKS = [
    (["beautiful", None, None], ["beau", "ti", "ful"]),
    (["beautiful", None, None, None], ["beau", "ti", "ful", "hold"]),
    (["beautiful", None], ["beau", "ti|ful"]),
    (["beautiful"], ["beau|ti|ful"]),
    (["beautiful", "+", "+"], ["beau", "ti", "ful"]),
    (["beautiful", "+", "-", "+"], ["beau", "ti", "hold", "ful"]),
    (["beautiful", "+", "+", "+"], ["beau", "ti", "ful", "hold"]),
    (["beautiful", "+3"], ["beau|ti", "ful"]),
    (["beautiful", "+2", "+2"], ["beau", "ti", "ti|ful"]),
    (["beautiful", "-", None, None], ["beau", "hold", "ti", "ful"]),
    (["a-", "ma-", "zing"], ["a", "ma", "zing"]),
    (["a-", "-", "ma-", "zing"], ["a", "hold", "ma", "zing"]),
    (["a-", "mazing"], ["a", "ma|zing"]),
    (["a-", "mazing", "+"], ["a", "ma", "zing"]),
    (["ho", "-ly"], ["ho", "ly"]),
    (["lo-", "o-", "ove"], ["lo", "o", "ove"]),
    (["la-", "la-", "la"], ["la", "la", "la"]),
    (["ev-", "ery"], ["eve", "ry"]),
    (["ev-", "er-", "y"], ["e", "ver", "y"]),
    (["in-", "credible"], ["in", "cre|di|ble"]),
    (["you and", "me"], ["you|and", "me"]),
    (["shine on me", None, None], ["shine", "on", "me"]),
    (["shining on", None, None], ["shi", "ning", "on"]),
    (["we are the cham-", "pions"], ["we|are|the|cham", "pions"]),
    (["love", "-", "-"], ["love", "hold", "hold"]),
    (["love", "+~", "ー", "—"], ["love", "hold", "hold", "hold"]),
    (["love", "_"], ["love", "hold"]),
    (["love", "AP", "br", "R", "SP", "me"], ["love", "breath", "breath", "rest", "rest", "me"]),
    (["love", "AP", None], ["love", "breath", "la"]),
    (["love[l ah v]", "[M IY1]"], ["love", "m iy1"]),
    (["(Love)", '"me"', "do!?"], ["Love", "me", "do"]),
    (["hi 😀", "😀"], ["hi", "la"]),
    ([None, None], ["la", "la"]),
    (["", " "], ["la", "la"]),
    (["-", "me"], ["la", "me"]),
    (["+", "me"], ["la", "me"]),
]


@pytest.mark.parametrize(("lyrics", "expected"), MARKS)
def test_marks(lyrics: list[str | None], expected: list[str]) -> None:
    assert sung(lay_lyrics(track(*lyrics))) == expected


def test_pieces_belong_to_one_word() -> None:
    syllables = [note.syllables[0] for note in lay_lyrics(track("a-", "way")).notes]
    assert [(s.word, s.is_word_start, s.is_word_end) for s in syllables] == [("away", True, False), ("away", False, True)]
    assert [p.symbol for p in syllables[0].phones] == ["AH"]


def test_hints_set_the_phones_and_wrong_ones_are_reported() -> None:
    laid = lay_lyrics(track("hello[HH EH1 L OW0]", "+", "x[qq]"))
    assert [str(p) for n in laid.notes[:2] for s in n.syllables for p in s.phones] == ["en/HH", "en/EH", "en/L", "en/OW"]
    assert laid.notes[2].syllables and "'qq' is not an ARPAbet phone" in laid.notices[0]


def test_glottal_onset_but_not_for_words_with_an_apostrophe() -> None:
    laid = lay_lyrics(track("'apple", "'cause", "'til", "'em", "'love'"))
    assert [n.syllables[0].glottal_onset for n in laid.notes] == [True, False, False, False, False]


def test_gaps_end_unwritten_holds() -> None:
    assert sung(lay_lyrics(track("love", None, gaps={1: BEAT // 2}))) == ["love", "la"]
    assert sung(lay_lyrics(track("lovely", None, gaps={1: BEAT // 2}))) == ["love", "ly"]
    assert sung(lay_lyrics(track("lovely", None, gaps={1: 2 * BEAT}))) == ["love|ly", "la"]
    assert sung(lay_lyrics(track("love", None, gaps={1: 12}))) == ["love", "hold"]


def test_a_hold_behind_a_silence_sings_its_vowel_again() -> None:
    laid = lay_lyrics(track("love", "-", gaps={1: 2 * BEAT}))
    assert laid.notes[1].kind is NoteKind.SING and [p.symbol for p in laid.notes[1].syllables[0].phones] == ["AH"]


def test_unwritten_melismas_are_limited() -> None:
    kinds = [note.kind for note in lay_lyrics(track("love", *[None] * 20)).notes]
    assert kinds.count(NoteKind.HOLD) == 8


def test_a_chord_sings_one_word() -> None:
    notes = tuple(
        Note(onset, BEAT, pitch, lyric=lyric)
        for onset, pitch, lyric in ((0, 60.0, "lovely"), (0, 64.0, None), (BEAT, 60.0, None))
    )
    assert sung(lay_lyrics(Track("choir", notes))) == ["love", "love", "ly"]


def test_no_words_give_one_notice_and_any_filler() -> None:
    laid = lay_lyrics(track(None, None, None), filler="doo")
    assert sung(laid) == ["doo"] * 3 and laid.notices == ("There are no words; every note sings 'doo'.",)
    assert sung(lay_lyrics(track(None), filler="😀")) == ["la"]


def test_own_dictionary_comes_first() -> None:
    own = UserDictionary({"vocalese": ("V", "OW1", "K", "AH0", "L", "IY2", "Z"), "love": ("L", "UW1", "V")})
    laid = lay_lyrics(track("Love", "Vocalese"), dictionary=own)
    assert laid.notes[0].syllables[0].vowel.symbol == "UW" and len(laid.notes[1].syllables) == 3 and not laid.notices


def test_unknown_language_falls_back_with_a_notice() -> None:
    laid = lay_lyrics(track("hola", language="xx"))
    assert laid.language == "en" and "no pronunciation rules for 'xx'" in laid.notices[0]


HOSTILE = ["\ud800", "\x00\x07", "😀👩‍👩‍👧", "!!!", "שלום", "مرحبا", "привет", "🇺🇳", "[", "]", "[]", "a[", "+999", "+x", "--", "''", "'", "-'-",
           "\u202eabc", "\ufeff", "ﬁ", "½", "ⅷ", "%", "$", "@", "&", "<b>", "a\u0300\u0301\u0302", "-" * 999, "[" * 999, "+" * 99]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_gives_a_lyric_for_each_note(text: str) -> None:
    laid = lay_lyrics(track("love", text, "me"))
    assert len(laid.notes) == 3 and all(note.syllables or note.kind is not NoteKind.SING for note in laid.notes)
    assert all(notice.isprintable() for notice in laid.notices)


def test_notices_are_bounded() -> None:
    laid = lay_lyrics(track(*(f"ы{chr(0x430 + i % 32)}{i}😀" for i in range(300))))
    assert len(laid.notices) <= 26


@pytest.mark.parametrize(
    "text",
    ["a" * 1_000_000, "b c " * 250_000, "a-" * 500_000, "'" * 1_000_000, "[a " * 300_000, "a[b" * 300_000, "\n" * 1_000_000],
)
def test_a_megabyte_on_a_note_is_quick(text: str) -> None:
    start = time.process_time()
    laid = lay_lyrics(track(text, None, "me"))
    assert len(laid.notes) == 3 and time.process_time() - start < 30  # quadratic work would take minutes


@pytest.mark.parametrize("lyric", ["la", "a-", "+", "-", "+2", None, "AP", "beautiful day"])
@pytest.mark.slow
def test_many_notes_take_linear_time(lyric: str | None) -> None:
    start = time.process_time()
    lay_lyrics(track("beautiful", *[lyric] * 20_000))
    assert time.process_time() - start < 60  # quadratic work would take many minutes


def test_random_marks_never_fail() -> None:
    chooser = random.Random(7)
    pieces = [
        "love",
        "a-",
        "-ly",
        "+",
        "+2",
        "+9",
        "-",
        "AP",
        "R",
        None,
        "",
        "beautiful",
        "x[aa]",
        "[zz]",
        "😀",
        "you and me",
        "'oh",
    ]
    for _ in range(300):
        lyrics = [chooser.choice(pieces) for _ in range(chooser.randint(0, 12))]
        gaps = {i: chooser.choice([0, 0, 30, 300, 3000]) for i in range(12)}
        laid = lay_lyrics(track(*lyrics, gaps=gaps))
        assert len(laid.notes) == len(lyrics)
        assert all(bool(note.syllables) == (note.kind is NoteKind.SING) for note in laid.notes)


def lyrics_of(laid: Track) -> list[str | None]:
    return [note.lyric for note in laid.notes]


def test_text_over_notes() -> None:
    laid, notices = lay_text(track(*[None] * 9), "Beautiful day,\nshine - on + AP me")
    assert lyrics_of(laid) == ["Beautiful", "+", "+", "day", "shine", "-", "on", "+", "AP"]
    assert notices == ("The words have more syllables than the 9 notes; left out from 'me' on.",)
    assert sung(lay_lyrics(laid))[:4] == ["Beau", "ti", "ful", "day"]


@pytest.mark.parametrize(
    ("leftover", "expected", "said"),
    [
        (Leftover.AUTO, ["so", "oo", "oo", "oo", "oo"], "sing 'oo'"),
        (Leftover.HOLD, ["so", "-", "-", "oo", "oo"], "hold or sing 'oo'"),
        (Leftover.REST, ["so", "R", "R", "R", "R"], "are silent"),
        (Leftover.FILL, ["so", "oo", "oo", "oo", "oo"], "sing 'oo'"),
    ],
)
def test_notes_left_over_hold_rest_or_sing_the_filler(leftover: Leftover, expected: list[str], said: str) -> None:
    laid, notices = lay_text(track("old", "words", "here", None, None, gaps={3: BEAT}), "so", filler="oo", leftover=leftover)
    assert lyrics_of(laid) == expected and notices == (f"The words have 1 syllables for 5 notes; the last 4 {said}.",)


LINES = "keep the light\nburn on\nhome we go"


def test_each_line_has_a_phrase_of_its_own_where_there_are_rests() -> None:
    laid, _ = lay_text(track(*[None] * 12, gaps={4: BEAT, 8: BEAT}), LINES)
    assert lyrics_of(laid) == ["keep", "the", "light", "-", "burn", "on", "-", "-", "home", "we", "go", "-"]
    short, _ = lay_text(track(*[None] * 12, gaps={4: BEAT // 4, 8: BEAT // 4}), LINES)
    assert lyrics_of(short)[:8] == ["keep", "the", "light", "burn", "on", "home", "we", "go"]  # breaks too short for phrases


def test_a_line_with_too_many_words_shifts_no_other() -> None:
    laid, notices = lay_text(track(*[None] * 10, gaps={2: BEAT, 6: BEAT}), LINES)
    assert lyrics_of(laid) == ["keep", "the light", "burn", "on", "-", "-", "home", "we", "go", "-"]
    assert "'keep the light' has 3 syllables for 2 notes" in notices[0]


def test_a_line_may_have_several_phrases_and_a_phrase_several_lines() -> None:
    several, _ = lay_text(track(*[None] * 10, gaps={2: BEAT, 4: BEAT, 6: BEAT}), "keep the light\nhome we all go on")
    assert lyrics_of(several) == ["keep", "the", "light", "-", "home", "we", "all", "go", "on", "-"]
    joined, _ = lay_text(track(*[None] * 9, gaps={5: BEAT}), LINES)
    assert lyrics_of(joined) == ["keep", "the", "light", "burn", "on", "home", "we", "go", "-"]


def test_lines_that_fit_the_notes_exactly_are_laid_in_a_row() -> None:
    laid, notices = lay_text(track(*[None] * 8, gaps={2: BEAT, 6: BEAT}), LINES)
    assert lyrics_of(laid) == ["keep", "the", "light", "burn", "on", "home", "we", "go"] and not notices


def test_many_lines_over_many_phrases_take_bounded_time() -> None:
    start = time.process_time()
    notes = track(*[None] * 4000, gaps=dict.fromkeys(range(0, 4000, 4), BEAT))
    laid, _ = lay_text(notes, "la la la\n" * 900)
    assert len(laid.notes) == 4000 and time.process_time() - start < 30


def test_text_with_marks_comes_back_as_written() -> None:
    text = "a- way love[L AH V] +2 'oh - R -ly"
    laid, _ = lay_text(track(*[None] * 8), text)
    assert lyrics_of(laid) == ["a-", "way", "love[L AH V]", "+2", "'oh", "-", "R", "-ly"]


@pytest.mark.parametrize("text", ["", "😀", "x " * 200_000, "\ud800"])
def test_any_text_over_any_track(text: str) -> None:
    for notes in (track(), track(None), track(*[None] * 5)):
        laid, _ = lay_text(notes, text)
        assert len(laid.notes) == len(notes.notes)
