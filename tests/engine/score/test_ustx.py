"""OpenUtau projects: a round trip keeps every tick, cent and curve point."""

import contextlib
import random
import time

import pytest

from engine.errors import ScoreError
from engine.score.formats.ustx import read_ustx, write_ustx
from engine.score.types import Curve, Meter, Note, Parameter, PitchPoint, Score, TempoChange, TempoMap, Track, Vibrato

PROJECT = """\
name: New Project
ustx_version: "0.6"
resolution: 480
bpm: 99
time_signatures:
- bar_position: 0
  beat_per_bar: 3
  beat_unit: 4
- bar_position: 2
  beat_per_bar: 6
  beat_unit: 8
tempos:
- position: 0
  bpm: 90
- position: 1440
  bpm: 120
tracks:
- track_name: Lead
  phonemizer: OpenUtau.Core.DiffSinger.DiffSingerEnglishPhonemizer
voice_parts:
- name: Part
  track_no: 0
  position: 480
  notes:
  - position: 0
    duration: 240
    tone: 60
    lyric: no
    pitch:
      data:
      - {x: -40, y: 7, shape: io}
      - {x: 40, y: 0, shape: l}
      snap_first: true
    vibrato: {length: 0, period: 175, depth: 25, in: 10, out: 10, shift: 0, drift: 0, vol_link: 0}
  - position: 240
    duration: 240
    tone: 62
    tuning: -50
    lyric: "+~"
    pitch:
      data:
      - {x: -25, y: 7, shape: o}
      - {x: 40, y: 5.5, shape: l}
      snap_first: true
    vibrato: {length: 70, period: 160, depth: 30, in: 20, out: 30, shift: 5, drift: -3, vol_link: 1}
    phoneme_expressions:
    - {index: , abbr: vol, value: 80}
  curves:
  - {xs: [0, 5, 10], ys: [0, 100, -5], abbr: pitd}
  - {xs: [0, 10], ys: [-60, 0], abbr: dyn}
  - {xs: [0, 10], ys: [100, 40], abbr: voic}
- name: Part 2
  track_no: 0
  position: 1920
  notes:
  - {position: 0, duration: 480, tone: 64, lyric: "word[w er d]"}
  curves:
  - {xs: [0, 10], ys: [50, 0], abbr: pitd}
wave_parts: []
"""


def test_reads_every_field():
    score = read_ustx(PROJECT.encode(), title="t")
    (track,) = score.tracks
    assert (track.name, track.language) == ("Lead", "en")
    first, second, third = track.notes
    assert (first.onset_ticks, first.duration_ticks, first.pitch, first.lyric, first.vibrato) == (480, 240, 60, "no", None)
    assert first.pitch_points == (PitchPoint(-40, 0, "io"), PitchPoint(40, 0, "l"))  # nothing before: snaps to itself
    assert (second.pitch, second.lyric, second.velocity) == (61.5, "-", 80)
    assert second.vibrato == Vibrato(70, 160, 30, 20, 30, 5, -3, 1)
    assert second.pitch_points == (PitchPoint(-25, -150, "o"), PitchPoint(40, 55, "l"))
    assert (third.onset_ticks, third.lyric) == (1920, "word[w er d]")
    assert score.meters == (Meter(0, 3, 4), Meter(2880, 6, 8))
    assert [(change.tick, round(change.bpm, 6)) for change in score.tempo_map.changes] == [(0, 90), (1440, 120)]


def test_curves_are_absolute_and_neutral_between_parts():
    track = read_ustx(PROJECT.encode(), title="t").tracks[0]
    bend = track.curve(Parameter.BEND_CENTS)
    assert bend == Curve(Parameter.BEND_CENTS, (480, 485, 490, 491, 1919, 1920, 1930), (0, 100, -5, 0, 0, 50, 0))
    assert track.curve(Parameter.DYNAMICS_DB) == Curve(Parameter.DYNAMICS_DB, (480, 490), (-6, 0))
    assert track.curve(Parameter.VOICING) == Curve(Parameter.VOICING, (480, 490), (1, 0.4))


def test_old_versions_keep_tempo_and_meter_at_the_top():
    score = read_ustx(b"bpm: 75\nbeat_per_bar: 6\nbeat_unit: 8\ntracks: []\n", title="t")
    assert round(score.tempo_map.changes[0].bpm, 6) == 75
    assert score.meters == (Meter(0, 6, 8),)


def example(rng: random.Random) -> Score:
    tracks = []
    for number in range(3):
        tick, notes = 0, []
        for _ in range(200):
            tick += rng.choice([0, 0, 1, 117, 480])
            points = tuple(
                PitchPoint(rng.randint(-80, 80) / 4, rng.randint(-240, 240), rng.choice("io i o l".split())) for _ in "ab"
            )
            notes.append(
                Note(
                    onset_ticks=tick,
                    duration_ticks=rng.randint(1, 999),
                    pitch=rng.randint(3000, 9000) / 100,
                    velocity=rng.randint(1, 127),
                    lyric=rng.choice(
                        [
                            "no",
                            "on",
                            "+",
                            "-",
                            "+2",
                            None,
                            "你",
                            "12",
                            "~",
                            "word[w er d]",
                            "AP",
                            "R",
                            "'a: b #c",
                            "null",
                            "*love*",
                        ]
                    ),
                    vibrato=Vibrato(*(rng.randint(1, 100) for _ in range(8))) if rng.random() < 0.5 else None,
                    pitch_points=rng.choice([(), points]),
                    is_accented=rng.random() < 0.5,
                )
            )
            tick += notes[-1].duration_ticks
        ticks = tuple(sorted(rng.sample(range(20_000), 500)))
        curves = (
            Curve(Parameter.BEND_CENTS, ticks, tuple(float(rng.randint(-1200, 1200)) for _ in ticks)),
            Curve(Parameter.DYNAMICS_DB, ticks, tuple(rng.randint(-240, 120) / 10 for _ in ticks)),
            Curve(Parameter.TENSION, ticks, tuple(rng.randint(-100, 100) / 100 for _ in ticks)),
            Curve(Parameter.BREATHINESS, ticks, tuple(rng.randint(-100, 100) / 100 for _ in ticks)),
            Curve(Parameter.VOICING, ticks, tuple(rng.randint(0, 100) / 100 for _ in ticks)),
            Curve(Parameter.GENDER, ticks, tuple(rng.randint(-100, 100) / 100 for _ in ticks)),
            Curve(Parameter.TONE_SHIFT_CENTS, ticks, tuple(float(rng.randint(-1200, 1200)) for _ in ticks)),
            Curve(Parameter.COLOUR, ticks, tuple(rng.randint(0, 100) / 100 for _ in ticks)),
        )
        tracks.append(Track(f"Track {number}", tuple(notes), curves))
    tempos = TempoMap(480, (TempoChange(0, 60e6 / 90), TempoChange(1920, 60e6 / 133.7)))
    return Score("Song", 480, tuple(tracks), tempos, (Meter(0, 3, 4), Meter(2880, 7, 8)))


@pytest.mark.slow
def test_round_trip_keeps_ticks_cents_and_curves():
    score = example(random.Random(7))
    back = read_ustx(write_ustx(score), title="Song")
    assert back.meters == score.meters
    for change, original in zip(back.tempo_map.changes, score.tempo_map.changes, strict=True):
        assert change.tick == original.tick
        assert change.us_per_beat == pytest.approx(original.us_per_beat, rel=1e-10)
    for track, original in zip(back.tracks, score.tracks, strict=True):
        assert track.curves == original.curves
        assert track.name == original.name
        for note, written in zip(track.notes, original.notes, strict=True):
            assert note.pitch == pytest.approx(written.pitch, abs=1e-9)
            assert [p.cents for p in note.pitch_points] == pytest.approx([p.cents for p in written.pitch_points], abs=1e-6)
            assert [(p.time_ms, p.shape) for p in note.pitch_points] == [(p.time_ms, p.shape) for p in written.pitch_points]
            assert (note.onset_ticks, note.duration_ticks, note.velocity) == (
                written.onset_ticks,
                written.duration_ticks,
                written.velocity,
            )
            assert (note.lyric, note.vibrato, note.is_accented) == (written.lyric, written.vibrato, written.is_accented)


def test_other_resolutions_are_rescaled_and_hyphens_become_words():
    notes = tuple(Note(i * 960, 960, 60, lyric=text) for i, text in enumerate(["a-", "-", "way", "go"]))
    back = read_ustx(write_ustx(Score("t", 960, (Track("v", notes),), TempoMap(960))), title="t")
    assert [(n.onset_ticks, n.lyric) for n in back.tracks[0].notes] == [(0, "away"), (480, "-"), (960, "+"), (1440, "go")]


def test_emphasis_of_a_piece_becomes_that_of_the_word():
    notes = tuple(Note(i * 480, 480, 60, lyric=text) for i, text in enumerate(["*a-", "way*", "beau-", "*ti*-", "ful", "go"]))
    back = read_ustx(write_ustx(Score("t", 480, (Track("v", notes),), TempoMap(480))), title="t")
    assert [n.lyric for n in back.tracks[0].notes] == ["*away*", "+", "*beautiful*", "+", "+", "go"]


@pytest.mark.parametrize(("attack", "is_accented"), [(100, False), (119, False), (120, True), (200, True), ("loud", False)])
def test_a_louder_attack_is_an_accent(attack, is_accented):
    changed = PROJECT.replace("{index: , abbr: vol, value: 80}", f"{{index: 0, abbr: atk, value: {attack}}}")
    notes = read_ustx(changed.encode(), title="t").tracks[0].notes
    assert [note.is_accented for note in notes] == [False, is_accented, False]
    assert notes[1].velocity == 100


def test_stepped_curves_stay_steps():
    curve = Curve(Parameter.TENSION, (0, 100), (0.0, 1.0), stepped=True)
    back = read_ustx(write_ustx(Score("t", 480, (Track("v", (), (curve,)),), TempoMap(480))), title="t")
    assert back.tracks[0].curves == (Curve(Parameter.TENSION, (0, 99, 100), (0, 0, 1)),)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"just text",
        b"a: [",
        b"\xff\xfe\x00",
        b"- 1\n- 2",
        b"tracks: &a [1]\nb: *a",
        b"[" * 5000,
        b"tracks: []\nresolution: -1",
    ],
)
def test_unusable_files_are_score_errors(data):
    with pytest.raises(ScoreError):
        read_ustx(data, title="t")


def test_fuzzed_files_are_read_or_refused():
    rng = random.Random(3)
    numbers = ["-1", "nan", "1e400", "[]", "{}", "99999999999999999999", "''", "x"]
    for _ in range(500):
        lines = PROJECT.splitlines()
        for _ in range(rng.randint(1, 4)):
            i = rng.randrange(len(lines))
            key, separator, _value = lines[i].partition(": ")
            action = rng.randrange(3)
            if action == 0:
                lines[i] = key + separator + rng.choice(numbers)
            elif action == 1:
                lines[i] = lines[i][: rng.randrange(len(lines[i]) + 1)]
            else:
                lines.insert(i, rng.choice(lines))
        started = time.process_time()
        with contextlib.suppress(ScoreError):
            assert isinstance(read_ustx("\n".join(lines).encode(), title="t"), Score)
        assert time.process_time() - started < 2


def test_yaml_tags_build_no_objects(tmp_path):
    """Tags that PyYAML's unsafe loader would run are read as plain text."""
    made = tmp_path / "made"
    for tag in (
        f'!!python/object/apply:os.mkdir ["{made}"]',
        f'!!python/object/new:os.mkdir ["{made}"]',
        "!!python/name:os.system x",
    ):
        try:
            score = read_ustx(PROJECT.replace("name: New Project", f"name: {tag}").encode(), title="")
        except ScoreError:
            continue
        assert isinstance(score.title, str)
    assert not made.exists()
