"""Korean text as GPT-SoVITS voices were told it: numbers and signs in Hangul, letters as said."""

from __future__ import annotations

import pytest

from engine.voices.gpt_sovits.korean_text import read_korean, spelled_out
from engine.voices.gpt_sovits.networks.symbols import symbol_table


def letters(text: str) -> str:
    return "".join(read_korean(text).symbols)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("사과 3개와 2잔", "사과 세개와 두잔"),
        ("3 명", "세 명"),
        ("20명, 24시간, 3시간", "이십명, 이십사시간, 세시간"),
        ("2024년 10월 6일", "이천이십사년 시월 육일"),
        ("6월", "유월"),
        ("2024-03-15", "이천이십사년 삼월 십오일"),
        ("12시 30분", "열두시 삼십분"),
        ("3:30에", "세시 삼십분에"),
        ("010-1234-5678", "영일영일이삼사오육칠팔"),
        ("3,500원", "삼천오백원"),
        ("₩3,500과 $5", "삼천오백원과 오달러"),
        ("100만 원", "백만 원"),
        ("50%", "오십퍼센트"),
        ("-5℃", "마이너스 오도"),
        ("5km, 3kg", "오킬로미터, 삼킬로그램"),
        ("60km/h", "시속 육십킬로미터"),
        ("0.5초", "영점오초"),
        ("1/2", "이분의 일"),
        ("제3장", "제삼장"),
        ("1번째", "첫 번째"),
        ("５월", "오월"),
    ],
)
def test_numbers_are_spelled_out(written: str, said: str) -> None:
    assert spelled_out(written) == said


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("안녕하세요, 세계.", "ㅇㅏㄴㄴㅣㅓㅇㅎㅏㅅㅔㅇㅣㅗ,空ㅅㅔㄱㅣㅔ."),
        ("할 수 있는 일을 하자.", "ㅎㅏㄹ空ㅆㅜ空ㅇㅣㄴㄴㅡㄴ空ㅇㅣㄹㅡㄹ空ㅎㅏㅈㅏ."),  # single blocks are words here
        ("밥을 남겼다.", "ㅂㅏㅂㅡㄹ空ㄹㅏㅁㄱㅣㅓㄷㄸㅏ."),
        ("물을 넣었다.", "ㅁㅜㄹㅡㄹ空ㄴㅓㅇㅓㄷㄸㅏ."),
        ("노래를 나눠", "ㄴㅗㄹㅐㄹㅡㄹ空ㄴㅏㄴㅜㅓ"),
        ("햇살과 깃발", "ㅎㅐㅆㅏㄹㄱㅗㅏ空ㄱㅣㅃㅏㄹ"),
        ("서른여섯", "ㅅㅓㄹㅡㄴㄴㅣㅓㅅㅓㄷ"),
        ("ㅋㅋ ㅠ!", "ㅋㅋ空ㅣㅜ!"),
        ("K팝", "KEY1ㅍㅏㅂ"),
        ("오늘 meeting이 있어요.", "ㅇㅗㄴㅡㄹ空MIY1TIH0NGㅇㅣ空ㅇㅣㅆㅓㅇㅣㅗ."),
        ("네…", "ㄴㅔ…"),
    ],
)
def test_letters(text: str, symbols: str) -> None:
    assert letters(text) == symbols


def test_signs_without_a_reading_are_named() -> None:
    reading = read_korean("한국\u2603말")
    assert "\u2603" in reading.notices[0]
    assert "".join(reading.symbols) == "ㅎㅏㄴㄱㅜㄱㅁㅏㄹ"


def test_every_symbol_is_in_the_table() -> None:
    table = symbol_table("v2")
    texts = (
        "",
        " ",
        "...",
        "\u1100",
        "\u1161",
        "\u3133",
        "\u3164",
        "\u318d",
        "1" * 60,
        "1/0",
        "\ud800\x00",
        "가" * 3000,
        "힣ㄳㅢ",
        "𝟓개",
        "٣개",
    )
    for text in texts:
        assert all(symbol in table for symbol in read_korean(text).symbols), text
