"""One voice of a part as it is sung: verse chosen, grace notes given time, ties merged, melismas held."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..types import HOLD, Note
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
    """Notes of a voice with lyrics in our convention, velocity still neutral."""
    lyrics = choose_lyrics([item.written.lyrics for item in placed], [item.verse for item in placed])
    line = _Line()
    for item in _time_graces([replace(item, lyric=lyric) for item, lyric in zip(placed, lyrics, strict=True)], ppq):
        line.sing(item)
    return line.notes


def _time_graces(placed: Iterable[PlacedNote], ppq: int) -> list[PlacedNote]:
    """Let grace notes take their time from the start of the note they lead to (at most half of it), or from a rest."""
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
    """The grace notes one after the other from `onset`, and the ticks they take from a following note of `room` ticks."""
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
    """A syllable under the main note starts on the first of its grace notes; the main note goes on with the vowel."""
    if main.lyric is None or main.lyric.text is None or main.written.pitch is None or any(item.lyric for item in graces):
        return main
    graces[0] = replace(graces[0], lyric=main.lyric)
    return replace(main, lyric=replace(main.lyric, text=HOLD))


class _Line:
    """Follows a voice note by note and decides what each one sings."""

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self._open_ties: dict[float, int] = {}  # pitch -> place in `notes`
        self._slurs: set[str] = set()
        self._end = -1  # where the last sung note ends
        self._in_syllable = False
        self._extends = False  # an extender line or the hyphens of a word are open
        self._holds = False  # the last note that was not a chord member is a hold

    def sing(self, item: PlacedNote) -> None:
        written = item.written
        under_slur = bool(self._slurs)
        self._slurs -= written.slur_stops
        self._slurs |= written.slur_starts
        if written.pitch is None:
            self._in_syllable = self._extends = False
        elif not self._merge_tie(item, written.pitch):
            text = self._chord_text(item) if written.is_chord else self._text(item, under_slur or written.tie_stops)
            if written.tie_starts:
                self._open_ties[written.pitch] = len(self.notes)
            self.notes.append(Note(item.onset, item.duration, written.pitch, lyric=text, is_accented=written.is_accented))
        if not written.is_chord:
            self._end = item.offset

    def _merge_tie(self, item: PlacedNote, pitch: float) -> bool:
        """Lengthen the note that is tied to this one. A new syllable on a tied note starts a note of its own."""
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
        return HOLD if self._holds else None

    def _open_syllable(self, lyric: WrittenLyric, text: str) -> None:
        self._in_syllable = True
        self._extends = lyric.extends or lyric.word_goes_on or (text == HOLD and self._extends)

    def _text(self, item: PlacedNote, under_slur: bool) -> str | None:
        goes_on = self._in_syllable and item.onset == self._end
        lyric = item.lyric
        if lyric and lyric.text:
            self._open_syllable(lyric, lyric.text)
            self._holds = lyric.text == HOLD
            return lyric.text
        self._holds = self._in_syllable = goes_on and (lyric is not None or self._extends or under_slur)
        self._extends = self._holds and (lyric.extends if lyric else self._extends)
        return HOLD if self._holds else None
