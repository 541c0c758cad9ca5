"""Write a melody in Python, lay words on it and render it: `python words_on_melody.py [WORDS] [WAV]`."""

import sys

import numpy as np
import soundfile

from engine import (
    STARTER_NAME,
    Note,
    PerformanceSettings,
    Score,
    TempoChange,
    TempoMap,
    Track,
    load_voice,
    parse_lyric_text,
    plan_score,
    render_track,
)

RATE, PPQ = 48_000, 480
MELODY = ((57, 1.0), (60, 1.0), (64, 2.0), (62, 1.0), (60, 1.0), (57, 2.0))  # MIDI pitch, length in beats


def main(words: str = "stay with me, stay to-night", target: str = "melody.wav") -> None:
    notes, beat = [], 1.0
    for pitch, beats in MELODY:
        notes.append(Note(round(beat * PPQ), round(beats * PPQ), pitch))
        beat += beats
    tempo = TempoMap(PPQ, (TempoChange(0, 60e6 / 100),))  # microseconds per beat: 100 bpm
    score = Score("Melody", PPQ, (Track("Lead", tuple(notes)),), tempo)
    voice = load_voice(STARTER_NAME)
    plan = plan_score(score, voice.card, PerformanceSettings(), text=parse_lyric_text(words))
    phrases = plan.tracks[0].performed.phrases
    blocks = render_track(phrases, voice, sample_rate=RATE, total_samples=plan.total_samples(RATE))
    soundfile.write(target, np.concatenate(list(blocks)), RATE)
    print(f"{target}: {plan.seconds:.1f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
