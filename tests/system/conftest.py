"""The command line as a user has it, with folders of its own for cache and voices."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.score import write_score

# A melody in the voice's range: steps, leaps, a melisma, two rests, a long note.
MELODY = [
    (4, 1, 57, "stay"), (5, 1, 60, "with"), (6, 2, 64, "me"),
    (10, 1, 62, "hold"), (11, 1, 60, "the"), (12, 1, 67, "line"), (13, 1, 65, "-"),
    (17, 1, 52, "all"), (18, 1, 59, "my"), (19, 1, 57, "love"), (20, 4, 55, "home"),
]  # fmt: skip


class Answer(NamedTuple):
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def last_line(self) -> dict:
        """The JSON object on the last line of standard output."""
        return json.loads(self.out.splitlines()[-1])

    @property
    def stems(self) -> list[dict]:
        return self.last_line["stems"]


@pytest.fixture(scope="session", autouse=True)
def private_folders(tmp_path_factory):
    """Neither the user's phrase cache nor their voices take part."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
            patch.setenv(name, str(folder / name.lower()))
        yield folder


@pytest.fixture(scope="session")
def vocalese() -> Callable[..., Answer]:
    """`vocalese("render", path, "--json")`: runs the command in this process."""
    from bridge.cli import main

    def run(*arguments: object) -> Answer:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main([str(argument) for argument in arguments])
            except SystemExit as stopped:  # argparse
                code = int(stopped.code or 0)
        return Answer(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="session")
def melody(tmp_path_factory, song) -> Path:
    """A MIDI file with words."""
    path = tmp_path_factory.mktemp("scores") / "stay with me.mid"
    write_score(song(MELODY, name="lead", title="Stay"), path)
    return path


@pytest.fixture
def midi(tmp_path, song) -> Callable[..., Path]:
    """`midi("name", notes, …)`: a MIDI file in this test's folder."""

    def write(name: str, notes, **more) -> Path:
        path = tmp_path / f"{name}.mid"
        write_score(song(notes, **more), path)
        return path

    return write


@pytest.fixture(scope="session")
def rendered(vocalese, melody, tmp_path_factory) -> Answer:
    """The melody as a stem, rendered once for all tests that only look at it."""
    return vocalese("render", melody, "-o", tmp_path_factory.mktemp("stems"), "--json")
