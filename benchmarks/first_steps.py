"""Does this machine train the voice that ships? The first 50 steps of every stage, against the fingerprints in its card.

    python benchmarks/first_steps.py --run runs/kathleen --data ../shared/data
    python benchmarks/first_steps.py --run FOLDER --data ../shared/data --only direct,loudness

The run folder is a finished one of `vocalese voice train`: later stages learn from what earlier ones made. The direct and the loudness model
need recordings alone, which are prepared in FOLDER if they are not there. Ends with 1 if a stage differs; without --run it says so and
ends with 0. Sums are rounded by the kind of processor: what is the same to the bit on one kind is the same but for rounding on another.
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

from engine import Recipe, load_card, read_recipe  # noqa: E402
from engine.model.decoder import Decoder  # noqa: E402
from engine.studio.recipe import gather, one_thread, teach, token_lines  # noqa: E402
from engine.studio.training.decoder import Tokens, polish_decoder, train_decoder  # noqa: E402
from engine.studio.training.direct import train_direct  # noqa: E402
from engine.studio.training.gpt import train_gpt  # noqa: E402
from engine.studio.training.loop import START_STEPS, Progress  # noqa: E402
from engine.studio.training.loudness import train_loudness  # noqa: E402

STAGES = ("direct", "decoder", "polish", "gpt", "loudness")


class _EnoughError(Exception):
    """Stops a stage after its first report."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    if options.run is None:
        print("skipped: needs a finished run folder of `vocalese voice train`; give it with --run.")
        return 0
    recipe = read_recipe(options.config).within(options.data.resolve())
    card = load_card(options.voice)
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}; the card: torch {card.training['torch']}")
    with one_thread(), tempfile.TemporaryDirectory() as scratch:
        stages = _stages(recipe, options.run, Path(scratch), options.only)
        same = [_is_same(name, stages[name], Path(scratch), card.training) for name in options.only]
    return 0 if all(same) else 1


def _stages(recipe: Recipe, run: Path, folder: Path, wanted: Sequence[str]) -> dict[str, Callable[[], Any]]:
    """What begins each stage in `folder` as the recipe does, and stops after its first report."""
    settings = {name: replace(stage, save_every_steps=START_STEPS) for name, stage in recipe.stages.items()}
    sizes = recipe.sizes
    material = gather(recipe, run)
    clips, held_out = material.training, material.held_out
    stages: dict[str, Callable[[], Any]] = {
        "direct": lambda: train_direct(sizes["direct"], settings["direct"], clips, held_out, folder, _stop),
        "loudness": lambda: train_loudness(sizes["loudness"], settings["loudness"], clips, held_out, folder, _stop),
    }
    if set(wanted) <= set(stages):
        return stages
    taught, _ = teach(recipe, material, run)
    lines = token_lines(recipe, material, taught)
    sung = taught.phrases[taught.apart :]
    told = (clips, held_out, sung, Tokens(taught.codes.recorded, taught.codes.sung[taught.apart :]), taught.held_out_codes)
    rough = Decoder(sizes["decoder"])
    rough.load_state_dict(torch.load(run / "decoder.pt", weights_only=True)["average"])
    return {
        **stages,
        "decoder": lambda: train_decoder(sizes["decoder"], settings["decoder"], *told, folder, _stop),
        "polish": lambda: polish_decoder(rough, settings["polish"], *told, folder, _stop),
        "gpt": lambda: train_gpt(sizes["gpt"], settings["gpt"], lines.recorded, lines.sung, lines.tests, folder, report=_stop),
    }


def _is_same(name: str, stage: Callable[[], Any], folder: Path, training: dict[str, object]) -> bool:
    try:
        stage()
    except _EnoughError:
        pass
    found = torch.load(folder / f"{name}.pt", weights_only=True)["reached"]["start"]
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
    parser.add_argument("--only", type=_stage_names, default=STAGES, metavar="STAGE,…", help=f"some of: {', '.join(STAGES)}")
    parser.add_argument("--config", type=Path, default=ROOT / "examples" / "voices" / "kathleen.toml", metavar="FILE")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", metavar="DIR")
    return parser.parse_args(arguments)


def _stage_names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := [name for name in names if name not in STAGES]:
        raise argparse.ArgumentTypeError(f"no stage {', '.join(unknown)}; there are {', '.join(STAGES)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
