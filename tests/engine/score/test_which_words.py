"""Choice of the events that are words, the notes that are a part, and the track for words from outside."""

import pytest
from smf_bytes import joined, mtrk, name, off, on, smf, sung, text

from engine.score import Note, Score, TempoMap, Track, choose_for_words
from engine.score.cues import is_cue
from engine.score.formats.midi import read_midi


def read(*tracks):
    return read_midi(smf(*tracks), title="t")


def words(track):
    return [note.lyric for note in track.notes if note.lyric]


def by_name(score):
    return {track.name: words(track) for track in score.tracks}


@pytest.mark.parametrize("cues", [4, 12, 200])
@pytest.mark.parametrize("cue", ["[cue]", "light", "[lighting on]", "(music)", "stage left"])
def test_few_lyric_events_outrank_many_text_events(cues, cue):
    show = mtrk(name("Show"), sung(*[cue] * cues, kind=1, key=50))
    score = read(mtrk(name("Lead Vox"), sung("keep", "the")), show)
    assert by_name(score) == {"Lead Vox": ["keep", "the"], "Show": []}


def test_lyric_events_outrank_text_events_on_their_own_track():
    both = joined(
        sung("keep", "the"), *[joined(text(0, f"{n}", kind=1), on(0, 60), off(480, 60)) for n in ("one", "two", "six", "ten")]
    )
    assert by_name(read(mtrk(name("Vox"), both))) == {"Vox": ["keep", "the"]}


@pytest.mark.parametrize("early", [1, 100, 400])
def test_early_lyric_events_outrank_text_events(early):
    lyric = [text(480 - early if n == 0 else 480, w) for n, w in enumerate(("keep", "the", "lan-", "terns"))]
    notes = joined(on(480, 60), off(480, 60), *[joined(on(0, 60), off(480, 60)) for _ in range(3)])
    show = mtrk(name("Show"), *[joined(text(0, "go", kind=1), on(0, 40), off(240, 40)) for _ in range(9)])
    score = read(mtrk(*lyric), mtrk(name("Vox"), notes), show)
    assert not any("go" in words for words in by_name(score).values())


def test_karaoke_lines_outrank_other_texts():
    words = mtrk(name("Words"), sung("\\keep", " the", "/lan", "terns", kind=1))
    show = mtrk(name("Show"), sung(*["go"] * 30, kind=1, key=40))
    assert by_name(read(show, words)) == {"Words": ["keep", "the", "lan-", "terns"], "Show": []}


def test_a_credit_as_the_only_lyric_is_no_word():
    score = read(
        mtrk(text(0, "by nobody")), mtrk(name("Vox"), on(9600, 60), off(480, 60), sung("keep", "the", "old", "song", kind=1))
    )
    assert by_name(score)["Vox"] == ["keep", "the", "old", "song"]


def test_a_stray_lyric_does_not_outrank_marked_karaoke():
    lines = [f"{'/' if n % 4 == 0 else ' '}la" for n in range(40)]
    score = read(mtrk(name("Melody"), text(0, "(c) nobody"), sung(*lines, kind=1)))
    assert len(by_name(score)["Melody"]) == 40


@pytest.mark.parametrize("kind", [1, 5])
@pytest.mark.parametrize(
    "cue",
    [
        "[verse]",
        "[lighting on]",
        "(music)",
        "(Instrumental)",
        "[Verse 1]",
        "<solo>",
        "{guitar solo}",
        "[on]",
        "【間奏】",
        "(x2)",
    ],
)
def test_cues_are_no_words(cue, kind):
    score = read(mtrk(name("Vox"), sung("\\keep", "/the", cue, " lan", "terns", kind=kind)))
    assert [note.lyric for note in score.tracks[0].notes] == ["keep", "the", None, "lan-", "terns"]
    assert kind == 1 or any(cue in notice for notice in score.notices)


@pytest.mark.parametrize(
    "word",
    [
        "[w er d]",
        "word[w er d]",
        "(ooh",
        "(oh)",
        "yeah)",
        "[sh ang]",
        "solo",
        "music",
        "[hh ah0]",
        "[ow]",
        "(la la)",
        "(hey!)",
        "♪",
    ],
)
def test_words_in_brackets_are_no_cues(word):
    assert not is_cue(word)


@pytest.mark.parametrize("part", ["verse", "Chorus 2", "Intro", "GUITAR SOLO"])
def test_section_names_in_text_events_are_no_words(part):
    score = read(mtrk(name("Band"), sung(*[part] * 6, kind=1)))
    assert by_name(score) == {"Band": []}


@pytest.mark.parametrize("word", ["bridge", "end", "solo", "music", "break"])
def test_words_that_are_names_of_sections_too(word):
    score = read(mtrk(name("Vox"), sung("\\on", " the", f"/{word}", " we", " meet", kind=1)))
    assert words(score.tracks[0])[2] == word
    score = read(mtrk(name("Vox"), sung("on", "the", word, "we", "meet", kind=1)))
    assert words(score.tracks[0])[2] == word


def phrase(marker, *keys):
    """A marker held over a phrase of quarter notes."""
    strokes = [joined(text(0, f"w{number}"), on(0, key), off(480, key)) for number, key in enumerate(keys)]
    return joined(on(0, marker), *strokes, off(0, marker))


@pytest.mark.parametrize("marker", [96, 97, 105, 106, 116, 127, 0, 1, 12])
def test_notes_far_outside_a_voice_are_markers(marker):
    score = read(mtrk(name("PART VOCALS"), phrase(marker, 60, 62, 64), phrase(marker, 65, 67, 65)))
    (track,) = score.tracks
    assert [note.pitch for note in track.notes] == [60, 62, 64, 65, 67, 65]
    assert words(track) == ["w0", "w1", "w2"] * 2
    assert any("2 notes" in notice and "marker" in notice for notice in score.notices)


def test_a_marker_that_spans_a_phrase_of_words_may_lie_near_a_high_voice():
    score = read(mtrk(name("Vox"), phrase(96, 84, 86, 88), phrase(97, 90, 91, 88)))
    assert [note.pitch for note in score.tracks[0].notes] == [84, 86, 88, 90, 91, 88]


def test_markers_on_a_track_or_channel_of_their_own_are_no_part():
    markers = mtrk(name("Phrases"), on(0, 105), off(1440, 105))
    events = joined(on(0, 105, channel=3), sung("a", "b"), off(0, 105, 3))
    score = read(markers, mtrk(name("Vox"), events))
    assert [(track.name, len(track.notes)) for track in score.tracks] == [("Vox", 2)]


def test_high_and_low_notes_of_instruments_stay():
    scale = [joined(on(0, key), off(240, key)) for key in (72, 79, 84, 91, 96, 100, 103)]
    pedal = joined(on(0, 21), off(240, 21), on(0, 28), off(240, 28), on(0, 36), off(240, 36))
    score = read(mtrk(name("Piccolo"), *scale), mtrk(name("Piano"), pedal))
    assert [len(track.notes) for track in score.tracks] == [7, 3]
    assert not any("marker" in notice for notice in score.notices)
    assert len(read(mtrk(name("Bells"), on(0, 108), off(9, 108))).tracks) == 1  # all there is
    drums = mtrk(on(0, 105, channel=9), off(9, 105, 9), on(0, 38, channel=9), off(9, 38, 9))
    assert len(read(mtrk(sung("a")), drums).tracks[1].notes) == 2


def test_a_high_note_with_a_word_of_its_own_is_sung():
    score = read(mtrk(name("Vox"), sung("up"), sung("high", key=98), sung("down")))
    assert words(score.tracks[0]) == ["up", "high", "down"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["keep#", "it^", "low*"], ["keep", "it", "low"]),  # spoken and unpitched syllables
        (["bur-", "+", "ning"], ["bur-", "-", "ning"]),  # a slide
        (["well=", "known"], ["well-", "known"]),  # a written hyphen
        (["Lan-#", "terns#"], ["Lan-", "terns"]),
        (["terns+", "burn+#"], ["terns", "burn"]),  # a slide on the note of the word
    ],
)
def test_marks_of_rhythm_games(written, expected):
    (track,) = read(mtrk(name("PART VOCALS"), sung(*written))).tracks
    assert [note.lyric for note in track.notes] == expected


# --- Words from outside ---


def track(name, *, chords=False, key=60, drums=False):
    notes = [Note(480 * n, 480, key + n % 3) for n in range(8)]
    if chords:
        notes = [Note(note.onset_ticks, 480, note.pitch + step) for note in notes for step in (0, 4, 7)]
    return Track(name, tuple(notes), is_drums=drums)


def chosen(*tracks):
    found, notice = choose_for_words(Score("t", 480, tracks, TempoMap(480)).tracks)
    assert f"'{found.name}'" in notice or len(tracks) == 1
    return found.name


PIANO, FLUTE, BASS = track("Piano", chords=True), track("Flute", key=72), track("Bass", key=36)


@pytest.mark.parametrize(
    "voice",
    "Lead Vox|Vocal|VOCALS|Lead|Melody|Voice|Gesang|Chant|Canto|Voz|Singer|Main Vox 2|Mélodie|Melodie|Stimme|歌|メロディ|ボーカル|보컬".split(
        "|"
    ),
)
def test_a_voice_is_known_by_its_name(voice):
    assert chosen(PIANO, FLUTE, track(voice), BASS) == voice


def test_without_a_name_the_first_single_line_in_a_voices_range_gets_the_words():
    assert chosen(PIANO, BASS, FLUTE) == "Flute"
    assert chosen(PIANO) == "Piano"
    assert chosen(track("Kit", drums=True), PIANO) == "Piano"


@pytest.mark.parametrize(
    "other", ["Lead Guitar", "Synth Lead", "Lead synth", "Backing Vox", "BGV", "Vocal Harmony", "Voice pad"]
)
def test_instruments_and_backing_voices_come_second(other):
    assert chosen(track(other), track("Lead Vox")) == "Lead Vox"


def test_the_lead_comes_before_other_voices():
    assert chosen(track("Choir", chords=True), track("Vox 2"), track("Lead Vox")) == "Lead Vox"
    assert chosen(track("Lead Guitar", chords=True), track("Alto")) == "Alto"


def test_words_on_a_track_of_their_own_go_to_the_voice_of_a_doubled_tune():
    lyrics = mtrk(name("Words"), *[text(480 if n else 0, "la") for n in range(4)])
    tune = [None] * 4
    guitar, vox = mtrk(name("Lead Guitar"), sung(*tune)), mtrk(name("Gesang"), sung(*tune))
    assert by_name(read(lyrics, guitar, vox))["Gesang"] == ["la"] * 4
