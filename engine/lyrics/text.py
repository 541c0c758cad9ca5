"""Raw text to words: Unicode repair, apostrophes, signs as words, removal of everything that cannot be sung."""

from __future__ import annotations

import re
import unicodedata

MAX_LYRIC_CHARACTERS = 20_000  # on one note; a song text has some 3 000
MAX_NOTICES = 24

_APOSTROPHES = str.maketrans({c: "'" for c in "\u2018\u2019\u201b\u02bc\u02bb\u02b9\u2032\u00b4`\uff07"})
_SPOKEN_SYMBOLS = {"&": " and ", "@": " at ", "%": " percent ", "+": " plus "}
_LETTER_DOLLAR = re.compile(r"(?<=[^\W\d])\$(?=[^\W\d])")
# Signs that compatibility folding would join to their neighbours: ½ after a digit, № and signs that become letters.
_BEFORE_FOLDING = (
    (re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))"), ""),
    (re.compile(r"(?<=\d)(?=[\u00bc-\u00be\u2150-\u215e])"), " "),
    (re.compile(r"\u2116\s?(?=\d)"), "#"),
    (re.compile(r"(?<=\d)\s?\u00ba\s?(?=[CF](?!\w))"), "\u00b0"),
)
_SIGN_LETTERS = frozenset("\u2122\u2120")  # ™ and its like are no words
_SIGN_CATEGORIES = frozenset(("So", "Sm", "Sc"))
_LOST_IN_FOLDING = frozenset(("Co", "Cn"))  # private and unassigned characters
_SILENT_SIGNS = frozenset("~|+\u2044")  # decoration, or read as a word
_WORD = re.compile(
    r"(?:[^\W\d_]\.){2,}|"  # a.m., U.S.
    r"'?[^\W_]+(?:(?:['-]|\.(?=\d))[^\W_]+|['-]+(?=['-]?[^\W_])|[\u0300-\u036f\u3099\u309a\u30fc])*[^\W_]*'?"
)


EMPHASIS_ON, EMPHASIS_OFF = "\ue000", "\ue001"  # neither survives `normalise`, so they cannot be in a text
# "*word*", "*some words*", "*piece*-" and, for a word whose end is written elsewhere, "*piece-". A star inside a word (f**k), behind one
# (a footnote) or beside a space marks nothing.
_EMPHASIS = re.compile(
    r"(?<![\w*-])(?P<before>-?)\*+(?:(?P<words>[\w'\[-](?:[^*\n]*[^\s*])?)\*+(?P<after>-?)(?![\w*-])|(?P<piece>[\w'][^\s*]*-)(?!\S))"
)
_EMPHASIS_SIGN = re.compile(f"([{EMPHASIS_ON}{EMPHASIS_OFF}])")


class Notices:
    """Sentences for the user, each once and no more than `MAX_NOTICES` of them."""

    def __init__(self) -> None:
        self._sentences: dict[str, None] = {}
        self._left_out: set[int] = set()

    def add(self, sentence: str) -> None:
        if sentence in self._sentences:
            return
        if len(self._sentences) < MAX_NOTICES:
            self._sentences[sentence] = None
        else:
            self._left_out.add(hash(sentence))

    def as_tuple(self) -> tuple[str, ...]:
        more = (f"{len(self._left_out)} more remarks of this kind are left out.",) if self._left_out else ()
        return (*self._sentences, *more)


def normalise(text: str) -> str:
    """Fold compatibility forms (full width, half-width kana, ligatures), unify apostrophes, remove control characters."""
    for pattern, written in _BEFORE_FOLDING:
        text = pattern.sub(written, text)
    text = "".join(c for c in text if c not in _SIGN_LETTERS)
    folded = unicodedata.normalize("NFKC", text.translate(_APOSTROPHES)).translate(_APOSTROPHES)
    return "".join(c if c.isspace() or unicodedata.category(c)[0] != "C" else "" for c in folded)


def with_emphasis(text: str) -> str:
    """Return normalised text with the stars of emphasis as `EMPHASIS_ON` and `EMPHASIS_OFF`. Other stars stay."""
    return _EMPHASIS.sub(
        lambda match: f"{EMPHASIS_ON}{match['before']}{match['words'] or match['piece']}{match['after'] or ''}{EMPHASIS_OFF}",
        text,
    )


def emphasised_parts(text: str, is_emphasised: bool = False) -> list[tuple[str, bool]]:
    """Return the pieces of a text from `with_emphasis`, each with True if it is emphasised. The argument is the state of the first."""
    parts = []
    for piece in _EMPHASIS_SIGN.split(text):
        if piece in (EMPHASIS_ON, EMPHASIS_OFF):
            is_emphasised = piece == EMPHASIS_ON
        else:
            parts.append((piece, is_emphasised))
    return parts


def unreadable_signs(written: str, spelled: str) -> str:
    """Return the emoji, arrows and other signs of a text without a word, each once.

    `written` is the text as given, `spelled` the same normalised and with its numbers and signs in words.
    """
    lost = [c for c in written if unicodedata.category(c) in _LOST_IN_FOLDING or c in _SIGN_LETTERS]
    spelled = _LETTER_DOLLAR.sub("s", spelled)
    left = [c for c in spelled if unicodedata.category(c) in _SIGN_CATEGORIES or c in "§¶†‡\u203b"]
    return "".join(sign for sign in dict.fromkeys([*left, *lost]) if sign not in _SILENT_SIGNS)


def words_in(text: str) -> list[str]:
    """Return the words of normalised text, with apostrophes and inner hyphens: `"Hey, 24/7!"` gives `["Hey", "24", "7"]`."""
    text = _LETTER_DOLLAR.sub("s", text)
    for symbol, word in _SPOKEN_SYMBOLS.items():
        text = text.replace(symbol, word)
    return [_without_quotes(word) for word in _WORD.findall(text)]


def _without_quotes(word: str) -> str:
    """Return `'hello'` without its quotation marks; `'til` and `ridin'` keep their apostrophe."""
    return word[1:-1] if len(word) > 2 and word[0] == word[-1] == "'" else word


def quote(text: str, limit: int = 24) -> str:
    """Return text for a notice: printable, short, in quotes."""
    printable = "".join(c if c.isprintable() else "\ufffd" for c in text[: limit + 1])
    return f"'{printable[:limit]}…'" if len(text) > limit else f"'{printable}'"
