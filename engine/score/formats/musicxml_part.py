"""One part of a MusicXML score, bar by bar as written: notes in ticks, tempos, dynamics. Repeats are not expanded here."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias
from xml.etree.ElementTree import Element

from engine.errors import ScoreError

from .musicxml_lyrics import WrittenLyric, read_lyric

VoiceKey: TypeAlias = tuple[int, str]  # staff, voice

MAX_QUARTERS = 100_000  # 14 hours at 120 bpm
MAX_PPQ = 32_767  # limit of Standard MIDI Files
MIN_PPQ = 480
ROUNDING_PPQ = 20_160  # 2^6 * 3^2 * 5 * 7, when the exact resolution would be too fine
BPM_RANGE = (5.0, 1000.0)
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
QUARTERS = {"long": 16.0, "breve": 8.0, "whole": 4.0, "half": 2.0, "quarter": 1.0, "eighth": 0.5, "16th": 0.25, "32nd": 0.125}
NEUTRAL_VELOCITY = 100
# Percent of a normal forte (MIDI 90), as notation programs write it into <sound dynamics="…">.
DYNAMICS_PERCENT = {
    "pppp": 11.0, "ppp": 17.8, "pp": 36.7, "p": 54.4, "mp": 71.1, "mf": 88.9,
    "f": 106.7, "ff": 124.4, "fff": 140.0, "ffff": 141.1, "fp": 106.7, "sf": 124.4, "sfz": 124.4, "fz": 124.4,
}  # fmt: skip
ACCENTS = ("accent", "strong-accent")
MF_PERCENT = 88.9
FORTE_VELOCITY = 90


@dataclass(frozen=True, slots=True)
class WrittenNote:
    """A note or rest as written. `tick` counts from the start of its bar."""

    tick: int
    duration: int  # 0 for a grace note
    pitch: float | None  # sounding; None for a rest
    is_chord: bool = False  # sounds together with the note before
    is_grace: bool = False
    is_slashed: bool = False
    is_unpitched: bool = False
    tie_starts: bool = False
    tie_stops: bool = False
    slur_starts: frozenset[str] = frozenset()
    slur_stops: frozenset[str] = frozenset()
    lyrics: tuple[WrittenLyric, ...] = ()
    is_accented: bool = False


@dataclass(frozen=True, slots=True)
class WrittenDynamics:
    """A dynamic mark as MIDI velocity."""

    tick: int
    staff: int
    velocity: int


@dataclass(slots=True)
class WrittenMeasure:
    """Contents of one bar."""

    meter: tuple[int, int]
    length: int = 0  # ticks of its content
    notes: dict[VoiceKey, list[WrittenNote]] = field(default_factory=dict)
    tempos: dict[int, float] = field(default_factory=dict)  # tick -> microseconds per quarter
    dynamics: list[WrittenDynamics] = field(default_factory=list)


class Notices:
    """Full sentences for the user, each once, in order of appearance."""

    def __init__(self) -> None:
        self._sentences: dict[str, None] = {}

    def add(self, sentence: str) -> None:
        self._sentences.setdefault(sentence)

    def __iter__(self) -> Iterator[str]:
        return iter(self._sentences)


def number(text: str | None) -> float | None:
    """Return a finite decimal number, or None."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def whole(text: str | None, default: int = 0) -> int:
    """Return a whole number, else `default`."""
    value = number(text)
    return default if value is None or abs(value) > 1e6 else int(value)


def choose_ppq(root: Element, notices: Notices) -> int:
    """Return ticks per quarter in which every written duration is a whole number, if a MIDI file can hold it."""
    divisions = {number(element.text) for element in root.iter("divisions")}
    exact = math.lcm(*{int(value) for value in divisions if value and 1 <= value <= MAX_PPQ and value == int(value)})
    if exact > MAX_PPQ:
        notices.add(f"The note lengths need a finer grid than {MAX_PPQ} ticks per quarter; some are rounded by less than 1 ms.")
        return ROUNDING_PPQ
    return exact * math.ceil(MIN_PPQ / exact)


class PartReader:
    """Reads the bars of one part in order. Attributes such as `divisions` are valid until the next change."""

    def __init__(self, ppq: int, drum_pitches: dict[str, int], notices: Notices) -> None:
        self._ppq = ppq
        self._drum_pitches = drum_pitches  # instrument id -> MIDI note of an unpitched instrument
        self._notices = notices
        self._ticks_per_division = float(ppq)
        self._meter = (4, 4)
        self._transposition: dict[int, float] = {}  # staff -> semitones; 0 = all staves
        self._cursor = 0
        self._onset = 0  # of the last note that is not a further chord member
        self._measure = WrittenMeasure(self._meter)
        self._handlers: dict[str, Callable[[Element], None]] = {
            "note": self._read_note,
            "backup": self._read_backup,
            "forward": self._read_forward,
            "attributes": self._read_attributes,
            "direction": self._read_direction,
            "sound": self._read_sound,
        }

    def read(self, element: Element) -> WrittenMeasure:
        self._cursor = self._onset = 0
        self._measure = WrittenMeasure(self._meter)
        for child in element:
            handler = self._handlers.get(child.tag)
            if handler:
                handler(child)
        self._measure.meter = self._meter
        return self._measure

    def _ticks(self, text: str | None) -> int:
        value = number(text)
        if value is None or value < 0:
            self._notices.add("A length that is negative or not a number was taken as zero.")
            return 0
        ticks = value * self._ticks_per_division
        if ticks > MAX_QUARTERS * self._ppq:
            raise ScoreError(f"A length of {text} divisions makes the score longer than {MAX_QUARTERS} quarter notes.")
        return round(ticks)

    def _move(self, ticks: int) -> None:
        self._cursor = max(0, self._cursor + ticks)
        self._measure.length = max(self._measure.length, self._cursor)
        if self._cursor > MAX_QUARTERS * self._ppq:
            raise ScoreError(f"The score is longer than {MAX_QUARTERS} quarter notes.")

    def _read_backup(self, element: Element) -> None:
        self._move(-self._ticks(element.findtext("duration")))

    def _read_forward(self, element: Element) -> None:
        self._move(self._ticks(element.findtext("duration")))

    def _read_attributes(self, element: Element) -> None:
        divisions = element.findtext("divisions")
        if divisions is not None:
            value = number(divisions)
            if value is None or not 0 < value <= 1e6:
                raise ScoreError(f"<divisions> is {divisions!r}; valid is a number above 0, the divisions of a quarter note.")
            self._ticks_per_division = self._ppq / value
        time = element.find("time")
        if time is not None:
            self._meter = read_meter(time) or self._meter
        for transpose in element.iterfind("transpose"):
            chromatic = number(transpose.findtext("chromatic")) or 0.0
            octaves = number(transpose.findtext("octave-change")) or 0.0
            self._transposition[whole(transpose.get("number"))] = chromatic + 12 * octaves

    def _read_note(self, element: Element) -> None:
        is_grace = element.find("grace") is not None
        is_chord = element.find("chord") is not None
        duration = 0 if is_grace else self._ticks(element.findtext("duration"))
        if not is_chord:
            self._onset = self._cursor
        if element.find("cue") is not None:
            self._notices.add("Cue notes were left out.")
        else:
            self._keep_note(element, duration, is_chord, is_grace)
        if not is_chord and not is_grace:
            self._move(duration)

    def _keep_note(self, element: Element, duration: int, is_chord: bool, is_grace: bool) -> None:
        if duration == 0 and not is_grace:
            self._notices.add("Notes without a length were left out.")
            return
        staff = whole(element.findtext("staff"), 1)
        key = (staff, (element.findtext("voice") or "1").strip())
        ties = {tie.get("type") for tie in [*element.iterfind("tie"), *element.iterfind("notations/tied")]}
        slurs = [(slur.get("number", "1"), slur.get("type")) for slur in element.iterfind("notations/slur")]
        grace = element.find("grace")
        note = WrittenNote(
            tick=self._onset,
            duration=duration,
            pitch=self._pitch(element, staff),
            is_chord=is_chord,
            is_grace=is_grace,
            is_slashed=grace is not None and grace.get("slash") == "yes",
            is_unpitched=element.find("unpitched") is not None,
            tie_starts="start" in ties,
            tie_stops="stop" in ties,
            slur_starts=frozenset(label for label, kind in slurs if kind == "start"),
            slur_stops=frozenset(label for label, kind in slurs if kind == "stop"),
            lyrics=self._lyrics(element),
            is_accented=any(element.find(f"notations/articulations/{mark}") is not None for mark in ACCENTS),
        )
        self._measure.notes.setdefault(key, []).append(note)

    def _pitch(self, element: Element, staff: int) -> float | None:
        written, prefix = element.find("pitch"), ""
        unpitched = element.find("unpitched")
        if written is None and unpitched is not None:
            instrument = element.find("instrument")
            drum = self._drum_pitches.get(instrument.get("id", "")) if instrument is not None else None
            if drum is not None:
                return float(drum)
            written, prefix = unpitched, "display-"
        if written is None or element.find("rest") is not None:
            return None
        step = (written.findtext(prefix + "step") or "C").strip()
        octave = number(written.findtext(prefix + "octave"))
        pitch = 12.0 * ((4 if octave is None else octave) + 1) + STEPS.get(step, 0) + (number(written.findtext("alter")) or 0.0)
        pitch += self._transposition.get(staff, self._transposition.get(0, 0.0)) if unpitched is None else 0.0
        if not 0 <= pitch <= 127:
            self._notices.add("Notes outside the MIDI range 0..127 were left out.")
            return None
        return pitch

    def _lyrics(self, element: Element) -> tuple[WrittenLyric, ...]:
        lyrics = []
        for child in element.iterfind("lyric"):
            if child.find("humming") is not None or child.find("laughing") is not None:
                self._notices.add("Humming and laughing marks were ignored; write a syllable such as 'mm' or 'ha' instead.")
            lyric = read_lyric(child)
            if lyric:
                lyrics.append(lyric)
        return tuple(lyrics)

    def _read_direction(self, element: Element) -> None:
        tick = self._cursor + self._offset(element)
        staff = whole(element.findtext("staff"), 1)
        sound = element.find("sound")
        has_tempo = sound is not None and self._keep_tempo(tick, number(sound.get("tempo")))
        if not has_tempo:
            for metronome in element.iterfind("direction-type/metronome"):
                self._keep_tempo(tick, metronome_bpm(metronome))
        percent = number(sound.get("dynamics")) if sound is not None else None
        if percent is None:
            marks = [mark.tag for dynamics in element.iterfind("direction-type/dynamics") for mark in dynamics]
            percent = next((DYNAMICS_PERCENT[mark] for mark in marks if mark in DYNAMICS_PERCENT), None)
        if percent is not None:
            self._measure.dynamics.append(WrittenDynamics(tick, staff, velocity_of(percent)))

    def _read_sound(self, element: Element) -> None:
        self._keep_tempo(self._cursor + self._offset(element), number(element.get("tempo")))

    def _offset(self, element: Element) -> int:
        """Return ticks from the cursor to the sound of a direction. Only offsets marked with `sound` count."""
        offset = element.find("sound/offset")
        if offset is None:
            offset = element.find("offset")
            if offset is None or (element.tag == "direction" and offset.get("sound") != "yes"):
                return 0
        ticks = round((number(offset.text) or 0.0) * self._ticks_per_division)
        return max(-self._cursor, min(ticks, MAX_QUARTERS * self._ppq))

    def _keep_tempo(self, tick: int, bpm: float | None) -> bool:
        if bpm is None:
            return False
        if not BPM_RANGE[0] <= bpm <= BPM_RANGE[1]:
            self._notices.add(f"A tempo of {bpm:g} bpm was ignored; valid is {BPM_RANGE[0]:g} to {BPM_RANGE[1]:g}.")
            return False
        self._measure.tempos[tick] = 60e6 / bpm
        return True


def read_meter(time: Element) -> tuple[int, int] | None:
    """Return "3/4", "3+2/8" or several fractions in a row as one fraction; None for free metre or nonsense."""
    fractions = [
        (sum(whole(count) for count in (beats.text or "").split("+")), whole(kind.text))
        for beats, kind in zip(time.iterfind("beats"), time.iterfind("beat-type"), strict=False)
    ]
    if not fractions or any(count < 1 or kind not in (1, 2, 4, 8, 16, 32, 64) for count, kind in fractions):
        return None
    denominator = max(kind for _, kind in fractions)
    numerator = sum(count * denominator // kind for count, kind in fractions)
    return (numerator, denominator) if numerator <= 255 else None


def metronome_bpm(metronome: Element) -> float | None:
    """Return quarter notes per minute of "beat = number"; None for a metric modulation ("beat = beat")."""
    units = [child for child in metronome if child.tag in ("beat-unit", "beat-unit-dot")]
    digits = re.search(r"\d+(\.\d+)?", metronome.findtext("per-minute") or "")
    if not units or not digits:
        return None
    dots = sum(child.tag == "beat-unit-dot" for child in units)
    quarters = QUARTERS.get((units[0].text or "").strip())
    per_minute = number(digits[0])
    return None if quarters is None or per_minute is None else per_minute * quarters * (2 - 0.5**dots)


def velocity_of(percent: float) -> int:
    """Return the MIDI velocity, scaled so that mezzoforte is neutral."""
    velocity = NEUTRAL_VELOCITY + FORTE_VELOCITY * (max(0.0, min(percent, 200.0)) - MF_PERCENT) / 100
    return max(1, min(127, round(velocity)))
