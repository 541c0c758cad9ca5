"""One voice of a part for singing: verse chosen, grace notes given time, ties merged, melismas as holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from engine.score.types import HOLD, REST, Note

from .musicxml_lyrics import WrittenLyric, choose_lyrics
from .musicxml_part import WrittenNote


@dataclass(frozen=True, slots=True)
class PlacedNote:
    """A written note at its time in the song."""

    onset: int
    written: WrittenNote
    verse: int  # the verse that should be sung here
    duration: int
    lyric: WrittenLyric | None = None

    @property
    def offset(self) -> int:
        return self.onset + self.duration


def sing_voice(placed: Sequence[PlacedNote], ppq: int) -> list[Note]:
    """Return the notes of a voice with lyrics in our convention, velocity still neutral."""
    lyrics = choose_lyrics([item.written.lyrics for item in placed], [item.verse for item in placed])
    line = _Line()
    timed = _time_graces([replace(item, lyric=lyric) for item, lyric in zip(placed, lyrics, strict=True)], ppq)
    for item, ahead in zip(timed, _ahead(timed), strict=True):
        line.sing(item, ahead)
    return line.notes


@dataclass(frozen=True, slots=True)
class _Ahead:
    """Continuation behind a note: True for a next syllable, and for an extender line up to it."""

    text: bool = False
    extender: bool = False


def _ahead(items: Sequence[PlacedNote]) -> Iterator[_Ahead]:
    found: list[_Ahead] = []
    ahead = _Ahead()
    for item in reversed(items):
        found.append(ahead)
        if item.lyric is not None and item.written.pitch is not None:
            ahead = _Ahead(text=True) if item.lyric.text else replace(ahead, extender=True)
    return reversed(found)


def _time_graces(placed: Iterable[PlacedNote], ppq: int) -> list[PlacedNote]:
    """Let grace notes take their time from the start of the following note (at most half of it), or from a rest."""
    result: list[PlacedNote] = []
    graces: list[PlacedNote] = []
    stolen = 0
    for item in placed:
        if item.written.is_grace:
            graces.append(item)
            continue
        if graces:
            timed, stolen = _place_graces(graces, item.onset, item.duration if item.written.pitch is not None else None, ppq)
            item = _give_lyric(timed, item)
            result += timed
            graces = []
        elif not item.written.is_chord:
            stolen = 0
        result.append(replace(item, onset=item.onset + stolen, duration=item.duration - stolen) if stolen else item)
    if graces:
        result += _place_graces(graces, graces[0].onset, None, ppq)[0]
    return result


def _place_graces(graces: Sequence[PlacedNote], onset: int, room: int | None, ppq: int) -> tuple[list[PlacedNote], int]:
    """Return the grace notes in a row from `onset`, and the ticks they take from a following note of `room` ticks."""
    wanted = [0 if item.written.is_chord else ppq // (8 if item.written.is_slashed else 4) for item in graces]
    scale = 1.0 if room is None else min(1.0, room / 2 / max(1, sum(wanted)))
    timed: list[PlacedNote] = []
    tick, length = onset, 1
    for item, ticks in zip(graces, wanted, strict=True):
        if ticks:
            tick, length = (timed[-1].offset if timed else onset), max(1, int(ticks * scale))
        timed.append(replace(item, onset=tick, duration=length))
    stolen = timed[-1].offset - onset
    return timed, (0 if room is None else min(stolen, room - 1))


def _give_lyric(graces: list[PlacedNote], main: PlacedNote) -> PlacedNote:
    """Move a syllable under the main note to the first of its grace notes; the main note holds the vowel."""
    if main.lyric is None or main.lyric.text is None or main.written.pitch is None or any(item.lyric for item in graces):
        return main
    graces[0] = replace(graces[0], lyric=main.lyric)
    return replace(main, lyric=replace(main.lyric, text=HOLD))


class _Line:
    """Follows a voice note by note and decides the lyric of each."""

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self._open_ties: dict[float, int] = {}  # pitch -> place in `notes`
        self._slurs: set[str] = set()
        self._end = -1  # end of the last sung note
        self._in_syllable = False
        self._extends = False  # an extender line or the hyphens of a word are open
        self._holds = False  # the last note that was not a chord member is a hold
        self._open_word = False  # hyphens lead to a further syllable, even across rests
        self._has_sung = False
        self._after_rest = True
        self._is_silent = False  # the words here belong to the pick-up of another verse

    def sing(self, item: PlacedNote, ahead: _Ahead) -> None:
        written = item.written
        under_slur = bool(self._slurs)
        self._slurs -= written.slur_stops
        self._slurs |= written.slur_starts
        if written.pitch is None:
            self._in_syllable = self._extends = self._is_silent = False
            self._after_rest = True
        elif not self._merge_tie(item, written.pitch):
            text = self._chord_text(item) if written.is_chord else self._text(item, under_slur or written.tie_stops, ahead)
            if written.tie_starts:
                self._open_ties[written.pitch] = len(self.notes)
            self.notes.append(Note(item.onset, item.duration, written.pitch, lyric=text, is_accented=written.is_accented))
        if written.pitch is not None:
            self._after_rest = False
        if not written.is_chord:
            self._end = item.offset

    def _merge_tie(self, item: PlacedNote, pitch: float) -> bool:
        """Lengthen the note that is tied to this one. A new syllable on a tied note starts a new note."""
        if not item.written.tie_stops or pitch not in self._open_ties:
            return False
        place = self._open_ties.pop(pitch)
        note = self.notes[place]
        if note.offset_ticks != item.onset or (item.lyric and item.lyric.text):
            return False
        self.notes[place] = replace(note, duration_ticks=note.duration_ticks + item.duration)
        if item.written.tie_starts:
            self._open_ties[pitch] = place
        if item.lyric:
            self._extends = item.lyric.extends
        return True

    def _chord_text(self, item: PlacedNote) -> str | None:
        if item.lyric and item.lyric.text:
            self._open_syllable(item.lyric, item.lyric.text)
            return item.lyric.text
        return HOLD if self._holds else REST if self._is_silent else None

    def _open_syllable(self, lyric: WrittenLyric, text: str) -> None:
        self._in_syllable = self._has_sung = True
        self._is_silent = False
        self._open_word = lyric.word_goes_on or (text == HOLD and self._open_word)
        self._extends = lyric.extends or lyric.word_goes_on or (text == HOLD and self._extends)

    def _text(self, item: PlacedNote, under_slur: bool, ahead: _Ahead) -> str | None:
        goes_on = self._in_syllable and item.onset == self._end
        lyric = item.lyric
        if lyric and lyric.text:
            self._open_syllable(lyric, lyric.text)
            self._holds = lyric.text == HOLD
            return lyric.text
        crosses_rest = self._has_sung and (lyric is not None or ahead.extender or (self._open_word and ahead.text))
        self._holds = self._in_syllable = crosses_rest or (goes_on and (self._extends or under_slur))
        self._extends = self._holds and (lyric.extends if lyric else self._extends)
        if self._holds:
            return HOLD
        is_pickup = item.onset != self._end or self._is_silent or not self._has_sung or self._after_rest
        self._is_silent = is_pickup and (self._is_silent or any(other.text for other in item.written.lyrics))
        return REST if self._is_silent else None
