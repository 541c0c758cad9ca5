"""Whose time the song follows: a host over OSC, MIDI clock, MIDI time code, JACK, or its own.

A source says where its song stood at a moment; `TransportFollower` starts, stops and moves the audio's transport accordingly.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TypeAlias

from bridge.audio.facade import AudioEngine
from bridge.jack import open_client
from bridge.midi.clock import TransportState
from bridge.midi.receiver import MidiReceiver

log = logging.getLogger(__name__)

TransportSource: TypeAlias = Callable[[], tuple[TransportState, float]]
"""Gives where a sender's song stood, and how many seconds ago that was."""

_TOLERANCE_S = 0.02  # what a sender's jitter may be; less is not corrected, for a correction is heard
_JUMP_S = 0.1  # further off than any jitter: the sender was located
_PATIENCE = 3  # positions in a row beyond the tolerance: a drift, not jitter
_PRE_ROLL_S = 0.1  # before the song, a start is sent ahead by this much


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a playhead is: `song_sample` comes at `device_sample`. `is_obeyed`: no command is still on its way."""

    is_playing: bool
    song_sample: int
    device_sample: int
    is_obeyed: bool


class Playhead:
    """An audio engine's transport as it is, or is about to be: what was sent counts before the next block obeys it."""

    def __init__(self, audio: AudioEngine) -> None:
        self._audio = audio
        self._sent_at = -1  # device sample
        self._song_sample: int | None = None  # as sent
        self._is_playing: bool | None = None

    def where(self) -> Standing:
        """As of the last block and the commands sent since."""
        now = self._audio.telemetry().transport
        if now.device_sample > self._sent_at:
            self._song_sample = self._is_playing = None
            return Standing(now.playing, now.song_sample, now.device_sample, True)
        is_playing = now.playing if self._is_playing is None else self._is_playing
        song_sample = now.song_sample if self._song_sample is None else self._song_sample
        return Standing(is_playing, song_sample, now.device_sample, False)

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
    """Keeps a playhead where a sender's is. Starts and jumps are exact to the sample of the position that was told."""

    def __init__(self, audio: AudioEngine, playhead: Playhead) -> None:
        self._audio, self._playhead, self._rate = audio, playhead, audio.sample_rate
        self._strays = 0
        self._starts_at = 0  # device sample of the last start; ahead of us at the end of a pre-roll
        self._is_held = False

    def hold(self) -> None:
        """After a panic: stay silent until the sender has stopped once."""
        self._is_held = True

    def follow(self, is_playing: bool, song_sample: int, device_sample: int) -> None:
        """The sender's song stood at `song_sample`, which may lie before the song, when the device stood at `device_sample`."""
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
        elif now.is_obeyed:
            self._correct(song_sample + now.device_sample - device_sample, now)

    def _stand(self, song_sample: int, now: Standing) -> None:
        if now.is_playing:
            self._playhead.stop()
        if self._starts_at > now.device_sample:
            self._playhead.stop(at=self._starts_at)  # a start cannot be called off, only ended as it begins
            self._starts_at = 0
        if now.is_playing or now.song_sample != song_sample:
            self._playhead.locate(song_sample)

    def _correct(self, there: int, now: Standing) -> None:
        """Move to `there`, where the sender is, if we are too far off."""
        here = now.song_sample
        off = abs(there - here)
        loop = self._audio.telemetry().transport.loop
        if loop is not None and loop[0] <= there < loop[1] and loop[0] <= here < loop[1]:
            off = min(off, loop[1] - loop[0] - off)  # one of both has turned already
        self._strays = self._strays + 1 if off > _TOLERANCE_S * self._rate else 0
        if self._strays >= _PATIENCE or off > _JUMP_S * self._rate:
            self._playhead.locate(max(0, there), at=max(1, now.device_sample))
            self._strays = 0


def midi_source(receiver: MidiReceiver, name: str) -> TransportSource:
    """What a MIDI receiver hears of "midi-clock" or "timecode"."""
    ask = receiver.clock_state if name == "midi-clock" else receiver.timecode_state
    return lambda: (ask(), 0.0)


class JackTransport:
    """The transport of a JACK server as a source; a context manager. DeviceError if there is no server, or JACK is not installed.

    JACK counts samples of its own rate from the start of the song. The moment of a position is that of the server's last period.
    """

    def __init__(self, name: str = "vocalese transport", *, server: str | None = None) -> None:
        self._client = open_client(name, server=server)
        import jack  # which is there, or there would be no client

        self._rolling = jack.ROLLING
        self._client.activate()

    def __call__(self) -> tuple[TransportState, float]:
        """Where JACK's transport stood at the beginning of its last period, and how many seconds ago that was."""
        state, position = self._client.transport_query()
        moment_s = position["usecs"] * 1e-6
        age_s = max(0.0, time.monotonic() - moment_s)
        song_s = position["frame"] / position["frame_rate"]
        bpm = position.get("beats_per_minute")
        return TransportState(moment_s, state == self._rolling, song_s=song_s, bpm=bpm or None), age_s

    def __enter__(self) -> JackTransport:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Leave the server."""
        self._client.deactivate()
        self._client.close()
