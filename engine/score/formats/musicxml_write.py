"""`Score` to MusicXML 4.0: each track is a part, bar by bar, notes over bar lines tied, words with their syllabics."""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from engine.errors import ScoreError
from engine.score.lanes import split_lanes
from engine.score.types import BREATH_MARKS, HOLD, REST_MARKS, Meter, Note, Score, TempoChange, Track

DOCTYPE = (
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">'
)
STEP_NAMES = (
    ("C", 0),
    ("C", 1),
    ("D", 0),
    ("D", 1),
    ("E", 0),
    ("F", 0),
    ("F", 1),
    ("G", 0),
    ("G", 1),
    ("A", 0),
    ("A", 1),
    ("B", 0),
)
MAX_BARS = 100_000
FORTE_VELOCITY = 90
_TYPES = (
    ("breve", 8),
    ("whole", 4),
    ("half", 2),
    ("quarter", 1),
    ("eighth", 1 / 2),
    ("16th", 1 / 4),
    ("32nd", 1 / 8),
    ("64th", 1 / 16),
)
_DOTS = ((0, 1.0), (1, 1.5), (2, 1.75))
_DRUM_CHANNEL = 10
_HINT = re.compile(r"(?P<word>[^\[\]]*)\[(?P<phones>[^\[\]]*)\](?P<dash>-?)")
# Characters that XML 1.0 cannot hold, even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class _Bar:
    """A bar from `start` to `end`. `meter` is set if it is written there."""

    start: int
    end: int
    meter: Meter | None


@dataclass(frozen=True)
class _Word:
    """Lyric under a note: a text with its syllabic, or the start or end of an extender line."""

    text: str | None = None
    syllabic: str = "single"
    extend: str | None = None
    is_accented: bool = False


def write_musicxml(score: Score) -> bytes:
    """Return the score as MusicXML. Chords become a part for each of their lines. Divisions are the score's ticks, without rounding."""
    lanes = [lane for track in score.tracks if track.notes for lane in split_lanes(track, ppq=score.ppq)[0]]
    if not lanes:
        raise ScoreError("The score has no notes to write.")
    bars = _bars(score)
    root = Element("score-partwise", version="4.0")
    SubElement(SubElement(root, "work"), "work-title").text = _xml(score.title)
    SubElement(SubElement(SubElement(root, "identification"), "encoding"), "software").text = "Vocalese"
    languages = {lane.language for lane in lanes if lane.has_lyrics}
    if len(languages) == 1 and (language := languages.pop()):
        SubElement(SubElement(root, "defaults"), "lyric-language", {"xml:lang": language})
    listed = SubElement(root, "part-list")
    for number, lane in enumerate(lanes, 1):
        _list_part(listed, f"P{number}", lane, number)
    for number, lane in enumerate(lanes, 1):
        part = SubElement(root, "part", id=f"P{number}")
        changes = score.tempo_map.changes if number == 1 else ()
        _write_part(part, lane, bars, score.ppq, changes)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{DOCTYPE}\n{text}\n'.encode()


def _xml(text: str) -> str:
    return _NOT_XML.sub("", text)


def _bars(score: Score) -> list[_Bar]:
    """Return bars to the end of the last note. A meter that starts within a bar ends that bar early."""
    meters = {meter.tick: meter for meter in score.meters}
    if 0 not in meters:
        meters[0] = Meter(0, 4, 4)
    ticks = sorted(meters)
    end = max(score.end_ticks, 1)
    bars: list[_Bar] = []
    at = 0
    while at < end:
        meter = meters[ticks[bisect.bisect_right(ticks, at) - 1]]
        until = at + max(1, score.ppq * 4 * meter.numerator // meter.denominator)
        following = bisect.bisect_right(ticks, at)
        if following < len(ticks):
            until = min(until, ticks[following])
        bars.append(_Bar(at, until, meter if meter.tick == at else None))
        at = until
        if len(bars) > MAX_BARS:
            raise ScoreError(f"The score has more than {MAX_BARS} bars; MusicXML is for music that is read.")
    return bars


def _list_part(listed: Element, part_id: str, lane: Track, number: int) -> None:
    entry = SubElement(listed, "score-part", id=part_id)
    SubElement(entry, "part-name").text = _xml(lane.name) or f"Part {number}"
    instrument = f"{part_id}-I1"
    SubElement(SubElement(entry, "score-instrument", id=instrument), "instrument-name").text = (
        "Drums" if lane.is_drums else "Voice"
    )
    midi = SubElement(entry, "midi-instrument", id=instrument)
    melodic = [channel for channel in range(1, 17) if channel != _DRUM_CHANNEL]
    SubElement(midi, "midi-channel").text = str(_DRUM_CHANNEL if lane.is_drums else melodic[(number - 1) % len(melodic)])


def _write_part(part: Element, lane: Track, bars: Sequence[_Bar], ppq: int, changes: Sequence[TempoChange]) -> None:
    words = dict(zip([note.onset_ticks for note in lane.notes], _words(lane.notes), strict=True))
    pieces = list(_pieces(lane.notes, bars, ppq))
    place = 0
    tempos = list(changes)
    for number, bar in enumerate(bars, 1):
        measure = SubElement(part, "measure", number=str(number))
        if number == 1 or bar.meter:
            _write_attributes(measure, bar, ppq, is_first=number == 1)
        at = bar.start
        while at < bar.end:
            while tempos and tempos[0].tick <= at:
                _write_tempo(measure, tempos.pop(0).bpm)
            inner = next((change.tick for change in tempos if change.tick < bar.end), bar.end)
            if place < len(pieces) and pieces[place].start < bar.end:
                piece = pieces[place]
                if piece.start > at:
                    at = _write_rests(measure, at, min(piece.start, inner), bar, ppq)
                    continue
                while tempos and tempos[0].tick < piece.end and tempos[0].tick < bar.end:
                    change = tempos.pop(0)
                    _write_tempo(measure, change.bpm, offset=change.tick - at)
                _write_note(measure, piece, words[piece.note.onset_ticks], ppq)
                at, place = piece.end, place + 1
            else:
                at = _write_rests(measure, at, inner, bar, ppq)


@dataclass(frozen=True)
class _Piece:
    """The part of a note that lies in one bar and has a notehead of its own."""

    note: Note
    start: int
    end: int
    is_first: bool
    is_last: bool


def _pieces(notes: Sequence[Note], bars: Sequence[_Bar], ppq: int) -> Iterator[_Piece]:
    ends = [bar.end for bar in bars]
    for note in notes:
        if note.lyric in REST_MARKS or note.lyric in BREATH_MARKS:
            continue
        spans: list[tuple[int, int]] = []
        at = note.onset_ticks
        while at < note.offset_ticks:
            until = min(note.offset_ticks, ends[bisect.bisect_right(ends, at)])
            spans += _noteheads(at, until, ppq)
            at = until
        for number, (start, end) in enumerate(spans):
            yield _Piece(note, start, end, number == 0, number == len(spans) - 1)


def _noteheads(start: int, end: int, ppq: int) -> Iterable[tuple[int, int]]:
    """Return a span as one notehead if one has its length, else as several, the longest first, else as it is."""
    if _written_type(end - start, ppq) or (end - start) * 16 % ppq:
        return [(start, end)]
    spans, at = [], start
    while at < end:
        length = next(
            round(quarters * dots * ppq)
            for _, quarters in _TYPES
            for _, dots in reversed(_DOTS[:2])
            if quarters * dots * ppq <= end - at and quarters * dots * ppq == round(quarters * dots * ppq)
        )
        spans.append((at, at + length))
        at += length
    return spans


def _written_type(ticks: int, ppq: int) -> tuple[str, int, bool] | None:
    """Return the note type, its dots, and True for a triplet."""
    for is_triplet in (False, True):
        quarters = ticks / ppq * (1.5 if is_triplet else 1.0)
        for name, length in _TYPES:
            for dots, factor in _DOTS[: 1 if is_triplet else 3]:
                if math.isclose(quarters, length * factor, rel_tol=1e-9):
                    return name, dots, is_triplet
    return None


def _write_attributes(measure: Element, bar: _Bar, ppq: int, *, is_first: bool) -> None:
    attributes = SubElement(measure, "attributes")
    if is_first:
        SubElement(attributes, "divisions").text = str(ppq)
        SubElement(SubElement(attributes, "key"), "fifths").text = "0"
    if bar.meter:
        time = SubElement(attributes, "time")
        SubElement(time, "beats").text = str(bar.meter.numerator)
        SubElement(time, "beat-type").text = str(bar.meter.denominator)
    if is_first:
        clef = SubElement(attributes, "clef")
        SubElement(clef, "sign").text = "G"
        SubElement(clef, "line").text = "2"


def _write_tempo(measure: Element, bpm: float, offset: int = 0) -> None:
    direction = SubElement(measure, "direction", placement="above")
    metronome = SubElement(SubElement(direction, "direction-type"), "metronome")
    SubElement(metronome, "beat-unit").text = "quarter"
    SubElement(metronome, "per-minute").text = f"{bpm:.6g}"
    if offset:
        SubElement(direction, "offset", sound="yes").text = str(offset)
    SubElement(direction, "sound", tempo=f"{bpm:.12g}")


def _write_rests(measure: Element, start: int, end: int, bar: _Bar, ppq: int) -> int:
    is_whole_bar = (start, end) == (bar.start, bar.end)
    for low, high in [(start, end)] if is_whole_bar else _noteheads(start, end, ppq):
        element = SubElement(measure, "note")
        SubElement(element, "rest", {"measure": "yes"} if is_whole_bar else {})
        _write_length(element, high - low, ppq, with_type=not is_whole_bar)
    return end


def _write_length(element: Element, ticks: int, ppq: int, *, ties: Sequence[str] = (), with_type: bool = True) -> None:
    SubElement(element, "duration").text = str(ticks)
    for kind in ties:
        SubElement(element, "tie", type=kind)
    SubElement(element, "voice").text = "1"
    written = _written_type(ticks, ppq) if with_type else None
    if written is None:
        return
    name, dots, _is_triplet = written
    SubElement(element, "type").text = name
    for _ in range(dots):
        SubElement(element, "dot")
    return


def _write_note(measure: Element, piece: _Piece, word: _Word, ppq: int) -> None:
    note = piece.note
    element = SubElement(measure, "note", dynamics=f"{100 * note.velocity / FORTE_VELOCITY:.2f}")
    pitch = SubElement(element, "pitch")
    key = math.floor(note.pitch + 0.5)
    step, alter = STEP_NAMES[key % 12]
    SubElement(pitch, "step").text = step
    if alter_exact := round(alter + note.pitch - key, 6):
        SubElement(pitch, "alter").text = f"{alter_exact:g}"
    SubElement(pitch, "octave").text = str(key // 12 - 1)
    ties = [kind for kind, is_there in (("stop", not piece.is_first), ("start", not piece.is_last)) if is_there]
    _write_length(element, piece.end - piece.start, ppq, ties=ties)
    written = _written_type(piece.end - piece.start, ppq)
    if written and written[2]:
        modification = SubElement(element, "time-modification")
        SubElement(modification, "actual-notes").text = "3"
        SubElement(modification, "normal-notes").text = "2"
    is_accented = piece.is_first and (note.is_accented or word.is_accented)
    if ties or is_accented:
        notations = SubElement(element, "notations")
        for kind in ties:
            SubElement(notations, "tied", type=kind)
        if is_accented:
            SubElement(SubElement(notations, "articulations"), "accent")
    if piece.is_first:
        _write_word(element, word)


def _write_word(element: Element, word: _Word) -> None:
    if word.text is None and word.extend is None:
        return
    lyric = SubElement(element, "lyric", number="1")
    if word.text is not None:
        texts = word.text.split()
        for number, text in enumerate(texts):
            if number:
                SubElement(lyric, "elision").text = "\u203f"
            SubElement(lyric, "syllabic").text = word.syllabic
            SubElement(lyric, "text").text = _xml(text)
    if word.extend:
        SubElement(lyric, "extend", type=word.extend)


def _words(notes: Sequence[Note]) -> list[_Word]:
    """Return lyrics under the notes. The first note of a melisma starts an extender line, its last one ends it."""
    result: list[_Word] = []
    goes_on = False  # the word before is written in pieces
    for number, note in enumerate(notes):
        following = notes[number + 1] if number + 1 < len(notes) else None
        holds_next = following is not None and following.lyric == HOLD
        if note.lyric == HOLD:
            result.append(_Word(extend="continue" if holds_next else "stop"))
            continue
        text, is_accented, continues = _plain(note.lyric)
        if text is None:
            result.append(_Word())
            continue
        syllabic = ("middle" if continues else "end") if goes_on else ("begin" if continues else "single")
        goes_on = continues
        result.append(_Word(text, syllabic, "start" if holds_next else None, is_accented))
    return result


def _plain(lyric: str | None) -> tuple[str | None, bool, bool]:
    """Return a lyric of our convention in notation: the text, True if it is emphasised, True if the word continues."""
    text = " ".join((lyric or "").split())
    if not text or text in REST_MARKS or text in BREATH_MARKS:
        return None, False, False
    hint = _HINT.fullmatch(text)
    if hint:
        text = (hint["word"] or hint["phones"]).strip() + hint["dash"]
    continues = len(text) > 1 and text.endswith("-")
    return text.rstrip("-").replace("*", "") or None, "*" in text, continues
