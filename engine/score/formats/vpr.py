"""VOCALOID 5 and 6 projects (.vpr): a zip archive with the song as JSON. Notes, lyrics, tempo, meter, the main controllers."""

from __future__ import annotations

from collections import Counter

from engine.score.types import Note, Score, TempoMap, Track

from .json_file import Node, load_json, node, nodes, number, read_zip_member, text
from .project import (
    MAX_NOTES,
    PPQ,
    VOCALOID_PARAMETERS,
    in_order,
    is_singable,
    meters_at_bars,
    tempo_change,
    tempo_changes,
    vocaloid_curves,
)
from .vocaloid_lyrics import from_vocaloid

WHAT = "VOCALOID project"
LANGUAGES = {0: "ja", 1: "en", 2: "ko", 3: "es", 4: "zh"}
_AUDIO = 1
_CONTROLLERS = (
    "pitchBend",
    "pitchBendSens",
    "dynamics",
    *(curve.name for curve in VOCALOID_PARAMETERS.values()),
)  # as `vocaloid_curves` takes them


def read_vpr(data: bytes, *, title: str) -> Score:
    """Read a project; either path separator in the archive will do."""
    song = load_json(read_zip_member(data, lambda name: name.lower().endswith("sequence.json"), WHAT), WHAT)
    master = node(song.get("masterTrack"))
    all_tracks = nodes(song.get("tracks"))
    singing = [track for track in all_tracks if number(track.get("type"), 0) != _AUDIO]
    notices = ["Vibrato and phonemes of the project were left out; the voice makes its own."]
    if len(singing) < len(all_tracks):
        notices.append("Audio tracks of the project were left out.")
    tempo = node(master.get("tempo"))
    overall = node(tempo.get("global"))
    changes = [
        tempo_change(number(event.get("pos"), 0), number(event.get("value"), 12000) / 100)
        for event in nodes(tempo.get("events"))
    ]
    if overall.get("isEnabled") is True or not changes:
        changes = [tempo_change(0, number(overall.get("value"), 12000) / 100)]
    meters = meters_at_bars(
        (number(event.get("bar"), 0), number(event.get("numer"), 4), number(event.get("denom"), 4))
        for event in nodes(node(master.get("timeSig")).get("events"))
    )
    tracks = tuple(_track(track, index) for index, track in enumerate(singing))
    return Score(title, PPQ, tracks, TempoMap(PPQ, tempo_changes(changes)), meters, tuple(notices))


def _track(track: Node, index: int) -> Track:
    parts = sorted(nodes(track.get("parts")), key=lambda part: number(part.get("pos"), 0))
    notes: list[Note] = []
    points: dict[str, dict[int, float]] = {name: {} for name in _CONTROLLERS}
    languages: Counter[str] = Counter()
    for part in parts:
        start = number(part.get("pos"), 0)
        for item in nodes(part.get("notes"))[: MAX_NOTES - len(notes)]:
            onset, duration, pitch = (
                start + number(item.get("pos"), -1e9),
                number(item.get("duration"), 0),
                number(item.get("number"), 60),
            )
            if is_singable(onset, duration, pitch):
                lyric = from_vocaloid(text(item.get("lyric")), text(item.get("phoneme")))
                notes.append(Note(round(onset), round(duration), float(pitch), lyric=lyric))
                languages[LANGUAGES.get(_language(item, part), "")] += 1
        for controller in nodes(part.get("controllers")):
            name = text(controller.get("name"))
            if name in points:
                events = nodes(controller.get("events"))
                points[name].update({round(start + number(e.get("pos"), 0)): number(e.get("value"), 0) for e in events})
    return Track(
        name=text(track.get("name")) or f"Track {index + 1}",
        notes=in_order(notes),
        curves=vocaloid_curves(*points.values()),
        language=max(languages, key=lambda code: languages[code]) or None if languages else None,
        is_muted=track.get("isMuted") is True,
    )


def _language(item: Node, part: Node) -> int:
    """Return the note's own language, else that of the part's voice."""
    spoken = [node(part.get(key)).get("langID") for key in ("voice", "aiVoice")]
    return round(next((number(value, -1) for value in (item.get("langID"), *spoken) if value is not None), -1))
