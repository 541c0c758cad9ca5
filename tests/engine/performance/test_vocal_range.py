"""Does a melody fit, and what is proposed if not."""

import pytest

from engine.performance import check_range, note_name


@pytest.mark.parametrize(
    ("pitches", "outside", "proposed"),
    [
        ([], 0.0, 0),
        ([48, 60, 76], 0.0, 0),
        ([47, 60], 0.5, 12),  # an octave before a semitone: it keeps the key
        ([47, 75], 0.5, 1),  # but a semitone where an octave would not help
        ([84, 86, 88], 1.0, -12),
        ([36, 40], 1.0, 12),
        ([24, 30], 1.0, 24),
        ([77, 79, 81, 60], 0.75, -12),
        ([30, 90], 1.0, 24),  # wider than the voice: half of it is better than nothing
        ([20, 110], 1.0, 36),
        ([60] * 99 + [78], 0.01, -12),
    ],
)
def test_the_proposed_transposition_fits_the_range(pitches, outside, proposed):
    report = check_range(pitches, 48, 76)
    assert report.outside == pytest.approx(outside)
    moved = check_range([pitch + report.proposed_transpose for pitch in pitches], 48, 76)
    assert moved.outside <= report.outside
    assert report.proposed_transpose == proposed


def test_the_warning_names_notes_range_and_transposition():
    sentence = check_range([84, 86], 48, 76).sentence("kathleen", 48, 76)
    assert sentence == "100 % of the notes (C6-D6) lie outside the range of 'kathleen' (C3-E5). Try --transpose -12."
    assert check_range([60], 48, 76).sentence("kathleen", 48, 76) is None


@pytest.mark.parametrize(("pitch", "name"), [(60, "C4"), (69, "A4"), (0, "C-1"), (127, "G9"), (61.4, "C#4")])
def test_note_names(pitch, name):
    assert note_name(pitch) == name
