"""`vocalese voice train CONFIG`: one TOML file says which recordings become which voice; everything else follows from it.

    [voice]    name, title, languages, range_low, range_high, licence, origin, consent, training_data
    [data]     folder (holds metadata.csv), held_out_every
    [train]    steps, batch, crop_s, learning_rate, seed, …          (engine.studio.train.TrainSettings)
    [model]    sizes that differ from the defaults                   (engine.model.acoustic.AcousticConfig)

A run folder holds the features, the checkpoint, the curves and at last the voice; an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import json
import platform
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from engine.errors import TrainingError
from engine.model.acoustic import AcousticConfig
from engine.voice.card import FORMAT_VERSION, sha256_of
from engine.voice.starter import KIND, save_weights

from .dataset import Clip, load_clip, prepare, read_sources
from .train import Progress, TrainSettings, train

_VOICE_KEYS = ("name", "title", "languages", "range_low", "range_high", "licence", "origin", "consent", "training_data")
_MAY_BE_ZERO = frozenset({"seed", "ema_decay", "dropout", "held_out_every", "limit_clips"})
WEIGHTS_NAME = "weights.safetensors"


@dataclass(frozen=True)
class Recipe:
    """A checked training config. `voice` holds the card's texts; paths are absolute."""

    voice: dict[str, Any]
    data_folder: Path
    held_out_every: int
    limit_clips: int
    settings: TrainSettings
    model: AcousticConfig


def read_recipe(path: Path) -> Recipe:
    """Raises TrainingError naming the file, the key and what is valid."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"The training config {path} cannot be read: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(f"The training config {path} is not valid TOML: {error}.") from error
    _check_keys(path, "", values, ("voice", "data", "train", "model"))
    for table, content in values.items():
        if not isinstance(content, dict):
            raise TrainingError(f"{path}: {table} is not a table; write [{table}] on a line of its own.")
    voice, data = values.get("voice", {}), values.get("data", {})
    _check_keys(path, "voice", voice, _VOICE_KEYS)
    _check_keys(path, "data", data, ("folder", "held_out_every", "limit_clips"))
    missing = [f"voice.{key}" for key in _VOICE_KEYS if key not in voice] + ([] if "folder" in data else ["data.folder"])
    if missing:
        raise TrainingError(f"{path} lacks {', '.join(missing)}.")
    _check_voice(path, voice)
    if not isinstance(data["folder"], str):
        raise TrainingError(f"{path}: folder in [data] is {data['folder']!r}; it takes a path as text.")
    _check_numbers(path, "data", {"held_out_every": 25, "limit_clips": 0}, data)
    return Recipe(
        voice=voice,
        data_folder=(path.parent / data["folder"]).resolve(),
        held_out_every=int(data.get("held_out_every", 25)),
        limit_clips=int(data.get("limit_clips", 0)),
        settings=_dataclass_from(TrainSettings, path, "train", values.get("train", {})),
        model=_dataclass_from(AcousticConfig, path, "model", values.get("model", {})),
    )


def train_voice(
    recipe: Recipe,
    run_folder: Path,
    *,
    jobs: int = 1,
    prepared: Callable[[int, int], None] | None = None,
    report: Callable[[Progress], None] | None = None,
) -> Path:
    """Prepare, train, write the voice; returns its folder `run_folder/NAME`. One torch thread: more only spin on small networks."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        sources = read_sources(recipe.data_folder)
        if recipe.limit_clips:
            sources = sources[: recipe.limit_clips]
        paths = prepare(
            sources,
            run_folder / "features",
            sample_rate=recipe.model.sample_rate,
            aperiodicity_bands=recipe.model.aperiodicity_bands,
            jobs=jobs,
            progress=prepared,
        )
        clips = [load_clip(path) for path in sorted(paths)]
        _refuse_other_sizes(clips, recipe.model, run_folder / "features")
        is_held_out = [
            recipe.held_out_every > 0 and i % recipe.held_out_every == recipe.held_out_every // 3 for i in range(len(clips))
        ]
        training = [clip for clip, held in zip(clips, is_held_out, strict=True) if not held]
        held_out = [clip for clip, held in zip(clips, is_held_out, strict=True) if held]
        started_cpu = time.process_time()
        model = train(recipe.model, recipe.settings, training, held_out, run_folder, report)
        facts = {
            "steps": recipe.settings.steps,
            "seed": recipe.settings.seed,
            "clips": len(training),
            "held_out_clips": [clip.name for clip in held_out],
            "minutes_of_audio": round(sum(clip.frames for clip in training) / 6000, 1),
            "cpu_minutes_of_last_run": round((time.process_time() - started_cpu) / 60, 1),
            "torch": torch.__version__,
            "python": platform.python_version(),
        }
    finally:
        torch.set_num_threads(threads)
    folder = run_folder / str(recipe.voice["name"])
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(model, folder / WEIGHTS_NAME)
    write_card(folder, recipe, facts)
    return folder


def _refuse_other_sizes(clips: Sequence[Clip], model: AcousticConfig, features: Path) -> None:
    for clip in clips:
        if clip.sample_rate != model.sample_rate or clip.aperiodicity.shape[1] != model.aperiodicity_bands:
            raise TrainingError(
                f"The features in {features} were made for another sample rate or number of aperiodicity bands than the recipe's. "
                "Delete that folder to make them again, or choose another run folder."
            )


def write_card(folder: Path, recipe: Recipe, facts: dict[str, Any]) -> None:
    """The voice's card beside its weights; figures measured later go under [measured]."""
    values = {
        "format": FORMAT_VERSION,
        "kind": KIND,
        **recipe.voice,
        "sample_rate": recipe.model.sample_rate,
        "weights": WEIGHTS_NAME,
        "sha256": sha256_of(folder / WEIGHTS_NAME),
    }
    lines = [f"{key} = {_toml(value)}" for key, value in values.items()]
    for table, content in (("model", recipe.model.as_dict()), ("training", facts)):
        lines += ["", f"[{table}]", *(f"{key} = {_toml(value)}" for key, value in content.items())]
    (folder / "card.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _toml(value: Any) -> str:
    """JSON text of strings, numbers, booleans and lists of them is TOML too."""
    return json.dumps(value, ensure_ascii=False)


def _check_keys(path: Path, table: str, values: dict[str, Any], known: tuple[str, ...]) -> None:
    unknown = sorted(set(values) - set(known))
    if unknown:
        where = f"[{table}]" if table else "the top level"
        raise TrainingError(f"{path}: unknown key(s) {', '.join(unknown)} in {where}. Valid: {', '.join(known)}.")


def _check_voice(path: Path, voice: dict[str, Any]) -> None:
    """What the card needs: a name that can be a folder's, a list of languages, two numbers, texts."""
    name = voice["name"]
    if not isinstance(name, str) or not name.strip(". ") or Path(name).name != name or "\\" in name:
        raise TrainingError(f'{path}: name in [voice] is {name!r}; it must be able to name a folder, as in "my-voice".')
    for key, value in voice.items():
        if key == "languages":
            is_valid = isinstance(value, list) and bool(value) and all(isinstance(language, str) for language in value)
        elif key.startswith("range_"):
            is_valid = isinstance(value, int | float) and not isinstance(value, bool)
        else:
            is_valid = isinstance(value, str)
        if not is_valid:
            wanted = "a list of codes" if key == "languages" else "a MIDI pitch" if key.startswith("range_") else "text"
            raise TrainingError(f"{path}: {key} in [voice] is {value!r}; it takes {wanted}.")


def _dataclass_from(kind: type, path: Path, table: str, values: dict[str, Any]) -> Any:
    defaults = {item.name: item.default for item in fields(kind)}
    _check_keys(path, table, values, tuple(defaults))
    _check_numbers(path, table, defaults, values)
    fixed = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return kind(**fixed)


def _check_numbers(path: Path, table: str, defaults: dict[str, Any], values: dict[str, Any]) -> None:
    """Values must be of their defaults' kind and above 0 (some may be 0)."""
    for key, default in defaults.items():
        if key in values and not _is_like(values[key], default, key in _MAY_BE_ZERO):
            kind = (
                "a list of whole numbers"
                if isinstance(default, tuple)
                else "a number"
                if isinstance(default, float)
                else "a whole number"
            )
            lowest = "0 or more" if key in _MAY_BE_ZERO else "more than 0"
            raise TrainingError(f"{path}: {key} in [{table}] is {values[key]!r}; it takes {kind}, {lowest}, as in {default!r}.")


def _is_like(value: Any, default: Any, may_be_zero: bool) -> bool:
    if isinstance(default, tuple):
        return isinstance(value, list) and bool(value) and all(_is_like(item, default[0], may_be_zero) for item in value)
    is_number = isinstance(value, int | float if isinstance(default, float) else int) and not isinstance(value, bool)
    return is_number and (value > 0 or (may_be_zero and value == 0))
