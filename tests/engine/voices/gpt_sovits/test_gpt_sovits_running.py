"""Running of imported voices: eight-bit weights for song material, other devices and fallback from failing ones, caches."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from gpt_sovits_tiny import save_gpt, save_official, save_sovits, speaker_weights
from safetensors.torch import save_file

from engine import (
    ComputeDevice,
    ImportedSettings,
    PerformanceSettings,
    PhraseCache,
    Precision,
    SettingsError,
    load_voice,
    plan_score,
    plan_text,
)
from engine.errors import VoiceError
from engine.render.render import native_phrase
from engine.voices.gpt_sovits import speech
from engine.voices.gpt_sovits.device import device_for, put_on_device
from engine.voices.gpt_sovits.encoders import FeatureFolder
from engine.voices.gpt_sovits.importer import Reference, import_voice, load_networks
from engine.voices.gpt_sovits.networks import int8
from engine.voices.gpt_sovits.networks.generate import NoNumbersError, Sampling, generate_batch
from engine.voices.gpt_sovits.networks.hubert import Hubert
from engine.voices.gpt_sovits.networks.int8 import Int8Linear, int8_copy
from engine.voices.gpt_sovits.speech import TextToSpeech
from engine.voices.gpt_sovits.text import Reading
from engine.voices.gpt_sovits.voice import GptSovitsVoice

pytestmark = pytest.mark.slow

NOTES = [(0, 1, 60, "stay"), (1, 1, 62, "with"), (2, 2, 64, "me")]
READING = Reading(tuple("HH AH0 L OW1 , DH EH1 R .".split()))
CPU = ImportedSettings(device=ComputeDevice.CPU)
FP32 = replace(CPU, precision=Precision.FP32)
INT8 = replace(CPU, precision=Precision.INT8)


@pytest.fixture(scope="module", autouse=True)
def one_take():
    """Random weights say nothing right however often they are asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speech, "_TAKES", 1)
        yield


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("official")
    made = {"gpt": save_gpt(folder / "gpt.ckpt"), "clip": folder / "clip.wav"}
    made |= {version: save_sovits(folder / f"{version}.pth", version) for version in ("v2", "v2Pro")}
    made["speaker"] = save_official(folder / "speaker.ckpt", dict(speaker_weights()))
    soundfile.write(made["clip"], 0.1 * np.random.default_rng(4).standard_normal(4 * 22_050), 22_050)
    return made


@pytest.fixture(scope="module")
def make(files, tmp_path_factory):
    """`make("v2", text="…")`: a voice folder."""

    def imported(version: str = "v2", **said: str) -> Path:
        folder = tmp_path_factory.mktemp("voices") / version
        speaker = files["speaker"] if version == "v2Pro" else None
        reference = Reference(path=files["clip"], **said)
        return import_voice(files["gpt"], files[version], folder, name=version, speaker_path=speaker, reference=reference)

    return imported


@pytest.fixture(scope="module")
def folder(make) -> Path:
    return make()


@pytest.fixture(scope="module")
def features(tmp_path_factory) -> Path:
    """A folder with a HuBERT of the size that the tiny voices take."""
    folder = tmp_path_factory.mktemp("features")
    torch.manual_seed(5)
    hubert = Hubert(channels=6, width=12, heads=2, inner=16, layers=1, kernel=8, groups=2)
    hubert.encoder["pos_conv_embed"].conv["weight_v"].data.normal_()
    sizes = {"hidden_size": 12, "num_attention_heads": 2, "intermediate_size": 16, "num_hidden_layers": 1}
    sizes |= {"num_conv_pos_embedding_groups": 2, "num_conv_pos_embeddings": 8, "conv_dim": [6] * 7, "model_type": "hubert"}
    place = folder / "chinese-hubert-base"
    place.mkdir()
    (place / "config.json").write_text(json.dumps(sizes))
    save_file({name: tensor.contiguous() for name, tensor in hubert.state_dict().items()}, place / "model.safetensors")
    return folder


@pytest.fixture(scope="module")
def phrase(song, folder):
    card = load_networks(folder).card
    return plan_score(song(NOTES), card, PerformanceSettings()).tracks[0].performed.phrases[0]


@pytest.fixture(scope="module")
def line(folder):
    return plan_text("Hello there my friend.", load_networks(folder).card, PerformanceSettings()).tracks[0].performed.phrases[0]


def codes(talker: TextToSpeech, *, is_raw: bool) -> list[int]:
    """Of several seeds, one after the other."""
    made = [talker.codes_of(READING, torch.Generator().manual_seed(seed), is_raw=is_raw)[0] for seed in range(8)]
    return torch.cat(made).tolist()


# --- precision ----------------------------------------------------------------------------------------------------------------


def test_singing_uses_eight_bits_and_talk_full_precision(folder) -> None:
    auto, fp32, all_int8 = (TextToSpeech(folder, FeatureFolder(), settings=settings) for settings in (CPU, FP32, INT8))
    exact, coarse = codes(fp32, is_raw=False), codes(all_int8, is_raw=True)
    assert exact != coarse, "somewhere rounding shows"
    assert (codes(auto, is_raw=False), codes(auto, is_raw=True)) == (exact, coarse)
    assert codes(fp32, is_raw=True) == exact and codes(all_int8, is_raw=False) == coarse
    assert len({talker.fingerprint for talker in (auto, fp32, all_int8)}) == 3


def test_the_small_gpt_stands_beside_the_exact_one(folder) -> None:
    gpt = load_networks(folder).gpt
    small = int8_copy(gpt)
    assert not any(isinstance(part, Int8Linear) for part in gpt.modules())
    assert all(isinstance(block.qkv, Int8Linear) for block in small.blocks)
    assert small.code_embedding.weight is gpt.code_embedding.weight, "what is not made smaller is shared"


def test_another_product_is_another_voice_for_the_cache(folder, monkeypatch) -> None:
    talker = TextToSpeech(folder, FeatureFolder(), settings=CPU)
    before = talker.fingerprint
    int8.int8_kernel.cache_clear()
    monkeypatch.setattr(int8, "_packed", lambda linear: None)  # as where torch has none
    try:
        assert "bf16" in talker.fingerprint != before
        assert TextToSpeech(folder, FeatureFolder(), settings=FP32).fingerprint.startswith("fp32:")
    finally:
        int8.int8_kernel.cache_clear()


def test_precision_of_talk_and_singing(folder, line, phrase) -> None:
    voice, used = load_voice(str(folder), imported=CPU), []
    on = voice._talker._on_cpu
    for name, gpt in (("fp32", on.gpt), ("int8", on.gpt_for(is_raw=True))):
        gpt.blocks[0].qkv.register_forward_hook(lambda *_, name=name: used.append(name))
    for performance, expected in ((line, "fp32"), (phrase, "int8")):
        used.clear()
        voice.synthesise(performance)
        assert set(used) == {expected}
    exact = load_voice(str(folder), imported=FP32)
    assert np.array_equal(voice.synthesise(line), exact.synthesise(line)) and voice.fingerprint != exact.fingerprint


# --- devices ------------------------------------------------------------------------------------------------------------------


def voice_on(folder: Path, starter, device: str, settings: ImportedSettings = CPU) -> GptSovitsVoice:
    return GptSovitsVoice(TextToSpeech(folder, FeatureFolder(), settings=settings, device=device), starter, FeatureFolder())


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without CUDA")
def test_without_cuda_auto_is_the_cpu_and_cuda_an_error(folder) -> None:
    assert device_for(ImportedSettings()) == "cpu"
    with pytest.raises(SettingsError, match="no CUDA device that this torch can use. Take the device auto or cpu"):
        load_voice(str(folder), imported=ImportedSettings(device=ComputeDevice.CUDA))


@pytest.mark.parametrize(
    "device", ["meta", pytest.param("cuda", marks=pytest.mark.skipif(torch.cuda.is_available(), reason="it works"))]
)
def test_a_failing_device_falls_back_to_the_cpu_with_one_notice(folder, starter, phrase, tmp_path, device: str) -> None:
    """`meta` takes networks, but has no numbers, so it fails at work; `cuda` without a GPU will not even take them."""
    cpu, failing = voice_on(folder, starter, "cpu"), voice_on(folder, starter, device)
    cache = PhraseCache(tmp_path)
    first = native_phrase(phrase, failing, cache)
    assert np.array_equal(first.samples, cpu.synthesise(phrase))
    assert [notice for notice in first.notices if f"The device '{device}' failed" in notice] == [first.notices[-1]]
    assert "went on on the CPU" in first.notices[-1]
    other = replace(phrase, seed=1)
    assert np.array_equal(failing.synthesise(other), cpu.synthesise(other))
    assert not any("failed" in notice for notice in failing.notices(other))
    assert failing.fingerprint == cpu.fingerprint
    kept = native_phrase(phrase, cpu, cache)
    assert np.array_equal(kept.samples, first.samples) and kept.notices == first.notices, "kept as the CPU's"


def test_half_precision_copies_leave_the_originals(folder) -> None:
    """CUDA behaviour, as far as a CPU can check it: networks, inputs and sound in half precision, the same draws."""
    networks = load_networks(folder)
    exact = TextToSpeech(folder, FeatureFolder(), settings=FP32)
    half = TextToSpeech(folder, FeatureFolder(), settings=FP32)
    on = put_on_device(networks.gpt, networks.sovits, None, "meta", Precision.AUTO)
    assert (
        on.name == "meta-float16"
        and on.put(torch.ones(1)).dtype == torch.float16
        and on.put(torch.ones(1).long()).dtype == torch.long
    )
    assert networks.gpt.to_logits.weight.dtype == torch.float32 and networks.gpt.to_logits.weight.device.type == "cpu"
    copies = put_on_device(networks.gpt, networks.sovits, None, "meta", Precision.FP32)
    assert copies.name == "meta-float32"
    halves = replace(on, gpt=networks.gpt.half(), sovits=networks.sovits.half(), device=torch.device("cpu"))
    half.__dict__["_on_cpu"] = halves
    said = torch.randint(1024, (40,), generator=torch.Generator().manual_seed(3))
    phones = exact.phones_of(READING)
    samples = [talker.decode(said, phones, "a seed") for talker in (exact, half)]
    assert samples[1].dtype == np.float32
    error = samples[0] - samples[1]
    assert 0.0 < np.sqrt(np.mean(error**2)) < 0.05 * np.sqrt(np.mean(samples[0] ** 2))
    made, _ = half.codes_of(READING, torch.Generator().manual_seed(1))
    assert len(made) and int(made.max()) < 1024


def test_non_finite_eight_bit_results_fall_back_with_one_notice(folder) -> None:
    talker, exact = TextToSpeech(folder, FeatureFolder(), settings=CPU), TextToSpeech(folder, FeatureFolder(), settings=FP32)
    talker._on_cpu.gpt_for(is_raw=True).to_logits.bias = torch.nn.Parameter(torch.full((1025,), torch.nan), requires_grad=False)
    before = talker.fingerprint
    said = talker.say(READING, seed="a", is_raw=True)
    assert torch.equal(said.codes, exact.say(READING, seed="a", is_raw=True).codes)
    assert (
        talker.fallback_reason is not None
        and "eight-bit weights" in talker.fallback_reason
        and "32 bit" in talker.fallback_reason
    )
    assert before != talker.fingerprint == exact.fingerprint


@pytest.mark.parametrize("settings", [CPU, FP32], ids=["auto", "fp32"])
@pytest.mark.parametrize("part", ["gpt", "sovits"])
def test_non_finite_results_raise_one_sentence(folder, settings: ImportedSettings, part: str) -> None:
    talker = TextToSpeech(folder, FeatureFolder(), settings=settings)
    network = getattr(talker._networks, part)
    for name, weight in network.named_parameters():
        if "to_logits" in name or "decoder" in name:
            weight.data.fill_(torch.inf)
    with pytest.raises(VoiceError, match="no numbers, even with 32 bit on the CPU"):
        talker.say(READING, seed="a")


def test_codes_of_a_batch_are_checked_too(folder) -> None:
    gpt = load_networks(folder).gpt
    gpt.to_logits.weight.data.fill_(torch.nan)
    phones, bert = torch.ones(6, dtype=torch.long), torch.zeros(gpt.config.bert_width, 6)
    with pytest.raises(NoNumbersError):
        generate_batch(gpt, [phones], [bert], torch.ones(3, dtype=torch.long), Sampling(), max_steps=2)


# --- what is heard once -------------------------------------------------------------------------------------------------------


def test_reference_conditioning_is_cached(make, features, tmp_path, monkeypatch) -> None:
    folder = make(text="Hello there my friend.")
    settings = replace(CPU, heard=tmp_path / "heard")
    first = TextToSpeech(folder, FeatureFolder(features), settings=settings).conditioning
    assert len(first.prompt) > 50 and len(list((tmp_path / "heard").iterdir())) == 1
    monkeypatch.setattr(FeatureFolder, "load_hubert", lambda self: pytest.fail("HuBERT was loaded again"))
    again = TextToSpeech(folder, FeatureFolder(features), settings=settings).conditioning
    assert torch.equal(first.ge, again.ge) and torch.equal(first.prompt, again.prompt)
    assert (first.reading, first.notices) == (again.reading, again.notices)


def test_damaged_or_foreign_cache_entries_are_recomputed(make, features, tmp_path) -> None:
    heard = tmp_path / "heard"
    settings = replace(CPU, heard=heard)
    folder = make(text="Hello there my friend.")
    full = TextToSpeech(folder, FeatureFolder(features), settings=settings).conditioning
    plain = TextToSpeech(folder, FeatureFolder(), settings=settings).conditioning
    assert len(plain.prompt) == 0 and any("HuBERT is not there" in notice for notice in plain.notices)
    TextToSpeech(make("v2", text="Something else."), FeatureFolder(features), settings=settings).conditioning  # noqa: B018
    assert len(list(heard.iterdir())) == 3
    for path in heard.iterdir():
        path.write_bytes(b"cut")
    again = TextToSpeech(folder, FeatureFolder(features), settings=settings).conditioning
    assert torch.equal(again.ge, full.ge) and torch.equal(again.prompt, full.prompt)


def test_the_speaker_vector_is_cached(make, tmp_path, monkeypatch) -> None:
    folder, settings = make("v2Pro"), replace(CPU, heard=tmp_path)
    first = TextToSpeech(folder, FeatureFolder(), settings=settings).conditioning.ge
    again = TextToSpeech(folder, FeatureFolder(), settings=settings)
    monkeypatch.setattr(again._networks.speaker, "forward", lambda *_: pytest.fail("the clip was heard again"))
    assert torch.equal(again.conditioning.ge, first)


def test_an_unwritable_cache_folder_is_tolerated(folder, tmp_path, caplog) -> None:
    (tmp_path / "file").write_text("not a folder")
    TextToSpeech(folder, FeatureFolder(), settings=replace(CPU, heard=tmp_path / "file" / "heard")).conditioning  # noqa: B018
    assert "heard again next time" in caplog.text
