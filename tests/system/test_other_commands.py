"""inspect, check, demo, voices, doctor and the help: what they print, and that they answer every score there is."""

import os
import socket
import subprocess
import sys

import pytest
import soundfile

from bridge.commands import doctor
from bridge.commands.demo import EXAMPLES, examples
from bridge.midi.ports import MidiSurvey
from bridge.osc import OscServer
from engine.errors import ProtocolError

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


def test_a_voice_is_matched_with_a_recording(vocalese, rendered, tmp_path):
    stem = rendered.stems[0]["path"]
    found = vocalese("voice", "match", stem, "--json").last_line
    assert found["voice"] == "kathleen" and found["colour"] < 0.4 and found["voiced_s"] > 1.0
    answer = vocalese("voice", "match", stem)
    assert answer.code == 0 and f"--colour {found['colour']:g} --formant {found['formant_semitones']:g}" in answer.out
    (tmp_path / "no.wav").write_bytes(b"RIFF nothing")
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
    assert answer.code == 0 and all(check["ok"] for check in checks.values())
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
def test_help_teaches(vocalese, command):
    """Every command shows how it is used, and every value its unit or its choices."""
    answer = vocalese(*command, "--help")
    assert answer.code == 0
    if command != ["voice"]:
        assert f"  vocalese {' '.join(command)}".rstrip() in answer.out.split("examples:")[1]
    for line in answer.out.splitlines():
        assert len(line) <= 144


def test_no_command_s_help_loads_the_networks():
    asks = "; ".join(f"ask({command + ['--help']!r})" for command in COMMANDS)
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
