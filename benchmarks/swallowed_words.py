"""Detection rate of lost and doubled words in speech: recorded clips, unchanged and with one word removed or doubled.

    python benchmarks/swallowed_words.py [--shared DIR] [--clips N]

Prints one row per condition: number of clips, and of clips with a fault. Clips as recorded should raise none.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from engine import STARTER_NAME, PerformanceSettings, Voice, load_voice  # noqa: E402
from engine.lyrics import SpokenLine, Syllable, read_spoken_text  # noqa: E402
from engine.performance import SILENCE, PhoneSpan, PlacedLine, perform_lines  # noqa: E402
from engine.voices.gpt_sovits.alignment import align_with_costs  # noqa: E402
from engine.voices.gpt_sovits.voice import word_defects  # noqa: E402

Words = Sequence[tuple[Syllable, ...]]
_LONGEST_S, _FEWEST_WORDS, _FEWEST_PHONES = 6.0, 5, 3


def clips(folder: Path, count: int) -> Iterator[tuple[NDArray[np.float64], int, list[tuple[Syllable, ...]], list[int]]]:
    """Yield samples, rate, words and pauses of short clips with enough words."""
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            lines = read_spoken_text(row["text_normalized"])
            words = [word for line in lines for word in line.words]
            samples, rate = soundfile.read(folder / row["file"])
            if len(words) < _FEWEST_WORDS or len(samples) / rate > _LONGEST_S:
                continue
            yield samples, rate, words, [pause for line in lines for pause in line.pauses]
            count -= 1
            if count == 0:
                return


def phones_of(words: Words, pauses: Sequence[int]) -> tuple[PhoneSpan, ...]:
    line = SpokenLine("en", tuple(words), tuple(pauses))
    return perform_lines([PlacedLine(line, 0.2)], PerformanceSettings()).phrases[0].phones


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--clips", type=int, default=28)
    options = parser.parse_args()
    folder = options.shared / "data" / "ljspeech_100"
    if not folder.is_dir():
        print(f"skipped: no recordings in {folder}; give --shared")
        return
    voice, rng = load_voice(STARTER_NAME), np.random.default_rng(0)
    found = {"as recorded": 0, "a word cut out": 0, "a word doubled": 0}
    count = 0
    for samples, rate, words, pauses in clips(folder, options.clips):
        count += 1
        for name, heard in conditions(samples, rate, words, pauses, voice, rng):
            alignment = align_with_costs(heard, rate, phones_of(words, pauses), voice)
            counted = [("".join(s.text for s in word), sum(len(s.phones) for s in word)) for word in words]
            found[name] += any(True for _ in word_defects(alignment, counted))
    for name, faulty in found.items():
        print(f"{name:16} {faulty:3} of {count} clips raised a fault")


def conditions(
    samples: NDArray[np.float64], rate: int, words: Words, pauses: Sequence[int], voice: Voice, rng: np.random.Generator
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield the clip unchanged, and with one aligned word removed and doubled."""
    spans = [s for s in align_with_costs(samples, rate, phones_of(words, pauses), voice).spans if s.symbol != SILENCE]
    borders = np.concatenate([[0], np.cumsum([sum(len(s.phones) for s in word) for word in words])])
    inner = [i for i in range(1, len(words) - 1) if borders[i + 1] - borders[i] >= _FEWEST_PHONES]
    chosen = int(rng.choice(inner))
    start, end = int(spans[borders[chosen]].start_s * rate), int(spans[borders[chosen + 1] - 1].end_s * rate)
    yield "as recorded", samples
    yield "a word cut out", np.concatenate([samples[:start], samples[end:]])
    yield "a word doubled", np.concatenate([samples[:end], samples[start:]])


if __name__ == "__main__":
    main()
