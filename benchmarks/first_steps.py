"""Does this machine train the voice that ships? The first 50 steps of every stage, against the fingerprints in its card.

    python benchmarks/first_steps.py --data ../shared/data
    python benchmarks/first_steps.py --data ../shared/data --only direct
    python benchmarks/first_steps.py --data ../shared/data --run runs/kathleen

Needs the recordings that the voice was trained on. They are prepared in the run folder, or in a folder of its own without --run; later stages
learn from the networks in the voice's weights. Only the polish begins with a network that does not ship, the decoder before it: it needs
the folder of a finished run. Ends with 1 if a stage differs.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_FOLDER = ROOT.parent / "shared" / "data"
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

from engine import Recipe, VoiceCard, read_recipe  # noqa: E402
from engine.studio.train import State, begin_stage, gather  # noqa: E402
from engine.studio.training.portable import portable_process  # noqa: E402
from engine.voice.card import read_card, weights_path  # noqa: E402
from engine.voice.catalogue import find_voice  # noqa: E402

STAGES = ("direct", "tokeniser", "decoder", "polish", "gpt", "loudness")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    recipe = read_recipe(options.config).within(options.data.resolve())
    if missing := [str(speaker.folder) for speaker in recipe.speakers if not (speaker.folder / "metadata.csv").is_file()]:
        print(f"skipped: needs the recordings in {', '.join(missing)}; say where they are with --data.")
        return 0
    folder = find_voice(options.voice)
    card = read_card(folder)
    print(f"torch {torch.__version__}; the card: torch {card.training['torch']}")
    with tempfile.TemporaryDirectory() as scratch:
        run = options.run or Path(scratch)
        gather(recipe, run, jobs=os.cpu_count() or 1, prepared=_say)
        print()
        same = _begin(recipe, card, run, Path(scratch) / "begun", _shipped(weights_path(folder, card)), options.only)
    return 0 if same else 1


def _begin(recipe: Recipe, card: VoiceCard, run: Path, begun: Path, states: Mapping[str, State], wanted: Sequence[str]) -> bool:
    rough = run / "decoder.pt"
    same = True
    with portable_process() as portably:
        for stage in wanted:
            needed = dict(states)
            if stage == "polish":
                if not rough.exists():
                    print(f"{stage:<10} left out: needs the folder of a finished run; give it with --run")
                    continue
                needed["decoder"] = _rounded(torch.load(rough, weights_only=True)["average"])
            found = portably(begin_stage, stage, recipe, run, begun, needed)
            expected = cast(dict[str, str], card.training[stage])["weights_after_50_steps"]
            same = same and found == expected
            print(f"{stage:<10} {found[:16]} {_verdict(found, expected)}", flush=True)
    return same


def _verdict(found: str, expected: str) -> str:
    return "as in the card" if found == expected else f"differs: the card has {expected[:16]}"


def _shipped(weights: Path) -> dict[str, State]:
    """The networks that later stages learn from."""
    stored = load_file(weights)
    return {
        network: {
            name.removeprefix(f"{network}."): tensor.float().numpy()
            for name, tensor in stored.items()
            if name.startswith(f"{network}.")
        }
        for network in ("direct", "tokeniser")
    }


def _rounded(state: Mapping[str, torch.Tensor]) -> State:
    return {name: tensor.half().float().numpy() for name, tensor in state.items()}


def _say(done: int, count: int) -> None:
    print(f"\r{done} of {count} recordings prepared", end="", flush=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="The first 50 steps of every stage, against the fingerprints in a voice's card."
    )
    parser.add_argument("--voice", default="kathleen", metavar="NAME|FOLDER")
    parser.add_argument(
        "--run", type=Path, metavar="DIR", help="a run folder of `vocalese voice train`, its recordings prepared"
    )
    parser.add_argument("--only", type=_stage_names, default=STAGES, metavar="STAGE,…", help=f"some of: {', '.join(STAGES)}")
    parser.add_argument("--config", type=Path, default=ROOT / "examples" / "voices" / "kathleen.toml", metavar="FILE")
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER, metavar="DIR")
    return parser.parse_args(arguments)


def _stage_names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := [name for name in names if name not in STAGES]:
        raise argparse.ArgumentTypeError(f"no stage {', '.join(unknown)}; there are {', '.join(STAGES)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
