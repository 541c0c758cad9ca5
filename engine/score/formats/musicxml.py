"""MusicXML 1.0 to 4.0 (.musicxml, .xml, .mxl) to `Score`: every voice with words becomes a track.

Repeats, endings and jumps are expanded. After a repeat the next verse is taken if verse 1 was requested and there is one.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from xml.etree.ElementTree import Element

from engine.errors import ScoreError
from engine.score.types import DEFAULT_US_PER_BEAT, Meter, Note, Score, TempoChange, TempoMap, Track

from .musicxml_file import parse_musicxml_file
from .musicxml_order import PlayedMeasure, play_order, read_marks
from .musicxml_part import MAX_QUARTERS, NEUTRAL_VELOCITY, Notices, PartReader, VoiceKey, WrittenMeasure, choose_ppq, whole
from .musicxml_voice import PlacedNote, sing_voice

MAX_NOTES = 200_000
DRUM_CHANNEL = "10"


@dataclass(frozen=True)
class _Part:
    name: str
    measures: list[WrittenMeasure]
    is_drums: bool

    def voices(self) -> list[VoiceKey]:
        return sorted({key for measure in self.measures for key in measure.notes}, key=_voice_order)

    def note_count(self, index: int) -> int:
        return sum(map(len, self.measures[index].notes.values())) if index < len(self.measures) else 0

    def verses(self, key: VoiceKey) -> set[int]:
        return {
            lyric.verse
            for measure in self.measures
            for note in measure.notes.get(key, ())
            for lyric in note.lyrics
            if lyric.text
        }


@dataclass(frozen=True)
class _Timeline:
    """The bars in playing order, each with its first tick."""

    ppq: int
    order: list[PlayedMeasure]
    starts: list[int]
    lengths: list[int]  # by bar in the file

    def placed(self) -> Iterable[tuple[PlayedMeasure, int]]:
        return zip(self.order, self.starts, strict=True)


def read_musicxml(data: bytes, *, title: str, verse: int = 1) -> Score:
    """Read a MusicXML file. `verse` counts from 1; a part without that verse uses the verses it has, with a notice."""
    notices = Notices()
    root = parse_musicxml_file(data)
    bars_of_parts = _bars_of_parts(root)
    ppq = choose_ppq(root, notices)
    parts = [_read_part(root, part_id, bars, ppq, notices) for part_id, bars in bars_of_parts.items()]
    timeline = _timeline(play_order(read_marks(list(bars_of_parts.values()))), parts, ppq)
    language = _language(root, verse)
    tracks = [track for part in parts for track in _tracks(part, timeline, verse, language, notices)]
    changes = _tempo_changes(parts, timeline)
    if not changes:
        notices.add("The score gives no tempo; 120 bpm is used.")
    return Score(title, ppq, tuple(tracks), TempoMap(ppq, tuple(changes)), tuple(_meters(parts, timeline)), tuple(notices))


def _bars_of_parts(root: Element) -> dict[str, list[Element]]:
    """Return the bars of each part id, for both ways of nesting."""
    parts: dict[str, list[Element]] = {}
    if root.tag == "score-partwise":
        for part in root.iterfind("part"):
            parts.setdefault(part.get("id", ""), []).extend(part.iterfind("measure"))
    elif root.tag == "score-timewise":
        ids = dict.fromkeys(part.get("id", "") for part in root.iterfind("measure/part"))
        for measure in root.iterfind("measure"):
            present = {part.get("id", ""): part for part in measure.iterfind("part")}
            for part_id in ids:
                parts.setdefault(part_id, []).append(present.get(part_id, Element("part")))
    else:
        raise ScoreError(f"The file is XML but not a MusicXML score (it starts with <{root.tag}>). Export it as MusicXML.")
    return parts


def _read_part(root: Element, part_id: str, bars: Sequence[Element], ppq: int, notices: Notices) -> _Part:
    listed = next((part for part in root.iterfind("part-list/score-part") if part.get("id") == part_id), None)
    name, is_drums = part_id, False
    drum_pitches: dict[str, int] = {}
    if listed is not None:
        name = " ".join((listed.findtext("part-name") or "").split()) or part_id
        drum_pitches = {
            instrument.get("id", ""): min(127, max(0, whole(instrument.findtext("midi-unpitched")) - 1))
            for instrument in listed.iterfind("midi-instrument")
            if instrument.find("midi-unpitched") is not None
        }
        channels = {(element.text or "").strip() for element in listed.iterfind("midi-instrument/midi-channel")}
        is_drums = channels == {DRUM_CHANNEL}
    reader = PartReader(ppq, drum_pitches, notices)
    return _Part(name, [reader.read(bar) for bar in bars], is_drums)


def _timeline(order: list[PlayedMeasure], parts: Sequence[_Part], ppq: int) -> _Timeline:
    bars = max((len(part.measures) for part in parts), default=0)
    lengths = [_bar_length([part.measures[i] for part in parts if i < len(part.measures)], ppq) for i in range(bars)]
    starts, tick = [], 0
    for played in order:
        starts.append(tick)
        tick += lengths[played.index]
    if tick > MAX_QUARTERS * ppq:
        raise ScoreError(f"With its repeats the score is longer than {MAX_QUARTERS} quarter notes.")
    if sum(part.note_count(played.index) for part in parts for played in order) > MAX_NOTES:
        raise ScoreError(f"With its repeats the score has more than {MAX_NOTES} notes.")
    return _Timeline(ppq, order, starts, lengths)


def _bar_length(measures: Sequence[WrittenMeasure], ppq: int) -> int:
    """Return the length of a bar's content, so that upbeats and bars split by a repeat keep it. An empty bar has the length of its meter."""
    return max(measure.length for measure in measures) or _full_bar(measures[0].meter, ppq)


def _full_bar(meter: tuple[int, int], ppq: int) -> int:
    return ppq * 4 * meter[0] // meter[1]


def _meters(parts: Sequence[_Part], timeline: _Timeline) -> list[Meter]:
    """Return the meters. A bar of another length than its meter gets the meter of its length, so that bar lines stay right."""
    meters: list[Meter] = []
    written = max((part.measures for part in parts), key=len, default=[])
    for played, start in timeline.placed():
        meter = _real_meter(written[played.index].meter, timeline.lengths[played.index], timeline.ppq)
        if not meters or (meters[-1].numerator, meters[-1].denominator) != meter:
            meters.append(Meter(start, *meter))
    return meters


def _real_meter(meter: tuple[int, int], length: int, ppq: int) -> tuple[int, int]:
    beats = Fraction(length, 4 * ppq)
    for denominator in (meter[1], 8, 16, 32, 64):
        numerator = beats * denominator
        if denominator >= meter[1] and numerator.denominator == 1 and numerator <= 255:
            return int(numerator), denominator
    return meter


def _tempo_changes(parts: Sequence[_Part], timeline: _Timeline) -> list[TempoChange]:
    written = [_tempos_of_bar(parts, i) for i in range(len(timeline.lengths))]
    at_start = _tempos_at_bar_start(written)
    changes: dict[int, float] = {}
    for played, start in timeline.placed():
        if played.after_jump and changes:
            changes[start] = at_start[played.index]
        changes.update({start + tick: us_per_beat for tick, us_per_beat in sorted(written[played.index].items())})
    return _without_repetition(TempoChange(tick, changes[tick]) for tick in sorted(changes))


def _tempos_of_bar(parts: Sequence[_Part], index: int) -> dict[int, float]:
    """Return the tempos of all parts; at the same tick the first part's."""
    tempos: dict[int, float] = {}
    for part in parts:
        if index < len(part.measures):
            tempos = part.measures[index].tempos | tempos
    return tempos


def _tempos_at_bar_start(written: Sequence[dict[int, float]]) -> list[float]:
    """Return the tempo at the start of each bar in the order of the file."""
    result: list[float] = []
    current: float = DEFAULT_US_PER_BEAT
    for tempos in written:
        result.append(current)
        current = tempos[max(tempos)] if tempos else current
    return result


def _without_repetition(changes: Iterable[TempoChange]) -> list[TempoChange]:
    result: list[TempoChange] = []
    for change in changes:
        if not result or result[-1].us_per_beat != change.us_per_beat:
            result.append(change)
    return result


def _tracks(part: _Part, timeline: _Timeline, verse: int, language: str | None, notices: Notices) -> list[Track]:
    """Return one track per voice with lyrics, and one for the notes of all other voices of the part."""
    tracks: list[Track] = []
    wordless: list[Note] = []
    drums_only = True
    names: set[str] = set()
    for key in part.voices():
        placed = _place(part, key, timeline, verse, notices)
        sounding = [item for item in placed if item.written.pitch is not None]
        if not sounding:
            continue
        notes = _with_dynamics(sing_voice(placed, timeline.ppq), part, key[0], timeline)
        if part.verses(key):
            tracks.append(Track(_track_name(part.name, key, names), _in_order(notes), language=language))
        else:
            wordless += notes
            drums_only &= all(item.written.is_unpitched for item in sounding)
    if wordless:
        name = f"{part.name} other voices" if tracks else part.name
        tracks.append(Track(name, _in_order(wordless), is_drums=part.is_drums or drums_only))
    return tracks


def _track_name(part_name: str, key: VoiceKey, taken: set[str]) -> str:
    staff, voice = key
    candidates = (part_name, f"{part_name} voice {voice}", f"{part_name} staff {staff} voice {voice}")
    name = next((candidate for candidate in candidates if candidate not in taken), candidates[-1])
    taken.add(name)
    return name


def _in_order(notes: Iterable[Note]) -> tuple[Note, ...]:
    return tuple(sorted(notes, key=lambda note: (note.onset_ticks, note.pitch)))


def _voice_order(key: VoiceKey) -> tuple[int, int, str]:
    return key[0], whole(key[1]), key[1]


def _place(part: _Part, key: VoiceKey, timeline: _Timeline, verse: int, notices: Notices) -> list[PlacedNote]:
    """Return the notes of a voice at their times, in order, each with its verse."""
    verses = part.verses(key)
    if verses and verse not in verses:
        notices.add(f"{part.name} has no verse {verse}; it sings verse {min(verses)}.")
    placed = []
    for played, start in timeline.placed():
        if played.index >= len(part.measures):
            continue
        wanted = _verse_of_pass(verse, played.pass_number, verses)
        for note in sorted(part.measures[played.index].notes.get(key, ()), key=lambda note: note.tick):
            placed.append(PlacedNote(start + note.tick, note, wanted, note.duration))
    return placed


def _verse_of_pass(verse: int, pass_number: int, verses: set[int]) -> int:
    wanted = pass_number if verse == 1 and pass_number in verses else verse
    return wanted if wanted in verses else min(verses, default=wanted)


def _with_dynamics(notes: Sequence[Note], part: _Part, staff: int, timeline: _Timeline) -> list[Note]:
    marks = sorted(
        (start + mark.tick, mark.velocity)
        for played, start in timeline.placed()
        if played.index < len(part.measures)
        for mark in part.measures[played.index].dynamics
        if mark.staff == staff
    )
    ticks = [tick for tick, _ in marks]
    velocities = [NEUTRAL_VELOCITY, *(velocity for _, velocity in marks)]
    return [replace(note, velocity=velocities[bisect.bisect_right(ticks, note.onset_ticks)]) for note in notes]


def _language(root: Element, verse: int) -> str | None:
    """Return the language that the file gives for the lyrics of this verse, or for all; else that of the first lyric with one."""
    for element in (*root.iterfind("defaults/lyric-language"), *root.iter("lyric")):
        tag = element.get("xml:lang", "")
        if tag and element.get("number", str(verse)) == str(verse):
            return tag[:16].strip().lower() or None
    return None
