"""DiffSinger scripts: seconds, words or phonemes, F0; and what is written reads back."""

import contextlib
import json
import random
import time

import pytest

from engine.errors import ScoreError
from engine.score.formats.ds import TICKS_PER_SECOND, note_name, note_pitch, read_ds
from engine.score.types import Parameter, Score

SEGMENT = {
    "offset": 1.25,
    "text": "AP 清 晨 SP 的",
    "ph_seq": "AP q ing ch en SP d e",
    "ph_num": "2 2 1 2 1",
    "note_seq": "rest C4 D#4 F4 rest A4+50",
    "note_dur": "0.2 0.30005 0.25 0.1 0.15 0.5",
    "note_slur": "0 0 0 1 0 0",
    "f0_seq": "0.0 261.6 262.0 311.1",
    "f0_timestep": "0.005",
}


def read(**changes):
    segment = {key: value for key, value in {**SEGMENT, **changes}.items() if value is not None}
    return read_ds(json.dumps([segment]).encode(), title="t")


def seconds(score):
    return [(note.onset_ticks / TICKS_PER_SECOND, note.duration_ticks / TICKS_PER_SECOND) for note in score.tracks[0].notes]


def lyrics(score):
    return [note.lyric for note in score.tracks[0].notes]


def test_notes_words_slurs_and_breath():
    score = read()
    assert lyrics(score) == ["AP", "清", "晨", "-", "的"]
    assert [note.pitch for note in score.tracks[0].notes] == [60, 60, 63, 65, 69.5]
    for (onset, length), expected in zip(
        seconds(score), [(1.25, 0.2), (1.45, 0.3), (1.75, 0.25), (2.0, 0.1), (2.25, 0.5)], strict=True
    ):
        assert onset == pytest.approx(expected[0], abs=0.5e-3)
        assert length == pytest.approx(expected[1], abs=0.5e-3)
    assert score.tempo_map.seconds_at(12_500) == 1.25


@pytest.mark.parametrize("text", ["清晨的", "AP清晨SP的", "清 晨 的"])
def test_words_without_rests_or_blanks(text):
    assert [lyric for lyric in lyrics(read(text=text)) if lyric != "AP"] == ["清", "晨", "-", "的"]


def test_phonemes_are_hints_when_the_text_does_not_fit():
    score = read(text="something else entirely here", ph_seq="AP k iy p ah SP m iy")
    assert lyrics(score) == ["AP", "[k iy]", "[p ah]", "-", "[m iy]"]
    assert lyrics(read(text="something else entirely here")) == ["AP", "qing", "chen", "-", "de"]
    assert lyrics(read(text=None, ph_num=None)) == ["qing", "chen", "-", "de"]
    assert lyrics(read(text=None, ph_num=None, ph_seq=None)) == [None, None, "-", None]


def test_f0_curve_ends_with_its_segment():
    curve = read().tracks[0].curve(Parameter.F0_HZ)
    assert curve.ticks == (12_500, 12_550, 12_600, 12_650, 12_700)
    assert curve.values == (0, 261.6, 262, 311.1, 0)


def test_energy_is_relative_to_its_median():
    curve = read(energy="-30 -25 -20", energy_timestep=0.01).tracks[0].curve(Parameter.DYNAMICS_DB)
    assert curve.values == (-5, 0, 5)


@pytest.mark.parametrize("name", ["C4", "C#-1", "G9", "A4+49", "F#3-12.5"])
def test_note_names(name):
    assert note_name(note_pitch(name)) == name


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"[1]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"note_seq": "C4", "note_dur": "1 2"}',
        b'{"note_seq": "H4", "note_dur": "1"}',
        b'{"note_seq": "C4", "note_dur": "1e9"}',
        b'{"note_seq": "C4", "note_dur": "NaN"}',
        b'{"note_seq": "C4", "note_dur": "1", "offset": 1' + b"0" * 400 + b"}",
    ],
)
def test_unusable_files_are_score_errors(data):
    with pytest.raises(ScoreError):
        read_ds(data, title="t")


def test_fuzzed_files_are_read_or_refused():
    rng = random.Random(9)
    values = [None, 0, -1, 1e300, "", "x", [], {}, [None], "C4 rest", "1 1 1 1 1 1", float("nan"), "99999999999", True]
    for _ in range(500):
        segment = {**SEGMENT, "energy": "-3 -4", "energy_timestep": 0.01}
        for key in rng.sample(sorted(segment), rng.randint(1, 3)):
            segment[key] = rng.choice(values)
        data = json.dumps([segment, SEGMENT]).encode()
        started = time.process_time()
        with contextlib.suppress(ScoreError):
            assert isinstance(read_ds(data if rng.random() < 0.8 else data[: rng.randrange(len(data))], title="t"), Score)
        assert time.process_time() - started < 2


PINYIN = {
    "text": "SP shan shang qing feng SP",
    "ph_seq": "SP sh an sh ang q ing f eng SP",
    "ph_num": "2 2 2 2 1 1",
    "note_seq": "rest C4 D4 E4 D4 rest",
    "note_dur": "0.3 0.5 0.5 0.5 0.7 0.2",
    "note_slur": None,
    "f0_seq": None,
}


@pytest.mark.parametrize("changes", [{}, {"ph_num": None}, {"ph_seq": None, "ph_num": None}, {"text": "shan shang qing feng"}])
def test_pinyin_is_mandarin(changes):
    score = read(**{**PINYIN, **changes})
    assert lyrics(score) == ["shan", "shang", "qing", "feng"]
    assert score.tracks[0].language == "zh"


@pytest.mark.parametrize(
    ("phonemes", "expected", "language"),
    [
        ("sh ir s i0 y van l v", ["shi", "si", "yuan", "lv"], "zh"),
        ("y En x ie q v j ve", ["yan", "xie", "qu", "jue"], "zh"),
        ("zh/zh zh/uang er zh/w zh/o n a", ["zhuang", "er", "wo", "na"], "zh"),
        ("ky o r a ts u N", ["kyo", "ra", "tsu", "n"], "ja"),
        ("ja/k ja/o ja/n ja/i ja/sh ja/i ja/w ja/a", ["ko", "ni", "shi", "wa"], "ja"),
    ],
)
def test_phonemes_without_text(phonemes, expected, language):
    score = read(**{**PINYIN, "text": None, "ph_num": None, "ph_seq": f"SP {phonemes} AP"})
    assert (lyrics(score), score.tracks[0].language) == (expected, language)


def test_words_of_other_languages_stay_words():
    score = read(**{**PINYIN, "text": "me she song men", "ph_seq": "SP m iy sh iy s ao ng m eh n", "ph_num": "2 2 2 3 2"})
    assert (lyrics(score), score.tracks[0].language) == (["me", "she", "song", "men"], None)
    score = read(**{**PINYIN, "text": "山 上 清 风"})
    assert (lyrics(score), score.tracks[0].language) == (["山", "上", "清", "风"], None)


def test_scripts_with_a_note_for_every_phoneme():
    old = {
        "text": "AP小酒窝",
        "ph_seq": "AP x iao j iu w o o SP",
        "note_seq": "rest C4 C4 D4 D4 E4 E4 F4 rest",
        "note_dur_seq": "0.2 0.5 0.5 0.4 0.4 0.3 0.3 0.6 0.1",
        "is_slur_seq": "0 0 0 0 0 0 0 1 0",
        "input_type": "phoneme",
    }
    score = read_ds(json.dumps([old]).encode(), title="t")
    assert lyrics(score) == ["小", "酒", "窝", "-"]
    assert [note.pitch for note in score.tracks[0].notes] == [60, 62, 64, 65]
    assert [onset for onset, _ in seconds(score)] == pytest.approx([0.2, 0.7, 1.1, 1.4])
    score = read_ds(json.dumps([{**old, "text": None}]).encode(), title="t")
    assert lyrics(score) == ["xiao", "jiu", "wo", "-"]
    assert score.tracks[0].language == "zh"
