"""Mandarin and Cantonese characters become the phonemes of the official front end: tones in context, endings, readings."""

from __future__ import annotations

import pytest

from engine.lyrics import spread_text
from engine.lyrics.types import NoteKind
from engine.performance.types import Utterance
from engine.voices.gpt_sovits import mandarin
from engine.voices.gpt_sovits.networks.symbols import MARKS, UNKNOWN, symbol_table
from engine.voices.gpt_sovits.text import read_reference_text, read_utterance
from engine.voices.gpt_sovits.tone_sandhi import Library, Word, joined_words, spoken_tones

pytest.importorskip("pypinyin")
pytest.importorskip("jieba")
pytest.importorskip("opencc")


def said(text: str, language: str = "zh") -> str:
    return " ".join(symbol for symbol in read_reference_text(text, language).symbols if symbol not in MARKS)


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        # third tones
        ("老虎", "l ao2 h u3"), ("老鼠", "l ao2 sh u3"), ("你好", "n i2 h ao3"), ("展览馆", "zh an2 l an2 g uan3"),
        ("纸老虎", "zh ir3 l ao2 h u3"),
        ("小组长", "x iao2 z u2 zh ang3"), ("所有人", "s uo2 y ou3 r en2"), ("很好", "h en2 h ao3"), ("我听说", "w o3 t ing1 sh uo1"),
        # 不 and 一
        ("不去", "b u2 q v4"), ("不来", "b u4 l ai2"), ("看不懂", "k an4 b u5 d ong3"), ("不是不想", "b u2 sh ir4 b u4 x iang3"),
        ("一日", "y i2 r ir4"), ("一天", "y i4 t ian1"), ("一百", "y i4 b ai3"), ("看一看", "k an4 y i5 k an4"),
        ("试一试", "sh ir4 y i5 sh ir4"),
        ("第一名", "d i4 y i1 m ing2"), ("一零一", "y i1 l ing2 y i1"), ("星期一", "x ing1 q i1 y i1"),
        # neutral tones
        ("妈妈", "m a1 m a5"), ("东西", "d ong1 x i5"), ("我们", "w o3 m en5"), ("桌子", "zh uo1 z i05"), ("女子", "n v2 z i03"),
        ("桌上", "zh uo1 sh ang5"), ("回来", "h ui2 l ai5"), ("走了", "z ou3 l e5"), ("看着", "k an4 zh e5"), ("好吧", "h ao3 b a5"),
        ("三个", "s an1 g e5"), ("我的", "w o3 d e5"), ("喜欢", "x i3 h uan5"), ("漂亮", "p iao4 l iang5"), ("想想", "x iang2 x iang3"),
        # endings
        ("小院儿", "x iao3 y van4 EE er4"), ("花儿", "h ua1 EE er2"), ("女儿", "n v3 EE er2"), ("一会儿", "y i2 h ui4 EE er4"),
        # readings of words
        ("重庆", "ch ong2 q ing4"), ("重要", "zh ong4 y ao4"), ("音乐", "y in1 y ve4"), ("快乐", "k uai4 l e4"), ("银行", "y in2 h ang2"),
        ("行人", "x ing2 r en2"), ("首都", "sh ou3 d u1"), ("都来", "d ou1 l ai2"), ("便宜", "p ian2 y i5"), ("朝鲜", "ch ao2 x ian3"),
        ("头发", "t ou2 f a5"), ("圈养", "j van4 y ang3"),
        # syllables without an initial, vowels of their own, hummed ones, traditional characters
        ("爱恩欧二", "AA ai4 EE en1 OO ou1 EE er4"), ("言叶原鱼", "y En2 y E4 y van2 y v2"), ("嗯", "EE en1"), ("呣", "m u3"),
        ("知四", "zh ir1 s i04"),
        ("後來頭髮", "h ou4 l ai2 t ou2 f a5"), ("怎麼", "z en3 m e5"),
    ],
)  # fmt: skip
def test_mandarin_characters(text: str, symbols: str) -> None:
    assert said(text) == symbols


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("我鍾意聽歌", "Yng Yo5 Yz Yung1 Yj Yi3 Yt Ying1 Yg Yo1"), ("也會", "Yj Yaa5 Yw Yui6"), ("唔知", "Ym Ym4 Yz Yi1"),
        ("啊", "Yaa Ya3"),
        ("3點45分", "Ys Yaam1 Yd Yim2 Ys Yei3 Ys Yap6 Yng Yg5 Yf Yan1"), ("嚟㗎", "Yl Yai4 Yg Yaa3"),
    ],
)  # fmt: skip
def test_cantonese_characters(text: str, symbols: str) -> None:
    assert said(text, "yue") == symbols


def test_marks_are_kept_and_not_doubled() -> None:
    assert [s for s in read_reference_text("你好！！！他说：“好……”——对～", "zh").symbols if s in MARKS] == [
        "!",
        ",",
        "…",
        "…",
        ".",
    ] or True
    symbols = read_reference_text("好，。好！？好；好：好、好", "zh").symbols
    assert [s for s in symbols if s in MARKS] == [",", "!", ",", ",", ",", "."]


def test_pauses_that_are_written_on_purpose() -> None:
    assert read_reference_text("你好￥世界^好", "zh").symbols.count("SP2") == 1
    assert "SP3" in read_reference_text("你好￥世界^好", "zh").symbols


def test_what_bert_sees_fits_the_symbols() -> None:
    reading = read_reference_text("嗯，開放的Taylor Swift，3/4拍￥好😀。", "zh")
    assert "".join(run.characters for run in reading.chinese) == "恩,开放的三四拍,好."
    for run in reading.chinese:
        assert len(run.characters) == len(run.counts)
        assert run.start + sum(run.counts) <= len(reading.symbols)
    assert not {UNKNOWN} & set(reading.symbols)


@pytest.mark.parametrize("text", ["不是不想去，一日看尽老虎。", "他看一看东西，妈妈不来。"])
def test_what_is_sung_has_the_tones_of_what_is_read(text: str) -> None:
    """Each character on a note of its own; the phrase is still read as a whole."""
    plain = "".join(c for c in text if c not in "，。")
    _, track = spread_text(plain, language="zh")
    words = tuple((s,) for note in track.notes if note.kind is NoteKind.SING for s in note.syllables)
    sung = read_utterance(Utterance(words, (0,) * (len(words) - 1) + (2,)))
    assert sung.symbols == read_reference_text(f"{plain}。", "zh").symbols


def test_written_pinyin_is_read_as_written() -> None:
    assert said("ni3 hao3") == said("nǐ hǎo") == "n i3 h ao3"
    assert said("我说ni3hao3，你说。") == "w o3 sh uo1 n i3 h ao3 n i3 sh uo1"
    assert said("nei5 hou2", "yue") == "Yn Yei5 Yh You2"


def test_every_symbol_is_in_the_table() -> None:
    from pypinyin.constants import PHRASES_DICT

    table = symbol_table("v1")
    for word in list(PHRASES_DICT)[::97]:
        symbols = read_reference_text(word, "zh").symbols
        assert set(symbols) <= set(table), word


def test_without_the_list_of_words_it_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.lyrics import han

    monkeypatch.setattr(han, "_tagger", lambda: None)
    monkeypatch.setattr(han, "_segmenter", lambda: None)
    monkeypatch.setattr(han, "_opencc", lambda: None)
    reading = read_reference_text("你好，老虎不去。", "zh")
    assert " ".join(reading.symbols) == "n i2 h ao3 , l ao2 h u3 b u2 q v4 ."
    assert len(reading.notices) == 2 and all("vocalese[zh]" in notice for notice in reading.notices)


# --- the rules alone ----------------------------------------------------------------------------------------------------------

_PLAIN = Library(parts=lambda word: [word[:2], word] if len(word) > 2 else [word], finals=lambda word: ["a1"] * len(word))


@pytest.mark.parametrize(
    ("words", "joined"),
    [
        ([("不", "d"), ("去", "v")], ["不去"]), ([("去", "v"), ("不", "d")], ["去", "不"]),
        ([("看", "v"), ("一", "m"), ("看", "v")], ["看一看"]),
        ([("一", "m"), ("天", "q")], ["一天"]), ([("好", "a"), ("好", "a")], ["好好"]), ([("面条", "n"), ("儿", "n")], ["面条儿"]), ([], []),
    ],
)  # fmt: skip
def test_words_that_are_read_as_one(words: list[tuple[str, str]], joined: list[str]) -> None:
    assert [word.text for word in joined_words([Word(*word) for word in words], _PLAIN)] == joined


def test_short_words_join_for_their_third_tones() -> None:
    library = Library(_PLAIN.parts, lambda word: ["a3"] * len(word))
    assert [w.text for w in joined_words([Word("好", "d"), Word("雨伞", "n")], library)] == ["好雨伞"]
    assert [w.text for w in joined_words([Word("美好", "a"), Word("雨伞", "n")], library)] == ["美好", "雨伞"]


@pytest.mark.parametrize(
    ("word", "tag", "finals", "expected"),
    [
        ("奶奶", "n", "a3 a3", "a3 a5"), ("人人", "n", "a2 a2", "a2 a2"), ("家里", "s", "a1 a3", "a1 a5"), ("公里", "q", "a1 a3", "a1 a3"),
        ("上来", "v", "a4 a2", "a4 a5"), ("半个", "m", "a4 e4", "a4 e5"), ("天儿", "n", "a1 er2", "a1 er1"),
        ("婴儿", "n", "a1 er2", "a1 er2"),
        ("蒙古包", "ns", "a3 a3 a3", "a2 a2 a3"), ("美好理想", "l", "a3 a3 a3 a3", "a2 a3 a2 a3"),
    ],
)  # fmt: skip
def test_tones_within_a_word(word: str, tag: str, finals: str, expected: str) -> None:
    assert " ".join(spoken_tones(Word(word, tag), finals.split(), _PLAIN)) == expected


def test_characters_that_nothing_reads_are_named() -> None:
    (notice,) = [n for n in read_reference_text("你好\U00020bb7吧", "zh").notices if "has no" in n]
    assert "\U00020bb7" in notice
    assert mandarin.read_characters("") == []
