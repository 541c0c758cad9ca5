"""`vocalese voice import`: a GPT-SoVITS voice becomes a folder. `vocalese voice fetch`: the encoders that such voices listen and read with."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from engine import (
    FEATURE_FILES,
    HUB_REPOSITORY,
    FeatureFolder,
    OutputError,
    Provenance,
    Reference,
    SettingsError,
    VoiceError,
    import_voice,
    load_card,
    read_reference_text,
)

from .common import EXIT_OK, user_voice_folder


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What the command line says about a voice to be imported."""

    gpt: Path
    sovits: Path
    name: str
    title: str = ""
    speaker_encoder: Path | None = None
    reference: Path | None = None
    reference_text: str = ""
    reference_language: str = "en"
    languages: Sequence[str] = ()  # none: all that its phonemes allow
    pitch_range: tuple[float, float] = (48.0, 72.0)
    licence: str
    origin: str
    consent: str
    training_data: str
    output: Path | None = None


def run_import(options: ImportOptions, features: Path) -> int:
    """Import a voice and say what it still lacks."""
    low, high = options.pitch_range
    if not 12.0 <= low < high <= 108.0:
        raise SettingsError(f"--range {low:g} {high:g} is no range; give MIDI pitches from low to high, such as 45 69.")
    if options.reference is None and options.reference_text:
        raise SettingsError("--reference-text says what a clip says; give the clip with --reference too.")
    if options.reference_text.strip():
        read_reference_text(options.reference_text, options.reference_language)
    folder = options.output or user_voice_folder() / _folder_name(options.name)
    encoders = FeatureFolder(features)
    reference = None
    if options.reference is not None:
        reference = Reference(path=options.reference, text=options.reference_text, language=options.reference_language)
    import_voice(
        options.gpt,
        options.sovits,
        folder,
        name=options.name,
        title=options.title,
        languages=options.languages,
        pitch_range=options.pitch_range,
        speaker_path=options.speaker_encoder,
        spare_speaker_path=encoders.speaker_file,
        reference=reference,
        provenance=Provenance(
            licence=options.licence, origin=options.origin, consent=options.consent, training_data=options.training_data
        ),
    )
    _report(folder, encoders)
    return EXIT_OK


def _report(folder: Path, encoders: FeatureFolder) -> None:
    card = load_card(str(folder))
    version, is_pro = str(card.model["version"]), str(card.model["version"]).startswith("v2Pro")
    print(f"'{card.name}' ({version}) is in {folder}")
    lacks = []
    if "reference" not in card.model:
        lacks.append("It cannot sing yet: it has no reference clip. Import it again with --reference CLIP.wav.")
    if is_pro and "speaker" not in card.model:
        lacks.append(
            "It cannot sing yet: it lacks the speaker network. Import it again with --speaker-encoder FILE, or fetch it first."
        )
    if encoders.hubert is None:
        lacks.append("HuBERT is not there: only the sound of the reference clip will be used, not its way of speaking.")
    if encoders.bert is None and "zh" in card.languages:
        lacks.append("BERT is not there: Chinese will be read without it.")
    for sentence in lacks:
        print(f"    - {sentence}")
    if lacks:
        print("What is missing is named by: vocalese voice fetch --list")
    print(f"Licence: {card.licence}. Consent: {card.consent}. Both are in {folder / 'card.toml'}, to be put right by hand.")


def _folder_name(name: str) -> str:
    if not name or name in (".", "..") or any(c in '/\\:*?"<>|' or not c.isprintable() for c in name):
        raise VoiceError(f"{name!r} cannot be a folder's name. Choose another name, or give the folder with -o.")
    return name


def fetch(features: Path, *, only_list: bool) -> int:
    """Say which files belong where, and download those that are missing."""
    missing = []
    print(f"Folder: {features}")
    print(f"From: {HUB_REPOSITORY} on the Hugging Face hub (under its licences, which are theirs)")
    for file in FEATURE_FILES:
        is_there = (features / file.path).is_file()
        print(f"    {'there  ' if is_there else 'missing'}  {file.path}  ({file.purpose})")
        if not is_there:
            missing.append(file.path)
    if only_list or not missing:
        return EXIT_OK
    hub = _hub()
    for path in missing:
        print(f"fetching {path}", file=sys.stderr)
        try:
            hub.hf_hub_download(HUB_REPOSITORY, path, local_dir=features)
        except Exception as error:  # noqa: BLE001 - the library's errors have no common base, and its network library changes
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise OutputError(f"{path} could not be fetched ({reason}). {_by_hand(features)}") from error
    print("All files are there.")
    return EXIT_OK


def _hub() -> ModuleType:
    try:
        return importlib.import_module("huggingface_hub")
    except ImportError:
        raise OutputError(
            f"Downloading needs the package huggingface_hub: pip install 'vocalese[hub]'. {_by_hand(Path('the folder above'))}"
        ) from None


def _by_hand(features: Path) -> str:
    return f"Or download the missing files on a machine with a network and put each under its name, folders included, into {features}."
