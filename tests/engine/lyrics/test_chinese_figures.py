"""Figures and signs in Chinese text are written out as they are said; long text without marks is cut between words."""

from __future__ import annotations

import pytest

from engine.lyrics import cut_unmarked, read_spoken_text, simplify, spoken_form, spread_text
from engine.lyrics.han import cardinal, number
from engine.lyrics.normalise import apart_by_script
from engine.lyrics.pronounce import detect_language


@pytest.mark.parametrize(
    ("digits", "said"),
    [
        ("0", "零"), ("00", "零"), ("2", "二"), ("10", "十"), ("18", "十八"), ("20", "二十"), ("105", "一百零五"), ("110", "一百一十"),
        ("1005", "一千零五"), ("1050", "一千零五十"), ("2999", "二千九百九十九"), ("10000", "一万"), ("10010", "一万零一十"),
        ("100000", "十万"),
        ("1000005", "一百万零五"), ("12345678", "一千二百三十四万五千六百七十八"), ("100000000", "一亿"), ("100010000", "一亿零一万"),
        ("1" + "0" * 20, "一" + "零" * 20),
    ],
)  # fmt: skip
def test_cardinals(digits: str, said: str) -> None:
    assert cardinal(digits) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [("12.5", "十二点五"), (".22", "零点二二"), ("3.20", "三点二零"), ("3.00", "三点零"), ("0.01", "零点零一")],
)
def test_decimals(written: str, said: str) -> None:
    assert number(written) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # measure words, two, and numbers that are called out
        ("我有100块钱。", "我有一百块钱。"), ("2个苹果", "两个苹果"), ("2月2日", "二月二日"), ("第2名", "第二名"),
        ("2楼", "二楼"), ("12个", "十二个"),
        ("100多只羊", "一百多只羊"), ("10+个", "十多个"), ("20几个", "二十几个"), ("房间302", "房间三零二"),
        ("拨打10086", "拨打幺零零八六"), ("007", "零零七"),
        ("1000000元", "一百万元"), ("14亿", "十四亿"), ("1,234人", "一千二百三十四人"), ("共1,234,567", "共一百二十三万四千五百六十七"),
        # dates and times
        ("1998年5月20日", "一九九八年五月二十日"), ("98年", "九八年"), ("08年", "零八年"), ("20年前", "二十年前"), ("100年", "一百年"),
        ("公元前221年", "公元前二二一年"), ("2024-03-15", "二零二四年三月十五日"), ("2024/3/5", "二零二四年三月五日"),
        ("5月20号", "五月二十号"),
        ("19:30", "十九点半"), ("7:05", "七点零五分"), ("22:30:15", "二十二点三十分十五秒"), ("12:00", "十二点"),
        ("8:30-12:30", "八点半至十二点半"), ("8:05~9:00", "八点零五分至九点"),
        # telephones
        ("13812345678", "幺三八幺二三四五六七八"), ("010-62345678", "零幺零，六二三四五六七八"),
        ("400-123-4567", "四零零，幺二三，四五六七"),
        # shares, ranges, sums
        ("12.5%", "百分之十二点五"), ("-2.5%", "负百分之二点五"), ("3/4的人", "四分之三的人"), ("½", "二分之一"), ("5‰", "千分之五"),
        ("4/4拍", "四四拍"), ("10%~20%", "百分之十至百分之二十"), ("1~2个", "一到两个"), ("3-5天", "三到五天"),
        ("2+3=5", "二加三等于五"), ("6×7", "六乘七"), ("3²+4²", "三的二次方加四的二次方"), ("x+y=3", "x 加 y 等于三"),
        # temperatures, units, money
        ("-5℃", "零下五度"), ("37.5度", "三十七点五度"), ("120km/h", "一百二十千米每小时"), ("50m²", "五十平方米"), ("重5kg", "重五千克"),
        ("￥1,234.50", "一千二百三十四点五零元"), ("$99", "九十九美元"), ("£5万", "五万英镑"), ("440Hz", "四百四十赫兹"),
        # versions, plain numbers, signs
        ("1.2.3版", "一点二点三版"), ("温差-3.5", "温差负三点五"), ("0.5分", "零点五分"), ("αβ", "阿尔法贝塔"),
        ("①②", "一二"), ("元/天", "元每天"),
        # nothing to be done
        ("今天天气真好，我们走吧。", "今天天气真好，我们走吧。"), ("ni3 hao3", "ni3 hao3"), ("重[chong2]庆", "重[chong2]庆"),
    ],
)  # fmt: skip
def test_mandarin_figures(text: str, said: str) -> None:
    assert spoken_form(text, "zh") == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("100蚊", "一百蚊"), ("2隻貓", "兩隻貓"), ("1998年", "一九九八年"), ("12.5%", "百分之十二点五"), ("98765432", "九八七六五四三二"),
        ("打110", "打一一零"), ("nei5 hou2 m4", "nei5 hou2 m4"),
    ],
)  # fmt: skip
def test_cantonese_figures(text: str, said: str) -> None:
    assert spoken_form(text, "yue") == said


@pytest.mark.parametrize(
    ("text", "language", "apart"),
    [
        ("听Taylor Swift的歌", "zh", "听 Taylor Swift 的歌"), ("A4纸", "zh", "A 四纸"), ("吃ラーメン吧", "zh", "吃 ラーメン 吧"),
        ("AI好勁", "yue", "AI 好勁"),
        ("no change 100", "en", "no change 100"),
    ],
)  # fmt: skip
def test_scripts_stand_apart_in_chinese(text: str, language: str, apart: str) -> None:
    assert spoken_form(text, language) == apart


@pytest.mark.parametrize(
    ("text", "language", "apart"),
    [
        ("GitHubにpushした", "ja", "GitHub に push した"), ("今日は3時", "ja", "今日は3時"), ("K팝", "ko", "K 팝"),
        ("語[ky o]だ", "ja", "語[ky o]だ"), ("말[ma l말]", "ko", "말[ma l말]"),
    ],
)  # fmt: skip
def test_scripts_stand_apart(text: str, language: str, apart: str) -> None:
    assert apart_by_script(text, language) == apart


@pytest.mark.parametrize("mark", ["+", "-", "+2", "+12", "~", "--", "ー", "_", "+~"])
def test_marks_of_notes_stay(mark: str) -> None:
    assert spoken_form(mark, "zh") == spoken_form(mark, "yue") == mark


def test_figures_are_sung_and_spoken() -> None:
    pytest.importorskip("pypinyin")
    _, track = spread_text("我有100块钱", language="zh")
    assert [s.text for note in track.notes for s in note.syllables] == list("我有一百块钱")
    (line,) = read_spoken_text("3/4的人有100块，-5℃。", language="zh")
    assert "".join(s.text for word in line.words for s in word) == "四分之三的人有一百块零下五度"


@pytest.mark.parametrize(
    ("text", "default", "language"),
    [
        ("我们去东京吃ラーメン吧", "zh", "zh"), ("我们去东京吃ラーメン吧", "yue", "yue"), ("私はりんごを食べます", "zh", "ja"),
        ("私はりんごを食べます", "en", "ja"),
        ("東京", "ja", "ja"), ("东京", "en", "zh"), ("こんにちは", "en", "ja"),
    ],
)  # fmt: skip
def test_kana_in_chinese_do_not_make_it_japanese(text: str, default: str, language: str) -> None:
    assert detect_language([text], default) == language


def test_simplified_keeps_places() -> None:
    pytest.importorskip("opencc")
    for text in ("開放世界的繁體字", "乾淨的頭髮", "顣", "abc", "後來我發現"):
        assert len(simplify(text)) == len(text)
    assert simplify("後來") == "后来" and simplify("顣") == "顣"


@pytest.mark.parametrize("line", ["我爱北京天安门天安门上太阳升", "吾輩は猫である名前はまだ無い", "啊"])
def test_long_text_without_marks_is_cut_between_words(line: str) -> None:
    text = line * (840 // len(line))
    cut, notice = cut_unmarked(text)
    pieces = cut.split("。")
    assert "".join(pieces) == text, "nothing is lost"
    assert max(map(len, pieces)) <= 60 and min(map(len, pieces)) >= 30
    assert f"{len(text)} characters" in notice and str(len(pieces)) in notice
    assert all(piece[0] != "安" for piece in pieces), "天安门 stays whole"


@pytest.mark.parametrize("text", ["我爱你" * 30, ("我爱北京，" * 100), "word " * 500, ""])
def test_short_or_punctuated_text_is_not_cut(text: str) -> None:
    assert cut_unmarked(text) == (text, "")


def test_spoken_text_without_punctuation_is_divided() -> None:
    pytest.importorskip("pypinyin")
    lines = read_spoken_text("我爱北京天安门天安门上太阳升" * 60, language="zh")
    assert sum(len(word) for line in lines for word in line.words) == 840
    assert max(sum(map(len, line.words)) for line in lines) <= 60
    assert "cut into" in lines[0].notices[0]


def test_a_capital_a_beside_characters_is_the_letter() -> None:
    _, sung = spread_text("A4纸", language="zh")
    assert sung.notes[0].syllables[0].phones[0].symbol == "EY"
