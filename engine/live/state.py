"""Lasting state of a live track: settings, bend, controllers, words and the place in them.

Notes, the pedal and values of single notes do not last. `LivePerformer` acts on this state. A process that sends events to a performer
elsewhere keeps a second one, to bring a fresh performer into the same state.
"""

from __future__ import annotations

from engine.parameters import RESET_PARAMETERS, Parameter
from engine.performance.settings import PerformanceSettings

from .events import (
    Bend,
    Configure,
    Expression,
    GoToLine,
    LiveEvent,
    LiveSettings,
    Lyrics,
    Panic,
    ResetControllers,
    StepLine,
)
from .lyric_queue import LyricQueue


class LiveState:
    """See the module docstring. Not safe for use by several threads at once."""

    def __init__(self, settings: PerformanceSettings | None = None, live: LiveSettings | None = None) -> None:
        self.settings, self.live = settings or PerformanceSettings(), live or LiveSettings()
        self.bend_semitones = 0.0
        self.controllers: dict[Parameter, float] = {}
        self.words = LyricQueue()
        self.words_fit = True  # False: the end of the last `Lyrics` was left out
        self._is_configured = self._is_bent = self._is_written = False

    def apply(self, event: LiveEvent) -> bool:
        """Take over the lasting part of an event. Return False if it has none."""
        match event:
            case Configure():
                self.settings, self.live, self._is_configured = event.settings, event.live, True
            case Bend(note_id=None):
                self.bend_semitones, self._is_bent = event.semitones, True
            case Expression(note_id=None):
                self.controllers[event.parameter] = event.value
            case ResetControllers() | Panic(keeps_controllers=False):
                self.bend_semitones, self._is_bent = 0.0, False
                for parameter in RESET_PARAMETERS if isinstance(event, ResetControllers) else tuple(self.controllers):
                    self.controllers.pop(parameter, None)
            case Lyrics():
                self.words_fit = self.words.replace(event.lines) if event.replaces else self.words.append(event.lines)
                self._is_written = True
            case GoToLine():
                self.words.go_to(event.line, event.syllable)
            case StepLine():
                self.words.step(event.by)
            case _:
                return False
        return True

    def events(self) -> tuple[LiveEvent, ...]:
        """Return events that bring a fresh performer into this state, all at time 0."""
        found: list[LiveEvent] = []
        if self._is_configured:
            found.append(Configure(0.0, self.settings, self.live))
        if self._is_bent:
            found.append(Bend(0.0, self.bend_semitones))
        found += [Expression(0.0, parameter, value) for parameter, value in self.controllers.items()]
        if self._is_written:
            position = self.words.position
            found += [Lyrics(0.0, self.words.lines), GoToLine(0.0, position.line, position.syllable)]
        return tuple(found)
