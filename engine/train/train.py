"""Training of a starter voice: a recipe and recordings to a voice folder, stage by stage.

Direct model → sung set → tokeniser → decoder, polished → GPT → loudness model. A later stage learns from earlier networks as they ship,
rounded as in the weights file. One seed gives one result on one kind of processor; the card records a checksum of every network.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import nn

from engine.errors import TrainingError
from engine.files import toml_text, write_text
from engine.voices.card import FORMAT_VERSION, read_card, sha256_of
from engine.voices.starter.acoustic import AcousticModel
from engine.voices.starter.config import AcousticConfig, EnvelopeVariance
from engine.voices.starter.kind import KIND
from engine.voices.starter.numpy_networks import DecoderNetwork
from engine.voices.starter.tokeniser import Tokeniser
from engine.voices.starter.voice import load_starter

from .align import words_of
from .dataset import Clip, load_clip, prepare, read_sources
from .preview import draw_stages, sing_proof
from .recipe import Recipe
from .stages.array_cache import cached_arrays
from .stages.decoder import Codes, Tokens, polish_decoder, train_decoder
from .stages.direct import clips_identity, train_direct
from .stages.gpt import TokenLine, recorded_line, sung_line, train_gpt
from .stages.loop import Report, Trained, fingerprint
from .stages.loudness import train_loudness
from .stages.sung import SungPhrase, load_set, save_set, set_identity, sing_set
from .stages.tokens import Cepstra, recorded_cepstra, sung_cepstra, train_tokeniser
from .stages.variance import measure_variance
from .stages.weights import TRAINING_ONLY, as_shipped, save_weights

WEIGHTS_NAME = "weights.safetensors"
_SUNG_HELD_OUT = 40  # one phrase in so many
_GROUPS = ("recorded", "held_out", "sung")
_SHIPPED = {"direct": "direct", "tokeniser": "tokeniser", "decoder": "polish", "gpt": "gpt", "loudness": "loudness"}

State = Mapping[str, NDArray[Any]]  # a network's weights by name


def train_voice(
    recipe: Recipe,
    run_folder: Path,
    *,
    jobs: int = 1,
    prepared: Callable[[int, int], None] | None = None,
    report: Report | None = None,
) -> Path:
    """Prepare recordings, train all stages and write the voice; return its folder `run_folder/NAME`.

    Beside it: the curves of every stage as PNG, and a sung line as `proof.wav` with `proof.png`. With `jobs` above 1, recordings are prepared
    in subprocesses, so a script calls this under `if __name__ == "__main__":`.
    """
    networks: dict[str, nn.Module] = {}
    trained: dict[str, Trained] = {}
    with one_thread():
        material = gather(recipe, run_folder, jobs=jobs, prepared=prepared)
        for stage in recipe.stages:
            network, trained[stage] = _learn(stage, recipe, material, networks, run_folder, report)
            networks[stage] = as_shipped(network).eval()
    folder = run_folder / str(recipe.voice["name"])
    folder.mkdir(parents=True, exist_ok=True)
    save_weights({name: networks[stage] for name, stage in _SHIPPED.items()}, folder / WEIGHTS_NAME)
    decoder = DecoderNetwork(recipe.sizes["decoder"], state_of(networks[_SHIPPED["decoder"]]))
    _write_card(folder, recipe, material, trained, measure_variance(decoder, material.training))
    draw_stages(run_folder)
    sing_proof(load_starter(folder, read_card(folder)), run_folder)
    return folder


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit torch and NumPy to one thread: more are no faster for small networks, and rounding would depend on the number of cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


@dataclass(frozen=True)
class Material:
    """Training material: prepared clips, and every word of their texts."""

    training: list[Clip]
    held_out: list[Clip]
    words: list[str]


def gather(recipe: Recipe, run_folder: Path, *, jobs: int = 1, prepared: Callable[[int, int], None] | None = None) -> Material:
    """Prepare the clips of all speakers; every `held_out_every`-th of each is held out."""
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
class StageTargets:
    """Targets of the later stages. `apart`: number of held-out sung phrases; codes [ceil(T / 4)] per clip or phrase."""

    phrases: list[SungPhrase]
    apart: int
    codes: Tokens
    held_out_codes: list[Codes]


def stage_targets(recipe: Recipe, material: Material, run: Path, direct: AcousticModel, tokeniser: Tokeniser) -> StageTargets:
    """Return the sung set and the tokens of everything, computed once and kept in `run`.

    Raises TrainingError if the kept files belong to other networks or clips.
    """
    heard = _measure_cepstra(recipe, material, direct, run)
    cepstra = {"recorded": heard.recorded, "held_out": heard.held_out, "sung": heard.sung}
    codes = cached_arrays(
        run / "codes.npz",
        f"{heard.identity} {fingerprint(tokeniser, leave_out=TRAINING_ONLY)}",
        lambda: {group: [tokeniser.codes_of(item) for item in cepstra[group]] for group in _GROUPS},
    )
    return StageTargets(heard.phrases, heard.apart, Tokens(codes["recorded"], codes["sung"]), codes["held_out"])


@dataclass(frozen=True)
class TokenLines:
    """Training data of the GPT, and its test sets by name."""

    recorded: list[TokenLine]
    sung: list[TokenLine]
    tests: dict[str, list[TokenLine]]


def token_lines(recipe: Recipe, material: Material, taught: StageTargets) -> TokenLines:
    """Return recordings and sung phrases as lines of tokens."""
    config = recipe.sizes["gpt"]
    recorded = [recorded_line(c, codes, config) for c, codes in zip(material.training, taught.codes.recorded, strict=True)]
    sung = [sung_line(p, codes, config) for p, codes in zip(taught.phrases, taught.codes.sung, strict=True)]
    apart = [recorded_line(c, codes, config) for c, codes in zip(material.held_out, taught.held_out_codes, strict=True)]
    return TokenLines(recorded, sung[taught.apart :], {"recorded": apart, "sung": sung[: taught.apart]})


def state_of(network: nn.Module) -> State:
    """Return weights and buffers by name."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}


def _learn(
    stage: str, recipe: Recipe, material: Material, networks: Mapping[str, Any], folder: Path, report: Report | None
) -> tuple[nn.Module, Trained]:
    """Train one stage, or load it from `folder`; `networks` holds the earlier ones."""
    sizes: Any = recipe.sizes.get(stage)
    settings = recipe.stages[stage]
    clips = (material.training, material.held_out)
    if stage == "direct":
        return train_direct(sizes, settings, *clips, folder, report)
    if stage == "loudness":
        return train_loudness(sizes, settings, *clips, folder, report)
    if stage == "tokeniser":
        heard = _measure_cepstra(recipe, material, networks["direct"], folder)
        sung = heard.sung[heard.apart :]
        return train_tokeniser(
            sizes, settings, heard.recorded, sung, heard.held_out, folder, data_identity=heard.identity, report=report
        )
    taught = stage_targets(recipe, material, folder, networks["direct"], networks["tokeniser"])
    if stage == "gpt":
        lines = token_lines(recipe, material, taught)
        return train_gpt(sizes, settings, lines.recorded, lines.sung, lines.tests, folder, report=report)
    tokens = Tokens(taught.codes.recorded, taught.codes.sung[taught.apart :])
    told = (*clips, taught.phrases[taught.apart :], tokens, taught.held_out_codes, folder, report)
    if stage == "decoder":
        return train_decoder(sizes, settings, *told)
    return polish_decoder(networks["decoder"], settings, *told)


@dataclass(frozen=True)
class _CepstraSets:
    """Cepstra [T, cepstra] of all recordings and of the sung set."""

    phrases: list[SungPhrase]
    apart: int
    recorded: list[Cepstra]
    held_out: list[Cepstra]
    sung: list[Cepstra]
    identity: str


def _measure_cepstra(recipe: Recipe, material: Material, direct: AcousticModel, run: Path) -> _CepstraSets:
    path = run / "sung.npz"
    words, identity = material.words, set_identity(fingerprint(direct), material.words, recipe.sung_minutes, recipe.seed)
    if not path.exists():
        run.mkdir(parents=True, exist_ok=True)
        save_set(sing_set(direct, words, recipe.sung_minutes, recipe.seed), path, identity)
    phrases = load_set(path, identity)

    def measure() -> dict[str, list[Cepstra]]:
        config, clips = recipe.sizes["tokeniser"], material.training
        cepstra, offset = recorded_cepstra([*clips, *material.held_out], direct, config)
        return {
            "recorded": cepstra[: len(clips)],
            "held_out": cepstra[len(clips) :],
            "sung": sung_cepstra(phrases, offset, config),
        }

    identity += clips_identity(material.training + material.held_out)
    cepstra = cached_arrays(run / "cepstra.npz", identity, measure)
    return _CepstraSets(phrases=phrases, apart=max(1, len(phrases) // _SUNG_HELD_OUT), identity=identity, **cepstra)


def _refuse_other_sizes(clips: Sequence[Clip], model: AcousticConfig, features: Path) -> None:
    for clip in clips:
        if clip.sample_rate != model.sample_rate or clip.aperiodicity.shape[1] != model.aperiodicity_bands:
            raise TrainingError(
                f"The features in {features} were made for another sample rate or number of aperiodicity bands than the recipe's. "
                "Delete that folder to make them again, or choose another run folder."
            )


def _write_card(
    folder: Path, recipe: Recipe, material: Material, trained: dict[str, Trained], variance: EnvelopeVariance
) -> None:
    """Write the voice's card beside its weights; figures measured later go under [measured]."""
    values: dict[str, Any] = {
        "format": FORMAT_VERSION,
        "kind": KIND.name,
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
    values["model"] = {name: sizes.as_dict() for name, sizes in recipe.sizes.items()}
    values["model"]["variance"] = variance.as_dict()
    values["training"] = facts
    for name, stage in trained.items():
        facts[name] = {
            "steps": recipe.stages[name].steps,
            "cpu_minutes": round(stage.cpu_s / 60, 1),
            "weights_sha256": stage.weights_sha256,
            **{f"held_out_{key}": round(value, 4) for key, value in stage.held_out.items()},
        }
    write_text(folder / "card.toml", toml_text(values))
