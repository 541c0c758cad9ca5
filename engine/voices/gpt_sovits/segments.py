"""Segmentation of mixed text into runs of one language, as in the official program for text mixed with English.

The script decides, and the requested language decides for Chinese characters. A number joins the longer of its neighbouring runs. Marks
and spaces stay with the text before them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby

from engine.lyrics import is_han, is_hangul, is_kana

_NUMBER = "number"
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\uff21-\uff3a\uff41-\uff5a]")
_DIGIT = re.compile(r"[0-9\uff10-\uff19\u00b2\u00b3\u00b9\u2070-\u2079\u2460-\u2469\u00bc-\u00be\u2150-\u215e]")
# Signs that belong to a number beside them, in front of it and behind it; a unit in Latin letters touches it.
_SIGN_BEFORE = re.compile(r"[-+\u2212$¥￥€£#]")
_IN_NUMBER = re.compile(r"[.,:/~～×÷=+\u2212-]")
_SIGN_BEHIND = re.compile(r"[%‰°℃℉]")
_UNIT = re.compile(r"(?<=[0-9\uff10-\uff19])(?:km/h|m/s|[kcm]?m[²³23]?|[km]?g|m[lL]|L|kHz|Hz|dB|db|ms|min|s|h)(?![A-Za-z])")
_MARKS = frozenset(",.!?，。！？")
_ENDS = frozenset("。.")
_READS_OWN_NUMBERS = frozenset(("zh", "yue", "ja", "ko"))
_WRITTEN_IN_HAN = frozenset(("zh", "yue", "ja"))


@dataclass(frozen=True)
class Segment:
    """A stretch of text in one language."""

    language: str
    text: str


def segments_of(text: str, language: str) -> list[Segment]:
    """Return the runs of `text`, which is in `language`; joined, they are the text."""
    if not text:
        return []
    han = language if language in _WRITTEN_IN_HAN else "ja" if any(map(is_kana, text)) else "zh"
    kinds = _kinds(text, language, han)
    runs: list[Segment] = []
    for kind, group in groupby(range(len(text)), key=lambda i: kinds[i]):
        places = list(group)
        runs.append(Segment(kind, text[places[0] : places[-1] + 1]))
    return _merged(_numbers_placed(_merged(runs), language))


def _kinds(text: str, language: str, han: str) -> list[str]:
    """Return the language of each character, `_NUMBER` for digits and their signs; marks have that of the text before them."""
    own: list[str] = [_script(character, han) for character in text]
    if language in _READS_OWN_NUMBERS:
        for match in _UNIT.finditer(text):
            own[match.start() : match.end()] = [_NUMBER] * len(match[0])
    for i, character in enumerate(text):
        before, after = own[i - 1] if i else "", own[i + 1] if i + 1 < len(text) else ""
        touches_before, touches_after = before == _NUMBER, after == _NUMBER
        if own[i]:
            continue
        if (
            (touches_after and _SIGN_BEFORE.match(character))
            or (touches_before and touches_after and _IN_NUMBER.match(character))
            or (touches_before and _SIGN_BEHIND.match(character))
        ):
            own[i] = _NUMBER
    first = next((kind for kind in own if kind), language)
    kinds: list[str] = []
    for kind in own:
        kinds.append(kind or (kinds[-1] if kinds else first))
    return kinds


def _script(character: str, han: str) -> str:
    if _DIGIT.match(character):
        return _NUMBER
    if is_hangul(character):
        return "ko"
    if is_kana(character):
        return "ja"
    if is_han(character):
        return han
    return "en" if _LATIN.match(character) else ""


def _numbers_placed(runs: list[Segment], language: str) -> list[Segment]:
    """Give runs of numbers the language of the longer neighbour, unless a mark stands between."""
    placed: list[Segment] = []
    for i, run in enumerate(runs):
        if run.language != _NUMBER:
            placed.append(run)
            continue
        before = placed[-1] if placed else None
        after = runs[i + 1] if i + 1 < len(runs) else None
        placed.append(Segment(_number_language(run.text, before, after, language), run.text))
    return placed


def _number_language(number: str, before: Segment | None, after: Segment | None, language: str) -> str:
    if before is None or after is None or before.language == after.language:
        near = before or after
        return near.language if near else language
    if before.text[-1] in _MARKS:
        return after.language
    if after.text[0] in _MARKS or number.rstrip()[-1:] in _ENDS or len(before.text) >= len(after.text):
        return before.language
    return after.language


def _merged(runs: list[Segment]) -> list[Segment]:
    merged: list[Segment] = []
    for run in runs:
        if merged and merged[-1].language == run.language:
            merged[-1] = Segment(run.language, merged[-1].text + run.text)
        else:
            merged.append(run)
    return merged
