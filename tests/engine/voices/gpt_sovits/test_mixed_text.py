"""Text in several languages is cut by its scripts, each run is read by its own language, and nothing is lost without a word."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from engine.errors import VoiceError
from engine.lyrics import UserDictionary, read_spoken_text
from engine.performance.types import Utterance
from engine.voices.gpt_sovits.networks.symbols import MARKS, UNKNOWN
from engine.voices.gpt_sovits.segments import segments_of
from engine.voices.gpt_sovits.text import read_reference_text, read_utterance
from engine.voices.gpt_sovits.written import figures_in_words

pytest.importorskip("pypinyin")
pytest.importorskip("jieba")


def said(text: str, language: str = "zh", dictionary: UserDictionary | None = None) -> str:
    reading = read_reference_text(text, language, dictionary=dictionary)
    assert UNKNOWN not in reading.symbols
    return " ".join(symbol for symbol in reading.symbols if symbol not in MARKS | {"空"})


def talked(text: str, language: str) -> list[str]:
    """Symbols that a voice receives in talk mode, without marks."""
    lines = read_spoken_text(text, language=language, written_out=figures_in_words)
    utterances = [Utterance(line.words, line.pauses, line.is_question, speech_rate=1.0) for line in lines]
    return [symbol for said in utterances for symbol in read_utterance(said).symbols if symbol not in MARKS | {"空"}]


@pytest.mark.parametrize(
    ("text", "language", "runs"),
    [
        ("听Taylor Swift的歌。", "zh", "zh:听 en:Taylor Swift zh:的歌。"), ("我有100块", "zh", "zh:我有100块"),
        ("他说OK，然后go home了", "zh", "zh:他说 en:OK， zh:然后 en:go home zh:了"), ("吃ラーメン吧", "zh", "zh:吃 ja:ラーメン zh:吧"),
        ("歌曲안녕。", "yue", "yue:歌曲 ko:안녕。"), ("I love 北京 now", "en", "en:I love  zh:北京  en:now"),
        ("I love 東京タワー", "en", "en:I love  ja:東京タワー"),
        ("GitHubにpushした。", "ja", "en:GitHub ja:に en:push ja:した。"), ("오늘 meeting이", "ko", "ko:오늘  en:meeting ko:이"),
        # a number goes with what is longer, or with what no mark parts it from
        ("用iPhone 15拍照", "zh", "zh:用 en:iPhone 15 zh:拍照"), ("v2.0版本上线", "zh", "en:v zh:2.0版本上线"),
        ("Windows 10 Pro", "zh", "en:Windows 10 Pro"),
        ("MP3播放器", "zh", "en:MP zh:3播放器"), ("C1D驾照", "zh", "en:C1D zh:驾照"), ("好，3 times", "zh", "zh:好， en:3 times"),
        ("打给Tom。10086", "zh", "zh:打给 en:Tom。10086"), ("1080", "zh", "zh:1080"), ("-5℃", "zh", "zh:-5℃"),
        ("跑了5km了", "zh", "zh:跑了5km了"),
        ("价格$99吧", "zh", "zh:价格$99吧"), ("", "zh", ""),
    ],
)  # fmt: skip
def test_runs_of_one_language(text: str, language: str, runs: str) -> None:
    found = segments_of(text, language)
    assert " ".join(f"{run.language}:{run.text}" for run in found) == runs
    assert "".join(run.text for run in found) == text


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("It costs $3.50, or $2 million.", "en"), ("The temperature is -5 degrees at 7:30 pm.", "en"), ("Email me at foo@bar.com!", "en"),
        ("Visit www.example.com now: 1/2 cup, 6 ft, 5 m².", "en"), ("iOS 17更新了，5G网络，100MB的文件。", "zh"),
        ("1080P的视频：3/4的人有100块，-5℃。", "zh"), ("A4纸，iPhone 15 Pro很好。", "zh"), ("你check下3个file。", "yue"),
        ("重[chong2]庆有ni3 hao3吗", "zh"), ("GitHubに3回pushした。50㎡の部屋。", "ja"), ("오늘 meeting이 3시에 있어요. -5도.", "ko"),
    ],
)  # fmt: skip
def test_talk_and_references_are_read_alike(text: str, language: str) -> None:
    if language == "ja":
        pytest.importorskip("pyopenjtalk")
    silent = MARKS | {"空"}
    expected = [symbol for symbol in read_reference_text(text, language).symbols if symbol not in silent]
    assert talked(text, language) == expected


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("She said live[L AY1 V] show.", "SH IY1 S EH1 D L AY1 V SH OW1 ."),
        ("We met Li[L IY1] now.", "W IY1 M EH1 T L IY1 N AW1 ."),
    ],
)
def test_a_hint_makes_no_pause(text: str, symbols: str) -> None:
    assert " ".join(read_reference_text(text, "en").symbols) == symbols


def test_edges_of_japanese_accent_phrases_are_the_unknown_phoneme() -> None:
    pytest.importorskip("pyopenjtalk")
    reading = read_reference_text("雨が降る。", "ja")
    assert "#" not in reading.symbols
    assert UNKNOWN in reading.symbols
    assert not reading.notices


@pytest.mark.parametrize(
    ("text", "language", "symbols"),
    [
        ("我有100块钱。", "zh", "w o2 y ou3 y i4 b ai3 k uai4 q ian2"),
        ("听Taylor Swift的", "zh", "t ing1 T EY1 L ER0 S W IH1 F T d e5"), ("打开Windows", "zh", "d a3 k ai1 W IH1 N D OW0 Z"),
        ("我们吃ラーメン吧", "zh", "w o3 m en5 ch ir1 r a a m e N b a5"), ("句J E N", "zh", "j v4 JH EY1 IY1 EH1 N"),
        ("3²等于9", "zh", "s an1 d e5 EE er4 c i04 f ang1 d eng3 y v2 j iu3"), ("請播放안녕", "zh", "q ing3 b o1 f ang4 ㅇ ㅏ ㄴ ㄴ ㅣ ㅓ ㅇ"),
        ("love 北京", "en", "L AH1 V b ei3 j ing1"), ("50㎡的房子", "zh", "w u3 sh ir2 p ing2 f ang1 m i3 d e5 f ang2 z i05"),
        ("二○二四年", "zh", "EE er4 l ing2 EE er4 s i04 n ian2"), ("№5好", "zh", "d i4 w u3 h ao4 h ao3"),
        ("H₂O", "zh", "EY1 CH T UW1 OW1"), ("叫《ラ》吧", "zh", "j iao4 r a b a5"),
    ],
)  # fmt: skip
def test_no_readable_text_is_dropped(text: str, language: str, symbols: str) -> None:
    if "ラ" in text:
        pytest.importorskip("pyopenjtalk")
        assert said(text, language).replace("[ ", "").replace("] ", "") == symbols
    else:
        assert said(text, language) == symbols


@pytest.mark.parametrize(
    ("text", "named"), [("今天😀真好🎉！", "😀🎉"), ("你好→吧", "→"), ("他说Привет了", "Привет"), ("★好", "★")]
)
def test_unreadable_signs_are_named(text: str, named: str) -> None:
    (notice,) = read_reference_text(text, "zh").notices
    assert f"'{named}'" in notice


@pytest.mark.parametrize("text", ["“好”（吧）《书》【一】", "好 吧\n", "「好」『吧』"])
def test_quotes_and_brackets_say_nothing(text: str) -> None:
    assert read_reference_text(text, "zh").notices == ()


@pytest.mark.parametrize("text", ["😀🎉", "……", "   ", "()"])
def test_text_without_words_is_refused(text: str) -> None:
    with pytest.raises(VoiceError, match="no words"):
        read_reference_text(text, "zh")


# --- hints and the user's dictionary ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "language", "symbols"),
    [
        ("She said live[L AY V] show.", "en", "SH IY1 S EH1 D L AY1 V SH OW1"), ("live[L AY1 V]", "en", "L AY1 V"),
        ("重[chong2]要", "zh", "ch ong2 y ao4"), ("重要[chong2 yao1]吧", "zh", "ch ong2 y ao1 b a5"),
        ("听Jay[JH EY]的歌", "zh", "t ing1 JH EY1 d e5 g e1"),
        ("好[h ao4]人", "zh", "h ao4 r en2"), ("好[hou3]人", "yue", "Yh You3 Yj Yan4"),
        ("杰伦[JH EY L AH N]唱", "zh", "JH EY1 L AH0 N ch ang4"),
        ("사랑 love[R AH V]", "ko", "ㅅ ㅏ ㄹ ㅏ ㅇ R AH1 V"), ("live[l, ay, v]", "en", "L AY1 V"),
    ],
)  # fmt: skip
def test_hints_are_read_once(text: str, language: str, symbols: str) -> None:
    assert said(text, language) == symbols


def test_a_wrong_hint_is_reported_and_not_read() -> None:
    reading = read_reference_text("She said live[L AY Q] show.", "en")
    assert any("[L AY Q]" in notice and "'live'" in notice for notice in reading.notices)
    assert said("live[L AY Q] show", "en").split()[-2:] == ["SH", "OW1"]
    assert "K Y UW1" not in said("live[L AY Q] show", "en")


def test_brackets_of_prose_are_read() -> None:
    assert said("say[no] more", "en") == said("say, no, more", "en")


def test_the_users_dictionary_counts_in_every_language() -> None:
    entries = {"gorblak": ("G", "AO1", "R"), "周杰伦": ("JH", "EY1"), "ラーメン": ("R", "AA1")}
    own = UserDictionary(MappingProxyType(entries))
    assert said("听Gorblak唱", "zh", own) == "t ing1 G AO1 R ch ang4"
    assert said("听周杰伦唱", "zh", own) == "t ing1 JH EY1 ch ang4"
    assert said("the gorblak sang gorblaks", "en", own).startswith("DH AH0 G AO1 R S AE1 NG ")
    assert said("我吃ラーメン", "zh", own) == "w o3 ch ir1 R AA1"
