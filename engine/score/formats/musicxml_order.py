"""Playing order of the bars of a score: repeats, endings (voltas), D.C., D.S., Fine and Coda."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from engine.errors import ScoreError

MAX_PLAYED_MEASURES = 20_000
MAX_REPEAT_TIMES = 64


@dataclass(slots=True)
class MeasureMarks:
    """Marks of one bar about the order of bars, from all parts together."""

    forward: bool = False
    backward_times: int = 0  # 0 = no repeat sign at the end
    endings: frozenset[int] = frozenset()
    ending_starts: bool = False
    ending_stops: bool = False
    segno: bool = False
    coda: bool = False
    to_coda: bool = False
    da_capo: bool = False
    dal_segno: bool = False
    fine: bool = False


@dataclass(frozen=True, slots=True)
class PlayedMeasure:
    """One pass through a bar."""

    index: int  # bar in the file
    pass_number: int  # 1 = first time through
    after_jump: bool  # the bar before it in the file was not the one sung before


def read_marks(measures_of_parts: Sequence[Sequence[Element]]) -> list[MeasureMarks]:
    """Return one entry per bar. A mark in any part counts for all, as many programs write them in the first part only."""
    marks = [MeasureMarks() for _ in range(max(map(len, measures_of_parts), default=0))]
    for measures in measures_of_parts:
        for mark, measure in zip(marks, measures, strict=False):
            for barline in measure.iterfind("barline"):
                _read_barline(mark, barline)
            for sound in [*measure.iterfind("sound"), *measure.iterfind("direction/sound")]:
                _read_sound(mark, sound)
    _spread_endings(marks)
    return marks


def _read_barline(mark: MeasureMarks, barline: Element) -> None:
    repeat = barline.find("repeat")
    if repeat is not None and repeat.get("direction") == "forward":
        mark.forward = True
    elif repeat is not None and repeat.get("direction") == "backward":
        times = repeat.get("times", "")
        mark.backward_times = min(MAX_REPEAT_TIMES, max(2, int(times))) if re.fullmatch(r"[0-9]{1,9}", times) else 2
    ending = barline.find("ending")
    if ending is None:
        return
    if ending.get("type") == "start":
        numbers = frozenset(int(number) for number in re.findall(r"[0-9]{1,3}", ending.get("number", "")))
        mark.endings = numbers or frozenset({1})
        mark.ending_starts = True
    else:
        mark.ending_stops = True


def _read_sound(mark: MeasureMarks, sound: Element) -> None:
    mark.segno |= "segno" in sound.attrib
    mark.coda |= "coda" in sound.attrib
    mark.to_coda |= "tocoda" in sound.attrib
    mark.dal_segno |= "dalsegno" in sound.attrib
    mark.da_capo |= sound.get("dacapo") == "yes"
    mark.fine |= "fine" in sound.attrib
    mark.forward |= sound.get("forward-repeat") == "yes"


def _spread_endings(marks: Iterable[MeasureMarks]) -> None:
    """Give every bar under a volta bracket the bracket's numbers."""
    current: frozenset[int] = frozenset()
    for mark in marks:
        if mark.ending_starts:
            current = mark.endings
        mark.endings = current
        if mark.ending_stops:
            current = frozenset()


@dataclass
class _Walk:
    """State of a walk through the bars."""

    marks: Sequence[MeasureMarks]
    position: int = 0
    section_start: int = 0
    pass_number: int = 1
    jumped: bool = False  # after D.C. or D.S. repeats are not taken again
    jumps_taken: set[int] = field(default_factory=set)
    times_sung: dict[int, int] = field(default_factory=dict)
    order: list[PlayedMeasure] = field(default_factory=list)

    def run(self) -> list[PlayedMeasure]:
        while self.position < len(self.marks):
            mark = self.marks[self.position]
            if mark.forward and self.position != self.section_start:
                self._enter_section(self.position)
            if mark.endings and self._current_pass(mark) not in mark.endings:
                self._step()
                continue
            self._sing()
            if not self._jump(mark):
                if self.jumped and mark.fine:
                    break
                self._step()
        return self.order

    def _sing(self) -> None:
        if len(self.order) >= MAX_PLAYED_MEASURES:
            raise ScoreError(f"With its repeats the score is longer than {MAX_PLAYED_MEASURES} bars.")
        index = self.position
        self.times_sung[index] = self.times_sung.get(index, 0) + 1
        previous = self.order[-1].index if self.order else -1
        self.order.append(PlayedMeasure(index, max(self.pass_number, self.times_sung[index]), previous != index - 1))

    def _jump(self, mark: MeasureMarks) -> bool:
        """Follow a sign at the end of the current bar. Return False if there is none to follow."""
        index = self.position
        if self.jumped and mark.to_coda:
            coda = next((i for i in range(index + 1, len(self.marks)) if self.marks[i].coda), None)
            if coda is not None:
                self.jumped = False
                self._enter_section(coda)
                return True
        if mark.backward_times and not self.jumped and self.pass_number < self._passes(index):
            self.pass_number += 1
            self.position = self.section_start
            return True
        if (mark.da_capo or mark.dal_segno) and index not in self.jumps_taken:
            self.jumps_taken.add(index)
            self.jumped = True
            self._enter_section(self._segno_before(index) if mark.dal_segno else 0)
            return True
        return False

    def _step(self) -> None:
        """Go to the next bar. Behind a repeat sign or the last ending a new section starts."""
        mark = self.marks[self.position]
        self.position += 1
        in_endings = self.position < len(self.marks) and bool(self.marks[self.position].endings)
        if (mark.endings and not in_endings) or (mark.backward_times and not mark.endings):
            self._enter_section(self.position)

    def _enter_section(self, start: int) -> None:
        self.position = self.section_start = start
        self.pass_number = 1

    def _current_pass(self, mark: MeasureMarks) -> int:
        return self._passes(self.position) if self.jumped and mark.endings else self.pass_number

    def _passes(self, index: int) -> int:
        """Return the number of passes of the section around bar `index`."""
        mark = self.marks[index]
        if not mark.endings:
            return mark.backward_times
        group = self._ending_group(index)
        last = max(max(numbers) for numbers in group)
        return last + 1 if len(group) == 1 else last

    def _ending_group(self, index: int) -> set[frozenset[int]]:
        first = index
        while first > 0 and self.marks[first - 1].endings:
            first -= 1
        group = set()
        for mark in self.marks[first:]:
            if not mark.endings:
                break
            group.add(mark.endings)
        return group

    def _segno_before(self, index: int) -> int:
        return next((i for i in range(index, -1, -1) if self.marks[i].segno), 0)


def play_order(marks: Sequence[MeasureMarks]) -> list[PlayedMeasure]:
    """Return the bars in playing order."""
    return _Walk(marks).run()
