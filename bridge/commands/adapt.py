"""`vocalese voice adapt`: train a pitch adapter for an imported GPT-SoVITS voice."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import engine
from bridge.cli.voice import AdaptOptions
from engine import FeatureFolder, VoiceError, adapt_voice, install_adapter, voice_folders

from .common import EXIT_OK, feature_folder, progress_bar, user_voice_folder


def run(options: AdaptOptions) -> int:
    """Train a pitch adapter, or resume its training; then install it in the voice's folder if asked."""
    training = engine.AdaptOptions(
        voice=_folder_of(options.voice),
        data=options.data,
        output=options.output,
        features=FeatureFolder(feature_folder(options)),
        steps=options.steps,
        jobs=options.jobs,
        device=options.device,
    )

    def report(progress: Any) -> None:
        figures = {**progress.losses, **{f"held-out {name}": value for name, value in progress.held_out.items()}}
        shown = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
        print(f"step {progress.step}/{progress.steps}: {shown}; {progress.seconds_left / 60:.0f} min left", flush=True)

    prepared = progress_bar("preparing clips", shown=sys.stderr.isatty())
    folder = adapt_voice(training, prepared=prepared, report=report)
    print(f"The pitch adapter is in {folder}.")
    if options.install:
        print(f"It is installed in {install_adapter(folder, training.voice)}: '{options.voice}' sings with it from now on.")
    else:
        print(f"Try: vocalese render SONG.mid --voice {options.voice} --adapter {folder}")
    return EXIT_OK


def _folder_of(voice: str) -> Path:
    if Path(voice).is_dir():
        return Path(voice)
    folders = voice_folders([user_voice_folder()])
    if voice not in folders:
        raise VoiceError(f"There is no voice '{voice}'. See: vocalese voices; or give the path of a voice folder.")
    return folders[voice]
