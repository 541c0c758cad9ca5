"""`vocalese inspect`: show the plan of a score without rendering it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from bridge.cli.inspect import InspectOptions
from engine import NoteKind, Plan, PlannedTrack, VoiceCard, load_card, note_name

from .common import EXIT_OK, bullet_list, searched_folders
from .plan import plan_file

_MARKS = {NoteKind.HOLD: "-", NoteKind.BREATH: "(breath)", NoteKind.REST: "(rest)"}


def run(options: InspectOptions) -> int:
    """Print the plan of one score."""
    plan = plan_file(options.score, options)
    card = load_card(options.voice, searched_folders(options))
    if options.as_json:
        print(json.dumps(_as_dict(plan, card), ensure_ascii=False))
    else:
        print("\n".join(_lines(plan, card)))
    return EXIT_OK


def _lines(plan: Plan, card: VoiceCard) -> Iterator[str]:
    first_bpm = plan.score.tempo_map.changes[0].bpm if plan.score.tempo_map.changes else 120.0
    yield f"{plan.score.title or 'untitled'}: {len(plan.tracks)} stem(s), {plan.seconds:.1f} s, {first_bpm:g} bpm at the start"
    if plan.warnings:
        yield bullet_list(plan.warnings, indent="  ")
    for planned in plan.tracks:
        yield ""
        yield f"{planned.name or 'track'}: {len(planned.track.notes)} notes in {len(planned.performed.phrases)} phrases{_range(planned, card)}"
        if planned.warnings:
            yield bullet_list(planned.warnings, indent="  ")
        for phrase in _phrase_texts(planned, plan):
            yield f"  {phrase}"


def _range(planned: PlannedTrack, card: VoiceCard) -> str:
    pitches = [note.pitch for note in planned.track.notes]
    if not pitches:
        return ""
    span = f"{note_name(min(pitches))}-{note_name(max(pitches))}"
    return f", {span} (the voice: {note_name(card.range_low)}-{note_name(card.range_high)})"


def _phrase_texts(planned: PlannedTrack, plan: Plan) -> Iterator[str]:
    """Yield a line per phrase: time, then syllables with their pitches."""
    if not planned.track.notes:
        for phrase in planned.performed.phrases:
            yield f"{phrase.start_s:7.2f} s  {' '.join(mark.text for mark in phrase.lyrics)}"
        return
    line: list[str] = []
    previous_end = 0
    start_s = 0.0
    for note, lyric in zip(planned.track.notes, planned.syllables.notes, strict=True):
        onset_s = plan.score.tempo_map.seconds_at(note.onset_ticks)
        if line and (onset_s - plan.score.tempo_map.seconds_at(previous_end) >= 0.25 or lyric.kind is NoteKind.BREATH):
            yield f"{start_s:7.2f} s  {' '.join(line)}"
            line = []
        if not line:
            start_s = onset_s
        text = _MARKS.get(lyric.kind) or "+".join(
            f"{s.marked_text}[{' '.join(p.symbol for p in s.phones)}]" for s in lyric.syllables
        )
        line.append(f"{note_name(note.pitch)}:{text}")
        previous_end = note.offset_ticks
    if line:
        yield f"{start_s:7.2f} s  {' '.join(line)}"


def _as_dict(plan: Plan, card: VoiceCard) -> dict[str, object]:
    return {
        "title": plan.score.title,
        "seconds": plan.seconds,
        "warnings": list(plan.warnings),
        "voice": {"name": card.name, "range_low": card.range_low, "range_high": card.range_high},
        "tracks": [
            {
                "name": planned.name,
                "phrases": len(planned.performed.phrases),
                "warnings": list(planned.warnings),
                "notes": [
                    {
                        "onset_s": round(plan.score.tempo_map.seconds_at(note.onset_ticks), 4),
                        "offset_s": round(plan.score.tempo_map.seconds_at(note.offset_ticks), 4),
                        "pitch": note.pitch,
                        "kind": lyric.kind.value,
                        "syllables": [s.text for s in lyric.syllables],
                        "phones": [" ".join(str(p) for p in s.phones) for s in lyric.syllables],
                    }
                    for note, lyric in zip(planned.track.notes, planned.syllables.notes, strict=True)
                ],
            }
            for planned in plan.tracks
        ],
    }
