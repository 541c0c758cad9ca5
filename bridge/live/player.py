"""Player of one live track: decides when each frame is rendered and at which device sample it sounds.

Times are device samples, as the audio process counts them. Every event is due at its arrival and a constant later, so that the jitter of its
transport is not heard. No frame is rendered in silence. A note out of silence begins a passage: its first frame is rendered at once and starts
exactly where the note is due. Within a passage each frame is rendered as late as the ring allows, so that bends act soon; later events act with
the next frame. The voice's clock runs with the device's and is moved by at most half a frame where a passage begins.

Events act in the order of the times their senders gave them, and those of one time in order of arrival. Their due samples would not do:
they are read from a clock that is only nearly even, and two events of one time may be due in the wrong order.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from bridge.audio.live_ring import LiveWriter
from engine import Bend, Expression, LiveEvent, LiveVoice, LyricPosition, NoteOff, NoteOn

FRAME_RATE_HZ = 100
# A note begins with the first sample of this size (-46 dBFS): quieter samples before it would add delay and jitter, because their number
# depends on the pitch and the syllable.
_AUDIBLE, _LONGEST_INAUDIBLE_S = 5e-3, 0.00125
_FADE_IN_S, _FADE_IN_OF_NOTHING_S = 0.0005, 0.000125
MOST_WAITING = 10_000  # events of a track that were announced for later
_MOST_QUIET_FRAMES = 10  # of a voice that does not ring out to digital silence


_Waiting = tuple[int, int, float, LiveEvent]  # moment in ns, number, due device sample, event: sorted by the first two


@dataclass(frozen=True, slots=True)
class Leads:
    """Look-ahead in device samples.

    `block` is what the device asks for at once; `onset` and `passage` are how long before the latest moment rendering starts, for frames out of
    silence and for all others.
    """

    block: int
    onset: int
    passage: int


@dataclass(frozen=True, slots=True)
class _Passage:
    """The sound between two silences. `frame` of the voice starts at device sample `start` and ring sample `ring`.

    Both are where the frame would start if its inaudible beginning were not left out.
    """

    frame: int
    start: int
    ring: int


class LivePlayer:
    """See the module docstring. `soonest()` returns the first device sample that has not been asked for. Not safe for threads."""

    def __init__(self, voice: LiveVoice, writer: LiveWriter, soonest: Callable[[], int], *, sample_rate: int) -> None:
        self._voice, self._writer, self._soonest = voice, writer, soonest
        self._rate = sample_rate
        self._waiting: list[_Waiting] = []
        self._numbers = count()
        self._given_s = 0.0  # the time of the last event that the voice was given
        self._passage: _Passage | None = None
        self._free_from = 0  # device sample behind the last one in the ring
        self._quiet_frames = 0
        self._is_settled = True  # nothing that was fed waits for its frame
        self._next_voice: LiveVoice | None = None

    @property
    def voice(self) -> LiveVoice:
        return self._voice

    @property
    def is_sounding(self) -> bool:
        """Return whether a passage is in progress."""
        return self._passage is not None

    @property
    def lyric_position(self) -> LyricPosition:
        """Return the place of the next note in the words."""
        return self._voice.lyric_position

    def voice_s(self, device_sample: float) -> float:
        """Return a device sample as seconds on the voice's clock, which within a passage is the passage's own."""
        if self._passage is None:
            return device_sample / self._rate
        return self._passage.frame / FRAME_RATE_HZ + (device_sample - self._passage.start) / self._rate

    def feed(self, event: LiveEvent, due: float, moment: int) -> bool:
        """Add an event that is due at device sample `due`, after all events of an earlier `moment` (of its sender, in ns of any steady clock).

        The event's own time does not count. Return False if too many wait already; of note-offs twice as many
        fit, because without them notes would not end.
        """
        if len(self._waiting) >= MOST_WAITING * (2 if isinstance(event, NoteOff) else 1):
            return False
        heapq.heappush(self._waiting, (moment, next(self._numbers), due, event))
        return True

    def restore(self, events: Sequence[LiveEvent]) -> None:
        """Apply the lasting events of an earlier process, all within one frame of silence."""
        for event in events:
            self._feed_now(event)
        if self._passage is None:
            self._voice.skip(1)
            self._is_settled = True

    def change_voice(self, voice: LiveVoice) -> None:
        """Replace the voice by another one of the same performer, at the next silence."""
        self._next_voice = voice
        self._take_next_voice()

    def start_anew(self, voice: LiveVoice) -> None:
        """Drop the sound and all waiting notes, and go on with this voice, which is silent."""
        self._waiting = [item for item in self._waiting if not isinstance(item[3], NoteOn | NoteOff)]
        heapq.heapify(self._waiting)
        self._writer.discard()
        self._passage, self._free_from = None, 0
        self._voice, self._next_voice = voice, None

    def wake_at(self, now: float, leads: Leads) -> float:
        """Return the device sample at which `work` is due, inf if there is nothing to do."""
        if self._passage is not None:
            return self._end(now) - leads.block - leads.passage
        at = self._waiting[0][2] - leads.block - leads.onset if self._waiting else math.inf
        return at if self._is_settled else min(at, (self._voice.frame + 1) * self._rate / FRAME_RATE_HZ)

    def work(self, now: float, leads: Leads) -> None:
        """Process due work; renders at most one frame."""
        if self._passage is not None:
            self._go_on(self._passage)
        else:
            self._listen(now, leads)

    def silence(self, event: LiveEvent, now: float) -> None:
        """Act on a panic: fade the sound at once, drop waiting notes."""
        for _, _, _, waiting in sorted(self._waiting):
            if not isinstance(waiting, NoteOn | NoteOff):
                self._feed_now(waiting)
        self._waiting.clear()
        self._feed_now(event)
        if self._passage is not None:
            self._voice.render(1)  # discarded
            self._writer.discard()
            self._passage, self._free_from = None, 0
            self._take_next_voice()
        self._catch_up(now)

    def skip_to(self, now: float) -> None:
        """Advance the voice's clock to the device's, as after a long silence."""
        if self._passage is None:
            self._catch_up(now)

    # ---- silence -----------------------------------------------------------------------------------------------------

    def _listen(self, now: float, leads: Leads) -> None:
        while self._waiting and self._waiting[0][2] - leads.block - leads.onset <= now:
            moment, _, due, event = heapq.heappop(self._waiting)
            if isinstance(event, NoteOn) and event.velocity > 0:
                self._begin(event, moment, due)
                if self._passage is not None:
                    return
            else:
                self._feed_now(event)
        self._catch_up(now)

    def _begin(self, note: NoteOn, moment: int, due: float) -> None:
        self._voice.skip(max(0, round(due * FRAME_RATE_HZ / self._rate) - self._voice.frame))
        frame = self._voice.frame
        self._feed_now(note)
        while self._waiting and self._waiting[0][0] == moment and not isinstance(self._waiting[0][3], NoteOn):
            self._feed_now(heapq.heappop(self._waiting)[3])  # its bend, say
        samples = self._voice.render(1)
        self._is_settled = True
        if not self._voice.is_sounding and not samples.any():
            return  # a key switch, or a note to be silent
        sound, early = self._onset(samples)
        start = max(round(due), self._soonest(), self._free_from)
        if not self._writer.start_lies_ahead:
            self._writer.start_at(start)
        self._passage, self._quiet_frames = _Passage(frame, start - early, self._writer.written_samples - early), 0
        self._writer.append(sound)

    def _onset(self, samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
        """Return the first frame from its audible begin at the device's rate `[C, N]`, and how many samples that is ahead of the voice's clock.

        Nothing sounds before it, so the delays of the stream and of the rate match are left out as well.
        """
        sound = self._writer.matched(samples)
        held_back = round(self._voice.latency.stream_s * self._rate) + self._writer.delay_samples
        most, fade = round(_LONGEST_INAUDIBLE_S * self._rate), round(_FADE_IN_OF_NOTHING_S * self._rate)
        audible = np.abs(sound[0, held_back : held_back + most]) >= _AUDIBLE
        early = (int(audible.argmax()) if audible.any() else most) - fade
        if early <= 0:  # it sounds already: its beginning is cut off
            early, fade = 0, round(_FADE_IN_S * self._rate)
        sound = sound[:, held_back + early :].copy()
        sound[:, :fade] *= np.linspace(0.0, 1.0, fade, endpoint=False, dtype=np.float32)
        return sound, early

    def _catch_up(self, now: float) -> None:
        passed = math.floor(now * FRAME_RATE_HZ / self._rate) - self._voice.frame
        if passed > 0:
            self._voice.skip(passed)
            self._is_settled = True

    # ---- sound -------------------------------------------------------------------------------------------------------

    def _go_on(self, passage: _Passage) -> None:
        passage = self._passage = self._moved(passage)
        until = passage.start + (self._voice.frame + 1 - passage.frame) * self._rate / FRAME_RATE_HZ
        frame_events: list[tuple[float, LiveEvent]] = []
        moment = None
        while self._waiting and (self._waiting[0][2] < until or self._waiting[0][0] == moment):  # one moment is not torn apart
            moment, _, due, event = heapq.heappop(self._waiting)
            frame_events.append((min(due, math.nextafter(until, 0.0)), event))
        for due, event in _last_moves(frame_events):
            self._give(event, self.voice_s(due))
        samples = self._voice.render(1)
        self._writer.push(samples)
        self._quiet_frames = 0 if self._voice.is_sounding else self._quiet_frames + 1
        if self._quiet_frames and (not samples.any() or self._quiet_frames >= _MOST_QUIET_FRAMES):
            self._writer.rest()
            self._free_from = self._writer.end_sample or 0
            self._passage = None
            self._take_next_voice()

    def _moved(self, passage: _Passage) -> _Passage:
        """Return the passage where it lies now: samples that the ring did not get in time sound later, and all behind them too."""
        end = self._writer.end_sample
        return passage if end is None else replace(passage, start=end - (self._writer.written_samples - passage.ring))

    def _end(self, now: float) -> float:
        """Return the device sample behind the last one in the ring. Unknown after an underrun: then as soon as there is enough."""
        end = self._writer.end_sample
        return now + self._writer.waiting_samples if end is None else end

    def _feed_now(self, event: LiveEvent) -> None:
        self._give(event, self._voice.frame / FRAME_RATE_HZ)
        self._is_settled = False

    def _give(self, event: LiveEvent, time_s: float) -> None:
        """Feed the voice at a time not before that of the last event, because it sorts by time too."""
        self._given_s = max(self._given_s, time_s)
        self._voice.feed(replace(event, time_s=self._given_s))

    def _take_next_voice(self) -> None:
        if self._passage is None and self._next_voice is not None:
            self._voice, self._next_voice = self._next_voice, None


def _last_moves(events: Sequence[tuple[float, LiveEvent]]) -> list[tuple[float, LiveEvent]]:
    """Return events without bends and controllers that the same kind follows in this frame: only the last acts."""
    kept: list[tuple[float, LiveEvent]] = []
    for due, event in events:
        if kept and isinstance(event, Bend | Expression) and _moves(kept[-1][1]) == _moves(event):
            kept.pop()
        kept.append((due, event))
    return kept


def _moves(event: LiveEvent) -> tuple[object, ...]:
    """Return a key for the value that an event moves."""
    return (type(event), getattr(event, "note_id", None), getattr(event, "parameter", None))
