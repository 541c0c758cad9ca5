"""Ports that come and go: with a stand-in for the system where its moments matter, and through a JACK server where there is one."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator

import mido
import numpy as np
import pytest
from jack_server import JackServer, require_jack

from bridge.midi.jack_backend import JackInterface
from bridge.midi.ports import MidiPorts, MidiSurvey, find_backend, survey
from bridge.midi.receiver import MidiReceiver
from bridge.midi.router import Learned, TrackEvent
from bridge.realtime.jack_client import open_client
from bridge.realtime.keep_warm import KeepWarm
from engine import Expression, NoteOff, NoteOn, Parameter, SettingsError

WAIT_S = 20.0  # a bound for what should take milliseconds


class Cables:
    """A system's MIDI as `mido.Backend` shows it, with cables that a test plugs."""

    def __init__(self, *names: str, is_absent: bool = False, has_virtual: bool = True) -> None:
        self.names, self.is_absent, self.has_virtual = list(names), is_absent, has_virtual
        self.open: dict[str, Callable[[mido.Message], None]] = {}
        self.cables: dict[str, Cable] = {}
        self.busy: set[str] = set()

    def get_input_names(self, **_) -> list[str]:
        if self.is_absent:
            raise OSError("no sequencer")
        return list(self.names)

    def open_input(self, name: str, *, callback, virtual: bool = False, client_name: str | None = None):
        if (virtual and not self.has_virtual) or name in self.busy:
            raise OSError("not possible")
        self.open[name] = callback
        self.cables[name] = Cable(self, name)
        return self.cables[name]

    def close(self) -> None:
        assert not self.open


class Cable:
    def __init__(self, cables: Cables, name: str) -> None:
        self._cables, self._name = cables, name
        self.closed = False

    def close(self) -> None:
        self.closed = True
        self._cables.open.pop(self._name, None)


def ports_of(cables: Cables, wanted=None, **more) -> tuple[MidiPorts, list, list]:
    heard: list = []
    lost: list = []
    return MidiPorts(lambda *got: heard.append(got), lost.append, wanted=wanted, backend=cables, **more), heard, lost


def test_the_virtual_port_and_all_hardware_are_opened_and_closed():
    cables = Cables("Keys 49 MIDI 1", "Midi Through:Port-0", "Pads")
    ports, heard, _ = ports_of(cables)
    with ports:
        assert ports.start() == ()
        assert ports.names == ("Vocalese", "Keys 49 MIDI 1", "Pads")
        cables.open["Pads"](mido.Message("note_on"))
        assert heard == [("Pads", mido.Message("note_on"))]
    assert cables.open == {} and ports.names == ()


@pytest.mark.parametrize(
    ("wanted", "opened"),
    [((), ()), (("keys",), ("Big Keys", "keys 2")), (("THROUGH",), ("Midi Through:Port-0",)), (("synth",), ())],
)
def test_hardware_is_chosen_by_a_part_of_its_name(wanted, opened):
    ports, _, _ = ports_of(Cables("Big Keys", "keys 2", "Pads", "Midi Through:Port-0"), wanted, virtual_name=None)
    with ports:
        ports.start()
        assert ports.names == opened


def test_new_ports_are_opened_and_lost_ones_reported():
    cables = Cables()
    ports, _, lost = ports_of(cables)
    with ports:
        ports.start()
        cables.names.append("Keys")
        ports.scan()
        assert "Keys" in ports.names
        cables.names.clear()
        ports.scan()
        assert "Keys" not in ports.names and "Keys" not in cables.open and lost == ["Keys"]


def test_ports_are_polled():
    cables = Cables()
    ports, _, _ = ports_of(cables, poll_s=0.001)
    with ports:
        ports.start()
        cables.names.append("Keys")
        wait_for(lambda: "Keys" in ports.names)


def test_a_busy_port_is_reported_once_and_retried_after_replugging(caplog):
    cables = Cables("Keys")
    cables.busy.add("Keys")
    ports, _, _ = ports_of(cables, poll_s=60.0)
    with ports, caplog.at_level(logging.WARNING):
        ports.start()
        ports.scan()
        assert len(caplog.records) == 1 and "another program" in caplog.text
        cables.names.clear()
        ports.scan()
        cables.names.append("Keys")
        cables.busy.clear()
        ports.scan()
        assert "Keys" in ports.names


def test_a_system_without_midi_gives_one_notice():
    ports, _, _ = ports_of(Cables(is_absent=True))
    with ports:
        (notice,) = ports.start()
        assert "OSC" in notice and ports.names == ()


def test_without_virtual_ports_hardware_still_works():
    ports, _, _ = ports_of(Cables("Keys", has_virtual=False))
    with ports:
        (notice,) = ports.start()
        assert "virtual" in notice and ports.names == ("Keys",)


def test_ports_open_and_close_on_this_machine():
    ports = MidiPorts(lambda *_: None, lambda _: None, wanted=())
    with ports:
        notices = ports.start()
        assert bool(ports.names) != bool(notices)


def test_ports_come_back_with_the_interface():
    cables = Cables("Keys")
    ports, _, lost = ports_of(cables, poll_s=60.0)
    with ports:
        ports.start()
        for cable in cables.cables.values():
            cable.close()
        cables.is_absent = True
        ports.scan()
        assert ports.names == () and sorted(lost) == ["Keys", "Vocalese"]
        cables.has_virtual = cables.is_absent = False
        ports.scan()
        assert ports.names == ("Keys",)
        cables.has_virtual = True
        ports.scan()
        assert ports.names == ("Vocalese", "Keys") and len(lost) == 2


def test_a_survey_lists_ports_and_the_reason_for_no_virtual_port():
    cables = Cables("Keys", "Pads")
    assert survey(cables) == MidiSurvey("unknown", ("Keys", "Pads"), "")
    assert cables.open == {}, "what was opened to try is closed"
    assert survey(Cables(has_virtual=False)).no_virtual == "not possible"
    with pytest.raises(OSError, match="no sequencer"):
        survey(Cables(is_absent=True))


# ---- all of it together ----------------------------------------------------------------------------------------------


def receiver_of(cables: Cables, now: list[float], **more) -> tuple[MidiReceiver, list]:
    heard: list = []
    return MidiReceiver(heard.extend, clock=lambda: now[0], backend=cables, **more), heard


def test_messages_are_stamped_and_a_lost_port_lets_go():
    cables, now = Cables("Keys"), [1.5]
    receiver, heard = receiver_of(cables, now)
    receiver.start()
    cables.open["Keys"](mido.Message("note_on", note=60, velocity=127))
    note_id = heard[0].event.note_id
    now[0] = 2.5
    receiver.close()
    assert heard == [TrackEvent(0, NoteOn(1.5, note_id, 60.0, 1.0)), TrackEvent(0, NoteOff(2.5, note_id))]


def test_messages_of_one_moment_stay_of_one_moment_and_never_go_back():
    cables, got = Cables("Keys"), []
    now_s = [100.0]

    def clock() -> float:  # no two readings are alike
        now_s[0] += 0.001
        return now_s[0]

    with contextlib.closing(MidiReceiver(got.extend, clock=clock, backend=cables)) as receiver:
        receiver.start()
        due_s = time.monotonic()
        for kind, at_s in (("note_on", due_s), ("note_off", due_s), ("note_on", due_s), ("note_off", due_s - 0.001)):
            cables.open["Keys"](mido.Message(kind, note=60, velocity=90, time=at_s))
        cables.open["Keys"](mido.Message("note_on", note=62, velocity=90))
    moments = [item.event.time_s for item in got]
    assert len(set(moments[:4])) == 1, "one moment, and what is stamped earlier than what came before it"
    assert moments == sorted(moments)
    assert [type(item.event) for item in got[:4]] == [NoteOn, NoteOff, NoteOn, NoteOff]


def test_what_one_port_learned_holds_on_all():
    cables, now = Cables("Keys", "Pads"), [0.0]
    receiver, heard = receiver_of(cables, now)
    receiver.start()
    cables.open["Pads"](mido.Message("note_on", note=1))
    receiver.learn(Parameter.TENSION)
    cables.open["Keys"](mido.Message("control_change", control=20, value=127))
    cables.open["Pads"](mido.Message("control_change", control=20, value=0))
    cables.open["Vocalese"](mido.Message("control_change", control=20, value=64))
    cables.open["Vocalese"](mido.Message("control_change", control=21, value=64))
    receiver.close()
    assert [item for item in heard if isinstance(item, Learned)] == [Learned(20, Parameter.TENSION)]
    moved = [item.event.value for item in heard if isinstance(item, TrackEvent) and isinstance(item.event, Expression)]
    assert moved == [1.0, -1.0, 0.0]


def test_a_controller_is_bound_on_all_ports_and_given_back():
    cables, now = Cables("Keys", "Pads"), [0.0]
    receiver, heard = receiver_of(cables, now)
    receiver.start()
    cables.open["Keys"](mido.Message("note_on", note=1))  # a port that is known already
    receiver.bind(1, Parameter.GROWL)
    for port in ("Keys", "Pads"):
        cables.open[port](mido.Message("control_change", control=1, value=127))
    receiver.bind(1, None)
    for port in ("Keys", "Vocalese"):
        cables.open[port](mido.Message("control_change", control=1, value=127))
    with pytest.raises(SettingsError, match="20 to 31"):
        receiver.bind(64, None)
    receiver.close()
    moved = [item.event.parameter for item in heard if isinstance(item, TrackEvent) and isinstance(item.event, Expression)]
    assert moved == [Parameter.GROWL] * 2 + [Parameter.MODULATION] * 2


def test_every_message_can_be_watched_with_what_it_meant():
    cables, now, seen = Cables("Keys"), [2.0], []
    receiver, heard = receiver_of(cables, now, on_arrival=lambda *told: seen.append((*told, len(heard))))
    receiver.start()
    note, clock = mido.Message("note_on", note=60), mido.Message("clock")
    cables.open["Keys"](note)
    cables.open["Keys"](clock)
    receiver.close()
    assert seen == [(2.0, "Keys", note, [heard[0]], 1), (2.0, "Keys", clock, [], 1)], "after the note was passed on"


def test_clock_and_time_code_do_not_reach_the_tracks():
    cables, now = Cables("Keys"), [0.0]
    receiver, heard = receiver_of(cables, now)
    receiver.start()
    cables.open["Keys"](mido.Message("start"))
    for number in range(25):
        now[0] = 0.02 * number
        cables.open["Keys"](mido.Message("clock"))
    state = receiver.clock_state()
    assert state.is_playing and state.ppq == pytest.approx(1.0) and state.bpm == pytest.approx(125)
    assert not receiver.timecode_state().is_playing and heard == []
    receiver.close()


# ---- a real server ---------------------------------------------------------------------------------------------------


def wait_for(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def running(start_s: float) -> Callable[[], float]:
    """A clock that stands at `start_s` now."""
    begun_s = time.monotonic()
    return lambda: start_s + time.monotonic() - begun_s


@pytest.fixture
def interface(jack) -> Iterator[JackInterface]:
    with contextlib.closing(JackInterface(f"Vocalese-{os.getpid()}")) as opened:
        yield opened


@pytest.fixture(scope="module")
def jack() -> Iterator[mido.Backend]:
    """MIDI through a JACK server with its dummy driver, under a name of its own."""
    require_jack(portaudio=False)
    rtmidi = pytest.importorskip("rtmidi", reason="python-rtmidi is not installed")
    if rtmidi.API_UNIX_JACK not in rtmidi.get_compiled_api():
        pytest.skip("python-rtmidi was built without JACK")
    with pytest.MonkeyPatch.context() as patch, JackServer() as server:
        server.make_default(patch)
        server.client("probe").close()
        yield mido.Backend("mido.backends.rtmidi/UNIX_JACK")


def knock(sender, heard: queue.Queue) -> None:
    """Returns when what is sent arrives: a new connection takes the server some periods."""
    end = time.monotonic() + WAIT_S
    while heard.empty():
        assert time.monotonic() < end, "nothing arrives"
        sender.send(mido.Message("control_change", control=7, value=100))
        time.sleep(0.02)
    sender.send(mido.Message("control_change", control=1, value=127))
    while heard.get(timeout=WAIT_S).event.parameter is not Parameter.MODULATION:
        pass


def test_notes_come_through_the_virtual_port(jack, interface):
    heard: queue.Queue = queue.Queue()
    name = f"Vocalese-{os.getpid()}"
    receiver = MidiReceiver(
        lambda items: [heard.put(item) for item in items],
        clock=running(3.0),
        wanted=(),
        virtual_name=name,
        backend=interface,
    )
    assert receiver.start() == ()
    try:
        assert receiver.port_names == (name,)
        target = next(found for found in jack.get_output_names() if name in found)
        with jack.open_output(target) as sender:
            knock(sender, heard)
            sender.send(mido.Message("note_on", channel=2, note=64, velocity=127))
            sender.send(mido.Message("pitchwheel", channel=2, pitch=4096))
            sender.send(mido.Message("note_off", channel=2, note=64))
            items = [heard.get(timeout=WAIT_S) for _ in range(3)]
        assert [item.track for item in items] == [2, 2, 2]
        came_s = [item.event.time_s for item in items]
        assert items[0].event == NoteOn(came_s[0], items[0].event.note_id, 64.0, 1.0)
        assert items[1].event.semitones == 1.0
        assert items[2].event == NoteOff(came_s[2], items[0].event.note_id)
        assert 3.0 <= came_s[0] <= came_s[1] <= came_s[2] <= 3.0 + 3 * WAIT_S
    finally:
        receiver.close()


def test_the_interface_that_answers_is_found(jack):
    with contextlib.closing(find_backend()) as found:
        assert isinstance(found, JackInterface)
    with jack.open_output("keys", virtual=True, client_name="stage-piano"):
        found = survey()
    assert found.interface == "JACK" and not found.no_virtual
    assert any("stage-piano" in name for name in found.inputs)


def test_only_hardware_is_connected_on_jack_by_default(jack, interface):
    with jack.open_output("keys", virtual=True, client_name="sequencer"):
        wait_for(lambda: any("sequencer" in name for name in interface.get_input_names()))
        assert not any("sequencer" in name for name in interface.get_hardware_names())
        with MidiPorts(lambda *_: None, lambda _: None, virtual_name=None, backend=interface) as ports:
            assert ports.start() == () and not any("sequencer" in name for name in ports.names)
        with MidiPorts(lambda *_: None, lambda _: None, virtual_name=None, wanted=("sequencer",), backend=interface) as ports:
            assert ports.start() == () and any("sequencer" in name for name in ports.names)
    wait_for(lambda: not any("sequencer" in name for name in interface.get_input_names()))


def test_a_keyboard_that_is_plugged_and_unplugged(jack, interface):
    heard: queue.Queue = queue.Queue()
    receiver = MidiReceiver(
        lambda items: [heard.put(item) for item in items],
        clock=running(4.0),
        wanted=("stage-piano",),
        virtual_name=None,
        backend=interface,
    )
    assert receiver.start() == ()
    try:
        assert receiver.port_names == ()
        keyboard = jack.open_output("keys", virtual=True, client_name="stage-piano")
        try:
            wait_for(lambda: len(receiver.port_names) == 1)
            knock(keyboard, heard)
            keyboard.send(mido.Message("note_on", note=60, velocity=127))
            pressed = heard.get(timeout=WAIT_S)
            assert pressed.event == NoteOn(pressed.event.time_s, pressed.event.note_id, 60.0, 1.0)
            assert pressed.event.time_s >= 4.0
        finally:
            keyboard.close()
        released = heard.get(timeout=WAIT_S)
        assert released.event == NoteOff(released.event.time_s, pressed.event.note_id)
        assert released.event.time_s >= pressed.event.time_s
        assert receiver.port_names == ()
    finally:
        receiver.close()


@pytest.mark.parametrize("ends", ["the cable", "the program"])
def test_a_pulled_cable_lets_go_of_what_came_through_it(jack, interface, ends: str):
    heard: queue.Queue = queue.Queue()
    name = f"Vocalese-{os.getpid()}-cable"
    receiver = MidiReceiver(
        lambda items: [heard.put(item) for item in items],
        clock=time.monotonic,
        wanted=(),
        virtual_name=name,
        backend=interface,
    )
    assert receiver.start() == ()
    patchbay = open_client("patchbay")
    sender = jack.open_output(next(found for found in jack.get_output_names() if name in found))
    try:
        knock(sender, heard)
        sender.send(mido.Message("note_on", note=60, velocity=90))
        sender.send(mido.Message("control_change", control=64, value=127))
        pressed, pedal = heard.get(timeout=WAIT_S), heard.get(timeout=WAIT_S)
        assert isinstance(pressed.event, NoteOn) and pedal.event.is_down
        if ends == "the program":
            sender.close()
        else:
            (port,) = patchbay.get_ports(name, is_midi=True, is_input=True)
            (source,) = patchbay.get_all_connections(port)
            patchbay.disconnect(source, port)
        released, pedal = heard.get(timeout=WAIT_S), heard.get(timeout=WAIT_S)
        assert released.event == NoteOff(released.event.time_s, pressed.event.note_id)
        assert not pedal.event.is_down
        assert receiver.port_names == (name,), "the port stays"
    finally:
        sender.close()
        patchbay.close()
        receiver.close()


def test_messages_keep_their_places_in_jacks_periods(interface):
    """Times of messages are exact to the sample within a period, however late the system wakes a process."""
    heard: queue.Queue = queue.Queue()
    name = f"Vocalese-{os.getpid()}"
    with (
        MidiPorts(
            lambda _, message: heard.put(message),
            lambda _: None,
            wanted=(),
            virtual_name=name,
            backend=interface,
        ) as ports,
        contextlib.closing(open_client("sequencer")) as client,
    ):
        assert ports.start() == ()
        port = client.midi_outports.register("notes")
        orders: queue.SimpleQueue = queue.SimpleQueue()

        @client.set_process_callback
        def _(frames: int) -> None:
            port.clear_buffer()
            if not orders.empty():
                for offset, key in orders.get():
                    port.write_midi_event(offset, (0x90, key, 100))

        with client:
            target = next(found for found in client.get_ports(is_midi=True, is_input=True) if name in found.name)
            port.connect(target)
            end = time.monotonic() + WAIT_S
            while heard.empty():
                assert time.monotonic() < end, "nothing arrives"
                orders.put([(0, 1)])
                time.sleep(0.02)
            time.sleep(0.1)
            while not heard.empty():
                heard.get()
            for _ in range(20):
                orders.put([(0, 60), (100, 61), (255, 62)])
                time.sleep(0.017)
            came = [heard.get(timeout=WAIT_S) for _ in range(60)]
            assert [message.note for message in came] == [60, 61, 62] * 20
    came_ms = np.array([message.time * 1e3 for message in came])
    within_ms = came_ms - np.repeat(came_ms[::3], 3)
    np.testing.assert_allclose(within_ms, np.tile(np.array([0, 100, 255]) / 48, 20), atol=1e-3)


def test_ports_of_jack_come_back_when_it_does(monkeypatch):
    require_jack(portaudio=False)
    heard: queue.Queue = queue.Queue()
    name = f"Vocalese-{os.getpid()}"
    with JackServer() as server:
        server.make_default(monkeypatch)
        server.client("probe").close()
        with (
            contextlib.closing(JackInterface(name)) as interface,
            MidiPorts(
                lambda _, message: heard.put(message),
                lambda lost: heard.put(lost),
                wanted=(),
                virtual_name=name,
                backend=interface,
                poll_s=0.05,
            ) as ports,
        ):
            assert ports.start() == () and ports.names == (name,)
            server.stop()
            assert heard.get(timeout=WAIT_S) == name and ports.names == ()
            server.start()
            wait_for(lambda: ports.names == (name,))
            sending = mido.Backend("mido.backends.rtmidi/UNIX_JACK")
            with sending.open_output(next(found for found in sending.get_output_names() if name in found)) as sender:
                end = time.monotonic() + WAIT_S
                while heard.empty():
                    assert time.monotonic() < end, "nothing arrives"
                    sender.send(mido.Message("note_on", note=64))
                    time.sleep(0.02)
            assert heard.get().note == 64


def test_the_idle_task_runs_after_the_first_message(jack):
    heard: queue.Queue = queue.Queue()
    ran: queue.Queue = queue.Queue()
    idle = KeepWarm(lambda: ran.put(threading.current_thread().name), starts_active=False)
    receiver = MidiReceiver(
        lambda items: [heard.put(item) for item in items],
        clock=time.monotonic,
        wanted=(),
        virtual_name="Vocalese",
        find=lambda: JackInterface(idle=idle),
    )
    assert receiver.start() == () and idle.is_attached
    try:
        time.sleep(0.1)
        assert ran.empty(), "nobody plays"
        with jack.open_output(next(found for found in jack.get_output_names() if "Vocalese" in found)) as sender:
            knock(sender, heard)
            threads = {ran.get(timeout=WAIT_S) for _ in range(3)}
        assert threads == {"JACK MIDI"}, "the thread that messages come in"
    finally:
        receiver.close()


def test_many_ports_and_long_messages_go_over_the_pipe(interface):
    """More ports than one write takes at once; a message that is too long for one is left out, and nothing else."""
    heard: queue.Queue = queue.Queue()
    with (
        contextlib.closing(interface.open_input("keys in", callback=heard.put, virtual=True)),
        contextlib.closing(open_client("studio")) as client,
    ):
        ports = [
            client.midi_outports.register(f"a port with a name that is rather long, number {number}") for number in range(150)
        ]
        orders: queue.SimpleQueue = queue.SimpleQueue()

        @client.set_process_callback
        def _(frames: int) -> None:
            ports[0].clear_buffer()
            while not orders.empty():
                ports[0].write_midi_event(0, orders.get())

        with client:
            wait_for(lambda: sum("rather long" in name for name in interface.get_input_names()) == 150)
            assert len(set(interface.get_input_names())) == len(interface.get_input_names())
            target = next(found for found in client.get_ports(is_midi=True, is_input=True) if "keys in" in found.name)
            ports[0].connect(target)
            end = time.monotonic() + WAIT_S
            while heard.empty():
                assert time.monotonic() < end, "nothing arrives"
                orders.put(b"\x90\x01\x40")
                time.sleep(0.02)
            for message in (bytes([0xF0, *[1] * 5000, 0xF7]), b"\xf0\x7d\x05\xf7", b"\x90\x3c\x40"):
                orders.put(message)
            found: list = []
            while not found or found[-1] != ("note_on", 60):
                message = heard.get(timeout=WAIT_S)
                found.append((message.type, getattr(message, "note", len(message.bytes()))))
    assert found[-2:] == [("sysex", 4), ("note_on", 60)] and all(other == ("note_on", 1) for other in found[:-2])


def test_a_message_that_fails_does_not_silence_others(jack, interface, caplog):
    heard: queue.Queue = queue.Queue()

    def take(message: mido.Message) -> None:
        heard.put(message)
        raise ValueError("on purpose")

    with (
        contextlib.closing(interface.open_input("keys in", callback=take, virtual=True)),
        jack.open_output(next(found for found in jack.get_output_names() if "keys in" in found)) as sender,
    ):
        end = time.monotonic() + WAIT_S
        while heard.qsize() < 3:
            assert time.monotonic() < end, "nothing arrives"
            sender.send(mido.Message("note_on", note=60))
            time.sleep(0.02)
    assert "could not be acted on" in caplog.text


def test_a_port_that_jack_rejects_raises_oserror(interface):
    with pytest.raises(OSError, match="no such:keys"):
        interface.open_input("no such:keys", callback=lambda _: None)
    port = interface.open_input("twice", callback=lambda _: None, virtual=True)
    try:
        with pytest.raises(OSError, match="'twice' cannot be opened"):
            interface.open_input("twice", callback=lambda _: None, virtual=True)
        assert not port.closed
    finally:
        port.close()
    assert port.closed
