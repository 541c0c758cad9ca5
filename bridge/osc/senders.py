"""What the server remembers of its senders: who said hello, which numbers came already, who wants to hear what for how long."""

from __future__ import annotations

import hmac
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.protocol import limits
from bridge.protocol.events import Sender


@dataclass(slots=True)
class _Numbers:
    order: deque[int] = field(default_factory=deque)
    known: set[int] = field(default_factory=set)


class SequenceNumbers:
    """The latest sequence numbers of each sender, so that what is sent twice is acted on once."""

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


class Doorkeeper:
    """Lets everybody in where there is no token, else those who said hello with it. The one that was silent longest is forgotten first."""

    def __init__(self, token: str | None) -> None:
        self._token = token
        self._known: OrderedDict[Sender, None] = OrderedDict()

    def admit(self, sender: Sender, token: str) -> bool:
        """Whether the token is right; compared in constant time."""
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


class Subscriptions:
    """Who hears about which topic until when, at most `limits.MAX_SUBSCRIPTIONS` in all. Not thread-safe: the server locks."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until_s: dict[tuple[str, Sender], float] = {}

    def renew(self, topic: str, sender: Sender, lease_s: float) -> bool:
        """Start, prolong or (with a lease of 0) end a subscription. False if there are too many."""
        self._expire()
        if lease_s == 0:
            self._until_s.pop((topic, sender), None)
            return True
        if (topic, sender) not in self._until_s and len(self._until_s) >= limits.MAX_SUBSCRIPTIONS:
            return False
        self._until_s[topic, sender] = self._clock() + lease_s
        return True

    def listeners(self, topic: str) -> list[Sender]:
        self._expire()
        return [sender for of, sender in self._until_s if of == topic]

    def _expire(self) -> None:
        now_s = self._clock()
        for key in [key for key, until_s in self._until_s.items() if until_s <= now_s]:
            del self._until_s[key]
