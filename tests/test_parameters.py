"""One row of the parameter table is enough for files, live play, MIDI, OSC, the command line and the pages."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
from parameter_walk import walk_parameter, walk_setting

from engine import CONTROLLERS, SETTINGS, Parameter, PerformanceSettings
from engine.performance.timbre import RULES
from engine.performance.types import CONTROL_NAMES, Performance

ROOT = Path(__file__).parents[1]
CONTROLLERS_PAGE = (ROOT / "docs" / "controllers.md").read_text(encoding="utf-8")
NOT_NUMBERS = {"mode", "seed", "breaths"}

ROW = """    SHIMMER = ParameterSpec(
        "shimmer", 0, 1, "sparkle",
        midi=MidiControl(19, "shimmer", 0, "Sparkle."),
        ustx=UstxCurve("shim", 0.01),
        svp=SvpCurve("shimmer"),
        vocaloid=VocaloidCurve("shimmer", 127),
        setting=TrackDefault(Subject.TIMBRE, 0.0, CommandLineOption("--shimmer", "X", "sparkle")),
    )
"""
FIELD = """    shimmer: float = _default("shimmer")
"""
# Loads two modules with a line more than they have, then runs the walk.
ADD_ROW_AND_WALK = f"""
import importlib.machinery, importlib.util, runpy, sys
from pathlib import Path

ADDED = {{
    "engine.parameters": ("    GROWL = ParameterSpec(", {ROW!r}),
    "engine.performance.settings": ("    growl: float", {FIELD!r}),
}}

class Loader(importlib.machinery.SourceFileLoader):
    def get_data(self, path):
        mark, text = ADDED[self.name]
        source = Path(path).read_text("utf-8")
        assert source.count(mark) == 1, mark
        return source.replace(mark, text + mark).encode()

    def path_stats(self, path):
        raise OSError  # no compiled file

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in ADDED:
            place = str(Path(*name.split(".")).with_suffix(".py").resolve())
            return importlib.util.spec_from_file_location(name, place, loader=Loader(name, place))

sys.meta_path.insert(0, Finder)
sys.argv = ["parameter_walk", "shimmer"]
runpy.run_path("tests/helpers/parameter_walk.py", run_name="__main__")
"""


@pytest.mark.parametrize("parameter", Parameter, ids=str)
def test_a_parameter_is_known_wherever_its_row_says(parameter: Parameter) -> None:
    walk_parameter(parameter)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_known_wherever_its_row_says(name: str) -> None:
    walk_setting(name)


def test_a_new_row_is_found_everywhere() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", ADD_ROW_AND_WALK], capture_output=True, text=True, cwd=ROOT, timeout=120, check=False
    )
    assert (ran.stdout.split(), ran.returncode) == (["walked", "shimmer"], 0), ran.stderr


def test_settings_controls_and_rules_belong_together() -> None:
    numbers = {item.name for item in dataclasses.fields(PerformanceSettings)} - NOT_NUMBERS
    assert numbers == set(SETTINGS)
    assert set(RULES) <= numbers & set(CONTROL_NAMES)
    assert set(CONTROL_NAMES) <= {item.name for item in dataclasses.fields(Performance)}


def test_names_and_numbers_are_used_once() -> None:
    numbers = [controller.number for controller in CONTROLLERS]
    flags = [setting.default.option.flag for setting in SETTINGS.values() if setting.default.option]
    for group in (numbers, flags, [p.spec.ustx.abbreviation for p in Parameter if p.spec.ustx]):
        assert len(set(group)) == len(group)


def test_the_page_of_controllers_has_every_row() -> None:
    for parameter in Parameter:
        spec = parameter.spec
        if spec.midi is not None:
            neutral = "none" if spec.midi.neutral is None else str(spec.midi.neutral)
            assert re.search(rf"^\| CC{spec.midi.number}\b[^|]*\| {neutral} \|", CONTROLLERS_PAGE, re.MULTILINE), parameter
        assert spec.ustx is None or f"`{spec.ustx.abbreviation}`" in CONTROLLERS_PAGE, parameter
    for name, setting in SETTINGS.items():
        assert setting.default.option is None or f"`{setting.default.option.flag}" in CONTROLLERS_PAGE, name
