"""UTAU aliases (VCV, CVVC, pitch suffixes, ends) as the syllables they stand for."""

import pytest

from engine.score.formats.ust import read_ust
from engine.score.formats.ustx import read_ustx
from engine.score.formats.utau_marks import read_aliases


def ust(*lyrics):
    notes = "".join(f"[#{n:04}]\nLength=480\nLyric={lyric}\nNoteNum={60 + n % 5}\n" for n, lyric in enumerate(lyrics))
    (track,) = read_ust(f"[#VERSION]\nUST Version1.2\n[#SETTING]\nTempo=120\n{notes}[#TRACKEND]\n".encode(), title="t").tracks
    return track


def lyrics(*written):
    return [note.lyric for note in ust(*written).notes]


KANA = ["ほ", "し", "ぞ", "ら"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["- ほ", "o し", "i ぞ", "o ら"], KANA),
        (["- ほC4", "o し_C4", "i ぞF#4", "o ら_A#3"], KANA),
        (["ほ↑", "し↓", "ぞ強", "ら弱"], KANA),
        (["ほ_P", "しSoft", "ぞ2", "ら_D5"], KANA),
        (["* ほ", "n し", "N ぞ", "ん ら"], KANA),
        (["ほ", "o sh", "し", "i z", "ぞ", "o r", "ら"], ["ほ", "-", "し", "-", "ぞ", "-", "ら"]),
        (["ほ", "o shC4", "し", "i z_C4"], ["ほ", "-", "し", "-"]),
        (["a きゃ", "a っ", "- ヴぁ", "a ん"], ["きゃ", "っ", "ヴぁ", "ん"]),
        (["か", "a ー", "ー", "-", "+"], ["か", "-", "-", "-", "+"]),
        (["か", "a 息", "息", "吸", "br1", "ブレス"], ["か", *["AP"] * 5]),
        (["お花", "君", "・あ", "?- か"], ["お花", "君", "あ", "か"]),
        (["- ほD4", "o し強D4", "i ぞ_弱", "o ら裏_D4"], KANA),
        (["ほ息", "し吸", "ぞ_息", "息R", "ら"], ["ほ", "し", "ぞ", "AP", "ら"]),
        (["- k", "か", "a k", "き"], ["R", "か", "-", "き"][1:]),
    ],
)
def test_kana(written, expected):
    assert lyrics(*written) == expected


@pytest.mark.parametrize("end", ["a R", "a RC4", "a R_C4", "a -", "a -C4", "n R", "- R", "R", "a R2", "a R_2"])
def test_ends_are_rests(end):
    track = ust("- か", end, "- き")
    assert [(note.lyric, note.onset_ticks) for note in track.notes] == [("か", 0), ("き", 960)]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["- 사", "a 랑", "ang 해", "ae R"], ["사", "랑", "해"]),
        (["사", "a r", "랑", "ng h", "해C4", "ae -"], ["사", "-", "랑", "-", "해"]),
        (["- 我", "o 爱_C4", "ai 你", "i R"], ["我", "爱", "你"]),
        (["사랑해", "my love", "R", "baby"], ["사랑해", "my love", "baby"]),
    ],
)
def test_hangul_and_chinese_characters(written, expected):
    assert lyrics(*written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["- ho", "o shi", "i zo", "o ra", "a R"], ["ho", "shi", "zo", "ra"]),
        (["- hoC4", "o shi_C4", "i zoF4", "o ra↑"], ["ho", "shi", "zo", "ra"]),
        (["- ho", "o sh", "shi", "i z", "zo", "o r", "ra", "a -"], ["ho", "-", "shi", "-", "zo", "-", "ra"]),
    ],
)
def test_romaji(written, expected):
    track = ust(*written)
    assert [note.lyric for note in track.notes] == expected
    assert track.language == "ja"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["- ni", "i h", "hao", "ao q", "qing", "ing R"], ["ni", "-", "hao", "-", "qing"]),
        (["- wo_C4", "o x", "xiang", "ang zh", "zhaoC4"], ["wo", "-", "xiang", "-", "zhao"]),
        (["shan", "shang", "qing", "feng", "R", "-"], ["shan", "shang", "qing", "feng", "-"]),
        (["wo3", "ai4", "ni3"], ["wo3", "ai4", "ni3"]),
    ],
)
def test_pinyin(written, expected):
    track = ust(*written)
    assert ([note.lyric for note in track.notes], track.language) == (expected, "zh")


@pytest.mark.parametrize("words", [["me", "she", "song", "men"], ["to", "be", "or", "not"], ["a", "sing", "ran", "a"]])
def test_words_that_look_like_syllables(words):
    assert (lyrics(*words), ust(*words).language) == (words, None)


def test_words_stay_words():
    words = ["a", "way", "I see", "o come", "mercy", "A4", "C", "R2", "glow", "MP3", "a-", "word[w er d]", "*now*"]
    assert lyrics(*words) == words
    assert ust(*words).language is None


def test_pitch_suffixes_of_words():
    assert lyrics("loveC4", "you_F#4", "too↑") == ["love", "you", "too"]


def test_openutau_projects():
    notes = "".join(
        f"  - {{position: {480 * n}, duration: 480, tone: 60, lyric: '{lyric}'}}\n"
        for n, lyric in enumerate(["- ほ", "o しC4", "i R"])
    )
    data = f"ustx_version: '0.6'\nresolution: 480\ntracks:\n- track_name: Lead\nvoice_parts:\n- track_no: 0\n  notes:\n{notes}"
    (track,) = read_ustx(data.encode(), title="t").tracks
    assert [note.lyric for note in track.notes] == ["ほ", "し", "R"]


def test_empty_aliases():
    assert read_aliases([]) == ((), None)
    assert read_aliases([None, ""]) == ((None, None), None)
