"""`vocalese voices`, `vocalese voice train` and `vocalese voice match`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bridge.cli.shared import JsonOptions
from bridge.cli.voice import MatchOptions, TrainOptions
from engine import (
    STARTER_NAME,
    VoiceError,
    installed_adapter,
    load_card,
    load_voice,
    measure_voice_match,
    note_name,
    read_adapter_card,
    voice_folders,
)

from .check import read_audio
from .common import EXIT_OK, progress_bar, user_voice_folder


def list_voices(options: JsonOptions) -> int:
    """List the cards of all installed voices; a damaged one with its error."""
    folders = voice_folders([user_voice_folder()])
    entries = []
    for name, folder in folders.items():
        try:
            entries.append({**asdict(load_card(str(folder))), "folder": str(folder), "adapter": _adapter(folder)})
        except VoiceError as error:
            entries.append({"name": name, "folder": str(folder), "error": str(error)})
    if options.as_json:
        print(json.dumps({"voices": entries}, ensure_ascii=False))
        return EXIT_OK
    for entry in entries:
        if "error" in entry:
            print(f"{entry['name']}: cannot be used. {entry['error']}")
            continue
        span = f"{note_name(entry['range_low'])}-{note_name(entry['range_high'])}"
        print(
            f"{entry['name']}  {entry['title']}, sings {', '.join(entry['languages'])}, {span}, {entry['sample_rate'] / 1000:g} kHz"
        )
        for label, key in (
            ("Licence", "licence"),
            ("Origin", "origin"),
            ("Consent", "consent"),
            ("Trained on", "training_data"),
        ):
            print(f"    {label}: {entry[key]}")
        if entry["adapter"]:
            print(f"    Pitch adapter: {_shown_adapter(entry['adapter'])}")
        for key, value in entry["measured"].items():
            print(f"    Measured, {key.replace('_', ' ')}: {value}")
    print(f"Your own voices go to {user_voice_folder()}")
    return EXIT_OK


def _adapter(folder: Path) -> dict[str, object] | None:
    """Return the training of a voice's pitch adapter, or its error; None if the voice has none."""
    place = installed_adapter(folder)
    if place is None:
        return None
    try:
        return dict(read_adapter_card(place).training)
    except VoiceError as error:
        return {"error": str(error)}


def _shown_adapter(training: dict[str, object]) -> str:
    if "error" in training:
        return f"cannot be used. {training['error']}"
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in training.items()) or "installed"


def train(options: TrainOptions) -> int:
    """Run a training recipe, or resume it."""
    from engine import read_recipe, train_voice  # needs the extra train

    recipe = read_recipe(options.config)
    if options.data is not None:
        recipe = recipe.within(options.data.resolve())
    if options.steps is not None:
        recipe = recipe.shortened(options.steps)

    def report(progress: Any) -> None:
        losses = ", ".join(f"{name} {value:.3f}" for name, value in progress.losses.items())
        held_out = "".join(f", held-out {name} {value:.3f}" for name, value in progress.held_out.items())
        minutes = progress.seconds_left / 60
        print(f"{progress.stage} {progress.step}/{progress.steps}: {losses}{held_out}; {minutes:.0f} min left", flush=True)

    prepared = progress_bar("preparing clips", shown=sys.stderr.isatty())
    folder = train_voice(recipe, options.output, jobs=options.jobs, prepared=prepared, report=report)
    print(f"The voice is in {folder}. Try: vocalese render SONG.mid --voice {folder}")
    print(f"To install it, move that folder to {user_voice_folder()}")
    return EXIT_OK


def match(options: MatchOptions) -> int:
    """Print the settings that bring a voice nearest to a recording."""
    clip, name, folders = options.clip, options.voice or STARTER_NAME, [user_voice_folder()]
    if load_card(name, folders).reads_text:
        raise VoiceError(
            f"'{name}' has no formants or tension to be set: it sounds like its reference clip. Give a voice like {STARTER_NAME}."
        )
    samples, rate = read_audio(clip)
    voice = load_voice(name, folders)
    found = measure_voice_match(samples, rate, voice)
    if options.as_json:
        print(json.dumps({"clip": str(clip), "voice": voice.card.name, **asdict(found)}))
        return EXIT_OK
    of_its_range = "" if voice.card.range_low <= found.pitch <= voice.card.range_high else ", outside the voice's best range"
    print(f"{clip}: {found.voiced_s:g} s of voice around {note_name(round(found.pitch))}{of_its_range}.")
    print(
        f"{voice.card.title} comes within {found.distance_db:.1f} dB of its average spectrum "
        f"(as it is: {found.neutral_distance_db:.1f} dB) with"
    )
    settings = [f"--formant {found.formant_semitones:g}", f"--tension {found.tension:g}"]
    if len(voice.card.colours) > 1:
        settings.insert(0, f"--colour {found.colour:g}")
    print(f"    vocalese render SONG.mid{f' --voice {options.voice}' if options.voice else ''} {' '.join(settings)}")
    return EXIT_OK
