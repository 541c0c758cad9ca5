"""The engine process: `python -m bridge.live.worker`, started by `bridge.live.supervisor`. It renders live voices and never imports torch.

Messages come in on standard input and go out on standard output, see `messages`. `Open` comes first and is answered by `Ready` or `Refused`.
The process ends when its input does. One thread at a time loads a voice; all else happens in the loop of `main`, which sleeps until the next
request comes or the next frame is due.
"""

from __future__ import annotations

import gc
import logging
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

import numpy as np

from bridge.audio.live_ring import UNDERRUNS, LiveWriter
from bridge.audio.memory import AudioMemory
from bridge.realtime.child_process import parent_pipe
from bridge.realtime.ipc import Message, MessagePipe
from bridge.realtime.keep_warm import VOICE_EVERY_S, KeepWarm
from bridge.realtime.priority import SINGER, RealtimePriority
from bridge.realtime.process_tuning import tune_process
from engine import (
    LivePerformer,
    LiveVoice,
    LyricPosition,
    NoteOn,
    Panic,
    PerformanceSettings,
    Score,
    StreamingVoice,
    VocaleseError,
    VoiceError,
    load_voice,
    write_score,
)

from . import messages
from .device_time import DeviceTime
from .messages import Request, WireEvent, read_event
from .player import FRAME_RATE_HZ, MOST_WAITING, Leads, LivePlayer

_SWITCH_S = 0.0005  # between threads: loading a voice must not delay a frame
_REPORT_EVERY_S = 1.0
_COLLECT_EVERY_S = 10.0
_REQUESTS_AT_ONCE = 32  # then a frame may be due
_LONGER_LEAD_S, _LONGEST_LEAD_S = 0.004, 0.030  # for each underrun
_MOST_STEPS = 4  # of it in a second
_WARM_UP_FRAMES = 20

log = logging.getLogger(__name__)


@runtime_checkable
class WarmsUp(Protocol):
    """A voice that can compute a first frame that is not played."""

    def warm_up(self) -> Iterator[None]:
        """Compute it in parts of half a millisecond or so."""
        ...


class LiveEngine:
    """All tracks: `handle` takes a request, `turn` does the most urgent work; neither waits. `report(message)` tells the parent.

    With a `priority` the thread that calls `turn` has real-time priority while it renders.
    """

    def __init__(
        self,
        request: messages.Open,
        report: Callable[[Message], object],
        priority: RealtimePriority | None = None,
    ) -> None:
        config = request.config
        self._memory = AudioMemory.attach(config.address)
        self._rate = config.address.sample_rate
        self._report, self._priority = report, priority
        self.time = DeviceTime(self._memory, is_manual=config.is_manual)
        self._onset, self._passage = (round(lead_s * self._rate) for lead_s in (config.onset_lead_s, config.passage_lead_s))
        self._folders = tuple(Path(folder) for folder in config.voice_folders)
        self._loaded_voices: dict[str, StreamingVoice] = {}
        self._performers: list[LivePerformer] = []
        self._writers: list[LiveWriter] = []
        self._players: list[LivePlayer] = []
        self._positions: list[LyricPosition | None] = []
        self._voices: list[StreamingVoice] = []  # of each track
        self._marks: dict[int, float] = {}  # begin of takes by track, on the voices' clock
        for track, name in enumerate(config.voices):
            self._add_track(track, self._voice(name))
        for track, player in enumerate(self._players):
            player.skip_to(self.time.now())
            if request.known and request.known[track]:
                player.restore([read_event(event) for event in request.known[track]])
                self._positions[track] = player.lyric_position  # the parent knows it
        self._overfed = [False] * len(self._players)
        self._underruns = self._count_underruns()
        self._found: queue.SimpleQueue[tuple[int, str, StreamingVoice | VocaleseError]] = queue.SimpleQueue()
        self._busy_s = 0.0
        self._is_kept_warm = config.keep_warm and not config.is_manual
        self._keep_warm: KeepWarm | None = None
        self._keep_warm_with(self._voices[0])

    @property
    def players(self) -> tuple[LivePlayer, ...]:
        """Return the players of all tracks."""
        return tuple(self._players)

    @property
    def leads(self) -> Leads:
        """Return the look-ahead in device samples."""
        return Leads(self.time.block_frames, self._onset, self._passage)

    def handle(self, request: Request) -> None:
        """Act on a request of the parent."""
        match request:
            case messages.TrackEvents():
                for event in request.events:
                    self._feed(request.track, event, request.at_ns)
            case messages.WarmEvents():
                for event in request.events:
                    read_event(event)
                    self._due(request.at_ns)
            case messages.Restore():
                self._players[request.track].restore([read_event(event) for event in request.events])
                self._tell(request.track)
            case messages.ChangeVoice():
                self._ask_for_voice(request.track, request.name)
            case messages.Mark():
                self._mark(request.track, request.at_ns)
            case messages.WriteTake():
                self._take(request)
            case _:
                raise ValueError(f"{type(request).__name__} comes first or not at all.")

    def turn(self) -> float:
        """Do the most urgent work if it is time. Return the seconds until the next, 0 if there is more to do."""
        while not self._found.empty():
            self._change_voice(*self._found.get())
        leads, now = self.leads, self.time.now()
        wakes = [player.wake_at(now, leads) for player in self._players]
        track = min(range(len(wakes)), key=wakes.__getitem__)
        if wakes[track] > now:
            return self._idle((wakes[track] - now) / self._rate)
        if self._priority is not None:
            self._priority.acquire()
        started_s = time.perf_counter()
        try:
            self._players[track].work(now, leads)
        except Exception as error:
            self._recover(track, error)
        self._busy_s += time.perf_counter() - started_s
        self._tell(track)
        return 0.0

    def report_load(self, within_s: float) -> None:
        """Report how busy the last seconds were; after an underrun, look further ahead."""
        underruns = self._count_underruns()
        longer_s = _LONGER_LEAD_S * min(underruns - self._underruns, _MOST_STEPS)
        self._passage = min(self._passage + round(longer_s * self._rate), round(_LONGEST_LEAD_S * self._rate))
        self._underruns = underruns
        self._overfed = [False] * len(self._players)
        self._report(messages.Load(self._busy_s / within_s, self._passage / self._rate))
        self._busy_s = 0.0

    def close(self) -> None:
        """Release the shared memory."""
        for writer in self._writers:
            writer.close()
        self._memory.close()

    def _add_track(self, track: int, voice: StreamingVoice) -> None:
        performer = LivePerformer(PerformanceSettings(seed=track))
        writer = LiveWriter(self._memory, track, source_rate=voice.card.sample_rate)
        writer.discard()  # samples of a process that died
        self._performers.append(performer)
        self._voices.append(voice)
        self._writers.append(writer)
        live = LiveVoice(performer, voice.stream())
        self._players.append(LivePlayer(live, writer, self.time.soonest, sample_rate=self._rate))
        self._positions.append(None)

    def _keep_warm_with(self, voice: StreamingVoice) -> None:
        self._keep_warm = None
        if self._is_kept_warm and isinstance(voice, WarmsUp):
            self._keep_warm = KeepWarm(voice_warm_up(voice).__next__, every_s=VOICE_EVERY_S)

    def _idle(self, idle_s: float) -> float:
        """Keep the voice warm between the notes of somebody who plays. Return the seconds to sleep, at most `idle_s`."""
        warm = self._keep_warm
        if warm is None or idle_s < warm.every_s or not warm.is_active or any(player.is_sounding for player in self._players):
            return idle_s
        if self._priority is not None:
            self._priority.release()  # the threads that bring a note come first
        return warm.run()

    def _feed(self, track: int, received: WireEvent, at_ns: int) -> None:
        event, player = read_event(received), self._players[track]
        if isinstance(event, Panic):
            player.silence(event, self.time.now())
            self._tell(track)
            return
        if self._keep_warm is not None:
            self._keep_warm.note_activity()
        if not player.feed(event, self._due(at_ns), at_ns) and not self._overfed[track]:
            self._overfed[track] = True
            text = f"More than {MOST_WAITING} events wait for their time; others are left out until then."
            self._report(messages.Notice(track, text))

    def _due(self, at_ns: int) -> float:
        leads = self.leads
        return self.time.at(at_ns) + leads.block + leads.onset

    def _tell(self, track: int) -> None:
        player = self._players[track]
        for text in player.voice.take_notices():
            self._report(messages.Notice(track, text))
        position = player.lyric_position
        if position != self._positions[track]:
            self._positions[track] = position
            self._report(messages.Position(track, position.line, position.syllable, position.next_text, position.remaining))

    # ---- voices ------------------------------------------------------------------------------------------------------

    def _voice(self, name: str) -> StreamingVoice:
        if name not in self._loaded_voices:
            voice = load_voice(name, self._folders)
            if not hasattr(voice, "stream"):
                raise VoiceError(f"'{name}' cannot sing live, only render. Take another voice for live play.")
            streaming = cast(StreamingVoice, voice)
            _warm_up(streaming)
            self._loaded_voices[name] = streaming
        return self._loaded_voices[name]

    def _ask_for_voice(self, track: int, name: str) -> None:
        def load() -> None:
            try:
                self._found.put((track, name, self._voice(name)))
            except VocaleseError as error:
                self._found.put((track, name, error))

        if name in self._loaded_voices:
            self._change_voice(track, name, self._loaded_voices[name])
        else:
            threading.Thread(target=load, name="voice", daemon=True).start()

    def _change_voice(self, track: int, name: str, found: StreamingVoice | VocaleseError) -> None:
        if isinstance(found, VocaleseError):
            self._report(messages.VoiceChanged(track, name, str(found)))
            return
        if found.card.sample_rate != self._players[track].voice.sample_rate:
            error = f"'{name}' has another sample rate than the voices of this session."
            self._report(messages.VoiceChanged(track, name, error))
            return
        performer, stream = self._performers[track], found.stream()
        stream.skip(performer.frame)
        self._voices[track] = found
        self._keep_warm_with(found)
        self._players[track].change_voice(LiveVoice(performer, stream))
        self._report(messages.VoiceChanged(track, name))

    def _recover(self, track: int, error: Exception) -> None:
        """Give the track a fresh stream after a failure, so that the other tracks go on."""
        log.exception("track %d", track, exc_info=error)
        self._report(messages.Notice(track, f"A note could not be sung and is left out: {error}."))
        player, performer = self._players[track], self._performers[track]
        performer.feed(Panic(0.0, keeps_controllers=True))
        performer.advance(1)
        stream = self._voices[track].stream()
        stream.skip(performer.frame)
        player.start_anew(LiveVoice(performer, stream))

    # ---- takes -------------------------------------------------------------------------------------------------------

    def _mark(self, track: int, at_ns: int) -> None:
        """Begin a take. Notes sent after this sound in the voice's next frame or later, also when both are handled late."""
        player = self._players[track]
        player.skip_to(self.time.now())
        self._marks[track] = min(player.voice_s(self.time.at(at_ns)), player.voice.frame / FRAME_RATE_HZ)

    def _take(self, request: messages.WriteTake) -> None:
        """Write what was played on some tracks as one score. Reading it is quick; a thread writes the file."""
        marks = [self._marks.pop(track) for track in request.tracks if track in self._marks]
        start_s = max(0.0, min(marks, default=0.0))
        scores = [self._players[track].voice.take(start_s=start_s, name=f"track {track + 1}") for track in request.tracks]
        tracks = tuple(part for score in scores for part in score.tracks if part.notes)
        score = replace(scores[0], title=request.name, tracks=tracks)
        threading.Thread(target=self._write, args=(score, request), name="take").start()

    def _write(self, score: Score, request: messages.WriteTake) -> None:
        error = ""
        try:
            if not score.tracks:
                raise VocaleseError("Nothing was played; there is nothing to write.")
            write_score(score, Path(request.path))
        except (VocaleseError, OSError) as refusal:
            error = str(refusal)
        self._report(messages.TakeWritten(request.number, request.path, error))

    def _count_underruns(self) -> int:
        return sum(int(counters[UNDERRUNS]) for counters in self._memory.live_counters)


def main() -> int:
    """Run until the parent is gone or closes the input."""
    pipe: MessagePipe[Request] = parent_pipe(Request)
    np.seterr(all="ignore")
    priority = RealtimePriority(SINGER)
    try:
        request = pipe.receive()
        if not isinstance(request, messages.Open):
            return 1
        engine = LiveEngine(request, pipe.send, priority)
    except EOFError:
        return 0
    except VocaleseError as error:
        pipe.send(messages.Refused(type(error).__name__, str(error)))
        return 1
    tune_process(_SWITCH_S)
    pipe.send(messages.Ready(tuple(sorted(name for name in sys.modules if "." not in name))))
    with suppress(EOFError):
        _run(engine, pipe, priority)
    engine.close()
    return 0


def _run(engine: LiveEngine, pipe: MessagePipe[Request], priority: RealtimePriority) -> None:
    """Alternate requests and work. Raises EOFError when the parent is gone."""
    wait_s, reported_s, collected_s = 0.0, time.monotonic(), time.monotonic()
    while True:
        now_s = time.monotonic()
        if now_s - reported_s >= _REPORT_EVERY_S:
            engine.report_load(now_s - reported_s)
            reported_s = now_s
        is_idle = not any(player.is_sounding for player in engine.players)
        if now_s - collected_s >= _COLLECT_EVERY_S and (is_idle or now_s - collected_s >= 10 * _COLLECT_EVERY_S):
            priority.release()
            gc.collect()
            collected_s = now_s
        limit_s = max(0.0, reported_s + _REPORT_EVERY_S - time.monotonic())
        wait_s = min(wait_s, limit_s)
        if wait_s > 0:
            priority.acquire()  # a note must not wait for a processor
        for _ in range(_REQUESTS_AT_ONCE):
            if (request := pipe.receive(wait_s)) is None:
                break
            engine.handle(request)
            wait_s = 0.0
        wait_s = engine.turn()


def voice_warm_up(voice: WarmsUp) -> Iterator[float]:
    """Yield the seconds until the next part, without end: beginnings of notes that are not played, in parts that delay nothing."""
    while True:
        performer = LivePerformer(PerformanceSettings())
        performer.feed(NoteOn(0.0, 0, 60.0))
        performer.advance(1)
        yield 0.0
        yield from (0.0 for _ in voice.warm_up())
        yield VOICE_EVERY_S


def _warm_up(voice: StreamingVoice) -> None:
    """Render a note that is not played, so that the first one is as quick as the others."""
    scratch = LiveVoice(LivePerformer(PerformanceSettings()), voice.stream())
    scratch.feed(NoteOn(0.0, 0, 60.0))
    scratch.render(_WARM_UP_FRAMES)


if __name__ == "__main__":
    sys.exit(main())
