"""HTS labels: seconds to units of 100 ns and back."""

import pytest

from engine.errors import ScoreError
from engine.score.formats.lab import read_lab, write_lab


def test_round_trip():
    spans = [(0.0, 0.25, "sil"), (0.25, 0.3000001, "k"), (0.3000001, 1.0, "a")]
    assert write_lab(spans).splitlines()[1] == b"2500000 3000001 k"
    assert read_lab(write_lab(spans)) == spans


def test_full_context_labels_and_blank_lines():
    assert read_lab(b"0 100 x^x-sil+k=a@1 /A:2\n\n") == [(0.0, 1e-5, "x^x-sil+k=a@1 /A:2")]


@pytest.mark.parametrize("data", [b"0 100", b"a b c", b"-1 5 a", b"100 0 a", b"\xff\xfe", b"1.5 2 a", "\u0663 5 a".encode()])
def test_unusable_files_are_score_errors(data):
    with pytest.raises(ScoreError):
        read_lab(data)
