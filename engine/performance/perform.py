"""Score and syllables to performances, phrase by phrase.

A phrase is what lies between two rests. It depends on its own notes, the curves over them and the settings only, so that editing one phrase
leaves every other one the same, bit for bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.lyrics.types import NoteKind, SpokenLine, Syllable, SyllableTrack
from engine.score.types import Note, Parameter, TempoMap, Track

from .curves import Expression
from .dynamics import (
    LoudNote,
    NoteStart,
    attack_at,
    phrase_breathiness,
    phrase_colour,
    phrase_energy_db,
    phrase_formant_semitones,
    phrase_growl,
    phrase_tension,
    starts_db,
)
from .pitch import PitchedNote, hz_of, sung_pitch
from .settings import Mode, PerformanceSettings
from .speech import SpokenSyllable, spoken_contour, spoken_phones
from .timing import SungSyllable, breath, lay_phones, with_silences
from .types import FRAME_RATE_HZ, LyricMark, Performance, PhoneSpan, Utterance

PHRASE_GAP_S = 0.25
LONGEST_PHRASE_S = 30.0  # an endless line is cut where it hurts least, so that memory and re-rendering stay small
_CUT_GAP_S = 0.12
_BRIDGE_S = {Mode.SING: 0.06, Mode.RAP: 0.10, Mode.TALK: 0.06}
_PAD_BEFORE_S, _PAD_AFTER_S = 0.28, 0.15
_TAIL_S = 0.1
_BREATH_WINDOW_S, _SHORTEST_BREATH_S = 0.24, 0.07
_BREATH_REST_S = 0.5
_LONGEST_BREATH_S = 0.6
_SHORTEST_NOTE_S = 0.01
_TAIL_SHARE = 0.4  # of the rest between two phrases
_SHORTEST_LEAD_S = 0.03  # per consonant, where a note leaves no time before it
_SWELLING = frozenset("L R W Y M N NG".split())  # consonants that a soft attack swells with, as part of the vowel


@dataclass(frozen=True)
class PerformedTrack:
    """Phrases in order of time, and full sentences about what could not be done as written."""

    phrases: tuple[Performance, ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlacedLine:
    """A line to speak from `start_s`, fitted to `length_s` if given."""

    line: SpokenLine
    start_s: float
    length_s: float | None = None


@dataclass(frozen=True)
class _Event:
    """A note in seconds with its lyric."""

    index: int
    note: Note
    kind: NoteKind
    syllables: tuple[Syllable, ...]
    onset_s: float
    offset_s: float


@dataclass(frozen=True)
class _Phrase:
    """Events between two rests. `room_s`: silence before the first one; `breath_from_s`: start of a written breath before it, if any.

    The rest between two phrases is shared: the end of one may sound `tail_s` into it, the consonants of the next have `lead_s`.
    """

    events: tuple[_Event, ...]
    room_s: float
    breath_from_s: float | None
    lead_s: float
    tail_s: float = _TAIL_S


def perform(track: Track, lyrics: SyllableTrack, tempo_map: TempoMap, settings: PerformanceSettings) -> PerformedTrack:
    """Phrases of a monophonic track; `lyrics` must hold one entry per note, in phones of the voice.

    Raises ValueError if the two do not belong together.
    """
    if len(lyrics.notes) != len(track.notes):
        raise ValueError(f"{len(track.notes)} notes but syllables for {len(lyrics.notes)}.")
    expression = Expression(track, tempo_map)
    phrases = _phrases(_events(track, lyrics, tempo_map, expression))
    if settings.mode is Mode.TALK:
        return perform_lines([_as_line(phrase, lyrics.language) for phrase in phrases], settings)
    return PerformedTrack(tuple(_performed(phrase, expression, settings) for phrase in phrases))


def perform_lines(lines: Sequence[PlacedLine], settings: PerformanceSettings) -> PerformedTrack:
    """Spoken lines, each at its own start."""
    phrases, notices = [], []
    for timed in lines:
        if not any(timed.line.words):
            continue
        performance, missed = _spoken(timed, settings)
        phrases.append(performance)
        if abs(missed - 1.0) > 0.01:
            notices.append(_misfit(timed, missed))
    return PerformedTrack(tuple(phrases), tuple(notices))


def _misfit(placed: PlacedLine, missed: float) -> str:
    """What to say of a line that takes `missed` times the length it was given."""
    line = f"The line at {placed.start_s:.2f} s takes {100 * missed:.0f} % of its {placed.length_s:.2f} s"
    if missed > 1.0:
        return f"{line} even at the fastest speech; give it more time or fewer words."
    return f"{line} even at the slowest speech; silence follows. Give it less time or more words to fill it."


def _events(track: Track, lyrics: SyllableTrack, tempo_map: TempoMap, expression: Expression) -> list[_Event]:
    onsets = [tempo_map.seconds_at(note.onset_ticks) for note in track.notes]
    offsets = [tempo_map.seconds_at(note.offset_ticks) for note in track.notes]
    if expression.has(Parameter.SUSTAIN):
        offsets = _held_by_pedal(onsets, offsets, expression)
    events = []
    for index, (note, lyric) in enumerate(zip(track.notes, lyrics.notes, strict=True)):
        limit_s = onsets[index + 1] if index + 1 < len(onsets) else np.inf
        end_s = min(max(offsets[index], onsets[index] + _SHORTEST_NOTE_S), limit_s)
        syllables = _accented(lyric.syllables) if note.is_accented else lyric.syllables
        events.append(_Event(index, note, lyric.kind, syllables, onsets[index], end_s))
    return events


def _accented(syllables: tuple[Syllable, ...]) -> tuple[Syllable, ...]:
    """What is sung on a note with an accent over it: the accent is on its first syllable."""
    return (replace(syllables[0], is_emphasised=True), *syllables[1:]) if syllables else ()


def _held_by_pedal(onsets: Sequence[float], offsets: Sequence[float], expression: Expression) -> list[float]:
    """A note ends no earlier than the pedal comes up, and no later than the next note."""
    held = []
    for index, offset_s in enumerate(offsets):
        limit_s = onsets[index + 1] if index + 1 < len(onsets) else offset_s + 10.0
        times_s = np.arange(offset_s, limit_s, 0.01)
        up = np.flatnonzero(expression.at(Parameter.SUSTAIN, times_s) < 0.5)
        held.append(float(times_s[up[0]]) if len(up) else max(limit_s if len(times_s) else offset_s, offset_s))
    return held


def _phrases(events: Sequence[_Event]) -> list[_Phrase]:
    phrases: list[_Phrase] = []
    current: list[_Event] = []
    sung_until_s = 0.0
    room_s, breath_from_s = 0.0, None

    def close() -> None:
        nonlocal current, breath_from_s
        if current:
            before_s = min(_TAIL_S, _TAIL_SHARE * room_s) if phrases else 0.0
            if phrases:
                phrases[-1] = replace(phrases[-1], tail_s=before_s)
            phrases.append(_Phrase(tuple(current), room_s, breath_from_s, lead_s=max(0.0, room_s - before_s)))
            current, breath_from_s = [], None

    for event in events:
        if event.kind in (NoteKind.REST, NoteKind.BREATH):
            close()
            breath_from_s = event.onset_s if event.kind is NoteKind.BREATH else None
            continue
        if current and event.onset_s - sung_until_s >= PHRASE_GAP_S:
            close()
        elif current and event.kind is NoteKind.SING and event.onset_s - current[0].onset_s > LONGEST_PHRASE_S:
            current[-1] = _shortened(current[-1], event.onset_s)
            sung_until_s = current[-1].offset_s
            close()
        if not current:
            if event.kind is NoteKind.HOLD:
                continue  # nothing to hold: the lyrics room gives HOLD only behind a sung note, so a rest has come between
            room_s = event.onset_s - sung_until_s
        current.append(event)
        sung_until_s = event.offset_s
    close()
    return phrases


def _shortened(event: _Event, next_onset_s: float) -> _Event:
    """The event, ending early enough for the consonants of a phrase that begins at `next_onset_s`."""
    gap_s = min(_CUT_GAP_S, 0.4 * (event.offset_s - event.onset_s))
    return replace(event, offset_s=min(event.offset_s, next_onset_s - gap_s))


def _sung_syllables(phrase: _Phrase, origin_s: float) -> list[SungSyllable]:
    """Syllables with their vowel times relative to `origin_s`; several on one note share it evenly."""
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


def _performed(phrase: _Phrase, expression: Expression, settings: PerformanceSettings) -> Performance:
    first, last = phrase.events[0], phrase.events[-1]
    earliest_s = max(
        0.0, first.onset_s - (_PAD_BEFORE_S if phrase.breath_from_s is None else _PAD_BEFORE_S + _LONGEST_BREATH_S)
    )
    start_frame = int(np.floor(earliest_s * FRAME_RATE_HZ))
    origin_s = start_frame / FRAME_RATE_HZ
    rng = _rng(phrase, start_frame, settings.seed)
    sung = _sung_syllables(phrase, origin_s)
    delay_s = sung[0].onset_s - (first.onset_s - origin_s)
    spans = lay_phones(
        sung, lead_limit_s=phrase.lead_s + delay_s, tail_limit_s=phrase.tail_s, bridge_s=_BRIDGE_S[settings.mode]
    )
    taken = _breath(phrase, origin_s, spans[0].start_s, settings)
    frames = int(np.ceil((max(spans[-1].end_s, last.offset_s - origin_s) + _PAD_AFTER_S) * FRAME_RATE_HZ))
    times_s = (np.arange(frames) + 0.5) / FRAME_RATE_HZ
    pitch = _phrase_pitch(phrase, sung, times_s, origin_s, expression, settings, rng)
    song_times_s = times_s + origin_s
    loud = [LoudNote(e.onset_s, e.offset_s, e.note.velocity, _accent(e, settings.mode)) for e in phrase.events]
    starts = _note_starts(phrase, sung, spans, origin_s, expression, settings)
    release_s = None if sung[-1].syllable.coda else spans[-1].end_s + origin_s
    energy = phrase_energy_db(loud, song_times_s, expression, settings.dynamics, rng, starts=starts, release_s=release_s)
    return Performance(
        start_frame=start_frame,
        phones=with_silences([*taken, *spans], frames / FRAME_RATE_HZ),
        f0_hz=hz_of(pitch),
        energy_db=energy.astype(np.float32),
        breathiness=phrase_breathiness(song_times_s, expression, settings.breathiness),
        tension=phrase_tension(song_times_s, expression, settings.tension),
        formant_semitones=phrase_formant_semitones(song_times_s, expression, settings.formant_semitones),
        colour=phrase_colour(song_times_s, expression, settings.colour),
        growl=phrase_growl(song_times_s, expression, settings.growl),
        natural_dynamics=settings.natural_dynamics_in(settings.mode),
        lyrics=tuple(LyricMark(item.onset_s, item.syllable.text) for item in sung),
        utterance=_utterance([item.syllable for item in sung]),
        seed=settings.seed,
    )


def _note_starts(
    phrase: _Phrase,
    sung: Sequence[SungSyllable],
    spans: Sequence[PhoneSpan],
    origin_s: float,
    expression: Expression,
    settings: PerformanceSettings,
) -> list[NoteStart]:
    """Where the syllables begin that are emphasised or attacked softly or hard, and held notes with an accent; song time.

    `spans` are the phones of `sung`, all of them in order.
    """
    starts = []
    place = 0
    for item in sung:
        lead = spans[place : place + len(item.syllable.onset)]
        place += len(item.syllable.phones)
        attack = attack_at(item.onset_s + origin_s, expression, settings.attack)
        if attack or item.syllable.is_emphasised:
            starts.append(
                NoteStart(
                    start_s=origin_s + (lead[0].start_s if lead else item.onset_s),
                    swell_s=origin_s + _swelling_from(lead, item.onset_s),
                    vowel_s=origin_s + item.onset_s,
                    end_s=origin_s + item.offset_s,
                    attack=attack,
                    is_emphasised=item.syllable.is_emphasised,
                )
            )
    held = (event for event in phrase.events if event.kind is NoteKind.HOLD and event.note.is_accented)
    starts += [NoteStart(e.onset_s, e.onset_s, e.onset_s, e.offset_s, is_emphasised=True) for e in held]
    return starts


def _swelling_from(lead: Sequence[PhoneSpan], vowel_s: float) -> float:
    """Start of the consonants right before a vowel that sound like a part of it."""
    for span in reversed(lead):
        if span.symbol not in _SWELLING:
            break
        vowel_s = span.start_s
    return vowel_s


def _phrase_pitch(
    phrase: _Phrase,
    sung: Sequence[SungSyllable],
    times_s: NDArray[np.float64],
    origin_s: float,
    expression: Expression,
    settings: PerformanceSettings,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """MIDI pitch per frame: sung, or spoken around the written notes for rap; an absolute F0 curve overrides both."""
    notes = [
        PitchedNote(e.onset_s - origin_s, e.offset_s - origin_s, e.note.pitch, e.note.vibrato, e.note.pitch_points)
        for e in phrase.events
    ]

    def bend_cents(at_s: NDArray[np.float64]) -> NDArray[np.float64]:
        return expression.at(Parameter.BEND_CENTS, at_s + origin_s)

    def modulation(at_s: NDArray[np.float64]) -> NDArray[np.float64]:
        return expression.at(Parameter.MODULATION, at_s + origin_s)

    pitch = sung_pitch(notes, times_s, settings, rng, bend_cents, modulation)
    if settings.mode is Mode.RAP:
        pitch = _rapped(notes, sung, pitch, times_s, origin_s, expression, settings, rng)
    written_hz = expression.at(Parameter.F0_HZ, times_s + origin_s)
    written = written_hz > 20.0
    return np.where(written, 69.0 + 12.0 * np.log2(np.where(written, written_hz, 440.0) / 440.0), pitch)


def _rapped(
    notes: Sequence[PitchedNote],
    sung: Sequence[SungSyllable],
    pitch: NDArray[np.float64],
    times_s: NDArray[np.float64],
    origin_s: float,
    expression: Expression,
    settings: PerformanceSettings,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Between a spoken contour at the speaker's register and the written pitch, by the strength at each instant."""
    written = expression.at(Parameter.PITCH_STRENGTH, times_s + origin_s)
    strength = np.where(np.isnan(written), settings.pitch_strength, np.clip(written, 0.0, 1.0))
    syllables = [
        SpokenSyllable(s.onset_s, s.offset_s, s.syllable.stress, s is sung[-1], s.syllable.is_emphasised) for s in sung
    ]
    contour = settings.intonation * spoken_contour(syllables, times_s, is_question=False, rng=rng)
    centre = float(np.median([note.pitch for note in notes]))
    spoken_centre = centre + 12.0 * round((settings.speaking_pitch - centre) / 12.0)
    if abs(spoken_centre - settings.speaking_pitch) > 4.0:
        spoken_centre = settings.speaking_pitch
    octave_shift = 12.0 * round((spoken_centre - centre) / 12.0)
    melody = np.where(strength >= 0.5, pitch, pitch + octave_shift)
    return strength * melody + (1.0 - strength) * (spoken_centre + contour)


def _accent(event: _Event, mode: Mode) -> float:
    if mode is Mode.SING:
        return 0.0
    return max((1.0 if s.stress == 1 else 0.4 if s.stress == 2 else 0.0 for s in event.syllables), default=0.0)


def _breath(phrase: _Phrase, origin_s: float, first_phone_s: float, settings: PerformanceSettings) -> list[PhoneSpan]:
    """A written breath over its note, or a catch breath in the last quarter second of a rest."""
    end_s = first_phone_s - 0.03
    if phrase.breath_from_s is not None:
        free_from_s = phrase.events[0].onset_s - phrase.lead_s
        start_s = max(0.0, phrase.breath_from_s - origin_s, free_from_s - origin_s, end_s - _LONGEST_BREATH_S)
    elif settings.breaths and phrase.room_s >= _BREATH_REST_S:
        start_s = phrase.events[0].onset_s - origin_s - _BREATH_WINDOW_S
    else:
        return []
    return [breath(start_s, end_s)] if end_s - start_s >= _SHORTEST_BREATH_S else []


def _as_line(phrase: _Phrase, language: str) -> PlacedLine:
    words = _words([syllable for event in phrase.events for syllable in event.syllables])
    line = SpokenLine(language, words, (0,) * len(words))
    first, last = phrase.events[0], phrase.events[-1]
    return PlacedLine(line, first.onset_s, last.offset_s - first.onset_s)


def _words(syllables: Sequence[Syllable]) -> tuple[tuple[Syllable, ...], ...]:
    words: list[list[Syllable]] = []
    for syllable in syllables:
        if syllable.is_word_start or not words:
            words.append([])
        words[-1].append(syllable)
    return tuple(tuple(word) for word in words)


def _utterance(syllables: Sequence[Syllable]) -> Utterance:
    """Sung words, of which nobody knows the punctuation but for the end."""
    words = _words([*_as_written(syllables)])
    return Utterance(words, (0,) * (len(words) - 1) + (2,))


def _as_written(syllables: Sequence[Syllable]) -> tuple[Syllable, ...]:
    return tuple(syllable.native or syllable for syllable in syllables)


def _spoken(timed: PlacedLine, settings: PerformanceSettings) -> tuple[Performance, float]:
    """A spoken line as a performance, and the factor by which its length was missed."""
    lead_s = min(0.1, timed.start_s)
    start_frame = int(np.floor((timed.start_s - lead_s) * FRAME_RATE_HZ))
    offset_s = timed.start_s - start_frame / FRAME_RATE_HZ
    spans, vowels, missed = spoken_phones(timed.line, speech_rate=settings.speech_rate, length_s=timed.length_s)
    spans = [replace(s, start_s=s.start_s + offset_s, end_s=s.end_s + offset_s) for s in spans]
    vowels = [replace(v, start_s=v.start_s + offset_s, end_s=v.end_s + offset_s) for v in vowels]
    frames = int(np.ceil((spans[-1].end_s + _PAD_AFTER_S) * FRAME_RATE_HZ))
    times_s = (np.arange(frames) + 0.5) / FRAME_RATE_HZ
    words = "|".join(syllable.text for word in timed.line.words for syllable in word)
    rng = _seeded(f"{settings.seed}:{start_frame}:{words}")
    contour = spoken_contour(vowels, times_s, is_question=timed.line.is_question, rng=rng)
    place = np.clip((times_s - vowels[0].start_s) / max(0.3, vowels[-1].end_s - vowels[0].start_s), 0.0, 1.0)
    syllables = [syllable for word in timed.line.words for syllable in word]
    performance = Performance(
        start_frame=start_frame,
        phones=with_silences(spans, frames / FRAME_RATE_HZ),
        f0_hz=hz_of(settings.speaking_pitch + settings.intonation * contour),
        energy_db=(1.5 - 4.0 * place + starts_db(_emphasised_starts(spans, vowels), times_s)).astype(np.float32),
        breathiness=np.full(frames, settings.breathiness, dtype=np.float32),
        tension=np.full(frames, settings.tension, dtype=np.float32),
        formant_semitones=np.full(frames, settings.formant_semitones, dtype=np.float32),
        colour=np.full(frames, settings.colour, dtype=np.float32),
        growl=np.full(frames, settings.growl, dtype=np.float32),
        natural_dynamics=settings.natural_dynamics_in(Mode.TALK),
        lyrics=tuple(LyricMark(v.start_s, s.text) for v, s in zip(vowels, syllables, strict=True)),
        utterance=Utterance(
            words=tuple(_as_written(word) for word in timed.line.words),
            pauses=timed.line.pauses,
            is_question=timed.line.is_question,
            speech_rate=settings.speech_rate,
            length_s=timed.length_s,
        ),
        seed=settings.seed,
    )
    return performance, missed


def _emphasised_starts(spans: Sequence[PhoneSpan], vowels: Sequence[SpokenSyllable]) -> list[NoteStart]:
    """The emphasised syllables of a spoken line, with times as in `spans`."""
    starts = []
    for index, vowel in enumerate(vowels):
        if vowel.is_emphasised:
            syllable = [span for span in spans if span.note_index == index]
            starts.append(NoteStart(syllable[0].start_s, vowel.start_s, vowel.start_s, syllable[-1].end_s, is_emphasised=True))
    return starts


def _rng(phrase: _Phrase, start_frame: int, seed: int) -> np.random.Generator:
    notes = [(e.note.pitch, e.note.velocity, round(e.onset_s - phrase.events[0].onset_s, 4)) for e in phrase.events]
    return _seeded(f"{seed}:{start_frame}:{notes}")


def _seeded(text: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8], "little"))
