"""DiffSinger scripts (.ds): JSON segments of notes, phonemes and an F0 curve, in seconds.

The grid of 0.1 ms moves no time of a usual script by more than 0.05 ms.
"""

from __future__ import annotations

import json
import math
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from engine.errors import ScoreError
from engine.score.types import BREATH_MARKS, HOLD, Curve, Note, Parameter, Score, TempoMap, Track

from .ds_phonemes import SILENCES, group_syllables, is_consonant, is_pinyin_text, spell
from .utau_marks import from_utau

Segment: TypeAlias = Mapping[str, Any]

DS_PPQ = 5000  # at 120 bpm: 10 000 ticks per second
TICKS_PER_SECOND = 2 * DS_PPQ
MAX_SECONDS = 24 * 3600.0
F0_STEP_S = 0.005
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
STEP_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
SPACE_IN_TOKEN = "\u203f"  # stands for the blanks inside one lyric, since blanks separate tokens

_NOTE_NAME = re.compile(r"([A-Ga-g])([#♯b♭]*)(-?\d{1,2})([+-]\d{1,3}(?:\.\d+)?)?")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\s\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")


@dataclass(frozen=True, slots=True)
class _Slot:
    """A note or rest of a segment."""

    onset: int
    duration: int
    pitch: float | None
    is_slur: bool


def read_ds(data: bytes, *, title: str) -> Score:
    """Read a script of one segment, or of several with `offset`. Without matching words, notes carry their phonemes as hints."""
    segments = _load(data)
    notices: dict[str, None] = {}
    notes: list[Note] = []
    f0: dict[int, float] = {}
    energy: dict[int, float] = {}
    languages: dict[str, None] = {}
    for segment in segments:
        start = _seconds(segment.get("offset"), "offset")
        notes += _segment_notes(segment, start, languages)
        f0.update(_samples(segment, "f0_seq", "f0_timestep", start, notices))
        energy.update(_samples(segment, "energy", "energy_timestep", start, notices))
        if "breathiness" in segment or "tension" in segment:
            notices[
                "The breathiness and tension curves of the script were left out: their zero differs from voice to voice."
            ] = None
    curves = [_curve(Parameter.F0_HZ, f0)] if f0 else []
    if energy:
        normal = statistics.median(energy.values())
        curves.append(_curve(Parameter.DYNAMICS_DB, {tick: round(value - normal, 6) for tick, value in energy.items()}))
    in_order = tuple(sorted(notes, key=lambda note: (note.onset_ticks, note.pitch)))
    track = Track(title, in_order, tuple(curves), language=next(iter(languages), None))
    return Score(title, DS_PPQ, (track,), TempoMap(DS_PPQ), notices=tuple(notices))


def _load(data: bytes) -> list[Segment]:
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ScoreError(f"The .ds file is not readable JSON ({error}). Export it again.") from error
    segments = content if isinstance(content, list) else [content]
    if not segments or not all(isinstance(segment, dict) for segment in segments):
        raise ScoreError("The .ds file holds no DiffSinger segments: valid is one JSON object or a list of them.")
    return segments


def _seconds(value: object, name: str) -> float:
    try:
        seconds = float(value or 0.0)  # type: ignore[arg-type]  # anything else is refused below
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if not -1.0 <= seconds <= MAX_SECONDS:
        raise ScoreError(f"{name} is {str(value)[:40]!r} in the .ds file; valid are seconds from 0 to {MAX_SECONDS:g}.")
    return max(0.0, seconds)


def _tokens(segment: Segment, key: str) -> list[str]:
    """Return a field as a list; the script has text with blanks or a JSON list."""
    value = segment.get(key)
    return [str(item) for item in value] if isinstance(value, list) else str(value or "").split()


def _segment_notes(segment: Segment, start: float, languages: dict[str, None]) -> list[Note]:
    segment = _by_note(segment)
    slots = _slots(segment, start)
    lyrics = _lyrics(segment, slots, languages)
    notes = []
    for i, (slot, lyric) in enumerate(zip(slots, lyrics, strict=True)):
        pitch = slot.pitch
        if pitch is None and lyric in BREATH_MARKS:  # a breath belongs to the note it leads to
            pitch = next((later.pitch for later in slots[i:] if later.pitch is not None), None)
        if pitch is not None:
            notes.append(Note(slot.onset, slot.duration, pitch, lyric=lyric))
    return notes


def _by_note(segment: Segment) -> Segment:
    """Convert a script with a note for every phoneme (an older kind) to one note per syllable."""
    phonemes, names, durations, slurs = (_tokens(segment, key) for key in ("ph_seq", "note_seq", "note_dur_seq", "is_slur_seq"))
    if "note_dur" in segment or not phonemes or not len(phonemes) == len(names) == len(durations):
        return segment
    slurs += ["0"] * (len(phonemes) - len(slurs))
    last = len(phonemes) - 1
    heads = [i for i in range(len(phonemes)) if i == last or slurs[i] == "1" or not is_consonant(phonemes[i])]
    return {
        **{key: value for key, value in segment.items() if key not in ("ph_num", "note_dur_seq", "is_slur_seq")},
        "ph_seq": [phoneme for phoneme, slur in zip(phonemes, slurs, strict=False) if slur != "1"],
        "note_seq": [names[i] for i in heads],
        "note_dur": [durations[i] for i in heads],
        "note_slur": [slurs[i] for i in heads],
    }


def _slots(segment: Segment, start: float) -> list[_Slot]:
    names, durations, slurs = (_tokens(segment, key) for key in ("note_seq", "note_dur", "note_slur"))
    if not names or len(names) != len(durations):
        raise ScoreError(
            f"A .ds segment needs note_seq and note_dur of the same length; it has {len(names)} and {len(durations)} entries."
        )
    slots = []
    time = start
    for i, (name, duration) in enumerate(zip(names, durations, strict=True)):
        onset = round(time * TICKS_PER_SECOND)
        time = _seconds(time + _seconds(duration, "note_dur"), "the end of a note")
        length = round(time * TICKS_PER_SECOND) - onset
        if length > 0:
            slots.append(_Slot(onset, length, note_pitch(name), i < len(slurs) and slurs[i] == "1"))
    return slots


def note_pitch(name: str) -> float | None:
    """Return the MIDI note number of "C#4" or "A4+25" (cents); None for a rest."""
    if name in SILENCES:
        return None
    match = _NOTE_NAME.fullmatch(name)
    if not match:
        raise ScoreError(f"{name[:40]!r} is not a note name in the .ds file; valid is for example C4, F#3, Bb4, A4+25 or rest.")
    step, accidentals, octave, cents = match.groups()
    shift = sum(1 if sign in "#♯" else -1 for sign in accidentals)
    pitch = 12 * (int(octave) + 1) + STEPS[step.upper()] + shift + float(cents or 0) / 100
    if not 0 <= pitch <= 127:
        raise ScoreError(f"The note {name} of the .ds file is outside the MIDI range C-1 to G9.")
    return pitch


def _lyrics(segment: Segment, slots: Sequence[_Slot], languages: dict[str, None]) -> list[str | None]:
    """Return one lyric per slot: holds for slurs, then words if they match one to one, else phonemes."""
    heads = [i for i, slot in enumerate(slots) if not (slot.is_slur and slot.pitch is not None)]
    lyrics: list[str | None] = [HOLD] * len(slots)
    sung = [slots[i] for i in heads]
    words = _words(segment, sung)
    texts = _spell(segment, sung, words, languages) or words or _phoneme_hints(segment, sung)
    for i, text in zip(heads, texts or [None] * len(heads), strict=True):
        lyrics[i] = text
    return lyrics


def _spell(
    segment: Segment, heads: Sequence[_Slot], words: Sequence[str | None] | None, languages: dict[str, None]
) -> Sequence[str | None] | None:
    """Return pinyin or romaji for the heads if the text is in it, or does not match. Its language is added to `languages`."""
    given = [word for word in words or () if word and word not in SILENCES]
    phonemes = _tokens(segment, "ph_seq")
    if not phonemes and words and is_pinyin_text(given):
        languages["zh"] = None
        return words
    hints = _phoneme_hints(segment, heads)
    groups = [hint[1:-1].split() for hint in hints if hint and hint.startswith("[")] if hints else group_syllables(phonemes)
    spelled = spell(groups)
    if spelled is None or len(spelled[0]) != sum(head.pitch is not None for head in heads):
        return None
    texts, language = spelled
    if words and [word.rstrip("12345").lower().replace("ü", "v") for word in given] != texts:
        return None
    languages[language] = None
    if words:
        return words
    following = iter(texts)
    return [
        (hint if hint in BREATH_MARKS else None) if head.pitch is None else next(following)
        for head, hint in zip(heads, hints or [None] * len(heads), strict=True)
    ]


def _words(segment: Segment, heads: Sequence[_Slot]) -> list[str | None] | None:
    """Return words for the heads from `text`, which names either all slots or only those with words."""
    text = " ".join(_tokens(segment, "text"))
    for tokens in (text.split(), _CJK.findall(text)):
        if len(tokens) == len(heads) and all((t in SILENCES) == (h.pitch is None) for t, h in zip(tokens, heads, strict=True)):
            return [_lyric(token) for token in tokens]
        sung = iter([token for token in tokens if token not in SILENCES])
        if sum(token not in SILENCES for token in tokens) == sum(head.pitch is not None for head in heads):
            return [None if head.pitch is None else _lyric(next(sung)) for head in heads]
    return None


def _lyric(token: str) -> str | None:
    return token if token in BREATH_MARKS else from_utau(token.replace(SPACE_IN_TOKEN, " "))


def _phoneme_hints(segment: Segment, heads: Sequence[_Slot]) -> list[str | None] | None:
    """Return the phonemes of the heads. A group in `ph_num` starts with the vowel of its note and ends with the next onset."""
    phonemes = _tokens(segment, "ph_seq")
    counts = [
        int(count) if count.isascii() and count.isdigit() and len(count) < 6 else 0 for count in _tokens(segment, "ph_num")
    ]
    if len(counts) != len(heads) or sum(counts) != len(phonemes) or 0 in counts:
        return None
    hints: list[str | None] = []
    onset: list[str] = []
    place = 0
    for i, (count, head) in enumerate(zip(counts, heads, strict=True)):
        group = phonemes[place : place + count]
        place += count
        is_last = i + 1 == len(counts)
        nucleus, following = (group, []) if is_last else (group[:1], group[1:])
        if head.pitch is None:
            hints.append(nucleus[0] if nucleus[0] in BREATH_MARKS else None)
        else:
            hints.append(f"[{' '.join(onset + nucleus)}]")
        onset = [phoneme for phoneme in following if phoneme not in SILENCES]
    return hints


def _samples(segment: Segment, key: str, step_key: str, start: float, notices: dict[str, None]) -> dict[int, float]:
    values = _tokens(segment, key)
    step = _seconds(segment.get(step_key), step_key) if values else 0.0
    if not values:
        return {}
    if step <= 0:
        notices[f"{key} was left out because {step_key} is missing."] = None
        return {}
    _seconds(start + len(values) * step, f"the end of {key}")
    points = {round((start + i * step) * TICKS_PER_SECOND): _finite(value) for i, value in enumerate(values)}
    if key == "f0_seq":  # no value behind the segment
        points[round((start + len(values) * step) * TICKS_PER_SECOND)] = 0.0
    return points


def _finite(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ScoreError(f"{text[:40]!r} in a curve of the .ds file is not a number.")
    return value


def _curve(parameter: Parameter, points: Mapping[int, float]) -> Curve:
    ticks = tuple(sorted(points))
    return Curve(parameter, ticks, tuple(points[tick] for tick in ticks))


def note_name(pitch: float | None) -> str:
    """Return "A4", with cents if the pitch is between two keys ("A4-50"); "rest" for None."""
    if pitch is None:
        return "rest"
    key = round(pitch)
    cents = round((pitch - key) * 100, 3)
    return f"{STEP_NAMES[key % 12]}{key // 12 - 1}" + (f"{cents:+g}" if cents else "")
