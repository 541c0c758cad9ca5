"""Pictures appear for any stem, range and script, without warnings (which the test run turns into errors)."""

import subprocess
import sys

import numpy as np
import pytest

from engine.errors import OutputError, SettingsError
from engine.evaluate.accuracy import measure_accuracy
from engine.evaluate.plot import MAX_DURATION_S, plot_accuracy

RATE = 16000
NOTES = [
    (0.2, 0.8, 57, "sum"),
    (0.8, 1.1, 60, "夜の歌"),
    (1.1, 1.6, 61.5, "$x_"),
    (1.6, 1.9, 57, "👩‍🎤\n\x00"),
    (2.2, 2.5, 57, None),
]


@pytest.fixture(scope="module")
def sung():
    samples = 0.3 * np.sin(2 * np.pi * 220 * np.arange(3 * RATE) / RATE)
    return samples, measure_accuracy(samples, RATE, NOTES)


def size_of(path):
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")


def test_any_script_and_markup_in_lyrics_can_be_drawn(tmp_path, sung):
    path = plot_accuracy(tmp_path / "a.png", sung[0], RATE, sung[1], title="夜 $\\frac{1}{0}$ – Lead")
    width, height = size_of(path)
    assert width == 1760 and 600 < height < 900


def test_equal_input_gives_an_equal_picture(tmp_path, sung):
    files = [plot_accuracy(tmp_path / name, sung[0], RATE, sung[1]).read_bytes() for name in ("a.png", "b.png")]
    assert files[0] == files[1]


@pytest.mark.parametrize(("start_s", "duration_s", "rows"), [(0, 45, 3), (1.5, 0.5, 1), (3.0, None, 1), (2.9, 40, 2)])
def test_rows_hold_at_most_20_s(tmp_path, sung, start_s, duration_s, rows):
    path = plot_accuracy(tmp_path / "a.png", sung[0], RATE, sung[1], start_s=start_s, duration_s=duration_s)
    assert size_of(path)[1] == pytest.approx(110 * (0.95 + 5.6 * rows), abs=1)


def test_silence_and_empty_scores_can_be_drawn(tmp_path):
    for samples in (np.zeros(0), np.zeros(1), np.zeros(RATE)):
        assert plot_accuracy(tmp_path / "a.png", samples, RATE, measure_accuracy(samples, RATE, [])).stat().st_size > 1000


@pytest.mark.parametrize("options", [{"start_s": -1}, {"start_s": 4}, {"duration_s": 0}, {"duration_s": MAX_DURATION_S + 1}])
def test_impossible_ranges_are_refused(tmp_path, sung, options):
    with pytest.raises(SettingsError, match=r"The picture cannot .* Valid: "):
        plot_accuracy(tmp_path / "a.png", sung[0], RATE, sung[1], **options)


def test_a_place_that_cannot_be_written_is_named(tmp_path, sung):
    with pytest.raises(OutputError, match="a.png cannot be written"):
        plot_accuracy(tmp_path / "none" / "a.png", sung[0], RATE, sung[1], duration_s=1)


def test_heavy_libraries_are_imported_only_when_needed():
    code = "import sys, engine.evaluate.plot; sys.exit(any(m in sys.modules for m in ('matplotlib', 'parselmouth', 'soxr')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
