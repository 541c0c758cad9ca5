"""Cantonese: the rules of Mandarin, as in the text front end of GPT-SoVITS training, with Cantonese units.

Digit by digit, 1 is 一: 幺 is Mandarin only.
"""

from __future__ import annotations

import re

from engine.lyrics.han import cardinal

from . import zh

_CANTONESE_UNITS = re.compile(r"(?<![\d.])(\d+)([幾几]?)(?=蚊|嚿|條|間|隻|啲|個|圍|餐|粒|塊|架|張|點鐘)")


def spoken_form(text: str) -> str:
    """Return the spoken form, see `zh.spoken_form`."""
    text = _CANTONESE_UNITS.sub(lambda m: ("兩" if m[1] == "2" else cardinal(m[1])) + m[2], text)
    return zh.spoken_form(text).replace("幺", "一")
