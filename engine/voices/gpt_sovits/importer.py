"""Import of GPT-SoVITS voices: official files to a voice folder, and a voice folder to networks.

A folder holds `card.toml`, one `weights.safetensors` (official names after `gpt.`, `sovits.` and `speaker.`, official precision) and, if
one was given, the reference clip. The official files are not needed afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import soundfile
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from engine.errors import OutputError, VoiceError
from engine.files import replacing, toml_text, write_text
from engine.voices.card import FORMAT_VERSION, VoiceCard, read_card, sha256_of, weights_path

from .kind import KIND
from .networks.config import GptConfig, SovitsConfig, SpeakerConfig
from .networks.gpt import Text2Semantic
from .networks.official import KIND_NAMES, Kind, OfficialFile, read_official
from .networks.sovits import Sovits
from .networks.speaker import SpeakerNetwork
from .networks.symbols import TABLE_LANGUAGES, lacking_languages
from .networks.weights import build_gpt, build_sovits, build_speaker
from .reference_clip import read_reference_clip

SAMPLE_RATE = 32_000
UNSTATED = "not stated"
_LANGUAGE_NAMES = {"ko": "Korean", "yue": "Cantonese"}  # that v1 lacks

_WEIGHTS, _CARD, _REFERENCE = "weights.safetensors", "card.toml", "reference.wav"
_SYMBOL_TABLES = {322: "v1", 732: "v2"}  # rows of the SoVITS phoneme table
_GPT_ROWS = {512: "v1", 322: "v1", 732: "v2"}  # the v1 GPT has spare rows


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A clip of 3 to 10 s of the voice; `text` is its transcript, empty if unknown."""

    path: Path
    text: str = ""
    language: str = "en"


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Rights stated on the card: origin of the voice, consent, licence."""

    licence: str = UNSTATED
    origin: str = UNSTATED
    consent: str = UNSTATED
    training_data: str = UNSTATED


@dataclass(frozen=True)
class GptSovitsNetworks:
    """The loaded networks of a voice; `speaker` is None if the folder holds none."""

    card: VoiceCard
    gpt: Text2Semantic
    sovits: Sovits
    speaker: SpeakerNetwork | None


def import_voice(
    gpt_path: Path,
    sovits_path: Path,
    folder: Path,
    *,
    name: str,
    title: str = "",
    languages: Sequence[str] = (),
    pitch_range: tuple[float, float] = (48.0, 72.0),
    speaker_path: Path | None = None,
    spare_speaker_path: Path | None = None,
    reference: Reference | None = None,
    provenance: Provenance = Provenance(),
) -> Path:
    """Make the voice folder `folder` from official files and return it. Nothing in the files is executed.

    `languages` are those that the voice reads itself; by default all that its phonemes allow. `pitch_range` is the natural range of the
    voice in MIDI pitch. `speaker_path` is the speaker network of v2Pro and v2ProPlus voices; `spare_speaker_path` is used if they need
    one and none is given. The folder must be new or empty, and is restored if anything fails. Raises VoiceError if a file is not of the
    expected kind, OutputError if the folder cannot be written.
    """
    if not name.strip() or not name.isprintable() or not 0 < len(name) <= 64:
        raise VoiceError(f"{name!r} cannot be a voice's name; it needs 1 to 64 visible characters.")
    gpt_file = _read(gpt_path, "gpt")
    sovits_file = _read(sovits_path, "sovits")
    with _about(gpt_path):
        gpt = GptConfig.from_official(gpt_file.config, gpt_file.weights)
        build_gpt(gpt_file.weights, gpt)
    with _about(sovits_path):
        sovits = SovitsConfig.from_official(sovits_file.config, sovits_file.weights)
        build_sovits(sovits_file.weights, sovits)
    symbols = _symbol_table(gpt, sovits)
    _check_languages((*languages, *([reference.language] if reference and reference.text.strip() else [])), symbols, sovits)
    model: dict[str, Any] = {"version": sovits.version, "symbols": symbols}
    model |= {"gpt": gpt.to_table(), "sovits": sovits.to_table()}
    weights = _prefixed("gpt.", gpt_file.weights) | _prefixed("sovits.", sovits_file.weights)
    speaker_path = speaker_path or (spare_speaker_path if sovits.has_speaker else None)
    if speaker_path is not None:
        model["speaker"], speaker_weights = _read_speaker(speaker_path, sovits)
        weights |= speaker_weights
    clip = None if reference is None else read_reference_clip(reference.path)

    with _new_folder(folder) as place:
        with replacing(place / _WEIGHTS) as part:
            save_file(weights, part)
        if reference is not None and clip is not None:
            with replacing(place / _REFERENCE) as part:
                soundfile.write(part, clip.samples, clip.rate, format="WAV", subtype="FLOAT")
            table = {"file": _REFERENCE, "sha256": sha256_of(place / _REFERENCE)}
            model["reference"] = table | {"text": reference.text, "language": reference.language}
        card = {
            "format": FORMAT_VERSION,
            "kind": KIND.name,
            "name": name,
            "title": title or name,
            "languages": list(languages or TABLE_LANGUAGES[symbols]),
            "range_low": pitch_range[0],
            "range_high": pitch_range[1],
            "licence": provenance.licence,
            "origin": provenance.origin,
            "consent": provenance.consent,
            "training_data": provenance.training_data,
            "sample_rate": SAMPLE_RATE,
            "weights": _WEIGHTS,
            "sha256": sha256_of(place / _WEIGHTS),
            "model": model,
            "training": {"gpt": gpt_file.info, "sovits": sovits_file.info},
        }
        write_text(place / _CARD, toml_text(card))
        read_card(place)  # what was written must be a voice
    return folder


def load_networks(folder: Path, *, for_training: bool = False) -> GptSovitsNetworks:
    """Load the networks of an imported voice in float32 on the CPU. Raises VoiceError, for example for a wrong checksum.

    The posterior encoder, if the voice has one, is loaded only `for_training`.
    """
    card = read_card(folder)
    if card.kind != KIND.name:
        raise VoiceError(f"Voice '{card.name}' is of kind '{card.kind}', not '{KIND.name}'.")
    path = weights_path(folder, card)
    parts: dict[str, dict[str, Tensor]] = {"gpt": {}, "sovits": {}, "speaker": {}}
    try:
        with safe_open(path, framework="pt") as opened:
            for key in opened.keys():  # noqa: SIM118 - not a dict
                part, _, weight = key.partition(".")
                if part in parts and (for_training or not weight.startswith("enc_q.")):
                    parts[part][weight] = opened.get_tensor(key)
    except SafetensorError as error:
        raise VoiceError(
            f"Voice '{card.name}': {path.name} is not a safetensors file ({error}). Import the voice again."
        ) from error
    with _about(folder):
        sovits = SovitsConfig.from_table(card.model.get("sovits"))
        if not for_training:
            sovits = replace(sovits, posterior_layers=0, posterior_rows=0)
        speaker = SpeakerConfig.from_table(card.model["speaker"]) if "speaker" in card.model else None
        return GptSovitsNetworks(
            card,
            build_gpt(parts["gpt"], GptConfig.from_table(card.model.get("gpt"))),
            build_sovits(parts["sovits"], sovits),
            None if speaker is None else build_speaker(parts["speaker"], speaker),
        )


def _read(path: Path, wanted: Kind) -> OfficialFile:
    file = read_official(path)
    if file.kind != wanted:
        swapped = {file.kind, wanted} == {"gpt", "sovits"}
        advice = "Swap the GPT and the SoVITS file." if swapped else f"Give {KIND_NAMES[wanted]}."
        raise VoiceError(f"{path} is {KIND_NAMES[file.kind]}, but {KIND_NAMES[wanted]} is needed here. {advice}")
    return file


def _check_languages(asked: Sequence[str], symbols: str, sovits: SovitsConfig) -> None:
    """Raise VoiceError if the phonemes of the voice lack a language."""
    if lacking := lacking_languages(asked, symbols):
        raise VoiceError(
            f"{' and '.join(_LANGUAGE_NAMES[code] for code in lacking)} cannot be read by a {sovits.version} voice: its phonemes are those of "
            f"{', '.join(TABLE_LANGUAGES[symbols])}. Give only these as languages; a reference in another one can come without its text."
        )


def _read_speaker(path: Path, sovits: SovitsConfig) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read the speaker network: its sizes for the card and its weights. Raises VoiceError if it does not fit the voice."""
    if not sovits.has_speaker:
        raise VoiceError(f"A {sovits.version} voice has no use for a speaker network. Leave {path} out.")
    file = _read(path, "speaker")
    with _about(path):
        speaker = SpeakerConfig.from_official(file.weights)
        build_speaker(file.weights, speaker)
        if speaker.vector_width != sovits.speaker_width:
            raise VoiceError(
                f"The speaker network gives {speaker.vector_width} values, the SoVITS file was made for {sovits.speaker_width}. "
                "Give the official pretrained_eres2netv2w24s4ep4.ckpt."
            )
    return speaker.to_table(), _prefixed("speaker.", file.weights)


def _symbol_table(gpt: GptConfig, sovits: SovitsConfig) -> str:
    """Return the phoneme table that both files were made for. Raises VoiceError if they differ."""
    table, gpt_table = _SYMBOL_TABLES.get(sovits.phonemes), _GPT_ROWS.get(gpt.phonemes)
    if table is None or gpt_table is None:
        raise VoiceError(
            f"The files know {gpt.phonemes} (GPT) and {sovits.phonemes} (SoVITS) phonemes; "
            "the official tables have 322 (v1) and 732 (v2 and later)."
        )
    if table != gpt_table:
        raise VoiceError(
            f"The two files do not belong together: the GPT was made for the phonemes of {gpt_table}, the SoVITS file for those of {table}. "
            "Take both from one voice."
        )
    if gpt.codes != sovits.codebook + 1:
        raise VoiceError(
            f"The GPT writes {gpt.codes - 1} different codes, the SoVITS file reads {sovits.codebook}. Take both from one voice."
        )
    return table


def _prefixed(prefix: str, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: weight for name, weight in weights.items()}


@contextmanager
def _about(path: Path) -> Iterator[None]:
    """Prefix errors with the file that they are about."""
    try:
        yield
    except VoiceError as error:
        raise VoiceError(f"{path}: {error}") from error


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Yield a new or empty folder; empty it (and remove it, if it is new) after an error."""
    was_there = folder.is_dir()
    try:
        if was_there and any(folder.iterdir()):
            raise OutputError(f"The folder {folder} is not empty. Choose a new one, or remove it first.")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The voice folder {folder} cannot be made: {error.strerror or error}.") from error
    try:
        yield folder
    except BaseException as error:
        for name in (_CARD, _WEIGHTS, _REFERENCE):
            (folder / name).unlink(missing_ok=True)
        if not was_there:
            folder.rmdir()
        if isinstance(error, OSError | SafetensorError | soundfile.SoundFileError):
            raise OutputError(f"The voice folder {folder} cannot be written: {error}") from error
        raise
