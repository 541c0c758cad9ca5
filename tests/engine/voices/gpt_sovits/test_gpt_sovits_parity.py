"""The official numbers, and the real sizes: both lie beside the checkout."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from gpt_sovits_tiny import Weights, gpt_config, sovits_config

from engine.voices.gpt_sovits.networks.config import GptConfig, SovitsConfig, SpeakerConfig
from engine.voices.gpt_sovits.networks.generate import Sampling, generate
from engine.voices.gpt_sovits.networks.weights import build_gpt, build_sovits, build_speaker

ROOT = Path(__file__).resolve().parents[4]
SHARED = ROOT.parent / "shared"
import parity  # noqa: E402

pytestmark = [pytest.mark.shared_data, pytest.mark.slow]


@pytest.fixture
def numbers() -> Path:
    if not (SHARED / "parity").is_dir():
        pytest.skip(f"the official numbers are not at {SHARED / 'parity'}")
    return SHARED / "parity"


@pytest.fixture
def layout() -> dict:
    path = SHARED / "reference" / "gpt-sovits-keys.json"
    if not path.is_file():
        pytest.skip(f"the official sizes are not at {path}")
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def one_thread():
    with parity.threads(1):
        yield


def test_all_official_numbers_are_met(numbers) -> None:
    lines = list(parity.check_folder(numbers))
    assert len(lines) > 200 and not [str(line) for line in lines if not line.ok]


def test_names_of_files_do_not_matter_but_numbers_do(numbers, tmp_path) -> None:
    (tmp_path / "a.bin").write_bytes((numbers / "s1_v1_tiny.ckpt").read_bytes())
    (tmp_path / "b.npz").write_bytes((numbers / "s1_v2_tiny.ckpt").read_bytes())
    with np.load(numbers / "s1_v1_tiny.npz") as opened:
        given = dict(opened)
    np.savez(tmp_path / "c.npz", **given)
    assert all(line.ok for line in parity.check_folder(tmp_path))
    given["prefill_hidden"] = given["prefill_hidden"] + 2e-4
    given["norp_tokens"] = given["norp_tokens"] + 1
    np.savez(tmp_path / "c.npz", **given, unknown_array=np.zeros(3))
    failed = [line.name.split()[-1] for line in parity.check_folder(tmp_path) if not line.ok]
    assert failed == ["prefill_hidden", "norp_tokens", "unknown_array"]


def test_everything_is_found_under_other_names(numbers, tmp_path) -> None:
    """Weights, arrays and texts without a telling name, among things that are none of these."""
    left_out = ("s2_v1", "sv_", "README")  # the rest takes long enough
    for number, path in enumerate(path for path in sorted(numbers.iterdir()) if not path.name.startswith(left_out)):
        (tmp_path / f"{number}").write_bytes(path.read_bytes())
    (tmp_path / "weights.pth").write_text("nothing of the kind")
    (tmp_path / "settings.json").write_text("[1]")
    (tmp_path / "folder.ckpt").mkdir()
    lines = list(parity.check_folder(tmp_path))
    assert not [str(line) for line in lines if not line.ok]
    assert len(lines) > 150 and len({line.name.partition(" ")[0] for line in lines}) == 7


def test_a_namesake_of_another_version_is_passed_over(numbers, tmp_path) -> None:
    (tmp_path / "me.npz").write_bytes((numbers / "s1_v2_tiny.npz").read_bytes())
    (tmp_path / "me.ckpt").write_bytes((numbers / "s1_v1_tiny.ckpt").read_bytes())
    assert not all(line.ok for line in parity.check_folder(tmp_path))
    (tmp_path / "you").write_bytes((numbers / "s1_v2_tiny.ckpt").read_bytes())
    assert all(line.ok for line in parity.check_folder(tmp_path))


def test_a_damaged_weight_file_fails_whatever_it_is_called(numbers, tmp_path) -> None:
    content = (numbers / "s2_v2Pro_tiny.pth").read_bytes()
    (tmp_path / "notes.txt").write_bytes(content[: len(content) // 2])
    (failed,) = parity.check_folder(tmp_path)
    assert not failed.ok and failed.name == "notes.txt" and "incomplete or damaged" in failed.note


@pytest.mark.parametrize("changed", ["layer1.0.bn1.weight", "layer3.0.bns.0.bias", "layer4.1.bn3.weight", "layer3_ds.weight"])
def test_another_speaker_network_fails_on_any_machine(numbers, changed: str) -> None:
    """The tolerance of its vector follows the machine's rounding; a wrong network must lie outside it."""
    file = parity.read_official(numbers / "sv_eres2net_tiny.ckpt")
    wrong = {
        name: tensor.float() * (1.2 if name == changed else 1.0) if tensor.is_floating_point() else tensor
        for name, tensor in file.weights.items()
    }
    with np.load(numbers / "sv_eres2net_tiny.npz") as opened:
        given = dict(opened)
    results = parity.speaker_results(replace(file, weights=wrong), given)
    assert [line.ok for line in parity.compare_all("sv", results, given)] == [True, False]


def weights_of(layout: dict, name: str) -> Weights:
    """Small random weights of the real shapes; the buffers are long enough for the strides of the largest."""
    weights = Weights(0)
    for key, shape in layout[name]["keys"]:
        if key.startswith("enc_q."):
            continue
        if not shape:
            weights[key] = torch.tensor(1)
            continue
        kind = "one" if key.endswith(("weight_g", "running_var")) else "matrix"
        values = weights.buffers[kind].abs() if kind == "one" else weights.buffers[kind] * 0.2
        strides = (13, 5, 2, 1)[4 - len(shape) :] if max(shape) < 3000 else (2,) * len(shape)
        weights[key] = values.as_strided(tuple(shape), strides)
    return weights


@pytest.mark.parametrize("version", ["s2_v1", "s2_v2", "s2_v2Pro", "s2_v2ProPlus"])
@torch.inference_mode()
def test_voices_of_real_size_decode(layout, version: str) -> None:
    weights = weights_of(layout, version)
    config = sovits_config(version.removeprefix("s2_"))
    config["model"] |= layout[version]["model_config"]
    model = build_sovits(weights, SovitsConfig.from_official(config, weights))
    assert model.config.version == version.removeprefix("s2_")
    unused = sum(weights[f"quantizer.vq.layers.0._codebook.{name}"].numel() for name in ("inited", "cluster_size", "embed_avg"))
    counted = sum(tensor.numel() for tensor in weights.values()) - unused
    norms = sum(tensor.numel() for name, tensor in weights.items() if name.endswith("weight_g"))
    assert sum(tensor.numel() for tensor in model.state_dict().values()) == counted - norms
    ge = model.voice(torch.rand(1, 1025, 30), torch.rand(1, 20480) if model.config.has_speaker else None)
    wave = model.decode(torch.arange(4)[None], torch.arange(5)[None], ge)
    assert wave.shape == (1, 4 * 1280) and torch.isfinite(wave).all()


@pytest.mark.parametrize("version", ["s1_v1", "s1_v2"])
def test_a_gpt_of_real_size_writes_codes(layout, version: str) -> None:
    weights, config = weights_of(layout, version), gpt_config()
    config["model"] = layout[version]["model_config"]
    model = build_gpt(weights, GptConfig.from_official(config, weights))
    assert sum(tensor.numel() for tensor in model.state_dict().values()) == layout[version]["params"]
    made = generate(model, torch.arange(8)[None], torch.zeros(1, 1024, 8), torch.arange(5)[None], Sampling(), max_steps=5)
    assert len(made.codes) == 5


def test_a_speaker_network_of_real_size_fits(layout) -> None:
    weights = weights_of(layout, "sv_eres2netv2w24s4ep4")
    model = build_speaker(weights, SpeakerConfig.from_official(weights))
    with torch.inference_mode():
        assert model(torch.zeros(1, 50, 80)).shape == (1, 20480)
