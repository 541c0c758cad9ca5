"""`vocalese voice import`: make a voice folder of GPT-SoVITS files. `vocalese voice fetch`: download the encoders."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from bridge.cli.voice import FetchOptions, ImportOptions
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
    read_reference_clip,
    read_reference_text,
)

from .common import EXIT_OK, feature_folder, user_voice_folder


def run_import(options: ImportOptions) -> int:
    """Import a voice and report missing files."""
    low, high = options.pitch_range
    if not 12.0 <= low < high <= 108.0:
        raise SettingsError(f"--range {low:g} {high:g} is no range; give MIDI pitches from low to high, such as 45 69.")
    if options.reference is None and options.reference_text:
        raise SettingsError("--reference-text says what a clip says; give the clip with --reference too.")
    notices: list[str] = []
    if options.reference_text.strip():
        notices += read_reference_text(options.reference_text, options.reference_language).notices
    folder = options.output or user_voice_folder() / _folder_name(options.name)
    encoders = FeatureFolder(feature_folder(options))
    reference = None
    if options.reference is not None:
        notices += read_reference_clip(options.reference).notices
        reference = Reference(path=options.reference, text=options.reference_text, language=options.reference_language)
    import_voice(
        options.gpt,
        options.sovits,
        folder,
        name=options.name,
        title=options.title,
        languages=options.languages,
        pitch_range=(low, high),
        speaker_path=options.speaker_encoder,
        spare_speaker_path=encoders.speaker_file,
        reference=reference,
        provenance=Provenance(
            licence=options.licence, origin=options.origin, consent=options.consent, training_data=options.training_data
        ),
    )
    _report(folder, encoders, notices)
    return EXIT_OK


def _report(folder: Path, encoders: FeatureFolder, notices: Sequence[str]) -> None:
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
    for sentence in (*notices, *lacks):
        print(f"    - {sentence}")
    if lacks:
        print("What is missing is named by: vocalese voice fetch --list")
    print(f"Licence: {card.licence}. Consent: {card.consent}. Both are in {folder / 'card.toml'}, to be put right by hand.")


def _folder_name(name: str) -> str:
    if not name or name in (".", "..") or any(c in '/\\:*?"<>|' or not c.isprintable() for c in name):
        raise VoiceError(f"{name!r} cannot be a folder's name. Choose another name, or give the folder with -o.")
    return name


def fetch(options: FetchOptions) -> int:
    """List the files and their places; download the missing ones."""
    features, missing = feature_folder(options), []
    print(f"Folder: {features}")
    print(f"From: {HUB_REPOSITORY} on the Hugging Face hub (under its licences, which are theirs)")
    for file in FEATURE_FILES:
        is_there = (features / file.path).is_file()
        print(f"    {'there  ' if is_there else 'missing'}  {file.path}  ({file.purpose})")
        if not is_there:
            missing.append(file.path)
    if options.only_list or not missing:
        return EXIT_OK
    hub = _hub()
    for path in missing:
        print(f"fetching {path}", file=sys.stderr)
        try:
            hub.hf_hub_download(HUB_REPOSITORY, path, local_dir=features)
        except Exception as error:
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
