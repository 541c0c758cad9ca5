"""The song as a session knows it: clips and scores, tempo maps, and what changes when they do."""

from __future__ import annotations

import math

import pytest
from sequencer_bench import clip

from bridge.protocol.events import ClipCurve, CurvePoint, TempoPoint
from bridge.song.timeline import TICKS_PER_QUARTER, Timeline, TrackSettings, first_difference_s
from engine import Note, Parameter, Score, TempoChange, TempoMap, Track


def tempo_map(*changes: tuple[float, float]) -> TempoMap:
    return TempoMap(480, tuple(TempoChange(round(ppq * 480), 60e6 / bpm) for ppq, bpm in changes))


def test_a_clip_becomes_notes_where_it_lies() -> None:
    timeline = Timeline().with_clip(clip([(0, 1, 60, "stay"), (1.5, 0.5, 62, "")], start=4.0))
    notes = timeline.score_of(0).tracks[0].notes
    assert [(note.onset_ticks / TICKS_PER_QUARTER, note.duration_ticks / TICKS_PER_QUARTER) for note in notes] == [
        (4, 1),
        (5.5, 0.5),
    ]
    assert [(note.pitch, note.velocity, note.lyric) for note in notes] == [(60, 102, "stay"), (62, 102, None)]


def test_a_clip_replaces_the_one_with_its_number_and_is_cut_at_its_end() -> None:
    timeline = Timeline().with_clip(clip([(0, 1, 60, "a")])).with_clip(clip([(2, 1, 64, "b")], number=2))
    timeline = timeline.with_clip(clip([(0, 9, 61, "c"), (4, 1, 61, "d")], revision=2, length=1.5))
    notes = timeline.score_of(0).tracks[0].notes
    assert [note.lyric for note in notes] == ["c", "b"]
    assert notes[0].duration_ticks == 1.5 * TICKS_PER_QUARTER


def test_curves_of_clips_hold_to_their_borders() -> None:
    def with_curve(start: float, number: int, *points: tuple[float, float]):
        curve = ClipCurve(0, number, 1, 0, "tension", tuple(CurvePoint(*point) for point in points))
        plain = clip([(0, 1, 60, "a")], start=start, number=number, length=4.0)
        return type(plain)(0, number, 1, start, 4.0, plain.notes, (curve,))

    timeline = Timeline().with_clip(with_curve(0.0, 1, (1.0, 0.5), (2.0, 0.25))).with_clip(with_curve(4.0, 2, (0.0, -1.0)))
    (curve,) = timeline.score_of(0).tracks[0].curves
    assert curve.parameter is Parameter.TENSION
    quarter = TICKS_PER_QUARTER
    assert list(zip(curve.ticks, curve.values, strict=True)) == [
        (0, 0.5), (quarter, 0.5), (2 * quarter, 0.25), (4 * quarter - 1, 0.25), (4 * quarter, -1.0), (8 * quarter - 1, -1.0),
    ]  # fmt: skip


def test_a_loaded_score_keeps_its_ticks_and_leaves_out_what_is_not_sung() -> None:
    sung = Track("lead", (Note(480, 480, 60.0, lyric="la"),))
    score = Score("song", 480, (Track("bass", (Note(0, 480, 40.0),)), sung), tempo_map((0, 90)))
    timeline = Timeline.of_score(score, TrackSettings(semitones=1.0))
    assert [track.name for track in timeline.tracks.values()] == ["lead"]
    assert timeline.score_of(0).tracks == (sung,)
    assert timeline.score_of(0).tempo_map == score.tempo_map


@pytest.mark.parametrize("ppq", [0.0, 1.0, 3.75, 17.1])
def test_places_turn_into_seconds_and_back(ppq: float) -> None:
    timeline = Timeline().with_tempo(3, (TempoPoint(0, 90, 4, 4), TempoPoint(2, 133, 4, 4), TempoPoint(7.5, 61.5, 3, 4)))
    assert timeline.ppq_at(timeline.seconds_at(ppq)) == pytest.approx(ppq, abs=1e-9)
    assert timeline.tempo_revision == 3
    assert timeline.sample_at(2.0, 48_000) == 64_000
    assert [timeline.bpm_at(place) for place in (0, 2, 8)] == pytest.approx([90, 133, 61.5])


@pytest.mark.parametrize(
    ("before", "after", "until_s"),
    [
        (tempo_map((0, 120)), tempo_map((0, 120)), math.inf),
        (tempo_map(), tempo_map((0, 120)), math.inf),
        (tempo_map((0, 120)), tempo_map((0, 120), (4, 120)), math.inf),
        (tempo_map((0, 120)), tempo_map((0, 121)), 0.0),
        (tempo_map((0, 120)), tempo_map((0, 120), (8, 90)), 4.0),
        (tempo_map((0, 120), (8, 90)), tempo_map((0, 120)), 4.0),
        (tempo_map((0, 60), (2, 120), (4, 70)), tempo_map((0, 60), (2, 120), (4, 71)), 3.0),
    ],
)
def test_up_to_where_two_tempo_maps_agree(before: TempoMap, after: TempoMap, until_s: float) -> None:
    assert first_difference_s(before, after) == until_s


def test_the_whole_song_at_a_sender_s_tempo() -> None:
    timeline = Timeline().with_tempo(0, (TempoPoint(0, 100, 4, 4), TempoPoint(8, 50, 4, 4)))
    faster = timeline.at_tempo(110.0, ppq=3.0)
    assert [faster.bpm_at(place) for place in (0, 9)] == pytest.approx([110, 55])
    assert Timeline().at_tempo(60.0, ppq=1.0).seconds_at(2.0) == 2.0
