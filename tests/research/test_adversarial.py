"""The stage for a GPU, on a CPU at toy size: its data arrive unchanged, it learns, goes on where it stopped, and needs only torch and NumPy."""

from __future__ import annotations

import csv
import importlib.util
import shutil
import subprocess
import sys
import tomllib
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from engine import STARTER_NAME, load_voice
from engine.errors import TrainingError
from engine.train.dataset import Clip, clip_units
from engine.train.stages.direct import make_batch
from engine.train.stages.loop import fingerprint
from engine.train.stages.objective import Renderer
from engine.voices.catalogue import find_voice
from engine.voices.starter.acoustic import AcousticModel, Envelope
from engine.voices.starter.config import AcousticConfig, DecoderConfig
from engine.voices.starter.decoder import Decoder
from engine.voices.units import UNITS, unit_frames
from research.adversarial import AdversarialSettings, AdversarialTraining, Lines, repitched
from research.discriminators import below
from research.packed import Line, Pack, RecordedLine, borders_of, read_pack, write_pack

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "research" / "train_on_gpu.py"
SMALL = {"speakers": 2, "embedding": 8, "channels": 16, "dilations": (1, 2), "voicing_channels": 8, "speaker_channels": 4}
SETTINGS = AdversarialSettings(steps=6, batch=3, crop_s=0.4, discriminators_alone_steps=2, discriminator_channels=(4, 16))
RATE, HOP = 32_000, 320

# Runs a script with nothing to import for this repository's files but torch, NumPy and what Python has.
BARE = f"""
import runpy, sys

class Bare:
    def find_spec(self, name, path=None, target=None):
        frame = sys._getframe(1)
        while "importlib" in frame.f_code.co_filename:
            frame = frame.f_back
        ours = frame.f_code.co_filename.startswith(({str(ROOT / "engine")!r}, {str(ROOT / "research")!r}))
        if ours and name.split(".")[0] not in {{"torch", "numpy", "lazy_loader", "engine", "research", *sys.stdlib_module_names}}:
            raise ImportError("not on a bare machine: " + name)

sys.meta_path.insert(0, Bare())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def clip(number: int) -> Clip:
    """Something like speech: units of 30 to 150 ms, a gliding pitch, gaps."""
    random = np.random.default_rng(number)
    frames = int(random.integers(60, 90))
    lengths = random.uniform(0.03, 0.15, 40)
    borders = np.concatenate([[0.0], np.cumsum(lengths)])
    borders = np.append(borders[borders < frames / 100 - 0.03], frames / 100)
    times = np.arange(frames * HOP) / RATE
    f0_hz = 120 * (1 + number % 3) ** 0.5 * 2 ** (0.2 * np.sin(2 * np.pi * 1.5 * times))
    cycles = np.cumsum(f0_hz) / RATE
    samples = sum(np.sin(2 * np.pi * h * cycles + h) / h for h in range(1, 30)) * 2000 + 50 * random.standard_normal(len(times))
    return Clip(
        name=f"clip {number}",
        sample_rate=RATE,
        samples=samples.astype(np.int16),
        units=tuple(str(unit) for unit in random.choice(UNITS, len(borders) - 1)),
        borders_s=borders,
        f0_hz=f0_hz[::HOP].astype(np.float32),
        voiced=random.random(frames) < 0.7,
        aperiodicity=np.round(random.random((frames, 24)) * 255).astype(np.float32) / 255,
        effort=random.normal(0, 0.3, frames).astype(np.float16).astype(np.float32),
        speaker=number % 2,
        band_hz=10_300.0 if number % 2 else 1e9,
    )


def recorded_line(number: int) -> RecordedLine:
    source = clip(number)
    return RecordedLine(
        units=np.array([UNITS.index(unit) for unit in source.units]),
        borders_s=source.borders_s,
        voiced=source.voiced.astype(np.float32),
        effort=source.effort,
        codes=np.random.default_rng(number).integers(0, 512, -(-source.frames // 4)),
        mix=np.eye(2, dtype=np.float32)[source.speaker],
        samples=source.samples,
        f0_hz=source.f0_hz,
        aperiodicity=source.aperiodicity,
        band_hz=source.band_hz,
        is_held_out=number >= 6,
    )


def sung_line(number: int) -> Line:
    line = recorded_line(number)
    mix = np.array([0.25, 0.75], np.float32)
    return Line(units=line.units, borders_s=line.borders_s, voiced=line.voiced, effort=line.effort, codes=line.codes, mix=mix)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def pack() -> Pack:
    torch.manual_seed(0)
    decoder, direct = Decoder(DecoderConfig(**SMALL)), AcousticModel(AcousticConfig(**SMALL))
    half = [{name: w.half().float().numpy() for name, w in network.state_dict().items()} for network in (decoder, direct)]
    return Pack(
        decoder.config,
        direct.config,
        *half,
        recorded=[recorded_line(n) for n in range(8)],
        sung=[sung_line(n) for n in range(20, 24)],
    )


@pytest.fixture(scope="module")
def packed(pack, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("pack") / "pack.npz"
    write_pack(path, pack, limit_bytes=5_000_000, seed=1)
    return path


def script() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("train_on_gpu", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_pack_brings_everything_but_the_sound_as_it_was(pack, packed) -> None:
    restored = read_pack(packed)
    assert (restored.decoder_config, restored.direct_config) == (pack.decoder_config, pack.direct_config)
    for name in ("decoder", "direct"):
        before, after = getattr(pack, name), getattr(restored, name)
        assert before.keys() == after.keys() and all(np.array_equal(before[key], after[key]) for key in before)
    for before, after in zip((*pack.recorded, *pack.sung), (*restored.recorded, *restored.sung), strict=True):
        for name, wanted in vars(before).items():
            if name == "samples":
                noise = wanted.astype(float) - after.samples
                assert 10 * np.log10(np.sum(wanted.astype(float) ** 2) / np.sum(noise**2)) > 14
            else:
                np.testing.assert_array_equal(getattr(after, name), wanted, err_msg=name)


def test_recordings_that_do_not_fit_are_left_out_and_reported(pack, tmp_path) -> None:
    whole = write_pack(tmp_path / "whole.npz", pack, limit_bytes=5_000_000, seed=1)
    limit = whole.size_bytes + 100_000 - 8_000
    less = write_pack(tmp_path / "less.npz", pack, limit_bytes=limit, seed=1)
    assert whole.minutes_left_out == 0 < less.minutes_left_out and less.size_bytes <= limit
    assert less.minutes + less.minutes_left_out == pytest.approx(whole.minutes)
    assert sum(line.is_held_out for line in read_pack(tmp_path / "less.npz").recorded) == 2
    with pytest.raises(TrainingError, match="No recording fits into 0.05 MB"):
        write_pack(tmp_path / "none.npz", pack, limit_bytes=50_000, seed=1)


def test_another_file_is_no_pack(tmp_path) -> None:
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    for name in ("text.npz", "other.npz", "missing.npz"):
        with pytest.raises(TrainingError, match="is not a pack of training data"):
            read_pack(tmp_path / name)


def test_borders_are_found_again_from_frames() -> None:
    source = clip(3)
    laid = unit_frames(clip_units(source), source.frames, 100)
    line = replace(sung_line(3), borders_s=borders_of(laid))
    assert np.array_equal(line.laid().unit_of_frame, laid.unit_of_frame)
    np.testing.assert_allclose(line.laid().position, laid.position, atol=1e-3)


def test_crops_are_those_of_the_other_trainings() -> None:
    clips, lines = [clip(n) for n in range(5)], Lines([recorded_line(n) for n in range(5)], 40, "cpu")
    first = np.array([0, 8, clips[2].frames - 40, 4, 12])
    wanted = make_batch(clips, [(n, int(start)) for n, start in enumerate(first)], 40)
    found = lines.crops(np.arange(5), first, np.zeros(5, np.int64))
    width = wanted.units.shape[1]
    assert torch.equal(found["units"][:, :width], wanted.units) and not found["units"][:, width:].any()
    for name in ("unit_of_frame", "position", "voiced", "effort"):
        assert torch.equal(found[name], getattr(wanted, name)), name
    hidden = lines.crops(np.arange(5), first, np.full(5, 1))["position"]
    assert (hidden[..., 3:6] == 1).any() and torch.equal(hidden[..., :3], found["position"][..., :3])


def test_pitches_are_taken_from_other_crops() -> None:
    batch = make_batch([clip(n) for n in range(3)], [(n, 0) for n in range(3)], 40)
    turned = repitched(batch, np.random.default_rng(0), 0.0)
    middles, others = batch.f0_hz.median(1).values, turned.median(1).values
    torch.testing.assert_close(others.sort().values, middles.sort().values)
    assert (others != middles).all()


def test_discriminators_ignore_bands_above_the_recording() -> None:
    noise = torch.randn(2, 8000, generator=torch.Generator().manual_seed(1))
    heard = torch.fft.rfft(below(noise, torch.tensor([10_300.0, 1e9]), RATE)).abs()
    edge = 10_300 * 8000 // RATE
    assert heard[0, edge + 1 :].max() < 1e-3 < heard[1, edge + 1 :].max()
    torch.testing.assert_close(heard[0, : edge - 80], torch.fft.rfft(noise)[0].abs()[: edge - 80], rtol=1e-3, atol=1e-3)


def test_training_resumes_with_the_same_result(pack, tmp_path) -> None:
    whole = AdversarialTraining(pack, SETTINGS)
    start = fingerprint(whole.decoder)
    losses = [whole.step() for _ in range(3)]
    state = whole.state()
    for name, part in state.items():
        torch.save(part, tmp_path / name)
    losses += [whole.step() for _ in range(3)]
    assert all(torch.isfinite(value) for parts in losses for value in parts.values())
    assert {"deceiving", "deceiving_repitched", "matching"} <= losses[2].keys() and "deceiving" not in losses[1]
    assert fingerprint(whole.decoder) != start and whole.held_out().keys() == {"both", "units"}

    parts = AdversarialTraining(pack, SETTINGS)
    parts.load({name: torch.load(tmp_path / name, weights_only=True) for name in state})
    again = [parts.step() for _ in range(3)]
    assert fingerprint(parts.decoder) == fingerprint(whole.decoder) and fingerprint(parts.average) == fingerprint(whole.average)
    assert fingerprint(parts.discriminators) == fingerprint(whole.discriminators)
    assert all(float(a[name]) == float(b[name]) for a, b in zip(losses[3:], again, strict=True) for name in b)

    other = AdversarialTraining(pack, replace(SETTINGS, seed=2))
    with pytest.raises(TrainingError, match="begun with other settings"):
        other.load(state)


def test_aperiodicity_is_trained_only_where_asked() -> None:
    """Spectral distances must not move it: they would choose a buzz."""
    config = DecoderConfig(**SMALL)
    batch = make_batch([clip(1)], [(0, 0)], 40)
    for told in (False, True):
        envelope = Envelope(torch.zeros(1, 40, 80, requires_grad=True), torch.full((1, 40, 24), 0.5, requires_grad=True))
        rendered = Renderer(config).render(envelope, batch, torch.Generator().manual_seed(0), teaches_aperiodicity=told)
        rendered.square().sum().backward()
        assert envelope.log_amplitude.grad.abs().sum() > 0
        assert (envelope.aperiodicity.grad is not None) == told


def test_discriminators_separate_recorded_from_generated(pack) -> None:
    training = AdversarialTraining(pack, replace(SETTINGS, discriminators_alone_steps=99, steps=99, learning_rate=2e-3))
    discriminator = [float(training.step()["discriminator"]) for _ in range(14)]
    assert np.mean(discriminator[-3:]) < 0.8 * np.mean(discriminator[:3])


def test_too_short_clips_are_rejected(pack) -> None:
    with pytest.raises(TrainingError, match="No recording of the pack is longer than crop_s = 9 s"):
        AdversarialTraining(pack, replace(SETTINGS, crop_s=9.0))


def test_the_script_trains_on_a_bare_machine_and_resumes(packed, tmp_path) -> None:
    def arguments(out: str) -> list[str]:
        small = ["--device", "cpu", "--batch", "2", "--crop-s", "0.2", "--steps", "4", "--discriminators-alone-steps", "1"]
        return ["train", str(packed), str(tmp_path / out), *small]

    def checkpoints(out: str) -> list[str]:
        return [path.name for path in (tmp_path / out).glob("checkpoint-*")]

    def curve(out: str) -> list[dict[str, str]]:
        return list(csv.DictReader((tmp_path / out / "curves.csv").read_text(encoding="utf-8").splitlines()))

    subprocess.run([sys.executable, "-c", BARE, str(SCRIPT), *arguments("whole")], check=True, capture_output=True)
    assert checkpoints("whole") == ["checkpoint-000004"]
    assert [row["step"] for row in curve("whole")] == ["0", "4"] and all(curve("whole")[1].values())
    torch.set_num_threads(1)  # as in the other process, whatever ran before in this one
    main = script().main
    assert main([*arguments("parts"), "--minutes", "0"]) == 0  # no time: a single step
    assert checkpoints("parts") == ["checkpoint-000001"]
    assert main(arguments("parts")) == 0
    assert checkpoints("parts") == ["checkpoint-000004"]
    whole, parts = (np.load(tmp_path / name / "decoder.npz", allow_pickle=False) for name in ("whole", "parts"))
    assert all(np.array_equal(whole[name], parts[name]) for name in whole.files)
    assert main([*arguments("parts"), "--seed", "2"]) == 1, "another run"
    for name in ("own_pitch", "fifth_up"):
        assert (tmp_path / "whole" / f"{name}.wav").stat().st_size > 25_000


def test_a_result_goes_into_a_voice_folder(tmp_path, capsys) -> None:
    shutil.copytree(find_voice(STARTER_NAME), tmp_path / "voice", copy_function=shutil.copyfile)
    before = load_file(tmp_path / "voice" / "weights.safetensors")
    decoder = {name.removeprefix("decoder."): w for name, w in before.items() if name.startswith("decoder.")}
    meta = np.array('{"steps": 7, "seed": 1, "device": "a \\"GPU\\""}')
    np.savez(tmp_path / "decoder.npz", meta=meta, **{name: w + np.float16(0.5) for name, w in decoder.items()})
    assert script().main(["unpack", str(tmp_path / "decoder.npz"), str(tmp_path / "voice")]) == 0
    assert "measure again" in capsys.readouterr().out
    after = load_file(tmp_path / "voice" / "weights.safetensors")
    for name, values in before.items():
        assert np.array_equal(after[name], values + np.float16(0.5) if name.startswith("decoder.") else values), name
    card = tomllib.loads((tmp_path / "voice" / "card.toml").read_text(encoding="utf-8"))
    assert (
        "measured" not in card
        and "variance" not in card["model"]
        and card["training"]["adversarial"] == {"steps": 7, "seed": 1, "device": 'a "GPU"'}
    )
    assert load_voice(str(tmp_path / "voice")).card.sha256 == card["sha256"]

    np.savez(tmp_path / "other.npz", meta=meta, weight=np.zeros(3, np.float16))
    assert script().main(["unpack", str(tmp_path / "other.npz"), str(tmp_path / "voice")]) == 1
    assert "other sizes" in capsys.readouterr().err


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_it_learns_on_a_gpu(pack) -> None:
    here, there = (AdversarialTraining(pack, SETTINGS, device) for device in ("cpu", "cuda"))
    assert here.held_out()["both"] == pytest.approx(there.held_out()["both"], rel=0.05)
    losses = [there.step() for _ in range(6)]
    assert all(torch.isfinite(value) for parts in losses for value in parts.values())
    assert {"deceiving", "matching"} <= losses[-1].keys()
