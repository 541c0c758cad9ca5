"""`--language`: one list for every command that takes words, looked at when the command line is read."""

from __future__ import annotations

import time
from pathlib import Path

import mido
import pytest

from bridge.audio.engine import AudioConfig
from bridge.cli import build_parser
from bridge.cli.send import SendOptions
from bridge.cli.serve import ServeOptions
from bridge.commands import send
from bridge.commands.serve import server_options
from bridge.server import ServerOptions, VocaleseServer
from engine import LANGUAGES, STARTER_NAME

COMMANDS = (
    ["render", "a.mid"],
    ["play", "a.mid"],
    ["inspect", "a.mid"],
    ["send", "a.mid"],
    ["check", "a.wav", "a.mid"],
    ["serve"],
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_every_language_is_taken_and_nothing_else(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    parser = build_parser()
    for given, taken in [*((code, code) for code in LANGUAGES), ("pt-BR", "pt"), ("zh_CN", "zh"), ("DE", "de")]:
        read = parser.parse_args([*command, "--language", given])
        assert (read.languages if command == ["serve"] else read.language) in (taken, [taken])
    for wrong in ("pl", "klingon", "", "e"):
        with pytest.raises(SystemExit) as ended:
            parser.parse_args([*command, "--language", wrong])
        said = capsys.readouterr().err
        assert ended.value.code == 2 and "--language" in said and "yue" in said


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_the_help_lists_them(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args([command[0], "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert all(f"{code} {row.name}" in said for code, row in LANGUAGES.items())


def test_languages_of_tracks() -> None:
    read = build_parser().parse_args(["serve", "--language", "de", "--language", "1=fr-CA"]).languages
    assert read == ["de", "1=fr"]
    options = server_options(ServeOptions(output="null", tracks=2, languages=tuple(read), with_midi=False))
    assert options.languages == ("de", "fr")
    assert server_options(ServeOptions(output="null", tracks=2, with_midi=False)).languages == ("", "")
    with pytest.raises(SystemExit):
        build_parser().parse_args(["serve", "--language", "1=pl"])


def test_the_language_of_a_reference_is_one_that_such_voices_read(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["voice", "import", "me", "--gpt", "a", "--sovits", "b", "--reference-language", "de"])
    assert "yue" in capsys.readouterr().err


@pytest.mark.parametrize(("given", "expected"), [("de", "de"), (None, None)])
def test_a_sent_song_takes_its_language_along(tmp_path: Path, given: str | None, expected: str | None) -> None:
    song = mido.MidiFile(ticks_per_beat=480)
    track = song.add_track("Lead")
    track.append(mido.MetaMessage("lyrics", text="Nacht", time=0))
    track.append(mido.Message("note_on", note=60, velocity=80, time=0))
    track.append(mido.Message("note_off", note=60, time=480))
    song.save(tmp_path / "song.mid")
    options = ServerOptions(
        audio=AudioConfig(output="null", block_frames=256, tracks=1),
        voices=(STARTER_NAME,),
        languages=("",),
        port=0,
        with_midi=False,
        takes=tmp_path,
        cache=tmp_path / "phrases",
    )
    with VocaleseServer(options, lambda sentence: None) as server:
        send.run(SendOptions(score=tmp_path / "song.mid", port=server.osc.port, language=given))
        deadline_s = time.monotonic() + 30.0
        while server._sequencer is None or not server._sequencer._timeline.track(0).clips:
            assert time.monotonic() < deadline_s, "the clip did not arrive"
            time.sleep(0.01)
        assert server._sequencer._timeline.track(0).singing.words.language == expected
