"""Times of spoken phones in a song: vowels on the beat and stretched from their middle, consonants as they were spoken."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from engine.dsp.time_map import Stretch, TimeMap
from engine.performance.types import BREATH, SILENCE, Performance, PhoneSpan
from engine.voices.units import AFFRICATES, DIPHTHONGS, STOPS, VOWELS

from .alignment import sounding_phones

# A consonant other than a stop may grow towards its planned length, up to a factor.
_LONGEST_CONSONANT_S, _LENGTHENED = 0.2, 1.5
_VOWEL_ROOM_SHARE, _SHORTEST_VOWEL_S = 0.5, 0.045
_EDGE_SHARE, _EDGE_S, _EDGE_STRETCH = 0.3, 0.05, 2.5
_GLIDE_SHARE, _GLIDE_S = 0.5, 0.13
_RELEASE_SHARE, _RELEASE_S = 0.5, 0.05


def sung_time_map(spoken: Sequence[PhoneSpan], performance: Performance) -> TimeMap:
    """Return the map from the times of spoken phones to those of the performance.

    Vowels begin exactly at the performance's times. Consonants lie at the end of their room, before the next vowel or rest. They keep
    their spoken length unless the performance gives them more, grow by half at most (stops never), and are compressed only if they would
    leave the vowel less than half of its planned length. Silences of the performance stay as they are. Raises ValueError if the phones
    differ.
    """
    found = sounding_phones(spoken)
    sung = performance.phones
    if [s.symbol for s in found] != [s.symbol for s in sounding_phones(sung)]:
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
        for span, start_s, end_s in _lay_out(run, spans):
            stretches.extend(_stretched(span, start_s, end_s))
    return TimeMap(tuple(stretches))


def _runs(phones: Sequence[PhoneSpan]) -> Iterator[tuple[bool, list[PhoneSpan]]]:
    """Yield phones in groups that are all sung or all silent."""
    group: list[PhoneSpan] = []
    for phone in phones:
        is_silent = phone.symbol in (SILENCE, BREATH)
        if group and (group[-1].symbol in (SILENCE, BREATH)) != is_silent:
            yield is_silent, group
            group = []
        group.append(phone)
    if group:
        yield group[-1].symbol not in (SILENCE, BREATH), group


def _lay_out(run: Sequence[PhoneSpan], spans: Sequence[PhoneSpan]) -> Iterator[tuple[PhoneSpan, float, float]]:
    """Yield each spoken span of an unbroken run with its start and end in the song."""
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
    """Return the length of a consonant that is not short of room."""
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
    """Yield the stretches of one phone at its sung length; its kind decides which part is stretched most."""
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
    for (at_s, from_s), (until_s, to_s) in itertools.pairwise(cuts):
        if until_s > at_s:
            yield Stretch(at_s, until_s, from_s, to_s)


def _edges_s(symbol: str, spoken_s: float, *, is_longer: bool) -> tuple[float, float]:
    """Return the seconds at start and end of a spoken phone that are stretched less than its middle."""
    edge_s = min(_EDGE_S, _EDGE_SHARE * spoken_s)
    if symbol in DIPHTHONGS and is_longer:
        return edge_s, min(_GLIDE_S, _GLIDE_SHARE * spoken_s)
    if symbol in VOWELS and is_longer:
        return edge_s, edge_s
    if symbol in STOPS or symbol in AFFRICATES:  # the closure gives way, the burst does not
        return 0.0, min(_RELEASE_S, _RELEASE_SHARE * spoken_s)
    return 0.0, 0.0
