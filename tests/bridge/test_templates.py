"""The templates for other programs: what they say is in the protocol's table, they go where they should, and their plain Lua does its work."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bridge.cli.shared import JsonOptions
from bridge.cli.templates import InstallOptions
from bridge.commands import send
from bridge.commands.templates import TEMPLATES, install, list_templates, program_folder, read_templates
from bridge.osc import reaper
from bridge.osc.reaper import ReaperTransport
from bridge.protocol.events import Transport
from bridge.protocol.read import Read, read_event, write_event
from bridge.protocol.table import BY_ADDRESS, REPLY_BY_ADDRESS
from engine.errors import OutputError, SettingsError
from engine.score import Curve, Meter, Note, Parameter, Score, TempoChange, TempoMap, Track, read_score

FILES = sorted(path for path in TEMPLATES.rglob("*") if path.is_file())
REAPER = TEMPLATES / "reaper"


def sent_by_pure_data(text: str) -> set[str]:
    return {"/" + "/".join(names.split()) for names in re.findall(r"oscformat ([a-z ]+);", text)}


def named_addresses(text: str) -> set[str]:
    return set(re.findall(r"/vocalese(?:/[a-z]+)+", text))


# What is said.


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(TEMPLATES).as_posix())
def test_addresses_are_in_the_table(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    sent = sent_by_pure_data(text) if path.suffix == ".pd" else set()
    assert sent <= BY_ADDRESS.keys()
    assert named_addresses(text) <= BY_ADDRESS.keys() | REPLY_BY_ADDRESS.keys()


def test_the_clients_say_what_playing_needs() -> None:
    needed = {
        "lyrics",
        "note",
        "note/on",
        "note/off",
        "note/bend",
        "note/expression",
        "track/voice",
        "status",
        "panic",
        "subscribe",
    }
    patch = sent_by_pure_data((TEMPLATES / "puredata" / "vocalese.pd").read_text(encoding="utf-8"))
    script = named_addresses((TEMPLATES / "supercollider" / "vocalese.scd").read_text(encoding="utf-8"))
    for said in (patch, script):
        assert {f"/vocalese/{name}" for name in needed} <= said


def test_the_page_names_addresses_of_the_table() -> None:
    page = (TEMPLATES.parent / "docs" / "daw.md").read_text(encoding="utf-8")
    assert named_addresses(page) <= BY_ADDRESS.keys() | REPLY_BY_ADDRESS.keys()
    assert all(f"## {template.title}" in page for template in read_templates())


# Where they go.


def test_every_file_is_installed() -> None:
    listed = {template.folder / source for template in read_templates() for source in template.files}
    assert listed == {path for path in FILES if path.name != "template.toml"}
    assert {template.name for template in read_templates()} == {path.name for path in TEMPLATES.iterdir() if path.is_dir()}


@pytest.mark.parametrize("template", read_templates(), ids=lambda template: template.name)
def test_files_arrive_as_they_are(template, tmp_path, capsys) -> None:
    assert install(InstallOptions(name=template.name, output=tmp_path)) == 0
    printed = capsys.readouterr().out
    for source, place in template.files.items():
        assert (tmp_path / place).read_bytes() == (template.folder / source).read_bytes()
        assert str(tmp_path / place) in printed
    assert install(InstallOptions(name=template.name, output=tmp_path)) == 0, "the same again changes nothing"


def test_changed_files_stay_without_overwrite(tmp_path) -> None:
    install(InstallOptions(name="reaper", output=tmp_path))
    mine, other = tmp_path / "OSC/Vocalese.ReaperOSC", tmp_path / "Scripts/Vocalese/vocalese_send.lua"
    mine.write_text("mine")
    other.unlink()
    with pytest.raises(OutputError, match="--overwrite"):
        install(InstallOptions(name="reaper", output=tmp_path))
    assert mine.read_text() == "mine" and not other.exists(), "all or nothing"
    install(InstallOptions(name="reaper", output=tmp_path, overwrite=True))
    assert mine.read_bytes() == (REAPER / "Vocalese.ReaperOSC").read_bytes() and other.exists()


def test_a_folder_that_its_program_never_makes_is_made(tmp_path, monkeypatch) -> None:
    """A fresh machine: Pd looks in ~/.local/lib/pd/extra and does not make it."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    folder = program_folder("puredata", home=tmp_path)
    assert not folder.exists() and install(InstallOptions(name="puredata", output=None)) == 0
    assert (folder / "vocalese" / "vocalese.pd").is_file()


def test_a_program_that_is_not_there_is_reported(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("APPDATA", str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    with pytest.raises(OutputError, match="--output"):
        install(InstallOptions(name="reaper", output=None))
    with pytest.raises(SettingsError, match="cubase"):
        install(InstallOptions(name="cubase", output=tmp_path))
    assert list(tmp_path.iterdir()) == []
    program_folder("reaper", home=tmp_path).mkdir(parents=True)
    assert install(InstallOptions(name="reaper", output=None)) == 0
    assert (program_folder("reaper", home=tmp_path) / "OSC" / "Vocalese.ReaperOSC").is_file()


@pytest.mark.parametrize(
    ("name", "platform", "place"),
    [
        ("reaper", "linux", ".config/REAPER"),
        ("reaper", "darwin", "Library/Application Support/REAPER"),
        ("reaper", "win32", "AppData/Roaming/REAPER"),
        ("supercollider", "linux", ".local/share/SuperCollider"),
        ("puredata", "win32", "Documents/Pd/externals"),
        ("ardour", "linux", ".config/ardour10"),
        ("ardour", "darwin", "Library/Preferences/Ardour"),
    ],
)
def test_programs_have_their_folders(name: str, platform: str, place: str, tmp_path) -> None:
    for version in ("ardour7", "ardour10", "ardour8.bak"):
        (tmp_path / ".config" / version).mkdir(parents=True)
    assert program_folder(name, home=tmp_path, platform=platform, environment={}) == tmp_path / place


def test_the_list_says_what_was_tried(capsys) -> None:
    assert list_templates(JsonOptions(as_json=True)) == 0
    rows = json.loads(capsys.readouterr().out)["templates"]
    assert [row["name"] for row in rows] == [template.name for template in read_templates()]
    assert list_templates(JsonOptions(as_json=False)) == 0
    shown = capsys.readouterr().out.casefold()
    assert all(row["tried"].casefold() in shown for row in rows)


# REAPER's transport.


def test_the_pattern_file_says_what_is_understood() -> None:
    lines = (REAPER / "Vocalese.ReaperOSC").read_text(encoding="utf-8").splitlines()
    patterns = {words[0]: words[1:] for line in lines if (words := line.split()) and not words[0].startswith(("#", "DEVICE_"))}
    assert {"TIME", "SAMPLES", "BEAT", "TEMPO", "PLAY", "STOP", "REPEAT"} <= patterns.keys()
    assert {pattern[1:] for found in patterns.values() for pattern in found} == reaper.ADDRESSES
    assert all(pattern[0] in "nfbtrs" for found in patterns.values() for pattern in found)


def test_positions_of_reaper_become_transport() -> None:
    transport = ReaperTransport()
    said = [
        ("/tempo/raw", 90.0), ("/time", 0.0), ("/samples/str", "0"), ("/stop", 0.0), ("/play", 1.0), ("/play", 1.0),
        ("/time", 400.0), ("/samples", 17_640_000.0), ("/samples/str", "17640001"), ("/record", 1.0), ("/stop", 1.0),
    ]  # fmt: skip
    heard = [position for address, value in said if (position := transport.feed(address, [value])) is not None]
    assert [(each.state, each.sample) for each in heard] == [(0, 0), (1, 0), (1, 17_640_001), (2, 17_640_001), (0, 17_640_001)]
    assert heard[-1].ppq == pytest.approx(17_640_001 / 44_100 * 90 / 60, abs=1e-9), "by the sample, not by the float"
    for position in heard:
        assert read_event(*write_event(position)) == Read(position, "/vocalese/transport")


@pytest.mark.parametrize(
    "said", [("/samples/str", ["4.1.00"]), ("/play", []), ("/play", ["x"]), ("/track/1/volume", [0.5]), ("/tempo/raw", [0.0])]
)
def test_what_reaper_does_not_say_changes_nothing(said) -> None:
    transport = ReaperTransport()
    assert transport.feed(*said) is None
    assert transport.feed("/samples/str", ["5"]) == Transport(0, 5, 0.0, 120.0, 0.0)


# What `vocalese send` makes of a score.


def test_rows_of_a_score() -> None:
    notes = (Note(0, 240, 60.0, 127, "stay"), Note(240, 480, 62.5, 64), Note(720, 240, 64.0, 100, "-"))
    curves = (
        Curve(Parameter.BEND_CENTS, (0, 480), (0.0, 100.0), stepped=True),
        Curve(Parameter.TENSION, (0, 480), (0.0, 1.0)),
    )
    track = Track("lead", notes, curves)
    score = Score("", 480, (Track("drums", notes[1:2], is_drums=True), track), TempoMap(480, (TempoChange(480, 400_000),)),
                  (Meter(0, 3, 4), Meter(480, 6, 8)))  # fmt: skip
    assert send.sung_tracks(score) == [track]
    assert send.note_rows(track, 480) == [
        (0, 0.5, 60, 1.0, "stay"),
        (0.5, 1.0, 62.5, 64 / 127, ""),
        (1.5, 0.5, 64, 100 / 127, "-"),
    ]
    rows, thinned = send.curve_rows(track, 480)
    assert rows == {"bend_cents": [(0, 0.0), (479 / 480, 0.0), (1, 100.0)], "tension": [(0, 0.0), (1, 1.0)]} and thinned == 1
    assert send.tempo_rows(score) == [(0, 120.0, 3, 4), (1, 150.0, 6, 8)]


def test_too_many_points_are_thinned_and_reported() -> None:
    ticks = tuple(range(0, 50_000, 5))
    rows, thinned = send.curve_rows(Track("", (), (Curve(Parameter.TENSION, ticks, tuple(t / 1e5 for t in ticks)),)), 480)
    assert thinned == 5 and len(rows["tension"]) <= 2_401
    assert rows["tension"][-1] == (ticks[-1] / 480, ticks[-1] / 1e5)


# The Lua of the REAPER scripts, by a real interpreter.


@pytest.fixture(scope="module")
def lua() -> str:
    found = shutil.which("lua5.4") or shutil.which("lua")
    if found is None:
        pytest.skip("no Lua interpreter is installed (apt-get install lua5.4)")
    return found


def answer_of(lua: str, program: str, folder: Path = REAPER) -> str:
    done = subprocess.run([lua, "-"], input=program, capture_output=True, cwd=folder, timeout=30, check=False, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".lua"], ids=lambda path: path.name)
def test_scripts_are_lua(lua: str, path: Path) -> None:
    answer_of(lua, f"assert(loadfile({json.dumps(path.name)}))", path.parent)


def test_a_midi_file_from_lua(lua: str, tmp_path) -> None:
    target = tmp_path / "song.mid"
    program = """
      local vocalese = dofile("vocalese_midi.lua")
      local song = {
        tempo = { { quarter = 0, seconds_per_quarter = 0.5 }, { quarter = 4.5, seconds_per_quarter = 0.7 } },
        meters = { { quarter = 0, numerator = 6, denominator = 8 } },
        tracks = { {
          name = "Lead", controls = { { at = 1, bytes = string.char(0xB0, 1, 64) }, { at = 200, bytes = string.char(0xE0, 0, 96) } },
          lyrics = { { at = 1, text = "stay" }, { at = 2, text = "né" } },
          notes = { { start = 2, stop = 200.25, channel = 0, pitch = 64, velocity = 90 },
                    { start = 1, stop = 2, channel = 0, pitch = 64, velocity = 100 },
                    { start = 200.25, stop = 200.25, channel = 0, pitch = 67, velocity = 1 } },
        } },
      }
      io.open(TARGET, "wb"):write(vocalese.midi_file(song))
    """
    answer_of(lua, program.replace("TARGET", json.dumps(str(target))))
    score = read_score(target)
    [track] = [track for track in score.tracks if track.notes]
    read = [
        (note.onset_ticks / score.ppq, note.offset_ticks / score.ppq, note.pitch, note.velocity, note.lyric)
        for note in track.notes
    ]
    assert read[:2] == [(1, 2, 64, 100, "stay"), (2, 200.25, 64, 90, "né")]
    assert read[2][0] == 200.25 and read[2][2:4] == (67, 1)
    assert track.name == "Lead" and [(change.tick / score.ppq, change.us_per_beat) for change in score.tempo_map.changes] == [
        (0, 500_000), (4.5, 700_000),
    ]  # fmt: skip
    assert [(meter.numerator, meter.denominator) for meter in score.meters] == [(6, 8)]
    assert track.curve(Parameter.MODULATION).values == pytest.approx((64 / 127,))
    assert track.curve(Parameter.BEND_CENTS).values == (100.0,)


def test_a_gliding_tempo_is_exact_at_its_cuts(lua: str) -> None:
    program = """
      local vocalese = dofile("vocalese_midi.lua")
      local function seconds_at(quarter) return quarter < 2 and quarter * 0.5 or 1 + (quarter - 2) * 0.5 + 0.05 * (quarter - 2) ^ 2 end
      for _, tempo in ipairs(vocalese.tempo_between({ 0, 1, 2, 3, 3.5, 4 }, seconds_at)) do
        print(tempo.quarter, tempo.seconds_per_quarter)
      end
    """
    rows = [tuple(map(float, line.split())) for line in answer_of(lua, program).splitlines()]
    assert [quarter for quarter, _ in rows] == [0, 2, 3, 3.5]
    assert [seconds for _, seconds in rows] == pytest.approx([0.5, 0.55, 0.625, 0.675])


def test_words_reach_the_command_whole(lua: str) -> None:
    words = ["echo", "it's", 'a "b"', "$HOME `id`", "end\\"]
    program = f"""
      local vocalese = dofile("vocalese_midi.lua")
      print(vocalese.command_line({{{", ".join(json.dumps(word) for word in words)}}}, false))
      io.write(vocalese.command_line({{"C:\\\\a b\\\\", 'x"y', "z"}}, true))
    """
    posix, windows = answer_of(lua, program).split("\n")
    assert (
        subprocess.run(["/bin/sh", "-c", posix], capture_output=True, text=True, check=True).stdout
        == " ".join(words[1:]) + "\n"
    )
    assert windows == r'"C:\a b\\" "x\"y" "z"'


def test_paths_of_stems_are_found(lua: str) -> None:
    paths = ["stems/söng - Lead.wav", "C:\\unit\\new\\stems\\a.wav"]
    output = "rendering\n" + json.dumps({"stems": [{"path": path, "score": "x"} for path in paths], "errors": []}) + "\n"
    program = f"""
      local vocalese = dofile("vocalese_midi.lua")
      for _, path in ipairs(vocalese.stem_paths([==[{output}]==])) do print(path) end
    """
    assert answer_of(lua, program).splitlines() == paths
