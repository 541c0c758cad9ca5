"""The messages of one MIDI channel as notes and expression curves."""

from __future__ import annotations

from collections import Counter, deque
from typing import NamedTuple

from engine.parameters import RESET_PARAMETERS
from engine.score.controllers import ALL_NOTES_OFF, ALL_SOUND_OFF, BY_PARAMETER, RESET_CONTROLLERS
from engine.score.types import Curve, Note, Parameter

from .midi_events import BEND, CHANNEL_PRESSURE, CONTROL, KEY_PRESSURE, NOTE_OFF, NOTE_ON, MidiEvent

_PARAMETERS = {controller.number: parameter for parameter, controller in BY_PARAMETER.items()}
DATA_ENTRY, DATA_ENTRY_FINE, RPN_FINE, RPN_COARSE = 6, 38, 100, 101
BEND_CENTRE = 8_192
DEFAULT_BEND_RANGE_CENTS = 200

_NRPN_FINE, _NRPN_COARSE = 98, 99
_BEND_RANGE_RPN = (0, 0)
_NO_RPN = (127, 127)
_RESET_VALUES = {parameter: parameter.spec.neutral for parameter in RESET_PARAMETERS}


def bend_from_midi(value: int, range_cents: int) -> float:
    """Convert a pitch bend of 0..16383 to cents."""
    return (value - BEND_CENTRE) / BEND_CENTRE * range_cents


def bend_to_midi(cents: float, range_cents: int) -> int:
    """Convert cents to a pitch bend of 0..16383, clipped."""
    return min(2 * BEND_CENTRE - 1, max(0, BEND_CENTRE + round(cents / range_cents * BEND_CENTRE)))


class _Strike(NamedTuple):
    """A note-on, or a note-off if `velocity` is 0."""

    tick: int
    velocity: int


class ChannelReader:
    """Collects the messages of one channel, fed in order of time, as `notes` and `curves`."""

    def __init__(self) -> None:
        self.unused_controllers: set[int] = set()
        self._strikes: dict[int, list[_Strike]] = {}
        self._sounding: Counter[int] = Counter()
        self._points: dict[Parameter, dict[int, float]] = {}
        self._rpn = _NO_RPN
        self._bend_range_cents = DEFAULT_BEND_RANGE_CENTS
        self._bend = BEND_CENTRE
        self._pressed_key = -1

    @property
    def has_notes(self) -> bool:
        return any(strike.velocity for strikes in self._strikes.values() for strike in strikes)

    def feed(self, event: MidiEvent) -> None:
        kind, tick, data = event.status & 0xF0, event.tick, event.data
        if kind in (NOTE_ON, NOTE_OFF):
            self._strike(tick, data[0], data[1] if kind == NOTE_ON else 0)
        elif kind == CONTROL:
            self._control(tick, data[0], data[1])
        elif kind == BEND:
            self._bend = data[0] | data[1] << 7
            self._set_bend(tick)
        elif kind == CHANNEL_PRESSURE:
            self._pressed_key = -1
            self._set(Parameter.PRESSURE, tick, data[0] / 127)
        elif kind == KEY_PRESSURE:
            self._pressed_key = data[0]
            self._set(Parameter.PRESSURE, tick, data[1] / 127)

    def notes(self, end_tick: int, problems: Counter[str]) -> tuple[Note, ...]:
        """Return all notes; open ones end at `end_tick`. Repairs are counted in `problems`."""
        found = []
        for pitch, strikes in self._strikes.items():
            for onset, offset, velocity in _pair_strikes(strikes, end_tick, problems):
                if offset <= onset:
                    problems["had no length and got 1 tick"] += 1
                found.append(Note(onset, max(1, offset - onset), float(pitch), velocity))
        return tuple(sorted(found, key=lambda note: (note.onset_ticks, note.pitch)))

    def curves(self) -> tuple[Curve, ...]:
        return tuple(
            Curve(parameter, tuple(points), tuple(points.values()), stepped=True) for parameter, points in self._points.items()
        )

    def _strike(self, tick: int, pitch: int, velocity: int) -> None:
        self._strikes.setdefault(pitch, []).append(_Strike(tick, velocity))
        if velocity:
            self._sounding[pitch] += 1
            return
        if self._sounding[pitch]:
            self._sounding[pitch] -= 1
        if pitch == self._pressed_key:
            self._pressed_key = -1
            self._set(Parameter.PRESSURE, tick, 0.0)

    def _control(self, tick: int, controller: int, value: int) -> None:
        if controller in _PARAMETERS:
            parameter = _PARAMETERS[controller]
            self._set(parameter, tick, BY_PARAMETER[parameter].scale.value_of(value))
        elif controller == RPN_COARSE:
            self._rpn = (value, self._rpn[1])
        elif controller == RPN_FINE:
            self._rpn = (self._rpn[0], value)
        elif controller in (_NRPN_COARSE, _NRPN_FINE):
            self._rpn = _NO_RPN
        elif controller in (DATA_ENTRY, DATA_ENTRY_FINE):
            self._data_entry(tick, controller, value)
        elif controller in (ALL_SOUND_OFF, ALL_NOTES_OFF):
            self._release_all(tick)
        elif controller == RESET_CONTROLLERS:
            self._reset(tick)
        else:
            self.unused_controllers.add(controller)

    def _data_entry(self, tick: int, controller: int, value: int) -> None:
        if self._rpn != _BEND_RANGE_RPN:
            return
        semitones, cents = divmod(self._bend_range_cents, 100)
        if controller == DATA_ENTRY:
            semitones, cents = value, 0
        else:
            cents = min(value, 99)
        self._bend_range_cents = semitones * 100 + cents
        if self._bend != BEND_CENTRE:
            self._set_bend(tick)

    def _release_all(self, tick: int) -> None:
        for pitch, count in list(self._sounding.items()):
            for _ in range(count):
                self._strike(tick, pitch, 0)

    def _reset(self, tick: int) -> None:
        self._bend, self._pressed_key, self._rpn = BEND_CENTRE, -1, _NO_RPN
        for parameter in self._points.keys() & _RESET_VALUES.keys():
            self._set(parameter, tick, _RESET_VALUES[parameter])

    def _set_bend(self, tick: int) -> None:
        self._set(Parameter.BEND_CENTS, tick, bend_from_midi(self._bend, self._bend_range_cents))

    def _set(self, parameter: Parameter, tick: int, value: float) -> None:
        self._points.setdefault(parameter, {})[tick] = value


def _pair_strikes(strikes: list[_Strike], end_tick: int, problems: Counter[str]) -> list[tuple[int, int, int]]:
    """Return (onset, offset, velocity) of the notes of one pitch. The first note-on pairs with the first note-off.

    With missing note-offs, that pairing would shift every later note. The stretch since the pitch was last silent is then paired again,
    with each note-on ending the note before it.
    """
    spans: list[tuple[int, int, int]] = []
    waiting: deque[_Strike] = deque()
    stretch_start = stretch_spans = 0
    for index, strike in enumerate(strikes):
        if strike.velocity:
            if not waiting:
                stretch_start, stretch_spans = index, len(spans)
            waiting.append(strike)
        elif waiting:
            struck = waiting.popleft()
            spans.append((struck.tick, strike.tick, struck.velocity))
        else:
            problems["was released without being struck, which was ignored"] += 1
    if waiting:
        problems["was never released and ends at the next strike of its key or the track's end"] += len(waiting)
        spans[stretch_spans:] = _pair_restruck(strikes[stretch_start:], end_tick)
    return spans


def _pair_restruck(strikes: list[_Strike], end_tick: int) -> list[tuple[int, int, int]]:
    spans = []
    struck: _Strike | None = None
    for strike in strikes:
        # A note-off on the tick of a note-on belongs to the note that the note-on has ended.
        if struck and strike.tick > struck.tick:
            spans.append((struck.tick, strike.tick, struck.velocity))
            struck = None
        if strike.velocity:
            struck = strike
    if struck:
        spans.append((struck.tick, max(end_tick, struck.tick + 1), struck.velocity))
    return spans
