"""The server over real sockets: what it hands on, what it answers, what it never does."""

import logging
import math
import random
import socket
import time
import tracemalloc
from contextlib import contextmanager, suppress

import pytest
from pythonosc.udp_client import SimpleUDPClient

from bridge.osc import EventQueue, OscServer, decode, encode, encode_bundle, pack
from bridge.osc.rate_limiter import RateLimiter
from bridge.osc.senders import SequenceNumbers, Subscriptions, TokenAuth
from bridge.osc.sockets import is_local_address
from bridge.protocol import Code, Read, Received, Sender, events, limits, read_reply, replies
from bridge.realtime.keep_warm import KeepWarm
from engine.errors import ProtocolError, SettingsError

ANSWER_S = 5.0  # far more than an answer takes, so that a busy machine fails no test
TOKEN = "correct horse battery"
NOTE = encode("/vocalese/note", "ifff", [0, 64.0, 0.5, 0.8])


class Peer:
    """A sender with nothing but a socket."""

    def __init__(self, server, address="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.target = (server.host if server.host != "0.0.0.0" else "127.0.0.1", server.port)
        self.socket.settimeout(ANSWER_S)
        self.errors = 0

    def send(self, packet):
        self.socket.sendto(packet, self.target)

    def answer(self):
        (message,) = decode(self.socket.recv(65536), wall_clock_s=time.time())
        read = read_reply(message.address, message.tags, message.values)
        assert isinstance(read, Read), read
        self.errors += isinstance(read.event, replies.Error)
        return read.event

    def ask(self, packet):
        self.send(packet)
        return self.answer()

    def ping(self):
        """A round trip: everything sent before it has been received by then. Sent again, as a full buffer may have swallowed it."""
        end_s = time.monotonic() + ANSWER_S
        self.socket.settimeout(0.3)
        while time.monotonic() < end_s:
            sent_s = time.perf_counter()
            self.send(encode("/vocalese/ping", "d", [sent_s]))
            with suppress(TimeoutError):
                while True:
                    answer = self.answer()
                    if isinstance(answer, replies.Pong) and answer.sent_s == sent_s:
                        self.socket.settimeout(ANSWER_S)
                        return answer
        raise AssertionError("no ping was answered")

    def settled(self, server):
        """Wait until the server has dealt with all that was sent; its counts."""
        self.ping()
        wait_until(lambda: not server._waiting)
        self.ping()
        return server.counts


def wait_until(condition):
    end_s = time.monotonic() + ANSWER_S
    while not condition():
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(0.005)


@contextmanager
def served(queue=None, **options):
    queue = EventQueue() if queue is None else queue
    with OscServer(queue.put, port=0, version="1.2.3", **options) as server:
        peer = Peer(server)
        try:
            yield server, queue, peer
        finally:
            peer.socket.close()


@pytest.fixture
def running():
    with served() as parts:
        yield parts


def test_a_note_from_python_osc_reaches_the_session(running):
    server, queue, _ = running
    client = SimpleUDPClient(server.host, server.port)
    client.send_message("/vocalese/note", [0, 64, 0.5, 0.75, "love", 0])
    received = queue.get(ANSWER_S)
    assert received.event == events.WholeNote(0, 64.0, 0.5, 0.75, "love", 0.0)
    assert received.sender == Sender("127.0.0.1", client._sock.getsockname()[1])
    assert 0 <= received.arrival_s < 3600 and received.seq == 0
    client._sock.close()


def test_the_server_listens_on_loopback_by_default(running):
    server, _, _ = running
    assert server.host == "127.0.0.1" == limits.DEFAULT_HOST


def test_what_is_refused_is_answered(running):
    _, queue, peer = running
    error = peer.ask(encode("/vocalese/note", "ifff", [0, 200.0, 0.5, 0.8]))
    assert error == replies.Error("/vocalese/note", 0, "range", "pitch is 200; valid is 0 to 127.")
    assert peer.ask(encode("/vocalese/nope")).code == "address"
    assert peer.ask(b"hello").code == "packet"
    assert peer.ask(encode("/vocalese/lyrics/line", "iii", [0, -3, 9])).seq == 9
    assert queue.drain() == []


def test_bundles_are_handed_on_in_order(running):
    _, queue, peer = running
    notes = [encode("/vocalese/note/on", "iiff", [0, n, 60.0, 0.5]) for n in range(20)]
    peer.send(encode_bundle([encode_bundle(notes[:10]), *notes[10:]]))
    assert [queue.get(ANSWER_S).event.note for _ in notes] == list(range(20))


def dated(ahead_s, *messages):
    seconds = time.time() + 2_208_988_800 + ahead_s
    tag = int(seconds).to_bytes(4, "big") + int(seconds % 1 * 2**32).to_bytes(4, "big")
    return b"#bundle\0" + tag + b"".join(len(each).to_bytes(4, "big") + each for each in messages)


def test_a_dated_bundle_acts_in_order_at_its_time():
    arrivals = []
    queue = EventQueue()

    def deliver(received):
        arrivals.append((server._clock(), received))
        return queue.put(received)

    with OscServer(deliver, port=0) as server:
        peer = Peer(server)
        later = [encode("/vocalese/lyrics", "is", [0, "later"]), encode("/vocalese/note/on", "iiff", [0, 1, 60.0, 0.5])]
        peer.send(dated(0.4, *later))
        peer.send(dated(0.2, encode("/vocalese/note/on", "iiff", [0, 2, 60.0, 0.5])))
        peer.send(dated(-10.0, encode("/vocalese/note/on", "iiff", [0, 3, 60.0, 0.5])))
        sent_s = peer.ping().received_s
        wait_until(lambda: len(arrivals) == 4)
        peer.socket.close()
    assert [getattr(received.event, "note", "words") for _, received in arrivals] == [3, 2, "words", 1]
    stamps = [received.arrival_s for _, received in arrivals]
    assert stamps[2] == stamps[3], "what is in one bundle is of one moment"
    assert stamps[2] - stamps[1] == pytest.approx(0.2, abs=0.05) and stamps[0] <= sent_s
    assert all(now_s >= stamp_s - 0.006 for (now_s, _), stamp_s in zip(arrivals[1:], stamps[1:], strict=True))


def test_what_is_wrong_in_a_dated_bundle_is_answered_at_once(running):
    _, queue, peer = running
    assert peer.ask(dated(4.0, encode("/vocalese/note", "ifff", [0, 200.0, 0.5, 0.8]))).code == Code.RANGE
    assert peer.ask(dated(3600.0, NOTE)).code == Code.PACKET
    assert queue.drain() == []


def test_a_panic_forgets_the_notes_of_dated_bundles_and_no_words(running):
    server, queue, peer = running
    peer.send(
        dated(0.3, NOTE, encode("/vocalese/lyrics", "is", [0, "kept"]), encode("/vocalese/note/on", "iiff", [0, 1, 60.0, 0.5]))
    )
    peer.send(encode("/vocalese/panic"))
    peer.ping()
    wait_until(lambda: len(queue) == 2 and not server._held)
    assert [type(received.event) for received in queue.drain()] == [events.Panic, events.LyricsSet]


def test_dated_bundles_wait_in_bounded_memory(monkeypatch):
    monkeypatch.setattr(limits, "MAX_HELD_MESSAGES", 100)
    with served() as (server, queue, peer):
        for _ in range(5):
            peer.send(dated(0.5, *[encode("/vocalese/lyrics/line", "ii", [0, 0])] * 25))
        assert peer.answer().code == Code.BUSY
        wait_until(lambda: len(queue) == 100)
        assert server._held == [] and server._held_bytes == 0


# Other ways back.


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
@pytest.mark.parametrize("to", ["127.0.0.1", "::1"])
def test_this_machine_is_heard_by_both_its_names(host, to):
    if not is_local_address("::1"):
        pytest.skip("no IPv6 here")
    with OscServer(EventQueue().put, host=host, port=0) as server:
        with socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.settimeout(ANSWER_S)
            peer.sendto(encode("/vocalese/ping", "d", [1.0]), (to, server.port))
            assert decode(peer.recv(65536), wall_clock_s=time.time())[0].address == "/vocalese/pong"
        assert set(server.hosts) == {"127.0.0.1", "::1"}


def test_a_loopback_address_that_is_taken_is_reported(caplog):
    if not is_local_address("::1"):
        pytest.skip("no IPv6 here")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        other.bind(("::1", 0))
        port = other.getsockname()[1]
        probe.bind(("127.0.0.1", port))
        probe.close()
        with OscServer(EventQueue().put, port=port) as server:
            assert server.hosts == ("127.0.0.1",) and "::1 is in use" in caplog.text


def test_a_listener_on_another_port_hears_all_answers(running):
    server, queue, peer = running
    ear = Peer(server)
    port = ear.socket.getsockname()[1]
    peer.send(encode("/vocalese/hello", "ssii", ["", "controller", limits.API_MAJOR, port]))
    assert isinstance(ear.answer(), replies.Welcome)
    peer.send(encode("/vocalese/lyrics/line", "iii", [0, 0, 1]))
    assert ear.answer() == replies.Ack("/vocalese/lyrics/line", 1)
    (received,) = queue.drain()
    assert received.sender.port == peer.socket.getsockname()[1], "it is still the same sender"
    server.send(received.sender, replies.Error("/x", 0, "failed", "."))
    assert ear.answer().address == "/x"
    peer.send(encode("/vocalese/subscribe", "sf", ["meters", 10.0]))
    assert ear.answer().topic == "meters"
    assert server.publish("meters", replies.Meters(())) == 1
    assert ear.answer() == replies.Meters(())
    assert isinstance(peer.ask(encode("/vocalese/hello", "ssii", ["", "controller", limits.API_MAJOR, 0])), replies.Welcome)
    ear.socket.close()


def test_a_subscription_may_go_to_a_port_of_its_own(running):
    server, _, peer = running
    ear = Peer(server)
    port = ear.socket.getsockname()[1]
    peer.send(encode("/vocalese/subscribe", "sfi", ["status", 10.0, port]))
    assert ear.answer() == replies.Subscribed("status", 10.0)
    server.publish("status", replies.Error("/x", 0, "failed", "."))
    assert ear.answer().address == "/x"
    assert isinstance(peer.ping(), replies.Pong), "other answers go where the question came from"
    assert peer.ask(encode("/vocalese/subscribe", "sfi", ["status", 10.0, 80])).code == Code.RANGE
    peer.send(encode("/vocalese/subscribe", "sfi", ["status", 0.0, port]))
    assert ear.answer() == replies.Subscribed("status", 0.0)
    assert server.publish("status", replies.Meters(())) == 0
    ear.socket.close()


def test_hello_and_ping_return_the_engine_clock():
    clock_s = iter(range(100, 10_000))
    with served(clock=lambda: float(next(clock_s))) as (_, _, peer):
        welcome = peer.ask(encode("/vocalese/hello", "s", [""]))
        assert (welcome.version, welcome.api_major) == ("1.2.3", limits.API_MAJOR)
        assert peer.ask(encode("/vocalese/hello", "s", [""])).run == welcome.run
        assert welcome.clock_s >= 100
        pong = peer.ask(encode("/vocalese/ping", "d", [7.25]))
        assert pong.sent_s == 7.25 and welcome.clock_s < pong.received_s < pong.answered_s


def test_what_arrives_twice_is_acknowledged_twice_and_acted_on_once(running):
    server, queue, peer = running
    lyrics = encode("/vocalese/lyrics", "issi", [0, "stay", "en", 5])
    for _ in range(3):
        assert peer.ask(lyrics) == replies.Ack("/vocalese/lyrics", 5)
    assert [(r.event, r.seq) for r in queue.drain()] == [(events.LyricsSet(0, "stay", "en"), 5)]
    assert server.counts.duplicates == 2
    peer.ask(encode("/vocalese/hello", "s", [""]))
    assert peer.ask(lyrics) == replies.Ack("/vocalese/lyrics", 5)
    assert len(queue.drain()) == 1, "a new conversation counts anew"


def test_sequence_numbers_belong_to_their_sender(running):
    server, queue, peer = running
    other = Peer(server)
    packet = encode("/vocalese/lyrics/line", "iii", [0, 0, 1])
    assert peer.ask(packet) == other.ask(packet)
    assert len(queue.drain()) == 2
    other.socket.close()


def test_a_full_session_says_so_and_takes_it_later():
    with served(EventQueue(size=2)) as (server, queue, peer):
        line = [encode("/vocalese/lyrics/line", "iii", [0, n, n]) for n in range(1, 4)]
        assert isinstance(peer.ask(line[0]), replies.Ack) and isinstance(peer.ask(line[1]), replies.Ack)
        busy = peer.ask(line[2])
        assert (busy.code, busy.seq) == (Code.BUSY, 3)
        assert len(queue.drain()) == 2
        assert peer.ask(line[2]) == replies.Ack("/vocalese/lyrics/line", 3)
        assert server.counts.refused[Code.BUSY] == 1


def test_a_clip_reaches_the_session_whole(running):
    _, queue, peer = running
    begin, end = events.ClipBegin(2, 1, 1, 2, 0, 0.0, 4.0), events.ClipEnd(2, 1, 1)
    notes = [events.ClipNote(2, 1, 1, n, n * 1.0, 1.0, 60.0, 0.5, "la") for n in range(2)]
    assert peer.ask(pack(end)).code == Code.CLIP
    peer.send(encode_bundle([pack(begin), pack(notes[1])]))
    assert peer.ask(pack(end)) == replies.ClipMissing(2, 1, 1, "note", (0,))
    peer.send(pack(notes[0]))
    assert peer.ask(pack(end)) == peer.ask(pack(end)) == replies.ClipAck(2, 1, 1, 2)
    assert [r.event for r in queue.drain()] == [events.Clip(2, 1, 1, 0.0, 4.0, tuple(notes), ())]


def test_a_clip_that_found_no_room_is_not_lost():
    with served(EventQueue(size=0)) as (_server, queue, peer):
        peer.send(pack(events.ClipBegin(0, 1, 1, 0, 0, 0.0, 4.0)))
        end = pack(events.ClipEnd(0, 1, 1))
        assert peer.ask(end).code == Code.BUSY
        queue._size = 1
        assert peer.ask(end) == replies.ClipAck(0, 1, 1, 0)


@pytest.mark.parametrize(
    "body",
    [b"", b",T\0\0", b",N\0\0", b",s\0\0bang\0\0\0\0", b",[ff]\0\0\0" + bytes(8), b",Q\0\0", b",f\0\0", b",s\0\0\xff\xfe\0\0"],
)
@pytest.mark.parametrize("in_bundle", [False, True])
def test_panic_by_any_argument_is_panic(running, body, in_bundle):
    """Of a type that nobody knows, or cut short, too: the address says it all."""
    _, queue, peer = running
    packet = b"/vocalese/panic\0" + body
    peer.send(encode_bundle([packet]) if in_bundle else packet)
    peer.ping()
    received = queue.get(ANSWER_S)
    assert received is not None and received.event == events.Panic() and peer.errors == 0


def test_panic_overtakes_and_silences_what_waits(running):
    _, queue, peer = running
    for packet in (
        NOTE,
        encode("/vocalese/lyrics/line", "ii", [0, 3]),
        encode("/vocalese/panic"),
        encode("/vocalese/panic"),
    ):
        peer.send(packet)
        peer.ping()
    wait_until(lambda: len(queue) == 2)  # a ping is answered before what waits
    peer.send(NOTE)
    wait_until(lambda: len(queue) == 3)
    kinds = [type(received.event) for received in queue.drain()]
    assert kinds == [events.Panic, events.LyricsLine, events.WholeNote], "the note before it is gone, the one after it is not"


def test_feedback_goes_to_who_asked_until_the_lease_ends():
    now = [0.0]
    with served(clock=lambda: now[0]) as (server, _, peer):
        assert server.publish("meters", replies.Meters(())) == 0
        assert peer.ask(encode("/vocalese/subscribe", "sf", ["meters", 10.0])) == replies.Subscribed("meters", 10.0)
        reading = replies.Meters((replies.Meter(0, -6.0, -12.0),))
        assert server.publish("meters", reading) == 1 and peer.answer() == reading
        assert server.publish("status", replies.Ack("", 0)) == 0
        now[0] = 10.5
        assert server.publish("meters", reading) == 0
        peer.ask(encode("/vocalese/subscribe", "s", ["meters"]))
        peer.ask(encode("/vocalese/subscribe", "sf", ["meters", 0.0]))
        assert server.publish("meters", reading) == 0


# Other machines.


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::"])
def test_other_machines_need_a_token(host):
    for token in (None, "", "short"):
        with pytest.raises(SettingsError, match="token"):
            OscServer(EventQueue().put, host=host, port=0, token=token)
    with pytest.raises(SettingsError, match="no address"):
        OscServer(EventQueue().put, host="studio.example", port=0, token=TOKEN)


def test_with_a_token_nothing_is_taken_before_hello(caplog):
    with caplog.at_level(logging.WARNING), served(host="0.0.0.0", token=TOKEN) as (server, queue, peer):
        assert "Listening on 0.0.0.0" in caplog.text
        assert peer.ask(NOTE).code == Code.TOKEN
        assert peer.ask(encode("/vocalese/hello", "ss", ["wrong " + "x" * 50, "me" * 30])).code == Code.TOKEN
        assert isinstance(peer.ask(encode("/vocalese/hello", "ss", [TOKEN, "me" * 30])), replies.Welcome)
        peer.send(NOTE)
        assert isinstance(queue.get(ANSWER_S).event, events.WholeNote)
        stranger = Peer(server)
        assert stranger.ask(NOTE).code == Code.TOKEN
        stranger.socket.close()
        assert TOKEN not in caplog.text


def test_a_stranger_gets_no_answer_that_is_much_larger_than_the_question():
    with served(host="0.0.0.0", token=TOKEN) as (server, _, peer):
        peer.socket.settimeout(0.1)
        for packet in (b"/\0\0\0", encode("/vocalese/ping", "d", [0.0]), encode("/x"), encode("/vocalese/panic"), NOTE):
            peer.send(packet)
            with suppress(TimeoutError):
                assert len(peer.socket.recv(65536)) <= 2 * len(packet)
        wait_until(lambda: server.counts.refused.get(Code.TOKEN) == 5)


# Ports.


def test_a_port_in_use_is_reported(running):
    server, _, _ = running
    with pytest.raises(ProtocolError, match=f"Port {server.port} on 127.0.0.1 is in use"):
        OscServer(EventQueue().put, port=server.port)
    with pytest.raises(ProtocolError, match="cannot be opened"):
        OscServer(EventQueue().put, port=70_000)


def test_closing_twice_or_before_the_start_frees_the_port():
    server = OscServer(EventQueue().put, port=0)
    server.close()
    server.close()
    with OscServer(EventQueue().put, port=server.port) as again:
        assert again.port == server.port
    assert not server.send(Sender("127.0.0.1", 9), replies.Ack("", 0))


def test_a_session_that_fails_does_not_silence_the_socket(caplog):
    def fail(received: Received) -> bool:
        raise RuntimeError("broken session")

    with OscServer(fail, port=0) as server:
        peer = Peer(server)
        peer.send(NOTE)
        peer.settled(server)
        assert server.counts.refused[Code.FAILED] == 1 and "broken session" in caplog.text
        peer.socket.close()


def test_an_idle_server_runs_its_idle_task_which_is_no_note():
    ran: list[None] = []
    with served(idle=KeepWarm(lambda: ran.append(None))) as (server, queue, peer):
        wait_until(lambda: len(ran) > 3)
        peer.send(NOTE)
        assert isinstance(queue.get(ANSWER_S).event, events.WholeNote) and len(queue) == 0
        assert server.counts.taken_messages == 1 and server.counts.refused == {}


def test_after_a_rest_the_idle_task_stops_until_there_is_activity():
    ran: list[None] = []
    idle = KeepWarm(lambda: ran.append(None), active_for_s=0.05)
    with served(idle=idle) as (server, _, _):
        wait_until(lambda: ran and idle.timeout_s() is None)
        time.sleep(0.05)  # the run that may be in progress
        before = len(ran)
        time.sleep(0.1)
        assert before == len(ran)
        server.note_activity()
        wait_until(lambda: len(ran) > before)


# Floods and hostile bytes.


def test_a_flood_is_dropped_and_counted_while_pings_are_answered():
    with served(clock=lambda: 5.0) as (server, queue, peer):  # all within one moment
        flooder = Peer(server)
        for _ in range(20):
            for _ in range(1_000):
                flooder.send(NOTE)
            peer.ping()
        counts = peer.settled(server)
        assert counts.pings >= 20 and peer.errors == 0
        # The system's own note of when a packet came moves that moment by some milliseconds.
        assert 0 <= counts.taken_messages - limits.SENDER_BURST <= 0.05 * limits.SENDER_RATE_HZ
        assert counts.taken_messages == len(queue)
        flooder.send(encode("/vocalese/panic"))
        peer.ping()
        assert queue.get(ANSWER_S).event == events.Panic()
        assert counts.taken_messages + counts.dropped[Code.FLOOD] + counts.pings == counts.received_packets
        assert flooder.answer().code == Code.FLOOD
        flooder.socket.close()


def test_killers_and_random_bytes_leave_the_server_as_it_was(running, caplog):
    server, _, peer = running
    nested = b""
    for _ in range(3_000):
        nested = b"#bundle\0" + bytes(7) + b"\1" + (len(nested).to_bytes(4, "big") + nested if nested else b"")
    killers = [
        b"#bundle\0" + bytes(7) + b"\1" + b"\xff\xff\xff\xfc" + b"/abc",
        b"#bundle\0" + b"\xff" * 8 + len(NOTE).to_bytes(4, "big") + NOTE,
        encode("/vocalese/*****/*****/*****/Z"),
        nested,
        encode("/vocalese/note", "ifff", [0, math.nan, math.inf, 0.5]),
        encode("/vocalese/note", "ifff", [-1, -1.0, -1e38, 1e38]),
        b"/" + b"\0" * 65_506,
        b"#bundle\0" * 8_188,
        encode("/vocalese/lyrics", "is", [0, "x" * 65_000]),
        b"",
    ]
    rng = random.Random(3)
    hostile = killers * 5 + [rng.randbytes(rng.choice([4, 16, 64, 512])) for _ in range(1_000)]

    def assault():
        for number, packet in enumerate(hostile, 1):
            peer.send(packet)
            if number % 50 == 0:
                peer.ping()
        peer.settled(server)

    assault()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(3):
        assault()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 500_000
    assert sum(server.counts.refused.values()) + sum(server.counts.dropped.values()) > 4_000
    assert server.counts.taken_messages == 0 and server._thread.is_alive()
    assert all(len(record.getMessage()) < 1_000 for record in caplog.records)


def test_errors_and_log_lines_are_few_however_much_is_refused(caplog):
    with served(clock=lambda: 5.0) as (server, _, peer):
        for _ in range(10):
            for _ in range(50):
                peer.send(encode("/vocalese/nope"))
            peer.settled(server)
        assert server.counts.refused[Code.ADDRESS] == 500
        assert peer.errors == limits.ERROR_SENDER_BURST
    assert len(caplog.records) == 1


def test_ping_and_panic_replies_are_rate_limited():
    with served(clock=lambda: 5.0) as (server, queue, peer):
        flooder = Peer(server)
        for packet in (encode("/vocalese/ping", "d", [0.0]), encode("/vocalese/panic")):
            for _ in range(10):
                for _ in range(50):
                    flooder.send(packet)
                peer.settled(server)
        counts = server.counts
        assert counts.taken_messages == limits.URGENT_SENDER_BURST and len(queue) == 1, "panics that wait are one"
        assert counts.dropped["urgent"] == 1_000 - 2 * limits.URGENT_SENDER_BURST
        flooder.socket.close()


# The parts.


def test_rate_limit_refills_and_covers_all_senders():
    allowance = RateLimiter(10.0, 5.0, 100.0, 8.0)
    assert sum(allowance.take("a", 0.0) for _ in range(10)) == 5
    assert sum(allowance.take("b", 0.0) for _ in range(10)) == 3
    assert sum(allowance.take("a", 0.2) for _ in range(10)) == 2
    assert allowance.take("c", 0.2, cost=5.0) and not allowance.take("d", 0.2, cost=6.0)
    assert not allowance.take("a", 0.1) and not allowance.take("a", 0.2), "no time is counted twice"
    for number in range(10_000):
        allowance.take(number, 1.0)
    assert len(allowance._buckets) <= limits.MAX_SENDERS


def test_what_is_remembered_of_senders_is_bounded():
    numbers, doorkeeper, subscriptions = SequenceNumbers(), TokenAuth(TOKEN), Subscriptions(lambda: 0.0)
    for port in range(2_000):
        sender = Sender("127.0.0.1", port)
        numbers.add(sender, 1)
        assert doorkeeper.admit(sender, TOKEN) and not doorkeeper.admit(sender, "x")
        subscriptions.renew("meters", sender, 5.0)
    for seq in range(5_000):
        numbers.add(sender, seq)
    assert len(numbers._senders) == len(doorkeeper._known) == limits.MAX_SENDERS
    assert numbers.has(sender, 4_999) and not numbers.has(sender, 10)
    assert len(numbers._senders[sender].known) == limits.MAX_REMEMBERED_SEQUENCE_NUMBERS
    assert len(subscriptions.listeners("meters")) == limits.MAX_SUBSCRIPTIONS
    assert not doorkeeper.knows(Sender("127.0.0.1", 0)) and doorkeeper.knows(sender)


@pytest.mark.parametrize(
    ("heard_s", "renewed_s", "gone_from_s"),
    [
        (0.0, None, 10.0),  # subscribed for 10 s and never heard again
        (4.0, None, 14.0),  # heard within its lease
        (12.0, None, None),  # heard after it: it lives on without one
        (8.0, 8.0, 18.0),  # renewed
    ],
)
def test_who_lets_its_lease_run_out_and_is_silent_is_gone(heard_s, renewed_s, gone_from_s):
    now_s, sender, ear = 0.0, Sender("127.0.0.1", 1), Sender("127.0.0.1", 2)
    subscriptions = Subscriptions(lambda: now_s)
    subscriptions.renew("meters", ear, 10.0, owner=sender)
    subscriptions.renew("status", sender, 2.0)
    gone = []
    for tick in range(300):
        now_s = tick / 10
        if now_s == renewed_s:
            subscriptions.renew("meters", ear, 10.0, owner=sender)
        gone += [(now_s, each) for each in subscriptions.take_gone(lambda _, now_s=now_s: min(heard_s, now_s))]
    assert gone == ([] if gone_from_s is None else [(gone_from_s, sender)])


def test_who_ends_its_subscription_is_not_gone():
    now_s = 0.0
    subscriptions = Subscriptions(lambda: now_s)
    subscriptions.renew("meters", Sender("x", 1), 10.0)
    subscriptions.renew("meters", Sender("x", 1), 0.0)
    now_s = 100.0
    assert subscriptions.take_gone(lambda _: 0.0) == []


def test_large_events_fill_the_queue_sooner():
    sender = Sender("127.0.0.1", 1)
    notes = tuple(events.ClipNote(0, 1, 1, n, 0.0, 1.0, 60.0, 0.5, "") for n in range(60))
    clip = Received(events.Clip(0, 1, 1, 0.0, 4.0, notes, ()), sender, 1.0)
    words = Received(events.LyricsSet(0, "la " * 1_000, ""), sender, 2.0)
    queue = EventQueue(weight=110)
    assert [queue.put(clip), queue.put(clip), queue.put(words), queue.put(words)] == [True, False, True, False]
    assert queue.put(Received(events.Panic(), sender, 3.0))
    assert len(queue.drain()) == 3
    assert queue.put(clip) and queue.put(words), "the room is free again"


def test_an_empty_queue_gives_nothing_in_time():
    assert EventQueue().get(0.0) is None
