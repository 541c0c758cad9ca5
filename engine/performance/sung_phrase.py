"""Performance of one sung or rapped phrase: phones, pitch, loudness and timbre on the frame grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.lyrics.types import NoteKind
from engine.parameters import LONGEST_PORTAMENTO_S, Parameter
from engine.units import hz_to_midi

from .curves import ExpressionCurves, Frames
from .dynamics import LoudNote, NoteStart, attack_at, phrase_energy_db
from .phrases import Phrase, SungNote, sung_syllables
from .pitch import PitchedNote, hz_of, sung_pitch
from .settings import Mode, PerformanceSettings
from .speech import SpokenSyllable, spoken_contour, stress_accent
from .timbre import sung_timbre
from .timing import PAD_AFTER_S, SungSyllable, breath, lay_phones, with_silences
from .types import FRAME_RATE_HZ, LyricMark, Performance, PhoneSpan
from .utterances import seeded_rng, sung_utterance

_PAD_BEFORE_S = 0.28
_BRIDGE_S = {Mode.SING: 0.06, Mode.RAP: 0.10, Mode.TALK: 0.06}
_BREATH_WINDOW_S, _SHORTEST_BREATH_S, _LONGEST_BREATH_S = 0.24, 0.07, 0.6
_BREATH_REST_S = 0.5  # shortest rest with a catch breath
_SWELLING = frozenset("L R W Y M N NG".split())  # consonants that a soft attack swells with, as part of the vowel


def perform_phrase(phrase: Phrase, expression: ExpressionCurves, settings: PerformanceSettings) -> Performance:
    """Perform one sung or rapped phrase."""
    first, last = phrase.events[0], phrase.events[-1]
    earliest_s = max(
        0.0, first.onset_s - (_PAD_BEFORE_S if phrase.breath_from_s is None else _PAD_BEFORE_S + _LONGEST_BREATH_S)
    )
    start_frame = int(np.floor(earliest_s * FRAME_RATE_HZ))
    origin_s = start_frame / FRAME_RATE_HZ
    rng = _phrase_rng(phrase, start_frame, settings.seed)
    sung = sung_syllables(phrase, origin_s)
    delay_s = sung[0].onset_s - (first.onset_s - origin_s)
    spans = lay_phones(
        sung, lead_limit_s=phrase.lead_s + delay_s, tail_limit_s=phrase.tail_s, bridge_s=_BRIDGE_S[settings.mode]
    )
    taken = _breath_before(phrase, origin_s, spans[0].start_s, settings)
    frames = int(np.ceil((max(spans[-1].end_s, last.offset_s - origin_s) + PAD_AFTER_S) * FRAME_RATE_HZ))
    times_s = (np.arange(frames) + 0.5) / FRAME_RATE_HZ
    pitch = _phrase_pitch(phrase, sung, times_s, origin_s, expression, settings, rng)
    song_times_s = times_s + origin_s
    loud = [LoudNote(e.onset_s, e.offset_s, e.note.velocity, _stress_of(e, settings.mode)) for e in phrase.events]
    starts = _note_starts(phrase, sung, spans, origin_s, expression, settings)
    release_s = None if sung[-1].syllable.coda else spans[-1].end_s + origin_s
    energy = phrase_energy_db(loud, song_times_s, expression, settings.dynamics, rng, starts=starts, release_s=release_s)
    return Performance(
        start_frame=start_frame,
        phones=with_silences([*taken, *spans], frames / FRAME_RATE_HZ),
        f0_hz=hz_of(pitch),
        energy_db=energy.astype(np.float32),
        lyrics=tuple(LyricMark(item.onset_s, item.syllable.text) for item in sung),
        utterance=sung_utterance([item.syllable for item in sung]),
        seed=settings.seed,
        **sung_timbre(song_times_s, expression, settings),
        **settings.constant_controls(settings.mode),
    )


def _note_starts(
    phrase: Phrase,
    sung: Sequence[SungSyllable],
    spans: Sequence[PhoneSpan],
    origin_s: float,
    expression: ExpressionCurves,
    settings: PerformanceSettings,
) -> list[NoteStart]:
    """Return the starts (song time) of syllables that are emphasised or have an attack, and of held notes with an accent.

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
                    swell_s=origin_s + _swell_start_s(lead, item.onset_s),
                    vowel_s=origin_s + item.onset_s,
                    end_s=origin_s + item.offset_s,
                    attack=attack,
                    is_emphasised=item.syllable.is_emphasised,
                )
            )
    held = (event for event in phrase.events if event.kind is NoteKind.HOLD and event.note.is_accented)
    starts += [NoteStart(e.onset_s, e.onset_s, e.onset_s, e.offset_s, is_emphasised=True) for e in held]
    return starts


def _swell_start_s(lead: Sequence[PhoneSpan], vowel_s: float) -> float:
    """Return the start of the voiced consonants right before a vowel, which swell with it."""
    for span in reversed(lead):
        if span.symbol not in _SWELLING:
            break
        vowel_s = span.start_s
    return vowel_s


def _phrase_pitch(
    phrase: Phrase,
    sung: Sequence[SungSyllable],
    times_s: Frames,
    origin_s: float,
    expression: ExpressionCurves,
    settings: PerformanceSettings,
    rng: np.random.Generator,
) -> Frames:
    """Return the MIDI pitch per frame [T]: sung, or for rap spoken around the notes; an absolute F0 curve overrides both."""
    notes = [
        PitchedNote(
            e.onset_s - origin_s,
            e.offset_s - origin_s,
            e.note.pitch,
            e.note.vibrato,
            e.note.pitch_points,
            _written_portamento_s(expression, e.onset_s),
        )
        for e in phrase.events
    ]

    def bend_cents(at_s: Frames) -> Frames:
        return expression.at(Parameter.BEND_CENTS, at_s + origin_s)

    def modulation(at_s: Frames) -> Frames:
        return expression.at(Parameter.MODULATION, at_s + origin_s)

    pitch = sung_pitch(notes, times_s, settings, rng, bend_cents, modulation)
    if settings.mode is Mode.RAP:
        pitch = _rap_pitch(notes, sung, pitch, times_s, origin_s, expression, settings, rng)
    written_hz = expression.at(Parameter.F0_HZ, times_s + origin_s)
    written = written_hz > 20.0
    return np.where(written, hz_to_midi(np.where(written, written_hz, 440.0)), pitch)


def _written_portamento_s(expression: ExpressionCurves, onset_s: float) -> float | None:
    """Return the length of the glide to a note, None if the score gives none."""
    at = np.array([onset_s])
    if expression.at(Parameter.PORTAMENTO, at)[0] < 0.5:
        return 0.0
    written = float(expression.at(Parameter.PORTAMENTO_S, at)[0])
    return None if np.isnan(written) else min(max(written, 0.0), LONGEST_PORTAMENTO_S)


def _rap_pitch(
    notes: Sequence[PitchedNote],
    sung: Sequence[SungSyllable],
    pitch: Frames,
    times_s: Frames,
    origin_s: float,
    expression: ExpressionCurves,
    settings: PerformanceSettings,
    rng: np.random.Generator,
) -> Frames:
    """Blend a spoken contour at the speaker's register and the sung `pitch` by the pitch strength of each frame [T]."""
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


def _stress_of(event: SungNote, mode: Mode) -> float:
    if mode is Mode.SING:
        return 0.0
    return max((stress_accent(s.stress) for s in event.syllables), default=0.0)


def _breath_before(phrase: Phrase, origin_s: float, first_phone_s: float, settings: PerformanceSettings) -> list[PhoneSpan]:
    """Return a written breath over its note, or a catch breath in the last quarter second of a rest; [] if there is no time."""
    end_s = first_phone_s - 0.03
    if phrase.breath_from_s is not None:
        free_from_s = phrase.events[0].onset_s - phrase.lead_s
        start_s = max(0.0, phrase.breath_from_s - origin_s, free_from_s - origin_s, end_s - _LONGEST_BREATH_S)
    elif settings.breaths and phrase.room_s >= _BREATH_REST_S:
        start_s = phrase.events[0].onset_s - origin_s - _BREATH_WINDOW_S
    else:
        return []
    return [breath(start_s, end_s)] if end_s - start_s >= _SHORTEST_BREATH_S else []


def _phrase_rng(phrase: Phrase, start_frame: int, seed: int) -> np.random.Generator:
    notes = [(e.note.pitch, e.note.velocity, round(e.onset_s - phrase.events[0].onset_s, 4)) for e in phrase.events]
    return seeded_rng(f"{seed}:{start_frame}:{notes}")
