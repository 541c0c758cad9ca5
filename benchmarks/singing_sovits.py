"""Figures of a SoVITS trained from nothing (research/train_singing_sovits.py) at its present state.

    run        steps and CPU minutes, its losses, and on held-out clips, from tokens, phones and F0 alone: distance to the recording,
               share of the power at the requested pitch, as recorded and moved up by three semitones (0.3 is chance)
    song       the built-in song: pitch and onsets as `vocalese check` measures them
    words      sung words at A3, 0.3 s per syllable, picked out of a closed list by PocketSphinx, the starter voice beside it

    python benchmarks/singing_sovits.py RUN RECIPE.toml FEATURES [--only run,song,words] [--words N] [--json]

RUN is the run folder, FEATURES the clips it was trained on. Word figures only compare systems within one run.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
for folder in (ROOT, ROOT / "benchmarks"):
    sys.path.insert(0, str(folder))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import voice_quality as quality  # noqa: E402

from engine import STARTER_NAME, ExpectedNote, Voice, load_voice, measure_accuracy  # noqa: E402
from research import train_singing_sovits as training  # noqa: E402

A3, SYLLABLE_S = 57, 0.3
Figures = dict[str, Any]


def measure_run(run: Path, recipe: Path, features: Path) -> Figures:
    import torch

    from engine.train.dataset import load_clip
    from research.singing_sovits import sung_figures

    with (run / "singing_sovits.csv").open(newline="", encoding="utf-8") as stream:
        last = {name: float(value) for name, value in list(csv.DictReader(stream))[-1].items() if value}
    reached = torch.load(run / "singing_sovits.pt", weights_only=True)["reached"]
    voice = training.reached_voice(recipe, features, training.STARTER, run)
    paths = sorted(features.glob("*.npz"))
    held_out, others = training.split_clips(paths)
    clips = training.coded_clips([load_clip(path) for path in (*held_out, others[0])], training.STARTER, run / "codes.npz")
    with torch.no_grad():
        told = {
            semitones: sung_figures(voice.network, clips[:-1], clips[-1], semitones) for semitones in training.SPOKEN_SEMITONES
        }
    return {
        "steps": reached["step"],
        "cpu_minutes": round(reached["cpu_s"] / 60, 1),
        "losses": {name: round(value, 3) for name, value in last.items() if name in ("sound", "divergence", "sung")},
        "held_out_clips": len(held_out),
        "held_out_distance": round(told[0]["sound"], 3),
        "at_pitch": {f"+{semitones}": round(figures["at_pitch"], 3) for semitones, figures in told.items()},
    }


def measure_song(voice: Voice) -> Figures:
    samples, plan = quality.sung(quality.song(), voice)
    at = plan.score.tempo_map.seconds_at
    notes = [ExpectedNote(at(n.onset_ticks), at(n.offset_ticks), n.pitch) for n in plan.tracks[0].track.notes]
    report = measure_accuracy(samples, voice.card.sample_rate, notes)
    cents = [abs(note.cents) for note in report.notes if note.cents is not None]
    onsets = [abs(note.onset_ms) for note in report.notes if note.onset_ms is not None]
    return {
        "notes": len(notes),
        "cents_median": round(float(np.median(cents)), 1),
        "cents_p95": round(float(np.percentile(cents, 95)), 1),
        "onset_ms_median": round(float(np.median(onsets)), 1),
        "onsets_found": len(onsets),
        "voiced": round(report.voiced or 0.0, 3),
    }


def measure_words(voice: Voice, count: int) -> Figures:
    try:
        import _recognise as recognise
    except ImportError as error:
        return {"skipped": f"PocketSphinx is missing ({error}): pip install 'vocalese[train]'"}
    words = quality.LYRIC_WORDS[:count]
    listener = recognise.WordListener(words)
    voices: dict[str, Voice] = {"sovits": voice, "starter": load_voice(STARTER_NAME)}
    heard = {
        name: quality._sung_by_voice(name, singer, words, listener, A3, SYLLABLE_S).score for name, singer in voices.items()
    }
    return {"words": len(words), "chance": round(1 / len(words), 3), **{name: round(share, 3) for name, share in heard.items()}}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?", metavar="RUN")
    parser.add_argument("recipe", type=Path, nargs="?", metavar="RECIPE.toml")
    parser.add_argument("features", type=Path, nargs="?", metavar="FEATURES")
    parser.add_argument("--only", default="run,song,words")
    parser.add_argument("--words", type=int, default=1000, metavar="N", help="only the first N words of the list")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.features is None:
        print("skipped: needs a run of research/train_singing_sovits.py; give RUN, RECIPE.toml and FEATURES.")
        return 0
    import torch

    torch.set_num_threads(1)
    given = options.run, options.recipe, options.features
    voice = training.reached_voice(options.recipe, options.features, training.STARTER, options.run)
    rows: dict[str, Callable[[], Figures]] = {
        "run": lambda: measure_run(*given),
        "song": lambda: measure_song(voice),
        "words": lambda: measure_words(voice, options.words),
    }
    table = {}
    for name in (name for name in rows if name in options.only.split(",")):
        table[name] = rows[name]()
        print(f"{name:<6} {table[name]}", flush=True)
    if options.json:
        print(json.dumps(table))
    return 0


if __name__ == "__main__":
    sys.exit(main())
