"""State of senders: authentication, answer ports, sequence numbers, subscriptions."""

from __future__ import annotations

import hmac
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from bridge.protocol import limits
from bridge.protocol.events import Sender


@dataclass(slots=True)
class _Numbers:
    order: deque[int] = field(default_factory=deque)
    known: set[int] = field(default_factory=set)


class SequenceNumbers:
    """Latest sequence numbers of each sender, to drop duplicates."""

    def __init__(self) -> None:
        self._senders: OrderedDict[Sender, _Numbers] = OrderedDict()

    def has(self, sender: Sender, seq: int) -> bool:
        numbers = self._senders.get(sender)
        return numbers is not None and seq in numbers.known

    def add(self, sender: Sender, seq: int) -> None:
        numbers = self._senders.setdefault(sender, _Numbers())
        self._senders.move_to_end(sender)
        if seq not in numbers.known:
            numbers.known.add(seq)
            numbers.order.append(seq)
        if len(numbers.order) > limits.MAX_REMEMBERED_SEQUENCE_NUMBERS:
            numbers.known.discard(numbers.order.popleft())
        if len(self._senders) > limits.MAX_SENDERS:
            self._senders.popitem(last=False)

    def forget(self, sender: Sender) -> None:
        self._senders.pop(sender, None)


class TokenAuth:
    """Token authentication of senders; without a token, all are admitted. The least recently active sender is forgotten first."""

    def __init__(self, token: str | None) -> None:
        self._token = token
        self._known: OrderedDict[Sender, None] = OrderedDict()

    def admit(self, sender: Sender, token: str) -> bool:
        """Admit the sender if its token is right (compared in constant time); return True if so."""
        if self._token is None:
            return True
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            return False
        self._known[sender] = None
        if len(self._known) > limits.MAX_SENDERS:
            self._known.popitem(last=False)
        return True

    def knows(self, sender: Sender) -> bool:
        if self._token is None:
            return True
        if sender not in self._known:
            return False
        self._known.move_to_end(sender)
        return True


class ReplyPorts:
    """Answer ports of senders that chose another port of their host. Any thread may use it."""

    def __init__(self) -> None:
        self._ports: OrderedDict[Sender, int] = OrderedDict()
        self._lock = Lock()

    def set(self, sender: Sender, port: int) -> None:
        """Set the answer port of a sender; 0: the one it sends from."""
        with self._lock:
            self._ports.pop(sender, None)
            if port:
                self._ports[sender] = port
            if len(self._ports) > limits.MAX_SENDERS:
                self._ports.popitem(last=False)

    def target(self, sender: Sender, port: int = 0) -> Sender:
        """Return the address for answers to a sender; `port` overrides the one set."""
        port = port or self._ports.get(sender, 0)
        return Sender(sender.host, port) if port else sender


@dataclass(frozen=True, slots=True)
class _Lease:
    until_s: float
    length_s: float
    owner: Sender


class Subscriptions:
    """Subscriptions with their leases, at most `limits.MAX_SUBSCRIPTIONS`. Not thread-safe: the server locks."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._leases: dict[tuple[str, Sender], _Lease] = {}  # by topic and listener
        self._ended: dict[Sender, _Lease] = {}  # last leases of owners without a current one

    def renew(self, topic: str, listener: Sender, lease_s: float, *, owner: Sender | None = None) -> bool:
        """Start, renew or (with a lease of 0) end a subscription; return False if there are too many.

        `owner` is the sender that asked for it, by default the listener."""
        self._expire()
        if lease_s == 0:
            self._leases.pop((topic, listener), None)
            return True
        if (topic, listener) not in self._leases and len(self._leases) >= limits.MAX_SUBSCRIPTIONS:
            return False
        lease = _Lease(self._clock() + lease_s, lease_s, owner or listener)
        self._leases[topic, listener] = lease
        self._ended.pop(lease.owner, None)
        return True

    def listeners(self, topic: str) -> list[Sender]:
        """Return the current subscribers of a topic."""
        self._expire()
        return [listener for of, listener in self._leases if of == topic]

    def take_gone(self, heard_s: Callable[[Sender], float]) -> list[Sender]:
        """Return the owners whose last lease has expired since the last call, without any packet for the length of that lease.

        `heard_s` returns the time of the last packet of an owner; one that sends after its lease stays without a lease."""
        self._expire()
        gone = []
        for owner, lease in list(self._ended.items()):
            last_s = heard_s(owner)
            if last_s <= lease.until_s and self._clock() - last_s < lease.length_s:
                continue
            del self._ended[owner]
            if last_s <= lease.until_s:
                gone.append(owner)
        return gone

    def _expire(self) -> None:
        now_s = self._clock()
        ended = [self._leases.pop(key) for key in [key for key, lease in self._leases.items() if lease.until_s <= now_s]]
        owners = {lease.owner for lease in self._leases.values()}
        self._ended.update({lease.owner: lease for lease in ended if lease.owner not in owners})
        while len(self._ended) > limits.MAX_SENDERS:
            del self._ended[next(iter(self._ended))]
