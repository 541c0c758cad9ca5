"""Contribution of each part of the starter voice: recognised words, and other figures, with and without it.

    python benchmarks/ablation.py --run FOLDER --data ../shared/data [--json]

    full                 tokens and units into the streaming decoder
    without tokens       units alone
    without units        tokens alone: 25 tokens a second carry all articulation
    all inputs           a token model like the voice's own            } trained here on what the voice's direct model sings,
    without pitch        a token model without the pitch as an input   } with one seed and as long as the voice's own;
    without duration     a token model without the time left           } checkpoints and prepared recordings are kept in FOLDER
    without aperiodicity every voiced frame wholly periodic
    direct               the direct model, which hears the whole phrase

Without --run the three token models are left out. FOLDER may be the run folder of `vocalese voice train`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
for folder in (ROOT, ROOT / "benchmarks"):
    sys.path.insert(0, str(folder))

import numpy as np  # noqa: E402
import torch  # noqa: E402
import voice_quality as quality  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

from engine import VoiceCard, read_recipe  # noqa: E402
from engine.performance.types import Controls  # noqa: E402
from engine.train.stages.gpt import train_gpt  # noqa: E402
from engine.train.train import gather, stage_targets, token_lines  # noqa: E402
from engine.voices.card import read_card, weights_path  # noqa: E402
from engine.voices.catalogue import find_voice  # noqa: E402
from engine.voices.starter.acoustic import AcousticModel  # noqa: E402
from engine.voices.starter.numpy_networks import DecoderNetwork, EnvelopeFrames, GptNetwork  # noqa: E402
from engine.voices.starter.sound import Sound  # noqa: E402
from engine.voices.starter.tokeniser import Tokeniser  # noqa: E402
from engine.voices.starter.voice import Articulation, Networks, StarterVoice, load_starter, read_networks  # noqa: E402

Module = TypeVar("Module", bound=torch.nn.Module)
FloatArray = NDArray[np.float32]

CONDITIONS = ((57, 0.3), (57, 0.5))


class _WithoutUnits(DecoderNetwork):
    """Decoder without units."""

    def features(
        self, contexts: FloatArray, unit_of_frame: NDArray[np.int64], position: FloatArray, codes: NDArray[np.int64]
    ) -> FloatArray:
        frames = super().features(contexts, unit_of_frame, position, codes)
        frames[:, : len(self.no_unit)] = self.no_unit
        return frames


class _WithoutNoise(Sound):
    """Decoder without noise in voiced frames."""

    def _spectra(
        self, envelope: EnvelopeFrames, gain_db: FloatArray, controls: Controls, mix: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        amplitude, ratio = super()._spectra(envelope, gain_db, controls, mix)
        return amplitude, np.full_like(ratio, 1e-3)


def _without_noise(card: VoiceCard, networks: Networks) -> StarterVoice:
    voice = StarterVoice(card, networks)
    voice._sound = _WithoutNoise(networks.decoder.config, networks.variance)
    return voice


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    torch.set_num_threads(1)
    folder = find_voice(options.voice)
    card = read_card(folder)
    networks = read_networks(folder, card, Articulation.TOKENS)
    variants: dict[str, StarterVoice] = {
        "full": StarterVoice(card, networks),
        "without tokens": load_starter(folder, card, Articulation.UNITS),
        "without units": StarterVoice(card, read_networks(folder, card, Articulation.TOKENS, _WithoutUnits)),
        "without aperiodicity": _without_noise(card, networks),
        "direct": load_starter(folder, card, Articulation.DIRECT),
    }
    guessed: dict[str, float] = {}
    if options.run:
        for name, network, right in _token_models(options, folder, card):
            guessed[name] = right
            variants[name] = StarterVoice(card, replace(networks, gpt=network))
    rows = {}
    for name, voice in variants.items():
        rows[name] = {**_measured(voice), **({"tokens_right": guessed[name]} if name in guessed else {})}
        print(f"{name:<22} {rows[name]}", flush=True)
    if options.json:
        print(json.dumps({"voice": card.sha256[:12], "rows": rows}))
    return 0


def _measured(voice: StarterVoice) -> dict[str, float]:
    import _recognise as recognise

    heard: dict[float, list[bool]] = {}
    for words in (quality.LYRIC_WORDS, quality.MORE_WORDS):
        listener = recognise.WordListener(words)
        for pitch, syllable_s in CONDITIONS:
            run = quality._sung_by_voice("", voice, words, listener, pitch, syllable_s)
            heard.setdefault(syllable_s, []).extend(word == answer for word, answer in run.answers)
    everything = [right for answers in heard.values() for right in answers]
    samples, _plan = quality.sung(quality.song(), voice)
    rate = voice.card.sample_rate
    harmonicity = quality._harmonicity(samples, rate, len(samples) // (rate // 100))
    return {
        "words": round(float(np.mean(everything)), 3),
        **{f"words_{length:g}_s": round(float(np.mean(answers)), 3) for length, answers in heard.items()},
        "trials": len(everything),
        "hnr_db": round(float(np.median(harmonicity[harmonicity > 0])), 1),
    }


def _token_models(options: argparse.Namespace, folder: Path, card: VoiceCard) -> Iterator[tuple[str, GptNetwork, float]]:
    """Yield name, network, and share of held-out sung tokens predicted right."""
    recipe = read_recipe(options.config).within(options.data.resolve())
    stored = load_file(weights_path(folder, card))
    direct = _filled(AcousticModel(recipe.sizes["direct"]), stored, "direct.")
    tokeniser = _filled(Tokeniser(recipe.sizes["tokeniser"]), stored, "tokeniser.")
    material = gather(recipe, options.run)
    scratch = options.run / "ablation"
    scratch.mkdir(parents=True, exist_ok=True)
    lines = token_lines(recipe, material, stage_targets(recipe, material, scratch, direct, tokeniser))
    for name, change in (
        ("told everything", {}),
        ("without pitch", {"sees_pitch": False}),
        ("without duration", {"sees_duration": False}),
    ):
        config = replace(recipe.sizes["gpt"], **change)
        stage = "gpt-" + name.replace(" ", "-")
        model, trained = train_gpt(config, recipe.stages["gpt"], lines.recorded, lines.sung, lines.tests, scratch, stage=stage)
        weights = {key: tensor.numpy() for key, tensor in model.state_dict().items()}
        yield name, GptNetwork(config, weights), round(trained.held_out["sung_right"], 3)


def _filled(network: Module, stored: dict[str, torch.Tensor], prefix: str) -> Module:
    """Return a network with the voice's weights; weights that only training uses keep their initial values."""
    own = {name.removeprefix(prefix): tensor.float() for name, tensor in stored.items() if name.startswith(prefix)}
    network.load_state_dict({**network.state_dict(), **own})
    return network.eval()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What each part of the starter voice brings.")
    parser.add_argument("--voice", default="kathleen", metavar="NAME|FOLDER")
    parser.add_argument(
        "--run",
        type=Path,
        metavar="DIR",
        help="where token models are trained; without it three rows are missing",
    )
    parser.add_argument("--config", type=Path, default=ROOT / "examples" / "voices" / "kathleen.toml", metavar="FILE")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", metavar="DIR")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
