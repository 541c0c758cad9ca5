"""The messages of one MIDI channel as notes and expression curves, and the scale of each controller in both directions."""

from __future__ import annotations

from collections import Counter, deque
from typing import NamedTuple

from ..types import Curve, Note, Parameter
from .midi_events import BEND, CHANNEL_PRESSURE, CONTROL, KEY_PRESSURE, NOTE_OFF, NOTE_ON, MidiEvent

CONTROLLERS = {
    1: Parameter.MODULATION,
    2: Parameter.BREATH,
    3: Parameter.PITCH_STRENGTH,
    7: Parameter.VOLUME,
    11: Parameter.EXPRESSION,
    18: Parameter.GROWL,
    64: Parameter.SUSTAIN,
    70: Parameter.COLOUR,
    73: Parameter.ATTACK,
    74: Parameter.BRIGHTNESS,
}
DATA_ENTRY, DATA_ENTRY_FINE, RPN_FINE, RPN_COARSE = 6, 38, 100, 101
BEND_CENTRE = 8_192
DEFAULT_BEND_RANGE_CENTS = 200

_NRPN_FINE, _NRPN_COARSE = 98, 99
_ALL_SOUND_OFF, _RESET_CONTROLLERS, _ALL_NOTES_OFF = 120, 121, 123
_BEND_RANGE_RPN = (0, 0)
_NO_RPN = (127, 127)
_RESET_VALUES = {
    Parameter.BEND_CENTS: 0.0,
    Parameter.MODULATION: 0.0,
    Parameter.EXPRESSION: 1.0,
    Parameter.SUSTAIN: 0.0,
    Parameter.PRESSURE: 0.0,
}


def value_from_midi(parameter: Parameter, value: int) -> float:
    """0..127 to 0..1, or to 1..-1 for the attack, whose controller is a time.

    Those with a neutral 64 are bent slightly so that it is exactly in the middle.
    """
    if parameter is Parameter.BRIGHTNESS:
        return _around_middle(value)
    if parameter is Parameter.ATTACK:
        return 1.0 - 2.0 * _around_middle(value)
    return value / 127


def value_to_midi(parameter: Parameter, value: float) -> int:
    """The inverse of `value_from_midi`."""
    if parameter is Parameter.ATTACK:
        value = 0.5 - 0.5 * value
    if parameter in (Parameter.ATTACK, Parameter.BRIGHTNESS):
        raw = value * 128 if value <= 0.5 else 64 + (value - 0.5) * 126
    else:
        raw = value * 127
    return min(127, max(0, round(raw)))


def _around_middle(value: int) -> float:
    """0..127 to 0..1 with 64 at 0.5."""
    return value / 128 if value <= 64 else 0.5 + (value - 64) / 126


def bend_from_midi(value: int, range_cents: int) -> float:
    return (value - BEND_CENTRE) / BEND_CENTRE * range_cents


def bend_to_midi(cents: float, range_cents: int) -> int:
    return min(2 * BEND_CENTRE - 1, max(0, BEND_CENTRE + round(cents / range_cents * BEND_CENTRE)))


class _Strike(NamedTuple):
    """A note-on, or a note-off when `velocity` is 0."""

    tick: int
    velocity: int


class ChannelReader:
    """Feed it the messages of one channel in order of time; then ask for `notes` and `curves`."""

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
        if kind == NOTE_ON or kind == NOTE_OFF:
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
        """All notes; open ones end at `end_tick`. What had to be repaired is counted in `problems`."""
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
        if controller in CONTROLLERS:
            parameter = CONTROLLERS[controller]
            self._set(parameter, tick, value_from_midi(parameter, value))
        elif controller == RPN_COARSE:
            self._rpn = (value, self._rpn[1])
        elif controller == RPN_FINE:
            self._rpn = (self._rpn[0], value)
        elif controller in (_NRPN_COARSE, _NRPN_FINE):
            self._rpn = _NO_RPN
        elif controller in (DATA_ENTRY, DATA_ENTRY_FINE):
            self._data_entry(tick, controller, value)
        elif controller in (_ALL_SOUND_OFF, _ALL_NOTES_OFF):
            self._release_all(tick)
        elif controller == _RESET_CONTROLLERS:
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
    """(onset, offset, velocity) of the notes of one pitch: the first struck is the first released.

    If releases are missing, that pairing would shift every later note, so the stretch since the pitch was last silent is
    read again with each strike ending the note before it.
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
        # A release on the very tick of a strike belongs to the note that the strike has already ended.
        if struck and strike.tick > struck.tick:
            spans.append((struck.tick, strike.tick, struck.velocity))
            struck = None
        if strike.velocity:
            struck = strike
    if struck:
        spans.append((struck.tick, max(end_tick, struck.tick + 1), struck.velocity))
    return spans
