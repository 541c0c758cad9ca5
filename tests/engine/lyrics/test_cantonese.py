"""Cantonese: Han characters and Jyutping become syllables with six tones."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import LyricError
from engine.lyrics import NoteKind, lay_lyrics
from engine.lyrics.languages import language_for
from engine.lyrics.languages.cantonese import FINALS, INITIALS, read_jyutping
from engine.score.types import Note, Track


def laid(*lyrics: str | None, language: str | None = "yue"):
    notes = tuple(Note(480 * i, 480, 60.0, lyric=lyric) for i, lyric in enumerate(lyrics))
    return lay_lyrics(Track("v", notes, language=language))


def sung(*lyrics: str | None) -> str:
    return " ".join(
        "|".join("-".join(phone.symbol for phone in s.phones) + str(s.tone) for s in note.syllables) or note.kind.value
        for note in laid(*lyrics).notes
    )


@pytest.mark.parametrize(
    ("jyutping", "syllables"),
    [
        ("nei5hou2", [("n", "ei", 5), ("h", "ou", 2)]), ("m4", [("", "m", 4)]), ("ng5", [("", "ng", 5)]), ("ngo5", [("ng", "o", 5)]),
        ("gwong2", [("gw", "ong", 2)]), ("kwaa1", [("kw", "aa", 1)]), ("jyut6", [("j", "yut", 6)]), ("aa3", [("", "aa", 3)]),
        ("Hoeng1-gong2", [("h", "oeng", 1), ("g", "ong", 2)]), ("nei", []), ("nei7", []), ("love1", []), ("nei5h", []), ("5", []), ("", []),
    ],
)  # fmt: skip
def test_jyutping(jyutping: str, syllables: list[tuple[str, str, int]]) -> None:
    assert read_jyutping(jyutping) == syllables


def test_every_initial_and_final_is_read_as_itself() -> None:
    for initial in ("", *INITIALS):
        for final in FINALS:
            ((read_initial, read_final, tone),) = read_jyutping(f"{initial}{final}3")
            assert (read_initial + read_final, tone) == (initial + final, 3)
            assert read_final in FINALS and read_initial in ("", *INITIALS)


def test_long_text_takes_no_time_and_is_no_jyutping() -> None:
    assert read_jyutping("ng" * 150) == [] and read_jyutping("a1" * 1000) == []


def test_jyutping_on_notes() -> None:
    assert sung("nei5", "hou2", "-") == "n-ei5 h-ou2 hold"


def test_characters_on_notes() -> None:
    pytest.importorskip("ToJyutping")
    assert sung("你", "好", "唔") == "n-ei5 h-ou2 m4"
    assert sung("香港", None, "世界", None) == "h-oeng1 g-ong2 s-ai3 g-aai3"
    result = laid("你好")
    assert [syllable.text for syllable in result.notes[0].syllables] == ["你", "好"]


def test_neighbours_decide_between_readings() -> None:
    pytest.importorskip("ToJyutping")
    assert sung("銀", "行").split()[1] == "h-ong4" and sung("行", "路").split()[0] == "h-aang4"


def test_a_character_of_two_syllables_takes_two() -> None:
    pytest.importorskip("ToJyutping")
    assert sung("卅") == "s-aa1|aa6"


def test_words_of_other_scripts_in_between() -> None:
    pytest.importorskip("ToJyutping")
    result = laid("我", "love", "사랑", "さ")
    assert [str(note.syllables[0].vowel) for note in result.notes] == ["yue/o", "en/AH", "ko/a", "ja/a"]


def test_character_without_a_reading_is_reported() -> None:
    pytest.importorskip("ToJyutping")
    result = laid("你", "\U00030000", "好")
    assert any("no Cantonese reading" in notice for notice in result.notices)
    assert [note.syllables[0].text for note in result.notes] == ["你", "la", "好"]


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def missing(name: str) -> ModuleType:
        if name.startswith("engine."):
            return real(name)
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(LyricError, match=r"vocalese\[yue\].*nei5 hou2"):
        laid("你")
    assert sung("nei5") == "n-ei5", "Jyutping needs no package"


@pytest.mark.parametrize(
    ("tag", "code"), [("yue", "yue"), ("yue-HK", "yue"), ("zh_HK", "yue"), ("zh-yue", "yue"), ("zh-CN", "zh"), ("cmn", "zh")]
)
def test_language_tags(tag: str, code: str) -> None:
    language = language_for(tag)
    assert language is not None and language.code == code


@given(st.text(st.sampled_from("你卅\U00030000々〇aeoingu16'- love값か🎤"), max_size=12))
def test_no_text_is_too_odd(text: str) -> None:
    pytest.importorskip("ToJyutping")
    result = laid("nei5", text, "hou2")
    assert all(note.syllables for note in result.notes if note.kind is NoteKind.SING)
