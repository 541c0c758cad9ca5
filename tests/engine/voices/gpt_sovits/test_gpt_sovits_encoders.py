"""HuBERT and BERT give the numbers of the reference library, and files that are not theirs are refused, never run."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import VoiceError
from engine.voices.gpt_sovits.networks.bert import load_bert
from engine.voices.gpt_sovits.networks.hubert import load_hubert

ENCODERS = Path(__file__).parent / "encoders"
TEXT = "你好,世界.X界"
LOADERS = {"hubert": load_hubert, "bert": load_bert}


@pytest.fixture(scope="module")
def expected():
    with np.load(ENCODERS / "expected.npz") as arrays:
        return dict(arrays)


@pytest.fixture(params=sorted(LOADERS))
def encoder(request, tmp_path) -> Path:
    """A copy of one of the two, to be spoilt."""
    return Path(shutil.copytree(ENCODERS / request.param, tmp_path / request.param))


def load(folder: Path):
    return LOADERS[folder.name](folder)


def test_hubert_hears_what_the_reference_library_hears(expected) -> None:
    features = load_hubert(ENCODERS / "hubert")(torch.from_numpy(expected["wave"]))
    assert np.abs(features.transpose(1, 2).numpy() - expected["hubert"]).max() < 2e-5


def test_bert_reads_what_the_reference_library_reads(expected) -> None:
    bert = load_bert(ENCODERS / "bert")
    assert np.abs(bert(TEXT).T.numpy() - expected["bert"]).max() < 2e-5
    assert bert(TEXT * 9).shape == (16, 9 * len(TEXT)), "longer than its positions: read in parts"


def test_half_precision_pickles_with_a_head_are_read_too(encoder) -> None:
    weights = load_file(encoder / "model.safetensors")
    (encoder / "model.safetensors").unlink()
    named = {f"{encoder.name}.{name}".replace("LayerNorm.weight", "LayerNorm.gamma"): t.half() for name, t in weights.items()}
    torch.save({**named, "cls.predictions.bias": torch.zeros(3)}, encoder / "pytorch_model.bin")
    known, found = LOADERS[encoder.name](ENCODERS / encoder.name).state_dict(), load(encoder).state_dict()
    assert all(torch.equal(tensor.half().float(), found[name]) for name, tensor in known.items())


def test_weights_that_are_a_program_are_not_run(encoder, tmp_path) -> None:
    canary = tmp_path / "canary"

    class Trap:
        def __reduce__(self):
            return os.system, (f"touch {canary}",)

    (encoder / "model.safetensors").unlink()
    torch.save({"weight": Trap()}, encoder / "pytorch_model.bin")
    with pytest.raises(VoiceError, match="damaged or holds more"):
        load(encoder)
    assert not canary.exists()


@pytest.mark.parametrize("spoil", ["cut", "missing", "shape", "nan", "config", "kind", "sizes", "no weights"])
def test_a_damaged_folder_is_one_clear_error(encoder, spoil: str) -> None:
    path, config = encoder / "model.safetensors", json.loads((encoder / "config.json").read_text())
    weights = load_file(path)
    name = next(name for name in weights if weights[name].dim() == 2 and "pooler" not in name)
    if spoil == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    elif spoil == "missing":
        save_file({key: tensor for key, tensor in weights.items() if key != name}, path)
    elif spoil == "shape":
        save_file(weights | {name: torch.zeros(3, 3)}, path)
    elif spoil == "nan":
        save_file(weights | {name: torch.full_like(weights[name], torch.nan)}, path)
    elif spoil == "config":
        (encoder / "config.json").write_text("{")
    elif spoil == "kind":
        (encoder / "config.json").write_text(json.dumps(config | {"model_type": "llama"}))
    elif spoil == "sizes":
        (encoder / "config.json").write_text(json.dumps(config | {"hidden_size": 10**9}))
    else:
        path.unlink()
    with pytest.raises(VoiceError, match=encoder.name):
        load(encoder)
