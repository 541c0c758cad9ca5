"""Quality of a voice in figures: one run, one table (and with --json one object on the last line).

    words      sung words picked out of closed lists by PocketSphinx: the voice by its tokens and by its direct model, flite speaking,
               WORLD singing flite's speech
    sentences  held-out recordings sung again with their own timing, pitch and effort, by both paths: word error rate (full language
               model), mel cepstral distance (24 coefficients of 64 log-mel bands, active frames), median harmonics-to-noise ratio, voicing
    level      a held "ah" from A2 to E5 and three vowels from E2 to C6: spread of the level in dB, harmonics-to-noise ratio
    following  pitch, voicing, onsets and clicks of sung songs as `vocalese check` measures them
    live       time of each 10 ms block of a stream on one thread, from process start to the first sound, streamed against offline samples
    cost       CPU time per second of audio on one thread, start-up, memory for a ten-minute song, size of the weights

    python benchmarks/voice_quality.py [--voice NAME|FOLDER] [--only words,level] [--quick] [--json]

The starter voice's default path is by tokens; a voice without tokens is measured as "voice" alone.
Figures of recognisers only compare systems within one run. Rows that cannot be measured here give the reason.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
for folder in (ROOT, ROOT / "benchmarks"):
    sys.path.insert(0, str(folder))
os.environ.setdefault("OMP_NUM_THREADS", "1")

from engine import (  # noqa: E402
    ExpectedNote,
    Mode,
    Note,
    PerformanceSettings,
    Plan,
    Score,
    Track,
    Voice,
    load_card,
    load_voice,
    measure_accuracy,
    note_name,
    plan_score,
    read_score,
    render_track,
    write_score,
)
from engine.performance import Performance, PhoneSpan  # noqa: E402
from engine.performance.types import Controls  # noqa: E402
from engine.score import TempoChange, TempoMap  # noqa: E402
from engine.voices.catalogue import find_voice  # noqa: E402
from engine.voices.starter.kind import KIND as STARTER_KIND  # noqa: E402
from engine.voices.starter.voice import Articulation, load_starter  # noqa: E402
from engine.voices.units import VOWELS  # noqa: E402

Samples = NDArray[np.floating]
Figures = dict[str, Any]

LYRIC_WORDS = """
summer winter morning golden silver garden mountain valley flower water window mirror whisper laughter promise story freedom
heaven angel stranger brother mother people city street train road bridge door stone glass blue green black white deep cold warm
soft wild young free gone down again forever yesterday tomorrow believe remember thunder candle kiss smile touch breathe falling
""".split()
MORE_WORDS = """
about again air angel anything beach because begin believe bridge burning calling candle change city cloud color crying danger
daughter diamond dollar double early easy empty engine every falling feather fever finally follow freedom friend glory gonna
happen heaven holiday honey hurricane island kiss ladder leaving letter listen memory midnight mirror money motion needle
ocean party people promise radio reason ribbon rocket running sailor school secret seven shoulder silence sister sleeping
smile soldier spring station summer surrender thousand together train
""".split()
PITCHES, SYLLABLES_S = (57, 64), (0.3, 0.5)
VELOCITY = 90
PPQ = 480  # with one beat a second a tick is 1/480 s
_LIVE_TIMES = 3
_WORD_GAP_S, _LISTEN_AROUND_S = 0.9, 0.18

# Jane Taylor's words (1806) to the French tune of 1761: public domain. Pitch, beats, syllable.
SONG = [
    (60, 1, "Twinkle"), (60, 1, "+"), (67, 1, "twinkle"), (67, 1, "+"), (69, 1, "little"), (69, 1, "+"), (67, 2, "star"),
    (65, 1, "how"), (65, 1, "I"), (64, 1, "wonder"), (64, 1, "+"), (62, 1, "what"), (62, 1, "you"), (60, 2, "are"),
    (67, 1, "up"), (67, 1, "above"), (65, 1, "+"), (65, 1, "the"), (64, 1, "world"), (64, 1, "so"), (62, 2, "high"),
    (67, 1, "like"), (67, 1, "a"), (65, 1, "diamond"), (65, 1, "+"), (64, 1, "in"), (64, 1, "the"), (62, 2, "sky"),
]  # fmt: skip
_TO_BE_VOICED = VOWELS | frozenset("M N NG L R W Y".split())
_TO_BE_UNVOICED = frozenset("P T K F TH S SH CH HH SIL".split())
STEM_RATE = 48_000  # what `vocalese render` writes
_BEAT_S = 0.6


class SkippedError(Exception):
    """A row cannot be measured here; the message says why."""


@dataclass(frozen=True)
class Bench:
    """Resources of all rows. `recordings`: folder with metadata.csv; `features`: folder of prepared clips."""

    voice_name: str
    voice: Voice
    paths: dict[str, Voice]  # by name; the first one is `voice`
    words: tuple[tuple[str, ...], ...]  # lists, each its own closed choice
    recordings: Path
    features: Path
    quick: bool


@dataclass(frozen=True)
class Row:
    """One measurement: figures for the JSON object and lines for people."""

    figures: Figures
    lines: list[str]


# --- singing ------------------------------------------------------------------------------------------------------------------


def score_of(title: str, notes: Sequence[tuple[float, float, float, str]]) -> Score:
    """Return a score of notes (onset_s, length_s, pitch, lyric), one beat a second."""
    laid = [Note(round(on * PPQ), round(length * PPQ), pitch, VELOCITY, lyric) for on, length, pitch, lyric in notes]
    tempo = TempoMap(PPQ, (TempoChange(0, 1e6),))
    return Score(title, PPQ, (Track(title, tuple(laid), language="en"),), tempo)


def song(seconds: float = 0.0) -> Score:
    """Return the built-in song, repeated until it lasts `seconds`, with a rest after every line."""
    notes: list[tuple[float, float, float, str]] = []
    at_s = 1.0
    while not notes or at_s < seconds:
        for pitch, beats, lyric in SONG:
            notes.append((at_s, beats * _BEAT_S * (0.9 if beats == 2 else 1.0), float(pitch), lyric))
            at_s += (beats + (beats == 2)) * _BEAT_S
    return score_of("Twinkle", notes)


def sung(
    score: Score, voice: Voice, settings: PerformanceSettings | None = None, *, rate: int | None = None
) -> tuple[Samples, Plan]:
    """Render the first track of `score` through the whole engine, at `rate` (None = the voice's own)."""
    plan = plan_score(score, voice.card, settings or PerformanceSettings())
    rate = rate or voice.card.sample_rate
    phrases = plan.tracks[0].performed.phrases
    blocks = render_track(phrases, voice, sample_rate=rate, total_samples=plan.total_samples(rate))
    return np.concatenate(list(blocks)), plan


# --- words --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Heard:
    """Recognised words of one system under one condition."""

    system: str
    condition: str
    answers: tuple[tuple[str, str], ...]

    @property
    def score(self) -> float:
        return sum(word == answer for word, answer in self.answers) / max(1, len(self.answers))

    @property
    def confusions(self) -> list[str]:
        return [f"{word}>{answer or '?'}" for word, answer in self.answers if word != answer]


def measure_words(bench: Bench) -> Row:
    """Measure words sung alone on one pitch and recognised from a list; chance is one in the length of the list."""
    recognise = _recogniser()
    conditions = [(p, s) for s in SYLLABLES_S for p in PITCHES]
    runs: list[Heard | str] = []
    parts: Counter[str] = Counter()
    for words in bench.words:
        listener = recognise.WordListener(words)
        runs.append(_spoken_by_flite(words, listener))
        for pitch, syllable_s in conditions[:1] if bench.quick else conditions:
            for name, voice in bench.paths.items():
                sung_words = _sung_by_voice(name, voice, words, listener, pitch, syllable_s)
                runs.append(sung_words)
                if name == next(iter(bench.paths)):
                    parts += _missed_parts(sung_words, recognise, listener)
            runs.append(_sung_by_world(words, listener, pitch, syllable_s))
    heard = [run for run in runs if isinstance(run, Heard)]
    skipped = sorted({run for run in runs if isinstance(run, str)})
    lines = [f"{run.system:<8} {run.condition:<30} {run.score:.2f}   {' '.join(run.confusions)}" for run in heard]
    lines += [f"missed  {', '.join(f'{name} {count}' for name, count in parts.most_common(24))}"]
    lines += [f"skipped: {reason}" for reason in skipped]
    systems = dict.fromkeys(run.system for run in heard)
    figures: Figures = {"words": [len(words) for words in bench.words], "skipped": skipped}
    figures["recognised"] = {f"{run.system} {run.condition}": round(run.score, 4) for run in heard}
    figures["by_length"] = {
        f"{system} {length}": _mean_score([run for run in heard if run.system == system and length in run.condition])
        for system in systems
        for length in ("speaking", *(f"{s:g} s" for s in SYLLABLES_S))
        if any(run.system == system and length in run.condition for run in heard)
    }
    figures["mean"] = {system: _mean_score([run for run in heard if run.system == system]) for system in systems}
    figures["trials"] = {system: sum(len(run.answers) for run in heard if run.system == system) for system in systems}
    figures["missed_parts"] = dict(parts.most_common())
    lines += [f"{name:<12} {figures[name]}" for name in ("by_length", "mean", "trials")]
    return Row(figures, lines)


def _condition(pitch: int, syllable_s: float) -> str:
    return f"{note_name(pitch)} {syllable_s:g} s/syllable"


def _sung_by_voice(name: str, voice: Voice, words: Sequence[str], listener: Any, pitch: int, syllable_s: float) -> Heard:
    score, spans = words_score(words, listener.syllables, pitch, syllable_s)
    samples, _ = sung(score, voice)
    rate = voice.card.sample_rate
    answers = []
    for word, start_s, end_s in spans:
        first = max(0, int((start_s - _LISTEN_AROUND_S) * rate))
        answers.append((word, listener.hear(samples[first : int((end_s + _LISTEN_AROUND_S) * rate)], rate)))
    return Heard(name, f"{_condition(pitch, syllable_s)}, {len(words)} words", tuple(answers))


def words_score(
    words: Sequence[str], syllables: Callable[[str], int], pitch: float, syllable_s: float
) -> tuple[Score, list[tuple[str, float, float]]]:
    """Return words with a rest after each, one note per syllable, and each word's start and end in seconds."""
    notes, spans, at_s = [], [], 1.0
    for word in words:
        start_s = at_s
        for index in range(syllables(word)):
            notes.append((at_s, syllable_s, pitch, "+" if index else word))
            at_s += syllable_s
        spans.append((word, start_s, at_s))
        at_s += _WORD_GAP_S
    return score_of("Words", notes), spans


def _spoken_by_flite(words: Sequence[str], listener: Any) -> Heard | str:
    import _references as references

    if reason := references.missing_flite():
        return f"flite: {reason}"
    spoken = [(word, references.spoken(word)) for word in words]
    return Heard(
        "flite", f"speaking, {len(words)} words", tuple((word, listener.hear(s.samples, s.sample_rate)) for word, s in spoken)
    )


def _sung_by_world(words: Sequence[str], listener: Any, pitch: int, syllable_s: float) -> Heard | str:
    import _references as references

    if reason := references.missing_world():
        return f"WORLD: {reason}"
    answers = []
    for word in words:
        spoken = references.spoken(word)
        length_s = syllable_s * listener.syllables(word)
        samples, _ = references.sung_by_world(spoken, length_s, 440.0 * 2 ** ((pitch - 69) / 12))
        answers.append((word, listener.hear(samples, spoken.sample_rate)))
    return Heard("WORLD", f"{_condition(pitch, syllable_s)}, {len(words)} words", tuple(answers))


def _missed_parts(run: Heard, recognise: Any, listener: Any) -> Counter[str]:
    """Count the sounds of missed words that differ between the sung and the recognised word."""
    counts: Counter[str] = Counter()
    for word, answer in (pair for pair in run.answers if pair[0] != pair[1]):
        wanted = recognise.syllable_parts(listener.phones(word))
        got = recognise.syllable_parts(listener.phones(answer)) if answer else ((), (), ())
        for part, a, b in zip(("onset", "vowel", "rest"), wanted, got, strict=True):
            if a != b:
                counts[f"{part} {' '.join(a) or '-'}>{' '.join(b) or '-'}"] += 1
    return counts


def _mean_score(runs: Sequence[Heard]) -> float:
    """Return the share of words that were recognised."""
    right = sum(word == answer for run in runs for word, answer in run.answers)
    return round(right / max(1, sum(len(run.answers) for run in runs)), 4)


# --- held-out sentences -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sentence:
    """One held-out recording against the voice with the same timing, pitch and effort."""

    words: int
    natural_errors: int
    voice_errors: int
    distances_db: NDArray[np.float64]
    natural_hnr_db: NDArray[np.float64]
    voice_hnr_db: NDArray[np.float64]
    voicing_agrees: NDArray[np.bool_]


def measure_sentences(bench: Bench) -> Row:
    """Measure recordings that the voice was not trained on."""
    recognise = _recogniser()
    clips, how = _held_out(bench)
    figures: Figures = {"clips": len(clips), "held_out": how}
    lines = [f"{name:<18} {value}" for name, value in figures.items()]
    for name, voice in bench.paths.items():
        listener = recognise.SentenceListener()
        sentences = [_compared(path, text, voice, listener) for path, text in clips]
        words = sum(s.words for s in sentences)
        figures["words"] = words
        figures["natural"] = {
            "wer": round(sum(s.natural_errors for s in sentences) / words, 4),
            "hnr_db": _median(s.natural_hnr_db for s in sentences),
        }
        figures[name] = {
            "wer": round(sum(s.voice_errors for s in sentences) / words, 4),
            "mcd_db": _mean(s.distances_db for s in sentences),
            "hnr_db": _median(s.voice_hnr_db for s in sentences),
            "voicing_agreement": _mean((s.voicing_agrees for s in sentences), 4),
        }
    return Row(figures, [*lines, *(f"{name:<18} {figures[name]}" for name in ("words", "natural", *bench.paths))])


def _held_out(bench: Bench) -> tuple[list[tuple[Path, str]], str]:
    """Return prepared clips with their texts, and the rule of their choice."""
    from engine import TrainingError
    from engine.train.dataset import prepare, read_sources

    if not (bench.recordings / "metadata.csv").is_file():
        raise SkippedError(f"no recordings in {bench.recordings}; give --shared or --recordings")
    sources = {source.name: source for source in read_sources(bench.recordings)}
    named = cast(list[str], bench.voice.card.training.get("held_out_clips", []))
    prepared = sorted(path.stem for path in bench.features.glob("*.npz"))
    if named:
        names, how = [name for name in named if name in sources], "named by the voice card"
    elif len(prepared) > 0.8 * len(sources):
        names, how = prepared[8::25], "every 25th prepared clip"
    else:
        names, how = sorted(sources)[8::25], "every 25th clip (the card names none: some may have been trained on)"
    if not names:
        raise SkippedError(f"none of the card's held-out clips is in {bench.recordings}")
    chosen = [sources[name] for name in (names[:3] if bench.quick else names)]
    model = cast(dict[str, Any], bench.voice.card.model.get("direct", bench.voice.card.model))
    rate, bands = int(cast(int, model["sample_rate"])), int(cast(int, model["aperiodicity_bands"]))
    try:
        paths = prepare(chosen, bench.features, sample_rate=rate, aperiodicity_bands=bands)
    except TrainingError as error:
        raise SkippedError(str(error)) from error
    return [(path, sources[path.stem].text) for path in paths], how


def _compared(path: Path, text: str, voice: Voice, listener: Any) -> Sentence:
    import _recognise as recognise

    from engine.train.align import words_of
    from engine.train.dataset import load_clip

    clip = load_clip(path)
    natural = clip.samples.astype(np.float32) / 32767
    rate = voice.card.sample_rate
    again = voice.synthesise(spoken_again(clip))[: len(natural)]
    wanted = words_of(text)
    hop = rate // 100
    active = _active(natural, hop)
    natural_hnr, voice_hnr = _harmonicity(natural, rate, clip.frames), _harmonicity(again, rate, clip.frames)
    voiced_again = _voiced(again, rate, clip.frames)
    both = clip.voiced & voiced_again & active & (natural_hnr > -100) & (voice_hnr > -100)
    return Sentence(
        words=len(wanted),
        natural_errors=recognise.word_errors(wanted, listener.hear(natural, rate)),
        voice_errors=recognise.word_errors(wanted, listener.hear(again, rate)),
        distances_db=_cepstral_distance_db(natural, again, rate)[active],
        natural_hnr_db=natural_hnr[both],
        voice_hnr_db=voice_hnr[both],
        voicing_agrees=(clip.voiced == voiced_again)[active],
    )


def spoken_again(clip: Any) -> Performance:
    """Return a performance with the timing, pitch and effort of a clip; the voice splits phones into units by its own rule."""
    spans: list[PhoneSpan] = []
    before_each = ("", *clip.units[:-1])
    for symbol, before, start_s, end_s in zip(clip.units, before_each, clip.borders_s[:-1], clip.borders_s[1:], strict=True):
        if symbol.endswith("_glide") or before == f"{symbol}_closure":
            spans[-1] = PhoneSpan(spans[-1].symbol, spans[-1].start_s, float(end_s))
        else:
            spans.append(PhoneSpan(symbol.removesuffix("_closure"), float(start_s), float(end_s)))
    neutral = np.zeros(clip.frames, dtype=np.float32)
    return Performance(
        start_frame=0,
        phones=tuple(spans),
        f0_hz=clip.f0_hz.astype(np.float32),
        energy_db=(10.0 * clip.effort).astype(np.float32),
        breathiness=neutral,
        tension=neutral.copy(),
        formant_semitones=neutral.copy(),
    )


def _active(samples: Samples, hop: int) -> NDArray[np.bool_]:
    from engine.train.dataset import frame_rms

    rms = frame_rms(samples, hop)
    return rms > 0.05 * rms.max()


def _cepstral_distance_db(first: Samples, second: Samples, rate: int) -> NDArray[np.float64]:
    """Return the distance per frame, without the level (coefficient 0)."""
    difference = _mel_cepstrum(first, rate) - _mel_cepstrum(second, rate)
    return 10.0 / np.log(10.0) * np.sqrt(2.0 * np.sum(difference[:, 1:] ** 2, axis=1))


def _mel_cepstrum(samples: Samples, rate: int) -> NDArray[np.float64]:
    """[T, 25] from 64 log-mel amplitudes, 32 ms windows centred on the frames."""
    from scipy.fft import dct

    hop, size = rate // 100, 1024
    frames = len(samples) // hop
    padded = np.pad(samples, size // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[hop // 2 :: hop][:frames] * np.hanning(size)
    mels = np.maximum(np.abs(np.fft.rfft(windows)) @ _mel_filters(rate, size), 1e-4)
    return dct(np.log(mels), type=2, norm="ortho", axis=1)[:, :25] / np.sqrt(mels.shape[1] / 2)


@cache
def _mel_filters(rate: int, size: int) -> NDArray[np.float64]:
    """[bins, 64] triangles."""
    import librosa

    return librosa.filters.mel(sr=rate, n_fft=size, n_mels=64, htk=True, norm=None).T.astype(np.float64)


def _harmonicity(samples: Samples, rate: int, frames: int) -> NDArray[np.float64]:
    """Return the harmonics-to-noise ratio in dB per frame by autocorrelation (Boersma 1993); -200 if Praat finds none."""
    import parselmouth

    track = parselmouth.Sound(samples.astype(np.float64), rate).to_harmonicity_ac(
        time_step=0.01, minimum_pitch=75.0, periods_per_window=4.5
    )
    return np.interp(_frame_times(frames), track.xs(), track.values[0])


def _voiced(samples: Samples, rate: int, frames: int) -> NDArray[np.bool_]:
    """Return voicing by the method of the training data."""
    import parselmouth

    from engine.train.dataset import F0_CEILING_HZ, F0_FLOOR_HZ

    sound = parselmouth.Sound(samples.astype(np.float64), rate)
    track = sound.to_pitch_ac(time_step=0.005, pitch_floor=F0_FLOOR_HZ, pitch_ceiling=F0_CEILING_HZ, silence_threshold=0.02)
    tracked = np.asarray(track.selected_array["frequency"])
    nearest = np.clip(np.round((_frame_times(frames) - track.xs()[0]) / 0.005).astype(int), 0, len(tracked) - 1)
    return tracked[nearest] > 0


def _frame_times(frames: int) -> NDArray[np.float64]:
    return (np.arange(frames) + 0.5) / 100


def _mean(parts: Iterator[NDArray[Any]], digits: int = 2) -> float:
    return round(float(np.mean(np.concatenate(list(parts)))), digits)


def _median(parts: Iterator[NDArray[Any]]) -> float:
    return round(float(np.median(np.concatenate(list(parts)))), 2)


# --- level, following ---------------------------------------------------------------------------------------------------------


def measure_level(bench: Bench) -> Row:
    """Measure a held "ah" in minor thirds (A2, C3, … D#5) and on E5, one second each, with a rest between."""
    pitches = [45, 57, 69] if bench.quick else [*range(45, 76, 3), 76]
    score = score_of("Ah", [(1.0 + 2.0 * i, 1.0, pitch, "ah") for i, pitch in enumerate(pitches)])
    samples, _ = sung(score, bench.voice)
    rate = bench.voice.card.sample_rate
    held = [samples[int((1.25 + 2.0 * i) * rate) : int((1.85 + 2.0 * i) * rate)] for i in range(len(pitches))]
    levels = {
        note_name(p): round(10 * float(np.log10(np.mean(np.square(h)) + 1e-12)), 1) for p, h in zip(pitches, held, strict=True)
    }
    hnr = {note_name(p): round(float(np.median(_harmonicity(h, rate, 60))), 1) for p, h in zip(pitches, held, strict=True)}
    figures = {"spread_db": round(max(levels.values()) - min(levels.values()), 1), "level_dbfs": levels, "hnr_db": hnr}
    figures["e2_to_c6_spread_db"] = {vowel: _wide_spread_db(bench, vowel) for vowel in ("ah", "ee", "oo")}
    return Row(figures, [f"{name:<18} {value}" for name, value in figures.items()])


def _wide_spread_db(bench: Bench, vowel: str) -> float:
    pitches = [40, 60, 84] if bench.quick else [*range(40, 84, 4), 84]
    score = score_of(vowel, [(1.0 + 2.0 * i, 1.0, pitch, vowel) for i, pitch in enumerate(pitches)])
    samples, _ = sung(score, bench.voice)
    rate = bench.voice.card.sample_rate
    held = [samples[int((1.25 + 2.0 * i) * rate) : int((1.85 + 2.0 * i) * rate)] for i in range(len(pitches))]
    levels = [10 * float(np.log10(np.mean(np.square(h)) + 1e-12)) for h in held]
    return round(max(levels) - min(levels), 1)


def measure_songs(bench: Bench) -> Row:
    """Measure the built-in song plain and with the default ornaments, then the sung examples of the package."""
    plain = PerformanceSettings(vibrato_depth_cents=0.0, drift_cents=0.0, overshoot=0.0)
    runs: list[tuple[str, Score, PerformanceSettings]] = [
        ("Twinkle, plain", song(), plain),
        ("Twinkle", song(), PerformanceSettings()),
    ]
    if not bench.quick:
        from bridge.commands.demo import examples
        from engine.score import transpose

        for example in examples():
            if example.mode is Mode.SING:
                score = transpose(read_score(example.file), example.transpose)
                runs.append((example.title, score, PerformanceSettings()))
    figures = {title: _followed(score, bench.voice, settings) for title, score, settings in runs}
    shown: tuple[str, ...] = (
        "pitch_error_median_cents",
        "pitch_error_p95_cents",
        "notes_within_50_cents_share",
        "voiced_share",
    )
    shown += ("voicing_error_share", "onset_median_ms", "onset_p95_ms", "click_ratio", "between_notes_dbfs")
    lines = [" " * 18 + "  cents   p95  within voiced    v/uv  onset   p95   click  between"]
    for title, figure in figures.items():
        lines.append(f"{title[:18]:<18}" + "".join(f"{'-' if figure[name] is None else figure[name]:>7}" for name in shown))
    return Row(figures, lines)


def _followed(score: Score, voice: Voice, settings: PerformanceSettings) -> Figures:
    samples, plan = sung(score, voice, settings, rate=STEM_RATE)
    at = plan.score.tempo_map.seconds_at
    notes = [ExpectedNote(at(n.onset_ticks), at(n.offset_ticks), n.pitch) for n in plan.tracks[0].track.notes]
    report = measure_accuracy(samples, STEM_RATE, notes)
    return {**report.as_dict(), "voicing_error_share": _voicing_error(samples, STEM_RATE, plan)}


def _voicing_error(samples: Samples, rate: int, plan: Plan) -> float:
    """Return the share of a track's 10 ms frames, within its phrases, with the wrong voicing for their phone: vowels, nasals, liquids and
    glides are voiced, voiceless consonants and rests are not; other consonants may be either and do not count."""
    voiced = _voiced(samples, rate, len(samples) // (rate // 100))
    wrong = counted = 0
    for phrase in plan.tracks[0].performed.phrases:
        times_s = (np.arange(phrase.frames) + 0.5) / 100
        found = voiced[phrase.start_frame : phrase.start_frame + phrase.frames]
        for span in phrase.phones:
            symbol = span.symbol.rstrip("012")
            at = (times_s[: len(found)] >= span.start_s) & (times_s[: len(found)] < span.end_s)
            if symbol in _TO_BE_VOICED or symbol in _TO_BE_UNVOICED:
                counted += int(at.sum())
                wrong += int((found[at] != (symbol in _TO_BE_VOICED)).sum())
    return round(wrong / max(1, counted), 4)


# --- live ---------------------------------------------------------------------------------------------------------------------

_FIRST_SOUND = """
import time; started = time.perf_counter()
import numpy as np
from engine import load_voice
from engine.performance.types import Controls, PhoneSpan
names = ("f0_hz", "energy_db", "breathiness", "tension", "formant_semitones", "colour")
stream = load_voice({folder!r}).stream()
controls = Controls(**{{name: np.full(3, 220.0 if name == "f0_hz" else 0.0, np.float32) for name in names}})
assert abs(stream.sing((PhoneSpan("AA", 0.0, 1.0),), controls)).max() > 0
print(time.perf_counter() - started, time.process_time())
"""


def measure_live(bench: Bench) -> Row:
    """Measure a song that is requested frame by frame."""
    if not hasattr(bench.voice, "stream"):
        raise SkippedError("this voice does not sing live")
    plan = plan_score(song(), bench.voice.card, PerformanceSettings())
    phrases = plan.tracks[0].performed.phrases[:1] if bench.quick else plan.tracks[0].performed.phrases
    costs_ms: list[NDArray[np.float64]] = []
    best_ms: list[NDArray[np.float64]] = []
    worst = peak = 0.0
    for phrase in phrases:
        held = controls_of(phrase)
        walls = []
        for _ in range(_LIVE_TIMES):
            stream, blocks, walls_ms = bench.voice.stream(1), [], np.empty(held.frames)
            for first in range(held.frames):
                started = time.perf_counter()
                blocks.append(stream.sing(phrase.phones, held.cut(first, first + 1)))
                walls_ms[first] = 1000 * (time.perf_counter() - started)
            walls.append(walls_ms)
        costs_ms.append(np.concatenate(walls))
        best_ms.append(np.min(walls, axis=0))  # of the same block: what is left is the voice's own cost, not the machine's
        whole = bench.voice.stream(1).sing(phrase.phones, held)
        worst = max(worst, float(np.abs(np.concatenate(blocks) - whole).max()))
        peak = max(peak, float(np.abs(whole).max()))
    code = _FIRST_SOUND.format(folder=str(find_voice(bench.voice_name)))
    starts = [tuple(map(float, _output_of([sys.executable, "-c", code]).split())) for _ in range(1 if bench.quick else 3)]
    figures = {
        "blocks": sum(map(len, costs_ms)),
        "block_ms_median": round(float(np.median(np.concatenate(costs_ms))), 2),
        "block_ms_p99": round(float(np.percentile(np.concatenate(costs_ms), 99)), 2),
        f"block_ms_p99_best_of_{_LIVE_TIMES}": round(float(np.percentile(np.concatenate(best_ms), 99)), 2),
        "first_sound_s": round(min(wall for wall, _ in starts), 3),
        "first_sound_cpu_s": round(min(cpu for _, cpu in starts), 3),
        "streamed_minus_offline": float(f"{worst:.1e}"),
        "peak": round(peak, 3),
    }
    return Row(figures, [f"{name:<22} {value}" for name, value in figures.items()])


def controls_of(phrase: Performance) -> Controls:
    """Return the controls of a phrase, with its pitch held through rests."""
    known = np.isfinite(phrase.f0_hz)
    f0_hz = np.interp(np.arange(phrase.frames), np.flatnonzero(known), phrase.f0_hz[known]).astype(np.float32)
    names = ("energy_db", "breathiness", "tension", "formant_semitones", "colour", "growl")
    natural = np.full(phrase.frames, phrase.natural_dynamics, np.float32)
    steady = np.full(phrase.frames, phrase.steadiness, np.float32)
    return Controls(f0_hz=f0_hz, natural_dynamics=natural, steadiness=steady, **{name: getattr(phrase, name) for name in names})


# --- cost ---------------------------------------------------------------------------------------------------------------------


def measure_cost(bench: Bench) -> Row:
    """Measure each figure in a subprocess, except the CPU time per second of audio."""
    long_s = 30.0 if bench.quick else 600.0
    folder = find_voice(bench.voice_name)
    weights = folder / bench.voice.card.weights
    load = f"from engine import load_voice; import time; t = time.perf_counter(); load_voice({str(folder)!r}); print(time.perf_counter() - t)"
    figures: Figures = {
        "rtf_one_thread": round(_real_time_factor(bench.voice), 4),
        "help_s": round(_best_wall_s([sys.executable, "-m", "bridge.cli", "--help"]), 3),
        "load_voice_s": round(float(_output_of([sys.executable, "-c", load])), 3),
        "weights_mb": round(weights.stat().st_size / 1e6, 2),
        "long_song_s": long_s,
        **_long_song(bench.voice_name, long_s),
    }
    return Row(figures, [f"{name:<18} {value}" for name, value in figures.items()])


def _real_time_factor(voice: Voice) -> float:
    """Return the real-time factor from words to samples, with lyrics and performance."""
    score = song(30.0)
    sung(song(), voice)  # loads what is loaded once
    started = time.process_time()
    samples, _ = sung(score, voice)
    return (time.process_time() - started) / (len(samples) / voice.card.sample_rate)


def _best_wall_s(command: Sequence[str], times: int = 3) -> float:
    walls = []
    for _ in range(times):
        started = time.perf_counter()
        _output_of(command)
        walls.append(time.perf_counter() - started)
    return min(walls)


def _output_of(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout


def _long_song(voice_name: str, seconds: float) -> Figures:
    """Return peak memory and CPU time of `vocalese render` of a generated song, as counted by the system."""
    if not hasattr(os, "wait4"):
        return {"long_song_skipped": "this system does not count a child's memory"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "long.mid")
        write_score(song(seconds), path)
        command = [sys.executable, "-m", "bridge.cli", "render", str(path), "-o", folder, "--voice", voice_name, "--no-cache"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            return {"long_song_skipped": f"vocalese render ended with {process.returncode}"}
    per_mb = 1e6 if sys.platform == "darwin" else 1e3
    cpu_s = usage.ru_utime + usage.ru_stime
    return {"long_song_peak_mb": round(usage.ru_maxrss / per_mb), "long_song_cpu_s": round(cpu_s, 1)}


# --- the run ------------------------------------------------------------------------------------------------------------------

ROWS: dict[str, Callable[[Bench], Row]] = {
    "words": measure_words,
    "sentences": measure_sentences,
    "level": measure_level,
    "following": measure_songs,
    "live": measure_live,
    "cost": measure_cost,
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    bench = _bench(options)
    result: Figures = {"voice": bench.voice.card.name, "weights": bench.voice.card.sha256[:12], "quick": bench.quick}
    print(f"Voice '{bench.voice.card.name}' ({bench.voice.card.sha256[:12]})")
    for name in options.only:
        started = time.process_time()
        print(f"\n{name}", flush=True)
        try:
            row = ROWS[name](bench)
        except SkippedError as reason:
            row = Row({"skipped": str(reason)}, [f"skipped: {reason}"])
        print("\n".join(f"  {line}" for line in row.lines))
        print(f"  ({time.process_time() - started:.0f} s CPU)", flush=True)
        result[name] = row.figures
    if options.json:
        print(json.dumps(result, ensure_ascii=False))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How good a voice is, in figures.")
    parser.add_argument("--voice", default="kathleen", metavar="NAME|FOLDER", help="voice to measure (default: kathleen)")
    parser.add_argument(
        "--shared",
        type=Path,
        default=ROOT.parent / "shared",
        metavar="DIR",
        help="folder with data/kathleen (default: ../shared)",
    )
    parser.add_argument(
        "--recordings", type=Path, metavar="DIR", help="recordings of the voice (default: SHARED/data/kathleen)"
    )
    parser.add_argument(
        "--features", type=Path, metavar="DIR", help="prepared clips, made if missing (default: the user's cache)"
    )
    parser.add_argument(
        "--words",
        type=Path,
        metavar="FILE",
        nargs="+",
        default=[],
        help="lists of words to add to the two built-in ones (default: SHARED/measure/words60.txt if it is there)",
    )
    parser.add_argument("--only", type=_row_names, default=list(ROWS), metavar="ROW,…", help=f"some of: {', '.join(ROWS)}")
    parser.add_argument("--quick", action="store_true", help="few words, clips and pitches: does it run at all?")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    return parser.parse_args(arguments)


def _row_names(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    return names


def _bench(options: argparse.Namespace) -> Bench:
    measured_by_all = options.shared / "measure" / "words60.txt"
    more = [measured_by_all] if measured_by_all.is_file() and not options.words else options.words
    lists = [LYRIC_WORDS, MORE_WORDS, *(path.read_text(encoding="utf-8").split() for path in more)]
    words = [tuple(dict.fromkeys(word.lower() for word in words)) for words in lists]
    folder = find_voice(options.voice)
    card = load_card(str(folder))
    paths = {"voice": load_voice(str(folder))}
    if card.kind == STARTER_KIND.name:
        paths = {path.value: load_starter(folder, card, path) for path in (Articulation.TOKENS, Articulation.DIRECT)}
    return Bench(
        voice_name=str(folder.resolve()),
        voice=next(iter(paths.values())),
        paths=paths,
        words=(words[0][:8],) if options.quick else tuple(words),
        recordings=options.recordings or options.shared / "data" / "kathleen",
        features=options.features or _cache_folder(load_card(str(folder)).name),
        quick=options.quick,
    )


def _cache_folder(voice: str) -> Path:
    """Return the folder of prepared clips, which depends on the voice's inventory of units."""
    import platformdirs

    from engine.voices.units import UNITS

    inventory = hashlib.sha256(" ".join(UNITS).encode()).hexdigest()[:8]
    return Path(platformdirs.user_cache_dir("vocalese", appauthor=False)) / "benchmark" / f"{voice}-{inventory}"


def _recogniser() -> Any:
    try:
        import _recognise
    except ImportError as error:
        raise SkippedError(f"{error}; pip install 'vocalese[train]'") from error
    return _recognise


if __name__ == "__main__":
    sys.exit(main())
