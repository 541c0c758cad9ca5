"""Splitting of long text into pieces for synthesis: the official methods "cut0" to "cut5" (official names) with their pre- and
postprocessing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

SPLITTERS = frozenset("，。？！,.?!~:：—…")
_PLAIN_MARKS = frozenset("!?…,.-")
_CLAUSE_MARKS = frozenset(",.;?!、，。？！：…")  # the full-width ； cuts nothing
_LONGEST, _SHORT_PIECE, _SHORT_START = 510, 5, 4


def split_sentences(text: str, language: str, method: str = "cut1") -> list[str]:
    """Return the pieces of `text` as in the official program; `language` matters only for the mark that is added at a missing end.

    Raises ValueError for an unknown method, and for text of which the method leaves nothing.
    """
    if method not in METHODS:
        raise ValueError(f"No method '{method}'; there are {', '.join(METHODS)}.")
    stop = "." if language == "en" else "。"
    marks = "".join(map(re.escape, sorted(_PLAIN_MARKS)))
    text = re.sub(rf"([{marks}])[{marks}]+", r"\1", text).strip("\n")
    if not text:
        return []
    if text[0] not in SPLITTERS and len(_clauses(text)[0].rstrip("".join(SPLITTERS)).strip()) < _SHORT_START:
        text = stop + text  # a lone first word is often swallowed
    lines = [line for line in METHODS[method](text).split("\n") if line not in ("", " ")]
    if not lines:
        raise ValueError("The text holds nothing to speak.")
    pieces = []
    for piece in _merge_short(lines):
        if not re.search(r"\w", piece):
            continue
        piece += "" if piece[-1] in SPLITTERS else stop
        pieces.extend(_shorten(piece) if len(piece) > _LONGEST else [piece])
    return pieces


def cut0(text: str) -> str:
    """Do not cut."""
    return "/n" if set(text) <= _PLAIN_MARKS else text


def cut1(text: str) -> str:
    """Cut after every four clauses; the last group has five to eight."""
    text = text.strip("\n")
    clauses = _ended_clauses(text)
    starts = list(range(0, len(clauses), 4))[:-1] or [0]
    if len(starts) == 1 and len(clauses) <= 4:
        return _lines([text], _PLAIN_MARKS)
    return _lines(["".join(clauses[a:b]) for a, b in zip(starts, [*starts[1:], None], strict=True)], _PLAIN_MARKS)


def cut2(text: str) -> str:
    """Cut after more than 50 characters; a shorter rest joins the piece before."""
    text = text.strip("\n")
    clauses = _ended_clauses(text)
    if len(clauses) < 2:
        return text
    pieces = [""]
    for clause in clauses:
        if len(pieces[-1]) > 50:
            pieces.append("")
        pieces[-1] += clause
    if len(pieces) > 1 and len(pieces[-1]) < 50:
        rest = pieces.pop()
        pieces[-1] += rest
    return _lines(pieces, _PLAIN_MARKS)


def cut3(text: str) -> str:
    """Cut at each 。"""
    return _lines(text.strip("\n").strip("。").split("。"), _PLAIN_MARKS)


def cut4(text: str) -> str:
    """Cut at each full stop that is not a decimal point."""
    return _lines(re.split(r"(?<!\d)\.(?!\d)", text.strip("\n").strip(".")), _PLAIN_MARKS)


def cut5(text: str) -> str:
    """Cut after each mark, decimal points excepted."""
    text = text.strip("\n")
    pieces, start = [], 0
    for i, character in enumerate(text):
        is_decimal = character == "." and text[i - 1 : i].isdigit() and text[i + 1 : i + 2].isdigit()
        if character in _CLAUSE_MARKS and not is_decimal:
            pieces.append(text[start : i + 1])
            start = i + 1
    return _lines([*pieces, text[start:]], _CLAUSE_MARKS)


METHODS: dict[str, Callable[[str], str]] = {
    "cut0": cut0, "cut1": cut1, "cut2": cut2, "cut3": cut3, "cut4": cut4, "cut5": cut5,
}  # fmt: skip


def _lines(pieces: Iterable[str], marks: frozenset[str]) -> str:
    """Return one piece per line, without those that consist of marks."""
    return "\n".join(piece for piece in pieces if not set(piece) <= marks)


def _ended_clauses(text: str) -> list[str]:
    """Return clauses with their marks; a pause of two characters counts as one mark, and a missing mark at the end is added."""
    text = text.replace("……", "。").replace("——", "，")
    return _clauses(text if text[-1:] and text[-1] in SPLITTERS else text + "。")


def _clauses(text: str) -> list[str]:
    """Cut after each splitter."""
    marks = "".join(map(re.escape, sorted(SPLITTERS)))
    return re.findall(rf"[^{marks}]*[{marks}]|[^{marks}]+", text)


def _merge_short(pieces: list[str]) -> list[str]:
    """Join pieces of fewer than five characters to the next one, and a short rest to the last."""
    merged, pending = [], ""
    for piece in pieces:
        pending += piece
        if len(pending) >= _SHORT_PIECE:
            merged.append(pending)
            pending = ""
    if pending and merged:
        merged[-1] += pending
    return merged if merged else [pending]


def _shorten(text: str) -> list[str]:
    """Cut at splitters so that pieces have at most 510 characters; without any, at a space or anywhere."""
    pieces = [""]
    marks = "".join(map(re.escape, sorted(SPLITTERS)))
    for part in re.split(rf"([{marks}])", text):
        if len(pieces[-1] + part) > _LONGEST:
            pieces.append(part)
        else:
            pieces[-1] += part
    if len(pieces) > 1 and set(pieces[-1]) <= SPLITTERS and len(pieces[-2]) >= _LONGEST:
        pieces[-2:] = [pieces[-2] + pieces[-1]]
    return [short for piece in pieces for short in _chopped(piece)]


def _chopped(text: str) -> Iterator[str]:
    while len(text.rstrip("".join(SPLITTERS))) > _LONGEST:
        end = text.rfind(" ", 1, _LONGEST) + 1 or _LONGEST
        yield text[:end]
        text = text[end:]
    if text:
        yield text
