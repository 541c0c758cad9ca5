"""Durations of spoken lines, for the planning of voices that speak at their own pace."""

from __future__ import annotations

from engine.performance import Durations, Performance
from engine.voices.types import Voice

from .phrase_cache import PhraseCache
from .render import native_phrase


def spoken_durations(voice: Voice, cache: PhraseCache | None) -> Durations | None:
    """Return a function from a spoken line to its seconds, for `plan_score` and `plan_text`; None for voices that keep to given times.

    The function renders the line; with a cache, only once.
    """
    if not voice.card.reads_text:
        return None

    def seconds(performance: Performance) -> float:
        return len(native_phrase(performance, voice, cache).samples) / voice.card.sample_rate

    return seconds
