"""Voices of the real sizes: random weights under the official names and shapes, written as the official program writes them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from gpt_sovits_tiny import HEADERS, VERSIONS, save_official

from engine import PerformanceSettings, load_voice, plan_score
from engine.voices.gpt_sovits import speech
from engine.voices.gpt_sovits.importer import Reference, import_voice

RATE = 32_000
_ONES = ("weight_g", "gamma", "running_var", "alpha", "cluster_size")


@pytest.fixture(scope="module")
def official(shared_data) -> dict:
    path = shared_data.parent / "reference" / "gpt-sovits-keys.json"
    if not path.is_file():
        pytest.skip(f"no sizes in {path}")
    return json.loads(path.read_text(encoding="utf-8"))


def random_weights(rows: list, seed: int) -> dict[str, torch.Tensor]:
    """Half-precision weights of a size at which signals neither vanish nor burst."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in rows:
        if name.endswith("num_batches_tracked"):
            weights[name] = torch.tensor(1)
        elif name.endswith(_ONES) or ("norm" in name and name.endswith("weight")):
            weights[name] = torch.ones(shape).half()
        else:
            scale = math.prod(shape[1:]) ** -0.5 if len(shape) > 1 else 0.02
            weights[name] = (scale * torch.randn(shape, generator=generator)).half()
    return weights


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.parametrize("version", VERSIONS)
def test_a_voice_of_the_real_size_is_imported_and_sings(official, song, tmp_path: Path, monkeypatch, version: str) -> None:
    monkeypatch.setattr(speech, "_TAKES", 1)  # random weights never end by themselves: once is enough
    gpt, sovits = official["s1_v1" if version == "v1" else "s1_v2"], official[f"s2_{version}"]
    config = {"model": {**sovits["model_config"], "version": version}, "data": {}, "train": {}}
    save_official(
        tmp_path / "a.ckpt", {"weight": random_weights(gpt["keys"], 1), "config": {"model": {"head": 16}}, "info": "GPT-e1"}
    )
    save_official(
        tmp_path / "a.pth",
        {"weight": random_weights(sovits["keys"], 2), "config": config, "info": "1"},
        header=HEADERS[version],
    )
    speaker = None
    if version.startswith("v2Pro"):
        speaker = save_official(tmp_path / "sv.ckpt", random_weights(official["sv_eres2netv2w24s4ep4"]["keys"], 3))
    soundfile.write(tmp_path / "clip.wav", 0.1 * np.random.default_rng(1).standard_normal(4 * RATE), RATE)
    folder = import_voice(
        tmp_path / "a.ckpt",
        tmp_path / "a.pth",
        tmp_path / "voice",
        name=version,
        speaker_path=speaker,
        reference=Reference(path=tmp_path / "clip.wav"),
    )
    voice = load_voice(str(folder))
    assert voice.card.model["version"] == version
    notes = [(0, 1, 60, "la"), (1, 1, 64, "la")]
    (phrase,) = plan_score(song(notes), voice.card, PerformanceSettings()).tracks[0].performed.phrases
    samples = voice.synthesise(phrase)
    assert len(samples) == phrase.frames * RATE // 100
    assert np.isfinite(samples).all() and np.abs(samples).max() > 0.01
