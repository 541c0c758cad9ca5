"""The client against the real server, also over a line that loses, doubles and delays."""

import random
import socket
import threading
import time

import pytest

from bridge.client import VocaleseClient
from bridge.osc import EventQueue, OscServer
from bridge.protocol import Sender, events, replies
from engine.errors import ProtocolError


@pytest.fixture
def session():
    """A server whose session answers status."""
    queue = EventQueue()

    def deliver(received):
        if isinstance(received.event, events.StatusRequest):
            return server.send(received.sender, replies.Status("stopped", 1.0, 0, 0.0, 0.0, 0, 0, 0, "null"))
        return queue.put(received)

    with OscServer(deliver, port=0, version="1.2.3") as server:
        yield server, queue


@pytest.fixture
def client(session):
    with VocaleseClient(port=session[0].port, timeout_s=2.0) as connected:
        yield connected


class BadLine(threading.Thread):
    """Between one client and a server: loses and doubles packets both ways, by a seed."""

    def __init__(self, server, *, lost, doubled, seed):
        super().__init__(daemon=True)
        self._rng = random.Random(seed)
        self._lost, self._doubled = lost, doubled
        self._server = (server.host, server.port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.is_open = True
        self.losses = 0

    def run(self):
        client = None
        while True:
            packet, source = self._socket.recvfrom(65536)
            if not self.is_open:
                self._socket.close()
                return
            if source != self._server:
                client = source
            target = client if source == self._server else self._server
            if self._rng.random() < self._lost:
                self.losses += 1
                continue
            for _ in range(2 if self._rng.random() < self._doubled else 1):
                self._socket.sendto(packet, target)

    def close(self):
        self.is_open = False
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))
        self.join()


@pytest.fixture
def bad_line(session):
    line = BadLine(session[0], lost=0.3, doubled=0.3, seed=11)
    line.start()
    yield line
    line.close()


def test_live_play_reaches_the_session(session, client):
    _, queue = session
    client.note(64.5, duration_s=0.5, lyric="love", when_s=3.25)
    client.note_on(7, 60)
    client.bend(7, -0.5)
    client.expression(7, "pressure", 0.25)
    client.note_off(7)
    client.panic()
    client.ping()
    assert [queue.get(2.0).event for _ in range(1)] == [events.Panic()]
    client.note_off(8)
    assert queue.get(2.0).event == events.NoteOff(0, 8, 0.0)


def test_words_and_settings_arrive_before_the_call_returns(session, client):
    _, queue = session
    client.lyrics("stay with me", language="en")
    client.lyrics("tonight", append=True)
    client.voice("kathleen")
    client.param("vibrato_depth_cents", 40)
    client.tempo(1, [(0, 120, 4, 4), (8, 90, 3, 4)])
    client.request(events.Loop(True, 0.0, 8.0))
    assert [type(r.event).__name__ for r in queue.drain()] == [
        "LyricsSet",
        "LyricsAppend",
        "TrackVoice",
        "TrackParam",
        "TempoMapSet",
        "Loop",
    ]


def test_mistakes_are_found_before_anything_is_sent(session, client):
    with pytest.raises(ProtocolError, match="pitch is 200; valid is 0 to 127"):
        client.note(200, duration_s=1)
    with pytest.raises(ProtocolError, match="duration_s"):
        client.note(60, duration_s=float("nan"))
    with pytest.raises(ProtocolError, match="valid is"):
        client.param("charm", 1.0)
    with pytest.raises(ProtocolError, match="pitch is a text; send it as float"):
        client.note("60", duration_s=1)
    with pytest.raises(ProtocolError, match="not acknowledged"):
        client.request(events.Panic())
    assert session[1].drain() == [] and session[0].counts.refused == {}


def test_the_clock_offset_is_right_within_half_a_round_trip():
    shift_s = 500.0
    with (
        OscServer(EventQueue().put, port=0, clock=lambda: time.perf_counter() + shift_s) as server,
        VocaleseClient(port=server.port, timeout_s=2.0) as client,
    ):
        measured = client.ping()
        assert abs(measured.offset_s - shift_s) <= measured.round_trip_s / 2 + 1e-6
        assert measured.round_trip_s > 0


def test_feedback_and_late_errors_are_polled(session, client):
    server, _ = session
    assert client.status().state == "stopped"
    client.subscribe("meters", 5.0)
    server.publish("meters", replies.Meters((replies.Meter(0, -3.0, -9.0),)))
    client.ping()
    assert client.poll(2.0) == replies.Meters((replies.Meter(0, -3.0, -9.0),))
    client.send(events.NoteOff(0, 1, 0.0))
    assert client.poll(0.0) is None


def test_a_long_clip_arrives_whole(session, client):
    _, queue = session
    rng = random.Random(5)
    notes = [(n * 0.25, 0.25, 48.0 + rng.randrange(240) / 10, 0.5, f"syllable {n}") for n in range(700)]
    curve = [(n * 0.1, float(n % 100)) for n in range(300)]
    ack = client.clip(notes, track=3, clip=2, revision=4, start_ppq=16.0, curves={"bend_cents": curve, "tension": [(0, 0.5)]})
    assert ack == replies.ClipAck(3, 2, 4, 700)
    (received,) = queue.drain()
    clip = received.event
    assert (clip.track, clip.start_ppq, clip.length_ppq) == (3, 16.0, 175.0)
    assert [(n.ppq, n.duration_ppq, round(n.pitch, 4), n.velocity, n.lyric) for n in clip.notes] == [
        (ppq, duration, round(pitch, 4), velocity, lyric) for ppq, duration, pitch, velocity, lyric in notes
    ]
    points = [(p.ppq, p.value) for part in clip.curves if part.name == "bend_cents" for p in part.points]
    assert points == curve


def test_a_bad_line_loses_nothing_and_doubles_nothing(session, bad_line):
    _, queue = session
    with VocaleseClient(port=bad_line.port, timeout_s=0.05, attempts=40) as client:
        for number in range(20):
            client.lyrics(f"line {number}", append=True)
        client.clip([(n, 1, 60, 0.5, "la") for n in range(200)])
    received = [r.event for r in queue.drain()]
    assert [e.text for e in received[:20]] == [f"line {number}" for number in range(20)]
    assert [type(e) for e in received[20:]] == [events.Clip] and len(received[20].notes) == 200
    assert bad_line.losses > 10


def test_a_missing_server_is_reported():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        with pytest.raises(ProtocolError, match="Nobody answers.*vocalese serve"):
            VocaleseClient(port=port, timeout_s=0.01, attempts=2).__enter__()
    with pytest.raises(ProtocolError, match="Nobody answers"):
        VocaleseClient(port=port, timeout_s=0.05, attempts=3).__enter__()
    with pytest.raises(ProtocolError, match="with statement"):
        VocaleseClient(port=port).note(60, duration_s=1)


def test_a_wrong_token_is_reported():
    token = "correct horse battery"
    with OscServer(EventQueue().put, port=0, token=token) as server:
        with VocaleseClient(port=server.port, token=token, timeout_s=2.0) as client:
            assert client.welcome.api_major == 1
        for wrong in ("", "incorrect pony"):
            with pytest.raises(ProtocolError, match="refused: .*token"):
                VocaleseClient(port=server.port, token=wrong, timeout_s=2.0).__enter__()


def test_a_refusal_by_the_session_reaches_the_caller(session, client):
    server, queue = session
    client.send(events.Render(0, 9, 48_000))
    received = queue.get(2.0)
    assert received.sender == Sender("127.0.0.1", client._socket.getsockname()[1])
    server.send(received.sender, replies.Error("/vocalese/render", 0, "failed", "there is no clip 9; send it first."))
    assert client.poll(2.0).text == "there is no clip 9; send it first."
