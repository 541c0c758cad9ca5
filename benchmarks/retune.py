"""Quality of singing made from speech: the starter voice talking with free timing, and recorded people, on generated melodies.

With --sovits, a SoVITS trained from nothing (research/train_singing_sovits.py) talks too, and sings like a GPT-SoVITS voice: by stretched
hidden frames, not by a stretched wave. Its row has the method "frames", the pitch then being moved by PSOLA.

    alignment  borders of phones: against the exact ones (starter voice), against PocketSphinx's forced alignment (recordings)
    singing    every method, melodies within 7 and 12 semitones of the speaking pitch: pitch, onsets and clicks as `vocalese check` measures
               them (clicks also in the speech itself, and where the speech has none), the largest sample in the rests,
               harmonics-to-noise ratio and mel cepstral distance (24 coefficients, dB) beside the untouched speech, and words: each
               cut out and picked from the closed list of all words of the run by PocketSphinx

    likeness   certainty of the right phone at its time: the lowest value of the recordings' own song, the highest of the same 120 ms
               late, of noise in its place and of the next clip's words

    python benchmarks/retune.py [--clips N] [--methods psola,world] [--only alignment,singing,likeness] [--pictures FOLDER] [--json]
                                [--speakers starter,kathleen,ljspeech_100,sovits] [--sovits RUN RECIPE.toml FEATURES]

Word figures only compare systems within one run. Measurements that are impossible here give the reason. Ends with 1 if PSOLA, the default,
misses a bar: 10 cents and 20 ms (either side) in the median, a tenth of the words lost against the untouched speech.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
for folder in (ROOT, ROOT / "benchmarks"):
    sys.path.insert(0, str(folder))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import voice_quality as quality  # noqa: E402

from engine import (  # noqa: E402
    STARTER_NAME,
    AccuracyReport,
    ExpectedNote,
    Note,
    PerformanceSettings,
    RenderError,
    Track,
    Voice,
    load_voice,
    measure_accuracy,
)
from engine.dsp.pitch_marks import track_pitch  # noqa: E402
from engine.dsp.time_map import TimeMap, warp_frames  # noqa: E402
from engine.evaluate import accuracy as follow  # noqa: E402
from engine.lyrics import read_spoken_text  # noqa: E402
from engine.lyrics.types import NoteKind, NoteLyric, SpokenLine, Syllable, SyllableTrack  # noqa: E402
from engine.performance import SILENCE, Performance, PhoneSpan, PlacedLine, perform, perform_lines  # noqa: E402
from engine.score import TempoChange, TempoMap  # noqa: E402
from engine.voices.gpt_sovits.alignment import align_phones, phone_similarity  # noqa: E402
from engine.voices.gpt_sovits.retune import Method, RetuneResult, RetuneSettings, resynthesise  # noqa: E402
from engine.voices.gpt_sovits.sung_times import sung_time_map  # noqa: E402
from engine.voices.gpt_sovits.voice import resynthesise_in_place  # noqa: E402

Samples = NDArray[np.floating]

REACHES = (7, 12)
BARS = {"cents_median": 10.0, "onset_ms_median": 20.0, "words_lost": 0.1}  # what singing by retuning must stay below
FRAMES = "frames"
CLICK = 4.0  # a step of this many times the level around it can be heard as one, where the speech has none
_SHAPE = (0.0, 0.45, 1.0, 0.6, 0.15, -0.4, -1.0, -0.6, 0.3, 0.75, -0.2, -0.8)  # of a melody, in reaches
_LENGTHS_S = (0.35, 0.35, 0.6, 0.3, 0.45)
_FIRST_NOTE_S, _REST_S, _SYLLABLES_PER_BREATH = 1.0, 0.9, 7
_WORD_MARGIN_S = 0.06
_FEWEST_PHONES = 4  # shorter words cut out of running speech are guesses for anybody

TALK = (
    "The silver water whispers in the morning, and nobody remembers the quiet valley.",
    "Yesterday a stranger carried golden flowers over the mountain.",
    "My brother believes the thunder will be gone tomorrow.",
    "Children were laughing in the garden beneath the summer window.",
    "Forever in the mirror of heaven, people wander down the broken street.",
    "Please promise me another story about freedom and falling angels.",
)
RECORDINGS = {"kathleen": "text", "ljspeech_100": "text_normalized"}  # folder, column with the text


@dataclass(frozen=True)
class Clip:
    """Speech with its words; `exact` holds the true phones, if known.

    `bent` is given if hidden frames can be stretched before they are decoded.
    """

    speaker: str
    samples: Samples
    sample_rate: int
    line: SpokenLine
    text: str
    exact: tuple[PhoneSpan, ...] | None = None
    bent: Callable[[TimeMap], Samples] | None = None

    @cached_property
    def syllables(self) -> tuple[Syllable, ...]:
        return tuple(syllable for word in self.line.words for syllable in word)

    @cached_property
    def pitch(self) -> float:
        """The speaker's median pitch in this clip."""
        return 69 + 12 * float(np.log2(track_pitch(self.samples, self.sample_rate).median_hz() / 440))


# --- material -----------------------------------------------------------------------------------------------------------------


def one_line(text: str) -> SpokenLine:
    """Return all sentences of `text` as one line."""
    lines = read_spoken_text(text)
    words = tuple(word for line in lines for word in line.words)
    return replace(lines[0], words=words, pauses=tuple(pause for line in lines for pause in line.pauses))


def talking(texts: Sequence[str]) -> Iterator[tuple[str, SpokenLine, Performance]]:
    """Speak each line at its own pace."""
    for number, text in enumerate(texts):
        line = one_line(text)
        settings = PerformanceSettings(speaking_pitch=55, speech_rate=(0.9, 1.05, 1.2)[number % 3])
        yield text, line, perform_lines([PlacedLine(line, 0.2)], settings).phrases[0]


def talking_clips(voice: Voice, texts: Sequence[str]) -> list[Clip]:
    """Yield clips of the starter voice talking."""
    rate = voice.card.sample_rate
    return [Clip("starter", voice.synthesise(told), rate, line, text, told.phones) for text, line, told in talking(texts)]


def sovits_clips(run: Path, recipe: Path, features: Path, texts: Sequence[str]) -> list[Clip]:
    """Yield clips of a SoVITS trained from nothing. Its decoder gets the spoken pitch, stretched like the frames, and not the notes."""
    from research import train_singing_sovits as script

    voice = script.reached_voice(recipe, features, script.STARTER, run)
    clips = []
    for text, line, told in talking(texts):
        hidden = voice.hidden(told)

        def bent(time_map: TimeMap, hidden: Any = hidden) -> Samples:
            pitch = np.stack([np.log(hidden.f0_hz), hidden.voiced], axis=1)
            pitch = warp_frames(pitch, time_map)
            frames = warp_frames(hidden.frames, time_map)
            return voice.sound_of(
                replace(
                    hidden,
                    frames=frames,
                    f0_hz=np.exp(pitch[:, 0]).astype(np.float32),
                    voiced=np.round(pitch[:, 1]).astype(np.float32),
                )
            )

        spoken = voice.sound_of(hidden)[: told.frames * voice.card.sample_rate // 100]
        clips.append(Clip("sovits", spoken, voice.card.sample_rate, line, text, told.phones, bent))
    return clips


def recorded_clips(folder: Path, column: str, count: int) -> list[Clip]:
    """Yield `count` clips of 2 to 7 seconds, spread over the table, without digits in their texts."""
    import soundfile

    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if 2.0 <= float(row["seconds"]) <= 7.0 and row[column].isascii()]
    rows = [row for row in rows if not any(c.isdigit() for c in row[column]) and float(row.get("text_match_margin", 1)) > 0]
    clips = []
    for row in rows[3 :: max(1, len(rows) // (count + 1))][:count]:
        samples, rate = soundfile.read(folder / row["file"], dtype="float32")
        clips.append(Clip(folder.name, samples, rate, one_line(row[column]), row[column]))
    return clips


def melody(syllables: Sequence[Syllable], pitch: float, reach: float) -> tuple[Performance, list[ExpectedNote]]:
    """Return one note for each syllable within `reach` semitones around `pitch`, with a rest at a word's end every few syllables."""
    beats = TempoMap(quality.PPQ, (TempoChange(0, 1e6),))
    notes, wanted, at_s, since_breath = [], [], _FIRST_NOTE_S, 0
    for number, syllable in enumerate(syllables):
        if since_breath >= _SYLLABLES_PER_BREATH and syllable.is_word_start:
            at_s, since_breath = at_s + _REST_S, 0
        since_breath += 1
        length_s = _LENGTHS_S[number % len(_LENGTHS_S)]
        sung = round(pitch + reach * _SHAPE[number % len(_SHAPE)])
        notes.append(Note(round(at_s * quality.PPQ), round(length_s * quality.PPQ), sung, 96))
        wanted.append(ExpectedNote(at_s, at_s + length_s, sung, syllable.text))
        at_s += length_s
    lyrics = SyllableTrack("en", tuple(NoteLyric(NoteKind.SING, (syllable,)) for syllable in syllables))
    settings = PerformanceSettings(breaths=False)
    return joined(perform(Track("melody", tuple(notes)), lyrics, beats, settings).phrases), wanted


def joined(phrases: Sequence[Performance]) -> Performance:
    """Return phrases of a song as one performance from song time 0, silent between them."""
    frames = phrases[-1].start_frame + phrases[-1].frames
    curves = {"energy_db": 0.0, "breathiness": 0.0, "tension": 0.0, "formant_semitones": 0.0, "f0_hz": np.nan}
    laid = {name: np.full(frames, neutral, dtype=np.float32) for name, neutral in curves.items()}
    spans: list[PhoneSpan] = []
    for phrase in phrases:
        for name, values in laid.items():
            values[phrase.start_frame : phrase.start_frame + phrase.frames] = getattr(phrase, name)
        at_s = spans[-1].end_s if spans else 0.0
        if phrase.start_s > at_s + 1e-9:
            spans.append(PhoneSpan(SILENCE, at_s, phrase.start_s))
        for span in phrase.phones:
            start_s = max(phrase.start_s + span.start_s, spans[-1].end_s if spans else 0.0)
            if phrase.start_s + span.end_s > start_s + 1e-9:
                spans.append(replace(span, start_s=start_s, end_s=phrase.start_s + span.end_s))
    return Performance(start_frame=0, phones=tuple(spans), **laid)


# --- alignment ----------------------------------------------------------------------------------------------------------------


def border_errors_ms(found: Sequence[PhoneSpan], wanted: Sequence[PhoneSpan]) -> list[float]:
    """Return absolute differences of phone starts."""
    own = [span for span in found if span.symbol != SILENCE]
    return [1000 * abs(a.start_s - b.start_s) for a, b in zip(own, wanted, strict=True)]


def measure_alignment(clips: Sequence[Clip], voice: Voice) -> Iterator[dict[str, Any]]:
    """One row per speaker."""
    for speaker in dict.fromkeys(clip.speaker for clip in clips):
        errors: list[float] = []
        compared = refused = 0
        for clip in (clip for clip in clips if clip.speaker == speaker):
            wanted = true_phones(clip)
            if wanted is None:
                refused += 1
                continue
            found = align_phones(clip.samples, clip.sample_rate, wanted, voice)
            errors += border_errors_ms(found, wanted)
            compared += 1
        figures: dict[str, Any] = {
            "speaker": speaker,
            "clips": compared,
            "refused_by_pocketsphinx": refused,
            "borders": len(errors),
        }
        if errors:
            figures["border_ms_median"] = round(float(np.median(errors)), 1)
            figures["border_ms_p90"] = round(float(np.percentile(errors, 90)), 1)
        yield figures


def true_phones(clip: Clip) -> list[PhoneSpan] | None:
    """Return the exact phones, else those of PocketSphinx with its times; None if it finds no path.

    Pauses are then possible at every phone: PocketSphinx has no syllables.
    """
    if clip.exact:
        return [span for span in clip.exact if span.symbol != SILENCE]
    import soxr

    from engine.lyrics import is_reduced, pronounce_english
    from engine.train.align import ALIGN_RATE_HZ, Aligner

    aligner = Aligner(lambda word: list(pronounce_english(word)), is_reduced)
    aligned = aligner.align(soxr.resample(clip.samples, clip.sample_rate, ALIGN_RATE_HZ), clip.text)
    if aligned is None:
        return None
    sounding = [phone for phone in aligned if phone.symbol != SILENCE]
    return [PhoneSpan(p.symbol, p.start_s, p.end_s, n, 0 if p.is_reduced else 1) for n, p in enumerate(sounding)]


# --- singing ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sung:
    """One clip sung by one method."""

    clip: Clip
    performance: Performance
    notes: list[ExpectedNote]
    result: RetuneResult
    report: AccuracyReport


def sing(clips: Sequence[Clip], voice: Voice, reach: float, methods: Sequence[Method]) -> Iterator[tuple[str, Sung]]:
    """Sing every clip by every method, with one alignment. Clips with hidden frames are sung by "frames" alone."""
    for clip in clips:
        performance, notes = melody(clip.syllables, clip.pitch, reach)
        spoken = align_phones(clip.samples, clip.sample_rate, performance.phones, voice)
        time_map = sung_time_map(spoken, performance)
        for method in methods_of(clip, methods):
            if clip.bent is not None:
                samples = resynthesise_in_place(clip.bent(time_map), performance, time_map)
            else:
                settings = RetuneSettings(method=Method(method))
                samples = resynthesise(clip.samples, clip.sample_rate, performance, spoken, time_map, settings)
            result = RetuneResult(samples, clip.sample_rate, spoken, time_map)
            yield method, Sung(clip, performance, notes, result, measure_accuracy(samples, clip.sample_rate, notes))


def methods_of(clip: Clip, methods: Sequence[Method]) -> list[str]:
    return [FRAMES] if clip.bent is not None else [str(method) for method in methods]


def figures_of(runs: Sequence[Sung], listener: Any) -> dict[str, Any]:
    """Return the figures of a table row."""
    cents = [abs(n.cents) for run in runs for n in run.report.notes if n.cents is not None]
    onsets = [n.onset_ms for run in runs for n in run.report.notes if n.onset_ms is not None]
    untouched, sung = zip(*(answers for run in runs for answers in heard_words(run, listener)), strict=True)
    pairs = [harmonicity_and_distance(run) for run in runs]
    spoken_hnr, sung_hnr, distance = (np.concatenate(column) for column in zip(*pairs, strict=True))
    steps = [pair for run in runs for pair in border_steps(run)]
    return {
        "notes": sum(len(run.notes) for run in runs),
        "cents_median": round(float(np.median(cents)), 1),
        "cents_p95": round(float(np.percentile(cents, 95)), 1),
        "onset_ms_signed_median": round(float(np.median(onsets)), 1),
        "onset_ms_median": round(float(np.median(np.abs(onsets))), 1),
        "onset_ms_p95": round(float(np.percentile(np.abs(onsets), 95)), 1),
        "words": len(sung),
        "words_untouched": round(float(np.mean(untouched)), 3),
        "words_sung": round(float(np.mean(sung)), 3),
        "words_lost": round(float(np.mean(untouched) - np.mean(sung)), 3),
        "hnr_spoken_db": round(float(np.median(spoken_hnr)), 1),
        "hnr_sung_db": round(float(np.median(sung_hnr)), 1),
        "distance_db": round(float(np.mean(distance)), 2),
        "click_worst": round(max(sung for sung, _ in steps), 2),
        "click_worst_in_speech": round(max(said for _, said in steps), 2),
        "click_worst_added": round(max((sung for sung, said in steps if said <= CLICK), default=0.0), 2),
        "rest_peak": max(rest_peak(run) for run in runs),
    }


def heard_words(run: Sung, listener: Any) -> Iterator[tuple[bool, bool]]:
    """Recognise every longer word as spoken and as sung."""
    spoken = word_spans(run.clip.line, run.result.spoken)
    sung = [tuple(run.result.time_map.heard_at(np.array(span)).tolist()) for span in inner(spoken)]
    for word, said_s, sung_s in zip(run.clip.line.words, spoken, sung, strict=True):
        if sum(len(syllable.phones) for syllable in word) < _FEWEST_PHONES:
            continue
        spelling = plain_word(word)
        rate = run.clip.sample_rate
        yield (
            listener.hear(cut(run.clip.samples, rate, *said_s), rate) == spelling,
            listener.hear(cut(run.result.samples, rate, *sung_s), rate) == spelling,
        )


def plain_word(word: Sequence[Syllable]) -> str:
    return word[0].word.lower().strip("'")


def inner(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return a shortened span: the end of one word contains the start of the next."""
    return [(start_s + 1e-6, end_s - 1e-6) for start_s, end_s in spans]


def word_spans(line: SpokenLine, phones: Sequence[PhoneSpan]) -> list[tuple[float, float]]:
    """Return start and end of each word."""
    sounding = iter([span for span in phones if span.symbol != SILENCE])
    spans = []
    for word in line.words:
        own = [next(sounding) for syllable in word for _ in syllable.phones]
        spans.append((own[0].start_s, own[-1].end_s))
    return spans


def cut(samples: Samples, rate: int, start_s: float, end_s: float) -> Samples:
    return samples[max(0, int((start_s - _WORD_MARGIN_S) * rate)) : int((end_s + _WORD_MARGIN_S) * rate)]


def harmonicity_and_distance(run: Sung) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return, per sounding frame, the harmonics-to-noise ratio of speech and song if both have one, and their cepstral distance."""
    rate = run.clip.sample_rate
    frames = len(run.result.samples) * 100 // rate
    times_s = (np.arange(frames) + 0.5) / 100
    recorded = np.clip((run.result.time_map.recorded_at(times_s) * 100).astype(int), 0, len(run.clip.samples) * 100 // rate - 1)
    sounding = run.result.time_map.sounds_at(times_s)
    said_hnr = quality._harmonicity(run.clip.samples, rate, recorded.max() + 1)[recorded]
    sung_hnr = quality._harmonicity(run.result.samples, rate, frames)
    both = sounding & (said_hnr > 0) & (sung_hnr > 0)
    said = quality._mel_cepstrum(run.clip.samples, rate)
    sung = quality._mel_cepstrum(run.result.samples, rate)[:frames]
    apart = sung[:, 1:] - said[np.minimum(recorded, len(said) - 1)][:, 1:]
    distance_db = 10.0 / np.log(10.0) * np.sqrt(2.0 * np.sum(apart**2, axis=1))
    return said_hnr[both], sung_hnr[both], distance_db[sounding[: len(distance_db)]]


def border_steps(run: Sung) -> Iterator[tuple[float, float]]:
    """Return the largest step relative to the level around it at every border of a note, and at the matching instant of the speech.

    Bursts and hissing sounds have large steps by nature.
    """
    rate = run.clip.sample_rate
    for border_s in sorted({border for note in run.notes for border in note[:2]}):
        click = follow._click_at(run.result.samples, rate, border_s)
        if click:
            said = follow._click_at(run.clip.samples, rate, float(run.result.time_map.recorded_at(np.array([click[1]]))[0]))
            yield click[0], said[0] if said else 0.0


def rest_peak(run: Sung) -> float:
    """Return the largest sample inside the performance's silences."""
    rate = run.clip.sample_rate
    silences = [span for span in run.performance.phones if span.symbol == SILENCE]
    pieces = [run.result.samples[int(np.ceil(s.start_s * rate)) : int(s.end_s * rate)] for s in silences]
    return max((float(np.abs(piece).max(initial=0.0)) for piece in pieces), default=0.0)


def draw(run: Sung, method: str, reach: float, folder: Path) -> None:
    """Draw speech above song, as spectrograms to 8 kHz, and write the song as a sound file."""
    import matplotlib

    matplotlib.use("Agg")
    import soundfile
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 1, figsize=(16, 9))
    for axis, samples, spans in (
        (axes[0], run.clip.samples, run.result.spoken),
        (axes[1], run.result.samples, run.performance.phones),
    ):
        axis.specgram(
            samples + 1e-7 * np.random.default_rng(0).standard_normal(len(samples)),
            NFFT=1024,
            noverlap=896,
            Fs=run.clip.sample_rate,
            vmin=-140,
            cmap="magma",
        )
        axis.set_ylim(0, 8000)
        for span in spans:
            if span.symbol != SILENCE:
                axis.axvline(span.start_s, color="white", lw=0.3)
                axis.text(span.start_s, 7600, span.symbol, color="white", fontsize=6)
    figure.tight_layout()
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{run.clip.speaker}_{method}_{reach:g}"
    figure.savefig(folder / f"{name}.png", dpi=70)
    pyplot.close(figure)
    soundfile.write(folder / f"{name}.wav", run.result.samples, run.clip.sample_rate)


# --- likeness -----------------------------------------------------------------------------------------------------------------


def measure_voice_match(clips: Sequence[Clip], voice: Voice) -> Iterator[dict[str, Any]]:
    """One row per recorded speaker."""
    for speaker in dict.fromkeys(clip.speaker for clip in clips if clip.exact is None):
        own = [clip for clip in clips if clip.speaker == speaker]
        runs = [run for _, run in sing(own, voice, REACHES[0], [Method.PSOLA])]
        values: dict[str, list[float]] = {}
        for run, following in zip(runs, [*runs[1:], runs[0]], strict=True):
            samples, rate = run.result.samples, run.clip.sample_rate
            wanted, is_sung = voice.synthesise(run.performance), samples != 0
            noise = np.random.default_rng(0).standard_normal(len(samples)) * is_sung
            heard = {
                "sung_lowest": samples,
                "late_highest": np.roll(samples, round(0.12 * rate)),
                "noise_highest": noise,
                "other_words_highest": np.resize(following.result.samples, len(samples)) * is_sung,
            }
            for name, sound in heard.items():
                likeness = phone_similarity(sound, rate, run.performance, wanted, voice.card.sample_rate)
                values.setdefault(name, []).append(likeness)
        extremes = {name: (min if name.endswith("lowest") else max)(found) for name, found in values.items()}
        yield {"speaker": speaker, "clips": len(runs), **{name: round(value, 2) for name, value in extremes.items()}}


# --- the table ----------------------------------------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--clips", type=int, default=8, help="recordings per speaker")
    parser.add_argument("--methods", default=",".join(Method))
    parser.add_argument("--only", default="alignment,singing,likeness")
    parser.add_argument("--speakers", default=",".join(("starter", *RECORDINGS, "sovits")))
    parser.add_argument("--sovits", type=Path, nargs=3, metavar=("RUN", "RECIPE.toml", "FEATURES"))
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    voice = load_voice(STARTER_NAME)
    speakers = options.speakers.split(",")
    clips = talking_clips(voice, TALK) if "starter" in speakers else []
    if options.sovits and "sovits" in speakers:
        clips += sovits_clips(*options.sovits, TALK)
    for name, column in RECORDINGS.items():
        if name not in speakers:
            continue
        folder = options.shared / "data" / name
        if (folder / "metadata.csv").is_file():
            clips += recorded_clips(folder, column, options.clips)
        else:
            print(f"skipped: {name}: no recordings in {folder}; give --shared")
    rows: list[dict[str, Any]] = []
    try:
        import _recognise as recognise
    except ImportError as error:
        print(f"skipped: PocketSphinx is missing ({error}): pip install 'vocalese[train]'")
        return 0
    if "alignment" in options.only:
        rows += shown(measure_alignment(clips, voice))
    if "likeness" in options.only:
        rows += shown(measure_voice_match(clips, voice))
    if "singing" in options.only:
        words = sorted({plain_word(word) for clip in clips for word in clip.line.words if sum(len(s.phones) for s in word) > 3})
        listener = recognise.WordListener(words)
        rows += shown(singing_rows(clips, voice, usable_methods(options.methods), listener, options.pictures))
    if options.json:
        print(json.dumps(rows))
    return 1 if any(row.get("missed") for row in rows if row.get("method") == Method.PSOLA) else 0


def usable_methods(names: str) -> list[Method]:
    methods = [Method(name) for name in names.split(",")]
    try:
        import _references as references

        references._pyworld()
    except ImportError as error:
        print(f"skipped: world: {error}: pip install 'vocalese[train]'")
        methods = [method for method in methods if method is not Method.WORLD]
    return methods


def singing_rows(
    clips: Sequence[Clip], voice: Voice, methods: Sequence[Method], listener: Any, pictures: Path | None
) -> Iterator[dict[str, Any]]:
    for speaker in dict.fromkeys(clip.speaker for clip in clips):
        for reach in REACHES:
            own = [clip for clip in clips if clip.speaker == speaker]
            try:
                runs = list(sing(own, voice, reach, methods))
            except RenderError as error:
                print(f"{speaker}: {error}")
                continue
            for method in methods_of(own[0], methods):
                these = [run for used, run in runs if used == method]
                if pictures:
                    draw(these[0], method, reach, pictures)
                figures = figures_of(these, listener)
                missed = [name for name, bar in BARS.items() if figures[name] > bar]
                yield {"speaker": speaker, "reach": reach, "method": method, **figures, "missed": missed}


def shown(rows: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """Print each row and return all."""
    kept = []
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
        kept.append(row)
    return kept


if __name__ == "__main__":
    sys.exit(main())
