"""Raw text to words: Unicode repair, apostrophes, symbols that are spoken, everything else that cannot be sung dropped."""

from __future__ import annotations

import re
import unicodedata

MAX_LYRIC_CHARACTERS = 20_000  # on one note; a song text has some 3 000
MAX_NOTICES = 24

_APOSTROPHES = str.maketrans({c: "'" for c in "\u2018\u2019\u201b\u02bc\u02bb\u02b9\u2032\u00b4`\uff07"})
_SPOKEN_SYMBOLS = {"&": " and ", "@": " at ", "%": " percent ", "+": " plus "}
_MONEY = re.compile(r"\$(\d[\d,]*(?:\.\d+)?)")
_LETTER_DOLLAR = re.compile(r"(?<=[^\W\d])\$(?=[^\W\d])")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3})")
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
    """Collects sentences for the user: each once, and no more than `MAX_NOTICES` of them."""

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
    """Compatibility forms folded (full width, half-width kana, ligatures), one kind of apostrophe, no control characters."""
    folded = unicodedata.normalize("NFKC", text.translate(_APOSTROPHES)).translate(_APOSTROPHES)
    return "".join(c if c.isspace() or unicodedata.category(c)[0] != "C" else "" for c in folded)


def with_emphasis(text: str) -> str:
    """Normalised text with the stars of emphasis as `EMPHASIS_ON` and `EMPHASIS_OFF`; other stars stay."""
    return _EMPHASIS.sub(
        lambda match: f"{EMPHASIS_ON}{match['before']}{match['words'] or match['piece']}{match['after'] or ''}{EMPHASIS_OFF}",
        text,
    )


def emphasised_parts(text: str, is_emphasised: bool = False) -> list[tuple[str, bool]]:
    """The pieces of a text from `with_emphasis` with whether each is emphasised, as the first one is told to be."""
    parts = []
    for piece in _EMPHASIS_SIGN.split(text):
        if piece in (EMPHASIS_ON, EMPHASIS_OFF):
            is_emphasised = piece == EMPHASIS_ON
        else:
            parts.append((piece, is_emphasised))
    return parts


def pictures_in(text: str) -> str:
    """The emoji and other pictorial symbols of a text, each once."""
    return "".join(dict.fromkeys(c for c in text if unicodedata.category(c) == "So"))


def words_in(text: str) -> list[str]:
    """Words of normalised text, with apostrophes and inner hyphens: `"Hey, 24/7!"` gives `["Hey", "24", "7"]`."""
    text = _MONEY.sub(lambda match: f" {match[1]} dollars ", text)
    text = _THOUSANDS.sub("", _LETTER_DOLLAR.sub("s", text))
    for symbol, word in _SPOKEN_SYMBOLS.items():
        text = text.replace(symbol, word)
    return [_without_quotes(word) for word in _WORD.findall(text)]


def _without_quotes(word: str) -> str:
    """`'hello'` in quotation marks is hello; `'til` and `ridin'` keep their apostrophe."""
    return word[1:-1] if len(word) > 2 and word[0] == word[-1] == "'" else word


def shown(text: str, limit: int = 24) -> str:
    """Text for a notice: printable and short."""
    printable = "".join(c if c.isprintable() else "\ufffd" for c in text[: limit + 1])
    return f"'{printable[:limit]}…'" if len(text) > limit else f"'{printable}'"
