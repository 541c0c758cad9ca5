"""Texts between lyrics that are not sung: stage cues and names of sections."""

from __future__ import annotations

import re
from functools import lru_cache

_BRACKETED = re.compile(r"\s*(?:\[([^\[\]]*)\]|\{([^{}]*)\}|<([^<>]*)>|【([^【】]*)】|［([^［］]*)］)\s*")
_PARENTHESISED = re.compile(r"\s*[(（]([^()（）]*)[)）]\s*")
_PHONES = re.compile(r"[A-Za-z]{1,2}[0-2]?|[a-z]{3}")
_ARPABET = frozenset(
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH".split()
)
_ORDER = r"(?:(?:pre|post|last|final|first|second|third|\d+\w{0,2})[- ]?)?"
_NUMBER = r"(?:\s*(?:[#:.]|no\.?)?\s*(?:\d+|[a-d]|[ivx]+))?"
_FORM = "verse|chorus|hook|bridge|intro|outro|refrain|interlude|solo|coda|strophe|couplet"
# Languages: English, German, French, Spanish, Italian, Portuguese, Japanese.
_SECTION = re.compile(
    rf"{_ORDER}(?:(?:guitar|piano|sax\w*|drum|bass|violin|organ|synth|string)s?\s+)?"
    rf"(?:{_FORM}|instrumental|inst\.?|break(?:down)?|tag|ending|end|fade(?: out)?|"
    r"x\s?\d+|\d+\s?x|instrumental (?:break|interlude|bridge|solo|part)|music|musik|zwischenspiel|vorspiel|nachspiel|"
    r"pont|musique|estrofa|coro|estribillo|puente|m[uú]sica|strofa|"
    r"ritornello|ponte|refr[aã]o|applause|cheers?|laughs?|laughter|whistles?|whistling|pause|silence|repeat|spoken|間奏|前奏|後奏)"
    rf"{_NUMBER}(?:\s+(?:on|off|start|begins?|continues?|playing|plays|fades?|x\s?\d))?[.:…]*",
    re.IGNORECASE,
)
_REHEARSAL_MARK = re.compile(r"[A-Z]\d?|\d{1,3}")
_FORM_LABEL = re.compile(rf"{_ORDER}(?:{_FORM}|part){_NUMBER}[.:]?", re.IGNORECASE)


@lru_cache(maxsize=4096)  # karaoke repeats its syllables
def is_cue(text: str, *, may_be_hint: bool = True) -> bool:
    """Return True for a remark in brackets. "[w er d]" may be a hint (phones of a word), which is no remark."""
    if found := _BRACKETED.fullmatch(text):
        inside = next(group for group in found.groups() if group is not None).strip()
        return not (may_be_hint and text.strip().startswith("[") and _is_hint(inside))
    if found := _PARENTHESISED.fullmatch(text):
        return is_section_name(found[1])
    return False


@lru_cache(maxsize=4096)
def is_label(text: str) -> bool:
    """Return True for a section letter of a score, a part of the form ("Verse 2") or anything in brackets.

    A label on the tick of a word is not sung.
    """
    marks = (_REHEARSAL_MARK, _FORM_LABEL, _BRACKETED, _PARENTHESISED)
    return any(mark.fullmatch(text) for mark in marks)


def is_section_name(text: str) -> bool:
    """Return True for nothing but the name of a section ("Verse 2", "guitar solo") or of instrumental music ("music")."""
    return _SECTION.fullmatch(text.strip()) is not None


def _is_hint(inside: str) -> bool:
    """Return True for phones: short symbols, one of which has one or two letters."""
    pieces = re.split(r"[\s,]+", inside)
    if len(pieces) == 1 and len(inside) > 1:
        return inside.upper().rstrip("012") in _ARPABET
    return all(_PHONES.fullmatch(piece) for piece in pieces) and any(len(piece.rstrip("012")) < 3 for piece in pieces)
