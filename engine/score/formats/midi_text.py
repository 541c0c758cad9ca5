"""Text of MIDI files: which charset it is in, and what its lyric marks mean.

Three conventions say which syllables make a word: a hyphen after a syllable that goes on ("ti-" "me"), a space before each new
word (karaoke: " ti" "me"), or a space after each finished word ("ti" "me "). All become the first, see `engine.score.types`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..types import BREATH_MARKS, HOLD, NEXT_SYLLABLE, REST_MARKS

_SAMPLE_BYTES = 65_536
_UTF8_SHARE = 0.9
_FALLBACK_CHARSET = "latin-1"
_CHARSET_TAGS = {b"{@LATIN}": "cp1252", b"{@JP}": "cp932"}  # MMA RP-026
# Lead bytes (inclusive ranges) of the everyday characters of each double-byte charset; GB and KS text has high second bytes.
_EVERYDAY_LEADS = {
    "cp932": ((0x81, 0x83), (0x88, 0x97)),  # punctuation, kana; first-level kanji
    "cp949": ((0xA1, 0xA3), (0xB0, 0xC8)),  # punctuation; hangul
    "gb18030": ((0xA1, 0xA5), (0xB0, 0xD7)),  # punctuation, kana; first-level hanzi
}
_LEAST_SECOND_BYTE = {"cp932": 0x40, "gb18030": 0xA1, "cp949": 0xA1}
_LONE_WESTERN_BYTE = re.compile(rb"(?<![\x80-\xff])[\x91-\x94\xc0-\xff](?![\x80-\xff])")
_HIGH_BYTE = re.compile(rb"[\x80-\xff]")

_KARAOKE_HEADER = re.compile(r"@[A-Z]")
_KARAOKE_LANGUAGES = {"CHIN": "zh", "ENGL": "en", "JAPA": "ja", "JAPN": "ja", "KORE": "ko", "MAND": "zh"}
_CHORD_NAME = re.compile(r"[A-G][#b]?(m|M|maj|min|dim|aug|sus|add|[0-9+°()#b-])*(/[A-G][#b]?)?")
_TAG = re.compile(r"\{[@#][^}]*\}")
_HOLD_MARK = re.compile(r"[-_~ー―—–ｰ〜～]+|\+[~*]+")
_CJK_TAIL = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f]\W*$")
_LINE_MARKS = "\\/\r\n"
_SPACED_SHARE = 0.1


def sniff_charset(payloads: Iterable[bytes]) -> str:
    """The charset in which most of the non-ASCII text makes everyday sense."""
    sample = b"\n".join(payloads)[:_SAMPLE_BYTES]
    if sample.isascii():
        return "utf-8"
    if _utf8_share(sample) >= _UTF8_SHARE:
        return "utf-8"
    for tag, charset in _CHARSET_TAGS.items():
        if tag in sample:
            return charset
    shares = {charset: _everyday_share(sample, charset) for charset in _EVERYDAY_LEADS}
    shares["cp1252"] = len(_LONE_WESTERN_BYTE.findall(sample)) / len(_HIGH_BYTE.findall(sample))
    # All hangul bytes are hanzi bytes too, so of nearly equal shares the first, from the narrower range, counts.
    best = max(shares, key=lambda charset: round(shares[charset], 1))
    return best if shares[best] > 0 else _FALLBACK_CHARSET


def decode_text(payload: bytes, charset: str) -> str:
    """`payload` as text without NULs; never fails."""
    for candidate in (charset, "utf-8"):
        try:
            return payload.decode(candidate).replace("\0", "")
        except UnicodeDecodeError:
            continue
    if charset in _EVERYDAY_LEADS or charset == "utf-8":
        return payload.decode(charset, errors="replace").replace("\0", "")
    return payload.decode(_FALLBACK_CHARSET).replace("\0", "")


def _utf8_share(sample: bytes) -> float:
    strange = [char for char in sample.decode("utf-8", errors="replace") if char > "\x7f"]
    return 1 - strange.count("\ufffd") / len(strange)


def _everyday_share(sample: bytes, charset: str) -> float:
    """Share of the non-ASCII characters that are everyday ones when `sample` is read in `charset`."""
    counts = Counter(char for char in sample.decode(charset, errors="replace") if char > "\x7f")
    everyday = sum(count for char, count in counts.items() if _is_everyday(char, charset))
    return everyday / max(1, counts.total())


def _is_everyday(char: str, charset: str) -> bool:
    code = char.encode(charset, errors="replace")
    return (
        len(code) == 2
        and code[1] >= _LEAST_SECOND_BYTE[charset]
        and any(low <= code[0] <= high for low, high in _EVERYDAY_LEADS[charset])
    )


def is_karaoke_header(text: str) -> bool:
    """A .kar header line such as "@KMIDI KARAOKE FILE" or "@TTitle"."""
    return _KARAOKE_HEADER.match(text) is not None


def starts_karaoke_line(text: str) -> bool:
    return text[:1] in ("\\", "/")


def is_chord_name(text: str) -> bool:
    """ "C", "F#m7", "Bb/D": what a text event over the notes may be instead of a word."""
    return _CHORD_NAME.fullmatch(text.strip()) is not None


def karaoke_language(text: str) -> str | None:
    """The language code of an "@LENGL" header, if `text` is one that we know."""
    return _KARAOKE_LANGUAGES.get(text[2:6].upper()) if text.startswith("@L") else None


class Syllable(NamedTuple):
    """What is written at one tick, in the convention of `engine.score.types`."""

    tick: int
    lyric: str


class _Piece(NamedTuple):
    """One event's words, with what its spaces and line marks say about its neighbours."""

    tick: int
    text: str
    breaks_before: bool
    breaks_after: bool


def translate_lyrics(events: Sequence[tuple[int, str]]) -> tuple[tuple[Syllable, ...], int]:
    """Lyric events (tick, text) in order of time as syllables, at most one per tick; and how many had to be joined for that."""
    pieces = _pieces(events)
    goes_on = _continuations(pieces, spaced=_uses_spaces(events))
    syllables: list[Syllable] = []
    joined = 0
    for index, (piece, continued) in enumerate(zip(pieces, goes_on, strict=True)):
        lyric = _lyric(piece.text, continued)
        if not syllables or syllables[-1].tick != piece.tick:
            syllables.append(Syllable(piece.tick, lyric))
        elif piece.text != pieces[index - 1].text:
            joined += 1
            before = syllables[-1].lyric
            lyric = before[:-1] + lyric if goes_on[index - 1] else f"{before} {lyric}"
            syllables[-1] = Syllable(piece.tick, lyric)
    return tuple(syllables), joined


def _uses_spaces(events: Sequence[tuple[int, str]]) -> bool:
    """Do spaces (before or after) separate the words? A stray one in a file of plain words does not count."""
    words = [text.strip(_LINE_MARKS) for _, text in events if text.strip().strip(_LINE_MARKS)]
    spaced = sum(word != word.strip() for word in words)
    return spaced > len(words) * _SPACED_SHARE


def _pieces(events: Sequence[tuple[int, str]]) -> list[_Piece]:
    pieces: list[_Piece] = []
    for tick, raw in events:
        text = _TAG.sub("", raw)
        core = text.strip().lstrip(_LINE_MARKS).strip()
        if core:
            starts = text[0].isspace() or text[0] in _LINE_MARKS
            pieces.append(_Piece(tick, core, starts, text[-1].isspace()))
        elif text and pieces:  # a lone space or line mark
            pieces[-1] = pieces[-1]._replace(breaks_after=True)
    return pieces


def _continuations(pieces: list[_Piece], *, spaced: bool) -> list[bool]:
    """For each piece: does its word go on at the next written syllable?"""
    goes_on = [False] * len(pieces)
    following: _Piece | None = None  # the next piece that is not a hold
    unbroken = False  # nothing separates this piece from `following`
    for index in range(len(pieces) - 1, -1, -1):
        piece = pieces[index]
        joined = unbroken and not piece.breaks_after
        if _HOLD_MARK.fullmatch(piece.text):
            unbroken = joined and not piece.breaks_before
            continue
        goes_on[index] = piece.text.endswith("-")
        if following is not None:
            goes_on[index] |= _is_suffix(following.text) or (spaced and joined and _may_join(piece.text, following.text))
        following, unbroken = piece, not piece.breaks_before
    return goes_on


def _is_suffix(text: str) -> bool:
    """ "-ly": the hyphen of "ti-" written on the other side."""
    return text.startswith("-") and _HOLD_MARK.fullmatch(text) is None


def _may_join(text: str, following: str) -> bool:
    """Not marks, and not kana or Chinese characters, which are written without spaces though each is a syllable."""
    marks = BREATH_MARKS | REST_MARKS
    return not (text in marks or following in marks or following.startswith(NEXT_SYLLABLE) or _CJK_TAIL.search(text))


def _lyric(text: str, continued: bool) -> str:
    if _HOLD_MARK.fullmatch(text):
        return HOLD
    word = text.lstrip("-") if _is_suffix(text) else text
    return f"{word.rstrip('-_')}-" if continued else word.rstrip("_")
