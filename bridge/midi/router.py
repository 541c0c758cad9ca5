"""Conversion of the messages of one MIDI port to events of tracks: notes, bends, controllers, programs, MPE. No ports, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

import mido

from engine import (
    CONTROLLERS,
    AllNotesOff,
    Bend,
    Controller,
    Expression,
    GoToLine,
    LiveEvent,
    NoteOff,
    NoteOn,
    Panic,
    Parameter,
    ResetControllers,
    SettingsError,
    Sustain,
)

from . import table

CHANNELS = 16
NOTE_BEND_SEMITONES, MEMBER_BEND_SEMITONES = 2.0, 48.0  # before RPN 0 says otherwise
LARGEST_BEND_SEMITONES = 96.0
_CENTRE = 8192
_NO_RPN, _BEND_RANGE, _MPE_ZONE = (127, 127), (0, 0), (0, 6)
_BY_NUMBER = {controller.number: controller for controller in CONTROLLERS}


class ProgramUse(StrEnum):
    """Effect of a program change."""

    VOICE = "voice"  # asks for another voice of the track
    LINE = "line"  # goes to a line of the words, 0 the first
    NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True)
class MidiOptions:
    """Options of a port. `tracks`: track of each channel (0..15), none for those not named; None = channel 0 plays track 0 and so on.

    `mpe`: channel 0 is the manager of a lower zone with `mpe_members` member channels, all playing the track of channel 0.
    `bend_range`: semitones of pitch bend before RPN 0 sets it, of the member channels in a zone; None = 2, and 48 for members.
    `bindings`: parameters of controllers in place of the table's, as set by MIDI learn. Raises SettingsError.
    """

    tracks: Mapping[int, int] | None = None
    mpe: bool = False
    mpe_members: int = 15
    bend_range: float | None = None
    program: ProgramUse = ProgramUse.VOICE
    bindings: Mapping[int, Parameter] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wrong = [channel for channel in self.tracks or () if not 0 <= channel < CHANNELS]
        if wrong:
            raise SettingsError(f"MIDI channel {wrong[0] + 1} does not exist; channels go from 1 to {CHANNELS}.")
        if not 1 <= self.mpe_members < CHANNELS:
            raise SettingsError(f"An MPE zone of {self.mpe_members} members is not possible; valid is 1 to {CHANNELS - 1}.")
        if self.bend_range is not None and not 0.0 <= self.bend_range <= LARGEST_BEND_SEMITONES:
            raise SettingsError(
                f"A bend range of {self.bend_range:g} semitones is not possible; valid is 0 to {LARGEST_BEND_SEMITONES:g}."
            )
        for number in self.bindings:
            check_free(number)

    @property
    def note_bend_semitones(self) -> float:
        """Return the bend range of a channel that belongs to no zone."""
        return NOTE_BEND_SEMITONES if self.mpe or self.bend_range is None else self.bend_range

    @property
    def member_bend_semitones(self) -> float:
        """Return the bend range of a member channel."""
        return MEMBER_BEND_SEMITONES if self.bend_range is None else self.bend_range


@dataclass(frozen=True, slots=True)
class TrackEvent:
    """An event for the live voice of `track`."""

    track: int
    event: LiveEvent


@dataclass(frozen=True, slots=True)
class ProgramChosen:
    """A program change to `program` (0..127) on `track`."""

    track: int
    program: int
    time_s: float


@dataclass(frozen=True, slots=True)
class Learned:
    """Result of MIDI learn: controller `number` moves `parameter` from now on, on all channels."""

    number: int
    parameter: Parameter


Routed: TypeAlias = TrackEvent | ProgramChosen | Learned


@dataclass(slots=True)
class _Channel:
    """State of a channel between messages."""

    bend: int = 0  # -8192..8191
    bend_range: float = NOTE_BEND_SEMITONES
    rpn: tuple[int, int] = _NO_RPN
    keys: set[int] = field(default_factory=set)
    pedal: bool = False
    own: dict[Parameter, float] = field(default_factory=dict)  # of an MPE member, for its next note

    @property
    def bend_semitones(self) -> float:
        return self.bend / _CENTRE * self.bend_range


class MidiRouter:
    """Router of one port, fed in order of time. `port` distinguishes its notes from those of other ports on the same track."""

    def __init__(self, options: MidiOptions | None = None, *, port: int = 0) -> None:
        self._options = options or MidiOptions()
        self._port = port
        self._channels = [_Channel(bend_range=self._options.note_bend_semitones) for _ in range(CHANNELS)]
        self._bindings = dict(self._options.bindings)
        self._wanted: Parameter | None = None
        self._members = 0
        if self._options.mpe:
            self._open_zone(self._options.mpe_members)

    @property
    def bindings(self) -> dict[int, Parameter]:
        """Learned controllers, for the options of the next router."""
        return dict(self._bindings)

    def learn(self, parameter: Parameter | None) -> None:
        """Bind the next controller that moves to `parameter`; None stops waiting for one."""
        self._wanted = parameter

    def bind(self, number: int, parameter: Parameter | None) -> None:
        """Bind controller `number` to `parameter`; None restores the table's. Raises SettingsError for a reserved controller."""
        check_free(number)
        if parameter is None:
            self._bindings.pop(number, None)
        else:
            self._bindings[number] = parameter

    def feed(self, message: mido.Message, time_s: float) -> list[Routed]:
        """Return the events of a channel message that came at `time_s` (of the voice's clock, 0 or later); [] for all other messages."""
        channel = getattr(message, "channel", None)
        if channel is None:
            return []
        return list(self._route(message, channel, max(0.0, time_s)))

    def release_all(self, time_s: float) -> list[Routed]:
        """Return note-offs for all notes that this port holds, as when it is unplugged."""
        events: list[Routed] = []
        for number, channel in enumerate(self._channels):
            events += self._to_track(number, (NoteOff(time_s, self._note_id(number, key)) for key in sorted(channel.keys)))
            if channel.pedal:
                events += self._to_track(number, [Sustain(time_s, False)])
            channel.keys.clear()
            channel.pedal = False
        return events

    # ---- messages ----------------------------------------------------------------------------------------------------

    def _route(self, message: mido.Message, number: int, time_s: float) -> Iterator[Routed]:
        match message.type:
            case "note_on" if message.velocity:
                yield from self._to_track(number, self._note_on(number, message.note, message.velocity, time_s))
            case "note_on" | "note_off":
                self._channels[number].keys.discard(message.note)
                yield from self._to_track(number, [NoteOff(time_s, self._note_id(number, message.note))])
            case "pitchwheel":
                self._channels[number].bend = message.pitch
                yield from self._to_track(number, self._bend_events(number, time_s))
            case "aftertouch":
                yield from self._to_track(
                    number, self._parameter_events(number, Parameter.PRESSURE, message.value / 127, time_s)
                )
            case "polytouch":
                note_id = self._note_id(number, message.note)
                pressed = Expression(time_s, Parameter.PRESSURE, message.value / 127, note_id)
                yield from self._to_track(number, [pressed])
            case "program_change":
                yield from self._program_events(number, message.program, time_s)
            case "control_change":
                yield from self._route_control(number, message.control, message.value, time_s)

    def _note_on(self, number: int, key: int, velocity: int, time_s: float) -> Iterator[LiveEvent]:
        channel, note_id = self._channels[number], self._note_id(number, key)
        channel.keys.add(key)
        yield NoteOn(time_s, note_id, float(key), velocity / 127)
        if self._is_member(number):
            if channel.bend:
                yield Bend(time_s, channel.bend_semitones, note_id)
            for parameter, value in channel.own.items():
                yield Expression(time_s, parameter, value, note_id)

    def _bend_events(self, number: int, time_s: float) -> Iterator[LiveEvent]:
        channel = self._channels[number]
        if self._is_member(number):
            for key in sorted(channel.keys):
                yield Bend(time_s, channel.bend_semitones, self._note_id(number, key))
        else:
            yield Bend(time_s, channel.bend_semitones)

    def _parameter_events(self, number: int, parameter: Parameter, value: float, time_s: float) -> Iterator[LiveEvent]:
        """Return events of a moved parameter: pressure and brightness of an MPE member belong to its notes, others to the track."""
        channel = self._channels[number]
        if self._is_member(number) and parameter in (Parameter.PRESSURE, Parameter.BRIGHTNESS):
            channel.own[parameter] = value
            for key in sorted(channel.keys):
                yield Expression(time_s, parameter, value, self._note_id(number, key))
        else:
            yield Expression(time_s, parameter, value)

    def _program_events(self, number: int, program: int, time_s: float) -> Iterator[Routed]:
        if self._options.program is ProgramUse.LINE:
            yield from self._to_track(number, [GoToLine(time_s, program)])
        elif self._options.program is ProgramUse.VOICE:
            track = self._track(number)
            if track is not None:
                yield ProgramChosen(track, program, time_s)

    def _route_control(self, number: int, control: int, value: int, time_s: float) -> Iterator[Routed]:
        if self._wanted is not None and control not in table.RESERVED:
            self._bindings[control] = self._wanted
            yield Learned(control, self._wanted)
            self._wanted = None
        if control in self._bindings:
            parameter = self._bindings[control]
            yield from self._to_track(
                number, self._parameter_events(number, parameter, table.binding_scale(parameter)(value), time_s)
            )
        elif (known := _BY_NUMBER.get(control)) is not None:
            yield from self._to_track(number, self._controller_events(number, known, value, time_s))
        elif control in table.MODE_CHANGES:
            yield from self._to_track(number, self._controller_events(number, _BY_NUMBER[table.ALL_NOTES_OFF], value, time_s))
        else:
            yield from self._to_track(number, self._registered_events(number, control, value, time_s))

    def _controller_events(self, number: int, controller: Controller, value: int, time_s: float) -> Iterator[LiveEvent]:
        channel = self._channels[number]
        if parameter := table.moved_parameter(controller):
            yield from self._parameter_events(number, parameter, controller.scale.value_of(value), time_s)
            return
        if controller.number == table.SUSTAIN:
            channel.pedal = value >= 64
            yield Sustain(time_s, channel.pedal)
            return
        if controller.number == table.RESET_CONTROLLERS:
            channel.bend, channel.rpn, channel.pedal = 0, _NO_RPN, False
            channel.own.clear()
            yield ResetControllers(time_s)
            return
        held = sorted(channel.keys)
        channel.keys.clear()
        channel.pedal = False
        if controller.number == table.ALL_SOUND_OFF:
            yield Panic(time_s, keeps_controllers=True)
        elif self._is_member(number):
            for key in held:
                yield NoteOff(time_s, self._note_id(number, key))
        else:
            yield AllNotesOff(time_s)

    def _registered_events(self, number: int, control: int, value: int, time_s: float) -> Iterator[LiveEvent]:
        """Handle registered parameters: the range of bends, and the size of an MPE zone."""
        channel = self._channels[number]
        if control == table.RPN_COARSE:
            channel.rpn = (value, channel.rpn[1])
        elif control == table.RPN_FINE:
            channel.rpn = (channel.rpn[0], value)
        elif control in (table.NRPN_COARSE, table.NRPN_FINE):
            channel.rpn = _NO_RPN
        elif channel.rpn == _BEND_RANGE and control in (table.DATA_ENTRY, table.DATA_ENTRY_FINE):
            semitones, _cents = divmod(channel.bend_range, 1.0)
            given = value + 0.0 if control == table.DATA_ENTRY else semitones + min(value, 99) / 100
            yield from self._set_bend_range(number, min(given, LARGEST_BEND_SEMITONES), time_s)
        elif channel.rpn == _MPE_ZONE and number == 0 and control == table.DATA_ENTRY:
            self._open_zone(min(value, CHANNELS - 1))

    def _set_bend_range(self, number: int, semitones: float, time_s: float) -> Iterator[LiveEvent]:
        """Set the bend range of one channel, or of all members of its zone."""
        affected = range(1, self._members + 1) if self._is_member(number) else (number,)
        for member in affected:
            self._channels[member].bend_range = semitones
            if self._channels[member].bend:
                yield from self._bend_events(member, time_s)

    # ---- places ------------------------------------------------------------------------------------------------------

    def _open_zone(self, members: int) -> None:
        """Open a lower MPE zone of `members` member channels; 0 closes it."""
        options = self._options
        for number in range(1, CHANNELS):
            is_member = number <= members
            self._channels[number].bend_range = options.member_bend_semitones if is_member else options.note_bend_semitones
        self._members = members

    def _is_member(self, number: int) -> bool:
        return 1 <= number <= self._members

    def _track(self, number: int) -> int | None:
        channel = 0 if self._is_member(number) else number
        return channel if self._options.tracks is None else self._options.tracks.get(channel)

    def _to_track(self, number: int, events: Iterable[LiveEvent]) -> list[Routed]:
        found = list(events)  # consumed also without a track: it updates the channel's state
        track = self._track(number)
        return [] if track is None else [TrackEvent(track, event) for event in found]

    def _note_id(self, number: int, key: int) -> int:
        return (self._port << 11) | (number << 7) | key


def check_free(number: int) -> None:
    """Raise SettingsError for a controller that cannot be given another parameter."""
    if not 0 <= number <= 127 or number in table.RESERVED:
        raise SettingsError(
            f"Controller {number} cannot be given another meaning; choose one that MIDI leaves free, such as 20 to 31."
        )
