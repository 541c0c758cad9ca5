"""Transport: the song follows a host over OSC, MIDI clock, MIDI time code, JACK, or the internal clock.

A source reports the position of its song at a moment; `TransportFollower` starts, stops and moves the audio's transport accordingly.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from types import TracebackType
from typing import TypeAlias

from bridge.audio.engine import AudioEngine
from bridge.midi.clock import TransportState
from bridge.midi.receiver import MidiReceiver
from bridge.realtime.jack_client import open_client, read_clock

log = logging.getLogger(__name__)

TransportSource: TypeAlias = Callable[[], tuple[TransportState, float]]
"""Gives where a sender's song stood, and how many seconds ago that was."""

_TOLERANCE_S = (
    0.02  # jitter of a sender; smaller deviations are not corrected while something sounds, because corrections are audible
)
_REST_TOLERANCE_S = 0.002  # in rests, for the median of the positions since the last correction
_ENOUGH, _MOST_POSITIONS = 8, 48  # number of positions for the median
_REST_S = 0.03  # around the playhead: audio there is neither cut nor skipped
_JUMP_S = 0.1  # larger than any jitter: the sender was located
_PATIENCE = 3  # consecutive positions beyond the tolerance: drift, not jitter
_PRE_ROLL_S = 0.1  # look-ahead of a start before the song


@dataclass(frozen=True, slots=True)
class PlayheadState:
    """State of a playhead: `song_sample` plays at `device_sample`. `is_obeyed`: no command is pending."""

    is_playing: bool
    song_sample: int
    device_sample: int
    is_obeyed: bool


class Playhead:
    """Transport of an audio engine, including commands that the next block will execute."""

    def __init__(self, audio: AudioEngine) -> None:
        self._audio = audio
        self._sent_at = -1  # device sample
        self._song_sample: int | None = None  # last command
        self._is_playing: bool | None = None

    def where(self) -> PlayheadState:
        """Return the state after the last block and the commands sent since."""
        now = self._audio.telemetry().transport
        if now.device_sample > self._sent_at:
            self._song_sample = self._is_playing = None
            return PlayheadState(now.playing, now.song_sample, now.device_sample, True)
        is_playing = now.playing if self._is_playing is None else self._is_playing
        song_sample = now.song_sample if self._song_sample is None else self._song_sample
        return PlayheadState(is_playing, song_sample, now.device_sample, False)

    def play(self, song_sample: int | None = None, *, at: int = 0) -> None:
        """See `AudioEngine.play`."""
        self._audio.play(song_sample=song_sample, at=at)
        self._send(song_sample, is_playing=True)

    def stop(self, *, at: int = 0) -> None:
        """See `AudioEngine.stop`."""
        self._audio.stop(at=at)
        self._send(None, is_playing=False)

    def locate(self, song_sample: int, *, at: int = 0) -> None:
        """See `AudioEngine.locate`."""
        self._audio.locate(song_sample, at=at)
        self._send(song_sample, is_playing=None)

    def _send(self, song_sample: int | None, *, is_playing: bool | None) -> None:
        self._sent_at = self.where().device_sample
        if song_sample is not None:
            self._song_sample = song_sample
        if is_playing is not None:
            self._is_playing = is_playing


class TransportFollower:
    """Follower that keeps a playhead at a sender's position. Starts and jumps are exact to the sample."""

    def __init__(self, audio: AudioEngine, playhead: Playhead, is_rest: Callable[[int, int], bool] = lambda *_: False) -> None:
        """`is_rest(start, stop)` returns True for a span of song samples without sound."""
        self._audio, self._playhead, self._rate = audio, playhead, audio.sample_rate
        self._is_rest = is_rest
        self._offsets: deque[int] = deque(maxlen=_MOST_POSITIONS)  # positions of the sender since the last correction
        self._strays = 0
        self._starts_at = 0  # device sample of the last start; in the future at the end of a pre-roll
        self._is_held = False

    def hold(self) -> None:
        """Stay silent after a panic until the sender has stopped once."""
        self._is_held = True

    def follow(self, is_playing: bool, song_sample: int, device_sample: int) -> None:
        """Follow a position: the sender was at `song_sample`, which may be negative, at `device_sample` of the device."""
        now = self._playhead.where()
        if not is_playing:
            self._is_held = False
            self._stand(max(0, song_sample), now)
        elif self._is_held or song_sample < -_PRE_ROLL_S * self._rate:
            self._stand(0, now)
        elif not now.is_playing:
            at = max(1, device_sample - min(0, song_sample))
            self._playhead.play(max(0, song_sample + at - device_sample), at=at)
            self._strays, self._starts_at = 0, at
            self._offsets.clear()
        elif now.is_obeyed:
            self._correct(song_sample + now.device_sample - device_sample, now)

    def _stand(self, song_sample: int, now: PlayheadState) -> None:
        if now.is_playing:
            self._playhead.stop()
        if self._starts_at > now.device_sample:
            self._playhead.stop(at=self._starts_at)  # a start cannot be cancelled, only stopped as it begins
            self._starts_at = 0
        if now.is_playing or now.song_sample != song_sample:
            self._playhead.locate(song_sample)

    def _correct(self, there: int, now: PlayheadState) -> None:
        """Move to the sender's position `there` if the deviation is too large."""
        here = now.song_sample
        off = there - here
        loop = self._audio.telemetry().transport.loop
        if loop is not None and loop[0] <= there < loop[1] and loop[0] <= here < loop[1]:
            length = loop[1] - loop[0]
            off = (off + length // 2) % length - length // 2  # one of both may have wrapped already
        self._offsets.append(off)
        self._strays = self._strays + 1 if abs(off) > _TOLERANCE_S * self._rate else 0
        if self._strays >= _PATIENCE or abs(off) > _JUMP_S * self._rate:
            self._locate(there, now)
        elif len(self._offsets) >= _ENOUGH:
            steady = round(median(self._offsets))
            around = round(_REST_S * self._rate)
            if abs(steady) > _REST_TOLERANCE_S * self._rate and self._is_rest(here - around, here + around):
                self._locate(here + steady, now)

    def _locate(self, song_sample: int, now: PlayheadState) -> None:
        self._playhead.locate(max(0, song_sample), at=max(1, now.device_sample))
        self._strays = 0
        self._offsets.clear()


def midi_source(receiver: MidiReceiver, name: str) -> TransportSource:
    """Return the source "midi-clock" or "timecode" of a MIDI receiver."""
    ask = receiver.clock_state if name == "midi-clock" else receiver.timecode_state

    def source() -> tuple[TransportState, float]:
        state = ask()
        return state, max(0.0, receiver.clock_s() - state.time_s)

    return source


class JackTransport:
    """Transport of a JACK server as a source; a context manager. Raises DeviceError without a server or without JACK.

    JACK counts samples of its rate from the start of the song. A position is that of the last period; its age is measured with JACK's
    clock, whose offset to other clocks is unknown.
    """

    def __init__(self, name: str = "vocalese transport", *, server: str | None = None) -> None:
        self._client = open_client(name, server=server)
        import jack  # installed, or there would be no client

        self._rolling = jack.ROLLING
        self._jack_us = read_clock()
        self._client.activate()

    def __call__(self) -> tuple[TransportState, float]:
        """Return JACK's position at the start of its last period, and its age in seconds."""
        state, position = self._client.transport_query()
        age_s = max(0.0, (self._jack_us() - position["usecs"]) * 1e-6)
        moment_s = time.monotonic() - age_s
        song_s = position["frame"] / position["frame_rate"]
        bpm = position.get("beats_per_minute")
        return TransportState(moment_s, state == self._rolling, song_s=song_s, bpm=bpm or None), age_s

    def __enter__(self) -> JackTransport:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the client."""
        self._client.deactivate()
        self._client.close()
