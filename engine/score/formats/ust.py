"""UTAU sequences (.ust): notes, tempo changes, pitch of both modes, vibrato. One file is one voice at 480 ticks per quarter."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from engine.errors import ScoreError
from engine.score.encodings import decode_file, detect_encoding
from engine.score.types import Curve, Note, Parameter, PitchPoint, Score, TempoChange, TempoMap, Track, Vibrato

from .utau_marks import read_aliases

UST_PPQ = 480
MODE1_STEP_TICKS = 5  # spacing of the PitchBend values
MAX_LENGTH_TICKS = 10**7
BPM_RANGE = (5.0, 1000.0)
DEFAULT_BPM = 120.0
SHAPES = {"": "io", "s": "l", "r": "o", "j": "i"}  # UTAU's PBM letters

_WORDS = re.compile(rb"^(?:Lyric|ProjectName)=([^\r\n]*)", re.MULTILINE)
_SECTION = re.compile(r"^\[#(\w+)\]\s*$")


@dataclass
class _Section:
    name: str
    values: dict[str, str] = field(default_factory=dict)

    def number(self, key: str, default: float) -> float:
        return _number(self.values.get(key, ""), default)

    def numbers(self, key: str) -> list[float]:
        text = self.values.get(key, "").strip()
        return [_number(item, 0.0) for item in re.split("[,;]", text)] if text else []


def read_ust(data: bytes, *, title: str) -> Score:
    """Read a UST file of UTAU or OpenUtau, in any encoding."""
    sections = _sections(_decode(data))
    if not any(section.name in ("SETTING", "VERSION") or section.name.isdigit() for section in sections):
        raise ScoreError("The file is not a UST file: it has no [#SETTING] and no note sections such as [#0000].")
    settings = next((section for section in sections if section.name == "SETTING"), _Section("SETTING"))
    tempos = {0: _tempo(settings.number("Tempo", DEFAULT_BPM))}
    sounding = [section for section in sections if section.name.isdigit()]
    lyrics, language = read_aliases([section.values.get("Lyric", "").lstrip("?") for section in sounding])
    notes: list[Note] = []
    bend: dict[int, float] = {}
    tick = 0
    for section, lyric in zip(sounding, lyrics, strict=True):
        if "Tempo" in section.values:
            tempos[tick] = _tempo(section.number("Tempo", DEFAULT_BPM))
        length = round(min(max(section.number("Length", 0.0), 0.0), MAX_LENGTH_TICKS))
        if lyric != "R" and length > 0:
            notes.append(_note(section, tick, length, lyric, notes))
            bend.update(_mode1_bend(section, tick, length, tempos[max(tempos)]))
        tick += length
    changes = tuple(TempoChange(position, tempos[position]) for position in sorted(tempos))
    curves = (Curve(Parameter.BEND_CENTS, tuple(sorted(bend)), tuple(bend[key] for key in sorted(bend))),) if bend else ()
    track = Track(settings.values.get("ProjectName", "").strip() or title, tuple(notes), curves, language)
    # Files for plugins end with the note behind the selection instead.
    is_whole = any(section.name in ("TRACKEND", "PREV", "NEXT") for section in sections)
    notices = () if is_whole else ("The file may be cut off: it ends without [#TRACKEND].",)
    return Score(title, UST_PPQ, (track,), TempoMap(UST_PPQ, changes), notices=notices)


def _decode(data: bytes) -> str:
    """Return the text of the file. Without Unicode, its lyrics and name decide about the encoding."""
    words = _WORDS.findall(data)
    encoding = detect_encoding(words)
    return decode_file(data) if encoding == "utf-8" else data.decode(encoding, errors="replace")


def _sections(text: str) -> list[_Section]:
    sections: list[_Section] = []
    for line in text.splitlines():
        header = _SECTION.match(line)
        if header:
            sections.append(_Section(header[1]))
        elif sections:
            key, separator, value = line.partition("=")
            if separator:
                sections[-1].values[key.strip()] = value
    return sections


def _number(text: str, default: float) -> float:
    """Return a number. Files from some countries have decimal commas."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return default
    return value if math.isfinite(value) and abs(value) < 1e9 else default


def _tempo(bpm: float) -> float:
    return 60e6 / min(max(bpm, BPM_RANGE[0]), BPM_RANGE[1])


def _note(section: _Section, tick: int, length: int, lyric: str | None, before: Sequence[Note]) -> Note:
    pitch = float(min(max(section.number("NoteNum", 60.0), 0.0), 127.0))
    touches = bool(before) and before[-1].offset_ticks == tick
    return Note(
        onset_ticks=tick,
        duration_ticks=length,
        pitch=pitch,
        velocity=max(1, min(127, round(section.number("Intensity", 100.0)))),
        lyric=lyric,
        vibrato=_vibrato(section.numbers("VBR")),
        pitch_points=tuple(_pitch_points(section, (before[-1].pitch - pitch) * 100 if touches else 0.0)),
    )


def _vibrato(values: Sequence[float]) -> Vibrato | None:
    """Return the vibrato of length %, period ms, depth cents, fade in %, fade out %, phase %, drift %."""
    if len(values) < 3 or values[0] <= 0 or values[1] <= 0:
        return None
    fade_in, fade_out, shift, drift = [*values[3:7], 0.0, 0.0, 0.0, 0.0][:4]
    return Vibrato(min(values[0], 100.0), values[1], values[2], fade_in, fade_out, shift, drift)


def _pitch_points(section: _Section, cents_before: float) -> Iterable[PitchPoint]:
    """Return the points of mode 2: start (ms; tenths of a semitone), then widths in ms, heights and shapes of the following points."""
    start, widths = section.numbers("PBS"), section.numbers("PBW")
    if not start or not widths:
        return
    heights = section.numbers("PBY")[: len(widths) - 1]
    heights += [0.0] * (len(widths) - len(heights))  # the last point is always the note itself
    shapes = [SHAPES.get(letter.strip(), "io") for letter in section.values.get("PBM", "").split(",")]
    shapes += ["io"] * (len(widths) + 1 - len(shapes))
    time_ms = start[0]
    yield PitchPoint(time_ms, start[1] * 10 if len(start) > 1 else cents_before, shapes[0])
    for width, height, shape in zip(widths, heights, shapes[1:], strict=False):
        time_ms += width
        yield PitchPoint(time_ms, height * 10, shape)


def _mode1_bend(section: _Section, tick: int, length: int, us_per_beat: float) -> dict[int, float]:
    """Return the bend of mode 1: cents every five ticks from `PBStart` ms, then neutral."""
    values = next((section.numbers(key) for key in ("PitchBend", "Pitches", "Piches") if key in section.values), [])
    if not values or "PBS" in section.values:
        return {}
    start = tick + round(section.number("PBStart", 0.0) * 1000 * UST_PPQ / us_per_beat)
    values = values[: length // MODE1_STEP_TICKS + max(0, tick - start) // MODE1_STEP_TICKS + 1]
    points = {start + i * MODE1_STEP_TICKS: cents for i, cents in enumerate([*values, 0.0])}
    return {position: cents for position, cents in points.items() if position >= 0}
