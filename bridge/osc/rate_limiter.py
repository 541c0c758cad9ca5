"""Rate limiting: one token bucket per sender and one for all, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from bridge.protocol.limits import MAX_SENDERS


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_s: float

    def refill(self, rate_hz: float, burst: float, now_s: float) -> float:
        if now_s > self.filled_s:  # a packet that waited is charged at its arrival time, which may be in the past
            self.tokens = min(burst, self.tokens + (now_s - self.filled_s) * rate_hz)
            self.filled_s = now_s
        return self.tokens


class RateLimiter:
    """Token buckets: `rate_hz` tokens a second, at most `burst` at once, per sender; `total_rate_hz` and `total_burst` for all.

    A sender that was forgotten because of too many others starts with a full bucket; the common bucket still limits it.
    """

    def __init__(self, rate_hz: float, burst: float, total_rate_hz: float, total_burst: float) -> None:
        self._rate_hz, self._burst = rate_hz, burst
        self._total_rate_hz, self._total_burst = total_rate_hz, total_burst
        self._total: _Bucket | None = None
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()

    def take(self, sender: Hashable, now_s: float, cost: float = 1.0) -> bool:
        """Take `cost` tokens from both buckets; if one lacks them, take none and return False."""
        bucket = self._buckets.get(sender)
        if bucket is None:
            bucket = self._buckets[sender] = _Bucket(self._burst, now_s)
            if len(self._buckets) > MAX_SENDERS:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(sender)
        if self._total is None:
            self._total = _Bucket(self._total_burst, now_s)
        if bucket.refill(self._rate_hz, self._burst, now_s) < cost:
            return False
        if self._total.refill(self._total_rate_hz, self._total_burst, now_s) < cost:
            return False
        bucket.tokens -= cost
        self._total.tokens -= cost
        return True
