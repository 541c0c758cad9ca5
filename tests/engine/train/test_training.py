"""A voice is trained from a few clips in seconds: the whole path that `vocalese voice train` takes, small."""

import csv
import importlib.util
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.numpy import load_file

from engine import PerformanceSettings, TrainingError, load_voice, plan_score, plan_text, read_recipe, train_voice
from engine.train.dataset import load_clip
from engine.train.stages.curves import draw_curves
from engine.train.stages.loop import StageSettings, run_stage
from engine.voices.units import UNIT_INDEX
from research.packed import read_pack

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("pocketsphinx", "pyworld")),
        reason="training is an extra: pip install 'vocalese[train]'",
    ),
]

SENTENCES = (
    "We will meet you at the old station tonight.",
    "She had a yellow kite in the morning sun.",
    "Nobody knows how the river found its way.",
    "Please hold the line while we look for them.",
    "A thousand little voices began to sing.",
    "They bought three pairs of shoes and a hat.",
)
RECIPE = """
[voice]
name = "tiny"
title = "Tiny"
languages = ["en"]
range_low = 48
range_high = 76
licence = "CC0-1.0"
origin = "the starter voice, speaking"
consent = "none needed: no person was recorded"
training_data = "six sentences"

[[speakers]]
name = "voice"
folder = "clips"

[[speakers]]
name = "narrow"
folder = "clips"
band_hz = 9000

[data]
held_out_every = 6
{data}

[train]
seed = {seed}
sung_minutes = 0.2

[direct]
steps = 54
batch = 2
crop_s = 0.4
save_every_steps = 20

[direct.sizes]
embedding = 8
channels = 8
dilations = [1, 2]
voicing_channels = 4

[tokeniser]
steps = 4
batch = 4
crop_s = 0.4

[tokeniser.sizes]
channels = 8
code_channels = 4
codes = 16

[decoder]
steps = 54
batch = 2
crop_s = 0.4
save_every_steps = 52

[decoder.sizes]
embedding = 8
channels = 8
dilations = [1, 2]
voicing_channels = 4
code_channels = 4

[polish]
steps = 2
batch = 2
crop_s = 0.4

[gpt]
steps = 52
batch = 2
crop_s = 1.2
save_every_steps = 51

[gpt.sizes]
embedding = 8
width = 16
heads = 2
layers = 1
window = 16

[loudness]
steps = 4
batch = 2
crop_s = 0.4

[loudness.sizes]
embedding = 8
channels = 8
"""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, starter, render):
    """A folder with clips that the starter voice spoke, a recipe, and the features made by a first run."""
    folder = tmp_path_factory.mktemp("workshop")
    clips = folder / "clips"
    clips.mkdir()
    with (clips / "metadata.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(["file", "text"])
        for number, text in enumerate(SENTENCES):
            plan = plan_text(text, starter.card, PerformanceSettings(speech_rate=0.9))
            soundfile.write(clips / f"s{number}.wav", render(plan, rate=48_000), 48_000)
            table.writerow([f"s{number}.wav", text])
    write_recipe(folder)
    return folder


def write_recipe(folder, *, seed=1, data=""):
    path = folder / f"recipe-{seed}-{len(data)}.toml"
    path.write_text(RECIPE.format(seed=seed, data=data), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def first_run(workshop):
    """The voice and the run folder of an uninterrupted run through the command line."""
    from bridge.cli import main

    run = workshop / "run"
    assert main(["voice", "train", str(write_recipe(workshop)), "-o", str(run)]) == 0
    return run


def run_with_features(first_run, name):
    """A fresh run folder with the features of the first run: preparing is not tested twice."""
    folder = first_run.parent / name
    shutil.copytree(first_run / "features", folder / "features")
    return folder


def weights(run):
    return (run / "tiny" / "weights.safetensors").read_bytes()


def test_clips_are_aligned_and_measured(first_run):
    clips = [load_clip(path) for path in sorted((first_run / "features" / "voice").glob("*.npz"))]
    assert len(clips) >= 5
    for clip in clips:
        assert set(clip.units) <= set(UNIT_INDEX) and len(set(clip.units)) > 8
        assert clip.borders_s[0] == 0 and (np.diff(clip.borders_s) > 0).all()
        assert clip.borders_s[-1] == pytest.approx(clip.frames / 100, abs=0.02)
        assert 0.3 < clip.voiced.mean() < 0.95
        assert 90 < np.median(clip.f0_hz[clip.voiced]) < 250
        assert clip.aperiodicity.min() >= 0 and clip.aperiodicity.max() <= 1


def test_the_trained_voice_sings(first_run, song, render):
    voice = load_voice(str(first_run / "tiny"))
    assert voice.card.title == "Tiny" and voice.card.colours == ("voice", "narrow")
    assert voice.card.training["direct"]["steps"] == 54 and len(voice.card.training["gpt"]["weights_sha256"]) == 64
    variance = voice.card.model["variance"]
    assert len(variance["gain"]) == 80 and [len(row) for row in variance["means"]] == [80, 80]
    plan = plan_score(song([(2, 2, 57, "love")]), voice.card, PerformanceSettings())
    samples = render(plan, voice=voice)
    assert np.isfinite(samples).all() and np.abs(samples).max() > 1e-4


@pytest.mark.parametrize(
    ("stage", "steps", "held_out"),
    [
        ("direct", [20, 40, 54], "loss"),
        ("tokeniser", [4], "perplexity"),
        ("decoder", [52, 54], "both"),
        ("polish", [2], "units"),
        ("gpt", [51, 52], "sung_nats"),
        ("loudness", [4], "correlation"),
    ],
)
def test_the_curves_are_kept(first_run, stage, steps, held_out):
    rows = list(csv.DictReader((first_run / f"{stage}.csv").read_text(encoding="utf-8").splitlines()))
    assert [int(row["step"]) for row in rows] == steps
    assert all(np.isfinite(float(value)) for row in rows for value in row.values())
    assert f"held_out_{held_out}" in rows[0]


def test_one_seed_is_one_voice_and_another_seed_another(workshop, first_run):
    again, other = run_with_features(first_run, "again"), run_with_features(first_run, "other")
    train_voice(read_recipe(write_recipe(workshop)), again)
    train_voice(read_recipe(write_recipe(workshop, seed=2)), other)
    assert weights(again) == weights(first_run) != weights(other)


@pytest.mark.parametrize(("stage", "stop_at"), [("direct", 54), ("decoder", 52), ("gpt", 52)])
def test_an_interrupted_run_goes_on_to_the_same_voice(workshop, first_run, stage, stop_at):
    run = run_with_features(first_run, f"stopped-{stage}-{stop_at}")
    recipe = read_recipe(write_recipe(workshop))

    def interrupt(progress):
        if (progress.stage, progress.step) == (stage, stop_at):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_voice(recipe, run, report=interrupt)
    assert not (run / "tiny").exists()
    train_voice(recipe, run)
    assert weights(run) == weights(first_run)
    for stage in ("direct", "tokeniser", "decoder", "polish", "gpt", "loudness"):
        assert (run / f"{stage}.csv").read_bytes() == (first_run / f"{stage}.csv").read_bytes()


def test_curves_have_gaps_where_a_step_has_no_such_loss(tmp_path):
    class Held(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.value = torch.nn.Parameter(torch.ones(()))

    model, average = Held(), Held()

    def losses(step, rng, generator):
        rare = {"rare": model.value * 0.5} if step == 1 else {}
        return {"usual": model.value**2, **rare}

    settings = StageSettings(steps=3, save_every_steps=1)
    run_stage("gap", model, average, settings, losses, lambda: {"figure": 1.0}, folder=tmp_path, data_identity="none")
    rows = list(csv.DictReader((tmp_path / "gap.csv").read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == ["step", "usual", "rare", "held_out_figure"]
    assert [bool(row["rare"]) for row in rows] == [False, True, True]  # smoothed: once seen it goes on
    draw_curves(tmp_path / "gap.csv", tmp_path / "gap.png")
    assert (tmp_path / "gap.png").read_bytes().startswith(b"\x89PNG")


def test_a_pack_for_a_gpu_holds_the_decoder_that_sings(workshop, first_run, tmp_path):
    script = Path(__file__).parents[3] / "research" / "train_on_gpu.py"
    spec = importlib.util.spec_from_file_location("train_on_gpu", script)
    train_on_gpu = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(train_on_gpu)
    train_on_gpu.pack(write_recipe(workshop), first_run, tmp_path / "pack.npz", None, 46.0, 1)
    packed = read_pack(tmp_path / "pack.npz").decoder
    sings = load_file(first_run / "tiny" / "weights.safetensors")
    assert packed and all(np.array_equal(values, sings[f"decoder.{name}"]) for name, values in packed.items())


def test_a_finished_run_is_not_trained_again(workshop, first_run):
    run = run_with_features(first_run, "finished")
    recipe = read_recipe(write_recipe(workshop))
    train_voice(recipe, run)
    before, steps = weights(run), []
    train_voice(recipe, run, report=lambda progress: steps.append(progress.step))
    assert weights(run) == before and steps == []


def test_a_checkpoint_of_another_network_is_refused(workshop, first_run):
    run = run_with_features(first_run, "mismatch")
    train_voice(read_recipe(write_recipe(workshop)), run)
    path = workshop / "wider.toml"
    path.write_text(RECIPE.format(seed=1, data="").replace("channels = 8", "channels = 12", 1), encoding="utf-8")
    with pytest.raises(TrainingError, match="direct.pt"):
        train_voice(read_recipe(path), run)


@pytest.mark.parametrize("damage", [b"", b"not a checkpoint"])
def test_a_damaged_checkpoint_is_refused(workshop, first_run, damage):
    run = run_with_features(first_run, f"damaged-{len(damage)}")
    (run / "direct.pt").write_bytes(damage)
    with pytest.raises(TrainingError, match="direct.pt"):
        train_voice(read_recipe(write_recipe(workshop)), run)


def test_crops_longer_than_every_clip_are_refused(workshop, first_run):
    path = workshop / "long.toml"
    path.write_text(RECIPE.format(seed=1, data="").replace("crop_s = 0.4", "crop_s = 60.0"), encoding="utf-8")
    with pytest.raises(TrainingError, match="crop_s"):
        train_voice(read_recipe(path), run_with_features(first_run, "long"))


def test_unusable_clips_are_dropped_with_a_reason(workshop, tmp_path):
    clips = tmp_path / "clips"
    clips.mkdir()
    soundfile.write(clips / "short.wav", np.zeros(1000), 32_000)
    soundfile.write(clips / "silent.wav", np.zeros(64_000), 32_000)
    (clips / "broken.wav").write_bytes(b"RIFF....WAVE")
    rows = ["file,text", "short.wav,hello", "silent.wav,hello there", "broken.wav,hello", "absent.wav,hello"]
    (clips / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    with pytest.raises(TrainingError, match="None of 4 clips could be used"):
        train_voice(read_recipe(write_recipe(tmp_path)), tmp_path / "run")
    reasons = {path.stem: path.read_text() for path in (tmp_path / "run" / "features" / "voice").glob("*.refused")}
    assert set(reasons) == {"short", "silent", "broken", "absent"}
    assert "shorter than half a second" in reasons["short"]
    if sys.platform != "win32":
        assert "absent.wav" in reasons["absent"]


@pytest.mark.shared_data
def test_real_recordings_become_a_voice(shared_data, tmp_path):
    """Eight clips of read speech."""
    source = shared_data / "kathleen"
    if not (source / "metadata.csv").is_file():
        pytest.skip("the recordings are not there")
    path = tmp_path / "real.toml"
    text = RECIPE.format(seed=1, data="limit_clips = 8").replace('folder = "clips"', f'folder = "{source.as_posix()}"')
    path.write_text(text, encoding="utf-8")
    folder = train_voice(read_recipe(path), tmp_path / "run")
    clips = [load_clip(path) for path in (tmp_path / "run" / "features" / "voice").glob("*.npz")]
    assert len(clips) >= 7
    for clip in clips:
        assert 140 < np.median(clip.f0_hz[clip.voiced]) < 260  # one speaker, a woman
    assert load_voice(str(folder)).card.training["clips"] >= 12
    curve = list(csv.DictReader((tmp_path / "run" / "direct.csv").read_text(encoding="utf-8").splitlines()))
    assert float(curve[-1]["held_out_loss"]) < float(curve[0]["held_out_loss"])
