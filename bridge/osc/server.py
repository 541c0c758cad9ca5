"""The OSC server: one UDP port, one thread, bounded everything.

    datagram → rate limit → decode → read_event → (dated bundles wait) → deliver(Received)
                  │           │          │                │               │ False: busy
                  └ dropped   └──────────┴────────────────┴───────────────┴→ /vocalese/error to the sender

Pings are answered directly after they are received; a panic overtakes all other messages. Messages beyond the rate limits are counted and
dropped unread. A local server listens on both loopback addresses, because `localhost` is 127.0.0.1 for some programs and ::1 for others.
"""

from __future__ import annotations

import heapq
import logging
import math
import secrets
import select
import socket
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from threading import Lock, Thread
from types import MappingProxyType, TracebackType
from typing import NamedTuple

from bridge.osc.arrival import receive
from bridge.osc.packet import OscMessage, decode, pack
from bridge.osc.rate_limiter import RateLimiter
from bridge.osc.senders import ReplyPorts, SequenceNumbers, Subscriptions, TokenAuth
from bridge.osc.sockets import check_host, open_sockets
from bridge.protocol import limits
from bridge.protocol.clips import ClipAssembler
from bridge.protocol.events import (
    Clip,
    ClipBegin,
    ClipCurve,
    ClipEnd,
    ClipNote,
    Hello,
    NoteBend,
    NoteExpression,
    NoteOff,
    NoteOn,
    Panic,
    Ping,
    Received,
    Sender,
    Subscribe,
    WholeNote,
)
from bridge.protocol.message import PREFIX
from bridge.protocol.read import Read, explain, read_event
from bridge.protocol.rejection import Code, RejectedMessage, Rejection, shown
from bridge.protocol.replies import Ack, Error, Pong, Reply, Subscribed, Welcome
from bridge.protocol.table import BY_ADDRESS
from bridge.realtime.keep_warm import IdleTask

_PING, _PANIC, _HELLO = f"{PREFIX}/ping\0".encode(), f"{PREFIX}/panic\0".encode(), f"{PREFIX}/hello"
_URGENT_BYTES = 64  # longest ping or panic
_WAKES_AT_ONCE = 64
_DRAINED_AT_ONCE = 1_024  # packets read from the socket per turn
_WORK_COST = 64.0  # per turn, so that the next ping waits for milliseconds at most
_KIB = 1_024
_LOG_INTERVAL_S = 1.0
_HELD_LEAD_S = 0.005  # a dated message is delivered this much ahead; it carries its time
_HEARD_SENDERS = 4_096  # senders whose last packet is remembered
_LIVE = (WholeNote, NoteOn, NoteOff, NoteBend, NoteExpression)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OscCounts:
    """Counts since the start. Reasons of `refused` are codes of the table; `dropped` counts unread messages."""

    received_packets: int
    taken_messages: int
    duplicates: int
    pings: int
    unsent_replies: int
    refused: Mapping[str, int]
    dropped: Mapping[str, int]


class _Packet(NamedTuple):
    data: bytes
    sender: Sender
    arrival_s: float
    cost: float


class _Held(NamedTuple):
    """Message of a dated bundle, ordered by its date, then by arrival."""

    due_s: float
    number: int
    packet: _Packet
    read: Read


class OscServer:
    """OSC server on `host` and `port` (0 = any free one); a context manager. `hosts` lists all addresses.

    `deliver` gets each valid event on the server's thread: it must not block, returns False if there is no room, and may raise
    RejectedMessage. `idle` is run on the same thread while nothing comes. `clock` is the engine's clock in seconds. A host other than
    this machine needs a `token`, which senders give in `/vocalese/hello`; it does not protect against readers or forgers of network
    traffic.

    Raises SettingsError for a host without the token it needs, ProtocolError if the port cannot be opened.
    """

    def __init__(
        self,
        deliver: Callable[[Received], bool],
        *,
        host: str = limits.DEFAULT_HOST,
        port: int = limits.DEFAULT_PORT,
        token: str | None = None,
        clock: Callable[[], float] | None = None,
        wall_clock: Callable[[], float] = time.time,
        version: str = "",
        idle: IdleTask | None = None,
    ) -> None:
        check_host(host, token)
        started_s = time.perf_counter()
        self._deliver = deliver
        self._clock = clock or (lambda: time.perf_counter() - started_s)
        self._wall_clock = wall_clock
        self._version, self._run_number = version, secrets.randbits(53)
        self._idle = idle
        self._sockets = open_sockets(host, port)
        self.host, self.port = self._sockets[0].getsockname()[:2]
        self.hosts: tuple[str, ...] = tuple(opened.getsockname()[0] for opened in self._sockets)
        self._waker, self._wakened = socket.socketpair()
        self._thread = Thread(target=self._serve, name="vocalese-osc", daemon=True)
        self._is_closing = False

        self._limiter = RateLimiter(limits.SENDER_RATE_HZ, limits.SENDER_BURST, limits.TOTAL_RATE_HZ, limits.TOTAL_BURST)
        urgent = (
            limits.URGENT_SENDER_RATE_HZ,
            limits.URGENT_SENDER_BURST,
            limits.URGENT_TOTAL_RATE_HZ,
            limits.URGENT_TOTAL_BURST,
        )
        self._urgent = {_PING: RateLimiter(*urgent), _PANIC: RateLimiter(*urgent)}
        self._errors = RateLimiter(
            limits.ERROR_SENDER_RATE_HZ, limits.ERROR_SENDER_BURST, limits.ERROR_TOTAL_RATE_HZ, limits.ERROR_TOTAL_BURST
        )
        self._flood_notices = RateLimiter(1.0, 1.0, limits.ERROR_TOTAL_RATE_HZ, limits.ERROR_TOTAL_BURST)
        self._waiting: deque[_Packet] = deque()
        self._waiting_cost = 0.0
        self._last_arrival_s = self._panic_s = -math.inf

        self._doorkeeper = TokenAuth(token)
        self._numbers = SequenceNumbers()
        self._clips = ClipAssembler()
        self._reply_ports = ReplyPorts()
        self._held: list[_Held] = []
        self._held_bytes, self._held_numbers = 0, count()
        self._heard: OrderedDict[Sender, float] = OrderedDict()
        self._subscriptions = Subscriptions(self._clock)
        self._lock = Lock()  # guards subscriptions and unsent replies: sessions publish from another thread
        self._tally: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._logged_s = -math.inf
        self._unlogged = 0

    def start(self) -> OscServer:
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop receiving and free the port. May be called twice."""
        if self._is_closing:
            return
        self._is_closing = True
        self._waker.send(b"\0")
        if self._thread.ident is not None:
            self._thread.join()
        for opened in (*self._sockets, self._waker, self._wakened):
            opened.close()

    def note_activity(self) -> None:
        """Note, from any thread, that a note came another way: the idle task has to run again."""
        if self._idle is not None and self._idle.note_activity():
            self._waker.send(b"\0")

    def __enter__(self) -> OscServer:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def counts(self) -> OscCounts:
        """Return a snapshot of the counts."""
        tally = self._tally
        return OscCounts(
            tally["received"],
            tally["taken"],
            tally["duplicates"],
            tally["pings"],
            tally["unsent"],
            MappingProxyType(dict(self._refused)),
            MappingProxyType(dict(self._dropped)),
        )

    def send(self, sender: Sender, reply: Reply) -> bool:
        """Send a reply, from any thread. Returns False if it could not be sent; it is counted and not retried."""
        return self._send_packet(self._reply_ports.target(sender), pack(reply))

    def publish(self, topic: str, reply: Reply) -> int:
        """Send a reply to all subscribers of a topic, from any thread; return their number."""
        with self._lock:
            listeners = self._subscriptions.listeners(topic)
        packet = pack(reply) if listeners else b""
        for listener in listeners:
            self._send_packet(listener, packet)
        return len(listeners)

    def heard_s(self, sender: Sender) -> float:
        """Return the time of the last packet of a sender, -inf if unknown."""
        return self._heard.get(sender, -math.inf)

    def take_gone(self) -> list[Sender]:
        """Return senders that have gone since the last call; see `Subscriptions.take_gone`."""
        with self._lock:
            return self._subscriptions.take_gone(self.heard_s)

    # The server's thread.

    def _serve(self) -> None:
        while not self._is_closing:
            idle_s = self._idle.timeout_s() if self._idle is not None else None
            rest_s = 0.0 if self._waiting else idle_s
            if self._held:
                until_due_s = max(0.0, self._held[0].due_s - _HELD_LEAD_S - self._clock())
                rest_s = until_due_s if rest_s is None else min(rest_s, until_due_s)
            readable, _, _ = select.select([*self._sockets, self._wakened], [], [], rest_s)
            if self._wakened in readable:
                self._wakened.recv(_WAKES_AT_ONCE)
            if self._idle is not None:
                if readable:
                    self._idle.note_activity()
                elif idle_s is not None and not self._waiting:
                    self._idle.run()
            for opened in self._sockets:
                if opened in readable:
                    self._drain(opened)
            self._work()
            self._play_held()

    def _drain(self, opened: socket.socket) -> None:
        for _ in range(_DRAINED_AT_ONCE):
            try:
                data, source, waited_s = receive(opened, limits.MAX_PACKET_BYTES + 1)
            except BlockingIOError:
                return
            except ConnectionError:
                continue  # Windows reports here that an earlier answer was not received
            self._sort_in(data, source, self._arrival_s(waited_s))

    def _sort_in(self, data: bytes, source: tuple[str, int], arrival_s: float) -> None:
        """Answer a ping, handle a panic at once, queue other packets within the rate limit."""
        self._tally["received"] += 1
        self._note_sign_of_life(Sender(*source), arrival_s)
        if len(data) <= _URGENT_BYTES and data.startswith((_PING, _PANIC)):
            if not self._urgent[_PING if data.startswith(_PING) else _PANIC].take(source, arrival_s):
                self._dropped["urgent"] += 1
            else:
                self._handle(_Packet(data, Sender(*source), arrival_s, math.inf))
            return
        cost = 1.0 + len(data) // _KIB
        if not self._limiter.take(source, arrival_s, cost):
            self._drop_flood(data, source, arrival_s)
        elif self._waiting_cost + cost > limits.TOTAL_BURST:
            self._dropped[Code.BUSY] += 1
        else:
            self._waiting.append(_Packet(data, Sender(*source), arrival_s, cost))
            self._waiting_cost += cost

    def _note_sign_of_life(self, sender: Sender, arrival_s: float) -> None:
        self._heard[sender] = arrival_s
        self._heard.move_to_end(sender)
        if len(self._heard) > _HEARD_SENDERS:
            self._heard.popitem(last=False)

    def _work(self) -> None:
        done = 0.0
        while self._waiting and done < _WORK_COST:
            packet = self._waiting.popleft()
            self._waiting_cost -= packet.cost
            done += packet.cost
            self._handle(packet)

    def _handle(self, packet: _Packet) -> None:
        try:
            self._read_packet(packet)
        except Exception:  # an error in the session must not stop the socket
            self._log_failure(packet.sender)

    def _log_failure(self, sender: Sender) -> None:
        """Log the current exception."""
        self._refused[Code.FAILED] += 1
        if self._may_log():
            log.exception("An OSC message from %s could not be handled", sender)

    def _read_packet(self, packet: _Packet) -> None:
        now_s = self._clock()
        messages = decode(packet.data, wall_clock_s=self._wall_clock())
        source = (packet.sender.host, packet.sender.port)
        unpaid = len(messages) - packet.cost
        if unpaid > 0 and not self._limiter.take(source, packet.arrival_s, unpaid):
            self._drop_flood(packet.data, source, packet.arrival_s)
            return
        for message in messages:
            read = self._read_message(packet.sender, message)
            if isinstance(read, Rejection):
                self._refuse(packet, read)
            elif isinstance(message, OscMessage) and message.ahead_s > 0.0:
                self._hold(packet, read, now_s + message.ahead_s)
            else:
                self._obey(packet, read)

    def _obey(self, packet: _Packet, read: Read) -> None:
        try:
            self._act(packet, read)
        except RejectedMessage as refused:
            self._refuse(packet, refused.rejection(read.address, read.seq))

    def _hold(self, packet: _Packet, read: Read, due_s: float) -> None:
        """Hold a message until the date of its bundle."""
        if isinstance(read.event, _LIVE) and packet.arrival_s <= self._panic_s:  # dropped by a panic
            return
        size = len(packet.data)
        if len(self._held) >= limits.MAX_HELD_MESSAGES or self._held_bytes + size > limits.MAX_HELD_BYTES:
            given = f"{len(self._held)} messages of dated bundles wait already"
            self._refuse(packet, Rejection(Code.BUSY, given, "date them less far ahead", read.address, read.seq))
            return
        self._held_bytes += size
        heapq.heappush(self._held, _Held(due_s, next(self._held_numbers), packet, read))

    def _play_held(self) -> None:
        while self._held and self._held[0].due_s - _HELD_LEAD_S <= self._clock():
            held = heapq.heappop(self._held)
            self._held_bytes -= len(held.packet.data)
            try:
                self._obey(held.packet._replace(arrival_s=held.due_s), held.read)
            except Exception:
                self._log_failure(held.packet.sender)

    def _forget_held_notes(self) -> None:
        self._held = [held for held in self._held if not isinstance(held.read.event, _LIVE)]
        heapq.heapify(self._held)
        self._held_bytes = sum(len(held.packet.data) for held in self._held)

    def _read_message(self, sender: Sender, message: OscMessage | Rejection) -> Read | Rejection:
        if isinstance(message, Rejection):
            row = BY_ADDRESS.get(message.address)
            if row is None or not row.ignores_arguments:
                return message
            message = OscMessage(message.address, "", ())  # its arguments are unreadable
        if message.address != _HELLO and not self._doorkeeper.knows(sender):
            return Rejection(Code.TOKEN, "no token yet", "say hello with it", message.address[:80])
        return read_event(message.address, message.tags, message.values)

    def _act(self, packet: _Packet, read: Read) -> None:
        sender, event = packet.sender, read.event
        match event:
            case Ping():
                self._tally["pings"] += 1
                self._reply(packet, Pong(event.sent_s, packet.arrival_s, self._clock()))
            case Hello():
                self._welcome(packet, event)
            case Subscribe():
                self._subscribe(packet, event)
            case ClipBegin():
                self._clips.begin(sender, event, packet.arrival_s)
            case ClipNote() | ClipCurve():
                self._clips.add(sender, event, packet.arrival_s)
            case ClipEnd():
                self._end_clip(packet, event)
            case Panic():
                self._panic_s = packet.arrival_s
                self._forget_held_notes()
                self._pass_on(packet, read)
            case _:
                self._pass_on(packet, read)

    def _welcome(self, packet: _Packet, hello: Hello) -> None:
        if not self._doorkeeper.admit(packet.sender, hello.token):
            raise RejectedMessage(Code.TOKEN, "the token is wrong", "the server prints it at its start")
        self._numbers.forget(packet.sender)
        self._reply_ports.set(packet.sender, hello.reply_port)
        log.info("Hello from %s at %s", shown(hello.client), packet.sender)
        clock_s = self._clock()
        self._reply(packet, Welcome(self._version, limits.API_MAJOR, limits.API_MINOR, self._run_number, clock_s))

    def _subscribe(self, packet: _Packet, subscribe: Subscribe) -> None:
        target = self._reply_ports.target(packet.sender, subscribe.reply_port)
        with self._lock:
            is_kept = self._subscriptions.renew(subscribe.topic, target, subscribe.lease_s, owner=packet.sender)
        if not is_kept:
            raise RejectedMessage(Code.BUSY, f"there are {limits.MAX_SUBSCRIPTIONS} subscriptions", "wait for one to end")
        self._send_packet(target, pack(Subscribed(subscribe.topic, subscribe.lease_s)))

    def _end_clip(self, packet: _Packet, end: ClipEnd) -> None:
        answer = self._clips.end(packet.sender, end, packet.arrival_s)
        if isinstance(answer, Clip):
            try:
                self._give(Received(answer, packet.sender, packet.arrival_s))
            except RejectedMessage as refused:
                if refused.code is not Code.BUSY:
                    self._clips.drop(packet.sender, answer)
                raise
            answer = self._clips.taken(packet.sender, answer)
        self._reply(packet, answer)

    def _pass_on(self, packet: _Packet, read: Read) -> None:
        sender, seq = packet.sender, read.seq
        if seq and self._numbers.has(sender, seq):
            self._tally["duplicates"] += 1
        else:
            self._give(Received(read.event, sender, packet.arrival_s, seq))
            if seq:
                self._numbers.add(sender, seq)
        if seq:
            self._reply(packet, Ack(read.address, seq))

    def _give(self, received: Received) -> None:
        if not self._deliver(received):
            raise RejectedMessage(Code.BUSY, "the session is behind", "send it again a little later")
        self._tally["taken"] += 1

    def _refuse(self, packet: _Packet, rejection: Rejection) -> None:
        self._refused[rejection.code] += 1
        self._unlogged += 1
        if self._errors.take((packet.sender.host, packet.sender.port), packet.arrival_s):
            # Address and text may hold text of the sender: keep the answer short.
            error = Error(rejection.address[:80], rejection.seq, rejection.code, explain(rejection)[:500])
            if not self._reply(packet, error):
                self._reply(packet, replace(error, text=""))
        if self._may_log():
            log.warning("%d OSC messages refused; the last, from %s: %s", self._unlogged, packet.sender, rejection.text[:500])
            self._unlogged = 0

    def _drop_flood(self, data: bytes, source: tuple[str, int], arrival_s: float) -> None:
        self._dropped[Code.FLOOD] += 1
        if self._flood_notices.take(source, arrival_s):
            text = f"messages come faster than {limits.SENDER_RATE_HZ:g} a second; the excess is dropped."
            self._reply(_Packet(data, Sender(*source), arrival_s, 0.0), Error("", 0, Code.FLOOD, text))

    def _reply(self, packet: _Packet, reply: Reply) -> bool:
        """Send an answer. Returns False for a large answer to an unauthenticated sender, whose address may be forged."""
        answer = pack(reply)
        if not self._doorkeeper.knows(packet.sender) and len(answer) > 2 * len(packet.data):
            return False
        self._send_packet(self._reply_ports.target(packet.sender), answer)
        return True

    def _send_packet(self, sender: Sender, packet: bytes) -> bool:
        try:
            opened = next(
                (each for each in self._sockets if (each.family == socket.AF_INET6) == (":" in sender.host)), self._sockets[0]
            )
            opened.sendto(packet, (sender.host, sender.port))
        except OSError:  # buffer full or network down
            with self._lock:
                self._tally["unsent"] += 1
            return False
        return True

    def _arrival_s(self, waited_s: float) -> float:
        """Return the arrival time, strictly ascending, so that arrivals keep their order."""
        self._last_arrival_s = max(self._clock() - waited_s, math.nextafter(self._last_arrival_s, math.inf))
        return self._last_arrival_s

    def _may_log(self) -> bool:
        if self._last_arrival_s - self._logged_s < _LOG_INTERVAL_S:
            return False
        self._logged_s = self._last_arrival_s
        return True
