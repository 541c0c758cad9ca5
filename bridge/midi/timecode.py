"""MIDI time code as a transport: quarter frames while the tape rolls, full frames when it is located."""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

import mido

from .clock import TransportState
from .pulses import PulseFit

_FRAME_RATES = (24, 25, 30, 30)  # frames that are counted per second; the third drops numbers
_DROP = 2  # index of the 29.97 Hz drop-frame rate
_REAL_RATES = (Fraction(24), Fraction(25), Fraction(30_000, 1_001), Fraction(30))
_PIECES = 8
_LOST_S = 0.15  # without quarter frames: stopped, which time code does not say
_AHEAD_QUARTERS = 8.0
_MOST_LOST = 3  # quarter frames in a row that may be missing; more, or backwards, is a new start

_Anchor: TypeAlias = tuple[int, float, int]  # number of a quarter frame, its song seconds, rate


def song_seconds(hours: int, minutes: int, seconds: int, frames: float, rate: int) -> float:
    """Return the seconds of a time code; `rate` 0..3 is 24, 25, 29.97 drop-frame, 30 frames per second."""
    counted = ((hours * 60 + minutes) * 60 + seconds) * _FRAME_RATES[rate] + frames
    if rate == _DROP:
        whole_minutes = hours * 60 + minutes
        counted -= 2 * (whole_minutes - whole_minutes // 10)
    return float(counted / _REAL_RATES[rate])


class TimecodeFollower:
    """Follows MIDI time code: `feed` it system messages with their times, ask `state_at` at any time.

    A position is known after eight quarter frames in a row (two frames); from then on every quarter frame moves it. A tape that runs
    backwards counts as stopped.
    """

    def __init__(self) -> None:
        self._fit = PulseFit()
        self._nibbles = [0] * _PIECES
        self._run = 0  # pieces in a row, forwards
        self._last_piece = -1
        self._quarters = 0  # quarter frames received so far
        self._anchor: _Anchor | None = None
        self._doubt: _Anchor | None = None  # received once, against the count
        self._located_s = 0.0

    def feed(self, message: mido.Message, time_s: float) -> bool:
        """Take a message. Return whether it was time code."""
        if message.type == "quarter_frame":
            self._quarter(message.frame_type, message.frame_value, time_s)
            return True
        if message.type == "sysex" and len(message.data) == 8 and message.data[0] == 0x7F and message.data[2:4] == (1, 1):
            return self._full_frame(*message.data[4:])
        return False

    def state_at(self, time_s: float) -> TransportState:
        """Return the transport: playing while quarter frames come. It has no tempo: time code counts seconds."""
        last_s = self._fit.last_s
        is_playing = self._anchor is not None and last_s is not None and time_s - last_s < _LOST_S
        now = self._fit.number_at(time_s, _AHEAD_QUARTERS) if is_playing else None
        song_s = self._song_s(now) if now is not None else self._located_s
        return TransportState(time_s, is_playing, song_s=max(0.0, song_s))

    def _quarter(self, piece: int, value: int, time_s: float) -> None:
        skipped = (piece - self._last_piece - 1) % _PIECES
        self._last_piece = piece
        self._nibbles[piece] = value
        if skipped > _MOST_LOST:
            self._fit.clear()
            self._anchor = self._doubt = None
        # What was collected is one time code only if it began with piece 0 and nothing is missing.
        self._run = self._run + 1 if self._run and not skipped else int(piece == 0)
        self._quarters += 1 + (skipped if self._anchor is not None else 0)
        self._fit.add(self._quarters, time_s)
        if self._run and self._run % _PIECES == 0:
            self._complete()
        if self._anchor is not None:
            self._located_s = self._song_s(self._quarters)

    def _complete(self) -> None:
        """Take over a complete time: that of the moment at which piece 0 came.

        A time that contradicts the count (a wrong bit, or the tape was moved) must come twice.
        """
        low = self._nibbles
        rate = (low[7] >> 1) & 3
        hours, minutes = low[6] | (low[7] & 1) << 4, low[4] | low[5] << 4
        seconds, frames = low[2] | low[3] << 4, low[0] | low[1] << 4
        if not _is_time(hours, minutes, seconds, frames, rate):
            return
        named = (self._quarters - (_PIECES - 1), song_seconds(hours, minutes, seconds, frames, rate), rate)
        if self._anchor is None or _agree(self._anchor, named) or (self._doubt and _agree(self._doubt, named)):
            self._anchor, self._doubt = named, None
        else:
            self._doubt = named

    def _full_frame(self, first: int, minutes: int, seconds: int, frames: int) -> bool:
        rate, hours = (first >> 5) & 3, first & 0x1F
        if not _is_time(hours, minutes, seconds, frames, rate):
            return False
        self._located_s = song_seconds(hours, minutes, seconds, frames, rate)
        self._anchor = self._doubt = None
        self._run, self._last_piece = 0, -1
        self._fit.clear()
        return True

    def _song_s(self, quarter: float) -> float:
        return _seconds_at(self._anchor, quarter) if self._anchor else self._located_s


def _is_time(hours: int, minutes: int, seconds: int, frames: int, rate: int) -> bool:
    return hours < 24 and minutes < 60 and seconds < 60 and frames < _FRAME_RATES[rate]


def _seconds_at(anchor: _Anchor, quarter: float) -> float:
    number, named_s, rate = anchor
    return named_s + (quarter - number) / (4 * float(_REAL_RATES[rate]))


def _agree(anchor: _Anchor, named: _Anchor) -> bool:
    """Return whether `named` is within a frame of the time that `anchor` predicts."""
    number, named_s, rate = named
    return rate == anchor[2] and abs(_seconds_at(anchor, number) - named_s) < 1.0 / float(_REAL_RATES[rate])
