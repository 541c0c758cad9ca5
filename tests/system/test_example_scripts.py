"""Runs every script of examples/. Scripts that need a server get one with null output."""

from __future__ import annotations

import ast
import re
import runpy
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples"
SCRIPTS = sorted(path for path in FOLDER.glob("*.py") if path.name != "make_examples.py")
Run = Callable[..., None]


@pytest.fixture
def run(tmp_path, monkeypatch) -> Run:
    """`run("talk_text", "Hello.")`: call the script's main function in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(name: str, *arguments: object) -> None:
        runpy.run_path(str(FOLDER / f"{name}.py"))["main"](*map(str, arguments))

    return call


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    """The OSC port of a running `vocalese serve --output null`."""
    command = [sys.executable, "-m", "bridge.cli", "serve", "--output", "null", "--port", "0", "--no-midi"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None and process.stderr is not None
        lines: list[str] = []
        while not (lines and lines[-1].startswith("Ctrl-C")):
            lines.append(process.stdout.readline())
            assert lines[-1], process.stderr.read()
        yield re.findall(r"OSC +127\.0\.0\.1:(\d+)", "".join(lines))[0]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 0


def peak(path: Path) -> float:
    samples, _ = soundfile.read(path, dtype="float32")
    return float(np.abs(samples).max())


@pytest.mark.parametrize(
    ("name", "stem"),
    [("words_on_melody", "melody.wav"), ("rap_grid", "rap.wav"), ("talk_text", "talk.wav"), ("live_note", "live.wav")],
)
def test_script_writes_sound(name: str, stem: str, run: Run, tmp_path) -> None:
    run(name)
    assert 0.05 < peak(tmp_path / stem) < 1.0


def test_rendered_file_is_measured(run: Run, melody: Path, tmp_path, capsys) -> None:
    run("render_file", melody, tmp_path)
    (stem,) = tmp_path.glob("*.wav")
    run("measure_stem", stem, melody)
    assert "cents" in capsys.readouterr().out


def test_batch_goes_on_after_a_bad_file(run: Run, melody: Path, tmp_path, capsys) -> None:
    shutil.copy(melody, tmp_path / "good.mid")
    (tmp_path / "bad.mid").write_bytes(b"no MIDI")
    run("batch_folder", tmp_path, tmp_path / "stems")
    assert [path.name for path in (tmp_path / "stems").iterdir()] == ["good - lead.wav"]
    assert "bad.mid: " in capsys.readouterr().out


def test_own_dictionary_changes_phonemes(run: Run, capsys) -> None:
    run("own_dictionary")
    without, with_it = capsys.readouterr().out.splitlines()
    assert "SH IH V AO N" in with_it and "SH IH V AO N" not in without


def test_phonemes_of_a_line(run: Run, capsys) -> None:
    run("phonemes_of_line", "stay with me")
    assert "= S T EY W IH DH M IY\n" in capsys.readouterr().out


@pytest.mark.realtime
@pytest.mark.parametrize(("name", "printed"), [("osc_note", "Round trip"), ("osc_words", "Done.")])
def test_osc_script_plays_on_a_server(name: str, printed: str, run: Run, port: str, capsys) -> None:
    run(name, port)
    answered = capsys.readouterr().out
    assert printed in answered and "Error(" not in answered


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script_is_short_and_uses_public_modules(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module for module in imported if module and module.split(".")[0] in ("engine", "bridge")} <= {
        "engine",
        "bridge.client",
    }
    assert len(source.splitlines()) <= 45


def test_readme_lists_every_script_and_every_script_is_run() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    tests = Path(__file__).read_text(encoding="utf-8")
    assert all(f"({path.name})" in readme and f'"{path.stem}"' in tests for path in SCRIPTS)
