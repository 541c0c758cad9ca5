"""`vocalese voices`: who can sing, and under what terms. `vocalese voice train`: make one. `voice match`: bring one near to a recording."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from engine import (
    STARTER_NAME,
    VoiceError,
    installed_adapter,
    load_card,
    load_voice,
    measure_likeness,
    note_name,
    read_adapter_card,
    read_recipe,
    train_voice,
    voice_folders,
)

from .check import read_audio
from .common import EXIT_OK, progress_bar, user_voice_folder


def list_voices(*, as_json: bool) -> int:
    """Cards of all installed voices; a damaged one is listed with its error."""
    folders = voice_folders([user_voice_folder()])
    entries = []
    for name, folder in folders.items():
        try:
            entries.append({**asdict(load_card(str(folder))), "folder": str(folder), "adapter": _adapter(folder)})
        except VoiceError as error:
            entries.append({"name": name, "folder": str(folder), "error": str(error)})
    if as_json:
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
    """The training of a voice's pitch adapter, or why it cannot be used; None if the voice has none."""
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


def train(config: Path, *, data: Path | None, output: Path, steps: int | None, jobs: int) -> int:
    """Run a training recipe to the end, or on from where it stopped."""
    recipe = read_recipe(config)
    if data is not None:
        recipe = recipe.within(data.resolve())
    if steps is not None:
        recipe = recipe.shortened(steps)

    def report(progress) -> None:
        losses = ", ".join(f"{name} {value:.3f}" for name, value in progress.losses.items())
        held_out = "".join(f", held-out {name} {value:.3f}" for name, value in progress.held_out.items())
        minutes = progress.seconds_left / 60
        print(f"{progress.stage} {progress.step}/{progress.steps}: {losses}{held_out}; {minutes:.0f} min left", flush=True)

    prepared = progress_bar("preparing clips", shown=sys.stderr.isatty())
    folder = train_voice(recipe, output, jobs=jobs, prepared=prepared, report=report)
    print(f"The voice is in {folder}. Try: vocalese render SONG.mid --voice {folder}")
    print(f"To install it, move that folder to {user_voice_folder()}")
    return EXIT_OK


def match(clip: Path, *, voice_name: str | None, as_json: bool) -> int:
    """Say which settings bring a voice nearest to a recording."""
    name, folders = voice_name or STARTER_NAME, [user_voice_folder()]
    if load_card(name, folders).reads_text:
        raise VoiceError(
            f"'{name}' has no formants or tension to be set: it sounds like its reference clip. Give a voice like {STARTER_NAME}."
        )
    samples, rate = read_audio(clip)
    voice = load_voice(name, folders)
    found = measure_likeness(samples, rate, voice)
    if as_json:
        print(json.dumps({"clip": str(clip), "voice": voice.card.name, **asdict(found)}))
        return EXIT_OK
    of_its_range = "" if voice.card.range_low <= found.pitch <= voice.card.range_high else ", outside the voice's best range"
    print(f"{clip}: {found.voiced_s:g} s of voice around {note_name(round(found.pitch))}{of_its_range}.")
    print(
        f"{voice.card.title} comes within {found.distance_db:.1f} dB of its average spectrum "
        f"(as it is: {found.neutral_distance_db:.1f} dB) with"
    )
    options = [f"--formant {found.formant_semitones:g}", f"--tension {found.tension:g}"]
    if len(voice.card.colours) > 1:
        options.insert(0, f"--colour {found.colour:g}")
    print(f"    vocalese render SONG.mid{f' --voice {voice_name}' if voice_name else ''} {' '.join(options)}")
    return EXIT_OK
