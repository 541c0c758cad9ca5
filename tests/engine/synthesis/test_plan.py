"""Which tracks are sung, on which words, and what the user is told."""

from dataclasses import replace

import pytest

from engine import (
    LyricError,
    Mode,
    PerformanceSettings,
    Score,
    ScoreError,
    SettingsError,
    Track,
    WordSettings,
    parse_lyric_text,
    plan_score,
    plan_text,
)
from engine.score import Note, TempoMap
from engine.synthesis.labels import write_labels
from engine.synthesis.plan import TAIL_S

SETTINGS = PerformanceSettings()
TUNE = [(2 + i, 1, 60 + i % 5, None) for i in range(6)]


def texts(planned):
    return [" ".join(s.text for s in note.syllables) for note in planned.syllables.notes]


def with_tracks(*tracks: Track) -> Score:
    return Score("both", 480, tracks, TempoMap(480))


@pytest.fixture
def plan(starter):
    def make(score, **more):
        settings = more.pop("settings", SETTINGS)
        return plan_score(score, starter.card, settings, **more)

    return make


def test_words_are_laid_over_the_notes(plan, song):
    planned = plan(song(TUNE), text=parse_lyric_text("stay with me tonight my")).tracks[0]
    assert texts(planned) == ["stay", "with", "me", "to", "night", "my"]


def test_words_replace_those_in_the_score(plan, song):
    score = song([(beat, n, p, "old") for beat, n, p, _ in TUNE])
    assert texts(plan(score, text=parse_lyric_text("a b c d e f")).tracks[0]) == list("abcdef")


@pytest.mark.parametrize(
    ("words", "expected", "said"),
    [
        ("one two three four five six seven", "one two three four five six", "left out from"),
        ("one two", "one two la la la la", "sing 'la'"),
        ("", "la la la la la la", "sing"),
    ],
)
def test_too_many_or_too_few_words_are_sung_and_said(plan, song, words, expected, said):
    planned = plan(song(TUNE), text=parse_lyric_text(words)).tracks[0]
    assert texts(planned) == expected.split()
    assert any(said in warning for warning in planned.warnings)


def test_lines_with_times_are_laid_at_their_times(plan, song):
    text = parse_lyric_text("[00:01.00] one two\n[00:03.00] five six")
    assert texts(plan(song(TUNE), text=text).tracks[0])[:2] == ["one", "two"]
    assert texts(plan(song(TUNE), text=text).tracks[0])[4:] == ["five", "six"]


def test_no_words_at_all_sing_the_filler(plan, song):
    planned = plan(song(TUNE), words=WordSettings(filler="doo")).tracks[0]
    assert texts(planned) == ["doo"] * 6
    assert any("every note sings 'doo'" in warning for warning in planned.warnings)


def test_tracks_with_words_are_sung_and_the_others_named(plan, song):
    voice, piano = song([(2, 1, 60, "la")], name="voice").tracks[0], song(TUNE, name="piano").tracks[0]
    drums = song(TUNE, name="drums", is_drums=True).tracks[0]
    made = plan(with_tracks(piano, voice, drums))
    assert [t.name for t in made.tracks] == ["voice"]
    assert any('"piano"' in w and '"drums"' in w for w in made.warnings)
    assert [t.name for t in plan(with_tracks(piano, drums)).tracks] == ["piano"]


def test_given_words_go_to_one_track(plan, song):
    tracks = [song(TUNE, name=name).tracks[0] for name in ("high", "low")]
    made = plan(with_tracks(*tracks), text=parse_lyric_text("a b c d e f"))
    assert [t.name for t in made.tracks] == ["high"]
    assert any("--track" in w and "'low'" in w for w in made.warnings)


def test_tracks_are_chosen_by_name(plan, song):
    tracks = [song(TUNE, name=name).tracks[0] for name in ("high", "low", "bass")]
    assert [t.name for t in plan(with_tracks(*tracks), track_names=("low", "bass")).tracks] == ["low", "bass"]
    with pytest.raises(ScoreError, match="no track named 'lo'. It has: 'high', 'low', 'bass'"):
        plan(with_tracks(*tracks), track_names=("low", "lo"))


def test_chords_become_parts_of_one_line_each_and_share_their_words(plan):
    notes = tuple(
        Note(480 * (2 + i), 480, pitch, lyric=word if pitch == 67 else None)
        for i, word in enumerate(["stay", "with", "me"])
        for pitch in (60, 64, 67)
    )
    made = plan(with_tracks(Track("choir", notes)))
    assert len(made.tracks) == 3 and len({t.name for t in made.tracks}) == 3
    assert all(len(t.track.notes) == 3 for t in made.tracks)
    assert any("choir" in w for t in made.tracks for w in t.warnings)
    words = plan(with_tracks(Track("choir", notes)), text=parse_lyric_text("hold the line"))
    assert [texts(t) for t in words.tracks] == [["hold", "the", "line"]] * 3


def test_all_stems_are_equally_long(plan, song):
    short, long = song([(2, 1, 60, "la")], name="a").tracks[0], song([(40, 1, 60, "la")], name="b").tracks[0]
    made = plan(with_tracks(short, long))
    assert made.seconds == pytest.approx(max(20.5, made.tracks[1].performed.phrases[-1].end_s) + TAIL_S, abs=0.011)
    assert [made.total_samples(rate) for rate in (44_100, 96_000)] == [round(made.seconds * r) for r in (44_100, 96_000)]


@pytest.mark.parametrize(
    ("language", "words"), [("zh", "你好世界"), ("ja", "さくらさくら"), ("ko", "사랑 노래"), ("yue", "nei5 hou2")]
)
def test_other_languages_are_sung_with_an_accent_that_is_announced(plan, song, language, words):
    if language == "zh":
        pytest.importorskip("pypinyin", reason="Mandarin is an extra: pip install 'vocalese[zh]'")
    made = plan(song(TUNE), text=parse_lyric_text(words), words=WordSettings(language=language)).tracks[0]
    assert any(language in warning and "accent" in warning for warning in made.warnings)
    assert {p.language for note in made.syllables.notes for s in note.syllables for p in s.phones} == {"en"}


def test_english_has_no_accent(plan, song):
    assert not plan(song([(2, 1, 60, "love")])).tracks[0].warnings


def test_notes_outside_the_voice_are_said_with_what_to_do(plan, song):
    score = song([(2 + i, 1, 90, "la") for i in range(4)])
    (warning,) = plan(score).tracks[0].warnings
    assert "outside the range" in warning and "--transpose -24" in warning
    assert plan(score, semitones=-24).tracks[0].warnings == ()


def test_transposing_moves_notes_but_not_drums(plan, song):
    tracks = [song([(2, 1, 60, "la")], name="a").tracks[0], song([(2, 1, 38, "la")], name="d", is_drums=True).tracks[0]]
    moved = plan(with_tracks(*tracks), semitones=3, track_names=("a", "d")).tracks
    assert [t.track.notes[0].pitch for t in moved] == [63, 38]
    with pytest.raises(SettingsError, match="0 to 127"):
        plan(song([(2, 1, 120, "la")]), semitones=12)


def test_a_score_without_notes_is_refused(plan):
    with pytest.raises(ScoreError, match="'both' has no notes"):
        plan(with_tracks(Track("empty", ())))


def test_rap_does_not_warn_of_its_range(plan, song):
    score = song([(2 + i, 1, 30, "go") for i in range(4)])
    assert plan(score, settings=replace(SETTINGS, mode=Mode.RAP)).tracks[0].warnings == ()


# ---- talk --------------------------------------------------------------------------------------------------------------


def test_lines_are_spoken_one_after_the_other(starter):
    made = plan_text("Good morning.\nIs anybody there? Yes.", starter.card, SETTINGS, title="lines")
    phrases = made.tracks[0].performed.phrases
    assert len(phrases) == 3
    assert all(b.start_s > a.end_s for a, b in zip(phrases, phrases[1:], strict=False))
    assert made.seconds > phrases[-1].end_s
    assert "".join(m.text for m in phrases[1].lyrics) == "Isanybodythere"


def test_lines_with_times_are_spoken_at_their_times(starter):
    text = parse_lyric_text("[00:02.00] Good morning.\n[00:05.50] Good night.")
    phrases = plan_text(text, starter.card, SETTINGS).tracks[0].performed.phrases
    assert [p.start_s + p.phones[0].end_s for p in phrases] == pytest.approx([2.0, 5.5], abs=0.011)


@pytest.mark.parametrize("text", ["", "   \n \n", "...!?", "[00:01.00]"])
def test_a_text_without_words_is_refused(starter, text):
    with pytest.raises((ScoreError, LyricError)):
        plan_text(text, starter.card, SETTINGS, title="empty")


# ---- labels ------------------------------------------------------------------------------------------------------------


def test_labels_are_on_the_song_s_time_line(plan, song):
    made = plan(song([(2, 1, 60, "see"), (8, 1, 60, "me")]), settings=replace(SETTINGS, breaths=False))
    lines = [line.split() for line in write_labels(made.tracks[0].performed.phrases).decode().splitlines()]
    assert [phone for *_, phone in lines] == ["pau", "s", "iy", "pau", "m", "iy"]
    starts, ends = ([int(line[column]) for line in lines] for column in (0, 1))
    assert starts[0] == 0 and starts[1:] == ends[:-1]
    assert starts[2] == 10_000_000 and starts[5] == 40_000_000  # 100 ns: the vowels are on the beat
