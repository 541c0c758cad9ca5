"""Speech made to sing: the same speaker, the same words, on the score's times and pitches. No training, no recogniser.

align_phones     where each phone lies in the spoken audio: time warping against another voice that speaks the same phones
sung_time_map    spoken time to sung time: vowels on the beat and stretched from their middle, consonants as they were spoken
resung           the waveform laid on that map and moved to the exact F0
retune           all three
shaped           the last part of resung: loudness and silences of the performance
is_in_tune       whether sound is on the performance's F0 already
sung_likeness    whether a song sounds its phones where they were planned, beside another voice that sings the same

PSOLA is the default (benchmarks/retune.py: the starter voice talking and two recorded speakers, melodies within 7 and 12 semitones). Both
methods are within 3 cents and 15 ms of the score in the median. Against the untouched speech PSOLA loses 3 to 8 words of a hundred, WORLD 3 to
10; PSOLA stays closer to the speaker's own spectrum (mel cepstral distance lower by 0.8 to 1.8 dB) and to the harmonics-to-noise ratio of
speech (6 to 9 dB above it, WORLD 12), and it needs no optional package. WORLD is steadier in the worst twentieth of notes (5 to 14 cents off
against 11 to 27) and holds long notes with less buzz: its noise is always new, where PSOLA lays one recorded period many times.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from engine.dsp.overlap_add import overlap_added
from engine.dsp.pitch_marks import PitchTrack, pitch_marks, track_pitch, voiced_throughout
from engine.dsp.speech_features import HOP_S, SpeechFeatures, pause_level_db, speech_features
from engine.dsp.time_map import Stretch, TimeMap, warp_frames
from engine.dsp.warping_path import PAUSE, row_distances, typical_distance, warping_path
from engine.errors import RenderError
from engine.model.units import AFFRICATES, DIPHTHONGS, STOPS, VOWELS
from engine.performance.timing import CONSONANT_S, DEFAULT_CONSONANT_S
from engine.performance.types import BREATH, FRAME_RATE_HZ, SILENCE, Performance, PhoneSpan
from engine.voice.types import Voice

__all__ = [
    "Alignment",
    "Method",
    "RetuneSettings",
    "Retuned",
    "align_phones",
    "is_in_tune",
    "judged_alignment",
    "resung",
    "retune",
    "shaped",
    "spread_phones",
    "sung_likeness",
    "sung_time_map",
    "warp_frames",
]

_REFERENCE_VOWEL_S, _REFERENCE_UNSTRESSED = 0.115, 0.65
_SHORTEST_REFERENCE_S = 0.03
_REFERENCE_PAD_S = 0.1
_PASSES = 2  # the second reference speaks at the pace that the first alignment found
_PAUSE_SLOPE_DB = 4.0  # a frame this much over the pause level is one typical match less like a pause

_LONGEST_CONSONANT_S, _LENGTHENED = (
    0.2,
    1.5,
)  # a consonant other than a stop may grow towards its planned length, up to this factor
_VOWEL_ROOM_SHARE, _SHORTEST_VOWEL_S = 0.5, 0.045
_EDGE_SHARE, _EDGE_S, _EDGE_STRETCH = 0.3, 0.05, 2.5
_GLIDE_SHARE, _GLIDE_S = 0.5, 0.13
_RELEASE_SHARE, _RELEASE_S = 0.5, 0.05

_VOICED_VOWEL_SHARE = 0.6  # of a vowel, in its middle, has a pitch whatever the tracker says
_LEVELLING, _LEVELLING_LIMIT_DB = 0.5, 6.0
_ENERGY_RANGE_DB = (-40.0, 8.0)
_FADE_S = 0.006
_IN_TUNE_CENTS, _HARDLY_OFF_CENTS, _TRACKED_SHARE = 5.0, 25.0, 0.9  # median, 95 of 100, of the vowels' middles
_MOST_COMPARED = 2000  # frames of a phrase

Samples = NDArray[np.float32]
Array = NDArray[np.float64]


class Method(StrEnum):
    PSOLA = "psola"
    WORLD = "world"


@dataclass(frozen=True, kw_only=True)
class RetuneSettings:
    """`levelling`: share of the differences in level between spoken vowels that is taken away, 0..1."""

    method: Method = Method.PSOLA
    levelling: float = _LEVELLING


@dataclass(frozen=True)
class Alignment:
    """`spans`: phones and pauses found in the speech; `costs`: how unlike the reference each of the phones sounds, 1 is a fair match."""

    spans: tuple[PhoneSpan, ...]
    costs: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Retuned:
    """samples [N] at the speech's own rate, sample 0 is frame 0 of the performance; `spoken`: the phones found in the speech."""

    samples: Samples
    sample_rate: int
    spoken: tuple[PhoneSpan, ...]
    time_map: TimeMap


def retune(
    samples: NDArray[np.floating],
    sample_rate: int,
    performance: Performance,
    reference: Voice,
    settings: RetuneSettings = RetuneSettings(),
) -> Retuned:
    """`samples` [N] (mono speech) as `performance`; both must have the same phones. `reference` speaks them for the alignment.

    Deterministic. Silences and breaths of the performance are exact zeros. Raises RenderError if the speech cannot hold the phones.
    """
    spoken = align_phones(samples, sample_rate, performance.phones, reference)
    time_map = sung_time_map(spoken, performance)
    sung = resung(samples, sample_rate, performance, spoken, time_map, settings)
    return Retuned(sung, sample_rate, spoken, time_map)


# --- alignment ----------------------------------------------------------------------------------------------------------------


def align_phones(
    samples: NDArray[np.floating], sample_rate: int, phones: Sequence[PhoneSpan], reference: Voice
) -> tuple[PhoneSpan, ...]:
    """Where the sounding `phones` lie in the speech: contiguous spans from 0 s to its end, with `SIL` where it pauses.

    Times of `phones` do not matter, only their order. Pauses are looked for at the borders of syllables (where `note_index` changes).
    """
    return judged_alignment(samples, sample_rate, phones, reference).spans


def judged_alignment(
    samples: NDArray[np.floating], sample_rate: int, phones: Sequence[PhoneSpan], reference: Voice
) -> Alignment:
    """`align_phones` with the cost of each sounding phone: high where the speech says something else."""
    if samples.ndim != 1 or not np.isfinite(samples).all():
        raise RenderError(
            f"The speech has the shape {samples.shape} or samples that are no numbers. Give one channel of finite samples."
        )
    wanted = _sounding(phones)
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
    """The sounding phones at natural lengths, scaled to fill `length_s`: a guess where they cannot be aligned."""
    wanted = _sounding(phones)
    lengths_s = _spoken_lengths(wanted, length_s)
    borders_s = np.concatenate([[0.0], np.cumsum(lengths_s * (length_s / lengths_s.sum()))])
    return tuple(
        replace(phone, start_s=float(start_s), end_s=float(end_s))
        for phone, start_s, end_s in zip(wanted, borders_s[:-1], borders_s[1:], strict=True)
    )


def sung_likeness(
    samples: NDArray[np.floating], sample_rate: int, performance: Performance, wanted: NDArray[np.floating], wanted_rate: int
) -> float:
    """How surely `samples` say the performance's phones in their places, 0..1; `wanted` is the performance by a voice that does.

    The share of frames of other phones in `wanted` that a sung frame is less like than the frame of its own instant, evenly over all phones.
    Recordings of two speakers laid on generated melodies have 0.72 to 0.88, noise and other words at most 0.56, the same 120 ms late 0.52 to
    0.67 (benchmarks/retune.py). Warping would forgive words that are late, and does not reach over held notes. Raises RenderError if the
    performance has no phones.
    """
    sung, model = speech_features(samples, sample_rate).vectors, speech_features(wanted, wanted_rate).vectors
    spans = _sounding(performance.phones)
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


def _sounding(phones: Sequence[PhoneSpan]) -> list[PhoneSpan]:
    return [phone for phone in phones if phone.symbol not in (SILENCE, BREATH)]


def _spoken_lengths(phones: Sequence[PhoneSpan], total_s: float) -> Array:
    """Natural lengths of spoken phones, scaled to `total_s` together."""
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
    """One warping against the reference speaking with `lengths_s` [P]: spans, and each phone's cost."""
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
    """The phones spoken on one pitch, with a little silence around."""
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
    """Runs of spoken frames that were matched to the same phone, or to a pause."""
    phone_of = np.where(path == PAUSE, PAUSE, np.searchsorted(borders, path, side="right") - 1)
    edges = np.flatnonzero(np.diff(phone_of, prepend=-2, append=-2))
    for first, last in zip(edges[:-1], edges[1:], strict=True):
        start_s, end_s = float(first * HOP_S), float(last * HOP_S)
        number = int(phone_of[first])
        yield PhoneSpan(SILENCE, start_s, end_s) if number == PAUSE else replace(phones[number], start_s=start_s, end_s=end_s)


def _covering(spans: Sequence[PhoneSpan], length_s: float) -> tuple[PhoneSpan, ...]:
    """The last span goes on to the end of the speech."""
    return (*spans[:-1], replace(spans[-1], end_s=max(spans[-1].end_s, length_s)))


# --- time ---------------------------------------------------------------------------------------------------------------------


def sung_time_map(spoken: Sequence[PhoneSpan], performance: Performance) -> TimeMap:
    """Spoken phones on the performance's times.

    Vowels begin exactly where the performance says. Consonants lie at the end of their room, before the next vowel or rest. They keep their
    spoken length where the performance does not give them more, grow by half at most (stops never), and are squeezed only where they would
    leave the vowel less than half of what the performance gives it. Silences of the performance stay as they are.
    Raises ValueError if the phones differ.
    """
    found = _sounding(spoken)
    sung = performance.phones
    if [s.symbol for s in found] != [s.symbol for s in _sounding(sung)]:
        raise ValueError("the spoken phones are not those of the performance")
    stretches: list[Stretch] = []
    used = 0
    for is_sung, run in _runs(sung):
        if not is_sung:
            at_s = found[used - 1].end_s if used else found[0].start_s
            stretches.append(Stretch(run[0].start_s, run[-1].end_s, at_s, at_s, sounds=False))
            continue
        spans = found[used : used + len(run)]
        used += len(run)
        for span, start_s, end_s in _laid(run, spans):
            stretches.extend(_stretched(span, start_s, end_s))
    return TimeMap(tuple(stretches))


def _runs(phones: Sequence[PhoneSpan]) -> Iterator[tuple[bool, list[PhoneSpan]]]:
    """Phones in groups that are all sung or all silent."""
    group: list[PhoneSpan] = []
    for phone in phones:
        is_silent = phone.symbol in (SILENCE, BREATH)
        if group and (group[-1].symbol in (SILENCE, BREATH)) != is_silent:
            yield is_silent, group
            group = []
        group.append(phone)
    if group:
        yield group[-1].symbol not in (SILENCE, BREATH), group


def _laid(run: Sequence[PhoneSpan], spans: Sequence[PhoneSpan]) -> Iterator[tuple[PhoneSpan, float, float]]:
    """Each spoken span of an unbroken run with its start and end in the song."""
    vowels = [k for k, phone in enumerate(run) if phone.symbol in VOWELS]
    lengths_s = [_wanted_s(spoken, sung) for spoken, sung in zip(spans, run, strict=True)]
    first = vowels[0] if vowels else len(run)
    if first:  # before the first vowel there is as much time as the performance gives, all of it filled
        room_s = run[first - 1].end_s - run[0].start_s
        scale = room_s / sum(lengths_s[:first])
        yield from _in_turn(spans[:first], [scale * length_s for length_s in lengths_s[:first]], run[0].start_s)
    for vowel, following in zip(vowels, [*vowels[1:], len(run)], strict=True):
        start_s, end_s = run[vowel].start_s, run[following - 1].end_s
        room_s = end_s - start_s - _vowel_room_s(run[vowel].end_s - start_s)
        consonants_s = lengths_s[vowel + 1 : following]
        scale = min(1.0, room_s / sum(consonants_s)) if consonants_s else 1.0
        consonants_s = [scale * length_s for length_s in consonants_s]
        yield from _in_turn(spans[vowel:following], [end_s - start_s - sum(consonants_s), *consonants_s], start_s)


def _vowel_room_s(planned_s: float) -> float:
    return min(planned_s, max(_SHORTEST_VOWEL_S, _VOWEL_ROOM_SHARE * planned_s))


def _wanted_s(spoken: PhoneSpan, sung: PhoneSpan) -> float:
    """The length of a consonant that has room."""
    natural_s = min(_LONGEST_CONSONANT_S, spoken.end_s - spoken.start_s)
    if spoken.symbol in STOPS or spoken.symbol in AFFRICATES:
        return natural_s
    return float(np.clip(sung.end_s - sung.start_s, natural_s, _LENGTHENED * natural_s))


def _in_turn(
    spans: Sequence[PhoneSpan], lengths_s: Sequence[float], start_s: float
) -> Iterator[tuple[PhoneSpan, float, float]]:
    for span, length_s in zip(spans, lengths_s, strict=True):
        yield span, start_s, start_s + length_s
        start_s += length_s


def _stretched(span: PhoneSpan, start_s: float, end_s: float) -> Iterator[Stretch]:
    """One phone at its sung length: which part of it gives way depends on what it is."""
    spoken_s, sung_s = span.end_s - span.start_s, end_s - start_s
    head_s, tail_s = _edges_s(span.symbol, spoken_s, is_longer=sung_s > spoken_s)
    # A vowel's edges give way too, but less: at their spoken pace around a still middle they would sound chopped off.
    slower = min(_EDGE_STRETCH, max(1.0, sung_s / spoken_s) ** 0.5) if span.symbol in VOWELS else 1.0
    if slower * (head_s + tail_s) >= sung_s or head_s + tail_s >= spoken_s:
        head_s = tail_s = 0.0
    cuts = [
        (start_s, span.start_s),
        (start_s + slower * head_s, span.start_s + head_s),
        (end_s - slower * tail_s, span.end_s - tail_s),
        (end_s, span.end_s),
    ]
    for (at_s, from_s), (until_s, to_s) in zip(cuts, cuts[1:], strict=False):
        if until_s > at_s:
            yield Stretch(at_s, until_s, from_s, to_s)


def _edges_s(symbol: str, spoken_s: float, *, is_longer: bool) -> tuple[float, float]:
    """Seconds at the start and at the end of a spoken phone that give way less than its middle."""
    edge_s = min(_EDGE_S, _EDGE_SHARE * spoken_s)
    if symbol in DIPHTHONGS and is_longer:
        return edge_s, min(_GLIDE_S, _GLIDE_SHARE * spoken_s)
    if symbol in VOWELS and is_longer:
        return edge_s, edge_s
    if symbol in STOPS or symbol in AFFRICATES:  # the closure gives way, the burst does not
        return 0.0, min(_RELEASE_S, _RELEASE_SHARE * spoken_s)
    return 0.0, 0.0


# --- sound --------------------------------------------------------------------------------------------------------------------


def resung(
    samples: NDArray[np.floating],
    sample_rate: int,
    performance: Performance,
    spoken: Sequence[PhoneSpan],
    time_map: TimeMap,
    settings: RetuneSettings = RetuneSettings(),
) -> Samples:
    """The waveform [frames / 100 * sample_rate] on the map's times and the performance's F0 and loudness."""
    speech = np.asarray(samples, dtype=np.float64)
    length = round(performance.frames * sample_rate / FRAME_RATE_HZ)
    times_s = np.arange(length) / sample_rate
    target_f0_hz = _between_frames(_continuous(performance.f0_hz), times_s)
    track = voiced_throughout(track_pitch(speech, sample_rate), _vowel_middles(spoken))
    if settings.method is Method.WORLD:
        sung = _world(speech, sample_rate, time_map, target_f0_hz, track)
    else:
        marks = pitch_marks(speech, sample_rate, track)
        sung = overlap_added(speech, sample_rate, time_map, target_f0_hz, track, marks)
    return shaped(sung, sample_rate, performance, time_map, settings)


def shaped(
    samples: NDArray[np.floating],
    sample_rate: int,
    performance: Performance,
    time_map: TimeMap,
    settings: RetuneSettings = RetuneSettings(),
) -> Samples:
    """Sound [N] that lies on the performance already, with its loudness and exact silences."""
    sung: Array = np.asarray(samples, dtype=np.float64)
    times_s = np.arange(len(sung)) / sample_rate
    gain_db = _between_frames(np.clip(performance.energy_db, *_ENERGY_RANGE_DB), times_s)
    gain_db += settings.levelling * _unevenness_db(sung, sample_rate, performance)
    return (sung * 10.0 ** (gain_db / 20.0) * _audible(time_map, times_s)).astype(np.float32)


def is_in_tune(samples: NDArray[np.floating], sample_rate: int, performance: Performance) -> bool:
    """Whether the vowels' middles are on the performance's F0, as exactly as is asked of a voice: half of them within 5 cents, 95 % within 25.

    The starter voice, exact by construction, is found within 2 and 6 cents. Moving what need not be moved costs: PSOLA on the same pitch is
    1.5 dB of mel cepstral distance away and 1 dB noisier.
    """
    times_s = (np.arange(2 * performance.frames) + 0.5) / (2 * FRAME_RATE_HZ)
    inside = np.zeros(len(times_s), dtype=np.bool_)
    for start_s, end_s in _vowel_middles(performance.phones):
        inside |= (times_s >= start_s) & (times_s < end_s)
    heard_hz = track_pitch(samples, sample_rate).at(times_s[inside])
    wanted_hz = _between_frames(_continuous(performance.f0_hz), times_s)[inside]
    is_heard = np.isfinite(heard_hz)
    if not is_heard.any() or is_heard.mean() < _TRACKED_SHARE:
        return False
    cents = np.abs(1200.0 * np.log2(heard_hz[is_heard] / wanted_hz[is_heard]))
    return bool(np.median(cents) <= _IN_TUNE_CENTS and np.percentile(cents, 95) <= _HARDLY_OFF_CENTS)


def _vowel_middles(spoken: Sequence[PhoneSpan]) -> list[tuple[float, float]]:
    margin = 0.5 * (1.0 - _VOICED_VOWEL_SHARE)
    vowels = [(span.start_s, span.end_s - span.start_s) for span in spoken if span.symbol in VOWELS]
    return [(start_s + margin * length_s, start_s + (1.0 - margin) * length_s) for start_s, length_s in vowels]


def _world(speech: Array, sample_rate: int, time_map: TimeMap, target_f0_hz: Array, track: PitchTrack) -> Array:
    """WORLD (M. Morise et al., 2016): CheapTrick envelope and D4C aperiodicity, read along the map every 5 ms."""
    world = _pyworld()
    step_s = 0.005
    source_s = np.arange(0.0, len(speech) / sample_rate, step_s)
    source_f0_hz = np.nan_to_num(track.at(source_s))
    envelope = world.cheaptrick(speech, source_f0_hz, source_s, sample_rate)
    aperiodicity = world.d4c(speech, source_f0_hz, source_s, sample_rate, threshold=0.0)
    sung_s = np.arange(0.0, len(target_f0_hz) / sample_rate, step_s)
    place = np.clip(time_map.recorded_at(sung_s) / step_s, 0, len(source_s) - 1)
    voiced = source_f0_hz[np.round(place).astype(int)] > 0
    samples_at = np.minimum(len(target_f0_hz) - 1, np.round(sung_s * sample_rate).astype(int))
    sung = world.synthesize(
        np.where(voiced, target_f0_hz[samples_at], 0.0),
        _rows_at(envelope, place),
        _rows_at(aperiodicity, place),
        sample_rate,
        1000 * step_s,
    )
    return np.pad(sung, (0, max(0, len(target_f0_hz) - len(sung))))[: len(target_f0_hz)]


def _pyworld():
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its import warns about its use of pkg_resources
            import pyworld
    except ImportError as error:
        raise RenderError("The method 'world' needs pyworld: pip install 'vocalese[train]', or use 'psola'.") from error
    return pyworld


def _rows_at(rows: Array, place: Array) -> Array:
    """Spectra [T, F] between rows of the same shape, in log amplitude."""
    low = np.minimum(place.astype(int), len(rows) - 1)
    high = np.minimum(low + 1, len(rows) - 1)
    share = (place - low)[:, None]
    return np.ascontiguousarray(np.exp((1 - share) * np.log(rows[low] + 1e-16) + share * np.log(rows[high] + 1e-16)))


def _unevenness_db(sung: Array, sample_rate: int, performance: Performance) -> Array:
    """How far each vowel's level is from the median vowel's, with opposite sign, straight lines between vowels' middles [N]."""
    vowels = [span for span in performance.phones if span.symbol in VOWELS]
    levels_db = np.array([_level_db(sung[int(v.start_s * sample_rate) : int(v.end_s * sample_rate)]) for v in vowels])
    if not len(vowels):
        return np.zeros(len(sung))
    correction_db = np.clip(np.median(levels_db) - levels_db, -_LEVELLING_LIMIT_DB, _LEVELLING_LIMIT_DB)
    middles = [0.5 * (v.start_s + v.end_s) * sample_rate for v in vowels]
    return np.interp(np.arange(len(sung)), middles, correction_db)


def _level_db(piece: Array) -> float:
    return 10.0 * float(np.log10(np.mean(np.square(piece)) + 1e-10)) if len(piece) else -100.0


def _audible(time_map: TimeMap, times_s: Array) -> Array:
    """1 where something sounds, exactly 0 in silence, with fades inside the sounding parts [N]."""
    mask = time_map.sounds_at(times_s).astype(np.float64)
    edges = np.array(
        [s.start_s for s in time_map.stretches if not s.sounds] + [s.end_s for s in time_map.stretches if not s.sounds]
    )
    if not len(edges):
        return mask
    edges.sort()
    after = np.clip(np.searchsorted(edges, times_s), 0, len(edges) - 1)
    before = np.maximum(after - 1, 0)
    distance_s = np.minimum(np.abs(times_s - edges[after]), np.abs(times_s - edges[before]))
    return mask * (0.5 - 0.5 * np.cos(np.pi * np.minimum(1.0, distance_s / _FADE_S)))


def _continuous(f0_hz: NDArray[np.float32]) -> Array:
    """Gaps (NaN) filled by straight lines. Raises RenderError if nothing has a pitch."""
    known = np.flatnonzero(np.isfinite(f0_hz))
    if not len(known):
        raise RenderError("The performance has no pitch anywhere; speech can only be retuned to notes.")
    return np.interp(np.arange(len(f0_hz)), known, f0_hz[known])


def _between_frames(values: NDArray[np.floating], times_s: Array) -> Array:
    """Per-frame values [T] at any times, straight lines between frame centres."""
    return np.interp(times_s, (np.arange(len(values)) + 0.5) / FRAME_RATE_HZ, values)
