"""Words become the official phonemes: every one is in the tables, and the rules of each language hold."""

from __future__ import annotations

import json

import pytest

from engine.errors import VoiceError
from engine.lyrics import Phone, Syllable, read_spoken_text
from engine.lyrics.languages import cantonese, korean, korean_rules
from engine.lyrics.languages.japanese import kana_table
from engine.lyrics.languages.mandarin import pinyin_table
from engine.performance.types import Utterance
from engine.voices.gpt_sovits.networks.symbols import MARKS, TABLE_LANGUAGES, lacking_languages, symbol_ids, symbol_table
from engine.voices.gpt_sovits.text import Reading, read_reference_text, read_utterance


def read(text: str, language: str = "en", *, sung: bool = False) -> Reading:
    (line,) = read_spoken_text(text, language=language)
    return read_utterance(Utterance(line.words, line.pauses, line.is_question, None if sung else 1.0))


def mandarin(initial: str, final: str, tone: int) -> Syllable:
    phones = tuple(Phone("zh", symbol) for symbol in (initial, final) if symbol)
    return Syllable(phones, int(bool(initial)), initial + final, tone=tone)


def symbols_of(*syllables: Syllable) -> tuple[str, ...]:
    return read_utterance(Utterance(tuple((s,) for s in syllables), (0,) * len(syllables))).symbols


# --- tables -------------------------------------------------------------------------------------------------------------------


@pytest.mark.shared_data
def test_the_tables_are_the_official_ones(shared_data) -> None:
    path = shared_data.parent / "reference" / "gpt-sovits-symbols.json"
    if not path.is_file():
        pytest.skip(f"no {path}")
    official = json.loads(path.read_text(encoding="utf-8"))
    assert [list(symbol_table(name)) for name in ("v1", "v2")] == [official["v1"], official["v2"]]


def test_sizes_and_numbers_of_the_tables() -> None:
    assert (len(symbol_table("v1")), len(symbol_table("v2"))) == (322, 732)
    assert symbol_ids(["!", "AA", "SP", "a", "zh", "…"], "v1") == [0, 5, 77, 96, 320, 321]
    assert symbol_ids(["[", "nonsense"], "v1") == symbol_ids(["UNK", "UNK"], "v1")
    assert symbol_ids(["["], "v2") == [322]
    with pytest.raises(ValueError, match="v3"):
        symbol_table("v3")


# --- English ------------------------------------------------------------------------------------------------------------------


def test_english_has_stress_on_vowels_and_no_spaces() -> None:
    assert " ".join(read("Hello, my friend.").symbols) == "HH AH0 L OW1 , M AY1 F R EH1 N D ."
    assert read("Is it you?").symbols[-1] == "?"


def test_short_texts_get_marks_in_front() -> None:
    assert read("Oh.").symbols == (".", ".", ",", "OW1", ".") or read("Oh.").symbols[-3:] == (",", "OW1", ".")
    assert len(read("Oh.").symbols) >= 4


# --- Mandarin -----------------------------------------------------------------------------------------------------------------


def test_every_spelled_syllable_is_in_the_tables() -> None:
    for spelled, (initial, final) in pinyin_table().items():
        for tone in range(1, 6):
            symbols = symbols_of(mandarin(initial, final, tone))[-2:]
            assert set(symbols) <= set(symbol_table("v1")), spelled


@pytest.mark.parametrize(
    ("initial", "final", "expected"),
    [
        ("zh", "iii", "zh ir1"), ("s", "ii", "s i0 1"), ("j", "v", "j v1"), ("d", "uei", "d ui1"), ("l", "iou", "l iu1"),
        ("", "ian", "y En1"), ("", "ie", "y E1"), ("", "van", "y van1"), ("", "iou", "y ou1"), ("", "u", "w u1"),
        ("", "uo", "w o1"), ("", "ueng", "w eng1"), ("", "a", "AA a1"), ("", "er", "EE er1"), ("", "ou", "OO ou1"),
    ],
)  # fmt: skip
def test_syllables_are_an_initial_and_a_final(initial: str, final: str, expected: str) -> None:
    assert symbols_of(mandarin(initial, final, 1))[-2:] == tuple(expected.replace("i0 1", "i01").split())


def test_characters_keep_their_places_for_bert() -> None:
    pytest.importorskip("pypinyin")
    reading = read_reference_text("你好，世界。 OK 我们走吧。", "zh")
    assert [run.characters for run in reading.chinese] == ["你好,世界.", "我们走吧."]
    for run in reading.chinese:
        own = reading.symbols[run.start : run.start + sum(run.counts)]
        assert [c for c, count in zip(run.characters, run.counts, strict=True) if count == 1] == [s for s in own if s in ",."]
    assert reading.symbols[:4] == ("n", "i2", "h", "ao3"), "the third tone before a third tone is a second"


def test_pinyin_has_no_characters() -> None:
    assert read("ni3 hao3", "zh").chinese == ()


# --- Japanese -----------------------------------------------------------------------------------------------------------------


def test_every_mora_is_in_the_tables() -> None:
    for kana, (consonant, vowel) in kana_table().items():
        phones = tuple(Phone("ja", symbol) for symbol in (consonant, vowel) if symbol)
        symbols = symbols_of(Syllable(phones, len(phones) - 1, kana))
        assert set(symbols) <= set(symbol_table("v1")), kana


def test_sung_japanese_is_what_is_written() -> None:
    assert " ".join(read("さくら", "ja", sung=True).symbols) == "s a k u r a ."


def test_spoken_japanese_has_its_accents() -> None:
    pytest.importorskip("pyopenjtalk")
    chopsticks, bridge = read_reference_text("箸です。", "ja"), read_reference_text("橋です。", "ja")
    assert " ".join(chopsticks.symbols) == "h a ] sh i d e s u ."
    assert " ".join(bridge.symbols) == "h a [ sh i ] d e s u ."


# --- Korean -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("안녕하세요, 반가워요.", "ㅇㅏㄴㄴㅣㅓㅇㅎㅏㅅㅔㅇㅣㅗ,空ㅂㅏㄴㄱㅏㅇㅜㅓㅇㅣㅗ."),
        ("값이 국물에 좋다?", "ㄱㅏㅂㅆㅣ空ㄱㅜㅇㅁㅜㄹㅔ空ㅈㅗㅌㅏ?"),
        ("의자에 쇼핑 왜 귀 뭐", "ㅇㅡㅣㅈㅏㅇㅔ空ㅅㅣㅗㅍㅣㅇ空ㅇㅗㅐ空ㄱㅜㅣ空ㅁㅜㅓ."),
    ],
)
def test_korean_becomes_letters_as_pronounced(text: str, symbols: str) -> None:
    assert read_reference_text(text, "ko").symbols == tuple(symbols)


def test_korean_in_between_other_words() -> None:
    symbols = [symbol for symbol in read_reference_text("사랑해 love 너를", "ko").symbols if symbol not in MARKS | {"空"}]
    assert " ".join(symbols) == "ㅅ ㅏ ㄹ ㅏ ㅇ ㅎ ㅐ L AH1 V ㄴ ㅓ ㄹ ㅡ ㄹ"


def test_blocks_that_are_sung_a_note_apiece_are_one_word() -> None:
    assert "".join(read("사 랑 해", "ko", sung=True).symbols) == "ㅅㅏㄹㅏㅇㅎㅐ."
    assert "".join(read("사랑 노래", "ko", sung=True).symbols) == "ㅅㅏㄹㅏㅇ空ㄴㅗㄹㅐ."


def test_every_block_is_in_the_table() -> None:
    known = set(symbol_table("v2"))
    for onset in korean_rules.ONSETS:
        for vowel in korean_rules.VOWELS:
            for coda in ("", *korean.CODA_PHONES):
                phones, nucleus = korean.block_phones(korean_rules.Block(onset, vowel, coda))
                symbols = symbols_of(Syllable(tuple(Phone("ko", symbol) for symbol in phones), nucleus, "가", word="가나"))
                assert set(symbols) <= known, (onset, vowel, coda)
                letters = [s for s in symbols if s != "."]
                assert letters[0] == onset and letters[-1] == (coda or letters[-1])


# --- Cantonese ----------------------------------------------------------------------------------------------------------------


def test_sung_cantonese_is_initials_and_finals() -> None:
    assert " ".join(read("nei5 hou2 m4 ng5", "yue", sung=True).symbols) == "Yn Yei5 Yh You2 Ym Ym4 Yng Yg5 ."


def test_characters_and_jyutping_are_read_alike() -> None:
    pytest.importorskip("ToJyutping")
    assert read("世界", "yue", sung=True).symbols == read("sai3 gaai3", "yue", sung=True).symbols
    spoken, reference = read("你好，世界。", "yue"), read_reference_text("你好，世界。", "yue")
    assert spoken.symbols == reference.symbols and not spoken.notices


def test_syllables_that_the_table_lacks_are_reported() -> None:
    (notice,) = read("nei5 deu6", "yue", sung=True).notices
    assert "no phonemes for deu6" in notice


def test_all_usual_syllables_are_in_the_table() -> None:
    """The table lacks some finals that only colloquial words have, and the short vowels by themselves."""
    known = set(symbol_table("v2"))
    for initial in cantonese.INITIALS:
        for final in set(cantonese.FINALS) - {"eu", "em", "en", "ep", "et", "oet", "ng"}:
            read_as = read(f"{initial}{final}1", "yue", sung=True)
            assert set(read_as.symbols) <= known, (initial, final)
            assert not read_as.notices


def test_cantonese_of_a_reference_clip() -> None:
    pytest.importorskip("ToJyutping")
    reading = read_reference_text("你好，世界！", "yue")
    assert " ".join(reading.symbols) == "Yn Yei5 Yh You2 , Ys Yai3 Yg Yaai3 !"
    assert set(reading.symbols) <= set(symbol_table("v2"))


# --- others -------------------------------------------------------------------------------------------------------------------


def test_each_table_has_its_languages() -> None:
    assert lacking_languages(["en", "yue", "ko"], "v1") == ("ko", "yue")
    assert lacking_languages(TABLE_LANGUAGES["v2"], "v2") == ()


def test_what_cannot_be_read_is_named() -> None:
    with pytest.raises(VoiceError, match="reads 'fr' text"):
        read_reference_text("bonjour", "fr")
    with pytest.raises(VoiceError, match="no words"):
        read_reference_text("...", "en")
