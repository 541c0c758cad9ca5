"""Japanese text as GPT-SoVITS voices were told it: signs in words, marks, Latin words, accents where OpenJTalk is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import LyricError
from engine.lyrics import read_spoken_text
from engine.lyrics.languages.openjtalk import DICTIONARY_VARIABLE, _find, open_jtalk, open_jtalk_name
from engine.performance.types import Utterance
from engine.voices.gpt_sovits import japanese_text
from engine.voices.gpt_sovits.japanese_text import accent_marks, read_japanese, spelled_out
from engine.voices.gpt_sovits.networks.symbols import symbol_table
from engine.voices.gpt_sovits.text import read_utterance

NEEDS_OPEN_JTALK = pytest.mark.skipif(not open_jtalk_name(), reason="needs pyopenjtalk-plus")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("1,500円", "1500円"),
        ("¥3,000と$5", "3000円と5ドル"),
        ("25℃で60%", "25度で60パーセント"),
        ("６０％", "60パーセント"),
        ("5km、3kg", "5キロ、3キロ"),
        ("60km/h", "時速60キロ"),
        ("-5度", "マイナス5度"),
        ("3:30に", "3時30分に"),
        ("9:00", "9時"),
        ("2024/3/15", "2024年3月15日"),
        ("2024-03-15", "2024年3月15日"),
        ("1/2", "2分の1"),
        ("3〜5人", "3から5人"),
        ("03-1234-5678", "ゼロサン、イチニーサンヨン、ゴーロクナナハチ"),
        ("A&B", "AアンドB"),
        ("３時", "3時"),
    ],
)
def test_signs_and_amounts_are_spelled_out(written: str, said: str) -> None:
    assert spelled_out(written) == said


@NEEDS_OPEN_JTALK
@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("こんにちは、世界。", "k o [ N n i ch i w a , s e ] k a i ."),
        ("箸、橋。", "h a ] sh i , h a [ sh i ."),
        ("3.14", "s a [ N t e N # i [ ch i y o ] N"),
        ("「はい」", "UNK h a ] i UNK"),
        ("うん、そうだね…", "u ] N , s o [ o d a n e …"),
        ("これは？！", "k o [ r e w a ?"),
        ("NHKのニュース。", "EH1 N EY1 CH K EY1 n o # ny u ] u s u ."),
    ],
)
def test_text_is_read_with_accents(text: str, phonemes: str) -> None:
    assert " ".join(read_japanese(text).symbols) == phonemes


def test_case_latin_words_are_english() -> None:
    symbols = " ".join(read_japanese("GitHubにpushした。今日はmeetingがあります。").symbols)
    for word in ("G IH1 T HH AH1 B n i", "P UH1 SH", "M IY1 T IH0 NG"):
        assert word in symbols


def test_without_open_jtalk_kana_are_read_with_a_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise LyricError("no OpenJTalk")

    monkeypatch.setattr(japanese_text, "open_jtalk", missing)
    reading = read_japanese("ありがとう!")
    assert reading.symbols == (*"arigatoo", "!") or reading.symbols == (*"arigatou", "!")
    assert "accents" in reading.notices[0]


def test_dictionary_is_the_named_one_where_it_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DICTIONARY_VARIABLE, str(tmp_path))  # an empty folder is no dictionary
    _find.cache_clear()
    assert str(tmp_path) not in open_jtalk_name()
    for name in ("sys.dic", "matrix.bin", "char.bin", "unk.dic"):
        (tmp_path / name).touch()
    _find.cache_clear()
    found = open_jtalk_name()
    _find.cache_clear()
    assert not found or str(tmp_path) in found


@NEEDS_OPEN_JTALK
def test_nothing_is_printed_and_no_warning_is_raised() -> None:
    script = (
        "import sys, warnings\n"
        "warnings.simplefilter('error')\n"
        "from engine.lyrics.languages.openjtalk import open_jtalk\n"
        "assert open_jtalk().kana('漢字') and open_jtalk().labels('元気な方は何人')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


@NEEDS_OPEN_JTALK
def test_one_dictionary_reads_what_is_sung_and_what_is_spoken() -> None:
    labels = open_jtalk().labels("何人")
    assert open_jtalk().kana("何人") == "ナンニン"
    assert "".join(symbol for symbol in accent_marks(labels) if symbol.isalpha()) == "naNniN"


def test_labels_of_an_accent_phrase() -> None:
    """A made-up phrase of three morae with its accent on the second, and one behind it."""
    label = "x^x-{}+x=x/A:{}+{}+{}/B:x/C:x/D:x/E:x/F:{}_x/G:x"
    rows = [("k", -1, 1, 3, 3), ("a", -1, 1, 3, 3), ("i", 0, 2, 2, 3), ("U", 1, 3, 1, 3), ("a", 0, 1, 1, 1)]
    assert list(accent_marks([label.format(*row) for row in rows])) == ["k", "a", "[", "i", "]", "u", "#", "a"]


def test_signs_without_a_reading_are_named() -> None:
    reading = read_japanese("はい\u2603")
    assert any("\u2603" in notice for notice in reading.notices)


def test_every_symbol_is_in_the_table() -> None:
    table = symbol_table("v2")
    for text in (
        "",
        " ",
        "...",
        "ー",
        "っ",
        "ゝ",
        "々",
        "ｶﾞ",
        "〇",
        "1" * 60,
        "1.",
        ".5",
        "\ud800\x00",
        "あ" * 1000,
        "𠮷野家",
        "1/0",
    ):
        assert all(symbol in table or symbol == "#" for symbol in read_japanese(text).symbols), text


@NEEDS_OPEN_JTALK
@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("東京[kyoto]に行く。", "ky o t o n i UNK i [ k u ."),
        ("これは箸[hasi]です。", "k o [ r e w a h a sh i d e ] s u ."),
        ("東京に行く。", "t o [ o ky o o n i UNK i [ k u ."),
    ],
)
def test_a_hint_in_talk_is_reported_and_the_rest_has_its_accents(text: str, symbols: str) -> None:
    (line,) = read_spoken_text(text, language="ja")
    utterance = Utterance(line.words, line.pauses, line.is_question, speech_rate=1.0)
    assert " ".join(read_utterance(utterance).symbols) == symbols
