"""A pitch adapter is trained on a tiny voice with random weights, in seconds: the loss falls and pitch is followed."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch
from gpt_sovits_clips import RATE, sung_clip, tone
from gpt_sovits_tiny import gpt_config, gpt_weights, sovits_config, sovits_weights

from engine.errors import TrainingError
from engine.train.stages.adapter import AdaptedVoice, pitch_following, render_piece, train_adapter
from engine.train.stages.loop import StageSettings, fingerprint
from engine.train.stages.spectra import harmonic_share, log_spectrum_distance
from engine.voices.gpt_sovits.networks.adapter import PitchAdapter
from engine.voices.gpt_sovits.networks.config import GptConfig, SovitsConfig
from engine.voices.gpt_sovits.networks.weights import build_gpt, build_sovits

pytestmark = pytest.mark.slow

SETTINGS = StageSettings(
    steps=100, learning_rate=2e-2, batch=1, crop_s=0.4, warm_up_steps=5, ema_decay=0.9, save_every_steps=25
)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def voice() -> AdaptedVoice:
    s1, s2 = gpt_weights(), sovits_weights("v2")
    gpt = build_gpt(s1, GptConfig.from_official(gpt_config(), s1))
    sovits = build_sovits(s2, SovitsConfig.from_official(sovits_config("v2"), s2))
    return AdaptedVoice(gpt, sovits, torch.randn(1, sovits.config.embedding, 1, generator=torch.Generator().manual_seed(1)))


@pytest.fixture(scope="module")
def trained(voice, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    before = fingerprint(voice.gpt), fingerprint(voice.sovits)
    clips = [sung_clip(number) for number in range(4)]
    adapter, result = train_adapter(voice, SETTINGS, clips[:3], clips[3:], folder)
    assert (fingerprint(voice.gpt), fingerprint(voice.sovits)) == before, "the voice itself stays as it is"
    return folder, adapter, result


def test_the_loss_falls(voice, trained) -> None:
    folder, adapter, _ = trained
    clip = sung_clip(9)
    with torch.no_grad():
        before, after = (
            log_spectrum_distance(render_piece(voice, any_adapter, clip, 0, 30), torch.from_numpy(clip.samples)[None])
            for any_adapter in (PitchAdapter(voice.gpt.config, voice.sovits.config), adapter)
        )
    assert after < 0.95 * before, "on a clip that was not trained on"
    with (folder / "adapter.csv").open(newline="") as stream:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)]
    assert [row["step"] for row in rows] == [25, 50, 75, 100]
    assert rows[-1]["sound"] < rows[0]["sound"]
    assert rows[-1]["held_out_codes"] < rows[0]["held_out_codes"] < np.log(1025)


def test_pitch_is_followed_after_training_and_not_before(voice, trained) -> None:
    _, adapter, result = trained
    clips = [sung_clip(9)]
    with torch.no_grad():
        before = pitch_following(voice, PitchAdapter(voice.gpt.config, voice.sovits.config), clips, 30)
        after = pitch_following(voice, adapter, clips, 30)
    assert before < 0.4 and after > 0.65 and result.held_out["at_pitch"] > 0.65


def test_an_interrupted_run_ends_the_same(voice, tmp_path, monkeypatch) -> None:
    clips, seen = [sung_clip(number) for number in range(2)], []
    settings = StageSettings(steps=4, batch=1, crop_s=0.2, save_every_steps=2)
    whole, _ = train_adapter(voice, settings, clips, [], tmp_path / "whole")

    def stop(progress) -> None:
        seen.append(progress.step)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_adapter(voice, settings, clips, [], tmp_path / "parts", report=stop)
    parts, _ = train_adapter(voice, settings, clips, [], tmp_path / "parts")
    assert seen == [2] and fingerprint(parts) == fingerprint(whole)


def test_clips_that_are_too_short_are_reported(voice, tmp_path) -> None:
    with pytest.raises(TrainingError, match="No clip is longer than crop_s = 9 s"):
        train_adapter(voice, StageSettings(steps=1, crop_s=9.0), [sung_clip(0)], [], tmp_path)


def test_the_share_of_harmonics_separates_neighbouring_tones() -> None:
    f0_hz = torch.full((100,), 200.0)
    samples = torch.from_numpy(tone(f0_hz.numpy()))
    ones = torch.ones(100)
    assert harmonic_share(samples, f0_hz, ones, RATE) > 0.95
    assert harmonic_share(samples, f0_hz * 2 ** (3 / 12), ones, RATE) < 0.5
    noise = torch.randn(64_000, generator=torch.Generator().manual_seed(0))
    assert 0.2 < harmonic_share(noise, f0_hz, ones, RATE) < 0.4
    assert log_spectrum_distance(samples[None], samples[None]) == 0.0 < log_spectrum_distance(samples[None], noise[None])
