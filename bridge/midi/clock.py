"""MIDI clock as a transport: start, stop, continue, song position, and the tempo of 24 clocks per quarter note.

The protocol sends no meter and no future tempo, and positions are as exact as the clocks are even, at worst one clock
(21 ms at 120 bpm).
"""

from __future__ import annotations

from dataclasses import dataclass

import mido

from .pulses import PulseFit

CLOCKS_PER_QUARTER, CLOCKS_PER_SIXTEENTH = 24, 6
_AHEAD_CLOCKS = 1.0  # how far position runs on without a clock
_LOST_S = 0.5  # without clocks: the sender is gone


@dataclass(frozen=True, slots=True)
class TransportState:
    """Position of a sender's song at `time_s`. Values that its protocol does not send are None."""

    time_s: float
    is_playing: bool
    ppq: float | None = None  # quarter notes from the start of the song
    song_s: float | None = None  # seconds of the song
    bpm: float | None = None


class ClockFollower:
    """Follows MIDI clock: `feed` it system messages with their times, ask `state_at` at any time."""

    def __init__(self) -> None:
        self._fit = PulseFit()
        self._clocks = 0  # received so far
        self._next_position = 0  # in clocks from the start of the song, of the next clock that is played
        self._offset = 0  # position = clocks received + offset, while playing
        self._is_running = False  # as the sender says
        self._has_moved = False  # a clock has come since it said so

    def feed(self, message: mido.Message, time_s: float) -> bool:
        """Take a message. Return whether it was for the clock."""
        match message.type:
            case "clock":
                self._clock(time_s)
            case "start":
                self._next_position = 0
                self._is_running, self._has_moved = True, False
            case "continue":
                self._is_running, self._has_moved = True, False
            case "stop":
                self._is_running = False
            case "songpos":
                self._next_position = message.pos * CLOCKS_PER_SIXTEENTH
                self._has_moved = False
            case _:
                return False
        return True

    def state_at(self, time_s: float) -> TransportState:
        """Return the transport: playing from the first clock after start or continue, as in the standard, until stop or 0.5 s without clocks.

        While the rate is not known well, the position is that of the last clock, and the state has its time.
        """
        interval_s = self._fit.interval_s
        bpm = 60.0 / (CLOCKS_PER_QUARTER * interval_s) if interval_s else None
        last_s = self._fit.last_s
        is_alive = last_s is not None and time_s - last_s < _LOST_S
        is_playing = self._is_running and self._has_moved and is_alive
        clocks: float = self._next_position
        if is_playing:
            now = self._fit.number_at(time_s, _AHEAD_CLOCKS) if self._fit.is_steady else None
            if now is None and last_s is not None:
                time_s = last_s
            clocks = self._offset + (now if now is not None else self._clocks)
        return TransportState(time_s, is_playing, ppq=max(0.0, clocks) / CLOCKS_PER_QUARTER, bpm=bpm)

    def _clock(self, time_s: float) -> None:
        self._clocks += 1
        self._fit.add(self._clocks, time_s)
        if self._is_running:
            self._offset = self._next_position - self._clocks
            self._next_position += 1
            self._has_moved = True
