"""Division of a track into phrases: its notes in seconds with their lyrics, between two rests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.lyrics.types import NoteKind, Syllable, SyllableTrack
from engine.parameters import Parameter
from engine.score.types import Note, TempoMap, Track

from .curves import ExpressionCurves
from .timing import PHRASE_GAP_S, SungSyllable

LONGEST_PHRASE_S = 30.0  # a longer line is cut before a syllable, so that memory and re-rendering stay small
_CUT_GAP_S = 0.12
_TAIL_S = 0.1
_TAIL_SHARE = 0.4  # of the rest between two phrases
_SHORTEST_NOTE_S = 0.01
_SHORTEST_LEAD_S = 0.03  # per consonant, where a note leaves no time before it
_LONGEST_PEDAL_S = 10.0  # after the last note


@dataclass(frozen=True)
class SungNote:
    """A note of a track in seconds, with its lyric. `index` is its number in the track."""

    index: int
    note: Note
    kind: NoteKind
    syllables: tuple[Syllable, ...]
    onset_s: float
    offset_s: float


@dataclass(frozen=True)
class Phrase:
    """Notes between two rests. `room_s`: silence before the first one; `breath_from_s`: start of a written breath before it, if any.

    The rest between two phrases is shared: the first phrase may sound `tail_s` into it, the consonants of the second take up to `lead_s`.
    """

    events: tuple[SungNote, ...]
    room_s: float
    breath_from_s: float | None
    lead_s: float
    tail_s: float = _TAIL_S


def divide_into_phrases(
    track: Track, lyrics: SyllableTrack, tempo_map: TempoMap, expression: ExpressionCurves, *, holds_again: bool
) -> list[Phrase]:
    """Return the phrases of a track. `holds_again`: a hold after a rest repeats its vowel; otherwise it is silent."""
    return _divide(_sung_notes(track, lyrics, tempo_map, expression), holds_again=holds_again)


def _sung_notes(track: Track, lyrics: SyllableTrack, tempo_map: TempoMap, expression: ExpressionCurves) -> list[SungNote]:
    onsets = [tempo_map.seconds_at(note.onset_ticks) for note in track.notes]
    offsets = [tempo_map.seconds_at(note.offset_ticks) for note in track.notes]
    if expression.has(Parameter.SUSTAIN):
        offsets = _extend_by_pedal(onsets, offsets, expression)
    events = []
    for index, (note, lyric) in enumerate(zip(track.notes, lyrics.notes, strict=True)):
        limit_s = onsets[index + 1] if index + 1 < len(onsets) else np.inf
        end_s = min(max(offsets[index], onsets[index] + _SHORTEST_NOTE_S), limit_s)
        syllables = _with_accent(lyric.syllables) if note.is_accented else lyric.syllables
        events.append(SungNote(index, note, lyric.kind, syllables, onsets[index], end_s))
    return events


def _with_accent(syllables: tuple[Syllable, ...]) -> tuple[Syllable, ...]:
    """Return the syllables of a note with an accent over it: the first one is emphasised."""
    return (replace(syllables[0], is_emphasised=True), *syllables[1:]) if syllables else ()


def _extend_by_pedal(onsets: Sequence[float], offsets: Sequence[float], expression: ExpressionCurves) -> list[float]:
    """Return offsets with the pedal: no earlier than its release, no later than the next note."""
    held = []
    for index, offset_s in enumerate(offsets):
        limit_s = onsets[index + 1] if index + 1 < len(onsets) else offset_s + _LONGEST_PEDAL_S
        times_s = np.arange(offset_s, limit_s, 0.01)
        up = np.flatnonzero(expression.at(Parameter.SUSTAIN, times_s) < 0.5)
        held.append(float(times_s[up[0]]) if len(up) else max(limit_s if len(times_s) else offset_s, offset_s))
    return held


def _divide(events: Sequence[SungNote], *, holds_again: bool) -> list[Phrase]:
    """Divide notes into phrases. `holds_again`: a hold after a rest repeats its vowel; otherwise it is silent."""
    phrases: list[Phrase] = []
    last: Syllable | None = None
    current: list[SungNote] = []
    sung_until_s = 0.0
    room_s, breath_from_s = 0.0, None

    def close() -> None:
        nonlocal current, breath_from_s
        if current:
            before_s = min(_TAIL_S, _TAIL_SHARE * room_s) if phrases else 0.0
            if phrases:
                phrases[-1] = replace(phrases[-1], tail_s=before_s)
            phrases.append(Phrase(tuple(current), room_s, breath_from_s, lead_s=max(0.0, room_s - before_s)))
            current, breath_from_s = [], None

    for event in events:
        if event.kind in (NoteKind.REST, NoteKind.BREATH):
            close()
            breath_from_s = event.onset_s if event.kind is NoteKind.BREATH else None
            continue
        if current and event.onset_s - sung_until_s >= PHRASE_GAP_S:
            close()
        elif current and event.kind is NoteKind.SING and event.onset_s - current[0].onset_s > LONGEST_PHRASE_S:
            current[-1] = _shorten(current[-1], event.onset_s)
            sung_until_s = current[-1].offset_s
            close()
        if not current:
            if event.kind is NoteKind.HOLD:
                if last is None or not holds_again:
                    continue
                event = replace(event, kind=NoteKind.SING, syllables=(last.vowel_alone,))
            room_s = event.onset_s - sung_until_s
        last = event.syllables[-1] if event.syllables else last
        current.append(event)
        sung_until_s = event.offset_s
    close()
    return phrases


def _shorten(event: SungNote, next_onset_s: float) -> SungNote:
    """Return the note, ending early enough for the consonants of a phrase that begins at `next_onset_s`."""
    gap_s = min(_CUT_GAP_S, 0.4 * (event.offset_s - event.onset_s))
    return replace(event, offset_s=min(event.offset_s, next_onset_s - gap_s))


def sung_syllables(phrase: Phrase, origin_s: float) -> list[SungSyllable]:
    """Return the syllables with their vowel times relative to `origin_s`; several on one note share it evenly."""
    sung: list[SungSyllable] = []
    for event in phrase.events:
        if event.kind is NoteKind.HOLD and sung:
            last = sung[-1]
            sung[-1] = SungSyllable(last.syllable, last.onset_s, event.offset_s - origin_s, last.note_index)
            continue
        borders = np.linspace(event.onset_s, event.offset_s, len(event.syllables) + 1) - origin_s
        for syllable, start_s, end_s in zip(event.syllables, borders[:-1], borders[1:], strict=True):
            sung.append(SungSyllable(syllable, float(start_s), float(end_s), event.index))
    first = sung[0]
    needed_s = _SHORTEST_LEAD_S * len(first.syllable.onset)
    if phrase.lead_s < needed_s:  # no time before the note: its consonants start with it
        next_s = sung[1].onset_s if len(sung) > 1 else first.offset_s
        delay_s = min(needed_s - phrase.lead_s, 0.4 * (min(first.offset_s, next_s) - first.onset_s))
        sung[0] = SungSyllable(first.syllable, first.onset_s + delay_s, first.offset_s, first.note_index)
    return sung
