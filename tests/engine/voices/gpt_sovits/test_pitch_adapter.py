"""Pitch adapters on disk, and the whole way from a voice and recordings to one."""

from __future__ import annotations

import csv
import importlib.util
import os
import shutil
from pathlib import Path

import pytest
import soundfile
import torch
from gpt_sovits_tiny import save_gpt, save_official, sovits_config, sovits_weights

from engine import OutputError, PerformanceSettings, Reference, VoiceError, import_voice, plan_text
from engine.voices.gpt_sovits.adapter_card import CARD_NAME, WEIGHTS_NAME, installed_adapter, read_adapter_card
from engine.voices.gpt_sovits.adapter_files import install_adapter, load_adapter, save_adapter
from engine.voices.gpt_sovits.importer import load_networks
from engine.voices.gpt_sovits.networks.adapter import PitchAdapter

pytestmark = pytest.mark.slow

HUBERT = Path(__file__).parent / "encoders" / "hubert"
SENTENCES = ("We will meet you at the old station tonight.", "Nobody knows how the river found its way.")
_HUBERT_WIDTH = 24


def make_voice(folder: Path, *, seed: int = 2, reference: Path | None = None) -> Path:
    """A tiny imported voice whose quantiser fits the tiny HuBERT."""
    weights, random = sovits_weights("v2", seed=seed), torch.Generator().manual_seed(seed)
    width = _HUBERT_WIDTH
    for name, *shape in (
        ("ssl_proj.weight", width, width, 2),
        ("ssl_proj.bias", width),
        ("quantizer.vq.layers.0._codebook.embed", 1024, width),
        ("enc_p.ssl_proj.weight", 16, width, 1),
    ):
        weights[name] = torch.randn(*shape, generator=random).half()
    files = folder.with_suffix(".files")
    files.mkdir()
    content = {"weight": dict(weights), "config": sovits_config(), "info": "tiny"}
    sovits = save_official(files / "s2.pth", content)
    given = None if reference is None else Reference(path=reference)
    return import_voice(save_gpt(files / "s1.ckpt"), sovits, folder, name=folder.name, reference=given)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A voice, and an adapter for it with values other than zero."""
    place = tmp_path_factory.mktemp("saved")
    networks = load_networks(make_voice(place / "me"))
    torch.manual_seed(0)
    adapter = PitchAdapter(networks.gpt.config, networks.sovits.config)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.add_(0.1)
    facts = {"recordings": 'a "quoted" name', "steps": 7, "minutes": 1.5}
    return save_adapter(adapter, place / "adapter", networks.card, facts), adapter, networks.card


def test_an_adapter_comes_back_as_it_was(saved) -> None:
    folder, adapter, card = saved
    back = load_adapter(folder, card).state_dict()
    assert all(torch.equal(tensor, back[name]) for name, tensor in adapter.state_dict().items())
    read = read_adapter_card(folder)
    assert (read.voice, read.training["recordings"], read.training["steps"]) == ("me", 'a "quoted" name', 7)
    assert sorted(path.name for path in folder.iterdir()) == [WEIGHTS_NAME, CARD_NAME]


def test_an_adapter_of_another_voice_is_refused(saved, tmp_path) -> None:
    other = load_networks(make_voice(tmp_path / "other", seed=3)).card
    with pytest.raises(VoiceError, match="was trained for 'me' with other weights than those of 'other'"):
        load_adapter(saved[0], other)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / WEIGHTS_NAME).unlink(), "is missing, damaged"),
        (lambda folder: (folder / WEIGHTS_NAME).write_bytes(b"nothing"), "is missing, damaged"),
        (lambda folder: (folder / CARD_NAME).unlink(), "holds no pitch adapter"),
        (lambda folder: (folder / CARD_NAME).write_text("kind = "), "not valid TOML"),
        (lambda folder: (folder / CARD_NAME).write_text('format = 1\nkind = "starter"'), "not the card of a pitch adapter"),
        (lambda folder: (folder / CARD_NAME).write_text('format = 1\nkind = "pitch-adapter"'), "lacks voice"),
    ],
)
def test_damage_is_reported(saved, tmp_path, spoil, message: str) -> None:
    folder = Path(shutil.copytree(saved[0], tmp_path / "adapter"))
    spoil(folder)
    with pytest.raises(VoiceError, match=message):
        load_adapter(folder, saved[2])


def test_an_installation_is_whole_or_not_there(saved, tmp_path, monkeypatch) -> None:
    voice = Path(shutil.copytree(saved[0].parent / "me", tmp_path / "me"))
    assert installed_adapter(voice) is None
    place = install_adapter(saved[0], voice)
    assert installed_adapter(voice) == place and sorted(p.name for p in place.iterdir()) == [WEIGHTS_NAME, CARD_NAME]
    assert install_adapter(place, voice) == place, "onto itself"
    replace = os.replace

    def cut_short(source: Path, target: Path) -> None:
        if target.name == CARD_NAME:
            raise OSError("No space left on device")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", cut_short)
        with pytest.raises(OutputError, match="No space left"):
            install_adapter(saved[0], voice)
    assert installed_adapter(voice) is None
    assert installed_adapter(install_adapter(saved[0], voice).parent) is not None


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("pocketsphinx", "pyworld")),
    reason="training is an extra: pip install 'vocalese[train]'",
)
def test_recordings_become_an_adapter_through_the_command(tmp_path, starter, render, capsys) -> None:
    from bridge.cli import main

    clips = tmp_path / "clips"
    clips.mkdir()
    with (clips / "metadata.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(["file", "text"])
        for number, text in enumerate(SENTENCES):
            plan = plan_text(text, starter.card, PerformanceSettings(speech_rate=0.8))
            samples = render(plan, rate=48_000)
            soundfile.write(clips / f"s{number}.wav", samples, 48_000)
            table.writerow([f"s{number}.wav", text])
    features = tmp_path / "features"
    shutil.copytree(HUBERT, features / "chinese-hubert-base")
    soundfile.write(tmp_path / "reference.wav", torch.rand(4 * 48_000).numpy() - 0.5, 48_000)
    voice = make_voice(tmp_path / "me", reference=tmp_path / "reference.wav")
    command = ["voice", "adapt", str(voice), "--data", str(clips), "-o", str(tmp_path / "run"), "--steps", "2"]
    assert main([*command, "--features", str(tmp_path / "nothing")]) == 1
    assert "needs HuBERT" in capsys.readouterr().err
    assert main([*command, "--features", str(features)]) == 0
    printed = capsys.readouterr().out
    assert "step 2/2" in printed and str(tmp_path / "run" / "adapter") in printed
    assert installed_adapter(voice) is None
    assert main([*command, "--features", str(features), "--install"]) == 0
    assert "sings with it from now on" in capsys.readouterr().out and installed_adapter(voice) is not None
    adapter = load_adapter(tmp_path / "run" / "adapter", load_networks(voice).card)
    assert any(bool(parameter.any()) for parameter in adapter.source.parameters())
    assert read_adapter_card(tmp_path / "run" / "adapter").training["clips"] == 1
