"""Preview of a trained voice: the curves of its stages, and a sung line as WAV and picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from engine.evaluate.accuracy import ExpectedNote, measure_accuracy
from engine.evaluate.plot import plot_accuracy
from engine.lyrics import lay_lyrics
from engine.performance import PerformanceSettings, perform
from engine.render.render import render_track
from engine.score import Note, TempoChange, TempoMap, Track
from engine.voices.types import Voice

from .stages.curves import draw_curves

# "Frère Jacques", first two lines in own English words; pitch, beats at 0.5 s, syllable.
_LINE = (
    (60, 1, "Are"), (62, 1, "you"), (64, 1, "sing-"), (60, 1, "ing,"), (60, 1, "are"), (62, 1, "you"), (64, 1, "sing-"), (60, 1, "ing,"),
    (64, 1, "in"), (65, 1, "the"), (67, 2, "light"), (64, 1, "of"), (65, 1, "the"), (67, 2, "moon"),
)  # fmt: skip
_PPQ = 480
_BEAT_S = 0.5
_RATE = 48_000


def draw_stages(run: Path) -> None:
    """Draw a PNG beside every table of curves in `run`."""
    for table in sorted(run.glob("*.csv")):
        draw_curves(table, table.with_suffix(".png"))


def sing_proof(voice: Voice, folder: Path) -> None:
    """Write `folder/proof.wav` and `folder/proof.png`: a sung line and its accuracy."""
    notes, at_ticks = [], 2 * _PPQ
    for pitch, beats, lyric in _LINE:
        notes.append(Note(at_ticks, beats * _PPQ, float(pitch), 96, lyric))
        at_ticks += beats * _PPQ
    track = Track("proof", tuple(notes), language="en")
    tempo_map = TempoMap(_PPQ, (TempoChange(0, 1e6 * _BEAT_S),))
    performed = perform(track, lay_lyrics(track, language="en", ppq=_PPQ), tempo_map, PerformanceSettings())
    total = round((tempo_map.seconds_at(at_ticks) + 0.5) * _RATE)
    samples = np.concatenate(list(render_track(performed.phrases, voice, sample_rate=_RATE, total_samples=total)))
    soundfile.write(folder / "proof.wav", samples, _RATE, subtype="PCM_24")
    at = tempo_map.seconds_at
    followed = [ExpectedNote(at(note.onset_ticks), at(note.offset_ticks), note.pitch, note.lyric) for note in notes]
    report = measure_accuracy(samples, _RATE, followed)
    plot_accuracy(folder / "proof.png", samples, _RATE, report, title=f"{voice.card.title}: a line after training")
