"""Train a SoVITS that sings from scratch, on prepared clips:

    python research/train_singing_sovits.py research/singing_sovits.toml --features RUN/features/kathleen -o runs/singing-sovits

The clips are those that `vocalese voice train` prepared. Their 25 Hz codes are written by the tokeniser of the starter voice (or of the
voice given with --voice). The run folder gets codes, checkpoint, curves (CSV and PNG), the networks, and sung pieces of the held-out clips:
as recorded, and three semitones higher. Run the same command again to go on after an interruption.

With --score FILE nothing is trained: what the run has reached by now sings a score, from the codes of the starter voice's GPT. The run folder
gets FILE's sound and a picture of how it follows its notes; its pitch and onsets are printed.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from safetensors.torch import load_file, save_file

from engine import ExpectedNote, PerformanceSettings, measure_accuracy, plan_score, plot_accuracy, read_score, render_track
from engine.errors import TrainingError, VocaleseError
from engine.train.dataset import Clip, load_clip
from engine.train.stages.curves import draw_curves
from engine.train.stages.loop import Progress, StageSettings
from engine.train.stages.score_frames import CodedClip, align_codes
from engine.train.stages.tokens import recorded_cepstra
from engine.voices.card import read_card, weights_path
from engine.voices.gpt_sovits.networks import audio
from engine.voices.gpt_sovits.networks.adapter import SAMPLE_RATE
from engine.voices.starter.acoustic import AcousticModel
from engine.voices.starter.config import AcousticConfig, TokeniserConfig
from engine.voices.starter.tokeniser import Tokeniser
from engine.voices.starter.voice import Articulation, read_networks
from engine.voices.units import UNITS
from research.singing_sovits import SingingConfig, SingingSovits, Weighting, piece_of, train_singing_sovits
from research.singing_voice import SingingVoice

STARTER = Path(__file__).resolve().parents[1] / "engine" / "voices" / "embedded" / "kathleen"
HELD_OUT_EVERY, HELD_OUT_MOST = 100, 6
SPOKEN_SEMITONES = (0, 3)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path, metavar="RECIPE.toml")
    parser.add_argument("--features", type=Path, required=True, metavar="DIR", help="prepared clips (.npz)")
    parser.add_argument(
        "--voice", type=Path, default=STARTER, metavar="DIR", help="starter voice whose tokeniser writes the codes"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="run folder")
    parser.add_argument("--clips", type=int, metavar="N", help="use only the first N clips")
    parser.add_argument("--steps", type=int, metavar="N", help="training steps (overrides the recipe)")
    parser.add_argument("--score", type=Path, metavar="FILE", help="sing this score with what the run has reached")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    torch.set_num_threads(1)
    try:
        if options.score:
            sing_score(options)
        else:
            train(options)
    except VocaleseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def train(options: argparse.Namespace) -> None:
    recipe = read_recipe(options.recipe)
    if options.steps:
        recipe["train"]["steps"] = options.steps
    settings = StageSettings(**recipe["train"])
    sizes = SingingConfig(phonemes=len(symbols()), codes=tokeniser_config(options.voice).codes, **recipe["sizes"])
    paths = sorted(options.features.glob("*.npz"))[: options.clips]
    if not paths:
        raise TrainingError(f"{options.features} holds no prepared clips (.npz). Make them with: vocalese voice train.")
    clips = coded_clips([load_clip(path) for path in paths], options.voice, options.output / "codes.npz")
    held_out, training = split_clips(clips)
    curves = options.output / "singing_sovits.csv"

    def report(progress: Progress) -> None:
        figures = {**progress.losses, **{f"held-out {name}": value for name, value in progress.held_out.items()}}
        shown = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
        print(f"step {progress.step}/{progress.steps}: {shown}; {progress.seconds_left / 60:.0f} min left", flush=True)
        draw_curves(curves, curves.with_suffix(".png"))

    voice, _ = train_singing_sovits(
        sizes, settings, Weighting(**recipe["loss"]), training, held_out, options.output, device=options.device, report=report
    )
    save_file(
        {name: tensor.contiguous() for name, tensor in voice.state_dict().items()}, options.output / "singing.safetensors"
    )
    for clip in held_out:
        for semitones in SPOKEN_SEMITONES:
            path = options.output / f"{clip.name}+{semitones}.wav"
            soundfile.write(path, sung(voice, clip, training[0], semitones), SAMPLE_RATE)
    print(f"The networks, curves and sung pieces are in {options.output}.")


def sing_score(options: argparse.Namespace) -> None:
    score = read_score(options.score)
    voice = reached_voice(options.recipe, options.features, options.voice, options.output)
    plan = plan_score(score, voice.card, PerformanceSettings())
    rate, song = voice.card.sample_rate, plan.tracks[0]
    blocks = render_track(song.performed.phrases, voice, sample_rate=rate, total_samples=plan.total_samples(rate))
    samples = np.concatenate(list(blocks))
    at = plan.score.tempo_map.seconds_at
    notes = [ExpectedNote(at(note.onset_ticks), at(note.offset_ticks), note.pitch, note.lyric) for note in song.track.notes]
    report = measure_accuracy(samples, rate, notes)
    sound = options.output / f"{options.score.stem}.wav"
    soundfile.write(sound, samples, rate)
    plot_accuracy(sound.with_suffix(".png"), samples, rate, report, title=f"{plan.score.title}: {voice.card.title}")
    cents = [abs(note.cents) for note in report.notes if note.cents is not None]
    onsets = [abs(note.onset_ms) for note in report.notes if note.onset_ms is not None]
    if cents and onsets:
        print(
            f"{len(notes)} notes: {np.median(cents):.1f} cents off (median), {np.percentile(cents, 95):.1f} (95 %), "
            f"onsets {np.median(onsets):.0f} ms off (median), {100 * report.voiced:.0f} % of the notes' middles voiced"
        )
    print(f"The song is in {sound}.")


def reached_voice(recipe: Path, features: Path, starter: Path, run: Path) -> SingingVoice:
    """Return the averaged networks of the run's checkpoint as a voice. Raises TrainingError if there is none that fits."""
    sizes = SingingConfig(phonemes=len(symbols()), codes=tokeniser_config(starter).codes, **read_recipe(recipe)["sizes"])
    checkpoint, clips = run / "singing_sovits.pt", sorted(features.glob("*.npz"))
    if not checkpoint.exists() or not clips:
        raise TrainingError(f"There is no {checkpoint}, or no prepared clip (.npz) in {features}. Train first.")
    network = SingingSovits(sizes)
    average = torch.load(checkpoint, weights_only=True)["average"]
    try:
        network.load_state_dict(
            {name.removeprefix("voice."): value for name, value in average.items() if name.startswith("voice.")}
        )
    except RuntimeError as error:
        raise TrainingError(f"{checkpoint} was trained with other sizes than {recipe} has.") from error
    clip = load_clip(clips[0])
    with torch.inference_mode():
        ge = network.sovits.voice(audio.spectrogram(torch.from_numpy(clip.samples.astype(np.float32) / 32767)[None]))
    card, numbers = read_card(starter), symbols()
    networks = read_networks(starter, card, Articulation.DIRECT)
    return SingingVoice(network, ge, card, networks, lambda names: [numbers[name] for name in names])


def split_clips(clips: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Split clips into held-out ones, spread over all, and training ones."""
    held_out = list(clips[HELD_OUT_EVERY // 3 :: HELD_OUT_EVERY][:HELD_OUT_MOST]) or list(clips[:1])
    return held_out, [clip for clip in clips if clip not in held_out]


def read_recipe(path: Path) -> dict[str, dict[str, Any]]:
    """Read the tables train, loss and sizes. Raises TrainingError for unknown keys."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise TrainingError(f"The recipe {path} cannot be read: {error}.") from error
    kinds = {"train": StageSettings, "loss": Weighting, "sizes": SingingConfig}
    known = {f"{table}.{field.name}" for table, kind in kinds.items() for field in fields(kind)}
    known -= {"sizes.phonemes", "sizes.codes"}
    unknown = {f"{table}.{key}" for table, content in given.items() for key in content} - known
    if unknown:
        raise TrainingError(f"{path}: {', '.join(sorted(unknown))} is not known. There are: {', '.join(sorted(known))}.")
    return {table: {key: _fixed(value) for key, value in given.get(table, {}).items()} for table in kinds}


def _fixed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def symbols() -> dict[str, int]:
    """Return the phones of the clips with their numbers."""
    from engine.voices.gpt_sovits.score_phones import phone_name

    names = sorted({phone_name(unit) for unit in UNITS if not unit.endswith("_closure")})
    return {name: number for number, name in enumerate(names)}


def tokeniser_config(voice: Path) -> TokeniserConfig:
    return TokeniserConfig.from_dict(_sizes(voice, "tokeniser"))


def _sizes(voice: Path, network: str) -> dict[str, Any]:
    table = read_card(voice).model.get(network)
    if not isinstance(table, dict):
        raise TrainingError(f"The voice in {voice} has no {network}. Give another starter voice with --voice.")
    return table


def coded_clips(clips: Sequence[Clip], voice: Path, cache: Path) -> list[CodedClip]:
    """Return the clips with their tokens, which are kept in `cache`."""
    kept = dict(np.load(cache, allow_pickle=False)) if cache.exists() else {}
    missing = [clip for clip in clips if clip.name not in kept]
    if missing:
        weights = load_file(weights_path(voice, read_card(voice)))
        direct = AcousticModel(AcousticConfig.from_dict(_sizes(voice, "direct")))
        tokeniser = Tokeniser(tokeniser_config(voice))
        for name, network in (("direct", direct), ("tokeniser", tokeniser)):
            own = {key.removeprefix(f"{name}."): value.float() for key, value in weights.items() if key.startswith(f"{name}.")}
            missing_keys = network.load_state_dict(own, strict=False).missing_keys
            if [key for key in missing_keys if not key.startswith(("codebook.uses", "codebook.sums"))]:
                raise TrainingError(
                    f"The voice in {voice} lacks weights of its {name}. Give another starter voice with --voice."
                )
            network.eval()
        cepstra, _ = recorded_cepstra(missing, direct, tokeniser.config)
        kept |= {clip.name: tokeniser.codes_of(item) for clip, item in zip(missing, cepstra, strict=True)}
        cache.parent.mkdir(parents=True, exist_ok=True)
        part = cache.with_suffix(".part")
        with part.open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **kept)
        part.replace(cache)
    numbers = symbols()
    return [align_codes(clip, kept[clip.name], lambda names: [numbers[name] for name in names]) for clip in clips]


def sung(voice: SingingSovits, clip: CodedClip, reference: CodedClip, semitones: int) -> np.ndarray:
    """Render the clip's tokens and phones at its pitch, moved."""
    piece = piece_of(clip, 0, len(clip.codes), reference, "cpu")
    ge = voice.sovits.voice(piece.other)
    random = torch.Generator().manual_seed(0)
    return voice.sing(piece.codes, piece.phones, ge, piece.f0_hz * 2 ** (semitones / 12), piece.voiced, random)[0].numpy()


if __name__ == "__main__":
    sys.exit(main())
