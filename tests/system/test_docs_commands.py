"""Runs the commands and Python of README and docs.

A fenced block behind a line `<!-- run -->` is run, in the order of its page, in a folder with the files that `_prepare` makes. The other
shell blocks may need a device, a server or a network: their `vocalese` lines are parsed only.
"""

from __future__ import annotations

import glob
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile

from bridge.cli import build_parser
from engine.score import write_score

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "examples/README.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))
MARK = "<!-- run -->"


class Block(NamedTuple):
    """A fenced block: its language, its text, and whether it is marked to be run."""

    language: str
    text: str
    is_run: bool

    @property
    def commands(self) -> list[list[str]]:
        """Arguments of each `vocalese` line, without comments; a backslash joins lines."""
        lines = self.text.replace("\\\n", " ").splitlines()
        split = (shlex.split(line, comments=True) for line in lines)
        return [words[1:] for words in split if words and words[0] == "vocalese"]


def blocks(page: Path) -> list[Block]:
    found = re.findall(rf"({MARK}\n)?```(\w+)\n(.*?)```\n", page.read_text(encoding="utf-8"), re.DOTALL)
    return [Block(language, text, bool(mark)) for mark, language, text in found]


def run_blocks(page: Path, language: str) -> list[Block]:
    return [block for block in blocks(page) if block.is_run and block.language == language]


WITH_COMMANDS = [page for page in PAGES if any(block.language == "sh" for block in blocks(page))]
RUN = [page for page in PAGES if run_blocks(page, "sh")]


@pytest.fixture
def prepared(tmp_path, monkeypatch, song, starter) -> Path:
    """An empty working folder with the scores, words and sounds that the pages name."""
    from engine import PerformanceSettings, plan_text, render_track

    monkeypatch.chdir(tmp_path)
    words = [(1, 1, 57, "stay"), (2, 1, 60, "with"), (3, 2, 64, "me")]
    silent = [(beat, beats, pitch, None) for beat, beats, pitch, _ in [*words, (5, 1, 62, ""), (6, 2, 60, "")]]
    write_score(song(words, name="Lead", title="song"), tmp_path / "song.mid")
    for name in ("hook", "verse"):
        write_score(song(silent, name="Lead", title=name), tmp_path / f"{name}.mid")
    (tmp_path / "songs").mkdir()
    for name in ("one", "two"):
        write_score(song(words, name="Lead", title=name), tmp_path / "songs" / f"{name}.mid")
    (tmp_path / "verse.txt").write_text("put a little melody\n", encoding="utf-8")
    (tmp_path / "intro.txt").write_text("Good evening.\n", encoding="utf-8")
    (tmp_path / "words.txt").write_text("vocalese   V OW1 K AH0 L IY2 Z\n", encoding="utf-8")
    plan = plan_text("A few seconds of one person, alone and dry.", starter.card, PerformanceSettings())
    phrases = plan.tracks[0].performed.phrases
    sound = render_track(phrases, starter, sample_rate=44_100, total_samples=plan.total_samples(44_100))
    soundfile.write(tmp_path / "me.wav", np.concatenate(list(sound)), 44_100)
    return tmp_path


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.name)
def test_commands_parse(page: Path, capsys) -> None:
    for block in blocks(page):
        for arguments in block.commands if block.language == "sh" else ():
            try:
                build_parser().parse_args(arguments)
            except SystemExit:
                pytest.fail(f"vocalese {shlex.join(arguments)}: {capsys.readouterr().err}")


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_marked_commands_run(page: Path, prepared: Path, vocalese) -> None:
    for block in run_blocks(page, "sh"):
        assert block.commands, "a marked block has vocalese commands only"
        for arguments in block.commands:
            if arguments[0] == "demo":  # tested below, in the slow lane
                continue
            expanded = [name for word in arguments for name in (sorted(glob.glob(word)) if "*" in word else [word])]
            if "--jobs" in expanded:  # child processes need a real main module
                answer = subprocess.run([sys.executable, "-m", "bridge.cli", *expanded], capture_output=True, text=True)
                assert answer.returncode == 0, answer.stderr
            else:
                answered = vocalese(*expanded)
                assert answered.code == 0, f"vocalese {shlex.join(expanded)}: {answered.err}"


@pytest.mark.slow
def test_demo_with_effects_runs(prepared: Path, vocalese) -> None:
    """Runs the second command of the first minute; test_other_commands.py runs the first."""
    commands = [arguments for block in run_blocks(ROOT / "README.md", "sh") for arguments in block.commands]
    demo, with_effects = (arguments for arguments in commands if arguments[0] == "demo")
    assert demo == ["demo"]
    assert vocalese(*with_effects).code == 0
    assert len(list((prepared / "demo").glob("*.wav"))) > 5


@pytest.mark.parametrize("page", [page for page in PAGES if run_blocks(page, "python")], ids=lambda page: page.name)
def test_marked_python_runs(page: Path, prepared: Path) -> None:
    for block in run_blocks(page, "python"):
        exec(compile(block.text, page.name, "exec"), {"__name__": "__main__"})


def test_the_common_commands_are_run() -> None:
    run = {arguments[0] for page in PAGES for block in run_blocks(page, "sh") for arguments in block.commands}
    assert {"demo", "inspect", "render", "convert", "check", "phonemes", "voices", "voice", "templates"} <= run
