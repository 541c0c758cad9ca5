"""The OSC server: one UDP socket, one thread, bounded everything.

    datagram → allowance → decode → read_event → deliver(Received)
                  │           │          │           │ False: busy
                  └ dropped   └──────────┴───────────┴→ /vocalese/error to the sender

Pings are answered as they come off the socket, before anything that waits; a panic overtakes everything else. What comes faster than the
limits allow is counted and dropped before it is looked at.
"""

from __future__ import annotations

import errno
import ipaddress
import logging
import math
import secrets
import select
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Lock, Thread
from types import MappingProxyType, TracebackType
from typing import NamedTuple

from bridge.osc.allowance import Allowance
from bridge.osc.arrival import ask_for_arrival_times, receive
from bridge.osc.packet import OscMessage, decode, pack
from bridge.osc.senders import Doorkeeper, SequenceNumbers, Subscriptions
from bridge.protocol import limits
from bridge.protocol.clips import ClipAssembler
from bridge.protocol.events import (
    Clip,
    ClipBegin,
    ClipCurve,
    ClipEnd,
    ClipNote,
    Hello,
    Ping,
    Received,
    Sender,
    Subscribe,
    WholeNote,
)
from bridge.protocol.read import Read, explain, read_event
from bridge.protocol.refusal import Code, Refusal, RefusedMessage, shown
from bridge.protocol.replies import Ack, Error, Pong, Reply, Subscribed, Welcome
from bridge.protocol.table import PREFIX
from engine.errors import ProtocolError, SettingsError

_PING, _PANIC, _HELLO = f"{PREFIX}/ping\0".encode(), f"{PREFIX}/panic\0".encode(), f"{PREFIX}/hello"
# While somebody sends, a note that nobody sent is rehearsed whenever nothing comes for some milliseconds: code and memory that have not been
# used for ten or twenty are out of the caches, and each thread on a note's way would take a millisecond or two for its first steps.
_AWAKE_EVERY_S, _AWAKE_FOR_S = 0.004, 30.0
_REHEARSED = pack(WholeNote(0, 60.0, 0.5, 0.8, "", 0.0))
_NOBODY = Sender("", 0)
_URGENT_BYTES = 64  # a ping or panic that is longer is no ping or panic
_RECEIVE_BUFFER_BYTES = 4 << 20  # asked for; the system may give less
_WAKES_AT_ONCE = 64
_DRAINED_AT_ONCE = 1_024  # packets off the socket before one turn of work
_WORK_COST = 64.0  # of one turn, so that the next ping waits for milliseconds at most
_KIB = 1_024
_LOG_INTERVAL_S = 1.0
_MIN_TOKEN_CHARACTERS = 16

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OscCounts:
    """What happened since the start. Reasons of `refused` are codes of the table; `dropped` was never looked at."""

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


class OscServer:
    """Receives on `host` and `port` (0 = any free one) from `start` to `close`; also a context manager.

    `deliver` gets each valid event on the server's thread: it must not block, and returns False where there is no room. `rehearse` gets a
    note that nobody is to hear, on the same thread, every few milliseconds for half a minute after something came. `clock` is the engine's
    clock in seconds. A host other than this machine needs a `token`, which senders give in `/vocalese/hello`: it keeps out who does not know
    it, not who can read or forge the network's traffic.

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
        rehearse: Callable[[Received], None] | None = None,
    ) -> None:
        _check_host(host, token)
        started_s = time.perf_counter()
        self._deliver = deliver
        self._clock = clock or (lambda: time.perf_counter() - started_s)
        self._wall_clock = wall_clock
        self._version, self._run_number = version, secrets.randbits(53)
        self._rehearse, self._heard_s = rehearse, time.monotonic()
        self._socket = _open_socket(host, port)
        self.host, self.port = self._socket.getsockname()[:2]
        self._waker, self._wakened = socket.socketpair()
        self._thread = Thread(target=self._serve, name="vocalese-osc", daemon=True)
        self._is_closing = False

        self._allowance = Allowance(limits.SENDER_RATE_HZ, limits.SENDER_BURST, limits.TOTAL_RATE_HZ, limits.TOTAL_BURST)
        urgent = (
            limits.URGENT_SENDER_RATE_HZ,
            limits.URGENT_SENDER_BURST,
            limits.URGENT_TOTAL_RATE_HZ,
            limits.URGENT_TOTAL_BURST,
        )
        self._urgent = {_PING: Allowance(*urgent), _PANIC: Allowance(*urgent)}
        self._errors = Allowance(
            limits.ERROR_SENDER_RATE_HZ, limits.ERROR_SENDER_BURST, limits.ERROR_TOTAL_RATE_HZ, limits.ERROR_TOTAL_BURST
        )
        self._flood_notices = Allowance(1.0, 1.0, limits.ERROR_TOTAL_RATE_HZ, limits.ERROR_TOTAL_BURST)
        self._waiting: deque[_Packet] = deque()
        self._waiting_cost = 0.0
        self._last_arrival_s = -math.inf

        self._doorkeeper = Doorkeeper(token)
        self._numbers = SequenceNumbers()
        self._clips = ClipAssembler()
        self._subscriptions = Subscriptions(self._clock)
        self._lock = Lock()  # subscriptions and unsent replies: sessions publish from their own thread
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
        for opened in (self._socket, self._waker, self._wakened):
            opened.close()

    def stay_awake(self) -> None:
        """Something came another way, from any thread: more may follow."""
        slept_s = time.monotonic() - self._heard_s
        self._heard_s = time.monotonic()
        if slept_s > _AWAKE_FOR_S / 2:
            self._waker.send(b"\0")

    def __enter__(self) -> OscServer:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def counts(self) -> OscCounts:
        """A snapshot."""
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
        """Send a reply, from any thread. False if it could not leave; it is counted and not tried again."""
        return self._send_packet(sender, pack(reply))

    def publish(self, topic: str, reply: Reply) -> int:
        """Send a reply to all subscribers of a topic, from any thread; returns how many there are."""
        with self._lock:
            listeners = self._subscriptions.listeners(topic)
        packet = pack(reply) if listeners else b""
        for listener in listeners:
            self._send_packet(listener, packet)
        return len(listeners)

    # The server's thread.

    def _serve(self) -> None:
        while not self._is_closing:
            is_awake = self._rehearse is not None and time.monotonic() - self._heard_s < _AWAKE_FOR_S
            rest_s = 0.0 if self._waiting else _AWAKE_EVERY_S if is_awake else None
            readable, _, _ = select.select([self._socket, self._wakened], [], [], rest_s)
            if self._wakened in readable:
                self._wakened.recv(_WAKES_AT_ONCE)
            if readable:
                self._heard_s = time.monotonic()
            elif self._rehearse is not None and is_awake and not self._waiting:
                self._rehearse_with(self._rehearse)
            self._drain()
            self._work()

    def _rehearse_with(self, rehearse: Callable[[Received], None]) -> None:
        for message in decode(_REHEARSED, wall_clock_s=self._wall_clock()):
            # Nobody has no token, and needs none.
            if isinstance(message, OscMessage) and isinstance(
                read := read_event(message.address, message.tags, message.values), Read
            ):
                rehearse(Received(read.event, _NOBODY, self._clock()))

    def _drain(self) -> None:
        for _ in range(_DRAINED_AT_ONCE):
            try:
                data, source, waited_s = receive(self._socket, limits.MAX_PACKET_BYTES + 1)
            except BlockingIOError:
                return
            except ConnectionError:
                continue  # Windows tells here that nobody took an earlier answer
            self._sort_in(data, source, self._arrival_s(waited_s))

    def _sort_in(self, data: bytes, source: tuple[str, int], arrival_s: float) -> None:
        """Answer a ping, let a panic overtake, let the rest wait if there is allowance for it."""
        self._tally["received"] += 1
        if len(data) <= _URGENT_BYTES and data.startswith((_PING, _PANIC)):
            if not self._urgent[_PING if data.startswith(_PING) else _PANIC].take(source, arrival_s):
                self._dropped["urgent"] += 1
            else:
                self._handle(_Packet(data, Sender(*source), arrival_s, math.inf))
            return
        cost = 1.0 + len(data) // _KIB
        if not self._allowance.take(source, arrival_s, cost):
            self._drop_flood(data, source, arrival_s)
        elif self._waiting_cost + cost > limits.TOTAL_BURST:
            self._dropped[Code.BUSY] += 1
        else:
            self._waiting.append(_Packet(data, Sender(*source), arrival_s, cost))
            self._waiting_cost += cost

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
        except Exception:  # a session that fails on one event must not silence the socket for all others
            self._refused[Code.FAILED] += 1
            if self._may_log():
                log.exception("An OSC message from %s could not be handled", packet.sender)

    def _read_packet(self, packet: _Packet) -> None:
        messages = decode(packet.data, wall_clock_s=self._wall_clock())
        source = (packet.sender.host, packet.sender.port)
        unpaid = len(messages) - packet.cost
        if unpaid > 0 and not self._allowance.take(source, packet.arrival_s, unpaid):
            self._drop_flood(packet.data, source, packet.arrival_s)
            return
        for message in messages:
            read = message if isinstance(message, Refusal) else self._read_message(packet.sender, message)
            if isinstance(read, Read):
                try:
                    self._act(packet, read)
                except RefusedMessage as refused:
                    read = refused.refusal(read.address, read.seq)
            if isinstance(read, Refusal):
                self._refuse(packet, read)

    def _read_message(self, sender: Sender, message: OscMessage) -> Read | Refusal:
        if message.address != _HELLO and not self._doorkeeper.knows(sender):
            return Refusal(Code.TOKEN, "no token yet", "say hello with it", message.address[:80])
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
            case _:
                self._pass_on(packet, read)

    def _welcome(self, packet: _Packet, hello: Hello) -> None:
        if not self._doorkeeper.admit(packet.sender, hello.token):
            raise RefusedMessage(Code.TOKEN, "the token is wrong", "the server prints it at its start")
        self._numbers.forget(packet.sender)
        log.info("Hello from %s at %s", shown(hello.client), packet.sender)
        clock_s = self._clock()
        self._reply(packet, Welcome(self._version, limits.API_MAJOR, limits.API_MINOR, self._run_number, clock_s))

    def _subscribe(self, packet: _Packet, subscribe: Subscribe) -> None:
        with self._lock:
            is_kept = self._subscriptions.renew(subscribe.topic, packet.sender, subscribe.lease_s)
        if not is_kept:
            raise RefusedMessage(Code.BUSY, f"there are {limits.MAX_SUBSCRIPTIONS} subscriptions", "wait for one to end")
        self._reply(packet, Subscribed(subscribe.topic, subscribe.lease_s))

    def _end_clip(self, packet: _Packet, end: ClipEnd) -> None:
        answer = self._clips.end(packet.sender, end, packet.arrival_s)
        if isinstance(answer, Clip):
            self._give(Received(answer, packet.sender, packet.arrival_s))
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
            raise RefusedMessage(Code.BUSY, "the session is behind", "send it again a little later")
        self._tally["taken"] += 1

    def _refuse(self, packet: _Packet, refusal: Refusal) -> None:
        self._refused[refusal.code] += 1
        self._unlogged += 1
        if self._errors.take((packet.sender.host, packet.sender.port), packet.arrival_s):
            # Both address and text may hold what the sender wrote, however long: an answer stays short.
            error = Error(refusal.address[:80], refusal.seq, refusal.code, explain(refusal)[:500])
            if not self._reply(packet, error):
                self._reply(packet, replace(error, text=""))
        if self._may_log():
            log.warning("%d OSC messages refused; the last, from %s: %s", self._unlogged, packet.sender, refusal.text[:500])
            self._unlogged = 0

    def _drop_flood(self, data: bytes, source: tuple[str, int], arrival_s: float) -> None:
        self._dropped[Code.FLOOD] += 1
        if self._flood_notices.take(source, arrival_s):
            text = f"messages come faster than {limits.SENDER_RATE_HZ:g} a second; the excess is dropped."
            self._reply(_Packet(data, Sender(*source), arrival_s, 0.0), Error("", 0, Code.FLOOD, text))

    def _reply(self, packet: _Packet, reply: Reply) -> bool:
        """Answer; but never turn a small packet with a forged sender into a large one to somebody who never said hello (then False)."""
        answer = pack(reply)
        if not self._doorkeeper.knows(packet.sender) and len(answer) > 2 * len(packet.data):
            return False
        self._send_packet(packet.sender, answer)
        return True

    def _send_packet(self, sender: Sender, packet: bytes) -> bool:
        try:
            self._socket.sendto(packet, (sender.host, sender.port))
        except OSError:  # its buffer is full, or the network is gone: UDP promises nothing
            with self._lock:
                self._tally["unsent"] += 1
            return False
        return True

    def _arrival_s(self, waited_s: float) -> float:
        """`waited_s` ago, and later than the arrival before, so that arrivals tell what came first."""
        self._last_arrival_s = max(self._clock() - waited_s, math.nextafter(self._last_arrival_s, math.inf))
        return self._last_arrival_s

    def _may_log(self) -> bool:
        if self._last_arrival_s - self._logged_s < _LOG_INTERVAL_S:
            return False
        self._logged_s = self._last_arrival_s
        return True


def _check_host(host: str, token: str | None) -> None:
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise SettingsError(f"{shown(host)} is no address to listen on. Give an IP address, such as 127.0.0.1.") from None
    if is_loopback:
        return
    if token is None or len(token) < _MIN_TOKEN_CHARACTERS:
        raise SettingsError(
            f"Listening on {host} lets other machines in, which needs a token of {_MIN_TOKEN_CHARACTERS} characters or more. "
            "Give one, or listen on 127.0.0.1."
        )
    log.warning("Listening on %s: other machines can play and change this session with the token. OSC is not encrypted.", host)


def _open_socket(host: str, port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows lets two programs share a port otherwise
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        opened.bind((host, port))
    except (OSError, OverflowError) as error:
        opened.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise ProtocolError(
                f"Port {port} on {host} is in use, probably by another Vocalese. Stop it, or choose another port."
            ) from error
        raise ProtocolError(f"Port {port} on {host} cannot be opened: {error}. Choose another port or host.") from error
    opened.setblocking(False)
    ask_for_arrival_times(opened)
    return opened
