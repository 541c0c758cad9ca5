"""Sentences with the phonemes of the official front ends: ours are the same but for the places that docs/gpt-sovits.md lists."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[4]
LARGEST_PERCENT = {"zh": 3.0, "yue": 3.0, "mixed": 6.0}


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("text_frontend", ROOT / "benchmarks" / "text_frontend.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.shared_data
@pytest.mark.parametrize("name", LARGEST_PERCENT)
def test_few_phonemes_are_off(shared_data: Path, benchmark: ModuleType, name: str) -> None:
    for package in ("pypinyin", "jieba", "opencc", "ToJyutping", "pyopenjtalk"):
        pytest.importorskip(package)
    path = shared_data.parent / "field" / "gpt-sovits" / "frontend_dev.json"
    if not path.is_file():
        pytest.skip(f"no {path}")
    sentences = [benchmark.compared(entry) for entry in json.loads(path.read_text(encoding="utf-8"))[name]]
    assert benchmark.percent_off([s for s in sentences if s.text not in benchmark.READ_BETTER]) <= LARGEST_PERCENT[name]


def test_edits_are_counted(tmp_path: Path, benchmark: ModuleType) -> None:
    assert benchmark.edit_distance("a b c".split(), "a c".split()) == 1
    assert benchmark.edit_distance([], ["a"]) == 1 and benchmark.edit_distance(["a"], ["b"]) == 1
    wrong = benchmark.Compared("x", ("a", "b"), ("a",), ())
    assert benchmark.percent_off([wrong, benchmark.Compared("y", ("a", "b"), ("a", "b"), ())]) == 25.0
    entry = {"text": "Stay.", "language": "en", "phones": "S T EY1 ."}
    assert benchmark.compared(entry).edits == 0
