"""A live voice without its sound: keys, bends and words in, phones and controls of the next frames out.

    performer = LivePerformer(PerformanceSettings(), LiveSettings())
    performer.feed(Lyrics(0.0, split_lyrics("Sing it now").lines))
    performer.feed(NoteOn(0.1, note_id=60, pitch=60.0))
    phones, controls = performer.advance(10)

A note sounds at once: the consonants of its syllable, shortened to 80 ms at most, then the vowel for as long as the key is down, then
the end of the syllable. Overlapping keys are legato. One note sounds at a time, that of the newest key; when it comes up, the pitch
returns to the newest key that is still down.

The same events give the same phones and controls, however the frames are divided into calls. No clock is read and nothing is random.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from engine.lyrics import NoteKind
from engine.parameters import RESET_PARAMETERS, Parameter
from engine.performance.settings import Mode, PerformanceSettings
from engine.performance.speech import stress_accent
from engine.performance.types import CONTROL_NAMES, FRAME_RATE_HZ, Controls, PhoneSpan
from engine.score.types import Score, TempoMap

from .controllers import ControllerEffects
from .events import (
    AllNotesOff,
    Bend,
    Configure,
    Expression,
    GoToLine,
    LiveEvent,
    LiveSettings,
    Lyrics,
    NoteOff,
    NoteOn,
    Panic,
    ResetControllers,
    StepLine,
    Sustain,
)
from .loudness import LiveLoudness
from .lyric_queue import HELD, LyricPosition
from .pitch import LivePitch
from .recorder import TAKE_PPQ, Recorder
from .schedule import EventSchedule
from .state import LiveState
from .syllable import SyllablePlan
from .word_source import WordSource

HISTORY_S = 0.35  # `advance` returns phones from this long before its frames
SLIP_S = 0.03  # keys struck this close together, the first still down, are one note: that of the last key


@dataclass(slots=True)
class _Key:
    """A key that is down, or whose sound the pedal holds, with its own bend and parameters."""

    note_id: int
    pitch: float
    velocity: float
    bend_semitones: float = 0.0
    values: dict[Parameter, float] = field(default_factory=dict)


class LivePerformer:
    """See the module docstring. Not safe for use by several threads at once."""

    def __init__(self, settings: PerformanceSettings, live: LiveSettings | None = None) -> None:
        self._state = LiveState(settings, live)
        self._frame = 0
        self._schedule = EventSchedule()
        self._words = WordSource(self._state)
        self._keys: dict[int, _Key] = {}  # in the order in which they went down
        self._current: _Key | None = None  # gives the pitch, also after it came up
        self._pedal = False
        self._struck_s = -math.inf
        self._syllable = SyllablePlan()
        self._pitch = LivePitch(settings)
        self._loudness = LiveLoudness(settings)
        self._effects = ControllerEffects({}, settings)
        self._is_stale = False  # the effects, after a controller has moved
        self._recorder = Recorder()

    @property
    def frame(self) -> int:
        """Number of the next frame, 0 at first."""
        return self._frame

    @property
    def lyric_position(self) -> LyricPosition:
        """Place in the queue of the syllable that the next note takes."""
        return self._state.words.position

    @property
    def is_sounding(self) -> bool:
        """The next frame is not silent, as far as events are known."""
        return self._syllable.is_held or self._frame / FRAME_RATE_HZ < self._syllable.end_s

    def feed(self, event: LiveEvent) -> None:
        """Schedule an event for `event.time_s`; a late one acts with the next frame. Events of equal time act in the order given."""
        self._schedule.add(event)

    def take_notices(self) -> tuple[str, ...]:
        """Return notices for the player since the last call, full sentences."""
        return self._words.take_notices()

    def frames_until_event(self, limit: int) -> int:
        """Return how many of the next `limit` frames (1 or more) come before the frame of the next event; at least 1.

        The phones of a frame that is asked for in such portions do not depend on later events.
        """
        return self._schedule.frames_until_event(self._frame, limit)

    def advance(self, frames: int) -> tuple[tuple[PhoneSpan, ...], Controls]:
        """Return phones and controls of the next `frames` frames.

        The phones are contiguous, in seconds of the stream's clock, from at least 0.3 s before these frames (or from 0); the last one
        is open (`end_s` is inf). Controls are float32 [frames].
        """
        first_s = self._frame / FRAME_RATE_HZ
        self._syllable.forget(first_s - HISTORY_S)
        rows = []
        for _ in range(frames):
            self._act_before((self._frame + 1) / FRAME_RATE_HZ)
            rows.append(self._controls_at((self._frame + 0.5) / FRAME_RATE_HZ))
            self._frame += 1
        controls = Controls(**{name: np.array([row[name] for row in rows], dtype=np.float32) for name in CONTROL_NAMES})
        return self._syllable.since(first_s - HISTORY_S), controls

    def skip(self, frames: int) -> int:
        """Pass up to `frames` frames of silence without computing them; their events act. Return the number of frames passed.

        Stops at the first frame that is not silent.
        """
        first, last = self._frame, self._frame + frames
        while self._frame < last and not self.is_sounding:
            count = self.frames_until_event(last - self._frame)
            self._act_before((self._frame + 1) / FRAME_RATE_HZ)
            self._frame += count
        self._syllable.forget(self._frame / FRAME_RATE_HZ - HISTORY_S)
        return self._frame - first

    def take(self, *, tempo_map: TempoMap | None = None, start_s: float = 0.0, name: str = "live") -> Score:
        """Return the notes played since `start_s` as a score of one track with words and controllers; `start_s` is its tick 0.

        Without a `tempo_map`: 120 bpm. Live vowels sound a little after their keys; in the score notes start with the key, so that a
        rendered take has its vowels there. Only the last hours are kept.
        """
        return self._recorder.take(self._frame / FRAME_RATE_HZ, tempo_map or TempoMap(TAKE_PPQ), start_s, name)

    # ---- events ------------------------------------------------------------------------------------------------------

    def _act_before(self, time_s: float) -> None:
        """Act on all events before `time_s`."""
        now_s = self._frame / FRAME_RATE_HZ
        for event in self._schedule.take_before(time_s):
            self._act(event, max(event.time_s, now_s))

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
            case Lyrics() | GoToLine() | StepLine():
                self._words.change(event)
            case AllNotesOff():
                self._release_all(time_s)
            case Panic():
                self._panic(event, time_s)
            case ResetControllers():
                self._reset(event, time_s)
            case Configure():
                self._configure(event)
            case _:
                raise TypeError(f"{type(event).__name__} is not an event of a live voice.")

    def _note_on(self, event: NoteOn, time_s: float) -> None:
        switch = self._state.live.line_steps.get(round(event.pitch))
        if switch is not None:
            self._words.change(StepLine(time_s, switch))
        elif event.velocity > 0.0:
            self._strike(event, time_s)
        else:
            self._key_up(event.note_id, time_s)

    def _strike(self, event: NoteOn, time_s: float) -> None:
        syllable = self._syllable
        is_legato = syllable.is_held
        is_slip = is_legato and time_s - self._struck_s <= SLIP_S and event.lyric is None
        self._keys.pop(event.note_id, None)
        key = self._keys[event.note_id] = _Key(event.note_id, event.pitch, event.velocity)
        was_sounding = is_legato or time_s < syllable.end_s
        self._go_to_key(key, time_s, is_joined=was_sounding)
        if is_slip:
            self._recorder.repitch(key.pitch, key.velocity)
            return
        syllable.number += 1
        self._struck_s = time_s
        cue = self._words.take(event, is_legato=syllable.is_singing)
        self._recorder.strike(time_s, key.pitch, key.velocity, cue)
        if cue.kind is NoteKind.HOLD and syllable.is_singing:
            return
        syllable.begin(self._words.sound_of(cue), time_s)
        stress = syllable.sound.stress
        is_emphasised = cue.syllable is not None and cue.syllable.is_emphasised
        self._loudness.strike(
            key.velocity,
            time_s,
            syllable.vowel_s,
            is_fresh=not was_sounding,
            attack=self._effects.attack,
            is_emphasised=is_emphasised,
            accent=0.0 if self._state.settings.mode is Mode.SING else stress_accent(stress),
        )
        self._pitch.contour.strike(syllable.vowel_s, stress, is_emphasised=is_emphasised, pitch=key.pitch)

    def _go_to_key(self, key: _Key, time_s: float, *, is_joined: bool) -> None:
        """Take pitch and loudness of a key; `is_joined`: with a glide from the pitch before."""
        self._current = key
        if is_joined:
            self._pitch.glide(key.pitch, time_s, self._portamento_s())
        else:
            self._pitch.jump(key.pitch, time_s)
        self._loudness.level(key.velocity)
        self._is_stale = True

    def _portamento_s(self) -> float:
        controllers = self._state.controllers
        if controllers.get(Parameter.PORTAMENTO, 1.0) < 0.5:
            return 0.0
        return controllers.get(Parameter.PORTAMENTO_S, self._state.settings.portamento_s)

    def _key_up(self, note_id: int, time_s: float) -> None:
        self._keys.pop(note_id, None)
        if self._syllable.is_held and not self._pedal and self._current is not None and self._current.note_id == note_id:
            self._release(time_s)

    def _set_pedal(self, is_down: bool, time_s: float) -> None:
        self._pedal = is_down
        is_key_up = self._current is not None and self._current.note_id not in self._keys
        if not is_down and self._syllable.is_held and is_key_up:
            self._release(time_s)

    def _release(self, time_s: float) -> None:
        """Release the sounding note: return to the newest key that is still down, or end the syllable."""
        if self._keys:
            key = next(reversed(self._keys.values()))
            self._go_to_key(key, time_s, is_joined=True)
            self._recorder.strike(time_s, key.pitch, key.velocity, HELD)
        else:
            self._end_syllable(time_s)

    def _end_syllable(self, time_s: float) -> None:
        """End the syllable. Before a hold its coda is left out: it follows the held vowel."""
        syllable = self._syllable
        sound = replace(syllable.sound, coda=()) if self._words.is_hold_next else syllable.sound
        self._pitch.contour.release(syllable.end(sound, time_s))
        if sound.fades:
            self._loudness.release(syllable.end_s)
        self._recorder.release(time_s)

    def _release_all(self, time_s: float) -> None:
        self._keys.clear()
        self._pedal = False
        if self._syllable.is_held:
            self._end_syllable(time_s)

    def _move(self, event: Bend | Expression) -> None:
        if event.note_id is None:
            self._state.apply(event)
        else:
            is_current = self._current is not None and self._current.note_id == event.note_id
            key = self._keys.get(event.note_id) or (self._current if is_current else None)
            if key is None:
                return
            if isinstance(event, Expression):
                key.values[event.parameter] = event.value
            else:
                key.bend_semitones = event.semitones
        self._is_stale = True

    def _panic(self, event: Panic, time_s: float) -> None:
        self._keys.clear()
        self._pedal = False
        self._syllable.silence(time_s)
        self._recorder.release(time_s)
        self._state.apply(event)
        self._current = None
        self._is_stale = True

    def _reset(self, event: ResetControllers, time_s: float) -> None:
        self._state.apply(event)
        for key in self._keys.values():
            key.bend_semitones = 0.0
            for parameter in RESET_PARAMETERS:
                key.values.pop(parameter, None)
        self._is_stale = True
        self._set_pedal(False, time_s)

    def _configure(self, event: Configure) -> None:
        self._state.apply(event)
        self._pitch.settings = self._loudness.settings = event.settings
        self._is_stale = True

    # ---- controls ----------------------------------------------------------------------------------------------------

    def _controls_at(self, time_s: float) -> dict[str, float]:
        """Return the controls of the frame whose middle is `time_s`, by name."""
        if self._is_stale:
            self._update_effects()
        effects, settings = self._effects, self._state.settings
        return {
            "f0_hz": self._pitch.at(time_s, self._bend(), effects.modulation, is_held=self._syllable.is_held),
            "energy_db": self._loudness.at(time_s, effects.gain_db),
            **effects.timbre,
            **settings.constant_controls(settings.mode),
        }

    def _update_effects(self) -> None:
        """Compute the effects of controllers that have moved; at most once per frame, however many events there are."""
        values = {**self._state.controllers, **(self._current.values if self._current else {})}
        self._effects = ControllerEffects(values, self._state.settings)
        strength = values.get(Parameter.PITCH_STRENGTH, self._state.settings.pitch_strength)
        if strength != self._pitch.settings.pitch_strength:
            self._pitch.settings = replace(self._pitch.settings, pitch_strength=strength)
        self._is_stale = False
        bend_cents = 100.0 * self._bend()
        recorded = {**values, **({Parameter.BEND_CENTS: bend_cents} if bend_cents else {})}
        self._recorder.values(self._frame / FRAME_RATE_HZ, recorded)

    def _bend(self) -> float:
        return self._state.bend_semitones + (self._current.bend_semitones if self._current else 0.0)
