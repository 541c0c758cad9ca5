"""Projects of other editors through LibreSVIP, which keeps times in two different ways in one model."""

import importlib.util
import sys
import warnings

import pytest

from engine.errors import ScoreError
from engine.score.formats.libresvip_formats import read_with_libresvip
from engine.score.types import Meter, Parameter

needs_libresvip = pytest.mark.skipif(importlib.util.find_spec("libresvip") is None, reason="libresvip is not installed")


def dump(path):
    """A song with a tempo and a meter change at tick 3840, in LibreSVIP's own terms (one bar later)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from libresvip.extension.manager import plugin_manager
        from libresvip.model import base
        from libresvip.model.point import Point

        def note(start, lyric, **options):
            return base.Note(start_pos=start, length=480, key_number=60, lyric=lyric, **options)

        track = base.SingingTrack(
            title="Lead", note_list=[note(0, "la"), note(480, "-"), note(1920, "day", head_tag="V", pronunciation="d ey")]
        )
        drawn = [Point(1920 + tick, 6000 + tick // 10) for tick in range(0, 960, 5)]
        edges = [Point.start_point(), Point(1920, -100), *drawn, Point(2880, -100), Point.end_point()]
        track.edited_params.pitch.points.root.extend(edges)
        project = base.Project(
            song_tempo_list=[base.SongTempo(position=0, bpm=120), base.SongTempo(position=5760, bpm=150)],
            time_signature_list=[base.TimeSignature(), base.TimeSignature(bar_index=3, numerator=3, denominator=4)],
            track_list=[track],
        )
        plugin_manager.plugins["svs"][path.suffix[1:]].dump(path, project, {})


@needs_libresvip
@pytest.mark.parametrize("suffix", ["json", "svp"])
def test_times_are_those_of_the_song(tmp_path, suffix):
    path = tmp_path / f"song.{suffix}"
    dump(path)
    score = read_with_libresvip(path, title="t")
    (track,) = score.tracks
    sung = [note for note in track.notes if note.lyric != "AP"]
    assert [(note.onset_ticks, note.duration_ticks, note.pitch) for note in sung] == [
        (0, 480, 60),
        (480, 480, 60),
        (1920, 480, 60),
    ]
    assert [note.lyric for note in sung[:2]] == ["la", "-"]
    assert [(change.tick, round(change.bpm)) for change in score.tempo_map.changes] == [(0, 120), (3840, 150)]
    if suffix == "svp":
        assert score.meters == (Meter(0, 4, 4), Meter(3840, 3, 4))
    curve = track.curve(Parameter.F0_HZ)
    start = next(tick for tick, value in zip(curve.ticks, curve.values, strict=True) if value > 0)
    assert start == pytest.approx(0, abs=10)
    assert max(curve.values) == pytest.approx(440 * 2 ** ((60.95 - 69) / 12), rel=0.003)


@needs_libresvip
def test_breath_and_hint_of_a_note(tmp_path):
    path = tmp_path / "song.json"
    dump(path)
    breath, note = read_with_libresvip(path, title="t").tracks[0].notes[2:]
    assert (breath.lyric, breath.onset_ticks, breath.offset_ticks) == ("AP", 1800, 1920)
    assert note.lyric == "day[d ey]"


@needs_libresvip
def test_damaged_and_unknown_files_are_score_errors(tmp_path):
    path = tmp_path / "song.svp"
    path.write_bytes(b"not json")
    with pytest.raises(ScoreError, match="could not be read"):
        read_with_libresvip(path, title="t")
    with pytest.raises(ScoreError, match="cannot read .xyz"):
        read_with_libresvip(tmp_path / "song.xyz", title="t")


def test_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "libresvip.extension.manager", None)
    with pytest.raises(ScoreError, match=r"pip install vocalese\[formats\]"):
        read_with_libresvip(tmp_path / "song.svp", title="t")
