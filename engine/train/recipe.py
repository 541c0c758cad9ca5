"""Recipes (`vocalese voice train CONFIG`): one TOML file that states recordings, voice and settings of a training (train.py).

    [voice]        name, title, languages, range_low, range_high, licence, origin, consent, training_data
    [[speakers]]   name, folder (holds metadata.csv), band_hz (upper limit of the recordings, if below 16000)
    [data]         held_out_every, limit_clips
    [train]        seed, sung_minutes
    [direct], [tokeniser], [decoder], [polish], [gpt], [loudness]     steps, batch, crop_s, … (engine.train.stages.loop.StageSettings)
    [direct.sizes], …                                                 sizes that differ from the defaults (engine.voices.starter.config)

Stages: align and measure the recordings → direct model → sung set → tokeniser → decoder, polished → GPT and loudness model. The first speaker
is the voice's main colour, the second its other one. A run folder holds the features, checkpoints, curves and at last the voice with test
renderings; an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from engine.errors import TrainingError
from engine.voices.starter.config import AcousticConfig, DecoderConfig, GptConfig, LoudnessConfig, ModelConfig, TokeniserConfig

from .stages.loop import StageSettings

_VOICE_KEYS = ("name", "title", "languages", "range_low", "range_high", "licence", "origin", "consent", "training_data")
_SPEAKER_KEYS = ("name", "folder", "band_hz")
_DATA_DEFAULTS = {"held_out_every": 25, "limit_clips": 0}
_TRAIN_DEFAULTS = {"seed": 1, "sung_minutes": 90.0}
_STAGES: dict[str, tuple[StageSettings, ModelConfig | None]] = {
    "direct": (StageSettings(steps=7000), AcousticConfig()),
    "tokeniser": (StageSettings(steps=3000, batch=24, crop_s=0.64, learning_rate=1e-3), TokeniserConfig()),
    "decoder": (StageSettings(steps=4500, batch=5), DecoderConfig()),
    "polish": (StageSettings(steps=1500, batch=3, learning_rate=8e-4, warm_up_steps=50), None),
    "gpt": (StageSettings(steps=2000, batch=8, crop_s=2.56, learning_rate=1e-3), GptConfig()),
    "loudness": (StageSettings(steps=800, batch=16, crop_s=1.5, learning_rate=1e-3), LoudnessConfig()),
}
_MAY_BE_ZERO = frozenset({"seed", "ema_decay", "dropout", "token_dropout", "unit_dropout", "held_out_every", "limit_clips"})
_FULL_BAND_HZ = 1e9
WEIGHTS_NAME = "weights.safetensors"


@dataclass(frozen=True)
class SpeakerSource:
    """Recordings of a speaker: name, folder (absolute) and the upper limit of their frequencies."""

    name: str
    folder: Path
    band_hz: float


@dataclass(frozen=True)
class Recipe:
    """A checked training config. `voice` holds the card's texts; `stages` and `sizes` are keyed by the names of the stages."""

    voice: dict[str, Any]
    speakers: tuple[SpeakerSource, ...]
    held_out_every: int
    limit_clips: int
    seed: int
    sung_minutes: float
    stages: dict[str, StageSettings]
    sizes: dict[str, Any]

    def within(self, folder: Path) -> Recipe:
        """Return the recipe with every speaker's folder inside `folder`."""
        return replace(self, speakers=tuple(replace(s, folder=(folder / s.folder.name).resolve()) for s in self.speakers))

    def shortened(self, steps: int) -> Recipe:
        """Return the recipe with no stage longer than `steps`."""
        shorter = {name: replace(stage, steps=min(stage.steps, steps)) for name, stage in self.stages.items()}
        return replace(self, stages=shorter)


def read_recipe(path: Path) -> Recipe:
    """Read a recipe. Raises TrainingError naming the file, the key and the valid values."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"The training config {path} cannot be read: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(f"The training config {path} is not valid TOML: {error}.") from error
    _check_keys(path, "", values, ("voice", "speakers", "data", "train", *_STAGES))
    for table, content in values.items():
        if table != "speakers" and not isinstance(content, dict):
            raise TrainingError(f"{path}: {table} is not a table; write [{table}] on a line of its own.")
    voice, data, train = (values.get(table, {}) for table in ("voice", "data", "train"))
    _check_keys(path, "voice", voice, _VOICE_KEYS)
    missing = [f"voice.{key}" for key in _VOICE_KEYS if key not in voice]
    if missing:
        raise TrainingError(f"{path} lacks {', '.join(missing)}.")
    _check_voice(path, voice)
    speakers = _speakers(path, values.get("speakers"))
    for table, usual, content in (("data", _DATA_DEFAULTS, data), ("train", _TRAIN_DEFAULTS, train)):
        _check_keys(path, table, content, tuple(usual))
        _check_numbers(path, table, dict(usual), content)
    data, train = {**_DATA_DEFAULTS, **data}, {**_TRAIN_DEFAULTS, **train}
    stages, sizes = {}, {}
    for name, (settings, defaults) in _STAGES.items():
        given = dict(values.get(name, {}))
        own_sizes = given.pop("sizes", {}) if defaults else {}
        stages[name] = _changed(settings, path, name, {"seed": train["seed"], **given})
        if defaults is None:
            continue
        sizes[name] = _changed(defaults, path, f"{name}.sizes", own_sizes)
        if name != "tokeniser":
            sizes[name] = replace(sizes[name], speakers=len(speakers))
    codes = sizes["tokeniser"].codes
    sizes["decoder"], sizes["gpt"] = replace(sizes["decoder"], codes=codes), replace(sizes["gpt"], codes=codes)
    return Recipe(
        voice=voice,
        speakers=speakers,
        held_out_every=int(data["held_out_every"]),
        limit_clips=int(data["limit_clips"]),
        seed=int(train["seed"]),
        sung_minutes=float(train["sung_minutes"]),
        stages=stages,
        sizes=sizes,
    )


def _speakers(path: Path, given: Any) -> tuple[SpeakerSource, ...]:
    if not isinstance(given, list) or not given or not all(isinstance(item, dict) for item in given):
        raise TrainingError(f"{path} lacks speakers; write [[speakers]] and give each a name and a folder.")
    found = []
    for item in given:
        _check_keys(path, "[speakers]", item, _SPEAKER_KEYS)
        for key in ("name", "folder"):
            if not isinstance(item.get(key), str) or not item[key].strip(". "):
                raise TrainingError(f"{path}: {key} in [[speakers]] is {item.get(key)!r}; it takes text.")
        if Path(item["name"]).name != item["name"] or "\\" in item["name"]:
            raise TrainingError(f"{path}: name in [[speakers]] is {item['name']!r}; it must be able to name a folder.")
        _check_numbers(path, "[speakers]", {"band_hz": 16_000.0}, item)
        found.append(
            SpeakerSource(item["name"], (path.parent / item["folder"]).resolve(), float(item.get("band_hz", _FULL_BAND_HZ)))
        )
    if len({speaker.name for speaker in found}) < len(found):
        raise TrainingError(f"{path}: two speakers have the same name.")
    return tuple(found)


def _check_keys(path: Path, table: str, values: dict[str, Any], known: tuple[str, ...]) -> None:
    unknown = sorted(set(values) - set(known))
    if unknown:
        where = f"[{table}]" if table else "the top level"
        raise TrainingError(f"{path}: unknown key(s) {', '.join(unknown)} in {where}. Valid: {', '.join(known)}.")


def _check_voice(path: Path, voice: dict[str, Any]) -> None:
    """Check the entries of the card: a name that can be a folder's, a list of languages, two numbers, texts."""
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


def _changed(defaults: Any, path: Path, table: str, values: dict[str, Any]) -> Any:
    """Return `defaults` with some values changed, all checked."""
    known = {item.name: getattr(defaults, item.name) for item in fields(defaults)}
    _check_keys(path, table, values, tuple(known))
    _check_numbers(path, table, known, values)
    return replace(defaults, **{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})


def _check_numbers(path: Path, table: str, defaults: dict[str, Any], values: dict[str, Any]) -> None:
    """Check that values are of their defaults' kind and above 0 (some may be 0)."""
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
    if isinstance(default, bool):
        return isinstance(value, bool)
    if isinstance(default, tuple):
        return isinstance(value, list) and bool(value) and all(_is_like(item, default[0], may_be_zero) for item in value)
    is_number = isinstance(value, int | float if isinstance(default, float) else int) and not isinstance(value, bool)
    return is_number and (value > 0 or (may_be_zero and value == 0))
