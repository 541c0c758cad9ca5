"""Score and syllables to performances, phrase by phrase.

A phrase is the notes between two rests. It depends on its own notes, the curves over them and the settings only, so that editing one
phrase leaves every other one the same, bit for bit.
"""

from __future__ import annotations

from engine.lyrics.types import SpokenLine, SyllableTrack
from engine.score.types import TempoMap, Track

from .curves import ExpressionCurves
from .phrases import Phrase, divide_into_phrases
from .settings import Mode, PerformanceSettings
from .spoken_lines import Durations, PerformedTrack, PlacedLine, perform_lines
from .sung_phrase import perform_phrase
from .utterances import words_of


def perform(
    track: Track,
    lyrics: SyllableTrack,
    tempo_map: TempoMap,
    settings: PerformanceSettings,
    *,
    durations: Durations | None = None,
) -> PerformedTrack:
    """Perform a monophonic track. `lyrics` must hold one entry per note, in phones of the voice. `durations`: see `perform_lines`.

    Raises ValueError if track and lyrics differ in length.
    """
    if len(lyrics.notes) != len(track.notes):
        raise ValueError(f"{len(track.notes)} notes but syllables for {len(lyrics.notes)}.")
    expression = ExpressionCurves(track, tempo_map)
    phrases = divide_into_phrases(track, lyrics, tempo_map, expression, holds_again=settings.mode is not Mode.TALK)
    if settings.mode is Mode.TALK:
        return perform_lines([_line_of(phrase, lyrics.language) for phrase in phrases], settings, durations=durations)
    return PerformedTrack(tuple(perform_phrase(phrase, expression, settings) for phrase in phrases))


def _line_of(phrase: Phrase, language: str) -> PlacedLine:
    words = words_of([syllable for event in phrase.events for syllable in event.syllables])
    line = SpokenLine(language, words, (0,) * len(words))
    first, last = phrase.events[0], phrase.events[-1]
    return PlacedLine(line, first.onset_s, last.offset_s - first.onset_s)
