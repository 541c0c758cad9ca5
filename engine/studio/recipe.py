"""`vocalese voice train CONFIG`: one TOML file says which recordings become which voice; everything else follows from it.

    [voice]        name, title, languages, range_low, range_high, licence, origin, consent, training_data
    [[speakers]]   name, folder (holds metadata.csv), band_hz (what the recordings reach, if less than 16000)
    [data]         held_out_every, limit_clips
    [train]        seed, sung_minutes
    [direct], [tokeniser], [decoder], [polish], [gpt], [loudness]     steps, batch, crop_s, … (engine.studio.training.loop.StageSettings)
    [direct.sizes], …                                                 sizes that differ from the defaults (engine.model.config)

Stages: align and measure the recordings → direct model → sung set → tokeniser → decoder, polished → GPT and loudness model. The first speaker
is the voice's main colour, the second its other one. A run folder holds the features, checkpoints, curves and at last the voice with test
renderings; an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import json
import platform
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from engine.errors import TrainingError
from engine.model.acoustic import AcousticModel
from engine.model.config import AcousticConfig, DecoderConfig, GptConfig, LoudnessConfig, Sizes, TokeniserConfig
from engine.model.tokeniser import Tokeniser
from engine.voice.card import FORMAT_VERSION, read_card, sha256_of
from engine.voice.starter import KIND, load_starter

from .align import words_of
from .dataset import Clip, load_clip, prepare, read_sources
from .proof import draw_stages, sing_proof
from .training.decoder import Codes, Tokens, polish_decoder, train_decoder
from .training.direct import train_direct
from .training.gpt import TokenLine, recorded_line, sung_line, train_gpt
from .training.loop import Report, StageSettings, Trained, fingerprint
from .training.loudness import train_loudness
from .training.sung import SungPhrase, load_set, save_set, set_identity, sing_set
from .training.tokens import Cepstra, recorded_cepstra, sung_cepstra, train_tokeniser
from .training.weights import save_weights

_VOICE_KEYS = ("name", "title", "languages", "range_low", "range_high", "licence", "origin", "consent", "training_data")
_SPEAKER_KEYS = ("name", "folder", "band_hz")
_DATA_DEFAULTS = {"held_out_every": 25, "limit_clips": 0}
_TRAIN_DEFAULTS = {"seed": 1, "sung_minutes": 90.0}
_STAGES: dict[str, tuple[StageSettings, Sizes | None]] = {
    "direct": (StageSettings(steps=7000), AcousticConfig()),
    "tokeniser": (StageSettings(steps=3000, batch=24, crop_s=0.64, learning_rate=1e-3), TokeniserConfig()),
    "decoder": (StageSettings(steps=4500, batch=5), DecoderConfig()),
    "polish": (StageSettings(steps=1500, batch=3, learning_rate=8e-4, warm_up_steps=50), None),
    "gpt": (StageSettings(steps=2000, batch=8, crop_s=2.56, learning_rate=1e-3), GptConfig()),
    "loudness": (StageSettings(steps=800, batch=16, crop_s=1.5, learning_rate=1e-3), LoudnessConfig()),
}
_SUNG_HELD_OUT = 40  # one phrase in so many
_MAY_BE_ZERO = frozenset({"seed", "ema_decay", "dropout", "token_dropout", "unit_dropout", "held_out_every", "limit_clips"})
_FULL_BAND_HZ = 1e9
WEIGHTS_NAME = "weights.safetensors"


@dataclass(frozen=True)
class SpeakerSource:
    """Whose recordings, where (absolute), and the frequency that they reach."""

    name: str
    folder: Path
    band_hz: float


@dataclass(frozen=True)
class Recipe:
    """A checked training config. `voice` holds the card's texts; `stages` and `sizes` go by the names of the stages."""

    voice: dict[str, Any]
    speakers: tuple[SpeakerSource, ...]
    held_out_every: int
    limit_clips: int
    seed: int
    sung_minutes: float
    stages: dict[str, StageSettings]
    sizes: dict[str, Any]

    def within(self, folder: Path) -> Recipe:
        """The same recipe with every speaker's folder looked for in `folder`."""
        return replace(self, speakers=tuple(replace(s, folder=(folder / s.folder.name).resolve()) for s in self.speakers))

    def shortened(self, steps: int) -> Recipe:
        """The same recipe with no stage longer than `steps`."""
        shorter = {name: replace(stage, steps=min(stage.steps, steps)) for name, stage in self.stages.items()}
        return replace(self, stages=shorter)


def read_recipe(path: Path) -> Recipe:
    """Raises TrainingError naming the file, the key and what is valid."""
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


@dataclass(frozen=True)
class Material:
    """What a voice is trained on: prepared clips, and every word of their texts."""

    training: list[Clip]
    held_out: list[Clip]
    words: list[str]


def train_voice(
    recipe: Recipe,
    run_folder: Path,
    *,
    jobs: int = 1,
    prepared: Callable[[int, int], None] | None = None,
    report: Report | None = None,
) -> Path:
    """Prepare, train, write the voice; returns its folder `run_folder/NAME`.

    Beside it: the curves of every stage as PNG, and a sung line as `proof.wav` with `proof.png`.
    """
    with one_thread():
        material = gather(recipe, run_folder, jobs=jobs, prepared=prepared)
        networks, trained = _train(recipe, material, run_folder, report)
    folder = run_folder / str(recipe.voice["name"])
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(networks, folder / WEIGHTS_NAME)
    write_card(folder, recipe, material, trained)
    draw_stages(run_folder)
    sing_proof(load_starter(folder, read_card(folder)), run_folder)
    return folder


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for torch and NumPy: more only spin on small networks, and sums would be rounded by the number of cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


def gather(recipe: Recipe, run_folder: Path, *, jobs: int = 1, prepared: Callable[[int, int], None] | None = None) -> Material:
    """Prepared clips of all speakers; every `held_out_every`-th of each is kept apart."""
    training: list[Clip] = []
    held_out: list[Clip] = []
    texts: list[str] = []
    config: AcousticConfig = recipe.sizes["direct"]
    for index, speaker in enumerate(recipe.speakers):
        sources = read_sources(speaker.folder)
        if recipe.limit_clips:
            sources = sources[: recipe.limit_clips]
        features = run_folder / "features" / speaker.name
        paths = prepare(
            sources,
            features,
            sample_rate=config.sample_rate,
            aperiodicity_bands=config.aperiodicity_bands,
            jobs=jobs,
            progress=prepared,
        )
        clips = [load_clip(path, index, speaker.band_hz) for path in sorted(paths)]
        _refuse_other_sizes(clips, config, features)
        every = recipe.held_out_every
        for number, clip in enumerate(clips):
            (held_out if every and number % every == every // 3 else training).append(clip)
        texts += [source.text for source in sources]
    return Material(training, held_out, sorted({word for text in texts for word in words_of(text)}))


@dataclass(frozen=True)
class Taught:
    """What the later stages learn from. `apart`: so many sung phrases are held out; codes [ceil(T / 4)] per clip or phrase."""

    direct: AcousticModel
    tokeniser: Tokeniser
    phrases: list[SungPhrase]
    apart: int
    codes: Tokens
    held_out_codes: list[Codes]


def teach(recipe: Recipe, material: Material, run: Path, report: Report | None = None) -> tuple[Taught, dict[str, Trained]]:
    """The direct model, what it sings, and the tokens of everything; how the training of these two stages went."""
    stages, sizes = recipe.stages, recipe.sizes
    direct, of_direct = train_direct(sizes["direct"], stages["direct"], material.training, material.held_out, run, report)
    direct.eval()
    heard = _hear(recipe, material, direct, run)
    tokeniser, of_tokeniser = train_tokeniser(
        sizes["tokeniser"],
        stages["tokeniser"],
        heard.recorded,
        heard.sung[heard.apart :],
        heard.held_out,
        run,
        data_identity=heard.identity,
        report=report,
    )
    return _tokenised(heard, direct, tokeniser), {"direct": of_direct, "tokeniser": of_tokeniser}


def taught_by(recipe: Recipe, material: Material, run: Path, direct: AcousticModel, tokeniser: Tokeniser) -> Taught:
    """The same with networks that are trained already; what the direct model sings is kept in `run`."""
    return _tokenised(_hear(recipe, material, direct, run), direct, tokeniser)


@dataclass(frozen=True)
class _Heard:
    """Cepstra [T, cepstra] of all recordings and of what the direct model sang."""

    phrases: list[SungPhrase]
    apart: int
    recorded: list[Cepstra]
    held_out: list[Cepstra]
    sung: list[Cepstra]
    identity: str


def _hear(recipe: Recipe, material: Material, direct: AcousticModel, run: Path) -> _Heard:
    phrases, identity = _sung(recipe, direct, material.words, run)
    clips = material.training
    cepstra, offset = recorded_cepstra([*clips, *material.held_out], direct, recipe.sizes["tokeniser"])
    return _Heard(
        phrases=phrases,
        apart=max(1, len(phrases) // _SUNG_HELD_OUT),
        recorded=cepstra[: len(clips)],
        held_out=cepstra[len(clips) :],
        sung=sung_cepstra(phrases, offset, recipe.sizes["tokeniser"]),
        identity=identity,
    )


def _tokenised(heard: _Heard, direct: AcousticModel, tokeniser: Tokeniser) -> Taught:
    recorded, held_out, sung = (
        [tokeniser.codes_of(c) for c in group] for group in (heard.recorded, heard.held_out, heard.sung)
    )
    return Taught(direct, tokeniser, heard.phrases, heard.apart, Tokens(recorded, sung), held_out)


@dataclass(frozen=True)
class TokenLines:
    """What the GPT learns from, and what it is tested with by name."""

    recorded: list[TokenLine]
    sung: list[TokenLine]
    tests: dict[str, list[TokenLine]]


def token_lines(recipe: Recipe, material: Material, taught: Taught) -> TokenLines:
    """Recordings and sung phrases as lines of tokens."""
    config = recipe.sizes["gpt"]
    recorded = [recorded_line(c, codes, config) for c, codes in zip(material.training, taught.codes.recorded, strict=True)]
    sung = [sung_line(p, codes, config) for p, codes in zip(taught.phrases, taught.codes.sung, strict=True)]
    apart = [recorded_line(c, codes, config) for c, codes in zip(material.held_out, taught.held_out_codes, strict=True)]
    return TokenLines(recorded, sung[taught.apart :], {"recorded": apart, "sung": sung[: taught.apart]})


def _train(
    recipe: Recipe, material: Material, run: Path, report: Report | None
) -> tuple[dict[str, torch.nn.Module], dict[str, Trained]]:
    stages, sizes = recipe.stages, recipe.sizes
    clips, held_out = material.training, material.held_out
    taught, trained = teach(recipe, material, run, report)
    tokens = Tokens(taught.codes.recorded, taught.codes.sung[taught.apart :])
    told = (clips, held_out, taught.phrases[taught.apart :], tokens, taught.held_out_codes, run, report)
    rough, of_decoder = train_decoder(sizes["decoder"], stages["decoder"], *told)
    decoder, of_polish = polish_decoder(rough, stages["polish"], *told)
    lines = token_lines(recipe, material, taught)
    gpt, of_gpt = train_gpt(sizes["gpt"], stages["gpt"], lines.recorded, lines.sung, lines.tests, run, report=report)
    loudness, of_loudness = train_loudness(sizes["loudness"], stages["loudness"], clips, held_out, run, report)
    networks: dict[str, torch.nn.Module] = {
        "direct": taught.direct,
        "tokeniser": taught.tokeniser,
        "decoder": decoder,
        "gpt": gpt,
        "loudness": loudness,
    }
    trained |= {"decoder": of_decoder, "polish": of_polish, "gpt": of_gpt, "loudness": of_loudness}
    return networks, trained


def _sung(recipe: Recipe, direct: AcousticModel, words: Sequence[str], run: Path) -> tuple[list[SungPhrase], str]:
    identity = set_identity(fingerprint(direct), words, recipe.sung_minutes, recipe.seed)
    path = run / "sung.npz"
    if not path.exists():
        save_set(sing_set(direct, words, recipe.sung_minutes, recipe.seed), path, identity)
    return load_set(path, identity), identity


def _refuse_other_sizes(clips: Sequence[Clip], model: AcousticConfig, features: Path) -> None:
    for clip in clips:
        if clip.sample_rate != model.sample_rate or clip.aperiodicity.shape[1] != model.aperiodicity_bands:
            raise TrainingError(
                f"The features in {features} were made for another sample rate or number of aperiodicity bands than the recipe's. "
                "Delete that folder to make them again, or choose another run folder."
            )


def write_card(folder: Path, recipe: Recipe, material: Material, trained: dict[str, Trained]) -> None:
    """The voice's card beside its weights; figures measured later go under [measured]."""
    values = {
        "format": FORMAT_VERSION,
        "kind": KIND,
        **recipe.voice,
        "colours": [speaker.name for speaker in recipe.speakers],
        "sample_rate": recipe.sizes["direct"].sample_rate,
        "weights": WEIGHTS_NAME,
        "sha256": sha256_of(folder / WEIGHTS_NAME),
    }
    facts: dict[str, Any] = {
        "seed": recipe.seed,
        "clips": len(material.training),
        "held_out_clips": [clip.name for clip in material.held_out],
        "minutes_of_audio": round(sum(clip.frames for clip in material.training) / 6000, 1),
        "minutes_sung": recipe.sung_minutes,
        "cpu_minutes": round(sum(stage.cpu_s for stage in trained.values()) / 60, 1),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    tables: dict[str, dict[str, Any]] = {f"model.{name}": sizes.as_dict() for name, sizes in recipe.sizes.items()}
    tables["training"] = facts
    for name, stage in trained.items():
        tables[f"training.{name}"] = {
            "steps": recipe.stages[name].steps,
            "cpu_minutes": round(stage.cpu_s / 60, 1),
            "weights_after_50_steps": stage.start,
            **{f"held_out_{key}": round(value, 4) for key, value in stage.held_out.items()},
        }
    lines = [f"{key} = {_toml(value)}" for key, value in values.items()]
    for table, content in tables.items():
        lines += ["", f"[{table}]", *(f"{key} = {_toml(value)}" for key, value in content.items())]
    (folder / "card.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _toml(value: Any) -> str:
    """JSON text of strings, numbers, booleans and lists of them is TOML too."""
    return json.dumps(value, ensure_ascii=False)


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


def _changed(defaults: Any, path: Path, table: str, values: dict[str, Any]) -> Any:
    """`defaults` with some values changed, all checked."""
    known = {item.name: getattr(defaults, item.name) for item in fields(defaults)}
    _check_keys(path, table, values, tuple(known))
    _check_numbers(path, table, known, values)
    return replace(defaults, **{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})


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
    if isinstance(default, bool):
        return isinstance(value, bool)
    if isinstance(default, tuple):
        return isinstance(value, list) and bool(value) and all(_is_like(item, default[0], may_be_zero) for item in value)
    is_number = isinstance(value, int | float if isinstance(default, float) else int) and not isinstance(value, bool)
    return is_number and (value > 0 or (may_be_zero and value == 0))
