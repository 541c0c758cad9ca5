"""Korean numbers: Sino-Korean by default, native ones before their counters (세 번, 스물네 시간)."""

from __future__ import annotations

import re

_DIGITS = "영일이삼사오육칠팔구"
_PLACES = ("", "십", "백", "천")
_GROUPS = ("", "만", "억", "조", "경")
_NATIVE_ONES = ("", *"한 두 세 네 다섯 여섯 일곱 여덟 아홉".split())
_NATIVE_TENS = ("", *"열 스물 서른 마흔 쉰 예순 일흔 여든 아흔".split())
_COUNTERS = re.compile(
    "개(?!월|국|년)|명|사람|살|시(?!즌|대|리)|번|마리|권|잔|병|장|송이|그루|달(?!러)|가지|마디|걸음|곳|군데|벌|켤레|채(?!널)|척|통(?!화|계)|쌍|줄|방울"
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_MOST_DIGITS = len(_PLACES) * len(_GROUPS)


def is_number(word: str) -> bool:
    """Return True for digits that can be read as a number."""
    return bool(_NUMBER.fullmatch(word))


def with_numbers_spelled(word: str) -> str:
    """Return `word` with its digits in Hangul: 24시간 is 스물네시간, 2026년 is 이천이십육년."""
    return _NUMBER.sub(lambda match: _spell(match[0], word[match.end() :]), word)


def _spell(number: str, following: str) -> str:
    whole, _, fraction = number.partition(".")
    if not fraction and len(whole) <= 2 and int(whole) > 0 and _COUNTERS.match(following):
        return _native(int(whole))
    is_read_singly = len(whole) > _MOST_DIGITS or (int(whole[0]) == 0 and len(whole) > 1)
    said = _singly(whole) if is_read_singly else _sino(int(whole))
    return f"{said}점{_singly(fraction)}" if fraction else said


def _singly(digits: str) -> str:
    return "".join(_DIGITS[int(digit)] for digit in digits)


def _native(number: int) -> str:
    return "스무" if number == 20 else _NATIVE_TENS[number // 10] + _NATIVE_ONES[number % 10]


def _sino(number: int) -> str:
    """Return groups of four digits in Hangul. One is silent before 십, 백, 천, and before 만 alone."""
    if number == 0:
        return _DIGITS[0]
    said = ""
    for power, name in enumerate(_GROUPS):
        group = number // 10 ** (4 * power) % 10_000
        if group:
            said = ("" if (group, name) == (1, "만") and number < 20_000 else _group(group)) + name + said
    return said


def _group(group: int) -> str:
    said = ""
    for power, place in enumerate(_PLACES):
        digit = group // 10**power % 10
        if digit:
            said = ("" if digit == 1 and place else _DIGITS[digit]) + place + said
    return said
