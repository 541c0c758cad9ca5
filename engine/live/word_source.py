"""Choice of the words for each note: those written on the note, the queue of the track, a hold, or a filler syllable."""

from __future__ import annotations

from collections import deque

from engine.lyrics import NoteKind

from .events import GoToLine, LiveSettings, Lyrics, NoteOn, Overlap, StepLine, WhenEmpty
from .lyric_queue import HELD, HUM, LA, LyricCue
from .phone_plan import BREATHING, SILENT, Sound
from .state import LiveState

_MAX_NOTICES = 100


class WordSource:
    """Words of a live track. The queue is that of `state`; words written on a note come first."""

    def __init__(self, state: LiveState) -> None:
        self._state = state
        self._own: deque[LyricCue] = deque()  # written on a note that was played, not in the queue
        self._last_sung: Sound | None = None
        self._reported_empty = False
        self._notices: deque[str] = deque(maxlen=_MAX_NOTICES)

    @property
    def is_hold_next(self) -> bool:
        """The next note holds the vowel of the one before."""
        following = self._own[0] if self._own else self._state.words.peek()
        return following is not None and following.kind is NoteKind.HOLD

    def take_notices(self) -> tuple[str, ...]:
        """Return notices since the last call, full sentences."""
        notices = tuple(self._notices)
        self._notices.clear()
        return notices

    def change(self, event: Lyrics | GoToLine | StepLine) -> None:
        """Replace or extend the words, or go to another place in them."""
        self._state.apply(event)
        self._own.clear()
        if isinstance(event, Lyrics) and not self._state.words_fit:
            self._notices.append("The words are too many for the queue; their end is left out. Send them in parts.")
        self._reported_empty = False

    def take(self, event: NoteOn, *, is_legato: bool) -> LyricCue:
        """Take the cue for a note. `is_legato`: a vowel is held when the note starts."""
        live = self._state.live
        if event.lyric is not None:
            self._own = deque(event.lyric.cues)
        elif is_legato and live.overlap is Overlap.MELISMA:
            return self._take_hold()
        cue = self._take_next()
        if cue is None:
            self._report_empty(live)
        if cue is None or (cue.kind is NoteKind.HOLD and self._last_sung is None):
            return HUM if live.when_empty is WhenEmpty.HUM else LA
        return cue

    def sound_of(self, cue: LyricCue) -> Sound:
        """Return the sound of a cue; a hold repeats the last vowel."""
        if cue.syllable is not None:
            self._last_sung = Sound.of(cue.syllable)
            return self._last_sung
        if cue.kind is NoteKind.HOLD and self._last_sung is not None:
            return self._last_sung.again()
        return BREATHING if cue.kind is NoteKind.BREATH else SILENT

    def _take_hold(self) -> LyricCue:
        """Return the hold of an overlapping note; a written hold is used up by it."""
        if self.is_hold_next:
            self._take_next()
        return HELD

    def _take_next(self) -> LyricCue | None:
        return self._own.popleft() if self._own else self._state.words.take()

    def _report_empty(self, live: LiveSettings) -> None:
        if self._reported_empty:
            return
        self._reported_empty = True
        sung = "hums" if live.when_empty is WhenEmpty.HUM else "sings 'la'"
        self._notices.append(
            f"There are no words yet; every note {sung}. Send lyrics to have them sung."
            if self._state.words.is_empty
            else f"The words are used up; every note {sung} from here on. Send more, or step back to an earlier line."
        )
