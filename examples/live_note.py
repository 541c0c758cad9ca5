"""Play the live voice without a sound device or a server, block by block: `python live_note.py [WAV]`."""

import sys

import numpy as np
import soundfile

from engine import (
    STARTER_NAME,
    Bend,
    LivePerformer,
    LiveVoice,
    Lyrics,
    NoteOff,
    NoteOn,
    PerformanceSettings,
    load_voice,
    split_lyrics,
)

BLOCK_FRAMES = 2  # frames of 10 ms


def main(target: str = "live.wav") -> None:
    voice = LiveVoice(LivePerformer(PerformanceSettings()), load_voice(STARTER_NAME).stream())
    voice.feed(Lyrics(0.0, split_lyrics("Sing it now").lines))
    for number, pitch in enumerate((57.0, 60.0, 64.0)):  # one syllable per note
        voice.feed(NoteOn(0.1 + 0.5 * number, note_id=number, pitch=pitch, velocity=0.8))
        voice.feed(NoteOff(0.55 + 0.5 * number, note_id=number))
    voice.feed(Bend(1.3, semitones=-1.0))
    blocks = [voice.render(BLOCK_FRAMES) for _ in range(200 // BLOCK_FRAMES)]
    soundfile.write(target, np.concatenate(blocks), voice.sample_rate)
    print(f"{target}: 2.0 s")


if __name__ == "__main__":
    main(*sys.argv[1:])
