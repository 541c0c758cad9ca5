"""Projects of Synthesizer V and VOCALOID: parts, names, groups, mutes, words, curves, encodings, archives."""

import json
import zipfile

import pytest
from score_files import BLICKS, svp_file, svp_notes, svp_track, vpr_file, vpr_track, vsq_file, vsqx_file, zipped

from engine.errors import ScoreError
from engine.score import Meter, Parameter, read_score, select_tracks, write_score
from engine.score.formats.svp import read_svp
from engine.score.formats.vpr import read_vpr
from engine.score.formats.vsq import read_vsq
from engine.score.formats.vsqx import read_vsqx


def lyrics(track):
    return [note.lyric for note in track.notes]


def svp(*tracks, library=()):
    return read_svp(svp_file(list(tracks), library=library), title="t")


def sung(*words, pitch=60):
    return svp_notes([(pitch + number, word) for number, word in enumerate(words)])


# --- Synthesizer V ---


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (".hh ah", "[hh ah]"),
        (".ay", "[ay]"),
        ("sil", "R"),
        (".sil", "R"),
        ("pau", "R"),
        ("br", "AP"),
        (".br2", "AP"),
        ("lanterns", "lanterns"),
        ("+", "+"),
        ("-", "-"),
        ("", None),
        ("silver", "silver"),
        ("bring", "bring"),
    ],
)
def test_synthesizer_v_lyrics(written, expected):
    assert lyrics(svp(svp_track("Lead", sung(written))).tracks[0]) == [expected]


def test_phonemes_of_a_note_are_a_hint():
    (track,) = svp(svp_track("Lead", svp_notes([(60, "read")], phonemes="r eh d"))).tracks
    assert lyrics(track) == ["read[r eh d]"]
    (track,) = svp(svp_track("Lead", svp_notes([(60, "か")], phonemes="k a"), language="japanese")).tracks
    assert (lyrics(track), track.language) == (["か[ka]"], "ja")
    (track,) = svp(svp_track("Lead", svp_notes([(60, "は")], phonemes="w a"), language="japanese")).tracks
    assert lyrics(track) == ["は[wa]"]  # the particle
    (track,) = svp(svp_track("Lead", svp_notes([(60, ".N")]), language="japanese")).tracks
    assert lyrics(track) == ["ん"]
    (track,) = svp(svp_track("Lead", svp_notes([(60, ".k a")]), language="japanese")).tracks
    assert lyrics(track) == ["ka"]
    score = svp(svp_track("Lead", svp_notes([(60, "山")], phonemes="s` a n"), language="mandarin"))
    assert (lyrics(score.tracks[0]), score.tracks[0].language) == (["山"], "zh")
    assert "Phonemes" in score.notices[0]


def test_one_track_is_one_part_with_its_groups():
    library = ({"name": "hook", "uuid": "hook", "notes": sung("la", "lo"), "parameters": {}},)
    groups = [
        {"groupID": "hook", "blickOffset": 4 * BLICKS, "pitchOffset": 12},
        {"groupID": "hook", "blickOffset": 8 * BLICKS, "pitchOffset": 0},
        {"groupID": "gone", "blickOffset": 0},
    ]
    score = svp(svp_track("Lead Vox", sung("keep"), groups=groups), svp_track("Choir", sung("ah")), library=library)
    assert [track.name for track in score.tracks] == ["Lead Vox", "Choir"]
    lead = score.tracks[0]
    assert [(note.onset_ticks, note.pitch, note.lyric) for note in lead.notes] == [
        (0, 60, "keep"),
        (1920, 72, "la"),
        (2400, 73, "lo"),
        (3840, 60, "la"),
        (4320, 61, "lo"),
    ]
    assert any("does not hold" in notice for notice in score.notices)


def test_muted_tracks_groups_and_notes_stay_silent():
    library = ({"uuid": "g", "notes": sung("no"), "parameters": {}},)
    muted_note = svp_notes([(60, "never")], start=2)
    muted_note[0]["attributes"] = {"muted": True}
    lead = svp_track("Lead", sung("keep") + muted_note, groups=[{"groupID": "g", "mute": True}])
    score = svp(svp_track("Old take", sung("x"), mute=True), lead, library=library)
    chosen, notices = select_tracks(score)
    assert [(track.name, lyrics(track)) for track in chosen] == [("Lead", ["keep"])]
    assert any("Muted tracks stay silent" in notice and '"Old take"' in notice for notice in notices)


def test_curves_and_detune_and_vibrato():
    points = [0, 0.0, BLICKS, 50.0]
    parameters = {"pitchDelta": {"mode": "linear", "points": points}, "loudness": {"mode": "cubic", "points": [0, -6]}}
    notes = sung("a", "b", "c", "d")
    notes[0]["detune"] = 25
    notes[1]["attributes"] = {"dF0Vbr": 2.0, "fF0Vbr": 5.0, "tF0VbrStart": 0.1}
    (track,) = svp(svp_track("Lead", notes, parameters=parameters, voice={"paramTension": 0.5})).tracks
    bend = track.curve(Parameter.BEND_CENTS)
    assert dict(zip(bend.ticks, bend.values, strict=True)) == {0: 0, 480: 50, 1920: 50, 1921: 0}
    assert track.curve(Parameter.DYNAMICS_DB).values[0] == -6
    assert set(track.curve(Parameter.TENSION).values) == {0.5, 0.0}
    assert track.notes[0].pitch == 60.25
    assert track.notes[1].vibrato.depth_cents == 100 and track.notes[1].vibrato.period_ms == 200
    assert track.notes[0].vibrato is None


# --- VOCALOID ---


@pytest.mark.parametrize(
    "member",
    ["Project/sequence.json", "Project\\sequence.json", "sequence.json", "PROJECT\\Sequence.json", ".\\Project\\sequence.json"],
)
def test_any_path_separator(member):
    data = vpr_file([vpr_track("Lead", [(60, "lan-"), (62, "tern"), (64, "light")])], member=member)
    (track,) = read_vpr(data, title="t").tracks
    assert (track.name, lyrics(track), track.language) == ("Lead", ["lan-", "tern", "light"], "en")


def test_vocaloid_5_mutes_audio_controllers():
    controllers = [
        {"name": "pitchBendSens", "events": [{"pos": 0, "value": 12}]},
        {"name": "pitchBend", "events": [{"pos": 0, "value": 4096}, {"pos": 480, "value": 0}]},
        {"name": "dynamics", "events": [{"pos": 0, "value": 64}]},
    ]
    tracks = [
        vpr_track("Lead", [(60, "かぜ")], language=0, controllers=controllers),
        vpr_track("Old", [(60, "x")], muted=True),
        {"type": 1, "name": "Band", "parts": []},
    ]
    score = read_vpr(vpr_file(tracks), title="t")
    assert [(track.name, track.is_muted, track.language) for track in score.tracks] == [
        ("Lead", False, "ja"),
        ("Old", True, "en"),
    ]
    bend = score.tracks[0].curve(Parameter.BEND_CENTS)
    assert (bend.ticks, bend.values, bend.stepped) == ((0, 480), (600.0, 0.0), True)
    assert score.tracks[0].curve(Parameter.DYNAMICS_DB) is None
    assert any("Audio" in notice for notice in score.notices)


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "gb18030", "cp949"])
def test_vocaloid_2_in_any_encoding(encoding):
    words = {"gb18030": ["月", "光", "照", "在"], "cp949": ["달", "빛", "이", "강"]}.get(encoding, ["ラ", "ン", "プ", "の"])
    score = read_vsq(
        vsq_file([("歌" if encoding != "cp949" else "노래", [(60, word) for word in words])], encoding=encoding), title="t"
    )
    assert lyrics(score.tracks[0]) == words
    assert [note.onset_ticks for note in score.tracks[0].notes] == [0, 480, 960, 1440]
    assert score.meters[0] == Meter(0, 4, 4)


@pytest.mark.parametrize(("make", "read"), [(vsq_file, read_vsq), (vsqx_file, read_vsqx)])
def test_older_vocaloid_sequences(make, read):
    score = read(make([("Lead", [(60, "ra"), (62, "n"), (64, "pu")]), ("Old", [(60, "x")])], muted=(1,)), title="t")
    assert [(track.name, track.is_muted) for track in score.tracks] == [("Lead", False), ("Old", True)]
    lead = score.tracks[0]
    assert [(note.onset_ticks, note.pitch, note.lyric) for note in lead.notes] == [
        (0, 60, "ra"),
        (480, 62, "n"),
        (960, 64, "pu"),
    ]
    assert lead.language == "ja"
    assert score.tempo_map.seconds_at(480) == 0.5


def test_sequences_are_recognised_by_content(tmp_path):
    path = tmp_path / "song.mid"
    path.write_bytes(vsq_file([("Lead", [(60, "keep")])]))
    assert lyrics(read_score(path).tracks[0]) == ["keep"]


def test_vocaloid_3_names_of_elements(tmp_path):
    xml = (
        '<vsq3 xmlns="http://www.yamaha.co.jp/vocaloid/schema/vsq3/"><mixer><vsUnit><vsTrackNo>0</vsTrackNo><mute>1</mute></vsUnit></mixer>'
        "<masterTrack><resolution>480</resolution><preMeasure>4</preMeasure><timeSig><posMes>0</posMes><nume>3</nume><denomi>4</denomi>"
        "</timeSig><tempo><posTick>0</posTick><bpm>9000</bpm></tempo></masterTrack><vsTrack><vsTrackNo>0</vsTrackNo><trackName>Lead"
        "</trackName><musicalPart><posTick>5760</posTick><mCtrl><posTick>0</posTick><attr id='PIT'>8191</attr></mCtrl><note>"
        "<posTick>480</posTick><durTick>240</durTick><noteNum>62</noteNum><lyric>oh</lyric><phnms>@U</phnms></note></musicalPart></vsTrack></vsq3>"
    )
    score = read_vsqx(xml.encode(), title="t")
    (track,) = score.tracks
    assert [(note.onset_ticks, note.duration_ticks, note.pitch, note.lyric) for note in track.notes] == [(480, 240, 62, "oh")]
    assert (track.name, track.is_muted, score.meters[0].numerator) == ("Lead", True, 3)
    assert score.tempo_map.changes[0].bpm == pytest.approx(90)
    assert track.curve(Parameter.BEND_CENTS).values == (pytest.approx(199.976),)


def test_mutes_of_openutau_are_kept_both_ways(tmp_path):
    path = tmp_path / "song.ustx"
    write_score(svp(svp_track("Old", sung("x"), mute=True), svp_track("Lead", sung("keep"))), path)
    assert [(track.name, track.is_muted) for track in read_score(path).tracks] == [("Old", True), ("Lead", False)]


# --- What is no project ---


@pytest.mark.parametrize("read", [read_svp, read_vpr, read_vsq, read_vsqx])
@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"PK\x03\x04", b"[" * 200_000, b"<vsq4>" * 70, b"MThd", b'{"tracks": 1e999}', zipped({"x": b"y"})],
)
def test_invalid_projects_are_rejected(read, data):
    message, tracks = "", ()
    try:
        tracks = read(data, title="t").tracks
    except ScoreError as error:
        message = str(error)
    assert len(message) < 400
    assert not any(track.notes for track in tracks)


def test_odd_values_are_left_out():
    notes = sung("a", "b", "c", "d", "e")
    notes[0]["onset"], notes[1]["pitch"], notes[2]["duration"], notes[3]["onset"] = 1e300, "x", -5, None
    tracks = [svp_track("Lead", notes), {"name": 5}, None, {"mainGroup": [], "mixer": 7, "groups": {}}]
    (lead, *_) = read_svp(svp_file(tracks), title="t").tracks
    assert lyrics(lead) == ["e"]
    part = {"pos": -1e18, "notes": [{"lyric": 5, "pos": 0, "duration": 480, "number": 60}, {}], "controllers": [{"name": []}]}
    broken = [vpr_track("Lead", [(300, "x"), (60, "ok")]), {"parts": [part]}, {"parts": 5}]
    assert lyrics(read_vpr(vpr_file(broken), title="t").tracks[0]) == ["ok"]


def test_a_huge_archive_is_refused(tmp_path):
    path = tmp_path / "bomb.vpr"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Project/sequence.json", b" " * (65 * 2**20))
    with pytest.raises(ScoreError, match=r"bomb.vpr.*64 MiB"):
        read_score(path)


def test_deep_json_is_refused():
    deep = json.dumps({"tracks": []})[:-2] + "[" * 100_000 + "]" * 100_000 + "]}"
    with pytest.raises(ScoreError, match="JSON"):
        read_svp(deep.encode(), title="t")
