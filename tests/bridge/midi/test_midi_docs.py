"""The MIDI page says what the table and the code do; the example of the live page runs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from bridge.midi.ports import VIRTUAL_NAME
from bridge.midi.router import LARGEST_BEND_SEMITONES, MEMBER_BEND_SEMITONES, NOTE_BEND_SEMITONES
from bridge.midi.table import RESERVED
from engine import CONTROLLERS, LiveSettings

DOCS = Path(__file__).parents[3] / "docs"
MIDI = (DOCS / "midi.md").read_text(encoding="utf-8")
LIVE = (DOCS / "live.md").read_text(encoding="utf-8")


def test_the_table_of_controllers_is_the_table():
    written = [line for line in MIDI.splitlines() if line.startswith("| CC")]
    assert written == [f"| CC{c.number} | {c.name} | {c.neutral} | {c.meaning} |" for c in CONTROLLERS]


def test_the_reserved_numbers_are_named():
    listed = re.search(r"cannot be learned: ([^.]+)\.", MIDI)[1]
    numbers: set[int] = set()
    for part in re.split(r", | and (?=\d)", listed.replace("\n", " ")):
        first, _, last = part.partition(" to ")
        numbers |= set(range(int(first), int(last or first) + 1))
    assert numbers == RESERVED


def test_names_and_figures_are_those_of_the_code():
    settings = LiveSettings()
    assert f"`{VIRTUAL_NAME}`" in MIDI
    assert f"Keys {settings.previous_line_key}, {settings.again_key} and {settings.next_line_key}" in MIDI
    assert (NOTE_BEND_SEMITONES, MEMBER_BEND_SEMITONES, LARGEST_BEND_SEMITONES) == (2, 48, 96)
    assert "two semitones if it is never sent, 96 at most" in MIDI and "48 semitones unless" in MIDI


def test_the_example_of_the_live_page_runs(starter, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example = re.split(r"\n(?=\S)", LIVE[LIVE.index("    from engine import") :])[0]
    names: dict = {}
    exec(compile("\n".join(line[4:] for line in example.splitlines()), "live.md", "exec"), names)
    assert len(names["samples"]) == names["voice"].sample_rate
    assert np.abs(names["samples"]).max() > 0.01
    assert (tmp_path / "take.mid").stat().st_size > 50
