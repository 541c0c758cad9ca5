"""Accuracy of a sung stem against its notes: pitch, onsets, rests, level, clicks.

Pitch and onset figures follow one definition everywhere, so that they can be compared between programs:

    steady middle   from max(80 ms, 25 % of the note) after its onset to max(30 ms, 15 %) before its offset
    note error      |median over the middle of (measured - written pitch)|, if at least 3 of its frames are voiced
    voiced          mean over notes of the share of voiced frames in the middle
    within 50       notes whose error is below 50 cents / all notes that are long enough to have a middle
    onset           the first of 8 frames (40 ms) in a row within 60 cents of the note, from 150 ms before to 400 ms after its
                    onset; only for notes with another pitch than the note before, or after a gap of more than 50 ms
    short note      a note without a middle of 4 frames, as in rap: measured by its onset alone, which is where the level over 10 ms rises
                    most within 60 ms (or half the note) of the written onset, by 4 dB at least
    between notes   the level from 150 ms after a note to 250 ms before the next, for gaps longer than 0.6 s
    click           the largest step between neighbouring samples within 20 ms of a note's borders / RMS of the 20 ms around it

F0 comes from Praat's autocorrelation (Boersma 1993), every 5 ms from 60 to 1400 Hz, 20 s at a time. On synthetic tones it is
right within a hundredth of a cent, and onsets are on average within one frame.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.units import db_to_gain

from .f0_track import MIN_PEAK, F0Track, Samples, blocks_of, peak_of, track_f0

_HELD_FRAMES, _HELD_CENTS = 8, 60.0
_CLICK_S = 0.02
_CLICK_FLOOR = 1e-3  # -60 dBFS: steps in near silence count against this
_CLIP = 0.9999
_RISE_S, _RISE_REACH_S, _LEAST_RISE_DB = 0.01, 0.06, 4.0  # of short notes
_LOWEST_DBFS = -180.0


class ExpectedNote(NamedTuple):
    """A note in seconds; `pitch` as MIDI note number."""

    onset_s: float
    offset_s: float
    pitch: float
    lyric: str | None = None


@dataclass(frozen=True, slots=True)
class NoteAccuracy:
    """Measures of one sung note; None if unmeasurable. `cents` and `onset_ms` are signed: positive is sharp, late.

    `is_short`: it has no steady middle, and its onset is that of its level.
    """

    note: ExpectedNote
    cents: float | None
    voiced: float | None
    onset_ms: float | None
    is_short: bool = False

    @property
    def is_measured(self) -> bool:
        return self.cents is not None or (self.is_short and self.onset_ms is not None)


@dataclass(frozen=True, eq=False, slots=True)
class AccuracyReport:
    """Result of `measure_accuracy`; a figure without data is None."""

    notes: tuple[NoteAccuracy, ...]
    f0: F0Track
    cents_median: float | None
    cents_p95: float | None
    within_50_cents: float
    voiced: float
    onset_ms_median: float | None
    onset_ms_p95: float | None
    between_notes_dbfs: float | None
    level_dbfs: float | None
    peak_dbfs: float
    clipped_samples: int
    click_ratio: float | None
    click_s: float | None
    length_s: float
    score_length_s: float

    @property
    def measured_notes(self) -> int:
        return sum(result.is_measured for result in self.notes)

    @property
    def short_notes(self) -> int:
        return sum(result.is_short for result in self.notes)

    @property
    def found_onsets(self) -> int:
        return sum(result.onset_ms is not None for result in self.notes)

    def as_dict(self) -> dict[str, float | int | None]:
        """Return rounded figures for JSON, with units in the names."""
        return {
            "notes": len(self.notes),
            "notes_measured": self.measured_notes,
            "notes_measured_by_onset": sum(result.is_short and result.is_measured for result in self.notes),
            "pitch_error_median_cents": _rounded(self.cents_median, 2),
            "pitch_error_p95_cents": _rounded(self.cents_p95, 2),
            "notes_within_50_cents_share": round(self.within_50_cents, 4),
            "voiced_share": round(self.voiced, 4),
            "onsets_found": self.found_onsets,
            "onset_median_ms": _rounded(self.onset_ms_median, 1),
            "onset_p95_ms": _rounded(self.onset_ms_p95, 1),
            "between_notes_dbfs": _rounded(self.between_notes_dbfs, 1),
            "level_dbfs": _rounded(self.level_dbfs, 1),
            "peak_dbfs": round(self.peak_dbfs, 2),
            "clipped_samples": self.clipped_samples,
            "click_ratio": _rounded(self.click_ratio, 2),
            "click_s": _rounded(self.click_s, 3),
            "length_s": round(self.length_s, 3),
            "score_length_s": round(self.score_length_s, 3),
        }

    def as_table(self) -> str:
        """Return the same figures as text, one per line."""
        rows = [
            ("Notes", f"{self.measured_notes} of {len(self.notes)} measured", self._short_remark()),
            ("Pitch error, median", _shown(self.cents_median, ".1f", "cents"), "middle of each note"),
            ("Pitch error, 95 % below", _shown(self.cents_p95, ".1f", "cents"), ""),
            ("Notes within 50 cents", _shown(100 * self.within_50_cents, ".1f", "%"), ""),
            ("Voiced", _shown(100 * self.voiced, ".1f", "%"), "of the middle of notes"),
            ("Onset, median", _shown(self.onset_ms_median, "+.1f", "ms"), f"{self.found_onsets} found, + is late"),
            ("Onset, 95 % below", _shown(self.onset_ms_p95, ".1f", "ms"), "either side"),
            ("Level between notes", _shown(self.between_notes_dbfs, ".1f", "dBFS"), _silence_remark(self.between_notes_dbfs)),
            ("Level of notes", _shown(self.level_dbfs, ".1f", "dBFS"), "RMS"),
            ("Peak", _shown(self.peak_dbfs, ".1f", "dBFS"), f"{self.clipped_samples} samples clipped"),
            ("Largest step at note borders", _shown(self.click_ratio, ".2f", "x RMS"), _click_remark(self.click_s)),
            ("Length", _shown(self.length_s, ".2f", "s"), f"score {self.score_length_s:.2f} s"),
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        return "\n".join(f"{name:<{widths[0]}}  {value:>{widths[1]}}  {remark}".rstrip() for name, value, remark in rows)

    def _short_remark(self) -> str:
        return f"{self.short_notes} too short for their pitch: by onset" if self.short_notes else ""


def measure_accuracy(
    samples: Samples, sample_rate: int, notes: Sequence[ExpectedNote | tuple[float, float, float, str | None]]
) -> AccuracyReport:
    """Compare `samples[N]` (mono, ±1, beginning at the score's start) with `notes`."""
    if samples.ndim != 1:
        raise ValueError(f"samples of shape {samples.shape}, expected [N]")
    ordered = sorted((ExpectedNote(*note) for note in notes), key=lambda note: note[:3])
    peak = peak_of(samples)
    f0 = track_f0(samples, sample_rate)
    results = tuple(
        _measure_note(f0, note, before, samples, sample_rate) for note, before in zip(ordered, [None, *ordered], strict=False)
    )
    errors = [abs(result.cents) for result in results if result.cents is not None]
    voiced = [result.voiced for result in results if result.voiced is not None]
    onsets = [result.onset_ms for result in results if result.onset_ms is not None]
    click_ratio, click_s = _largest_click(samples, sample_rate, ordered)
    return AccuracyReport(
        notes=results,
        f0=f0,
        cents_median=_statistic(errors, 50),
        cents_p95=_statistic(errors, 95),
        within_50_cents=sum(error < 50 for error in errors) / max(1, len(voiced)),
        voiced=float(np.mean(voiced)) if voiced else 0.0,
        onset_ms_median=_statistic(onsets, 50),
        onset_ms_p95=_statistic([abs(onset) for onset in onsets], 95),
        between_notes_dbfs=_level_dbfs(_cut(samples, sample_rate, _gaps(ordered))),
        level_dbfs=_level_dbfs(_cut(samples, sample_rate, [note[:2] for note in ordered])),
        peak_dbfs=_dbfs(peak),
        clipped_samples=sum(int(np.count_nonzero(np.abs(block) >= _CLIP)) for block in blocks_of(samples)),
        click_ratio=click_ratio,
        click_s=click_s,
        length_s=len(samples) / sample_rate,
        score_length_s=max((note.offset_s for note in ordered), default=0.0),
    )


# --- notes -------------------------------------------------------------------------------------------------------------------


def _measure_note(
    f0: F0Track, note: ExpectedNote, before: ExpectedNote | None, samples: Samples, sample_rate: int
) -> NoteAccuracy:
    cents, voiced = _middle(f0, note)
    if voiced is None:
        return NoteAccuracy(note, None, None, _level_onset_ms(samples, sample_rate, note), is_short=True)
    starts_anew = before is None or before.pitch != note.pitch or note.onset_s - before.offset_s > 0.05
    return NoteAccuracy(note, cents, voiced, _onset_ms(f0, note) if starts_anew else None)


def _middle(f0: F0Track, note: ExpectedNote) -> tuple[float | None, float | None]:
    """Return the median error in cents and the voiced share of the steady middle."""
    duration_s = note.offset_s - note.onset_s
    start_s = note.onset_s + max(0.08, 0.25 * duration_s)
    end_s = note.offset_s - max(0.03, 0.15 * duration_s)
    error = 100 * (_pitch_between(f0, start_s, end_s) - note.pitch)
    if len(error) < 4:
        return None, None
    sung = error[np.isfinite(error)]
    return (float(np.median(sung)) if len(sung) >= 3 else None), len(sung) / len(error)


def _onset_ms(f0: F0Track, note: ExpectedNote) -> float | None:
    start_s, end_s = note.onset_s - 0.15, min(note.offset_s, note.onset_s + 0.4)
    pitch = _pitch_between(f0, start_s, end_s)
    if len(pitch) < _HELD_FRAMES:
        return None
    holds = np.abs(pitch - note.pitch) < _HELD_CENTS / 100  # NaN compares as False
    runs = np.lib.stride_tricks.sliding_window_view(holds, _HELD_FRAMES).all(axis=1)
    if not runs.any():
        return None
    frame = int(np.searchsorted(f0.times_s, start_s)) + int(np.argmax(runs))
    return 1000 * float(f0.times_s[frame] - note.onset_s)


def _level_onset_ms(samples: Samples, sample_rate: int, note: ExpectedNote) -> float | None:
    """Return the steepest rise of level around a written onset, between the means of the 10 ms before and after each place."""
    onset_s = note.onset_s
    reach_s = min(_RISE_REACH_S, max(_RISE_S, 0.5 * (note.offset_s - onset_s)))
    half = round(_RISE_S * sample_rate)
    first = round((onset_s - reach_s) * sample_rate) - half
    count = 2 * round(reach_s * sample_rate) + 2 * half
    if first < 0:
        first, pad = 0, -first
    else:
        pad = 0
    piece = np.asarray(samples[first : first + count - pad], dtype=np.float64)
    if len(piece) + pad <= 2 * half or peak_of(piece) < MIN_PEAK:
        return None
    energy = np.concatenate([[0.0], np.cumsum(np.square(np.pad(piece, (pad, 0))))])
    power = (energy[half:] - energy[:-half]).clip(min=0.0) / half
    level_db = 10 * np.log10(np.maximum(power, _CLICK_FLOOR**2))
    rise_db = level_db[half:] - level_db[:-half]
    best = int(np.argmax(rise_db))
    if rise_db[best] < _LEAST_RISE_DB:
        return None
    return 1000 * ((first - pad + best + half) / sample_rate - onset_s)


def _pitch_between(f0: F0Track, start_s: float, end_s: float) -> NDArray[np.float64]:
    first, last = np.searchsorted(f0.times_s, start_s), np.searchsorted(f0.times_s, end_s, side="right")
    return F0Track(f0.times_s[first:last], f0.hz[first:last]).pitch


# --- samples -----------------------------------------------------------------------------------------------------------------


def _gaps(notes: Sequence[ExpectedNote]) -> list[tuple[float, float]]:
    pairs = itertools.pairwise(notes)
    return [(now.offset_s + 0.15, after.onset_s - 0.25) for now, after in pairs if after.onset_s - now.offset_s > 0.6]


def _cut(samples: Samples, sample_rate: int, spans: Sequence[tuple[float, float]]) -> Iterator[Samples]:
    return (samples[int(start_s * sample_rate) : int(end_s * sample_rate)] for start_s, end_s in spans)


def _level_dbfs(pieces: Iterator[Samples]) -> float | None:
    """Return the RMS level over all pieces together."""
    power, count = 0.0, 0
    for piece in pieces:
        power += float(np.sum(np.square(piece, dtype=np.float64)))
        count += len(piece)
    return _dbfs((power / count) ** 0.5) if count else None


def _largest_click(
    samples: Samples, sample_rate: int, notes: Sequence[ExpectedNote]
) -> tuple[float, float] | tuple[None, None]:
    """Return the largest step relative to the level around it, and its time."""
    borders = sorted({border for note in notes for border in note[:2] if border * sample_rate < len(samples)})
    clicks = (_click_at(samples, sample_rate, border) for border in borders)
    return max((click for click in clicks if click), default=(None, None))


def _click_at(samples: Samples, sample_rate: int, border_s: float) -> tuple[float, float] | None:
    reach, half = round(_CLICK_S * sample_rate), round(_CLICK_S * sample_rate / 2)
    centre = round(border_s * sample_rate)
    first = max(0, centre - reach - half)
    around = np.asarray(samples[first : centre + reach + half], dtype=np.float64)
    if len(around) <= 2 * half:
        return None
    energy = np.concatenate([[0.0], np.cumsum(np.square(around))])
    rms = np.sqrt((energy[2 * half :] - energy[: -2 * half]).clip(min=0) / (2 * half))  # centred on sample half, half + 1, …
    steps = np.abs(np.diff(around))[half - 1 : half - 1 + len(rms)]
    ratios = steps / np.maximum(rms[: len(steps)], _CLICK_FLOOR)
    largest = int(np.argmax(ratios))
    return float(ratios[largest]), (first + half + largest) / sample_rate


def _dbfs(amplitude: float) -> float:
    return 20 * float(np.log10(max(amplitude, db_to_gain(_LOWEST_DBFS))))


# --- figures -----------------------------------------------------------------------------------------------------------------


def _statistic(values: Sequence[float], percent: float) -> float | None:
    return float(np.percentile(values, percent)) if values else None


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _shown(value: float | None, form: str, unit: str) -> str:
    return "-" if value is None else f"{value:{form}} {unit}"


def _silence_remark(level_dbfs: float | None) -> str:
    if level_dbfs is None:
        return "no gap longer than 0.6 s"
    return "digital silence" if level_dbfs <= _LOWEST_DBFS else ""


def _click_remark(click_s: float | None) -> str:
    return "" if click_s is None else f"at {click_s:.3f} s"
