"""VOCALOID 2 sequences (.vsq): a Standard MIDI File whose text events hold the notes, as sections of a settings file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.errors import ScoreError
from engine.score.encodings import detect_encoding
from engine.score.types import Meter, Note, Score, TempoChange, TempoMap, Track

from .midi_events import META_METER, META_TEMPO, META_TEXT, RawFile, RawTrack, read_events
from .project import MAX_NOTES, in_order, is_singable, tempo_changes, vocaloid_curves
from .vocaloid_lyrics import from_vocaloid, is_romaji

_PIECE = re.compile(rb"DM:\d+:")
_WORDS = re.compile(rb'^(?:L0="([^"\r\n]*)"|Name=([^\r\n]*))', re.MULTILINE)
_CURVES = ("PitchBendBPList", "PitchBendSensBPList", "DynamicsBPList", "EpRResidualBPList", "GenderFactorBPList", "")
_MAX_PREMEASURE = 64
_NEUTRAL_GENDER = 64

_Sections = dict[str, dict[str, str]]


def read_vsq(data: bytes, *, title: str) -> Score:
    """Read a sequence in any encoding. Contents before its first bar (the "pre-measure") are left out."""
    raw = read_events(data)
    texts = [_text(track) for track in raw.tracks]
    encoding = detect_encoding(b"\n".join(a or b for a, b in _WORDS.findall(text)) for text in texts)
    tracks = [_sections(text.decode(encoding, errors="replace")) for text in texts if text]
    tracks = [sections for sections in tracks if "EventList" in sections]
    if not tracks:
        raise ScoreError("The VOCALOID sequence holds no notes: its text events have no [EventList]. Save it again.")
    master = next((sections["Master"] for sections in tracks if "Master" in sections), {})
    mixer = next((sections["Mixer"] for sections in tracks if "Mixer" in sections), {})
    meters = _meters(raw)
    first = meters[0] if meters else Meter(0, 4, 4)
    bars = min(max(_whole(master.get("PreMeasure"), 0), 0), _MAX_PREMEASURE)
    start = bars * raw.ppq * 4 * first.numerator // first.denominator
    return Score(
        title,
        raw.ppq,
        tuple(_track(sections, index, start, mixer) for index, sections in enumerate(tracks)),
        TempoMap(raw.ppq, _tempos(raw, start)),
        _moved_meters(meters, start),
        (*raw.notices, "Vibrato and phonemes of the project were left out; the voice makes its own."),
    )


def _text(track: RawTrack) -> bytes:
    pieces = (event.data for event in track.events if event.meta == META_TEXT)
    return b"".join(piece[match.end() :] for piece in pieces if (match := _PIECE.match(piece)))


def _sections(text: str) -> _Sections:
    sections: _Sections = {}
    values: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("[") and line.rstrip().endswith("]"):
            values = sections.setdefault(line.strip()[1:-1], {})
        else:
            key, separator, value = line.partition("=")
            if separator:
                values[key.strip()] = f"{values[key.strip()]},{value}" if key.strip() in values else value
    return sections


def _whole(value: str | None, default: int) -> int:
    text = (value or "").strip()
    return int(text) if re.fullmatch(r"-?\d{1,9}", text, re.ASCII) else default


def _meters(raw: RawFile) -> list[Meter]:
    found = {}
    for event in (event for track in raw.tracks for event in track.events if event.meta == META_METER):
        if len(event.data) >= 2 and event.data[0] and event.data[1] <= 6:
            found[event.tick] = Meter(event.tick, event.data[0], 2 ** event.data[1])
    return [found[tick] for tick in sorted(found)]


def _moved_meters(meters: Sequence[Meter], start: int) -> tuple[Meter, ...]:
    moved = {max(0, meter.tick - start): meter for meter in meters}
    return tuple(Meter(tick, moved[tick].numerator, moved[tick].denominator) for tick in sorted(moved))


def _tempos(raw: RawFile, start: int) -> tuple[TempoChange, ...]:
    changes = []
    for event in (event for track in raw.tracks for event in track.events if event.meta == META_TEMPO):
        us_per_beat = int.from_bytes(event.data[:3], "big") if len(event.data) >= 3 else 0
        if us_per_beat:
            changes.append(TempoChange(max(0, event.tick - start), us_per_beat))
    return tempo_changes(sorted(changes, key=lambda change: change.tick))


def _track(sections: _Sections, index: int, start: int, mixer: dict[str, str]) -> Track:
    notes: list[Note] = []
    for place, names in sections["EventList"].items():
        for name in names.split(","):
            event = sections.get(name.strip(), {})
            onset, length, pitch = _whole(place, -1) - start, _whole(event.get("Length"), 0), _whole(event.get("Note#"), -1)
            if event.get("Type") == "Anote" and is_singable(onset, length, pitch) and len(notes) < MAX_NOTES:
                handle = sections.get(event.get("LyricHandle", "").strip(), {})
                notes.append(Note(onset, length, float(pitch), lyric=_lyric(handle.get("L0", ""))))
    points = [
        {_whole(tick, 0) - start: float(_whole(value, 0)) for tick, value in sections.get(name, {}).items()} for name in _CURVES
    ]
    points[4] = {tick: value - _NEUTRAL_GENDER for tick, value in points[4].items()}
    name = sections.get("Common", {}).get("Name", "").strip() or f"Track {index + 1}"
    language = "ja" if is_romaji([note.lyric for note in notes]) else None
    return Track(name, in_order(notes), vocaloid_curves(*points), language, is_muted=_whole(mixer.get(f"Mute{index}"), 0) == 1)


def _lyric(handle: str) -> str | None:
    """Return the lyric of `"ra","4 a",0.000000,64,0`: the text and its phonemes."""
    quoted = re.findall(r'"([^"]*)"', handle)
    lyric, phonemes = [*quoted, "", ""][:2]
    return from_vocaloid(lyric.strip(), phonemes.strip())
