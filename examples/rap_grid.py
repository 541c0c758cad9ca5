"""Rap a verse that is written on a grid of sixteenths: `python rap_grid.py [WAV]`."""

import sys

import numpy as np
import soundfile

from engine import (
    STARTER_NAME,
    Mode,
    Note,
    PerformanceSettings,
    Score,
    TempoChange,
    TempoMap,
    Track,
    load_voice,
    plan_score,
    render_track,
)

RATE, PPQ, BPM = 48_000, 480, 88
SIXTEENTH = PPQ // 4
GRID = "put a lit- tle mel- o- dy in . the mid- dle _ of it _"  # "." is a rest, "_" holds


def main(target: str = "rap.wav") -> None:
    notes: list[Note] = []
    for slot, word in enumerate(GRID.split()):
        if word == "_":
            notes[-1] = Note(notes[-1].onset_ticks, notes[-1].duration_ticks + SIXTEENTH, 52, lyric=notes[-1].lyric)
        elif word != ".":
            notes.append(Note(PPQ + slot * SIXTEENTH, SIXTEENTH, 52, lyric=word))
    score = Score("Rap", PPQ, (Track("Rap", tuple(notes)),), TempoMap(PPQ, (TempoChange(0, 60e6 / BPM),)))
    voice = load_voice(STARTER_NAME)
    plan = plan_score(score, voice.card, PerformanceSettings(mode=Mode.RAP, pitch_strength=0.3))
    phrases = plan.tracks[0].performed.phrases
    blocks = render_track(phrases, voice, sample_rate=RATE, total_samples=plan.total_samples(RATE))
    soundfile.write(target, np.concatenate(list(blocks)), RATE)
    print(f"{target}: {plan.seconds:.1f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
