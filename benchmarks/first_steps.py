"""Does this machine train the voice that ships? The first 50 steps of every stage, against the fingerprints in its card.

    python benchmarks/first_steps.py --run runs/kathleen --data ../shared/data

The run folder is a finished one of `vocalese voice train`: later stages learn from what earlier ones made. Ends with 1 if a stage differs.
Without --run it says so and ends with 0.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from engine import load_card, read_recipe  # noqa: E402
from engine.model.decoder import Decoder  # noqa: E402
from engine.studio.recipe import gather, one_thread, teach, token_lines  # noqa: E402
from engine.studio.training.decoder import Tokens, polish_decoder, train_decoder  # noqa: E402
from engine.studio.training.direct import train_direct  # noqa: E402
from engine.studio.training.gpt import train_gpt  # noqa: E402
from engine.studio.training.loop import START_STEPS, Progress  # noqa: E402
from engine.studio.training.loudness import train_loudness  # noqa: E402


class _EnoughError(Exception):
    """Stops a stage after its first report."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    if options.run is None:
        print("skipped: needs a finished run folder of `vocalese voice train`; give it with --run.")
        return 0
    recipe = read_recipe(options.config).within(options.data.resolve())
    card = load_card(options.voice)
    settings = {name: replace(stage, save_every_steps=START_STEPS) for name, stage in recipe.stages.items()}
    sizes = recipe.sizes
    with one_thread(), tempfile.TemporaryDirectory() as scratch:
        material = gather(recipe, options.run)
        taught, _ = teach(recipe, material, options.run)
        lines = token_lines(recipe, material, taught)
        clips, held_out = material.training, material.held_out
        sung = taught.phrases[taught.apart :]
        told = (clips, held_out, sung, Tokens(taught.codes.recorded, taught.codes.sung[taught.apart :]), taught.held_out_codes)
        rough = Decoder(sizes["decoder"])
        rough.load_state_dict(torch.load(options.run / "decoder.pt", weights_only=True)["average"])
        folder = Path(scratch)
        stages: dict[str, Callable[[], Any]] = {
            "direct": lambda: train_direct(sizes["direct"], settings["direct"], clips, held_out, folder, _stop),
            "decoder": lambda: train_decoder(sizes["decoder"], settings["decoder"], *told, folder, _stop),
            "polish": lambda: polish_decoder(rough, settings["polish"], *told, folder, _stop),
            "gpt": lambda: train_gpt(
                sizes["gpt"], settings["gpt"], lines.recorded, lines.sung, lines.tests, folder, report=_stop
            ),
            "loudness": lambda: train_loudness(sizes["loudness"], settings["loudness"], clips, held_out, folder, _stop),
        }
        differing = [name for name, stage in stages.items() if not _is_same(name, stage, folder, card.training)]
    return 1 if differing else 0


def _is_same(name: str, stage: Callable[[], Any], folder: Path, training: dict[str, object]) -> bool:
    try:
        stage()
    except _EnoughError:
        pass
    found = torch.load(folder / f"{name}.pt", weights_only=True)["start"]
    wanted = cast(dict[str, str], training[name])["weights_after_50_steps"]
    print(
        f"{name:<10} {found[:16]} {'as in the card' if found == wanted else f'differs: the card has {wanted[:16]}'}", flush=True
    )
    return found == wanted


def _stop(progress: Progress) -> None:
    raise _EnoughError


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="The first 50 steps of every stage, against the fingerprints in a voice's card."
    )
    parser.add_argument("--voice", default="kathleen", metavar="NAME|FOLDER")
    parser.add_argument("--run", type=Path, metavar="DIR", help="a finished run folder")
    parser.add_argument("--config", type=Path, default=ROOT / "examples" / "voices" / "kathleen.toml", metavar="FILE")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", metavar="DIR")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
