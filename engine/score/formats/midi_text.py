"""Text of MIDI files: its charset, and the meaning of its lyric marks.

Three conventions join syllables to words: a hyphen after a syllable that continues ("ti-" "me"), a space before each new word (karaoke: "
ti" "me"), or a space after each finished word ("ti" "me "). All are translated to the first, see `engine.score.types`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from engine.score.cues import is_label
from engine.score.encodings import decode_as, detect_encoding
from engine.score.types import BREATH_MARKS, HOLD, NEXT_SYLLABLE, REST_MARKS

_CHARSET_TAGS = {b"{@LATIN}": "cp1252", b"{@JP}": "cp932"}  # MMA RP-026
_KARAOKE_HEADER = re.compile(r"@[A-Z]")
_KARAOKE_LANGUAGES = {"CHIN": "zh", "ENGL": "en", "JAPA": "ja", "JAPN": "ja", "KORE": "ko", "MAND": "zh", "CANT": "yue"}
_KARAOKE_LANGUAGES |= {"GERM": "de", "DEUT": "de", "FREN": "fr", "FRAN": "fr", "SPAN": "es", "ESPA": "es", "ITAL": "it"}
_KARAOKE_LANGUAGES |= {"PORT": "pt", "LATI": "la"}
_CHORD_NAME = re.compile(r"[A-G][#b]?(m|M|maj|min|dim|aug|sus|add|[0-9+°()#b-])*(/[A-G][#b]?)?")
_GAME_MARKS = re.compile(r"(?<=\w)[#^*%$/+]+$|[#^*%$/]+$|^\$")
_TAG = re.compile(r"\{[@#][^}]*\}")
_HOLD_MARK = re.compile(r"[-_~ー―—–ｰ〜～]+|\+[~*]+")
_CJK_TAIL = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f]\W*$")
LINE_MARKS = "\\/\r\n"
_SPACED_SHARE = 0.1


def sniff_charset(payloads: Iterable[bytes]) -> str:
    """Return UTF-8, else the charset named by a tag, else the most plausible legacy encoding of the non-ASCII text."""
    texts = list(payloads)
    charset = detect_encoding(texts)
    if charset == "utf-8":
        return charset
    return next((named for tag, named in _CHARSET_TAGS.items() if any(tag in text for text in texts)), charset)


def decode_text(payload: bytes, charset: str) -> str:
    """Return `payload` as text without NULs. Never raises."""
    return decode_as(payload, charset).replace("\0", "")


def is_karaoke_header(text: str) -> bool:
    """Return True for a .kar header line such as "@KMIDI KARAOKE FILE" or "@TTitle"."""
    return _KARAOKE_HEADER.match(text) is not None


def starts_karaoke_line(text: str) -> bool:
    """Return True for a text with a line mark of karaoke files."""
    return text[:1] in ("\\", "/")


def is_chord_name(text: str) -> bool:
    """Return True for a chord symbol such as "C", "F#m7" or "Bb/D", which a text event may be instead of a word."""
    return _CHORD_NAME.fullmatch(text.strip()) is not None


def karaoke_language(text: str) -> str | None:
    """Return the language code of an "@LENGL" header; None if `text` is no such header or its language is unknown."""
    return _KARAOKE_LANGUAGES.get(text[2:6].upper()) if text.startswith("@L") else None


def without_game_marks(text: str) -> str:
    """Translate a lyric of a rhythm game: "+" slides, "#" "^" "*" have no pitch, "=" is a displayed hyphen, "§" an elision."""
    if text.strip() == "+":
        return HOLD
    word = _GAME_MARKS.sub("", text.strip()).replace("§", " ")
    return f"{word[:-1]}-" if word.endswith("=") else word


class Syllable(NamedTuple):
    """Lyric at one tick, in the convention of `engine.score.types`."""

    tick: int
    lyric: str


class _Piece(NamedTuple):
    """Words of one event, with the meaning of its spaces and line marks for the neighbours."""

    tick: int
    text: str
    breaks_before: bool
    breaks_after: bool


def translate_lyrics(events: Sequence[tuple[int, str]]) -> tuple[tuple[Syllable, ...], int]:
    """Return lyric events (tick, text), given in order of time, as at most one syllable per tick, and the number of joined ones."""
    pieces = _without_labels(_pieces(events))
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


def _without_labels(pieces: list[_Piece]) -> list[_Piece]:
    """Remove labels, section and chord names on the tick of a word. Alone they may be words."""
    words_at = Counter(piece.tick for piece in pieces if not _is_label(piece.text))
    return [piece for piece in pieces if not (_is_label(piece.text) and words_at[piece.tick])]


def _is_label(text: str) -> bool:
    return is_label(text) or is_chord_name(text)


def _uses_spaces(events: Sequence[tuple[int, str]]) -> bool:
    """Return True if spaces (before or after) separate the words. A stray one in a file of plain words does not count."""
    words = [text.strip(LINE_MARKS) for _, text in events if text.strip().strip(LINE_MARKS)]
    spaced = sum(word != word.strip() for word in words)
    return spaced > len(words) * _SPACED_SHARE


def _pieces(events: Sequence[tuple[int, str]]) -> list[_Piece]:
    pieces: list[_Piece] = []
    for tick, raw in events:
        text = _TAG.sub("", raw)
        core = text.strip().lstrip(LINE_MARKS).strip()
        if core:
            starts = text[0].isspace() or text[0] in LINE_MARKS
            pieces.append(_Piece(tick, core, starts, text[-1].isspace()))
        elif text and pieces:  # a lone space or line mark
            pieces[-1] = pieces[-1]._replace(breaks_after=True)
    return pieces


def _continuations(pieces: list[_Piece], *, spaced: bool) -> list[bool]:
    """Return for each piece True if its word continues at the next written syllable."""
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
    """Return True for "-ly", which has the hyphen of "ti-" on the other side."""
    return text.startswith("-") and _HOLD_MARK.fullmatch(text) is None


def _may_join(text: str, following: str) -> bool:
    """Return True unless the piece is a mark, kana or Han characters, each of which is a syllable though no space separates them."""
    marks = BREATH_MARKS | REST_MARKS
    return not (text in marks or following in marks or following.startswith(NEXT_SYLLABLE) or _CJK_TAIL.search(text))


def _lyric(text: str, continued: bool) -> str:
    if _HOLD_MARK.fullmatch(text):
        return HOLD
    word = text.lstrip("-") if _is_suffix(text) else text
    return f"{word.rstrip('-_')}-" if continued else word.rstrip("_")
