"""DiffSinger scripts: what DiffSinger's inference demands of every segment, and that our own reader finds the same song in them."""

import json
import re
import tempfile
from pathlib import Path

import pytest

from engine import (
    PerformanceSettings,
    Score,
    ScoreError,
    Track,
    WordSettings,
    diffsinger_parts,
    plan_score,
    read_score,
    write_diffsinger,
    write_score,
)
from engine.lyrics import lay_lyrics
from engine.render.script import in_whole_words, spelled_out
from engine.score import BREATH_MARKS, HOLD, Note, TempoChange, TempoMap
from engine.score import write_score as write_notation
from engine.score.formats.ds_parts import read_ds_parts

FIELDS = "ph_seq ph_dur ph_num note_seq note_dur note_slur f0_seq".split()
SONG = [
    (2, 1, 57, "stay"), (3, 1, 60, "with"), (4, 2, 64, "me"), (8, 1, 62, "lantern"), (9, 1, 60, "+"), (10, 1, 67, "strength"),
    (11, 1, 65, "-"), (12, 0.5, 64, "-"), (16, 1, 52, "ooh"), (17, 0.98, 59, "my"), (18, 1, 57, "a-"), (19, 4, 55, "way"),
]  # fmt: skip


def segments_of(score, **words):
    parts, _ = diffsinger_parts(score, WordSettings(**words))
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "song.ds"
        write_diffsinger(parts, script)
        return json.loads(script.read_bytes())


def assert_diffsinger_takes(segment):
    """The conditions under which `ds_acoustic` and `ds_variance` of OpenVPI's DiffSinger run."""
    lists = {name: segment[name].split() for name in FIELDS}
    assert isinstance(segment["offset"], float) and segment["offset"] >= 0
    assert len(lists["ph_seq"]) == len(lists["ph_dur"]) == sum(map(int, lists["ph_num"]))
    assert all(int(count) >= 1 for count in lists["ph_num"])
    assert len(lists["note_seq"]) == len(lists["note_dur"]) == len(lists["note_slur"])
    assert len(lists["ph_num"]) == lists["note_slur"].count("0") and lists["note_slur"][0] == "0"
    assert len(segment["text"].split()) == len(lists["ph_num"])
    seconds = sum(map(float, lists["note_dur"]))
    assert sum(map(float, lists["ph_dur"])) == pytest.approx(seconds, abs=1e-5)
    assert all(float(value) > 0 for name in ("ph_dur", "note_dur", "f0_seq") for value in lists[name])
    step = float(segment["f0_timestep"])
    assert abs(len(lists["f0_seq"]) * step - seconds) <= step
    notes = [name for name in lists["note_seq"] if name != "rest"]
    assert notes and all(re.fullmatch(r"[A-G]#?-?\d([+-]\d{1,2})?", name) for name in notes), "librosa.note_to_midi reads these"
    assert {"SP", "AP"} & set(lists["ph_seq"])
    assert not any(slur == "1" and name == "rest" for slur, name in zip(lists["note_slur"], lists["note_seq"], strict=True))


def test_every_segment_is_as_diffsinger_wants_it(song):
    segments = segments_of(song(SONG))
    assert len(segments) == 3
    for segment in segments:
        assert_diffsinger_takes(segment)
    ends = [s["offset"] + sum(map(float, s["note_dur"].split())) for s in segments]
    assert all(end <= later["offset"] + 1e-5 for end, later in zip(ends, segments[1:], strict=False))


def test_a_group_begins_with_its_vowel_and_leads_to_the_next(song):
    first = segments_of(song(SONG))[0]
    phones, counts = first["ph_seq"].split(), list(map(int, first["ph_num"].split()))
    groups = []
    for count in counts:
        groups.append(" ".join(phones[:count]))
        phones = phones[count:]
    assert groups == ["SP s t", "ey w", "ih dh m", "iy", "SP"]
    slots = zip(
        first["text"].split(),
        [n for n, s in zip(first["note_seq"].split(), first["note_slur"].split(), strict=True)],
        strict=True,
    )
    assert ("stay", "A3") in list(slots)


def test_vowels_are_on_the_notes(song):
    """The phoneme times are those of the performance: a vowel begins where its note does."""
    for segment in segments_of(song(SONG)):
        vowels, at = [], segment["offset"]
        for symbol, seconds in zip(segment["ph_seq"].split(), map(float, segment["ph_dur"].split()), strict=True):
            if symbol[0] in "aeiou":
                vowels.append(round(at, 4))
            at += seconds
        notes, at = [], segment["offset"]
        rows = zip(
            segment["note_seq"].split(), map(float, segment["note_dur"].split()), segment["note_slur"].split(), strict=True
        )
        for name, seconds, slur in rows:
            if name != "rest" and slur == "0":
                notes.append(round(at, 4))
            at += seconds
        assert vowels == pytest.approx(notes, abs=1e-3)


def test_our_reader_finds_the_same_song(song):
    score = song(SONG)
    read = read_ds_parts(json.dumps(segments_of(score)).encode(), title="song")
    (track,) = read.tracks
    found = [note for note in track.notes if note.lyric not in BREATH_MARKS]
    written = score.tracks[0].notes
    assert [note.pitch for note in found] == [note.pitch for note in written]
    assert [note.lyric for note in found] == [note.lyric for note in written]
    for note, origin in zip(found, written, strict=True):
        assert read.tempo_map.seconds_at(note.onset_ticks) == pytest.approx(
            score.tempo_map.seconds_at(origin.onset_ticks), abs=1e-3
        )
        assert read.tempo_map.seconds_at(note.offset_ticks) == pytest.approx(
            score.tempo_map.seconds_at(origin.offset_ticks), abs=0.012
        )


def test_the_pitch_curve_is_that_of_the_performance(song, starter):
    score = song(SONG)
    first = segments_of(score)[0]
    phrase = plan_score(score, starter.card, PerformanceSettings()).tracks[0].performed.phrases[0]
    curve = [float(value) for value in first["f0_seq"].split()]
    at_s = 2.4 - 0.0  # within "me", 4 quarters at 120 bpm
    index = round((at_s - first["offset"]) / 0.005)
    assert curve[index] == pytest.approx(float(phrase.f0_hz[round((at_s - phrase.start_s) * 100)]), rel=0.003)


def test_all_parts_are_there_and_chords_are_several():
    chord = tuple(Note(480 * beat, 480, pitch, lyric="la") for beat in (2, 3) for pitch in (60, 64))
    solo = (Note(960, 960, 55.0, lyric="low"), Note(3840, 480, 57.5, lyric="end"))
    score = Score("duet", 480, (Track("high", chord), Track("low", solo)), TempoMap(480, (TempoChange(0, 600_000),)))
    segments = segments_of(score)
    for segment in segments:
        assert_diffsinger_takes(segment)
    assert list(dict.fromkeys(segment["part"] for segment in segments)) == ["high", "high (lane 2)", "low"]
    assert "A#3-50" in segments[-1]["note_seq"]
    read = read_ds_parts(json.dumps(segments).encode(), title="duet")
    assert [track.name for track in read.tracks] == ["high", "high (lane 2)", "low"]
    sung = [[note.pitch for note in track.notes if note.lyric not in BREATH_MARKS] for track in read.tracks]
    assert sung == [[64, 64], [60, 60], [55, 57.5]]


@pytest.mark.parametrize(
    ("language", "words", "phonemes"),
    [
        ("zh", "qing1 feng1 zhi1 si4 ye4 yuan2 wo3 liu2", "q ing f eng zh ir s i0 y E y van w o l iu"),
        ("ja", "き み と し ん", "k i m i t o sh i N"),
    ],
)
def test_phonemes_are_those_of_the_language_s_dictionaries(song, language, words, phonemes):
    notes = [(2 + i, 1, 60 + i % 3, word) for i, word in enumerate(words.split())]
    segments = segments_of(song(notes), language=language)
    for segment in segments:
        assert_diffsinger_takes(segment)
    symbols = " ".join(segment["ph_seq"] for segment in segments).split()
    assert [symbol for symbol in symbols if symbol not in ("SP", "AP")] == phonemes.split()


@pytest.mark.parametrize(
    "notes",
    [
        [(0, 1, 60, "strength")],  # no time before the first note
        [(0, 1, 60, "ah")],
        [(0, 0.01, 60, "a"), (0.01, 0.01, 61, "b"), (0.02, 0.01, 62, "c")],
        [(i / 4, 0.25, 60 + i % 5, "strengths") for i in range(40)],
        [(i, 1, 60, HOLD) for i in range(3)],
        [(0, 1, 60, "AP"), (1, 1, 60, "one"), (2, 1, 60, "R"), (3, 1, 60, "two")],
        [(i * 0.5, 0.5, 60, "la") for i in range(200)],
        [(1, 1, 60, "everybody"), (2, 1, 62, "l'a mour")],
    ],
)
def test_odd_lines_are_scripts_too(song, notes):
    for segment in segments_of(song(notes)):
        assert_diffsinger_takes(segment)


def test_a_score_without_notes_is_refused():
    with pytest.raises(ScoreError):
        diffsinger_parts(Score("none", 480, (), TempoMap(480)))


def test_plus_signs_become_the_syllables_that_they_stand_for(song):
    score = song(
        [(0, 1, 60, "lanterns"), (1, 1, 62, "-"), (2, 1, 64, "+"), (3, 1, 60, "now"), (4, 1, 60, "a-"), (5, 1, 60, "way")]
    )
    lyrics = [note.lyric for note in spelled_out(score).tracks[0].notes]
    assert lyrics[0].endswith("-") and lyrics[1] == HOLD and not lyrics[2].startswith("+")
    assert (lyrics[0] + lyrics[2]).replace("-", "") == "lanterns" and lyrics[3:] == ["now", "a-", "way"]


def test_long_songs_do_not_drift(song):
    score = song([(0.37 * i, 0.3, 60, "la") for i in range(600)])
    script = segments_of(score)[-1]
    starts = [sum(map(float, script["note_dur"].split()[:i])) for i in range(len(script["note_seq"].split()))]
    sung = [at for at, name in zip(starts, script["note_seq"].split(), strict=True) if name != "rest"]
    last = score.tempo_map.seconds_at(score.tracks[0].notes[-1].onset_ticks)
    assert script["offset"] + sung[-1] == pytest.approx(last, abs=1e-3)


def test_every_script_that_is_written_is_complete(song, tmp_path):
    score = song(SONG)
    write_score(score, tmp_path / "song.DS")
    assert json.loads((tmp_path / "song.DS").read_bytes()) == segments_of(score)
    with pytest.raises(ScoreError, match="cannot be written"):
        write_score(score, tmp_path / "none" / "song.ds")
    with pytest.raises(ScoreError, match="cannot be written"):
        write_notation(score, tmp_path / "plain.ds")
    write_score(score, tmp_path / "song.mid")
    assert (tmp_path / "song.mid").read_bytes().startswith(b"MThd")


def test_a_plus_in_a_word_in_pieces_loses_no_letter(song):
    words = ["play-", "+", "ing", "glow-", "+", "ing", "beau-", "+", "-", "ful", "now"]
    score = song([(number, 1, 60, word) for number, word in enumerate(words)])
    lyrics = [note.lyric for note in spelled_out(score).tracks[0].notes]
    assert "".join(lyrics[:3]).replace("-", "") == "playing"
    assert lyrics[3:6] == ["glow-", HOLD, "ing"] and lyrics[10] == "now"
    assert "".join(lyrics[6:10]).replace("-", "") == "beauful"


@pytest.mark.parametrize("suffix", [".svp", ".ustx"])
def test_written_syllables_go_into_formats_of_whole_words(song, suffix, tmp_path):
    words = ["bles-", "sed", "lan-", "-", "terns", "turn-", "-", "ed", "now"]
    score = song([(number, 1, 60 + number % 3, word) for number, word in enumerate(words)])
    written = in_whole_words(score)
    assert [note.lyric for note in written.tracks[0].notes][:2] == ["blessed[B L EH S IH D]", "+"]
    assert [note.lyric for note in written.tracks[0].notes][2:5] == ["lan-", "-", "terns"]  # nothing is lost
    write_score(written, tmp_path / f"song{suffix}")
    assert sung_phones(read_score(tmp_path / f"song{suffix}")) == sung_phones(score)


def sung_phones(score):
    (track,) = score.tracks
    return [[str(phone) for syllable in note.syllables for phone in syllable.phones] for note in lay_lyrics(track).notes]
