"""Words as syllables of language-tagged phones, and the syllables of each note."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Phone:
    """One phoneme in its own language's inventory: `en/AH` (stress 0-2), `zh/ang` (tone on the syllable), `ja/a`, `ko/eo`, `yue/aai`."""

    language: str
    symbol: str

    def __str__(self) -> str:
        return f"{self.language}/{self.symbol}"


@dataclass(frozen=True, slots=True)
class Syllable:
    """Onset consonants, one nucleus, coda. `phones[nucleus]` is the vowel (or syllabic consonant)."""

    phones: tuple[Phone, ...]
    nucleus: int
    text: str  # its piece of the spelling, for display
    word: str = ""
    stress: int = 0  # 0 none, 1 primary, 2 secondary
    tone: int = 0  # lexical tone 1-5 (Mandarin), 1-6 (Cantonese), 0 = none
    is_word_start: bool = True
    is_word_end: bool = True
    glottal_onset: bool = False
    is_emphasised: bool = False
    is_hinted: bool = False  # its phones were given, independent of its text
    native: Syllable | None = None  # the original, if the phones are another language's

    @property
    def marked_text(self) -> str:
        """`text`, with stars if it is emphasised."""
        return f"*{self.text}*" if self.is_emphasised else self.text

    @property
    def vowel_alone(self) -> Syllable:
        """Syllable of a hold behind a silence: the vowel starts again without a new word."""
        return replace(self, phones=(self.vowel,), nucleus=0, is_word_start=False, glottal_onset=False, is_emphasised=False)

    @property
    def onset(self) -> tuple[Phone, ...]:
        return self.phones[: self.nucleus]

    @property
    def vowel(self) -> Phone:
        return self.phones[self.nucleus]

    @property
    def coda(self) -> tuple[Phone, ...]:
        return self.phones[self.nucleus + 1 :]


class NoteKind(StrEnum):
    """Kinds of notes."""

    SING = "sing"  # starts its syllables
    HOLD = "hold"  # continues the vowel of the note before, may end with that syllable's coda
    BREATH = "breath"
    REST = "rest"  # a note marked as silence


@dataclass(frozen=True, slots=True)
class NoteLyric:
    """Lyric of one note. `syllables` usually has one entry, several if there are fewer notes than syllables, none unless kind is SING."""

    kind: NoteKind
    syllables: tuple[Syllable, ...] = ()


@dataclass(frozen=True)
class SyllableTrack:
    """`notes[i]` belongs to note i of the track it was made for (same length). `notices` are full sentences for the user."""

    language: str
    notes: tuple[NoteLyric, ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class SpokenLine:
    """Running text for talk mode: words of syllables, with the pause that follows each word (0 none, 1 comma, 2 sentence end)."""

    language: str
    words: tuple[tuple[Syllable, ...], ...]
    pauses: tuple[int, ...]  # as long as words
    is_question: bool = False
    notices: tuple[str, ...] = ()
