"""Kanji are read without OpenJTalk too."""

from __future__ import annotations

import sys

import pytest

from engine.errors import LyricError
from engine.lyrics.languages import kanji
from engine.lyrics.languages.japanese import Japanese


@pytest.fixture
def without_open_jtalk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kanji, "open_jtalk_name", lambda: "")


@pytest.mark.parametrize(
    ("text", "kana"),
    [
        ("私は東京へ行く", "ワタシワトーキョーエイク"),
        ("今日", "キョー"),
        ("夜桜", "ヨザクラ"),
        ("3人", "サンニン"),
        ("2024年", "ニセンニジューヨンネン"),
        ("1000", "セン"),
        ("0", "レイ"),
        ("你", "你"),
    ],
)
def test_reading_in_context(without_open_jtalk: None, text: str, kana: str) -> None:
    assert kanji.read_kanji(text) == kana


@pytest.mark.parametrize("word", ["桜", "歌声", "明日"])
def test_syllables_are_those_of_open_jtalk(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    pytest.importorskip("pyopenjtalk", reason="the extra ja")
    read = Japanese().pronounce(word)
    monkeypatch.setattr(kanji, "open_jtalk_name", lambda: "")
    assert Japanese().pronounce(word) == read


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, without_open_jtalk: None) -> None:
    kanji._janome.cache_clear()
    monkeypatch.setitem(sys.modules, "janome.tokenizer", None)
    with pytest.raises(LyricError, match="pip install janome"):
        kanji.read_kanji("漢字")
