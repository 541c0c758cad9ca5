"""Alignment of phones with speech by dynamic time warping against another voice that speaks the same phones."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.dsp.pitch_marks import track_pitch
from engine.dsp.speech_features import HOP_S, SpeechFeatures, pause_level_db, speech_features
from engine.dsp.warping_path import PAUSE, row_distances, typical_distance, warping_path
from engine.errors import RenderError
from engine.performance.timing import CONSONANT_S, DEFAULT_CONSONANT_S
from engine.performance.types import BREATH, SILENCE, Performance, PhoneSpan
from engine.units import FRAME_RATE_HZ
from engine.voices.types import Voice
from engine.voices.units import VOWELS

_REFERENCE_VOWEL_S, _REFERENCE_UNSTRESSED = 0.115, 0.65
_SHORTEST_REFERENCE_S = 0.03
_REFERENCE_PAD_S = 0.1
_PASSES = 2  # the second reference speaks at the pace that the first alignment found
_PAUSE_SLOPE_DB = 4.0  # a frame this much over the pause level is one typical match less like a pause
_MOST_COMPARED = 2000  # frames of a phrase

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Alignment:
    """Phones and pauses found in speech (`spans`) and the distance of each phone from the reference (`costs`, about 1 for a good match)."""

    spans: tuple[PhoneSpan, ...]
    costs: tuple[float, ...]


def align_phones(
    samples: NDArray[np.floating], sample_rate: int, phones: Sequence[PhoneSpan], reference: Voice
) -> tuple[PhoneSpan, ...]:
    """Return the places of the sounding `phones` in speech: contiguous spans from 0 s to its end, with `SIL` where it pauses.

    Only the order of `phones` matters, not their times. Pauses are expected at the borders of syllables (where `note_index` changes).
    """
    return align_with_costs(samples, sample_rate, phones, reference).spans


def align_with_costs(
    samples: NDArray[np.floating], sample_rate: int, phones: Sequence[PhoneSpan], reference: Voice
) -> Alignment:
    """Return the result of `align_phones` with the cost of each sounding phone: high where the speech says something else. Raises
    RenderError if the phones do not fit into the speech.
    """
    if samples.ndim != 1 or not np.isfinite(samples).all():
        raise RenderError(
            f"The speech has the shape {samples.shape} or samples that are no numbers. Give one channel of finite samples."
        )
    wanted = sounding_phones(phones)
    if not wanted:
        raise RenderError("There are no phones to align. Give a performance with words.")
    heard = speech_features(samples, sample_rate)
    f0_hz = track_pitch(samples, sample_rate).median_hz()
    lengths_s = _spoken_lengths(wanted, HOP_S * max(1, int(heard.sounding.sum())))
    for _ in range(_PASSES):
        spans, costs = _aligned_once(heard, wanted, lengths_s, reference, f0_hz if np.isfinite(f0_hz) else 180.0)
        lengths_s = np.maximum(_SHORTEST_REFERENCE_S, [s.end_s - s.start_s for s in spans if s.symbol != SILENCE])
    return Alignment(_covering(spans, len(samples) / sample_rate), costs)


def spread_phones(phones: Sequence[PhoneSpan], length_s: float) -> tuple[PhoneSpan, ...]:
    """Return the sounding phones at natural lengths, scaled to fill `length_s`: an estimate for speech that cannot be aligned."""
    wanted = sounding_phones(phones)
    lengths_s = _spoken_lengths(wanted, length_s)
    borders_s = np.concatenate([[0.0], np.cumsum(lengths_s * (length_s / lengths_s.sum()))])
    return tuple(
        replace(phone, start_s=float(start_s), end_s=float(end_s))
        for phone, start_s, end_s in zip(wanted, borders_s[:-1], borders_s[1:], strict=True)
    )


def phone_similarity(
    samples: NDArray[np.floating], sample_rate: int, performance: Performance, wanted: NDArray[np.floating], wanted_rate: int
) -> float:
    """Return how clearly `samples` have the performance's phones in their places, 0..1; `wanted` is the performance by a voice that does.

    The value is the share of frames of other phones in `wanted` that a sung frame resembles less than the frame of its own instant,
    evenly over all phones. Recordings of two speakers on generated melodies reach 0.72 to 0.88, noise and other words at most 0.56, the
    same recordings 120 ms late 0.52 to 0.67 (benchmarks/retune.py). Time warping would hide late words, and does not reach over held
    notes. Raises RenderError if the performance has no phones.
    """
    sung, model = speech_features(samples, sample_rate).vectors, speech_features(wanted, wanted_rate).vectors
    spans = sounding_phones(performance.phones)
    if not spans:
        raise RenderError("There are no phones to compare. Give a performance with words.")
    at_s = (np.arange(min(len(sung), len(model))) + 0.5) * HOP_S
    starts_s, ends_s = (np.array([getattr(span, edge) for span in spans]) for edge in ("start_s", "end_s"))
    number = np.clip(np.searchsorted(starts_s, at_s, side="right") - 1, 0, None)
    rows = np.flatnonzero((at_s >= starts_s[number]) & (at_s < ends_s[number]))
    rows = rows[:: max(1, -(-len(rows) // _MOST_COMPARED))]
    symbols = np.array([span.symbol for span in spans])[number[rows]]
    apart = row_distances(sung[rows], model[rows])
    shares = []
    for phone in np.unique(number[rows]):
        own, others = number[rows] == phone, symbols != spans[phone].symbol
        if others.any():
            shares.append(float(np.mean(apart[np.ix_(own, others)] > np.diag(apart)[own][:, None])))
    return float(np.mean(shares)) if shares else 1.0  # a phone alone cannot be mistaken for another


def sounding_phones(phones: Sequence[PhoneSpan]) -> list[PhoneSpan]:
    """Return the phones without silences and breaths."""
    return [phone for phone in phones if phone.symbol not in (SILENCE, BREATH)]


def _spoken_lengths(phones: Sequence[PhoneSpan], total_s: float) -> Array:
    """Return natural lengths of spoken phones, scaled to `total_s` in sum."""
    lengths_s = np.array(
        [
            _REFERENCE_VOWEL_S * (1.0 if phone.stress else _REFERENCE_UNSTRESSED)
            if phone.symbol in VOWELS
            else 0.8 * CONSONANT_S.get(phone.symbol, DEFAULT_CONSONANT_S)
            for phone in phones
        ]
    )
    return np.maximum(_SHORTEST_REFERENCE_S, lengths_s * (total_s / lengths_s.sum()))


def _aligned_once(
    heard: SpeechFeatures, phones: Sequence[PhoneSpan], lengths_s: Array, reference: Voice, f0_hz: float
) -> tuple[list[PhoneSpan], tuple[float, ...]]:
    """Align once against the reference, which speaks with lengths `lengths_s` [P]; return spans, and each phone's cost."""
    borders = np.round(np.concatenate([[0.0], np.cumsum(lengths_s)]) / HOP_S).astype(int)  # in frames of the features
    spoken = reference.synthesise(_reference_performance(phones, borders * HOP_S, f0_hz))
    pad = round(_REFERENCE_PAD_S / HOP_S)
    vectors = speech_features(spoken, reference.card.sample_rate).vectors[pad : pad + borders[-1]]
    inner = [k for k in range(1, len(phones)) if phones[k].note_index != phones[k - 1].note_index]
    pause_costs = 0.4 + np.maximum(0.0, heard.level_db - pause_level_db(heard.level_db)) / _PAUSE_SLOPE_DB
    try:
        path, _ = warping_path(
            heard.vectors, vectors, pause_costs=pause_costs, pause_before=[0, *(int(borders[k]) for k in inner), len(vectors)]
        )
    except ValueError as error:
        raise RenderError(
            f"{len(phones)} phones cannot be found in {len(heard.vectors) * HOP_S:.1f} s of speech: {error} "
            "Check that the text is what is spoken."
        ) from error
    spans = list(_spans_of(path, borders, phones))
    distances = np.where(path == PAUSE, np.nan, np.linalg.norm(heard.vectors - vectors[path], axis=1))
    typical = typical_distance(heard.vectors, vectors)
    pieces = (distances[round(s.start_s / HOP_S) : round(s.end_s / HOP_S)] for s in spans if s.symbol != SILENCE)
    return spans, tuple(float(piece.mean() / typical) for piece in pieces)


def _reference_performance(phones: Sequence[PhoneSpan], borders_s: Array, f0_hz: float) -> Performance:
    """Return a performance that speaks the phones on one pitch, with a short silence around."""
    frames = int(np.ceil((borders_s[-1] + 2 * _REFERENCE_PAD_S) * FRAME_RATE_HZ))
    starts_s = borders_s + _REFERENCE_PAD_S
    spans = [
        replace(phone, start_s=float(start_s), end_s=float(end_s))
        for phone, start_s, end_s in zip(phones, starts_s[:-1], starts_s[1:], strict=True)
    ]
    level = np.zeros(frames, dtype=np.float32)
    return Performance(
        start_frame=0,
        phones=(
            PhoneSpan(SILENCE, 0.0, _REFERENCE_PAD_S),
            *spans,
            PhoneSpan(SILENCE, float(starts_s[-1]), frames / FRAME_RATE_HZ),
        ),
        f0_hz=np.full(frames, f0_hz, dtype=np.float32),
        energy_db=level,
        breathiness=level.copy(),
        tension=level.copy(),
        formant_semitones=level.copy(),
    )


def _spans_of(path: NDArray[np.int64], borders: NDArray[np.int64], phones: Sequence[PhoneSpan]) -> Iterator[PhoneSpan]:
    """Yield runs of spoken frames that were matched to the same phone, or to a pause."""
    phone_of = np.where(path == PAUSE, PAUSE, np.searchsorted(borders, path, side="right") - 1)
    edges = np.flatnonzero(np.diff(phone_of, prepend=-2, append=-2))
    for first, last in itertools.pairwise(edges):
        start_s, end_s = float(first * HOP_S), float(last * HOP_S)
        number = int(phone_of[first])
        yield PhoneSpan(SILENCE, start_s, end_s) if number == PAUSE else replace(phones[number], start_s=start_s, end_s=end_s)


def _covering(spans: Sequence[PhoneSpan], length_s: float) -> tuple[PhoneSpan, ...]:
    """Extend the last span to the end of the speech."""
    return (*spans[:-1], replace(spans[-1], end_s=max(spans[-1].end_s, length_s)))
