"""Render every sung track of a score to a stem: `python render_file.py [SCORE] [FOLDER]`."""

import sys
from pathlib import Path

import numpy as np
import soundfile

from engine import STARTER_NAME, PerformanceSettings, load_voice, plan_score, read_score, render_track

RATE = 48_000
EXAMPLE = Path(__file__).parents[1] / "bridge" / "examples" / "stay-love.mid"


def main(score_file: str = str(EXAMPLE), folder: str = ".") -> None:
    score = read_score(score_file)
    voice = load_voice(STARTER_NAME)
    plan = plan_score(score, voice.card, PerformanceSettings(seed=1))
    for track in plan.tracks:
        blocks = render_track(track.performed.phrases, voice, sample_rate=RATE, total_samples=plan.total_samples(RATE))
        stem = Path(folder) / f"{score.title} - {track.name}.wav"
        soundfile.write(stem, np.concatenate(list(blocks)), RATE, subtype="PCM_24")
        print(f"{stem}: {plan.seconds:.1f} s")
        for warning in track.warnings:
            print(f"  {warning}")


if __name__ == "__main__":
    main(*sys.argv[1:])
