"""Queue of words for live notes: split into syllables beforehand, taken one by one, stepped line by line."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from engine.languages import language_name
from engine.lyrics import (
    NoteKind,
    Phone,
    Syllable,
    UserDictionary,
    parse_lyric_text,
    spread_text,
    to_english_phones,
)
from engine.lyrics.syllables import VOWELS
from engine.score.types import HOLD, NEXT_SYLLABLE

MAX_CUES = 50_000  # in one queue; a long song has some 2 000 syllables
_SHOWN_AHEAD = 8


@dataclass(frozen=True, slots=True)
class LyricCue:
    """Content of one note. `written`: lyric as in a score; `part`: index of the syllable in its word, and their number."""

    kind: NoteKind
    written: str
    syllable: Syllable | None = None  # if kind is SING
    part: tuple[int, int] = (0, 1)

    @property
    def text(self) -> str:
        """Text for display."""
        return self.syllable.text if self.syllable else self.written

    def spelled_out(self) -> str:
        """Return the lyric with its phones in brackets, ARPAbet in capitals, which is read the same on any note and in any language."""
        if self.syllable is None:
            return self.written
        symbols = [phone.symbol for phone in self.syllable.phones]
        if self.syllable.vowel.symbol in VOWELS:
            symbols[self.syllable.nucleus] += str(self.syllable.stress)
        star = "*" * self.syllable.is_emphasised
        return f"{star}{self.syllable.text}[{' '.join(symbols)}]{star}"


@dataclass(frozen=True, slots=True)
class LyricLine:
    """A line of text with one cue per note."""

    text: str
    cues: tuple[LyricCue, ...]


@dataclass(frozen=True, slots=True)
class SplitLyrics:
    """Lines for a queue, and full sentences about guesses and omissions."""

    lines: tuple[LyricLine, ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LyricPosition:
    """Place in a queue: the next note takes cue `syllable` of line `line` (both from 0).

    `upcoming`: texts of this cue and some more, for display; `remaining`: number of cues left.
    """

    line: int
    syllable: int
    lines: int
    upcoming: tuple[str, ...] = ()
    remaining: int = 0

    @property
    def next_text(self) -> str:
        """Text of the next syllable, "" if the words are used up."""
        return self.upcoming[0] if self.upcoming else ""


def split_lyrics(
    text: str,
    *,
    language: str = "en",
    dictionary: UserDictionary | None = None,
    voice_languages: Collection[str] = ("en",),
) -> SplitLyrics:
    """Split a text of one or more lines, with the marks of a score. Takes milliseconds per line: not for the rendering thread.

    Headings and comments are left out as in lyric files. Languages that the voice lacks get its English phones.
    """
    notices: dict[str, None] = {}
    lines = []
    for line in parse_lyric_text(text).lines:
        split = split_note_lyric(line, language=language, dictionary=dictionary, voice_languages=voice_languages)
        lines += [found for found in split.lines if found.cues]
        notices.update(dict.fromkeys(split.notices))
    return SplitLyrics(tuple(lines), tuple(notices))


def split_note_lyric(
    lyric: str,
    *,
    language: str = "en",
    dictionary: UserDictionary | None = None,
    voice_languages: Collection[str] = ("en",),
) -> SplitLyrics:
    """Split the lyric of a single note, which gives one line."""
    written, laid = spread_text(lyric, language=language, dictionary=dictionary)
    cues: list[LyricCue] = []
    for text, note in zip(written, laid.notes, strict=True):
        if note.kind is not NoteKind.SING:
            cues.append(LyricCue(note.kind, text))
        for number, syllable in enumerate(note.syllables):
            known = syllable if syllable.vowel.language in voice_languages else to_english_phones(syllable)
            cues.append(LyricCue(note.kind, text if number == 0 else NEXT_SYLLABLE, known))
    foreign = sorted({s.vowel.language for note in laid.notes for s in note.syllables} - set(voice_languages))
    named = ", ".join(map(language_name, foreign))
    accent = (f"{named} is sung with English sounds, as an accent.",) if foreign else ()
    return SplitLyrics((LyricLine(lyric.strip(), _with_parts(cues)),), (*laid.notices, *accent))


def _with_parts(cues: Sequence[LyricCue]) -> tuple[LyricCue, ...]:
    """Set the part of each cue in its word."""
    result = list(cues)
    word: list[int] = []
    for i, cue in enumerate(cues):
        if cue.syllable is None:
            continue
        word = [i] if cue.syllable.is_word_start else [*word, i]
        if cue.syllable.is_word_end:
            for number, place in enumerate(word):
                result[place] = replace(result[place], part=(number, len(word)))
    return tuple(result)


HUM = LyricCue(NoteKind.SING, "mm[m]", Syllable((Phone("en", "M"),), 0, "mm", "mm"))
LA = LyricCue(NoteKind.SING, "la", Syllable((Phone("en", "L"), Phone("en", "AA")), 1, "la", "la", stress=1))
HELD = LyricCue(NoteKind.HOLD, HOLD)


class LyricQueue:
    """Lines of cues and a place in them. Holds at most MAX_CUES cues."""

    def __init__(self) -> None:
        self._lines: list[LyricLine] = []
        self._line, self._cue = 0, 0  # of the next cue; `_cue` may be the line's length
        self._sung_line = 0
        self._count = 0

    @property
    def is_empty(self) -> bool:
        """There are no words."""
        return not self._lines

    @property
    def lines(self) -> tuple[LyricLine, ...]:
        """All lines, sung or not."""
        return tuple(self._lines)

    @property
    def position(self) -> LyricPosition:
        line, cue = self._place()
        upcoming: list[str] = []
        for number in range(line, len(self._lines)):
            upcoming += [item.text for item in self._lines[number].cues[cue if number == line else 0 :][:_SHOWN_AHEAD]]
            if len(upcoming) >= _SHOWN_AHEAD:
                break
        remaining = sum(len(later.cues) for later in self._lines[line:]) - cue
        return LyricPosition(line, cue, len(self._lines), tuple(upcoming[:_SHOWN_AHEAD]), remaining)

    def replace(self, lines: Sequence[LyricLine]) -> bool:
        """Replace all words and go to their start. Return False if they are too many and some were left out."""
        self._lines, self._count = [], 0
        self.go_to(0)
        return self.append(lines)

    def append(self, lines: Sequence[LyricLine]) -> bool:
        """Append words. Return False if they are too many and some were left out."""
        for line in lines:
            if self._count + len(line.cues) > MAX_CUES:
                return False
            if line.cues:
                self._lines.append(line)
                self._count += len(line.cues)
        return True

    def peek(self) -> LyricCue | None:
        """Return the next cue; None if the words are used up."""
        line, cue = self._place()
        return self._lines[line].cues[cue] if line < len(self._lines) else None

    def take(self) -> LyricCue | None:
        """Take the next cue; None if the words are used up."""
        taken = self.peek()
        if taken is not None:
            line, cue = self._place()
            self._line, self._cue, self._sung_line = line, cue + 1, line
        return taken

    def go_to(self, line: int, cue: int = 0) -> None:
        """Go to a cue of a line, both from 0; numbers beyond the end mean the end."""
        self._line = min(max(line, 0), len(self._lines))
        length = len(self._lines[self._line].cues) if self._line < len(self._lines) else 0
        self._cue = min(max(cue, 0), length)
        self._sung_line = self._line

    def step(self, by: int) -> None:
        """Go to the start of the line `by` lines after the one sung or gone to last."""
        self.go_to(self._sung_line + by)

    def _place(self) -> tuple[int, int]:
        """Return line and index of the next cue: the end of a line is the start of the next one."""
        if self._line < len(self._lines) and self._cue >= len(self._lines[self._line].cues):
            return self._line + 1, 0
        return self._line, self._cue
