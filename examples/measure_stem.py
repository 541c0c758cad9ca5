"""Measure how well a stem follows its score: `python measure_stem.py STEM SCORE`."""

import sys

import soundfile

from engine import ExpectedNote, measure_accuracy, read_score


def main(stem: str, score_file: str) -> None:
    samples, rate = soundfile.read(stem, dtype="float32", always_2d=True)
    score = read_score(score_file)
    seconds_at = score.tempo_map.seconds_at
    track = next(track for track in score.tracks if track.notes)
    notes = [ExpectedNote(seconds_at(n.onset_ticks), seconds_at(n.offset_ticks), n.pitch, n.lyric) for n in track.notes]
    report = measure_accuracy(samples.mean(axis=1), rate, notes)
    print(report.as_table())


if __name__ == "__main__":
    main(*sys.argv[1:])
