"""A voice that is played: keys, bends and words in, phones and controls of the next frames out.

    performer = LivePerformer(PerformanceSettings(), LiveSettings())
    performer.feed(Lyrics(0.0, split_lyrics("Sing it now").lines))
    performer.feed(NoteOn(0.1, note_id=60, pitch=60.0))
    phones, controls = performer.advance(10)

A note sounds at once: the consonants of its syllable, shortened to 80 ms at most, then the vowel for as long as the key is down, then
what ends the syllable. Keys that overlap are legato. One note sounds at a time, the newest key; when it comes up, the voice goes back
to the newest that is still down.

The same events give the same phones and controls, however the frames are asked for. No clock is read and nothing is random.

    live_events.py    what a player does           live_pitch.py     glides, vibrato
    live_lyrics.py    the queue of syllables       live_loudness.py  velocity, attack, controllers
    live_phones.py    spans that can be re-laid    live_take.py      what was played, as a score
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from dataclasses import dataclass, field, replace

import numpy as np

from engine.lyrics import NoteKind, Phone
from engine.score.types import Parameter, Score, TempoMap

from .live_events import (
    AllNotesOff,
    Bend,
    Configure,
    Expression,
    GoToLine,
    LiveEvent,
    LiveParameter,
    LiveSettings,
    Lyrics,
    NoteOff,
    NoteOn,
    Overlap,
    Panic,
    ResetControllers,
    StepLine,
    Sustain,
    WhenEmpty,
)
from .live_loudness import LiveColour, LiveLoudness
from .live_lyrics import HELD, HUM, LA, LyricCue, LyricPosition, LyricQueue
from .live_phones import BREATHING, LEGATO_TAIL_S, RELEASE_S, SILENT, PhonePlan, Sound
from .live_pitch import LivePitch
from .live_take import TAKE_PPQ, Recorder
from .settings import PerformanceSettings
from .timing import GLOTTAL_GAP_S, MINIMUM_VOWEL_S
from .types import FRAME_RATE_HZ, SILENCE, Controls, PhoneSpan

HISTORY_S = 0.35  # phones of this long before the frames asked for come along
SLIP_S = 0.03  # keys struck this close together, the first still down, are one note: the last of them
_MAX_NOTICES = 100
_RESET = (LiveParameter.MODULATION, LiveParameter.EXPRESSION, LiveParameter.PRESSURE)
_UNWRITTEN = frozenset({LiveParameter.PORTAMENTO, LiveParameter.PORTAMENTO_S})  # a score has no curve for these


@dataclass(slots=True)
class _Key:
    """A note that is down, or whose sound the pedal holds, with what it alone is bent and coloured by."""

    note_id: int
    pitch: float
    velocity: float
    bend_semitones: float = 0.0
    values: dict[LiveParameter, float] = field(default_factory=dict)


class LivePerformer:
    """See the module docstring. Not safe for use by several threads at once."""

    def __init__(self, settings: PerformanceSettings, live: LiveSettings | None = None) -> None:
        self._settings, self._live = settings, live or LiveSettings()
        self._frame = 0
        self._waiting: list[tuple[float, int, LiveEvent]] = []
        self._fed = 0
        self._queue = LyricQueue()
        self._own_words: deque[LyricCue] = deque()  # written on a note that was played, not in the queue
        self._said_empty = False
        self._notices: deque[str] = deque(maxlen=_MAX_NOTICES)
        self._keys: dict[int, _Key] = {}  # in the order in which they went down
        self._current: _Key | None = None  # whose pitch is sung, also after it came up
        self._pedal = False
        self._bend_semitones = 0.0
        self._values: dict[LiveParameter, float] = {}
        self._plan = PhonePlan()
        self._sound = SILENT
        self._last_sung: Sound | None = None
        self._struck = 0
        self._struck_s = -math.inf
        self._vowel_s = 0.0
        self._is_held = False
        self._tail_s, self._end_s = 0.0, 0.0  # once it is not held any more: where the tail starts, where sound ends
        self._pitch = LivePitch(settings)
        self._loudness = LiveLoudness(settings)
        self._colour = LiveColour({}, settings)
        self._is_stale = False  # the colour, after a controller has moved
        self._recorder = Recorder()

    @property
    def frame(self) -> int:
        """The next frame to be asked for, 0 at first."""
        return self._frame

    @property
    def lyric_position(self) -> LyricPosition:
        """Which syllable the next note takes from the queue."""
        return self._queue.position

    @property
    def is_sounding(self) -> bool:
        """Something is heard in the next frame, as far as it is known now."""
        return self._is_held or self._frame / FRAME_RATE_HZ < self._end_s

    def feed(self, event: LiveEvent) -> None:
        """Something to happen at `event.time_s`; if that lies behind, with the next frame. Events of one time act in the order given."""
        self._fed += 1
        heapq.heappush(self._waiting, (event.time_s, self._fed, event))

    def take_notices(self) -> tuple[str, ...]:
        """Full sentences for the player since the last call."""
        notices = tuple(self._notices)
        self._notices.clear()
        return notices

    def frames_until_event(self, limit: int) -> int:
        """How many of the next `limit` frames (1 or more) can be asked for in one go without looking beyond an event.

        Asked for in such portions, the phones of a frame are what they would be if later events were not known yet.
        """
        if not self._waiting:
            return limit
        return max(1, min(limit, _frame_of(self._waiting[0][0]) - self._frame))

    def advance(self, frames: int) -> tuple[tuple[PhoneSpan, ...], Controls]:
        """Phones and controls of the next `frames` frames.

        The phones are contiguous, in seconds of the stream's clock, from at least 0.3 s before these frames (or from 0); the last one
        is open (`end_s` is inf). Controls are float32 [frames].
        """
        first_s = self._frame / FRAME_RATE_HZ
        self._plan.forget(first_s - HISTORY_S)
        rows = []
        for _ in range(frames):
            self._happen((self._frame + 1) / FRAME_RATE_HZ)
            rows.append(self._row((self._frame + 0.5) / FRAME_RATE_HZ))
            self._frame += 1
        columns = np.array(rows, dtype=np.float32).reshape(frames, len(_CONTROLS)).T
        controls = Controls(**{name: column.copy() for name, column in zip(_CONTROLS, columns, strict=True)})
        return self._plan.since(first_s - HISTORY_S), controls

    def skip(self, frames: int) -> int:
        """Let `frames` frames of silence pass without asking for them; events in them happen.

        Stops where something sounds, so feed no notes before they are to be sung. Returns how many frames have passed.
        """
        first, last = self._frame, self._frame + frames
        while self._frame < last and not self.is_sounding:
            count = self.frames_until_event(last - self._frame)
            self._happen((self._frame + 1) / FRAME_RATE_HZ)
            self._frame += count
        self._plan.forget(self._frame / FRAME_RATE_HZ - HISTORY_S)
        return self._frame - first

    def take(self, *, tempo_map: TempoMap | None = None, start_s: float = 0.0, name: str = "live") -> Score:
        """What was played since `start_s` as a score of one track with its words and controllers; `start_s` becomes its tick 0.

        Without a `tempo_map`: 120 bpm. Vowels were heard a little after their keys went down; in the score notes start with the key, so
        that a rendered take has its vowels there. Only the last hours of playing are kept.
        """
        return self._recorder.take(self._frame / FRAME_RATE_HZ, tempo_map or TempoMap(TAKE_PPQ), start_s, name)

    # ---- events ------------------------------------------------------------------------------------------------------

    def _happen(self, before_s: float) -> None:
        """All events before a moment."""
        now_s = self._frame / FRAME_RATE_HZ
        while self._waiting and self._waiting[0][0] < before_s:
            time_s, number, event = heapq.heappop(self._waiting)
            if isinstance(event, Panic):  # notes that were on their way when it was given do not come
                self._waiting = [item for item in self._waiting if item[1] > number or not isinstance(item[2], NoteOn)]
                heapq.heapify(self._waiting)
            self._act(event, max(time_s, now_s))

    def _act(self, event: LiveEvent, time_s: float) -> None:
        match event:
            case NoteOn():
                self._note_on(event, time_s)
            case NoteOff():
                self._key_up(event.note_id, time_s)
            case Bend() | Expression():
                self._move(event)
            case Sustain():
                self._set_pedal(event.is_down, time_s)
            case Lyrics():
                self._write(event)
            case GoToLine():
                self._go_to(event.line, event.syllable)
            case StepLine():
                self._step(event.by)
            case AllNotesOff():
                self._all_up(time_s)
            case Panic():
                self._panic(event, time_s)
            case ResetControllers():
                self._reset(time_s)
            case Configure():
                self._configure(event)
            case _:
                raise TypeError(f"{type(event).__name__} is not an event of a live voice.")

    def _note_on(self, event: NoteOn, time_s: float) -> None:
        switch = self._live.line_steps.get(round(event.pitch))
        if switch is not None:
            self._step(switch)
        elif event.velocity > 0.0:
            self._strike(event, time_s)
        else:
            self._key_up(event.note_id, time_s)

    def _strike(self, event: NoteOn, time_s: float) -> None:
        is_legato = self._is_held
        is_slip = is_legato and time_s - self._struck_s <= SLIP_S and event.lyric is None
        self._keys.pop(event.note_id, None)
        key = self._keys[event.note_id] = _Key(event.note_id, event.pitch, event.velocity)
        was_sounding = is_legato or time_s < self._end_s
        self._sing_key(key, time_s, is_joined=was_sounding)
        if is_slip:
            self._recorder.repitch(key.pitch, key.velocity)
            return
        self._struck += 1
        self._struck_s = time_s
        cue = self._next_cue(event, is_legato)
        self._recorder.strike(time_s, key.pitch, key.velocity, cue)
        if cue.kind is NoteKind.HOLD and is_legato and self._is_singing:
            return
        self._begin(self._sound_of(cue), time_s)
        self._loudness.strike(
            key.velocity,
            time_s,
            self._vowel_s,
            is_fresh=not was_sounding,
            attack=self._colour.attack,
            is_emphasised=cue.syllable is not None and cue.syllable.is_emphasised,
        )

    def _key_up(self, note_id: int, time_s: float) -> None:
        self._keys.pop(note_id, None)
        if self._is_held and not self._pedal and self._current is not None and self._current.note_id == note_id:
            self._let_go(time_s)

    def _let_go(self, time_s: float) -> None:
        """The note that sounds is not held any more: back to the newest key that is still down, else the syllable ends."""
        if self._keys:
            key = next(reversed(self._keys.values()))
            self._sing_key(key, time_s, is_joined=True)
            self._recorder.strike(time_s, key.pitch, key.velocity, HELD)
        else:
            self._end(time_s)

    def _set_pedal(self, is_down: bool, time_s: float) -> None:
        self._pedal = is_down
        if not is_down and self._is_held and self._current is not None and self._current.note_id not in self._keys:
            self._let_go(time_s)

    def _move(self, event: Bend | Expression) -> None:
        key = None
        if event.note_id is not None:
            is_current = self._current is not None and self._current.note_id == event.note_id
            key = self._keys.get(event.note_id) or (self._current if is_current else None)
            if key is None:
                return
        if isinstance(event, Expression):
            (key.values if key else self._values)[event.parameter] = event.value
        elif key:
            key.bend_semitones = event.semitones
        else:
            self._bend_semitones = event.semitones
        self._is_stale = True

    def _write(self, event: Lyrics) -> None:
        self._own_words.clear()
        fits = self._queue.replace(event.lines) if event.replaces else self._queue.append(event.lines)
        if not fits:
            self._notices.append("The words are too many for the queue; their end is left out. Send them in parts.")
        self._said_empty = False

    def _go_to(self, line: int, syllable: int) -> None:
        self._queue.go_to(line, syllable)
        self._own_words.clear()
        self._said_empty = False

    def _step(self, by: int) -> None:
        self._queue.step(by)
        self._own_words.clear()
        self._said_empty = False

    def _all_up(self, time_s: float) -> None:
        self._keys.clear()
        self._pedal = False
        if self._is_held:
            self._end(time_s)

    def _panic(self, event: Panic, time_s: float) -> None:
        self._keys.clear()
        self._pedal = self._is_held = False
        self._plan.cut(time_s)
        self._plan.hush()
        self._tail_s = self._end_s = time_s
        self._recorder.release(time_s)
        if not event.keeps_controllers:
            self._bend_semitones = 0.0
            self._values.clear()
        self._current = None
        self._is_stale = True

    def _reset(self, time_s: float) -> None:
        self._bend_semitones = 0.0
        for values in (self._values, *(key.values for key in self._keys.values())):
            for parameter in _RESET:
                values.pop(parameter, None)
        for key in self._keys.values():
            key.bend_semitones = 0.0
        self._is_stale = True
        self._set_pedal(False, time_s)

    def _configure(self, event: Configure) -> None:
        self._settings, self._live = event.settings, event.live
        self._pitch.settings = self._loudness.settings = event.settings
        self._is_stale = True

    # ---- words -------------------------------------------------------------------------------------------------------

    def _next_cue(self, event: NoteOn, is_legato: bool) -> LyricCue:
        if event.lyric is not None:
            self._own_words = deque(event.lyric.cues)
        elif is_legato and self._is_singing and self._live.overlap is Overlap.MELISMA:
            return self._take_hold()
        cue = self._take_cue()
        if cue is None:
            self._say_empty()
        if cue is None or (cue.kind is NoteKind.HOLD and self._last_sung is None):
            return HUM if self._live.when_empty is WhenEmpty.HUM else LA
        return cue

    def _take_hold(self) -> LyricCue:
        """A hold that overlapping keys ask for; one that is written too is used up by it."""
        if self._is_hold_next():
            self._take_cue()
        return HELD

    def _take_cue(self) -> LyricCue | None:
        return self._own_words.popleft() if self._own_words else self._queue.take()

    def _is_hold_next(self) -> bool:
        following = self._own_words[0] if self._own_words else self._queue.peek()
        return following is not None and following.kind is NoteKind.HOLD

    def _say_empty(self) -> None:
        if self._said_empty:
            return
        self._said_empty = True
        sung = "hums" if self._live.when_empty is WhenEmpty.HUM else "sings 'la'"
        self._notices.append(
            f"There are no words yet; every note {sung}. Send lyrics to have them sung."
            if self._queue.is_empty
            else f"The words are used up; every note {sung} from here on. Send more, or step back to an earlier line."
        )

    @property
    def _is_singing(self) -> bool:
        """What is held is a vowel, not a breath or a rest."""
        return self._is_held and self._sound is not BREATHING and self._sound is not SILENT

    def _sound_of(self, cue: LyricCue) -> Sound:
        if cue.syllable is not None:
            self._last_sung = Sound.of(cue.syllable)
            return self._last_sung
        if cue.kind is NoteKind.HOLD and self._last_sung is not None:
            return self._last_sung.again()
        return BREATHING if cue.kind is NoteKind.BREATH else SILENT

    # ---- sound -------------------------------------------------------------------------------------------------------

    def _sing_key(self, key: _Key, time_s: float, *, is_joined: bool) -> None:
        self._current = key
        if is_joined:
            self._pitch.glide(key.pitch, time_s, self._portamento_s())
        else:
            self._pitch.jump(key.pitch, time_s)
        self._loudness.level(key.velocity)
        self._is_stale = True

    def _portamento_s(self) -> float:
        if self._values.get(LiveParameter.PORTAMENTO, 1.0) < 0.5:
            return 0.0
        return self._values.get(LiveParameter.PORTAMENTO_S, self._settings.portamento_s)

    def _begin(self, sound: Sound, time_s: float) -> None:
        """A syllable from now on, behind what must still be heard of the one before."""
        self._make_way(time_s)
        if sound.has_glottal_onset and not sound.onset and time_s < self._end_s:
            self._plan.lay(SILENCE, GLOTTAL_GAP_S, -1)
        self._lay(sound.onset, sound.onset_durations_s(), sound)
        self._vowel_s = self._plan.end_s
        self._plan.lay(sound.held, math.inf, self._struck, sound.stress)
        self._sound = sound
        self._is_held, self._end_s = True, math.inf

    def _make_way(self, time_s: float) -> None:
        """Ends the plan where the next syllable may begin: now, or after a short tail of a vowel that was heard."""
        was_heard = time_s - self._vowel_s >= MINIMUM_VOWEL_S
        if self._is_held and was_heard:
            glide_s, coda = self._sound.tail_durations_s(is_legato=True)
            self._plan.cut(time_s + glide_s)
            self._lay(self._sound.coda, coda, self._sound)
        elif time_s < self._end_s and was_heard and not self._is_held:
            self._plan.squeeze(time_s, max(time_s, self._tail_s + LEGATO_TAIL_S))
        else:
            self._plan.cut(time_s)

    def _end(self, time_s: float) -> None:
        """The key is up: glide, coda, release. A vowel that has hardly begun is heard first.

        Where a hold comes next, the coda waits for its end.
        """
        sound = replace(self._sound, coda=()) if self._is_hold_next() else self._sound
        tail_s = max(time_s, self._vowel_s + MINIMUM_VOWEL_S)
        glide_s, coda = sound.tail_durations_s(is_legato=False)
        release_s = RELEASE_S if sound.fades else 0.0
        if coda:
            coda[-1] += release_s
            self._plan.cut(tail_s + glide_s)
            self._lay(sound.coda, coda, sound)
        else:
            self._plan.cut(tail_s + glide_s + release_s)
        self._is_held, self._tail_s, self._end_s = False, tail_s, self._plan.end_s
        self._plan.hush()
        if sound.fades:
            self._loudness.release(self._end_s)
        self._recorder.release(time_s)

    def _lay(self, phones: tuple[Phone, ...], seconds: list[float], sound: Sound) -> None:
        for phone, length_s in zip(phones, seconds, strict=True):
            self._plan.lay(phone.symbol, length_s, self._struck, sound.stress)

    # ---- frames ------------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Controllers, or the key they belong to, have changed: once per frame is enough, however many messages came."""
        merged = {**self._values, **(self._current.values if self._current else {})}
        values = {Parameter(name.value): value for name, value in merged.items() if name not in _UNWRITTEN}
        self._colour = LiveColour(values, self._settings)
        self._is_stale = False
        bend_cents = 100.0 * self._bend()
        self._recorder.values(
            self._frame / FRAME_RATE_HZ, {**values, **({Parameter.BEND_CENTS: bend_cents} if bend_cents else {})}
        )

    def _bend(self) -> float:
        return self._bend_semitones + (self._current.bend_semitones if self._current else 0.0)

    def _row(self, time_s: float) -> tuple[float, ...]:
        """The controls at `time_s`, in the order of `_CONTROLS`."""
        if self._is_stale:
            self._refresh()
        colour = self._colour
        return (
            self._pitch.at(time_s, self._bend(), colour.modulation, is_held=self._is_held),
            self._loudness.at(time_s, colour.gain_db),
            colour.breathiness,
            colour.tension,
            colour.formant_semitones,
            colour.colour,
            colour.growl,
            self._settings.natural_dynamics_in(self._settings.mode),
        )


_CONTROLS = ("f0_hz", "energy_db", "breathiness", "tension", "formant_semitones", "colour", "growl", "natural_dynamics")


def _frame_of(time_s: float) -> int:
    """The frame whose advance makes an event at `time_s` happen."""
    frame = math.floor(time_s * FRAME_RATE_HZ)
    while time_s >= (frame + 1) / FRAME_RATE_HZ:
        frame += 1
    while frame > 0 and time_s < frame / FRAME_RATE_HZ:
        frame -= 1
    return frame
