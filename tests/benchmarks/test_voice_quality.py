"""The voice-quality benchmark runs, says what it cannot measure, and its small parts are right."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks"


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_quick_run_ends_with_one_json_object(tmp_path: Path) -> None:
    pytest.importorskip("pocketsphinx", reason="the benchmark listens with PocketSphinx")
    command = [sys.executable, str(FOLDER / "voice_quality.py"), "--quick", "--json", "--shared", str(tmp_path)]
    command += ["--only", "words,sentences,level,following,live"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    result = json.loads(printed.splitlines()[-1])
    assert result["quick"] is True
    assert result["words"]["mean"]["tokens"] >= 0.5  # of eight words: chance is 0.125
    assert "no recordings" in result["sentences"]["skipped"]
    assert 0.0 < result["level"]["spread_db"] < 20.0
    assert result["following"]["Twinkle, plain"]["pitch_error_median_cents"] < 5.0
    assert result["live"]["streamed_minus_offline"] < 1e-4 and result["live"]["block_ms_p99"] > 0


@pytest.mark.parametrize(
    ("wanted", "heard", "errors"),
    [("a b c", "a b c", 0), ("a b c", "a c", 1), ("a b c", "a x c d", 2), ("", "a", 1), ("a b", "", 2)],
)
def test_word_errors(wanted: str, heard: str, errors: int) -> None:
    pytest.importorskip("pocketsphinx", reason="the listener is PocketSphinx")
    assert loaded("_recognise").word_errors(wanted.split(), heard.split()) == errors


def test_world_stretches_vowels_only() -> None:
    """A vowel of 0.1 s between consonants of 0.1 s, over a note of a second: the consonants keep their length."""
    references = loaded("_references")
    word = references.SpokenWord(np.zeros(16_000), 16_000, (0.2, 0.5), ((0.3, 0.4),))
    sung_s, spoken_s = references._warp(word, 1.0)
    assert spoken_s == [0.2, 0.3, 0.4, 0.5]
    np.testing.assert_allclose(sung_s, [0.0, 0.1, 1.05, 1.15])


def test_a_word_has_a_note_per_syllable() -> None:
    benchmark = loaded("voice_quality")
    score, spans = benchmark.words_score(["door", "again"], {"door": 1, "again": 2}.__getitem__, 57, 0.5)
    assert [note.lyric for note in score.tracks[0].notes] == ["door", "again", "+"]
    assert spans == [("door", 1.0, 1.5), ("again", 2.4, 3.4)]


def test_units_of_clips_are_merged_into_phones() -> None:
    """Closures and glides, which the voice splits off again, are merged with their phones; a doubled stop stays two."""
    benchmark = loaded("voice_quality")
    units = ("SIL", "T_closure", "T", "AY", "AY_glide", "T_closure", "T", "T_closure", "T", "SIL")
    clip = type("Clip", (), {})()
    clip.units, clip.borders_s, clip.frames = units, np.arange(11) / 10, 100
    clip.f0_hz = np.full(100, 200.0)
    clip.effort = np.zeros(100)
    spans = benchmark.spoken_again(clip).phones
    assert [span.symbol for span in spans] == ["SIL", "T", "AY", "T", "T", "SIL"]
    assert [span.end_s for span in spans] == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
