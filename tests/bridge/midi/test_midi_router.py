"""Messages become events of the right track with the right numbers; bytes that mean nothing do nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_bytes import messages

from bridge.midi.router import (
    LARGEST_BEND_SEMITONES,
    Learned,
    MidiOptions,
    MidiRouter,
    ProgramChosen,
    ProgramUse,
    TrackEvent,
)
from bridge.midi.table import RESERVED, binding_scale
from engine import (
    CONTROLLERS,
    LIVE_PARAMETERS,
    LIVE_RANGES,
    AllNotesOff,
    Bend,
    Expression,
    GoToLine,
    LivePerformer,
    NoteOff,
    NoteOn,
    Panic,
    Parameter,
    PerformanceSettings,
    ResetControllers,
    SettingsError,
    Sustain,
)


def feed(router: MidiRouter, *data: int, time_s: float = 1.0) -> list:
    """Return the events for some bytes; events of tracks as (track, event)."""
    routed = [item for message in messages(*data) for item in router.feed(message, time_s)]
    return [(item.track, item.event) if isinstance(item, TrackEvent) else item for item in routed]


def test_notes_of_each_channel_are_notes_of_its_track():
    router = MidiRouter()
    (track, on), (other, _), (_, off) = feed(router, 0x90, 60, 127, 0x92, 60, 64, 0x90, 60, 0)
    assert (track, other) == (0, 2)
    assert on == NoteOn(1.0, on.note_id, 60.0, 1.0)
    assert off == NoteOff(1.0, on.note_id)
    assert feed(router, 0x82, 60, 0)[0][0] == 2


def test_channels_can_be_sent_to_other_tracks_or_none():
    router = MidiRouter(MidiOptions(tracks={3: 0}))
    assert [track for track, _ in feed(router, 0x90, 60, 1, 0x93, 60, 1)] == [0]


def test_notes_of_two_ports_on_one_track_are_different_notes():
    ids = {feed(MidiRouter(port=port), 0x90, 60, 100)[0][1].note_id for port in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize(("raw", "semitones"), [(0, -2.0), (8192, 0.0), (16383, 2.0 * 8191 / 8192), (12288, 1.0)])
def test_bends_are_two_semitones_at_first(raw, semitones):
    assert feed(MidiRouter(), 0xE0, raw & 127, raw >> 7) == [(0, Bend(1.0, semitones))]


def test_the_bend_range_follows_rpn_0_and_moves_a_bend_that_stands():
    router = MidiRouter()
    feed(router, 0xE0, 0, 0x60)
    moved = feed(router, 0xB0, 101, 0, 0xB0, 100, 0, 0xB0, 6, 12, 0xB0, 38, 50)
    assert [event.semitones for _, event in moved] == pytest.approx([6.0, 6.25])
    assert feed(router, 0xB0, 101, 127, 0xB0, 100, 127, 0xB0, 6, 3) == []
    assert feed(router, 0xE0, 0, 0x40) == [(0, Bend(1.0, 0.0))]
    assert feed(router, 0xB0, 101, 0, 0xB0, 100, 0, 0xB0, 6, 127, 0xE0, 0, 0)[-1][1].semitones == -LARGEST_BEND_SEMITONES


def test_other_registered_and_free_parameters_leave_the_bend_alone():
    router = MidiRouter()
    feed(router, 0xB0, 101, 0, 0xB0, 100, 1, 0xB0, 6, 99, 0xB0, 101, 0, 0xB0, 100, 0, 0xB0, 99, 1, 0xB0, 6, 99)
    assert feed(router, 0xE0, 0, 0x60)[0][1].semitones == 1.0


@pytest.mark.parametrize(
    ("number", "raw", "parameter", "value"),
    [
        (1, 127, Parameter.MODULATION, 1.0),
        (2, 0, Parameter.BREATH, 0.0),
        (5, 127, Parameter.PORTAMENTO_S, 0.5),
        (7, 100, Parameter.VOLUME, 100 / 127),
        (11, 127, Parameter.EXPRESSION, 1.0),
        (65, 63, Parameter.PORTAMENTO, 0.0),
        (65, 64, Parameter.PORTAMENTO, 1.0),
        (18, 127, Parameter.GROWL, 1.0),
        (70, 127, Parameter.COLOUR, 1.0),
        (73, 0, Parameter.ATTACK, 1.0),
        (73, 127, Parameter.ATTACK, -1.0),
        (76, 0, Parameter.GENDER, -1.0),
        (71, 64, Parameter.TENSION, 0.0),
        (71, 127, Parameter.TENSION, 1.0),
        (74, 64, Parameter.BRIGHTNESS, 0.5),
        (74, 127, Parameter.BRIGHTNESS, 1.0),
    ],
)
def test_controllers_move_what_the_table_says(number, raw, parameter, value):
    ((track, event),) = feed(MidiRouter(), 0xB1, number, raw)
    assert (track, event.parameter, event.value) == (1, parameter, pytest.approx(value))


@pytest.mark.parametrize(
    ("data", "event"),
    [
        ((0xB0, 64, 64), Sustain(1.0, True)),
        ((0xB0, 64, 63), Sustain(1.0, False)),
        ((0xB0, 120, 0), Panic(1.0, keeps_controllers=True)),
        ((0xB0, 121, 0), ResetControllers(1.0)),
        ((0xB0, 123, 0), AllNotesOff(1.0)),
        ((0xB0, 126, 1), AllNotesOff(1.0)),
        ((0xD0, 127), Expression(1.0, Parameter.PRESSURE, 1.0)),
    ],
)
def test_messages_with_a_meaning_of_their_own(data, event):
    assert feed(MidiRouter(), *data) == [(0, event)]


def test_key_pressure_belongs_to_its_note():
    router = MidiRouter()
    (_, on), (_, pressed) = feed(router, 0x90, 60, 100, 0xA0, 60, 127)
    assert pressed == Expression(1.0, Parameter.PRESSURE, 1.0, on.note_id)


@pytest.mark.parametrize(
    ("options", "channel", "semitones"),
    [
        (MidiOptions(), 0, 2.0),
        (MidiOptions(bend_range=12.0), 3, 12.0),
        (MidiOptions(bend_range=24.0, mpe=True), 1, 24.0),
        (MidiOptions(bend_range=24.0, mpe=True), 0, 2.0),
        (MidiOptions(mpe=True), 1, 48.0),
    ],
)
def test_the_bend_range_is_what_is_set_until_rpn_0_says_otherwise(options, channel, semitones):
    router = MidiRouter(options)
    feed(router, 0x90 | channel, 60, 90)
    assert feed(router, 0xE0 | channel, 0, 0)[-1][1].semitones == -semitones
    feed(router, 0xB0 | channel, 101, 0, 0xB0 | channel, 100, 0, 0xB0 | channel, 6, 7)
    assert feed(router, 0xE0 | channel, 0, 0)[-1][1].semitones == -7.0
    with pytest.raises(SettingsError, match="0 to 96"):
        MidiOptions(bend_range=97.0)


def test_every_controller_of_the_table_does_something():
    for controller in CONTROLLERS:
        assert feed(MidiRouter(), 0xB0, controller.number, 1), controller.name


@pytest.mark.parametrize(
    ("use", "wanted"),
    [(ProgramUse.VOICE, [ProgramChosen(4, 7, 1.0)]), (ProgramUse.LINE, [(4, GoToLine(1.0, 7))]), (ProgramUse.NOTHING, [])],
)
def test_a_program_change_chooses_what_it_is_set_to(use, wanted):
    assert feed(MidiRouter(MidiOptions(program=use)), 0xC4, 7) == wanted


def test_an_unplugged_port_lets_go_of_what_it_holds():
    router = MidiRouter(port=1)
    (_, first), (_, second), *_ = feed(router, 0x90, 60, 100, 0x95, 72, 100, 0x90, 62, 1, 0x90, 62, 0, 0xB5, 64, 127)
    released = [(item.track, item.event) for item in router.release_all(2.0)]
    assert released == [(0, NoteOff(2.0, first.note_id)), (5, NoteOff(2.0, second.note_id)), (5, Sustain(2.0, False))]
    assert router.release_all(2.0) == []


# ---- MPE -------------------------------------------------------------------------------------------------------------


def test_mpe_members_play_one_track_with_bends_of_their_own():
    router = MidiRouter(MidiOptions(mpe=True))
    (track, first), (_, second) = feed(router, 0x91, 60, 100, 0x92, 64, 100)
    assert track == 0 and first.note_id != second.note_id
    assert feed(router, 0xE2, 0, 0x41) == [(0, Bend(1.0, 48.0 * 128 / 8192, second.note_id))]
    assert feed(router, 0xD1, 127) == [(0, Expression(1.0, Parameter.PRESSURE, 1.0, first.note_id))]
    assert feed(router, 0xB1, 74, 0) == [(0, Expression(1.0, Parameter.BRIGHTNESS, 0.0, first.note_id))]
    assert feed(router, 0xE0, 0, 0x60) == [(0, Bend(1.0, 1.0))]


def test_what_an_mpe_member_is_set_to_before_its_note_counts_for_it():
    router = MidiRouter(MidiOptions(mpe=True))
    assert feed(router, 0xE3, 0, 0x60, 0xB3, 74, 127, 0xD3, 0) == []
    events = [event for _, event in feed(router, 0x93, 60, 100)]
    note_id = events[0].note_id
    assert events[1:] == [
        Bend(1.0, 24.0, note_id),
        Expression(1.0, Parameter.BRIGHTNESS, 1.0, note_id),
        Expression(1.0, Parameter.PRESSURE, 0.0, note_id),
    ]


def test_the_bend_range_of_one_mpe_member_is_that_of_all():
    router = MidiRouter(MidiOptions(mpe=True))
    feed(router, 0x95, 60, 100, 0xB1, 101, 0, 0xB1, 100, 0, 0xB1, 6, 24)
    assert feed(router, 0xE5, 0, 0x60)[0][1].semitones == 12.0


def test_an_mpe_configuration_message_opens_and_closes_the_zone():
    router = MidiRouter()
    feed(router, 0xB0, 101, 0, 0xB0, 100, 6, 0xB0, 6, 4)
    assert [track for track, _ in feed(router, 0x94, 60, 1, 0x95, 60, 1)] == [0, 5]
    feed(router, 0xB0, 6, 0)
    assert [track for track, _ in feed(router, 0x94, 60, 1)] == [4]


def test_all_notes_off_of_an_mpe_member_ends_its_notes_only():
    router = MidiRouter(MidiOptions(mpe=True))
    (_, first), _ = feed(router, 0x91, 60, 100, 0x92, 64, 100)
    assert feed(router, 0xB1, 123, 0) == [(0, NoteOff(1.0, first.note_id))]


# ---- learning --------------------------------------------------------------------------------------------------------


def test_a_controller_is_learned_and_forgotten():
    router = MidiRouter()
    router.learn(Parameter.TENSION)
    assert feed(router, 0x90, 60, 100, 0xB0, 64, 127)[-1] == (0, Sustain(1.0, True))  # the pedal cannot be learned
    learned, (_, moved) = feed(router, 0xB0, 22, 127)
    assert learned == Learned(22, Parameter.TENSION) and moved == Expression(1.0, Parameter.TENSION, 1.0)
    assert feed(router, 0xB3, 22, 64) == [(3, Expression(1.0, Parameter.TENSION, 0.0))]
    assert router.bindings == {22: Parameter.TENSION}
    router.bind(22, None)
    assert feed(router, 0xB0, 22, 1) == []


@pytest.mark.parametrize("parameter", list(LIVE_PARAMETERS))
def test_a_learned_controller_spans_the_whole_range(parameter):
    scale = binding_scale(parameter)
    low, high = LIVE_RANGES[parameter]
    assert [scale(0), scale(127)] == pytest.approx([low, high])
    assert all(low <= scale(raw) <= scale(raw + 1) <= high for raw in range(127))


@pytest.mark.parametrize(
    "options",
    [
        {"bindings": {64: Parameter.BREATH}},
        {"tracks": {16: 0}},
        {"mpe_members": 0},
        {"bindings": {-1: Parameter.BREATH}},
    ],
)
def test_impossible_options_are_refused(options):
    with pytest.raises(SettingsError):
        MidiOptions(**options)


def test_reserved_numbers_are_what_the_router_uses_itself():
    assert {6, 38, 64, 98, 99, 100, 101, 120, 121, 123} <= RESERVED


# ---- anything --------------------------------------------------------------------------------------------------------


class Band:
    """A performer for every track that is played."""

    def __init__(self) -> None:
        self.performers: dict[int, LivePerformer] = {}

    def take(self, routed: list) -> None:
        for item in routed:
            if isinstance(item, TrackEvent):
                performer = self.performers.setdefault(item.track, LivePerformer(PerformanceSettings()))
                performer.feed(item.event)

    def check_silent_after(self, frames: int) -> None:
        for performer in self.performers.values():
            performer.advance(frames)
            assert not performer.is_sounding


@settings(max_examples=100)
@given(st.lists(st.integers(0, 255), max_size=400), st.booleans())
def test_any_bytes_give_events_that_a_voice_can_take(data, mpe):
    router, band = MidiRouter(MidiOptions(mpe=mpe)), Band()
    for message in messages(*data):
        band.take(router.feed(message, 0.0))
    band.take(router.release_all(0.1))
    band.check_silent_after(70)


CHANNEL_MESSAGES = st.one_of(
    st.tuples(st.integers(0x80, 0x83), st.integers(50, 60), st.integers(0, 127)),
    st.tuples(st.integers(0x90, 0x93), st.integers(50, 60), st.integers(0, 127)),
    st.tuples(st.integers(0xA0, 0xBF), st.integers(0, 127), st.integers(0, 127)),
    st.tuples(st.integers(0xC0, 0xDF), st.integers(0, 127)),
    st.tuples(st.integers(0xE0, 0xEF), st.integers(0, 127), st.integers(0, 127)),
)


@settings(max_examples=60)
@given(st.lists(CHANNEL_MESSAGES, max_size=150), st.booleans())
def test_any_playing_leaves_no_note_behind_when_its_port_goes(data, mpe):
    router, band = MidiRouter(MidiOptions(mpe=mpe)), Band()
    for number, one in enumerate(data):
        for message in messages(*one):
            band.take(router.feed(message, 0.003 * number))
    band.take(router.release_all(0.5))
    band.check_silent_after(110)
