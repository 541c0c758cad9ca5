"""Lyrics of MusicXML: one `<lyric>` element to text in our convention, and the choice of the verse for each note."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from engine.score.types import HOLD

ELISION = re.compile("[\u203f\ue000-\uf8ff]")  # undertie, or its glyph in a music font (private use area)
CONTINUES = ("begin", "middle")
DASHES = frozenset({"-", "_", "\u2013", "\u2014", "__", "--"})  # typed by hand where an extender line was meant
_MARKS = str.maketrans("", "", "[]*")
MIN_REFRAIN = 3  # notes in a row without the wanted verse before another verse fills in

_VERSE_NUMBER = re.compile(r"^\(?\d{1,2}[.)]\s*(?=\S)")
_LAST_DIGITS = re.compile(r"(\d{1,3})\D*$")


@dataclass(frozen=True, slots=True)
class WrittenLyric:
    """One `<lyric>` element. `text` is None for an extender line without text."""

    verse: int
    text: str | None
    extends: bool = False  # an extender line starts or continues here
    extension_ends: bool = False

    @property
    def word_goes_on(self) -> bool:
        return self.text is not None and self.text != HOLD and self.text.endswith("-")


def read_lyric(element: Element) -> WrittenLyric | None:
    """Return the lyric of an element; None if it has no words (humming, laughing, empty)."""
    text, syllabic = _joined_text(element)
    extend = element.find("extend")
    if not text and extend is None:
        return None
    return WrittenLyric(
        verse=_verse(element),
        text=_in_convention(text, syllabic) if text else None,
        extends=extend is not None and extend.get("type") != "stop",
        extension_ends=extend is not None and extend.get("type") == "stop",
    )


def _verse(element: Element) -> int:
    """Return the verse: `number` is "2", "part1verse2"…; without digits the name may have some ("verse 2"); otherwise verse 1."""
    for attribute in ("number", "name"):
        digits = _LAST_DIGITS.search(element.get(attribute, ""))
        if digits:
            return max(1, int(digits[1]))
    return 1


def _joined_text(element: Element) -> tuple[str, str | None]:
    """Return all text of the element and the syllabic of its last syllable.

    Syllables joined by an elision get a space, unless they belong to one word. Texts without an elision between them are one text in
    several fonts.
    """
    text, syllabic, previous = "", None, None
    elided = False
    for child in element:
        if child.tag == "syllabic":
            syllabic = (child.text or "").strip()
        elif child.tag == "elision":
            elided, previous, syllabic = True, syllabic, None
        elif child.tag == "text":
            same_word = previous in CONTINUES and syllabic in ("middle", "end")
            text += (" " if elided and not same_word else "") + (child.text or "")
            syllabic = syllabic or previous
            elided = False
    return " ".join(ELISION.sub(" ", text).split()), syllabic


def _in_convention(text: str, syllabic: str | None) -> str:
    """Remove characters that are marks in our convention: brackets (hints), stars (emphasis), a first apostrophe (glottal onset)."""
    if text in DASHES:
        return HOLD
    text = _VERSE_NUMBER.sub("", text.translate(_MARKS)) or text.strip("[]*") or HOLD
    if text.startswith("'"):
        text = "\u2019" + text[1:]
    if syllabic is None:
        return text
    if syllabic in ("middle", "end"):
        text = text.lstrip("- ") or text  # hyphens typed by hand beside the ones the program draws
    text = text.rstrip("- ") or text
    return text + "-" if syllabic in CONTINUES and text != HOLD else text


def choose_lyrics(written: Sequence[Sequence[WrittenLyric]], wanted: Sequence[int]) -> list[WrittenLyric | None]:
    """Return the lyric of each note. `written`: the lyrics on each note of a voice in order; `wanted`: the verse for each.

    A refrain is often written under one verse only, so if the wanted verse is missing for several notes in a row, the lowest existing verse
    fills in. A single missing syllable is a melisma of that verse and stays empty. Notes before a repeat that have words of the next verse
    only are its pick-up and have no words in the current verse.
    """
    chosen: list[WrittenLyric | None] = []
    pickups: dict[int, int] = {}  # lyrics of a note (by identity: passes share them) -> the verse they led to
    gap: list[int] = []
    for i, (lyrics, verse) in enumerate(zip(written, wanted, strict=True)):
        lyric = _of_verse(lyrics, verse)
        if lyric is not None and pickups.get(id(lyrics)) == verse:
            lyric = None
        if gap and (lyric is not None or verse != wanted[gap[-1]]):
            _fill(chosen, written, gap, coming=verse if verse != wanted[gap[-1]] else None, pickups=pickups)
            gap = []
        chosen.append(lyric)
        if lyric is None and lyrics:
            gap.append(i)
    _fill(chosen, written, gap, coming=None, pickups=pickups)
    return chosen


def _fill(
    chosen: list[WrittenLyric | None],
    written: Sequence[Sequence[WrittenLyric]],
    gap: Sequence[int],
    *,
    coming: int | None,
    pickups: dict[int, int],
) -> None:
    """Return words for notes in a row without the wanted verse. `coming`: the verse that follows them, if it is another one."""
    of_coming = [_of_verse(written[i], coming) for i in gap] if coming is not None else []
    if of_coming and all(of_coming):
        for i, lyric in zip(gap, of_coming, strict=True):
            chosen[i] = lyric
            pickups[id(written[i])] = lyric.verse if lyric else 0
    elif len(gap) >= MIN_REFRAIN:
        for i in gap:
            chosen[i] = min(written[i], key=lambda lyric: lyric.verse)


def _of_verse(lyrics: Sequence[WrittenLyric], verse: int) -> WrittenLyric | None:
    return next((lyric for lyric in lyrics if lyric.verse == verse), None)
