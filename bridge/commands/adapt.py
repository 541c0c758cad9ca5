"""`vocalese voice adapt`: a pitch adapter for an imported GPT-SoVITS voice."""

from __future__ import annotations

import sys
from pathlib import Path

from engine import AdaptOptions, FeatureFolder, VoiceError, adapt_voice, install_adapter, voice_folders

from .common import EXIT_OK, progress_bar, user_voice_folder


def run(voice: str, *, data: Path, output: Path, features: Path, steps: int, jobs: int, device: str, install: bool) -> int:
    """Train to the end, or on from where it stopped; then put the adapter into the voice's folder, if asked to."""
    options = AdaptOptions(
        voice=_folder_of(voice),
        data=data,
        output=output,
        features=FeatureFolder(features),
        steps=steps,
        jobs=jobs,
        device=device,
    )

    def report(progress) -> None:
        figures = {**progress.losses, **{f"held-out {name}": value for name, value in progress.held_out.items()}}
        shown = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
        print(f"step {progress.step}/{progress.steps}: {shown}; {progress.seconds_left / 60:.0f} min left", flush=True)

    prepared = progress_bar("preparing clips", shown=sys.stderr.isatty())
    folder = adapt_voice(options, prepared=prepared, report=report)
    print(f"The pitch adapter is in {folder}.")
    if install:
        print(f"It is installed in {install_adapter(folder, options.voice)}: '{voice}' sings with it from now on.")
    else:
        print(f"Try: vocalese render SONG.mid --voice {voice} --adapter {folder}")
    return EXIT_OK


def _folder_of(voice: str) -> Path:
    if Path(voice).is_dir():
        return Path(voice)
    folders = voice_folders([user_voice_folder()])
    if voice not in folders:
        raise VoiceError(f"There is no voice '{voice}'. See: vocalese voices; or give the path of a voice folder.")
    return folders[voice]
