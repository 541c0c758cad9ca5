"""Mandarin, Japanese, choosing between languages, and the English accent of all."""

from __future__ import annotations

import importlib
import importlib.util
from itertools import pairwise
from types import ModuleType

import pytest

from engine.errors import LyricError
from engine.lyrics import Phone, Syllable, lay_lyrics, to_english_phones
from engine.lyrics.languages import cantonese, japanese, korean, korean_rules, language_for, mandarin
from engine.lyrics.pronounce import detect_language
from engine.lyrics.syllables import ARPABET, VOWELS
from engine.score.types import Note, Track

needs_pypinyin = pytest.mark.skipif(importlib.util.find_spec("pypinyin") is None, reason="pypinyin is not installed")


def said(code: str, word: str, **context: object) -> str:
    language = language_for(code)
    assert language is not None
    syllables = language.pronounce(word, **context).syllables  # type: ignore[arg-type]
    return " ".join("-".join(p.symbol for p in s.phones) + (str(s.tone) if s.tone else "") for s in syllables)


@pytest.mark.parametrize(
    ("pinyin", "phones"),
    [
        ("nihao", "n-i h-ao"),
        ("ni3hao3", "n-i3 h-ao3"),
        ("nǐhǎo", "n-i3 h-ao3"),
        ("xian", "x-ian"),
        ("xi'an", "x-i an"),
        ("xi1-an1", "x-i1 an1"),
        ("lüè", "l-ve4"),
        ("nv3er2", "n-v3 er2"),
        ("yuan", "van"),
        ("jue2", "j-ve2"),
        ("qun", "q-vn"),
        ("wo", "uo"),
        ("shi4", "sh-iii4"),
        ("zi", "z-ii"),
        ("liu", "l-iou"),
        ("gui", "g-uei"),
        ("dun", "d-uen"),
        ("fangan", "f-ang an"),
        ("zhuang", "zh-uang"),
        ("xyz", ""),
        ("ni6", ""),
        ("3", "s-an1"),  # figures are said
        ("a" * 500, ""),
    ],
)
def test_pinyin(pinyin: str, phones: str) -> None:
    assert said("zh", pinyin) == phones


@needs_pypinyin
@pytest.mark.parametrize(
    ("word", "context", "phones"),
    [
        ("银行", {}, "in2 h-ang2"),
        ("行", {"before": "银"}, "h-ang2"),
        ("行", {"after": "走"}, "x-ing2"),
        ("重", {"after": "要"}, "zh-ong4"),
        ("你好", {}, "n-i2 h-ao3"),
        ("日子", {}, "r-iii4 z-ii5"),
    ],
)
def test_han_characters(word: str, context: dict[str, str], phones: str) -> None:
    assert said("zh", word, **context) == phones


def test_missing_packages_are_named_in_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def missing(name: str) -> ModuleType:
        if name.startswith("engine."):
            return real(name)
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(LyricError, match="pip install pypinyin"):
        said("zh", "你")
    english = lay_lyrics(Track("v", (Note(0, 480, 60.0, lyric="love"), Note(480, 480, 60.0, lyric="你"))), language="en")
    assert "pypinyin" in english.notices[0] and english.notes[1].syllables[0].text == "la"


@pytest.mark.parametrize(
    ("word", "morae", "joined"),
    [
        ("さくら", "s-a k-u r-a", "s-a k-u r-a"),
        ("ラーメン", "r-a a m-e N", "r-a m-e-N"),
        ("がっこう", "g-a-cl k-o u", "g-a-cl k-o u"),
        ("しゃしん", "sh-a sh-i N", "sh-a sh-i-N"),
        ("きょう", "ky-o u", "ky-o u"),
        ("ヴァイオリン", "v-a i o r-i N", "v-a i o r-i-N"),
        ("を", "o", "o"),
        ("ん", "N", "N"),
        ("konnichiwa", "k-o N n-i ch-i w-a", "k-o-N n-i ch-i w-a"),
        ("kitte", "k-i-cl t-e", "k-i-cl t-e"),
        ("matcha", "m-a-cl ch-a", "m-a-cl ch-a"),
        ("rōmaji", "r-o o m-a j-i", "r-o m-a j-i"),
        ("shin'ya", "sh-i N y-a", "sh-i-N y-a"),
        ("tsu", "ts-u", "ts-u"),
        ("la", "r-a", "r-a"),
        ("strength", "", ""),
        ("っ", "", ""),
    ],
)
def test_japanese(word: str, morae: str, joined: str) -> None:
    assert said("ja", word) == morae and said("ja", word, wanted=1) == joined


def laid(*lyrics: str, language: str | None = None):
    notes = tuple(Note(i * 480, 480, 60.0, lyric=lyric) for i, lyric in enumerate(lyrics))
    return lay_lyrics(Track("v", notes, language=language))


def test_kana_notes_with_a_hold_and_a_nasal_of_its_own() -> None:
    result = laid("さ", "ー", "ん", "っ")
    assert result.language == "ja"
    assert [str(n.syllables[0].vowel) if n.syllables else n.kind.value for n in result.notes] == [
        "ja/a",
        "hold",
        "ja/N",
        "hold",
    ]


@pytest.mark.parametrize(
    ("text", "default", "language"),
    [
        ("love", "en", "en"),
        ("さくら", "en", "ja"),
        ("桜の", "en", "ja"),
        ("你好", "en", "zh"),
        ("桜", "ja", "ja"),
        ("你好", "yue", "yue"),
        ("사랑해", "en", "ko"),
        ("사랑 愛", "zh", "ko"),
        ("ㅋㅋㅋ", "en", "ko"),
        ("love 사랑", "en", "en"),
        ("love 你", "en", "en"),
        ("", "en", "en"),
    ],
)
def test_detection(text: str, default: str, language: str) -> None:
    assert detect_language([text], default) == language


def test_words_of_another_language_in_between() -> None:
    result = laid("ni3", "hao3", "baby", language="zh")
    assert [str(n.syllables[0].vowel) for n in result.notes] == ["zh/i", "zh/ao", "en/EY"]


def table_syllable(language: str, consonant: str, vowel: str) -> Syllable:
    return Syllable(tuple(Phone(language, symbol) for symbol in (consonant, vowel) if symbol), int(bool(consonant)), "")


MANDARIN = {table_syllable("zh", *phones) for phones in mandarin.pinyin_table().values()}
JAPANESE = {table_syllable("ja", *phones) for phones in japanese.kana_table().values()}
KOREAN = {
    Syllable(tuple(Phone("ko", symbol) for symbol in phones), nucleus, "")
    for onset in korean_rules.ONSETS
    for vowel in korean_rules.VOWELS
    for coda in ("", *korean.CODA_PHONES)
    for phones, nucleus in [korean.block_phones(korean_rules.Block(onset, vowel, coda))]
}
CANTONESE = {table_syllable("yue", initial, final) for initial in ("", *cantonese.INITIALS) for final in cantonese.FINALS}
CLOSED = Syllable((Phone("ja", "k"), Phone("ja", "a"), Phone("ja", "cl")), 1, "")


@pytest.mark.parametrize("syllables", [MANDARIN, JAPANESE | {CLOSED}, KOREAN, CANTONESE], ids=["zh", "ja", "ko", "yue"])
def test_every_syllable_has_english_phones(syllables: set[Syllable]) -> None:
    for syllable in syllables:
        english = to_english_phones(syllable)
        name = "-".join(map(str, syllable.phones))
        assert all(p.language == "en" and p.symbol in ARPABET for p in english.phones), name
        assert english.vowel.symbol in VOWELS or syllable.vowel.symbol in ("m", "n", "ng", "N"), name
        assert sum(p.symbol in VOWELS for p in english.phones) <= 1, name
        assert all(a.symbol != b.symbol or a.symbol not in "YW" for a, b in pairwise(english.phones)), name
        assert english.native == syllable, name


@pytest.mark.parametrize(
    ("phones", "nucleus", "expected"),
    [
        ("zh/x zh/iang", 1, "SH Y AA NG"),
        ("zh/q zh/v", 1, "CH Y UW"),
        ("zh/z zh/ii", 1, "D Z UH"),
        ("ja/ky ja/o", 1, "K Y OW"),
        ("ja/ts ja/u", 1, "T S UW"),
        ("ja/k ja/a ja/N", 1, "K AA N"),
        ("ko/g ko/wa ko/NG", 1, "G W AA NG"),
        ("ko/sh ko/i", 1, "SH IY"),
        ("ko/eo ko/P", 0, "AH P"),
        ("yue/gw yue/ong", 1, "G W AO NG"),
        ("yue/j yue/yut", 1, "Y UW T"),
        ("yue/m", 0, "M"),
        ("en/AH en/V", 0, "AH V"),
    ],
)
def test_accent(phones: str, nucleus: int, expected: str) -> None:
    given = tuple(Phone(*phone.split("/")) for phone in phones.split())
    assert " ".join(p.symbol for p in to_english_phones(Syllable(given, nucleus, "")).phones) == expected


def test_phones_without_a_table_are_refused() -> None:
    with pytest.raises(LyricError, match="de/ü"):
        to_english_phones(Syllable((Phone("de", "ü"),), 0, ""))
