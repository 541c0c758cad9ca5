"""The SoVITS that is trained from nothing, at toy size: it learns, goes on after an interruption, and sings on the pitch it is told."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import TrainingError
from engine.train.dataset import Clip
from engine.train.stages.curves import draw_curves
from engine.train.stages.loop import StageSettings, fingerprint
from engine.train.stages.score_frames import CodedClip, align_codes
from engine.voices.gpt_sovits.score_phones import phones_of
from research.singing_sovits import (
    Discriminators,
    SingingConfig,
    SingingSovits,
    Weighting,
    adversarial_losses,
    generator_losses,
    piece_of,
    train_singing_sovits,
)

pytestmark = pytest.mark.slow

SIZES = SingingConfig(
    phonemes=8,
    codes=16,
    hidden=16,
    filter=16,
    text_layers=1,
    semantic_layers=1,
    latent=8,
    couplings=2,
    flow_layers=1,
    posterior_layers=1,
    embedding=16,
    decoder_width=32,
    discriminator_width=2,
)
RATE = 32_000


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def sung_clip(number: int, steps: int = 25) -> CodedClip:
    """Vowel-like buzzes on two notes; the code says which vowel, the phone too."""
    random = np.random.default_rng(number)
    half = steps // 2
    vowels = np.repeat(random.integers(0, 2, 2), (half, steps - half))
    pitch = np.repeat(random.integers(48, 60, 2), (2 * half, 2 * (steps - half)))
    f0_hz = (440.0 * 2 ** ((pitch - 69) / 12)).astype(np.float32)
    cycles = np.cumsum(np.repeat(f0_hz, 640) / RATE)
    level = np.repeat(vowels, 1280)
    wave = sum(np.sin(2 * np.pi * h * cycles) / h ** (1 + level) for h in range(1, 12)).astype(np.float32) * 0.15
    return CodedClip(
        name=f"clip {number}",
        codes=vowels.astype(np.int64),
        phones=np.array([1, 2, 3], dtype=np.int64),
        phone_of_code=np.clip(np.arange(steps) // half, 0, 1),
        time_left_s=np.full(steps, 0.1, dtype=np.float32),
        f0_hz=f0_hz,
        voiced=np.ones(2 * steps, dtype=np.float32),
        samples=wave,
    )


def soundly_drawn(picture: Path) -> bool:
    """True if the picture has lines on its background."""
    from matplotlib.image import imread

    return float(imread(picture).std()) > 0.02


def train(folder, steps: int, weighting: Weighting, **how):
    settings = StageSettings(steps=steps, batch=1, crop_s=0.32, warm_up_steps=5, ema_decay=0.9, save_every_steps=steps // 2)
    clips = [sung_clip(number) for number in range(4)]
    return train_singing_sovits(SIZES, settings, weighting, clips[:3], clips[3:], folder, **how)


def test_it_learns_and_follows_pitch(tmp_path) -> None:
    voice, trained = train(tmp_path, 80, Weighting(adversarial_from=10**9))
    with (tmp_path / "singing_sovits.csv").open(newline="") as stream:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)]
    assert rows[-1]["held_out_sound"] < rows[0]["held_out_sound"]
    assert trained.held_out["at_pitch"] > 0.6, "0.3 by chance"
    draw_curves(tmp_path / "singing_sovits.csv", tmp_path / "curves.png")
    assert soundly_drawn(tmp_path / "curves.png")
    clip = sung_clip(7)
    given = (torch.from_numpy(values)[None] for values in (clip.codes, clip.phones))
    ge = torch.zeros(1, SIZES.embedding, 1)
    sung = voice.sing(*given, ge, torch.from_numpy(clip.f0_hz)[None], torch.from_numpy(clip.voiced)[None])
    assert sung.shape == (1, 25 * 1280) and bool(torch.isfinite(sung).all())


def test_an_interrupted_run_with_discriminators_ends_the_same(tmp_path) -> None:
    weighting = Weighting(adversarial_from=2)
    whole, _ = train(tmp_path / "whole", 6, weighting)

    def stop(progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts", 6, weighting, report=stop)
    parts, _ = train(tmp_path / "parts", 6, weighting)
    assert fingerprint(parts) == fingerprint(whole)


def test_discriminators_learn_from_their_own_loss_only() -> None:
    torch.manual_seed(0)
    discriminators = Discriminators(2)
    ours, theirs = torch.randn(1, 8000, requires_grad=True), torch.randn(1, 8000)
    losses = adversarial_losses(discriminators, ours, theirs, Weighting())
    (losses["fooled"] + losses["features"]).backward()
    assert ours.grad is not None and bool(ours.grad.any())
    assert all(parameter.grad is None for parameter in discriminators.parameters())
    ours.grad = None
    adversarial_losses(discriminators, ours, theirs, Weighting())["discriminators"].backward()
    assert ours.grad is None and all(parameter.grad is not None for parameter in discriminators.parameters())


def test_too_few_clips_are_rejected(tmp_path) -> None:
    with pytest.raises(TrainingError, match=r"Two clips longer than crop_s = 2 s are needed; there are 0"):
        train_singing_sovits(SIZES, StageSettings(steps=1, crop_s=2.0), Weighting(), [sung_clip(0)], [], tmp_path)


def test_recipe_mistakes_are_reported(tmp_path) -> None:
    folder = Path(__file__).resolve().parents[2] / "research"
    spec = importlib.util.spec_from_file_location("train_singing_sovits", folder / "train_singing_sovits.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    recipe = script.read_recipe(folder / "singing_sovits.toml")
    assert StageSettings(**recipe["train"]).steps > 1000 and Weighting(**recipe["loss"]).divergence > 0
    assert SingingConfig(phonemes=len(script.symbols()), codes=4, **recipe["sizes"]).config().samples_per_code == 1280
    recipe = script.read_recipe(folder / "singing_sovits_cpu.toml")
    small = SingingConfig(phonemes=len(script.symbols()), codes=4, **recipe["sizes"]).config()
    assert small.resblock_kernels == (3, 7) and small.resblock_dilations == ((1, 3), (1, 3))
    assert StageSettings(**recipe["train"]).crop_s > Weighting(**recipe["loss"]).decoded_s > 0
    (tmp_path / "r.toml").write_text("[train]\nstep = 3\n")
    with pytest.raises(TrainingError, match="train.step is not known. There are: .*train.steps"):
        script.read_recipe(tmp_path / "r.toml")


def recording(**changes) -> Clip:
    frames = 40
    values = {
        "name": "a",
        "sample_rate": RATE,
        "samples": np.arange(320 * frames, dtype=np.int16),
        "units": ("SIL", "T_closure", "T", "OW", "OW_glide", "AX", "T_closure", "S"),
        "borders_s": np.array([0.0, 0.05, 0.08, 0.11, 0.2, 0.25, 0.31, 0.33, 0.4]),
        "f0_hz": np.full(frames, 200.0, dtype=np.float32),
        "voiced": np.arange(frames) >= 10,
        "aperiodicity": np.zeros((frames, 2), dtype=np.float32),
        "effort": np.zeros(frames, dtype=np.float32),
    }
    return Clip(**{**values, **changes})


def test_units_become_phones_and_codes_get_their_frames() -> None:
    symbols, ends_s = phones_of(recording().units, recording().borders_s[1:])
    assert symbols == [",", "T", "OW1", "AH0", "T", "S"]
    assert ends_s.tolist() == [0.05, 0.11, 0.25, 0.31, 0.33, 0.4]
    clip = align_codes(recording(), np.arange(12), lambda names: [len(name) for name in names])
    assert len(clip.codes) == 10 and len(clip.f0_hz) == len(clip.voiced) == 20 and len(clip.samples) == 12_800
    assert clip.phones.tolist() == [1, 1, 3, 3, 1, 1]
    assert clip.phone_of_code.tolist() == [0, 1, 1, 2, 2, 2, 3, 3, 5, 5]
    assert clip.time_left_s[0] == pytest.approx(0.05) and clip.time_left_s[3] == pytest.approx(0.13)
    assert clip.voiced.tolist() == [0.0] * 5 + [1.0] * 15
    with pytest.raises(TrainingError, match="16000 Hz; 32000 are needed"):
        align_codes(recording(sample_rate=16_000), np.arange(12), len)


def test_a_part_of_each_crop_is_rendered_from_both_sides() -> None:
    """From the recording's latent and from the prior; the loss of the latter reaches the prior."""
    torch.manual_seed(0)
    model = SingingSovits(SIZES)
    piece = piece_of(sung_clip(0), 2, 10, sung_clip(1), "cpu")
    weighting = Weighting(sung=1.0, decoded_s=0.16)
    ours, theirs, parts = generator_losses(model, piece, weighting, torch.Generator().manual_seed(3))
    assert ours.shape == theirs.shape == (1, 4 * 1280)
    places = [k for k in range(7) if torch.equal(theirs, piece.samples[:, 1280 * k : 1280 * (k + 4)])]
    assert len(places) == 1
    parts["sung"].backward()
    assert bool(model.sovits.prior.text_embedding.weight.grad.any())  # type: ignore[union-attr]
    assert model.sovits.posterior is not None and all(p.grad is None for p in model.sovits.posterior.parameters())
    whole = generator_losses(model, piece, Weighting(), torch.Generator().manual_seed(3))
    assert whole[0].shape == piece.samples.shape and torch.equal(whole[1], piece.samples) and "sung" not in whole[2]
