"""MusicXML and Synthesizer V projects as we write them: what other programs look for in them, and what our readers find again."""

import json
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ScoreError
from engine.score import (
    HOLD,
    Curve,
    Meter,
    Note,
    Parameter,
    Score,
    TempoChange,
    TempoMap,
    Track,
    Vibrato,
    losses,
    read_score,
    split_lanes,
    write_score,
)
from engine.score.formats.musicxml import read_musicxml
from engine.score.formats.musicxml_write import write_musicxml
from engine.score.formats.svp_write import BLICKS_PER_QUARTER, write_svp

LINE = (
    (0, 480, 60.0, "keep"), (480, 720, 62.0, "the"), (1200, 240, 64.0, "lan-"), (1440, 960, 65.0, "terns"),
    (2880, 320, 67.0, "burn-"), (3200, 160, 65.5, "ing"), (3360, 480, 64.0, "glow"), (3840, 480, 62.0, HOLD), (4320, 2400, 60.0, HOLD),
    (7000, 475, 61.0, "a-"), (7475, 10, 60.0, "bid-"), (7485, 480, 59.0, "ing"), (8640, 480, 57.0, "rock'n'roll"),
)  # fmt: skip
METERS = (Meter(0, 4, 4), Meter(3840, 3, 4), Meter(6720, 6, 8))
TEMPOS = (TempoChange(0, 500_000), TempoChange(1000, 60e6 / 133.3), TempoChange(3840, 400_000), TempoChange(7100, 700_000))


def track(rows=LINE, name="Lead", **more):
    return Track(name, tuple(Note(onset, length, pitch, lyric=lyric) for onset, length, pitch, lyric in rows), **more)


def song(*tracks, ppq=480, meters=METERS, tempos=TEMPOS):
    return Score("song", ppq, tracks or (track(),), TempoMap(ppq, tempos), meters)


def rows(track):
    return [(note.onset_ticks, note.duration_ticks, note.pitch, note.lyric) for note in track.notes]


def at(score):
    """Notes in seconds: files may count in other ticks."""
    seconds = score.tempo_map.seconds_at
    return [
        [(round(seconds(n.onset_ticks), 5), round(seconds(n.offset_ticks), 5), n.pitch, n.lyric) for n in each.notes]
        for each in score.tracks
    ]


def parsed(score):
    return ElementTree.fromstring(write_musicxml(score).decode("utf-8"))


# --- MusicXML ---


def test_notes_words_tempo_and_meter_read_back_from_musicxml():
    score = song()
    read = read_musicxml(write_musicxml(score), title="song")
    assert read.ppq == 480 and [t.name for t in read.tracks] == ["Lead"] and read.notices == ()
    assert rows(read.tracks[0]) == rows(score.tracks[0])
    assert [change.tick for change in read.tempo_map.changes] == [change.tick for change in TEMPOS]
    for found, written in zip(read.tempo_map.changes, TEMPOS, strict=True):
        assert found.us_per_beat == pytest.approx(written.us_per_beat, rel=1e-9)
    assert read.meters == METERS


def test_several_parts_stay_apart_and_chords_become_parts():
    low = track(((0, 960, 50.0, "low"), (4800, 480, 52.0, "end")), name="Bass & Co <2>")
    chord = track(((0, 480, 60.0, "all"), (0, 480, 64.0, None), (480, 480, 62.0, "sing"), (480, 480, 65.0, None)), name="Choir")
    score = song(low, chord)
    read = read_musicxml(write_musicxml(score), title="song")
    assert [t.name for t in read.tracks] == ["Bass & Co <2>", "Choir", "Choir (lane 2)"]
    lanes = [lane for each in score.tracks for lane in split_lanes(each)[0]]
    assert [rows(t) for t in read.tracks] == [rows(lane) for lane in lanes]


def test_the_structure_is_that_of_notation_programs():
    root = parsed(song())
    assert root.tag == "score-partwise" and root.get("version") == "4.0"
    listed = [part.get("id") for part in root.iterfind("part-list/score-part")]
    assert [part.get("id") for part in root.iterfind("part")] == listed == ["P1"]
    bars = root.findall("part/measure")
    assert [bar.get("number") for bar in bars] == [str(number) for number in range(1, len(bars) + 1)]
    assert bars[0].findtext("attributes/divisions") == "480" and bars[0].find("attributes/clef") is not None
    meter = (4, 4)
    for bar in bars:
        time = bar.find("attributes/time")
        if time is not None:
            meter = int(time.findtext("beats")), int(time.findtext("beat-type"))
        assert sum(int(note.findtext("duration")) for note in bar.iterfind("note")) == 480 * 4 * meter[0] // meter[1]


def test_children_of_a_note_are_in_the_order_of_the_schema():
    order = (
        "chord pitch unpitched rest duration tie instrument voice type dot accidental time-modification notations lyric".split()
    )
    for note in parsed(song()).iter("note"):
        places = [order.index(child.tag) for child in note]
        assert places == sorted(places)


def test_notes_over_bar_lines_are_tied():
    root = parsed(song(track(((1800, 960, 60.0, "long"), (2760, 100, 60.0, "same")))))
    notes = [note for note in root.iter("note") if note.find("pitch") is not None]
    kinds = [[tie.get("type") for tie in note.iterfind("tie")] for note in notes]
    assert kinds[0] == ["start"] and kinds[-2] == ["stop"] and kinds[-1] == []
    assert [[tied.get("type") for tied in note.iterfind("notations/tied")] for note in notes] == kinds
    assert [note.find("lyric") is not None for note in notes] == [True] + [False] * (len(notes) - 2) + [True]


def test_syllabics_extenders_and_elisions():
    lyrics = [("be-", "begin"), ("gin-", "middle"), ("ning", "end"), ("one", "single"), ("l'a mour", "single")]
    root = parsed(song(track(tuple((480 * i, 480, 60.0 + i, text) for i, (text, _) in enumerate(lyrics)))))
    found = root.findall("part/measure/note/lyric")
    assert [lyric.findtext("syllabic") for lyric in found] == [syllabic for _, syllabic in lyrics]
    assert [text.text for text in found[-1].iterfind("text")] == ["l'a", "mour"] and found[-1].find("elision") is not None
    held = parsed(song(track(((0, 480, 60.0, "ah"), (480, 480, 62.0, HOLD), (960, 480, 64.0, HOLD)))))
    assert [extend.get("type") for extend in held.iter("extend")] == ["start", "continue", "stop"]


def test_triplets_and_dots_have_types():
    root = parsed(song(track(((0, 160, 60.0, "a"), (160, 160, 60.0, "b"), (320, 160, 60.0, "c"), (480, 720, 60.0, "d")))))
    notes = [note for note in root.iter("note") if note.find("pitch") is not None]
    assert [note.findtext("type") for note in notes] == ["eighth"] * 3 + ["quarter"]
    assert [note.findtext("time-modification/actual-notes") for note in notes] == ["3", "3", "3", None]
    assert notes[3].find("dot") is not None


@pytest.mark.parametrize("ppq", [96, 480, 960, 5000, 10_080])
def test_any_resolution_reads_back_at_the_same_time(ppq):
    score = song(track(((0, ppq, 60.0, "one"), (ppq + 1, 2 * ppq - 1, 62.0, "two"))), ppq=ppq, meters=(), tempos=TEMPOS[:1])
    assert at(read_musicxml(write_musicxml(score), title="song")) == at(score)


ONE_LINE = st.lists(
    st.tuples(st.integers(0, 700), st.integers(1, 3000), st.integers(36, 84), st.sampled_from(["la", "ah-", "me", HOLD, None])),
    min_size=1,
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(ONE_LINE)
def test_any_line_reads_back_from_musicxml(line):
    notes, tick, can_hold = [], 0, False
    for gap, length, pitch, lyric in line:
        tick += gap
        if lyric == HOLD and not (can_hold and not gap):
            lyric = "la"
        notes.append((tick, length, float(pitch), lyric))
        can_hold = lyric not in (None, "ah-")
        tick += length
    score = song(track(tuple(notes)))
    (read,) = read_musicxml(write_musicxml(score), title="song").tracks
    assert [row[:3] for row in rows(read)] == [row[:3] for row in notes]
    assert [row[3] for row in rows(read) if row[3] not in (None, HOLD)] == [
        row[3] for row in notes if row[3] not in (None, HOLD)
    ]


@pytest.mark.parametrize("write", [write_musicxml, write_svp])
def test_a_score_without_notes_is_refused(write):
    with pytest.raises(ScoreError, match="no notes"):
        write(Score("none", 480, (Track("empty", ()),), TempoMap(480)))


def test_characters_that_xml_cannot_hold_are_left_out():
    score = song(track(((0, 480, 60.0, "a\x00b\x02c"),), name="na\x01me\ud800"))
    (read,) = read_musicxml(write_musicxml(score), title="song").tracks
    assert read.name == "name" and read.notes[0].lyric == "abc"


# --- Synthesizer V ---


def test_project_has_the_fields_of_synthesizer_v():
    project = json.loads(write_svp(song(track(language="ja"))))
    assert set(project) >= {"version", "time", "library", "tracks", "renderConfig"}
    assert [meter["index"] for meter in project["time"]["meter"]] == [0, 2, 4]
    (part,) = project["tracks"]
    assert part["mainRef"]["groupID"] == part["mainGroup"]["uuid"]
    assert part["mainRef"]["database"]["language"] == "japanese"
    first, second, *_ = part["mainGroup"]["notes"]
    assert (first["onset"], first["duration"], first["pitch"], first["lyrics"]) == (0, BLICKS_PER_QUARTER, 60, "keep")
    assert second["onset"] == BLICKS_PER_QUARTER


def test_lyrics_of_a_project_have_its_marks():
    lyrics = ["lan-", "terns", HOLD, "AP", "[hh ah]", "word[w er d]", "R", "now", None]
    rows_of = tuple((480 * i, 480, 60.0, text) for i, text in enumerate(lyrics))
    (part,) = json.loads(write_svp(song(track(rows_of))))["tracks"]
    found = [(note["lyrics"], note["phonemes"]) for note in part["mainGroup"]["notes"]]
    assert found == [
        ("lanterns", ""), ("+", ""), ("-", ""), ("br", ""), (".hh ah", ""), ("word", "w er d"), ("now", ""), ("la", ""),
    ]  # fmt: skip


def test_curves_vibrato_and_cents_are_written():
    bend = Curve(Parameter.BEND_CENTS, (0, 480), (0.0, -50.0), stepped=True)
    note = Note(0, 960, 60.25, lyric="ah", vibrato=Vibrato(50, 200, 40))
    (part,) = json.loads(write_svp(song(Track("Lead", (note,), (bend,)))))["tracks"]
    (written,) = part["mainGroup"]["notes"]
    assert written["pitch"] == 60 and written["detune"] == 25
    assert written["attributes"]["fF0Vbr"] == 5 and written["attributes"]["dF0Vbr"] == 0.8
    points = part["mainGroup"]["parameters"]["pitchDelta"]["points"]
    assert points[-4:] == [round(479 * BLICKS_PER_QUARTER / 480), 0.0, BLICKS_PER_QUARTER, -50.0]


def test_a_project_reads_back(tmp_path):
    pytest.importorskip("libresvip")
    plain = tuple(row for row in LINE if row[2] == int(row[2]) and row[3] not in ("burn-",))
    low = track(((960, 960, 50.0, "low"),), name="Low")
    score = song(track(plain), low)
    write_score(score, tmp_path / "song.svp")
    read = read_score(tmp_path / "song.svp")
    assert [t.name for t in read.tracks] == ["Lead", "Low"]
    assert [[row[:3] for row in line] for line in at(read)] == [[row[:3] for row in line] for line in at(score)]


# --- what is lost ---


def test_lost_contents_are_named_once():
    curves = (Curve(Parameter.GROWL, (0,), (1.0,)),)
    note = Note(0, 480, 60.0, lyric="word[w er d]", vibrato=Vibrato(50, 200, 40), velocity=90)
    rich = song(Track("Lead", (note,), curves))
    (said,) = losses(rich, ".musicxml")
    assert "curves" in said and "vibrato" in said and "hints" in said
    (said,) = losses(rich, ".SVP")
    assert "curves" in said and "vibrato" not in said and "velocities" in said
    bent = song(Track("Lead", (Note(0, 480, 60.0),), (Curve(Parameter.BEND_CENTS, (0,), (50.0,)),)))
    assert losses(bent, ".ds") == () and "curves other than pitch" in losses(rich, ".ds")[0]
    assert losses(song(), ".musicxml") == losses(song(), ".svp") == losses(rich, ".mid") == ()


def test_compressed_musicxml_is_not_written(tmp_path):
    with pytest.raises(ScoreError, match="cannot be written"):
        write_score(song(), tmp_path / "song.mxl")
