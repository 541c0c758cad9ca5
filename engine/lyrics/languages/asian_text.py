"""Units, money and times in Japanese and Korean text. Numbers are left to OpenJTalk and `korean_numbers`, which know the counters."""

from __future__ import annotations

import re

from .written import CLOCK, outside_brackets, with_money, with_units, without_grouping

_ROWS = {
    "km": "キロメートル|킬로미터",
    "km/h": "キロメートル毎時|킬로미터",
    "kg": "キログラム|킬로그램",
    "g": "グラム|그램",
    "m": "メートル|미터",
    "cm": "センチメートル|센티미터",
    "mm": "ミリメートル|밀리미터",
    "°C": "度|도",
    "°": "度|도",
    "%": "パーセント|퍼센트",
    "$": "ドル|달러",
    "€": "ユーロ|유로",
    "£": "ポンド|파운드",
    "¥": "円|엔",
    "₩": "ウォン|원",
    "₹": "ルピー|루피",
    "&": "と|와",
}
_WORDS = {code: {sign: row.split("|")[i] for sign, row in _ROWS.items()} for i, code in enumerate(("ja", "ko"))}
_UNITS = tuple(sign for sign in _ROWS if sign not in "$€£¥₩₹&")


def spell_out(text: str, code: str) -> str:
    """Return text with units and money as words of the language."""
    if not any(c.isdecimal() for c in text) and "&" not in text:
        return text
    return outside_brackets(text, lambda part: _spell_out(part, code))


def _spell_out(text: str, code: str) -> str:
    words = _WORDS[code]
    gap = " " if code == "ko" else ""
    text = without_grouping(text, is_dot_decimal=True)
    text = with_units(text, {unit: words[unit] for unit in _UNITS}, lambda n, unit: f"{n}{gap}{words[unit]}")
    text = with_money(text, lambda sign, number, _: f"{number}{gap}{words[sign]}")
    if code == "ja":
        text = CLOCK.sub(lambda m: f"{m[1]}時{'' if m[2] == '00' else m[2].lstrip('0') + '分'}", text)
    return re.sub(r"(?<=[\w\s])&(?=[\w\s])", f" {words['&']} ", text)
