"""`Score` to a Synthesizer V Studio project (.svp, JSON): one track per line, with words, phonemes, vibrato and curves."""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Iterable, Sequence

from engine.errors import ScoreError
from engine.score.lanes import split_lanes
from engine.score.types import BREATH_MARKS, HOLD, REST_MARKS, Curve, Meter, Note, Parameter, Score, TempoChange, Track

from .utau_marks import to_utau

BLICKS_PER_QUARTER = 705_600_000
VERSION = 119
DEFAULT_US_PER_BEAT = 500_000.0
LANGUAGES = {"en": "english", "ja": "japanese", "zh": "mandarin", "yue": "cantonese", "ko": "korean", "es": "spanish"}
CURVES = {parameter: curve.name for parameter in Parameter if (curve := parameter.spec.svp) is not None}
_WRITTEN = ("pitchDelta", "vibratoEnv", "loudness", "tension", "breathiness", "voicing", "gender", "toneShift")
PARAMETERS = tuple(dict.fromkeys((*_WRITTEN, *CURVES.values())))  # in the order of the program's own files
_CENTS_PER_DEPTH = 50.0  # a depth of one semitone goes half a semitone up and down
_HINT = re.compile(r"(?P<word>[^\[\]]*)\[(?P<phones>[^\[\]]*)\]")


def write_svp(score: Score) -> bytes:
    """Return a project for Synthesizer V Studio, without a voice. Raises ScoreError for a score without notes."""
    lanes = [lane for track in score.tracks if track.notes for lane in split_lanes(track, ppq=score.ppq)[0]]
    if not lanes:
        raise ScoreError("The score has no notes to write.")
    tempos = score.tempo_map.changes or (TempoChange(0, DEFAULT_US_PER_BEAT),)
    if tempos[0].tick > 0:
        tempos = (TempoChange(0, DEFAULT_US_PER_BEAT), *tempos)
    project = {
        "version": VERSION,
        "time": {
            "meter": _meters(score),
            "tempo": [{"position": _blicks(change.tick, score.ppq), "bpm": round(change.bpm, 9)} for change in tempos],
        },
        "library": [],
        "tracks": [_track(lane, number, score) for number, lane in enumerate(lanes)],
        "renderConfig": {
            "destination": "./",
            "filename": score.title or "untitled",
            "numChannels": 1,
            "aspirationFormat": "noAspiration",
            "bitDepth": 16,
            "sampleRate": 44_100,
            "exportMixDown": True,
        },
    }
    return json.dumps(project, ensure_ascii=False).encode("utf-8")


def _blicks(ticks: float, ppq: int) -> int:
    return round(ticks * BLICKS_PER_QUARTER / ppq)


def _meters(score: Score) -> list[dict[str, int]]:
    """Return meters by bar number. One in the middle of a bar moves to the next bar line."""
    rows: dict[int, Meter] = {0: Meter(0, 4, 4)}
    bar, before = 0, Meter(0, 4, 4)
    for meter in score.meters:
        bar += math.ceil((meter.tick - before.tick) * before.denominator / (score.ppq * 4 * before.numerator))
        rows[bar] = before = meter
    return [{"index": bar, "numerator": meter.numerator, "denominator": meter.denominator} for bar, meter in rows.items()]


def _track(lane: Track, number: int, score: Score) -> dict[str, object]:
    group = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{score.title}:{number}:{lane.name}"))
    curves = {CURVES[curve.parameter]: curve for curve in lane.curves if curve.parameter in CURVES}
    return {
        "name": lane.name or f"Track {number + 1}",
        "dispColor": "ff7db235",
        "dispOrder": number,
        "renderEnabled": False,
        "mixer": {"gainDecibel": 0.0, "pan": 0.0, "mute": False, "solo": False, "display": True},
        "mainGroup": {
            "name": "main",
            "uuid": group,
            "parameters": {name: _points(curves.get(name), score.ppq) for name in PARAMETERS},
            "vocalModes": {},
            "notes": list(_notes(lane.notes, score)),
        },
        "mainRef": {
            "groupID": group,
            "blickOffset": 0,
            "pitchOffset": 0,
            "isInstrumental": False,
            "systemPitchDelta": {"mode": "cubic", "points": []},
            "database": {
                "name": "",
                "language": LANGUAGES.get(lane.language or "", ""),
                "phoneset": "",
                "languageOverride": LANGUAGES.get(lane.language or "", ""),
                "phonesetOverride": "",
                "backendType": "",
                "version": "-2",
            },
            "dictionary": "",
            "voice": {"vocalModeInherited": True, "vocalModePreset": "", "vocalModeParams": {}},
        },
        "groups": [],
    }


def _points(curve: Curve | None, ppq: int) -> dict[str, object]:
    points: list[float] = []
    before: float | None = None
    for tick, value in zip(curve.ticks, curve.values, strict=True) if curve else ():
        if curve and curve.stepped and before is not None and before != value:
            points += [_blicks(tick - 1, ppq), before]
        points += [_blicks(tick, ppq), value]
        before = value
    return {"mode": "linear", "points": points}


def _notes(notes: Sequence[Note], score: Score) -> Iterable[dict[str, object]]:
    for note, text in zip(notes, _lyrics(notes), strict=True):
        if text is None:
            continue
        lyric, phonemes = text
        key = math.floor(note.pitch + 0.5)
        onset = _blicks(note.onset_ticks, score.ppq)
        yield {
            "musicalType": "singing",
            "onset": onset,
            "duration": max(1, _blicks(note.offset_ticks, score.ppq) - onset),
            "lyrics": lyric,
            "phonemes": phonemes,
            "accent": "",
            "pitch": key,
            "detune": round(100 * (note.pitch - key)),
            "instantMode": False,
            "attributes": _vibrato(note, score),
            "systemAttributes": {},
            "pitchTakes": {"activeTakeId": 0, "takes": [{"id": 0, "expr": 1.0, "liked": False}]},
            "timbreTakes": {"activeTakeId": 0, "takes": [{"id": 0, "expr": 1.0, "liked": False}]},
        }


def _lyrics(notes: Sequence[Note]) -> list[tuple[str, str] | None]:
    """Return lyric and phonemes of each note; None for a silence, which is no note there."""
    result: list[tuple[str, str] | None] = []
    for text in to_utau(note.lyric for note in notes):
        hint = _HINT.fullmatch(text)
        if text in REST_MARKS:
            result.append(None)
        elif text in BREATH_MARKS:
            result.append(("br", ""))
        elif hint and not hint["word"]:
            result.append((f".{_phones(hint['phones'])}", ""))
        elif hint:
            result.append((hint["word"], _phones(hint["phones"])))
        else:
            result.append((HOLD if text == "+~" else text.replace("*", "") or "la", ""))
    return result


def _phones(hint: str) -> str:
    """Return phonemes in the program's spelling: small letters, no stress."""
    return re.sub(r"(?<=[a-z])[0-2]\b", "", hint.strip().lower())


def _vibrato(note: Note, score: Score) -> dict[str, float]:
    if note.vibrato is None:
        return {}
    at = score.tempo_map.seconds_at
    seconds = at(note.offset_ticks) - at(note.onset_ticks)
    length = seconds * note.vibrato.length_percent / 100
    return {
        "tF0VbrStart": round(seconds - length, 6),
        "tF0VbrLeft": round(length * note.vibrato.fade_in_percent / 100, 6),
        "tF0VbrRight": round(length * note.vibrato.fade_out_percent / 100, 6),
        "dF0Vbr": round(note.vibrato.depth_cents / _CENTS_PER_DEPTH, 6),
        "fF0Vbr": round(1000 / note.vibrato.period_ms, 6) if note.vibrato.period_ms > 0 else 5.5,
    }
