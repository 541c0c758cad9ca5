"""Render plans: choice of tracks, their words, and notices to the user."""

import itertools
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
from engine.performance import SILENCE
from engine.render.labels import write_labels
from engine.render.plan import TAIL_S
from engine.score import Note, TempoMap

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
def test_too_many_or_too_few_words_give_notices(plan, song, words, expected, said):
    planned = plan(song(TUNE), text=parse_lyric_text(words)).tracks[0]
    assert texts(planned) == expected.split()
    assert any(said in warning for warning in planned.warnings)


def test_lines_with_times_are_laid_at_their_times(plan, song):
    text = parse_lyric_text("[00:01.00] one two\n[00:03.00] five six")
    assert texts(plan(song(TUNE), text=text).tracks[0])[:2] == ["one", "two"]
    assert texts(plan(song(TUNE), text=text).tracks[0])[4:] == ["five", "six"]


def test_notes_without_words_sing_the_filler(plan, song):
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
    made = plan(song(TUNE), text=parse_lyric_text(words), words=WordSettings(language=language)).tracks[0]
    assert any(language in warning and "accent" in warning for warning in made.warnings)
    assert {p.language for note in made.syllables.notes for s in note.syllables for p in s.phones} == {"en"}


def test_european_words_are_sung_with_an_accent_that_is_announced(plan, song):
    pytest.importorskip("espeakng_loader", reason="European languages are an extra: pip install 'vocalese[languages]'")
    made = plan(song([(2, 1, 60, "schö-"), (3, 1, 62, "ne"), (4, 2, 64, "Nacht")]), words=WordSettings(language="de")).tracks[0]
    assert [" ".join(p.symbol for s in note.syllables for p in s.phones) for note in made.syllables.notes] == [
        "SH ER", "N AH", "N AA K T",
    ]  # fmt: skip
    assert [warning for warning in made.warnings if "German" in warning and "accent" in warning]


def test_the_language_asked_for_comes_before_the_score_s(plan):
    track = Track("v", (Note(0, 480, 60.0, lyric="ni"), Note(480, 480, 62.0, lyric="hao")), language="zh")
    made = {code: plan(with_tracks(track), words=WordSettings(language=code)).tracks[0] for code in (None, "en", "ja")}
    assert [made[code].syllables.language for code in (None, "en", "ja")] == ["zh", "en", "ja"]
    laid = plan(with_tracks(track), text=parse_lyric_text("rose"), words=WordSettings(language="ja")).tracks[0]
    assert [note.syllables[0].vowel.symbol for note in laid.syllables.notes] == ["OW", "EH"]


def test_english_has_no_accent(plan, song):
    assert not plan(song([(2, 1, 60, "love")])).tracks[0].warnings


def test_notes_outside_the_range_give_a_notice(plan, song):
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
    assert all(b.start_s > a.end_s for a, b in itertools.pairwise(phrases))
    assert made.seconds > phrases[-1].end_s
    assert "".join(m.text for m in phrases[1].lyrics) == "Isanybodythere"


def test_a_voice_that_reads_text_gets_the_figures_of_its_own_front_end(starter):
    text = "It costs $3.50 at -5 degrees."

    def words(card):
        (track,) = plan_text(text, card, PerformanceSettings()).tracks
        return " ".join(word[0].word for phrase in track.performed.phrases for word in phrase.utterance.words)

    said = words(replace(starter.card, kind="gpt-sovits"))
    assert said == "It costs three dollars and fifty cents at negative five degrees"


def test_lines_with_times_are_spoken_at_their_times(starter):
    text = parse_lyric_text("[00:02.00] Good morning.\n[00:05.50] Good night.")
    phrases = plan_text(text, starter.card, SETTINGS).tracks[0].performed.phrases
    assert [p.start_s + p.phones[0].end_s for p in phrases] == pytest.approx([2.0, 5.5], abs=0.011)


LONG = "We counted every lantern hanging over the harbour wall that winter"


def sounding(plan):
    """Start and end of each spoken line, without the silence around it."""
    for phrase in plan.tracks[0].performed.phrases:
        spans = [phone for phone in phrase.phones if phone.symbol != SILENCE]
        yield phrase.start_s + spans[0].start_s, phrase.start_s + spans[-1].end_s


def labels_in_order(plan):
    lines = [line.split() for line in write_labels(plan.tracks[0].performed.phrases).decode().splitlines()]
    spans = [(int(start), int(end)) for start, end, _ in lines]
    return all(start < end for start, end in spans) and all(a[1] <= b[0] for a, b in itertools.pairwise(spans))


def lrc(*lines):
    return parse_lyric_text("\n".join(f"[{int(at_s // 60):02}:{at_s % 60:05.2f}]{words}" for at_s, words in lines))


def test_a_line_that_fits_is_left_alone(starter):
    alone = plan_text(lrc((1.0, LONG)), starter.card, SETTINGS).tracks[0].performed.phrases[0]
    made = plan_text(lrc((1.0, LONG), (9.0, "and then we left")), starter.card, SETTINGS)
    assert made.tracks[0].performed.phrases[0].hash == alone.hash and made.tracks[0].warnings == ()


def test_a_slightly_long_line_is_spoken_faster_with_a_notice(starter):
    ((_, natural_s),) = sounding(plan_text(lrc((1.0, LONG)), starter.card, SETTINGS))
    next_s = round(1.0 + (natural_s - 1.0) / 1.2, 2)
    made = plan_text(lrc((1.0, LONG), (next_s, "and then we left")), starter.card, SETTINGS)
    (start_s, end_s), (second_s, _) = sounding(made)
    assert start_s == pytest.approx(1.0, abs=1e-6) and second_s == pytest.approx(next_s, abs=1e-6)
    assert end_s <= second_s and end_s - start_s == pytest.approx((natural_s - 1.0) / 1.205, rel=0.02)
    (said,) = made.tracks[0].warnings
    assert "The line at 1.0 s is spoken 1.2" in said and f"the next one at {next_s:.1f} s" in said
    assert labels_in_order(made)


def test_a_much_too_long_line_is_sped_up_and_the_next_one_moved(starter):
    made = plan_text(lrc((1.0, LONG), (2.0, "and then we left"), (9.0, "goodbye")), starter.card, SETTINGS)
    spans = list(sounding(made))
    natural = next(iter(sounding(plan_text(lrc((1.0, LONG)), starter.card, SETTINGS))))
    assert all(a[1] <= b[0] + 0.0011 for a, b in itertools.pairwise(spans))
    assert spans[0][1] - spans[0][0] == pytest.approx((natural[1] - natural[0]) / 1.35, rel=0.02)
    assert spans[1][0] - spans[0][1] < 0.02 and spans[2][0] == pytest.approx(9.0, abs=1e-6)
    faster, later = made.tracks[0].warnings
    assert "spoken 1.35 times as fast" in faster
    assert f"The line at 2.0 s begins {spans[1][0] - 2.0:.2f} s later" in later
    assert labels_in_order(made) and made.seconds > spans[2][1]


def test_crowded_lines_keep_their_order_and_all_are_spoken(starter):
    made = plan_text(lrc(*((1.0 + 0.1 * number, LONG) for number in range(5))), starter.card, SETTINGS)
    spans = list(sounding(made))
    assert len(spans) == 5 and all(a[1] <= b[0] + 0.0011 for a, b in itertools.pairwise(spans))
    assert labels_in_order(made)


def test_a_too_dense_song_gives_few_notices(starter):
    made = plan_text(lrc(*((1.0 + 0.5 * number, LONG) for number in range(20))), starter.card, SETTINGS)
    assert len(list(sounding(made))) == 20 and len(made.tracks[0].warnings) == 12
    assert sum("14 more lines" in warning for warning in made.tracks[0].warnings) == 2


def test_a_line_of_several_sentences_is_sped_up_as_a_whole(starter):
    made = plan_text(lrc((1.0, "Good morning. Is anybody there? Yes."), (3.5, "fine")), starter.card, SETTINGS)
    spans = list(sounding(made))
    assert len(spans) == 4 and all(a[1] <= b[0] + 0.0011 for a, b in itertools.pairwise(spans))


def test_speech_is_never_faster_than_the_settings_allow(starter):
    made = plan_text(lrc((1.0, LONG), (1.5, "go")), starter.card, replace(SETTINGS, speech_rate=2.5))
    assert not any("as fast" in warning for warning in made.tracks[0].warnings)
    assert any("begins" in warning for warning in made.tracks[0].warnings)


def test_talk_over_short_notes_is_moved_with_a_notice(plan, song):
    crowded = song([(2, 0.25, 60, "antidisestablishmentarianism"), (2.8, 0.25, 60, "incomprehensibilities"), (9, 1, 60, "go")])
    made = plan(crowded, settings=replace(SETTINGS, mode=Mode.TALK))
    spans = list(sounding(made))
    assert len(spans) == 3 and all(a[1] <= b[0] + 0.0011 for a, b in itertools.pairwise(spans))
    assert spans[2][0] == pytest.approx(4.5, abs=1e-6)
    assert any("begins" in warning for warning in made.tracks[0].warnings) and labels_in_order(made)


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
