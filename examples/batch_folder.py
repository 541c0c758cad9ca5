"""Render all MIDI files of a folder and go on after a bad one: `python batch_folder.py [FOLDER] [TARGET]`."""

import sys
from pathlib import Path

import numpy as np
import soundfile

from engine import STARTER_NAME, PerformanceSettings, VocaleseError, load_voice, plan_score, read_score, render_track

RATE = 48_000


def main(folder: str = ".", target: str = "stems") -> None:
    voice = load_voice(STARTER_NAME)
    Path(target).mkdir(parents=True, exist_ok=True)
    for path in sorted(Path(folder).glob("*.mid")):
        try:
            plan = plan_score(read_score(path), voice.card, PerformanceSettings())
        except VocaleseError as error:
            print(f"{path.name}: {error}")
            continue
        for track in plan.tracks:
            blocks = render_track(track.performed.phrases, voice, sample_rate=RATE, total_samples=plan.total_samples(RATE))
            soundfile.write(Path(target) / f"{path.stem} - {track.name}.wav", np.concatenate(list(blocks)), RATE)
        print(f"{path.name}: {len(plan.tracks)} stem(s), {plan.seconds:.1f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
