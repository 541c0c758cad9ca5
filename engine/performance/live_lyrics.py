"""Words that wait for notes: split into syllables beforehand, taken one by one, stepped line by line."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

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
    """What one note takes from the queue. `written` as a score would have it; `part` of how many syllables of its word it is."""

    kind: NoteKind
    written: str
    syllable: Syllable | None = None  # if kind is SING
    part: tuple[int, int] = (0, 1)

    @property
    def text(self) -> str:
        """For display."""
        return self.syllable.text if self.syllable else self.written

    def spelled_out(self) -> str:
        """The lyric with its sounds in brackets, which needs no neighbours to be read."""
        if self.syllable is None:
            return self.written
        symbols = [phone.symbol.lower() for phone in self.syllable.phones]
        if self.syllable.vowel.symbol in VOWELS:
            symbols[self.syllable.nucleus] += str(self.syllable.stress)
        star = "*" * self.syllable.is_emphasised
        return f"{star}{self.syllable.text}[{' '.join(symbols)}]{star}"


@dataclass(frozen=True, slots=True)
class LyricLine:
    """A line of the text, ready to be sung: one cue per note."""

    text: str
    cues: tuple[LyricCue, ...]


@dataclass(frozen=True, slots=True)
class SplitLyrics:
    """Lines ready for a queue, and full sentences about what was guessed or left out."""

    lines: tuple[LyricLine, ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LyricPosition:
    """Where a queue stands: the next note takes cue `syllable` of line `line` (both from 0).

    `upcoming`: it and some more, for display; `remaining`: how many wait in all.
    """

    line: int
    syllable: int
    lines: int
    upcoming: tuple[str, ...] = ()
    remaining: int = 0

    @property
    def next_text(self) -> str:
        """The next syllable, "" if the words are used up."""
        return self.upcoming[0] if self.upcoming else ""


def split_lyrics(
    text: str,
    *,
    language: str = "en",
    dictionary: UserDictionary | None = None,
    voice_languages: Collection[str] = ("en",),
) -> SplitLyrics:
    """A text of one or more lines, with the marks of a score. Takes milliseconds per line: not for the thread that sings.

    Headings and comments are left out as in lyric files. Languages that the voice lacks get its English sounds.
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
    """What is written on a single note, as one line."""
    written, laid = spread_text(lyric, language=language, dictionary=dictionary)
    cues: list[LyricCue] = []
    for text, note in zip(written, laid.notes, strict=True):
        if note.kind is not NoteKind.SING:
            cues.append(LyricCue(note.kind, text))
        for number, syllable in enumerate(note.syllables):
            known = syllable if syllable.vowel.language in voice_languages else to_english_phones(syllable)
            cues.append(LyricCue(note.kind, text if number == 0 else NEXT_SYLLABLE, known))
    foreign = sorted({s.vowel.language for note in laid.notes for s in note.syllables} - set(voice_languages))
    accent = (f"{', '.join(foreign)} is sung with English sounds, as an accent.",) if foreign else ()
    return SplitLyrics((LyricLine(lyric.strip(), _with_parts(cues)),), (*laid.notices, *accent))


def _with_parts(cues: Sequence[LyricCue]) -> tuple[LyricCue, ...]:
    """Each cue told which part of its word it is."""
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
    """Lines of cues and a place in them."""

    def __init__(self) -> None:
        self._lines: list[LyricLine] = []
        self._line, self._cue = 0, 0  # of the next cue; `_cue` may be the line's length
        self._sung_line = 0
        self._count = 0

    @property
    def is_empty(self) -> bool:
        """There are no words at all."""
        return not self._lines

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
        """Other words, from their start. False if they are too many and some were left out."""
        self._lines, self._count = [], 0
        self.go_to(0)
        return self.append(lines)

    def append(self, lines: Sequence[LyricLine]) -> bool:
        """More words at the end. False if they are too many and some were left out."""
        for line in lines:
            if self._count + len(line.cues) > MAX_CUES:
                return False
            if line.cues:
                self._lines.append(line)
                self._count += len(line.cues)
        return True

    def peek(self) -> LyricCue | None:
        """The next cue; None if the words are used up."""
        line, cue = self._place()
        return self._lines[line].cues[cue] if line < len(self._lines) else None

    def take(self) -> LyricCue | None:
        """The next cue, which is used up by this."""
        taken = self.peek()
        if taken is not None:
            line, cue = self._place()
            self._line, self._cue, self._sung_line = line, cue + 1, line
        return taken

    def go_to(self, line: int, cue: int = 0) -> None:
        """Beyond the end of the words or of a line: its end."""
        self._line = min(max(line, 0), len(self._lines))
        length = len(self._lines[self._line].cues) if self._line < len(self._lines) else 0
        self._cue = min(max(cue, 0), length)
        self._sung_line = self._line

    def step(self, by: int) -> None:
        """To the start of a line counted from the one that was sung last or gone to."""
        self.go_to(self._sung_line + by)

    def _place(self) -> tuple[int, int]:
        """Line and cue of the next cue: the end of a line is the start of the one after."""
        if self._line < len(self._lines) and self._cue >= len(self._lines[self._line].cues):
            return self._line + 1, 0
        return self._line, self._cue
