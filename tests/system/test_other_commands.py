"""inspect, check, demo, voices, doctor and the help: what they print, and that they answer every score there is."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from bridge.audio.devices import find_output
from bridge.cli.doctor import DoctorOptions
from bridge.commands import doctor
from bridge.commands.demo import EXAMPLES, examples
from bridge.midi.ports import MidiSurvey
from bridge.osc import OscServer
from engine.errors import DeviceError, ProtocolError
from engine.score import Note, Score, TempoMap, Track, write_score

COMMANDS = [
    [],
    ["demo"],
    ["render"],
    ["inspect"],
    ["check"],
    ["convert"],
    ["voices"],
    ["voice"],
    ["voice", "train"],
    ["devices"],
    ["doctor"],
]


def test_inspect_says_what_would_be_sung(vocalese, melody):
    answer = vocalese("inspect", melody, "--json")
    plan = answer.last_line
    assert answer.code == 0 and plan["voice"]["name"] == "kathleen" and plan["warnings"] == []
    (track,) = plan["tracks"]
    assert track["name"] == "lead" and track["phrases"] == 3 and track["warnings"] == []
    first, *_ = track["notes"]
    assert first == {
        "onset_s": 2.0,
        "offset_s": 2.5,
        "pitch": 57,
        "kind": "sing",
        "syllables": ["stay"],
        "phones": ["en/S en/T en/EY"],
    }
    assert [note["kind"] for note in track["notes"]].count("hold") == 1


def test_inspect_is_readable_too(vocalese, melody):
    answer = vocalese("inspect", melody)
    assert answer.code == 0 and "11 notes in 3 phrases" in answer.out
    assert "A3:stay[S T EY]" in answer.out and "C3-E5" in answer.out


def test_inspect_proposes_a_transposition(vocalese, midi):
    answer = vocalese("inspect", midi("high", [(i, 1, 90, "la") for i in range(4)]), "--json")
    assert "--transpose -24" in answer.last_line["tracks"][0]["warnings"][0]


@pytest.mark.parametrize("command", ["inspect", "check"])
@pytest.mark.parametrize(("content", "name"), [(None, "absent.mid"), (b"", "empty.mid"), (b"\x00" * 99, "odd.xyz")])
def test_bad_scores_end_in_one_sentence(vocalese, rendered, tmp_path, command, content, name):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    stem = [rendered.stems[0]["path"]] if command == "check" else []
    answer = vocalese(command, *stem, path)
    assert answer.code == 1 and answer.out == ""
    assert answer.err.startswith("vocalese: ") and name in answer.err and len(answer.err.splitlines()) == 1


def test_check_refuses_what_is_no_sound(vocalese, melody, tmp_path):
    path = tmp_path / "not.wav"
    path.write_bytes(b"RIFF nothing")
    answer = vocalese("check", path, melody)
    assert answer.code == 1 and "cannot be read as audio" in answer.err


def test_check_prints_a_table_and_draws(vocalese, rendered, melody, tmp_path):
    answer = vocalese("check", rendered.stems[0]["path"], melody, "--picture", tmp_path / "p.png")
    assert answer.code == 0 and "cents" in answer.out and str(tmp_path / "p.png") in answer.out
    assert (tmp_path / "p.png").stat().st_size > 10_000


def test_check_takes_the_track_that_is_named(vocalese, rendered, melody, tmp_path):
    answer = vocalese("check", rendered.stems[0]["path"], melody, "--track", "tuba")
    assert answer.code == 1 and "No track 'tuba'" in answer.err and "'lead'" in answer.err


def test_voices_are_listed_with_their_terms(vocalese, private_folders):
    answer = vocalese("voices", "--json")
    voice = next(voice for voice in answer.last_line["voices"] if voice["name"] == "kathleen")
    assert answer.code == 0 and voice["licence"] == "CC0-1.0 (Kathleen) and public domain (LJ)"
    assert voice["consent"] and voice["origin"] and voice["training_data"]
    assert "CC0-1.0" in vocalese("voices").out


@pytest.mark.slow
def test_a_voice_is_matched_with_a_recording(vocalese, rendered, tmp_path):
    stem = rendered.stems[0]["path"]
    found = vocalese("voice", "match", stem, "--json").last_line
    assert found["voice"] == "kathleen" and found["colour"] < 0.4 and found["voiced_s"] > 1.0
    answer = vocalese("voice", "match", stem)
    assert answer.code == 0 and f"--colour {found['colour']:g} --formant {found['formant_semitones']:g}" in answer.out
    (tmp_path / "no.wav").write_bytes(b"RIFF nothing")
    script = f"import sys, bridge.cli; bridge.cli.main(['voice', 'match', {stem!r}]); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.split()[-1] == "False", "torch is not part of the plain installation"
    refused = vocalese("voice", "match", tmp_path / "no.wav")
    assert refused.code == 1 and "cannot be read as audio" in refused.err


def test_a_damaged_voice_is_listed_with_its_error(vocalese, monkeypatch, tmp_path):
    folder = tmp_path / "vocalese" / "voices" / "ruin"
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text("name = 3", encoding="utf-8")
    monkeypatch.setattr("bridge.commands.voices.user_voice_folder", lambda: folder.parent)
    answer = vocalese("voices", "--json")
    ruin = next(voice for voice in answer.last_line["voices"] if voice["name"] == "ruin")
    assert answer.code == 0 and "format" in ruin["error"]
    assert "ruin: cannot be used" in vocalese("voices").out


def test_doctor_finds_all_well(vocalese):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    answer = vocalese("doctor", "--port", port, "--json")
    checks = {check["check"]: check for check in answer.last_line["checks"]}
    assert answer.code == 0 and all(check["ok"] and check["state"] in ("ok", "warn") for check in checks.values())
    assert checks["Starter voice"]["state"] == "ok"
    assert (checks["MIDI"]["state"] == "warn") == ("no MIDI" in checks["MIDI"]["detail"])
    assert {"Packages", "Voices", "Starter voice", "MIDI", "OSC port", "Phrase cache"} <= set(checks)
    assert "python-rtmidi" in checks["Packages"]["detail"]
    assert checks["OSC port"]["detail"] == f"{port} is free for `vocalese serve`"
    assert "no MIDI" in checks["MIDI"]["detail"] or "port" in checks["MIDI"]["detail"]
    assert "kathleen" in checks["Starter voice"]["detail"]


def test_doctor_reports_a_fault_and_goes_on(vocalese, monkeypatch):
    from engine import VoiceError

    def broken(*_):
        raise VoiceError("no weights")

    monkeypatch.setattr("bridge.commands.doctor.load_voice", broken)
    answer = vocalese("doctor")
    assert answer.code == 3 and "FAIL  Starter voice: no weights" in answer.out and "ok    Packages" in answer.out


def test_doctor_says_what_there_is_of_midi():
    assert doctor._midi(lambda: MidiSurvey("ALSA", ("Keys 49", "Pads"), "")) == (
        "ALSA: Keys 49, Pads; `vocalese serve` can open a port of its own"
    )
    assert "Windows MM: no ports" in doctor._midi(lambda: MidiSurvey("Windows MM", (), "not here"))
    assert "no virtual MIDI ports (not here); connect" in doctor._midi(lambda: MidiSurvey("Windows MM", (), "not here"))

    def absent():
        raise OSError("no sequencer")

    assert "no MIDI on this machine (no sequencer)" in doctor._midi(absent)


@pytest.mark.parametrize(
    ("check", "line"),
    [
        (lambda: "two devices", "ok    X: two devices"),
        (lambda: doctor._midi(lambda: (_ for _ in ()).throw(OSError("no sequencer"))), "warn  X: There is no MIDI"),
        (lambda: doctor._midi(lambda: MidiSurvey("Windows MM", (), "not here")), "warn  X: Windows MM"),
        (lambda: doctor._midi(lambda: MidiSurvey("ALSA", ("Keys",), "not here")), "ok    X: ALSA: Keys"),
        (lambda: doctor._midi(lambda: MidiSurvey("ALSA", (), "")), "ok    X: ALSA"),
    ],
)
def test_doctor_is_yellow_where_something_can_be_done_without(check, line, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "_checks", lambda port, loopback: [("X", check)])
    assert doctor.run(DoctorOptions()) == 0
    assert capsys.readouterr().out.startswith(line)


@pytest.mark.parametrize("devices", [[], None], ids=["none", "no PortAudio"])
def test_doctor_is_yellow_without_audio(devices, monkeypatch):
    def listed():
        if devices is None:
            raise DeviceError("PortAudio is not available.")
        return devices

    monkeypatch.setattr(doctor, "list_devices", listed)
    assert isinstance(doctor._devices(), doctor.Lacking)
    assert isinstance(doctor._plays(), doctor.Lacking)


@pytest.mark.parametrize(
    ("wanted", "is_said"), [("jack", True), ("JACK", True), ("speakers jack", True), ("speakers", False), (None, False)]
)
def test_a_stopped_jack_server_gives_advice_to_start_it(wanted, is_said, monkeypatch):
    monkeypatch.setattr("bridge.audio.devices.list_devices", lambda: [])
    with pytest.raises(DeviceError) as told:
        find_output(wanted, 2)
    assert ("Start JACK" in str(told.value)) == is_said


def test_doctor_says_who_uses_the_osc_port():
    with OscServer(lambda received: True, port=0, version="9.9") as running:
        assert "in use by Vocalese 9.9" in doctor._osc(running.port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        with pytest.raises(ProtocolError, match=f"{port}.*in use") as told:
            doctor._osc(port)
    if sys.platform == "linux":
        assert f"(process {os.getpid()})" in str(told.value) and f"--port {port + 1}" in str(told.value)


@pytest.mark.slow
def test_the_demo_sings_every_example(vocalese, tmp_path):
    answer = vocalese("demo", "-o", tmp_path / "demo")
    assert answer.code == 0 and "failed" not in answer.out
    listed = examples()
    assert len(listed) >= 4 and {example.mode for example in listed} == {"sing", "rap", "talk"}
    for example in listed:
        assert example.title in answer.out
        stems = list((tmp_path / "demo").glob(f"{example.file.stem}*.wav"))
        assert stems and (tmp_path / "demo" / example.file.name).read_bytes() == (EXAMPLES / example.file.name).read_bytes()
        for stem in stems:
            samples, _ = soundfile.read(stem)
            assert 0.05 < abs(samples).max() < 0.999
    sung = [line for line in answer.out.splitlines() if "follows its score" in line]
    assert len(sung) >= sum(example.mode == "sing" for example in listed)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_examples(vocalese, command):
    """Every command shows how it is used, and every value its unit or its choices."""
    answer = vocalese(*command, "--help")
    assert answer.code == 0
    if command != ["voice"]:
        assert f"  vocalese {' '.join(command)}".rstrip() in answer.out.split("examples:")[1]
    for line in answer.out.splitlines():
        assert len(line) <= 144


def test_no_command_s_help_loads_the_networks():
    asks = "; ".join(f"ask({[*command, '--help']!r})" for command in COMMANDS)
    script = (
        "import sys, contextlib, io\n"
        "from bridge.cli import main\n"
        "def ask(arguments):\n"
        "    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "        main(arguments)\n"
        f"{asks}\n"
        "print(sorted({'torch', 'librosa', 'matplotlib', 'scipy', 'pedalboard'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_printed(vocalese):
    assert vocalese("--version").out.startswith("vocalese ")


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("folder", "pattern", "step"), [("scores_musicxml_testsuite", "*.xml", 1), ("scores_openscore_lieder", "*.mxl", 4)]
)
@pytest.mark.slow
def test_other_people_s_scores_can_be_inspected(vocalese, shared_data, folder, pattern, step):
    paths = sorted((shared_data / folder).glob(pattern))[::step]
    if not paths:
        pytest.skip(f"{folder} is not there")
    for path in paths:
        answer = vocalese("inspect", path, "--json")
        if answer.code == 0:
            plan = answer.last_line
            assert plan["tracks"] and plan["seconds"] > 0, path.name
            assert all(note["offset_s"] > note["onset_s"] for track in plan["tracks"] for note in track["notes"]), path.name
        else:  # a test file may hold nothing that can be sung
            assert answer.code == 1 and "has no notes" in answer.err, (path.name, answer.err)


@pytest.fixture(scope="module")
def chords(vocalese, tmp_path_factory):
    """A score of three-part chords on a track whose name no file may have, and its three stems."""
    folder = tmp_path_factory.mktemp("chords")
    notes = [
        Note(480 * (2 + beat), 480, pitch, lyric="keep the light on".split()[beat] if pitch >= 64 else None)
        for beat, triad in enumerate([(55, 60, 64), (57, 60, 65), (53, 57, 65), (55, 59, 67)])
        for pitch in triad
    ]
    path = folder / "triads.mid"
    write_score(Score("triads", 480, (Track("Choir: all", tuple(notes)),), TempoMap(480)), path)
    return path, vocalese("render", path, "-o", folder / "stems", "--json").stems


def test_check_measures_each_lane_against_its_own_notes(vocalese, chords, tmp_path):
    path, stems = chords
    assert len(stems) == 3 and "(lane 2)" in stems[1]["path"]
    for stem in stems:
        report = vocalese("check", stem["path"], path, "--picture", tmp_path / "p.png", "--json").last_line
        assert report["notes"] == report["notes_measured"] == 4
        assert report["pitch_error_median_cents"] <= 5 and report["notes_within_50_cents_share"] == 1


def test_check_takes_a_lane_by_its_name(vocalese, chords, tmp_path):
    path, stems = chords
    moved = tmp_path / "elsewhere.wav"
    moved.write_bytes(Path(stems[2]["path"]).read_bytes())
    report = vocalese("check", moved, path, "--track", "Choir: all (lane 3)", "--json").last_line
    assert report["pitch_error_median_cents"] <= 5
    answer = vocalese("check", moved, path, "--track", "Choir: all (lane 4)")
    assert answer.code == 1 and "'Choir: all (lane 2)'" in answer.err


def test_check_takes_the_words_that_were_given_to_render(vocalese, song, tmp_path):
    tune = [(2 + i, 1, 57 + i, None) for i in range(3)]
    piano = song([(1, 1, 40, None), (5, 1, 45, None)], name="Lead piano").tracks[0]
    path = tmp_path / "tune.mid"
    write_score(Score("tune", 480, (song(tune, name="Vocal").tracks[0], piano), TempoMap(480)), path)
    words = ("--lyrics", "stay with me", "--track", "Vocal")
    (stem,) = vocalese("render", path, *words, "-o", tmp_path / "o", "--json").stems
    report = vocalese("check", stem["path"], path, *words, "--json").last_line
    assert report["notes"] == report["notes_measured"] == 3 and report["pitch_error_median_cents"] <= 5
    assert vocalese("check", stem["path"], path, "--lyrics", "missing.txt").code == 1


@pytest.mark.parametrize("suffix", [".mid", ".ustx", ".musicxml", ".svp", ".ds"])
def test_a_score_goes_out_and_comes_back(vocalese, melody, tmp_path, suffix):
    if suffix == ".svp":
        pytest.importorskip("libresvip")
    target = tmp_path / f"song{suffix}"
    answer = vocalese("convert", melody, target)
    assert answer.code == 0 and target.is_file()
    first, again = (vocalese("inspect", path, "--json").last_line["tracks"][0]["notes"] for path in (melody, target))
    again = [note for note in again if note["kind"] != "breath"]
    assert [note["syllables"] for note in again] == [note["syllables"] for note in first]
    assert [note["onset_s"] for note in again] == pytest.approx([note["onset_s"] for note in first], abs=2e-3)


def test_each_part_of_a_duet_has_a_diffsinger_script_of_its_own(vocalese, tmp_path):
    target = tmp_path / "duet.ds"
    answer = vocalese("convert", EXAMPLES / "home-we-row.mid", target)
    assert answer.code == 0 and "DiffSinger sings one voice per file" in answer.out
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["duet - First.ds", "duet - Second.ds", "duet.ds"]
    parts = {name: json.loads((tmp_path / name).read_text(encoding="utf-8")) for name in names}
    assert parts["duet.ds"] == parts["duet - First.ds"] + parts["duet - Second.ds"]
    assert vocalese("inspect", target, "--json").last_line["tracks"][1]["name"] == "Second"
    (tmp_path / "duet.ds").unlink()
    refused = vocalese("convert", EXAMPLES / "home-we-row.mid", target)
    assert refused.code == 1 and "duet - First.ds exists" in refused.err and not target.exists()
    assert vocalese("convert", EXAMPLES / "home-we-row.mid", target, "--overwrite").code == 0


def test_convert_says_what_is_lost(vocalese, tmp_path):
    score = Score("s", 480, (Track("Lead", (Note(0, 480, 60, velocity=80, lyric="word[w er d]"),)),), TempoMap(480))
    write_score(score, tmp_path / "s.mid")
    assert "lost: pronunciation hints" in vocalese("convert", tmp_path / "s.mid", tmp_path / "s.musicxml").out
    assert "lost: velocities" in vocalese("convert", tmp_path / "s.mid", tmp_path / "s.svp").out
