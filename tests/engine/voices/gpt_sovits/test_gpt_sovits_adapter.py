"""The pitch adapter: nothing while it is zero, heard once it is not, in tune."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from gpt_sovits_tiny import VERSIONS, gpt_config, gpt_weights, sovits_config, sovits_weights

from engine.voices.gpt_sovits.networks.adapter import (
    FRAME_SAMPLES,
    PITCHES,
    SAMPLE_RATE,
    PitchAdapter,
    ScoreFrames,
    excitation,
    pitch_bins,
    time_left_classes,
)
from engine.voices.gpt_sovits.networks.config import GptConfig, SovitsConfig
from engine.voices.gpt_sovits.networks.generate import Sampling, generate, stream_codes
from engine.voices.gpt_sovits.networks.official import read_official
from engine.voices.gpt_sovits.networks.sovits import Sovits, SovitsStream
from engine.voices.gpt_sovits.networks.weights import build_gpt, build_sovits

ROOT = Path(__file__).resolve().parents[4]
NUMBERS = ROOT.parent / "shared" / "parity"
import parity  # noqa: E402

CODES = 12


@pytest.fixture(autouse=True)
def one_thread():
    with parity.threads(1):
        yield


def networks(version: str):
    s1, s2 = gpt_weights(phonemes=512 if version == "v1" else 732), sovits_weights(version)
    gpt = build_gpt(s1, GptConfig.from_official(gpt_config(), s1))
    return gpt, build_sovits(s2, SovitsConfig.from_official(sovits_config(version), s2))


def melody(frames: int) -> tuple[torch.Tensor, torch.Tensor]:
    """F0 `[1, T]` that rises, and voicing with a gap."""
    voiced = torch.ones(1, frames)
    voiced[:, frames // 3 : frames // 2] = 0.0
    return torch.linspace(200.0, 300.0, frames)[None], voiced


def score_frames(gpt, steps: int) -> ScoreFrames:
    random = torch.Generator().manual_seed(3)
    return ScoreFrames(
        torch.randint(gpt.config.phonemes, (1, steps), generator=random),
        torch.randint(PITCHES, (1, steps), generator=random),
        torch.randint(6, (1, steps), generator=random),
    )


@pytest.mark.parametrize("version", VERSIONS)
@torch.inference_mode()
def test_a_new_adapter_changes_nothing_and_a_trained_one_is_heard(version: str) -> None:
    torch.manual_seed(0)
    gpt, sovits = networks(version)
    adapter = PitchAdapter(gpt.config, sovits.config)
    ge = torch.randn(1, sovits.config.embedding, 1, generator=torch.Generator().manual_seed(1))
    codes, phones = torch.arange(CODES)[None], torch.arange(9)[None]
    plain = sovits.decode(codes, phones, ge, noise_scale=0)
    same = sovits.decode(codes, phones, ge, noise_scale=0, pitched=adapter.pitched(*melody(2 * CODES)))
    assert torch.equal(plain, same)
    bert, prompt, rule = torch.zeros(1, 1024, 9), torch.arange(20)[None], Sampling(top_k=1)
    told = adapter.score(score_frames(gpt, 11))
    plain_steps = list(stream_codes(gpt, phones, bert, prompt, rule, max_steps=11))
    told_steps = list(stream_codes(gpt, phones, bert, prompt, rule, score=told))
    assert [step.code for step in told_steps] == [step.code for step in plain_steps]
    assert all(torch.equal(a.logits, b.logits) for a, b in zip(plain_steps, told_steps, strict=True))

    for name, parameter in adapter.named_parameters():
        if not bool(parameter.any()):
            parameter.normal_(std=0.1, generator=torch.Generator().manual_seed(len(name)))
    part = adapter.pitched(*melody(2 * CODES))
    for pitched in (part, type(part)(part.prior, tuple(0 * s for s in part.sources)), type(part)(0 * part.prior, part.sources)):
        assert not torch.allclose(sovits.decode(codes, phones, ge, noise_scale=0, pitched=pitched), plain, atol=1e-4)
    changed = next(stream_codes(gpt, phones, bert, prompt, rule, score=adapter.score(score_frames(gpt, 11))))
    assert not torch.allclose(changed.logits, plain_steps[0].logits, atol=1e-3)


@pytest.mark.shared_data
@torch.inference_mode()
def test_official_numbers_are_met_with_a_new_adapter() -> None:
    if not NUMBERS.is_dir():
        pytest.skip(f"the official numbers are not at {NUMBERS}")
    gpts = {path.stem: read_official(path) for path in NUMBERS.glob("s1_*.ckpt")}
    made = 0
    for path in sorted(NUMBERS.glob("s2_*.pth")):
        file = read_official(path)
        sovits = build_sovits(file.weights, SovitsConfig.from_official(file.config, file.weights))
        s1 = gpts["s1_v1_tiny" if sovits.config.version == "v1" else "s1_v2_tiny"]
        gpt = build_gpt(s1.weights, GptConfig.from_official(s1.config, s1.weights))
        adapter = PitchAdapter(gpt.config, sovits.config)
        with np.load(path.with_suffix(".npz")) as opened:
            made += _checked_sovits(sovits, adapter, dict(opened))
        stem = "s1_v1_tiny" if sovits.config.version == "v1" else "s1_v2_tiny"
        with np.load(NUMBERS / f"{stem}.npz") as opened:
            made += _checked_gpt(gpt, adapter, dict(opened))
    assert made >= 21


def _checked_sovits(sovits: Sovits, adapter: PitchAdapter, given: dict) -> int:
    ge, codes, phones = (torch.from_numpy(given[name]) for name in ("ge", "codes", "phones"))
    pitched = adapter.pitched(*melody(2 * codes.shape[2]))
    hidden = sovits.hidden(codes[0], phones, ge, pitched)
    results = {"enc_p_encoder2_out": hidden}
    for name in given:
        if match := re.fullmatch(r"wav_noise(0(?:\.\d+)?)", name):
            noise = torch.from_numpy(given["noise"])
            results[name] = sovits.decode(codes[0], phones, ge, noise_scale=float(match[1]), noise=noise, pitched=pitched)[0]
    first = next(int(match[1]) for name in given if (match := re.fullmatch(r"stream_first(\d+)_wav", name)))
    stream, start = SovitsStream(sovits, phones, ge), adapter.pitched(*melody(2 * first))
    results[f"stream_first{first}_wav"] = stream.decode(codes[0, :, :first], first, noise_scale=0, pitched=start)[0]
    last = given["stream_rest_latent"].shape[2] // 2
    overlap = last - (codes.shape[2] - first)
    results["stream_rest_wav"] = stream.decode(codes[0], last, overlap=overlap, noise_scale=0, pitched=pitched)[0]
    for name, ours in results.items():
        line = parity.compare(name, ours, given[name])
        assert line.ok, str(line)
    return len(results)


def _checked_gpt(gpt, adapter: PitchAdapter, given: dict) -> int:
    phones, bert, prompt = (torch.from_numpy(given[name]) for name in ("phones", "bert", "prompt"))
    tokens = torch.from_numpy(given["norp_tokens"])[0]
    expected = tokens[prompt.shape[1] :]
    told = adapter.score(score_frames(gpt, len(expected)))
    made = generate(gpt, phones, bert, prompt, Sampling(top_k=1, repetition_penalty=1.0), score=told)
    assert torch.equal(made.codes, expected)
    name = next(name for name in given if name.endswith("logits_first20"))
    penalty = float(name.split("_rp")[1].split("_")[0])
    told = adapter.score(score_frames(gpt, 20))
    steps = stream_codes(gpt, phones, bert, prompt, Sampling(top_k=1, repetition_penalty=penalty), score=told)
    line = parity.compare(name, torch.stack([step.logits for step in steps]), given[name])
    assert line.ok, str(line)
    return 2


def test_the_end_of_what_is_added_fits_the_end_of_the_frames() -> None:
    gpt, sovits = networks("v2")
    whole = PitchAdapter(gpt.config, sovits.config).pitched(*melody(20))
    last = whole.last(6)
    assert torch.equal(last.prior, whole.prior[:, :, 14:])
    assert [s.shape[2] for s in last.sources] == [60, 480, 960, 1920, 3840]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@torch.inference_mode()
def test_half_precision_sings_too(dtype: torch.dtype) -> None:
    gpt, sovits = networks("v2Pro")
    exact = PitchAdapter(gpt.config, sovits.config)
    for parameter in exact.parameters():
        parameter.normal_(std=0.1, generator=torch.Generator().manual_seed(parameter.numel()))
    ge = torch.randn(1, sovits.config.embedding, 1, generator=torch.Generator().manual_seed(1))
    codes, phones = torch.arange(CODES)[None], torch.arange(9)[None]

    def sung(kind: torch.dtype) -> torch.Tensor:
        pitched = exact.to(kind).pitched(*melody(2 * CODES), torch.Generator().manual_seed(2))
        return sovits.to(kind).decode(codes, phones, ge.to(kind), noise_scale=0, pitched=pitched).float()

    whole, half = sung(torch.float32), sung(dtype)
    assert half.shape == whole.shape and (half - whole).std() < 0.1 * whole.std()


def test_pitch_and_speed_exclude_each_other() -> None:
    gpt, sovits = networks("v2")
    pitched = PitchAdapter(gpt.config, sovits.config).pitched(*melody(8))
    with pytest.raises(ValueError, match="speed must be 1"):
        sovits.decode(torch.arange(4)[None], torch.arange(3)[None], torch.zeros(1, 16, 1), speed=1.1, pitched=pitched)


def test_the_source_is_in_tune_and_silent_in_gaps_but_for_noise() -> None:
    f0, voiced = torch.full((1, 100), 220.0), torch.ones(1, 100)
    voiced[:, 50:] = 0.0
    sine, pulses, noise = excitation(f0, voiced, torch.Generator().manual_seed(0))[0].numpy()
    half = 50 * FRAME_SAMPLES
    for wave in (sine, pulses):
        spectrum = np.abs(np.fft.rfft(wave[:SAMPLE_RATE] * np.hanning(SAMPLE_RATE)))
        assert spectrum[60:330].argmax() + 60 == 220
        assert np.abs(wave[half + FRAME_SAMPLES :]).max() == 0.0
    assert noise[half + FRAME_SAMPLES :].std() > 3 * noise[: half - FRAME_SAMPLES].std() > 0


def test_bins_are_assigned_to_classes() -> None:
    f0 = torch.tensor([440.0, 440.0, 20.0, 9000.0])
    assert pitch_bins(f0, torch.tensor([1.0, 0.0, 1.0, 1.0])).tolist() == [69 - 24 + 1, 0, 1, PITCHES]
    assert time_left_classes(torch.tensor([0.0, 0.05, 0.2, 5.0])).tolist() == [0, 1, 3, 6]
