"""Polyphonic tracks as lanes."""

import pytest

from engine.score import Curve, Note, Parameter, TempoChange, TempoMap, Track, split_lanes
from engine.score.lanes import MAX_LANES


def track(*notes):
    return Track("Vox", tuple(Note(onset, duration, pitch, lyric=lyric) for onset, duration, pitch, lyric in notes))


def lanes_of(*notes):
    lanes, _ = split_lanes(track(*[(*note, None) for note in notes]))
    return [[(note.onset_ticks, note.duration_ticks, note.pitch) for note in lane.notes] for lane in lanes]


@pytest.mark.parametrize("notes", [(), ((0, 480, 60, "la"),), ((0, 480, 60, "la"), (480, 480, 62, None), (1000, 1, 62, "-"))])
def test_monophonic_tracks_stay_the_same_object(notes):
    monophonic = track(*notes)
    assert split_lanes(monophonic) == ((monophonic,), ())
    assert split_lanes(monophonic)[0][0] is monophonic


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        # a chord: highest first
        ([(0, 480, 60), (0, 480, 64), (0, 480, 67)], [[(0, 480, 67)], [(0, 480, 64)], [(0, 480, 60)]]),
        # two chords, lone notes between them on the upper line
        (
            [(0, 480, 60), (0, 480, 64), (480, 480, 62), (960, 480, 59), (960, 480, 62)],
            [[(0, 480, 64), (480, 480, 62), (960, 480, 62)], [(0, 480, 60), (960, 480, 59)]],
        ),
        # a held low note that starts first is still the lower lane
        ([(0, 1920, 48), (480, 480, 72), (960, 480, 74)], [[(480, 480, 72), (960, 480, 74)], [(0, 1920, 48)]]),
        # a lone bass note over an octave below stays with the bass
        ([(0, 480, 48), (0, 480, 72), (480, 480, 47)], [[(0, 480, 72)], [(0, 480, 48), (480, 480, 47)]]),
        # legato: 10 % of the note
        ([(0, 480, 60), (432, 480, 62)], [[(0, 432, 60), (432, 480, 62)]]),
        # a short note may overlap by a 32nd (60 ticks at 480)
        ([(0, 80, 60), (25, 80, 62)], [[(0, 25, 60), (25, 80, 62)]]),
        # half of the note is another voice
        ([(0, 480, 60), (240, 480, 62)], [[(240, 480, 62)], [(0, 480, 60)]]),
        # a note inside the tail of another is another voice
        ([(0, 2000, 60), (1700, 200, 62)], [[(1700, 200, 62)], [(0, 2000, 60)]]),
        # one voice cannot hold a key that it strikes again
        ([(0, 480, 60), (240, 480, 60)], [[(0, 240, 60), (240, 480, 60)]]),
        # legato chords keep their lines
        (
            [(0, 490, 60), (0, 490, 64), (480, 480, 62), (480, 480, 65)],
            [[(0, 480, 64), (480, 480, 65)], [(0, 480, 60), (480, 480, 62)]],
        ),
    ],
)
def test_lanes(notes, expected):
    assert lanes_of(*notes) == expected


def line(count, gap, length, *, start=0):
    return [(start + gap * n, length, 60 + n % 7) for n in range(count)]


def count_lanes(notes, *, bpm=120.0, ppq=480):
    tempo_map = TempoMap(ppq, (TempoChange(0, 60e6 / bpm),))
    return len(split_lanes(track(*[(*note, None) for note in notes]), ppq=ppq, tempo_map=tempo_map)[0])


@pytest.mark.parametrize(
    ("gap", "length", "bpm"),
    [
        (120, 197, 120),  # sixteenths held 80 ms too long
        (120, 240, 120),  # a sixteenth too long
        (240, 360, 120),
        (240, 360, 60),
        (480, 600, 200),
        (240, 240 + 190, 240),  # 99 ms are more than a sixteenth here
    ],
)
def test_late_releases_stay_one_line(gap, length, bpm):
    lanes, _ = split_lanes(
        track(*[(*note, "la") for note in line(8, gap, length)]), tempo_map=TempoMap(480, (TempoChange(0, 60e6 / bpm),))
    )
    (lane,) = lanes
    assert [(note.onset_ticks, note.duration_ticks) for note in lane.notes[:-1]] == [(gap * n, gap) for n in range(7)]
    assert lane.notes[-1].duration_ticks == length


@pytest.mark.parametrize(
    ("notes", "lanes"),
    [
        (line(8, 120, 361), 3),  # each note goes on under the two that follow
        ([(0, 480, 60), (120, 360, 64), (240, 240, 67), (360, 120, 72)], 4),  # a broken chord held to its end
        ([(0, 100, 60), (15, 100, 64), (30, 100, 67)], 3),  # a short chord that is rolled
        ([(0, 480, 60), (345, 480, 62)], 1),
        ([(0, 400, 60), (200, 400, 62)], 2),  # overlaps by more than a sixteenth
        ([(0, 240, 72), (0, 120, 60), (120, 120, 62), (240, 240, 74), (240, 120, 60), (360, 120, 59)], 2),  # two voices
        ([(0, 240, 60), (0, 120, 72), (120, 120, 74), (240, 240, 62), (240, 120, 72), (360, 120, 71)], 2),
        ([(480 * n, 440, 60 + n + step) for n in range(6) for step in (0, 4, 7)], 3),
    ],
)
def test_chords_and_voices_are_lanes(notes, lanes):
    assert count_lanes(notes) == lanes


def test_two_voices_keep_their_notes():
    upper, lower = [(0, 240, 72), (240, 240, 74)], [(0, 120, 60), (120, 120, 62), (240, 120, 60), (360, 120, 59)]
    assert lanes_of(*sorted(upper + lower)) == [upper, lower]


def test_every_lane_that_starts_at_a_word_gets_it():
    lanes, _ = split_lanes(
        track((0, 480, 60, None), (0, 480, 64, "oh"), (480, 960, 59, "yeah"), (480, 480, 62, None), (960, 480, 64, "-"))
    )
    assert [[note.lyric for note in lane.notes] for lane in lanes] == [["oh", "yeah", "-"], ["oh", "yeah"]]


def test_lanes_keep_curves_and_flags():
    curve = Curve(Parameter.VOLUME, (0,), (1.0,), stepped=True)
    chord = Track("Vox", (Note(0, 480, 60.0), Note(0, 480, 64.0)), (curve,), language="en")
    lanes, notices = split_lanes(chord)
    assert [lane.name for lane in lanes] == ["Vox", "Vox (lane 2)"]
    assert all((lane.curves, lane.language) == ((curve,), "en") for lane in lanes)
    assert "split into 2 lanes" in notices[0]


def test_trimming_is_reported():
    _, notices = split_lanes(track((0, 490, 60, None), (480, 480, 62, None)))
    assert notices == ('"Vox": small overlaps with the next note were trimmed (1 notes).',)


def test_the_32nd_follows_the_resolution():
    notes = track((0, 80, 60, None), (25, 80, 62, None))
    assert len(split_lanes(notes, ppq=96)[0]) == 2


def test_there_is_a_limit_to_voices():
    lanes, notices = split_lanes(track(*[(0, 480, pitch, None) for pitch in range(100)]))
    assert len(lanes) == MAX_LANES
    assert lanes[0].notes[0].pitch == 99
    assert any("left out (68 notes)" in notice for notice in notices)
