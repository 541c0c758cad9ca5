"""Speak a text: `python talk_text.py [TEXT] [WAV]`."""

import sys

import numpy as np
import soundfile

from engine import STARTER_NAME, PerformanceSettings, load_voice, plan_text, render_track

RATE = 48_000


def main(text: str = "Good evening. The first song is called *Home*.", target: str = "talk.wav") -> None:
    voice = load_voice(STARTER_NAME)
    settings = PerformanceSettings(speaking_pitch=54.0, speech_rate=0.95)
    plan = plan_text(text, voice.card, settings, title="Talk")
    phrases = plan.tracks[0].performed.phrases
    blocks = render_track(phrases, voice, sample_rate=RATE, total_samples=plan.total_samples(RATE))
    soundfile.write(target, np.concatenate(list(blocks)), RATE)
    print(f"{target}: {plan.seconds:.1f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
