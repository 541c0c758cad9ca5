"""Voices of the GPT-SoVITS program: official files made into a voice folder, and the networks loaded from it.

A folder holds `card.toml`, one `weights.safetensors` (official names after `gpt.`, `sovits.` and `speaker.`, official precision) and, if
one was given, the reference clip. The official files are not needed afterwards.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from engine.errors import OutputError, VoiceError
from engine.model.gpt_sovits.config import GptConfig, SovitsConfig, SpeakerConfig
from engine.model.gpt_sovits.gpt import Text2Semantic
from engine.model.gpt_sovits.official import KIND_NAMES, Kind, OfficialFile, read_official
from engine.model.gpt_sovits.sovits import Sovits
from engine.model.gpt_sovits.speaker import SpeakerNetwork
from engine.model.gpt_sovits.symbols import TABLE_LANGUAGES, lacking_languages
from engine.model.gpt_sovits.weights import build_gpt, build_sovits, build_speaker

from .card import FORMAT_VERSION, TEXT_READING_KIND, VoiceCard, read_card, sha256_of, weights_path

KIND = TEXT_READING_KIND
SAMPLE_RATE = 32_000
REFERENCE_S = (3.0, 10.0)  # what the networks were trained to hear
UNSTATED = "not stated"
_LANGUAGE_NAMES = {"ko": "Korean", "yue": "Cantonese"}  # that v1 lacks

_WEIGHTS, _CARD, _REFERENCE = "weights.safetensors", "card.toml", "reference.wav"
_SYMBOL_TABLES = {322: "v1", 732: "v2"}  # rows of the SoVITS phoneme table
_GPT_ROWS = {512: "v1", 322: "v1", 732: "v2"}  # the v1 GPT has spare rows


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A clip of 3 to 10 s of the voice; `text` is what it says, empty if not known."""

    path: Path
    text: str = ""
    language: str = "en"


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What the card says about rights: who sang, whether they agreed, on which terms the voice may be used."""

    licence: str = UNSTATED
    origin: str = UNSTATED
    consent: str = UNSTATED
    training_data: str = UNSTATED


@dataclass(frozen=True)
class GptSovitsNetworks:
    """The loaded networks of a voice; `speaker` is None where the folder holds none."""

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
    provenance: Provenance = Provenance(),  # noqa: B008 - frozen
) -> Path:
    """Makes the voice folder `folder` from official files and returns it. Nothing of the files is executed.

    `languages` are those whose words the voice reads itself; all that its phonemes allow if none are given. `pitch_range` is where
    the voice sounds natural, in MIDI pitch. `speaker_path` is the speaker network that v2Pro and v2ProPlus voices hear
    references with; `spare_speaker_path` is taken if they need one and none is given. The folder must be new or empty, and is left as it was
    if anything fails. Raises VoiceError if a file is not what it should be, OutputError if the folder cannot be written.
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
    if lacking := lacking_languages(
        (*languages, *([reference.language] if reference and reference.text.strip() else [])), symbols
    ):
        raise VoiceError(
            f"{' and '.join(_LANGUAGE_NAMES[code] for code in lacking)} cannot be read by a {sovits.version} voice: its phonemes are those of "
            f"{', '.join(TABLE_LANGUAGES[symbols])}. Give only these as languages; a reference in another one can come without its text."
        )
    model: dict[str, Any] = {"version": sovits.version, "symbols": symbols}
    model |= {"gpt": gpt.to_table(), "sovits": sovits.to_table()}
    weights = _prefixed("gpt.", gpt_file.weights) | _prefixed("sovits.", sovits_file.weights)
    if speaker_path is None and sovits.has_speaker:
        speaker_path = spare_speaker_path
    if speaker_path is not None:
        if not sovits.has_speaker:
            raise VoiceError(f"A {sovits.version} voice has no use for a speaker network. Leave {speaker_path} out.")
        speaker_file = _read(speaker_path, "speaker")
        with _about(speaker_path):
            speaker = SpeakerConfig.from_official(speaker_file.weights)
            build_speaker(speaker_file.weights, speaker)
            if speaker.vector_width != sovits.speaker_width:
                raise VoiceError(
                    f"The speaker network gives {speaker.vector_width} values, the SoVITS file was made for {sovits.speaker_width}. "
                    "Give the official pretrained_eres2netv2w24s4ep4.ckpt."
                )
        model["speaker"] = speaker.to_table()
        weights |= _prefixed("speaker.", speaker_file.weights)
    clip = None if reference is None else _read_reference(reference)

    with _new_folder(folder) as place:
        with _placed(place / _WEIGHTS) as part:
            save_file(weights, part)
        if reference is not None and clip is not None:
            with _placed(place / _REFERENCE) as part:
                soundfile.write(part, *clip, format="WAV", subtype="FLOAT")
            table = {"file": _REFERENCE, "sha256": sha256_of(place / _REFERENCE)}
            model["reference"] = table | {"text": reference.text, "language": reference.language}
        card = {
            "format": FORMAT_VERSION,
            "kind": KIND,
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
        with _placed(place / _CARD) as part:
            part.write_text(_toml(card), encoding="utf-8")
        read_card(place)  # what was written must be a voice
    return folder


def load_networks(folder: Path, *, for_training: bool = False) -> GptSovitsNetworks:
    """The networks of an imported voice, in float32 on the CPU, checked against the card's checksum. Raises VoiceError.

    The posterior encoder, if the voice has one, is loaded only `for_training`.
    """
    card = read_card(folder)
    if card.kind != KIND:
        raise VoiceError(f"Voice '{card.name}' is of kind '{card.kind}', not '{KIND}'.")
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


def _symbol_table(gpt: GptConfig, sovits: SovitsConfig) -> str:
    """The phoneme table that both files were made for."""
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


def _read_reference(reference: Reference) -> tuple[np.ndarray, int]:
    """Mono samples and rate of the clip."""
    try:
        samples, rate = soundfile.read(reference.path, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise VoiceError(f"The reference clip {reference.path} cannot be read: {error}") from error
    seconds, (shortest, longest) = len(samples) / rate, REFERENCE_S
    if not shortest <= seconds <= longest:
        raise VoiceError(
            f"The reference clip {reference.path} is {seconds:.1f} s long; it must have {shortest:g} to {longest:g} s."
        )
    if not np.isfinite(samples).all() or np.abs(samples).max() < 1e-3:
        raise VoiceError(f"The reference clip {reference.path} is silent or holds values that are not numbers.")
    return samples.mean(axis=1), rate


def _prefixed(prefix: str, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: weight for name, weight in weights.items()}


@contextmanager
def _about(path: Path) -> Iterator[None]:
    """Says in errors which file they are about."""
    try:
        yield
    except VoiceError as error:
        raise VoiceError(f"{path}: {error}") from error


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A new or empty folder, emptied (and removed, if it is new) should anything fail."""
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


@contextmanager
def _placed(path: Path) -> Iterator[Path]:
    """A file that appears under its name only when it is complete."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _toml(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> str:
    """Text, numbers, lists and tables as TOML; tables after plain values, as TOML wants them."""
    lines = [f"[{'.'.join(path)}]"] if path else []
    lines += [f"{name} = {_toml_value(value)}" for name, value in table.items() if not isinstance(value, Mapping)]
    tables = [_toml(value, (*path, name)) for name, value in table.items() if isinstance(value, Mapping)]
    return "\n".join(lines) + "\n" + "".join("\n" + text for text in tables)


def _toml_value(value: object) -> str:
    """JSON's text, numbers and lists are TOML's, but for the delete character and halves of surrogate pairs."""
    if isinstance(value, str):
        value = value.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
