"""Rendering of performances to the audio of one track, phrase by phrase, in blocks: memory does not grow with the song."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import soxr
from numpy.typing import NDArray

from engine.dsp.ceiling import Ceiling, soft_limit
from engine.errors import RenderError
from engine.performance.types import Performance
from engine.units import FRAME_RATE_HZ
from engine.voices.card import VoiceCard
from engine.voices.types import Voice

from .phrase_cache import PhraseCache, phrase_key

BLOCK_SAMPLES = 65_536

Samples = NDArray[np.float32]


@runtime_checkable
class ReportsNotices(Protocol):
    """A voice that has notices about a phrase it synthesised."""

    def notices(self, performance: Performance) -> tuple[str, ...]: ...


@dataclass(frozen=True, eq=False)
class NativePhrase:
    """Samples [N] at the voice's own rate, and full sentences about them."""

    samples: Samples
    notices: tuple[str, ...]


def render_track(
    phrases: Sequence[Performance],
    voice: Voice,
    *,
    sample_rate: int,
    total_samples: int,
    cache: PhraseCache | None = None,
    progress: Callable[[int, int], None] | None = None,
    notice: Callable[[str], None] | None = None,
) -> Iterator[Samples]:
    """Yield mono blocks from song time zero, `total_samples` in all. `progress(done, all)` counts phrases, `notice` gets notices of the
    voice.

    Sample-exact: a phrase starts at start_frame / 100 s, which is a whole sample at every rate that is a multiple of 100 Hz. Raises
    RenderError for another rate, or if a phrase is not finite.
    """
    if sample_rate <= 0 or sample_rate % FRAME_RATE_HZ:
        raise RenderError(
            f"The sample rate {sample_rate} Hz is not a multiple of {FRAME_RATE_HZ} Hz; use 44100, 48000, 88200 or 96000."
        )
    waiting = sorted(phrases, key=lambda phrase: phrase.start_frame)
    sounding: list[tuple[int, Samples]] = []
    done = 0
    for start in range(0, total_samples, BLOCK_SAMPLES):
        end = min(total_samples, start + BLOCK_SAMPLES)
        while done < len(waiting) and _first_sample(waiting[done], sample_rate) < end:
            phrase = waiting[done]
            rendered = native_phrase(phrase, voice, cache)
            sounding.append((_first_sample(phrase, sample_rate), _as_stem(rendered.samples, voice.card, sample_rate)))
            done += 1
            if notice:
                for sentence in rendered.notices:
                    notice(sentence)
            if progress:
                progress(done, len(waiting))
        block = np.zeros(end - start, dtype=np.float32)
        for first, samples in sounding:
            low, high = max(start, first), min(end, first + len(samples))
            if high > low:
                block[low - start : high - start] += samples[low - first : high - first]
        sounding = [(first, samples) for first, samples in sounding if first + len(samples) > end]
        yield block


def render_phrase(phrase: Performance, voice: Voice, sample_rate: int, cache: PhraseCache | None) -> Samples:
    """Return one phrase at `sample_rate` and at the level of stems, starting at its frame 0."""
    return _as_stem(native_phrase(phrase, voice, cache).samples, voice.card, sample_rate)


def native_phrase(phrase: Performance, voice: Voice, cache: PhraseCache | None) -> NativePhrase:
    """Return one phrase as synthesised by the voice, from the cache if it is there. Raises RenderError if it is not finite."""
    key = phrase_key(phrase, voice)
    known = cache.load(key) if cache else None
    if known is not None and cache is not None:
        return NativePhrase(known, cache.notices(key))
    samples = voice.synthesise(phrase)
    if not np.isfinite(samples).all():
        raise RenderError(
            f"The phrase at {phrase.start_s:.2f} s came out broken (non-finite samples). Please report it with its score."
        )
    notices = voice.notices(phrase) if isinstance(voice, ReportsNotices) else ()
    if cache:  # the key may have changed: a voice that lost its device continues with another precision
        cache.store(phrase_key(phrase, voice), samples, notices)
    return NativePhrase(samples, notices)


def _as_stem(native: Samples, card: VoiceCard, sample_rate: int) -> Samples:
    """Resample to `sample_rate` and set the level of stems."""
    rate = card.sample_rate
    samples = native if rate == sample_rate else soxr.resample(native, rate, sample_rate, quality="VHQ")
    loud = soft_limit(samples.astype(np.float32) * np.float32(card.gain))
    return Ceiling(sample_rate).limited(loud[None])[0]


def _first_sample(phrase: Performance, sample_rate: int) -> int:
    return phrase.start_frame * (sample_rate // FRAME_RATE_HZ)
