"""One track that is played live: which frames are sung when, and where on the device they sound.

Times are device samples, as the audio process counts them. Every event is due at its arrival and a constant later, so that the ways it
came by add no jitter. In silence nothing is sung. A note out of silence begins a passage: its first frame is sung at once and starts
exactly where the note is due. While a passage lasts each frame is sung as late as the ring allows, so that bends are heard soon; what
comes then acts with the next frame. The voice's own clock runs with the device's and is moved by at most half a frame where a passage begins.

Events act in the order of the moments their senders gave them, and of one moment in the order in which they came. Their due samples would not
do for that: they are read from a clock that is only nearly even, and two events of one moment may be due the wrong way round.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from bridge.audio.live import LiveWriter
from engine import Bend, Expression, LiveEvent, LiveVoice, LyricPosition, NoteOff, NoteOn

FRAME_RATE_HZ = 100
# A note begins with the first sample of this size (-46 dBFS): what a voice has before it would be heard as delay, and as jitter, for it
# depends on the pitch and the syllable.
_AUDIBLE, _LONGEST_INAUDIBLE_S = 5e-3, 0.00125
_FADE_IN_S, _FADE_IN_OF_NOTHING_S = 0.0005, 0.000125
MOST_WAITING = 10_000  # events of a track that were announced for later
_MOST_QUIET_FRAMES = 10  # of a voice that does not ring out to digital silence


_Waiting = tuple[int, int, float, LiveEvent]  # moment in ns, number, due device sample, event: sorted by the first two


@dataclass(frozen=True, slots=True)
class Leads:
    """In device samples: `block` is what the device asks for at once, `onset` and `passage` how long before the latest moment frames
    out of silence and all others begin to be sung."""

    block: int
    onset: int
    passage: int


@dataclass(frozen=True, slots=True)
class _Passage:
    """From a note out of silence to the next silence: `frame` of the voice starts at `start` of the device, with ring sample `ring`, or
    would, if its beginning were not left out."""

    frame: int
    start: int
    ring: int


class LivePlayer:
    """See the module docstring. `soonest()` is the first device sample that has not been asked for. Not safe for use by several threads at
    once."""

    def __init__(self, voice: LiveVoice, writer: LiveWriter, soonest: Callable[[], int], *, sample_rate: int) -> None:
        self._voice, self._writer, self._soonest = voice, writer, soonest
        self._rate = sample_rate
        self._waiting: list[_Waiting] = []
        self._numbers = count()
        self._given_s = 0.0  # the time of the last event that the voice was given
        self._passage: _Passage | None = None
        self._free_from = 0  # behind what was handed over
        self._quiet_frames = 0
        self._is_settled = True  # nothing that was fed waits for its frame
        self._next_voice: LiveVoice | None = None

    @property
    def voice(self) -> LiveVoice:
        return self._voice

    @property
    def is_sounding(self) -> bool:
        """A passage is being sung."""
        return self._passage is not None

    @property
    def lyric_position(self) -> LyricPosition:
        """Which syllable the next note takes from the queue."""
        return self._voice.lyric_position

    def voice_s(self, device_sample: float) -> float:
        """A device sample on the voice's clock. While a passage lasts that clock is the passage's own."""
        if self._passage is None:
            return device_sample / self._rate
        return self._passage.frame / FRAME_RATE_HZ + (device_sample - self._passage.start) / self._rate

    def feed(self, event: LiveEvent, due: float, moment: int) -> bool:
        """Something to happen at device sample `due`, behind everything of an earlier `moment` (its sender's, in ns of any steady clock). The
        event's own time does not count. False if too much waits already; a key that comes up finds room longer, or its note would not end."""
        if len(self._waiting) >= MOST_WAITING * (2 if isinstance(event, NoteOff) else 1):
            return False
        heapq.heappush(self._waiting, (moment, next(self._numbers), due, event))
        return True

    def restore(self, events: Sequence[LiveEvent]) -> None:
        """Let the voice know what lasts of an earlier life, all of it within one frame of silence."""
        for event in events:
            self._feed_now(event)
        if self._passage is None:
            self._voice.skip(1)
            self._is_settled = True

    def change_voice(self, voice: LiveVoice) -> None:
        """Sing on with another voice of the same performer, from the next silence on."""
        self._next_voice = voice
        self._take_next_voice()

    def start_anew(self, voice: LiveVoice) -> None:
        """Drop what sounds and all notes that wait, and go on with this voice, which is silent."""
        self._waiting = [item for item in self._waiting if not isinstance(item[3], NoteOn | NoteOff)]
        heapq.heapify(self._waiting)
        self._writer.discard()
        self._passage, self._free_from = None, 0
        self._voice, self._next_voice = voice, None

    def wake_at(self, now: float, leads: Leads) -> float:
        """When `work` is wanted: a device sample, inf if there is nothing to do."""
        if self._passage is not None:
            return self._end(now) - leads.block - leads.passage
        at = self._waiting[0][2] - leads.block - leads.onset if self._waiting else math.inf
        return at if self._is_settled else min(at, (self._voice.frame + 1) * self._rate / FRAME_RATE_HZ)

    def work(self, now: float, leads: Leads) -> None:
        """What is to be done by now: at most one frame is sung."""
        if self._passage is not None:
            self._go_on(self._passage)
        else:
            self._listen(now, leads)

    def silence(self, event: LiveEvent, now: float) -> None:
        """Panic: what sounds fades at once, notes that wait are called off."""
        for _, _, _, waiting in sorted(self._waiting):
            if not isinstance(waiting, NoteOn | NoteOff):
                self._feed_now(waiting)
        self._waiting.clear()
        self._feed_now(event)
        if self._passage is not None:
            self._voice.render(1)  # its frame is not heard
            self._writer.discard()
            self._passage, self._free_from = None, 0
            self._take_next_voice()
        self._catch_up(now)

    def skip_to(self, now: float) -> None:
        """Let the voice's clock run up to the device's, as when nothing was played for long."""
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
        """The first frame from where it is heard on, at the device's rate `[C, N]`, and how many samples earlier than by the voice's clock
        that is. Nothing is to be heard before it, so what the stream and the rate match hold back is left out as well."""
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
        while self._waiting and self._waiting[0][2] < until:
            _, _, due, event = heapq.heappop(self._waiting)
            frame_events.append((due, event))
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
        """Where the passage lies now: what the ring had not in time is heard later, and all behind it too."""
        end = self._writer.end_sample
        return passage if end is None else replace(passage, start=end - (self._writer.written_samples - passage.ring))

    def _end(self, now: float) -> float:
        """Where what was handed over ends. After an underrun it is not known: then it starts again as soon as there is enough."""
        end = self._writer.end_sample
        return now + self._writer.waiting_samples if end is None else end

    def _feed_now(self, event: LiveEvent) -> None:
        self._give(event, self._voice.frame / FRAME_RATE_HZ)
        self._is_settled = False

    def _give(self, event: LiveEvent, time_s: float) -> None:
        """The voice sorts by time too: no event may come before the one that was given before it."""
        self._given_s = max(self._given_s, time_s)
        self._voice.feed(replace(event, time_s=self._given_s))

    def _take_next_voice(self) -> None:
        if self._passage is None and self._next_voice is not None:
            self._voice, self._next_voice = self._next_voice, None


def _last_moves(events: Sequence[tuple[float, LiveEvent]]) -> list[tuple[float, LiveEvent]]:
    """Without bends and controllers that another one of the same kind follows at once: in one frame only the last is heard."""
    kept: list[tuple[float, LiveEvent]] = []
    for due, event in events:
        if kept and isinstance(event, Bend | Expression) and _moves(kept[-1][1]) == _moves(event):
            kept.pop()
        kept.append((due, event))
    return kept


def _moves(event: LiveEvent) -> tuple[object, ...]:
    """What an event moves."""
    return (type(event), getattr(event, "note_id", None), getattr(event, "parameter", None))
