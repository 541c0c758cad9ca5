"""REAPER's transport, sent as messages of one value each (pattern file: daw_templates/reaper)."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.protocol.arguments import Value
from bridge.protocol.events import Transport

LISTEN_PORT = 57161  # target port of the template

_STATES = ("/play", "/stop", "/record")
_POSITION = "/samples/str"
# Other addresses of the pattern file.
_OTHERS = ("/time", "/tempo/raw", "/samples", "/time/str", "/beat/str", "/repeat")
ADDRESSES = frozenset({*_STATES, _POSITION, *_OTHERS})

_RATES_HZ = (44_100, 48_000, 88_200, 96_000, 176_400, 192_000)
_RATE_TOLERANCE = 0.01
_SURE_AFTER_S = 1.0  # from this position on, the sample rate can be derived


class ReaperTransport:
    """Converter of REAPER's messages to positions. REAPER sends no tempo map: `ppq` is right for a constant tempo."""

    def __init__(self) -> None:
        self._is_on = dict.fromkeys(_STATES, False)
        self._time_s = 0.0
        self._sample = 0
        self._bpm = 120.0
        self._rate_hz: int | None = None

    def feed(self, address: str, values: Sequence[Value]) -> Transport | None:
        """Read a message; return a position after a move, start or stop. Invalid values are ignored."""
        value = values[0] if len(values) == 1 else None
        if address == _POSITION and isinstance(value, str):
            return self._move_to(value)
        if not isinstance(value, int | float):
            return None
        if address in _STATES:
            is_new = self._is_on[address] != (value > 0)
            self._is_on[address] = value > 0
            return self._transport() if is_new else None
        if address == "/time":
            self._time_s = float(value)
        elif address == "/tempo/raw" and value > 0:
            self._bpm = float(value)
        return None

    def _move_to(self, text: str) -> Transport | None:
        # As text, because a float cannot hold single samples after six minutes.
        try:
            self._sample = int(text)
        except ValueError:
            return None
        if abs(self._time_s) > _SURE_AFTER_S:
            said_hz = self._sample / self._time_s
            near_hz = min(_RATES_HZ, key=lambda rate_hz: abs(rate_hz - said_hz))
            if abs(said_hz / near_hz - 1) < _RATE_TOLERANCE:
                self._rate_hz = near_hz
        return self._transport()

    def _transport(self) -> Transport:
        seconds = self._sample / self._rate_hz if self._rate_hz else self._time_s
        is_playing = self._is_on["/play"] and not self._is_on["/stop"]
        state = 0 if not is_playing else 2 if self._is_on["/record"] else 1
        return Transport(state, self._sample, seconds * self._bpm / 60, self._bpm, when_s=0.0)
