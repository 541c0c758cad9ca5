"""Adversarial training of a trained voice's decoder on a GPU, on a machine with only torch, NumPy and lazy_loader.

Three commands. The first and the last run here, with Vocalese installed; the middle one runs on the GPU machine, from a checkout of this
repository, and needs nothing but Python 3.11, torch 2.6, NumPy and lazy_loader.

1.  pack       Put all that is needed into one file of at most 46 MB:

        python research/train_on_gpu.py pack examples/voices/kathleen.toml runs/kathleen pack.npz --data FOLDER

    CONFIG, RUN and --data are those of `vocalese voice train`; the run must have got past its stage `polish`. In the pack are the prepared
    recordings (sound, units, pitch, voicing, aperiodicity, loudness, tokens), the sung phrases without their spectra, and the direct model
    and the decoder as float16. The sound is the only thing that loses more than rounding: it goes through a small transform coder whose
    noise lies about 19 dB under the speech, shaped like it (research/packed_audio.py); recordings that do not fit are left
    out. Both are printed.

2.  train      On the GPU machine, as often as you like, in runs of some minutes each:

        python research/train_on_gpu.py train pack.npz OUT

    Starts from the CPU-trained decoder, or goes on from the newest checkpoint in OUT. Writes a checkpoint every 2 minutes, stops by itself
    after 9.5 minutes (--minutes) or when all steps are done, and leaves in OUT:

        checkpoint-STEP/    three files under 16 MB each, needed to go on; older ones are deleted
        curves.csv          losses, and the spectral distance on held-out recordings (before the first step in the first row)
        decoder.npz         the result so far
        own_pitch.wav, fifth_up.wav     held-out recordings' words by the result, in pauses of 0.2 s

    How to read the curves: `discriminator` is the discriminators' loss; 0.5 means no separation, under 0.1 that they separate everything
    and teach little (lower --deceiving then, or begin again with another seed). `spectral` and held_out_both may rise a little:
    discriminators ask for texture that a distance does not measure.
    If held_out_both rises by more than a tenth, the CPU-trained decoder is better.

    The same seed draws the same crops and noise. On a CPU with one thread a run is repeatable bit for bit, stopped or not; a GPU adds its
    sums in any order. Without a GPU it runs too, for trying out: --device cpu --batch 2 --steps 10.

3.  unpack     Put the result into a voice's folder, which must hold the voice that the pack was made from:

        python research/train_on_gpu.py unpack OUT/decoder.npz runs/kathleen/kathleen

    Only the decoder's weights change. The card gets their new SHA-256 and a table [training.adversarial]; tables of measured figures, which
    are no longer true, are taken out: measure again, and keep the better of the two by its table.

The settings' meaning is in research/adversarial.py.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shutil
import sys
import time
import wave
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a bare machine has the checkout, but not the package

import numpy as np
import torch

from engine.errors import TrainingError, VocaleseError
from research.adversarial import AdversarialSettings, AdversarialTraining
from research.packed import Line, Pack, RecordedLine, borders_of, read_pack, write_pack

_RESULT = "decoder.npz"
_AVERAGED_STEPS = 50  # one line of curves.csv
_HEARD = 6  # held-out recordings in the WAV files
# Tables, with the notes above them.
_OUTDATED = r"(?ms)^(?:#[^\n]*\n)*\[(?:measured|model\.variance|training\.adversarial)\b[^\n]*\n.*?(?=^(?:#[^\n]*\n)*\[|\Z)"
_LAST_SAVE_S = 10.0  # what saving and rendering may take at the end


def main(arguments: list[str] | None = None) -> int:
    started = time.monotonic()
    options = _parser().parse_args(arguments)
    try:
        if options.command == "pack":
            pack(options.config, options.run, options.pack, options.data, options.limit_mb, options.seed)
        elif options.command == "train":
            given = {
                field.name: getattr(options, field.name)
                for field in fields(AdversarialSettings)
                if hasattr(options, field.name)
            }
            train(
                options.pack,
                options.out,
                AdversarialSettings(**given),
                options.device,
                started,
                options.minutes,
                options.checkpoint_s,
            )
        else:
            unpack(options.result, options.voice)
    except VocaleseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="a CPU-trained run to one file")
    packing.add_argument("config", type=Path)
    packing.add_argument("run", type=Path)
    packing.add_argument("pack", type=Path)
    packing.add_argument("--data", type=Path, help="the folder that holds the speakers' folders, if not beside CONFIG")
    packing.add_argument("--limit-mb", type=float, default=46.0)
    packing.add_argument("--seed", type=int, default=1, help="draws the recordings that are left out if not all fit")
    training = commands.add_parser("train", help="on the GPU machine: pack to checkpoints and result")
    training.add_argument("pack", type=Path)
    training.add_argument("out", type=Path)
    training.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    training.add_argument("--minutes", type=float, default=9.5, help="stop after so long")
    training.add_argument("--checkpoint-s", type=float, default=120.0, help="seconds between checkpoints")
    for field in fields(AdversarialSettings):
        if field.type in ("int", "float"):
            kind = int if field.type == "int" else float
            training.add_argument(
                f"--{field.name.replace('_', '-')}", type=kind, default=field.default, help="default: %(default)s"
            )
    unpacking = commands.add_parser("unpack", help="a result into a voice's folder")
    unpacking.add_argument("result", type=Path)
    unpacking.add_argument("voice", type=Path)
    return parser


def pack(config: Path, run: Path, target: Path, data: Path | None, limit_mb: float, seed: int) -> None:
    """Write the pack. Needs all of Vocalese: runs where the voice was trained."""
    from engine.train.dataset import clip_units
    from engine.train.recipe import read_recipe
    from engine.train.stages.weights import as_shipped
    from engine.train.train import gather, stage_targets
    from engine.voices.starter.acoustic import AcousticModel
    from engine.voices.starter.tokeniser import Tokeniser

    torch.set_num_threads(1)
    recipe = read_recipe(config)
    if data is not None:
        recipe = recipe.within(data)
    material = gather(recipe, run)
    direct, tokeniser = AcousticModel(recipe.sizes["direct"]), Tokeniser(recipe.sizes["tokeniser"])
    weights = {stage: _averaged(run / f"{stage}.pt") for stage in ("direct", "tokeniser", "polish")}
    for network, stage in ((direct, "direct"), (tokeniser, "tokeniser")):
        network.load_state_dict(weights[stage])
        as_shipped(network).eval()
    taught = stage_targets(recipe, material, run, direct, tokeniser)
    clips = [*material.training, *material.held_out]
    print(f"{len(clips)} recordings, {len(taught.phrases)} sung phrases")
    recorded = []
    for number, (clip, codes) in enumerate(zip(clips, [*taught.codes.recorded, *taught.held_out_codes], strict=True)):
        units = clip_units(clip)
        recorded.append(
            RecordedLine(
                units=_indices([unit.symbol for unit in units]),
                borders_s=clip.borders_s,
                voiced=clip.voiced.astype(np.float32),
                effort=clip.effort,
                codes=codes,
                mix=np.eye(len(recipe.speakers), dtype=np.float32)[clip.speaker],
                samples=clip.samples,
                f0_hz=clip.f0_hz,
                aperiodicity=clip.aperiodicity,
                band_hz=clip.band_hz,
                is_held_out=number >= len(material.training),
            )
        )
    sung = [
        Line(
            units=phrase.laid.units,
            borders_s=borders_of(phrase.laid),
            voiced=phrase.voiced,
            effort=phrase.effort,
            codes=codes,
            mix=phrase.mix,
        )
        for phrase, codes in zip(taught.phrases, taught.codes.sung, strict=True)
    ]
    content = Pack(
        decoder_config=recipe.sizes["decoder"],
        direct_config=recipe.sizes["direct"],
        decoder=_arrays(weights["polish"]),  # the last stage of the decoder: what the voice sings with
        direct=_arrays(weights["direct"]),
        recorded=recorded,
        sung=sung,
    )
    packed = write_pack(target, content, limit_bytes=round(limit_mb * 1e6), seed=seed)
    print(
        f"{target}: {packed.size_bytes / 1e6:.1f} MB with {packed.minutes:.1f} minutes of recordings and "
        f"{sum(line.frames for line in sung) / 6000:.1f} sung ones; {packed.minutes_left_out:.1f} minutes did not fit. "
        f"The sound's noise lies {packed.signal_to_noise_db:.1f} dB under it."
    )


def train(
    source: Path, out: Path, settings: AdversarialSettings, device: str, started: float, minutes: float, checkpoint_s: float
) -> None:
    """Train from `started` on, for `minutes` at most."""
    out.mkdir(parents=True, exist_ok=True)
    if device == "cpu":
        torch.set_num_threads(1)
    print(f"reading {source} …", flush=True)
    training = AdversarialTraining(read_pack(source), settings, device)
    curves = out / "curves.csv"
    newest = _newest(out)
    if newest is not None:
        training.load(_loaded(newest, device))
        print(f"going on from {newest}", flush=True)
    figures = training.held_out()
    _cut_curves(curves, training.done)
    print(
        f"{_name_of(device)}; {time.monotonic() - started:.0f} s until the first step; held out: {_said(figures)}", flush=True
    )
    if newest is None:
        _append_curve(curves, 0, {}, figures)
    stop_at, saved_at, first_step = started + 60.0 * minutes - _LAST_SAVE_S, time.monotonic(), training.done
    seen: dict[str, list[torch.Tensor]] = {}
    began = time.monotonic()
    is_last = training.done >= settings.steps
    while not is_last:
        for name, value in training.step().items():
            seen.setdefault(name, []).append(value)
        is_last = training.done == settings.steps or time.monotonic() > stop_at
        is_saved = is_last or time.monotonic() - saved_at > checkpoint_s
        if is_saved or training.done % _AVERAGED_STEPS == 0:
            losses = {name: float(torch.stack(values).mean()) for name, values in seen.items()}
            figures = training.held_out() if is_saved else {}
            _append_curve(curves, training.done, losses, figures)
            pace = (training.done - first_step) / (time.monotonic() - began)
            print(f"step {training.done} of {settings.steps}, {pace:.1f} a second: {_said({**losses, **figures})}", flush=True)
            _refuse_nonsense(losses)
            seen = {}
        if is_saved:
            _save(out, training)
            saved_at = time.monotonic()
    _write_result(out, training, device)
    print(f"{out / _RESULT}: the decoder after {training.done} of {settings.steps} steps", flush=True)


def unpack(result: Path, voice: Path) -> None:
    """Write the result into the voice's folder. Raises TrainingError if the two do not belong together."""
    from safetensors.numpy import load_file, save_file

    from engine.voices.card import read_card, sha256_of, weights_path

    try:
        with np.load(result, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        facts = json.loads(str(arrays.pop("meta")))
    except (OSError, KeyError, ValueError) as error:
        raise TrainingError(f"{result} is not a result of this script ({error}).") from error
    weights = load_file(weights_path(voice, read_card(voice)))
    shapes = {name.removeprefix("decoder."): w.shape for name, w in weights.items() if name.startswith("decoder.")}
    if shapes != {name: values.shape for name, values in arrays.items()}:
        raise TrainingError(
            f"The decoder in {result} has other sizes than the one of {voice}. Unpack it into the voice that was packed."
        )
    path = weights_path(voice, read_card(voice))
    partial = path.with_suffix(".part")
    save_file({**weights, **{f"decoder.{name}": values for name, values in arrays.items()}}, partial)
    partial.chmod(0o644)
    card = voice / "card.toml"
    text = _with_notes(card.read_text(encoding="utf-8"), sha256_of(partial), facts)
    partial.replace(path)
    card.write_text(text, encoding="utf-8")
    print(
        f"{voice} sings with the decoder of {facts['steps']} further steps. Its measured figures are gone from the card: measure again."
    )


def _with_notes(card: str, sha256: str, facts: Mapping[str, object]) -> str:
    """Return the card with the new fingerprint and training facts, without figures and gains of envelopes that belong to the old weights."""
    card = re.sub(_OUTDATED, "", card)
    card = re.sub(r'(?m)^sha256 = ".*"$', f'sha256 = "{sha256}"', card, count=1)
    lines = ["[training.adversarial]", *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in facts.items())]
    return card.rstrip() + "\n\n" + "\n".join(lines) + "\n"


def _averaged(checkpoint: Path) -> dict[str, torch.Tensor]:
    if not checkpoint.is_file():
        raise TrainingError(f"{checkpoint} is not there. Train the voice on the CPU first: vocalese voice train.")
    return torch.load(checkpoint, weights_only=True)["average"]


def _arrays(weights: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {name: values.numpy() for name, values in weights.items()}


def _indices(symbols: list[str]) -> np.ndarray:
    from engine.voices.units import UNIT_INDEX

    return np.array([UNIT_INDEX[symbol] for symbol in symbols], dtype=np.int64)


def _save(out: Path, training: AdversarialTraining) -> None:
    """Write a whole checkpoint or none: beside its place, then renamed; only then older ones are deleted."""
    partial, folder = out / "partial", out / f"checkpoint-{training.done:06d}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    for name, part in training.state().items():
        torch.save(part, partial / f"{name}.pt")
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)
    for older in sorted(out.glob("checkpoint-*")):
        if older != folder:
            shutil.rmtree(older)


def _newest(out: Path) -> Path | None:
    return max(out.glob("checkpoint-*"), default=None)


def _loaded(folder: Path, device: str) -> dict[str, dict]:
    try:
        return {path.stem: torch.load(path, weights_only=True, map_location=device) for path in sorted(folder.glob("*.pt"))}
    except Exception as error:  # whatever a damaged file makes the reader raise
        raise TrainingError(f"{folder} is damaged, so the run cannot go on. Delete it to begin again.") from error


def _write_result(out: Path, training: AdversarialTraining, device: str) -> None:
    facts = {
        "steps": training.done,
        "seed": training.settings.seed,
        "batch": training.settings.batch,
        "device": _name_of(device),
        "torch": torch.__version__,
        **{f"held_out_{name}": round(value, 4) for name, value in training.held_out().items()},
    }
    np.savez(out / _RESULT, allow_pickle=False, **{"meta": np.array(json.dumps(facts)), **training.result()})
    for name, semitones in (("own_pitch", 0.0), ("fifth_up", 7.0)):
        _write_wave(out / f"{name}.wav", training.held_out_sound(_HEARD, semitones).numpy(), training.sample_rate)


def _write_wave(path: Path, sounds: np.ndarray, sample_rate: int) -> None:
    pause = np.zeros(sample_rate // 5, np.float32)
    line = np.concatenate([part for sound in sounds for part in (sound, pause)] or [pause])
    with wave.open(str(path), "wb") as stream:
        stream.setnchannels(1)
        stream.setsampwidth(2)
        stream.setframerate(sample_rate)
        stream.writeframes(np.rint(32767 * np.clip(line, -1.0, 1.0)).astype("<i2").tobytes())


def _append_curve(path: Path, step: int, losses: Mapping[str, float], held_out: Mapping[str, float]) -> None:
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, _COLUMNS, restval="")
        if is_new:
            writer.writeheader()
        values = {**losses, **{f"held_out_{name}": value for name, value in held_out.items()}}
        writer.writerow({"step": step, **{name: f"{value:.5f}" for name, value in values.items()}})


_COLUMNS = (
    *("step", "spectral", "aperiodicity", "voicing", "sung", "deceiving", "deceiving_repitched", "matching", "discriminator"),
    *("held_out_both", "held_out_units"),
)


def _cut_curves(path: Path, done: int) -> None:
    """Drop the lines of steps that were lost with an interrupted run."""
    if not path.exists():
        return
    with path.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if int(row["step"]) <= done]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, _COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def _refuse_nonsense(losses: Mapping[str, float]) -> None:
    wrong = [name for name, value in losses.items() if not np.isfinite(value)]
    if wrong:
        raise TrainingError(
            f"The loss {', '.join(wrong)} is no longer a number; this state is not saved. "
            "Run again to go on from the last checkpoint; if it comes back, choose a smaller learning_rate in another folder."
        )


def _said(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in figures.items()) or "nothing"


def _name_of(device: str) -> str:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


if __name__ == "__main__":
    sys.exit(main())
