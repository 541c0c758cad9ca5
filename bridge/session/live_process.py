"""The engine process: `python -m bridge.session.live_process`, started by `engine_process`. It sings, and never imports torch.

Lines of JSON come in on standard input and go out on standard output. First comes `open`; the answer is `ready`, or `refused`. When the
input ends, the parent is gone, and so is this process. One thread at a time loads a voice; everything else happens in the loop of `main`, which
sleeps until the next order comes or the next frame is wanted.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import queue
import select
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bridge.audio.control import DEVICE_SAMPLE, SEQUENCE, clock_of
from bridge.audio.live import UNDERRUNS, LiveWriter
from bridge.audio.memory import AudioAddress, AudioMemory
from bridge.priority import SINGER, Urgency
from engine import (
    LiveEvent,
    LivePerformer,
    LiveVoice,
    NoteOn,
    Panic,
    PerformanceSettings,
    Score,
    VocaleseError,
    VoiceError,
    load_voice,
    write_score,
)

from .live_player import FRAME_RATE_HZ, MOST_WAITING, Leads, LivePlayer
from .live_wire import read_event

_SWITCH_S = 0.0005  # between threads: the singer is not kept waiting by one that loads a voice
_REPORT_EVERY_S = 1.0
_COLLECT_EVERY_S = 10.0
# Caches forget what is not used for some ten milliseconds, and a first frame from memory takes two to four times as long. So between notes
# the voice rehearses, in parts that hold nothing up; not for ever, though: it takes a third of a processor.
_REHEARSE_EVERY_S, _REHEARSE_FOR_S = 0.006, 30.0
_ORDERS_AT_ONCE = 32  # then a frame may be due
_LONGER_LEAD_S, _LONGEST_LEAD_S = 0.004, 0.030  # for each underrun
_MOST_STEPS = 4  # of it in a second
_LATE_BLOCK_S = 0.001  # jitter of the device that the clock's steady rate may hide
_MOST_BLOCKS_AT_ONCE = 4  # that hosts ask for in one go

log = logging.getLogger(__name__)
_WARM_UP_FRAMES = 20


@dataclass(frozen=True, slots=True)
class Opening:
    """What the engine is opened with. `voices[track]` names each track's voice; leads in seconds, see `Leads`. `is_manual`: the device has no
    time of its own and is advanced by hand. `known[track]`: what an engine before this one was told and what lasts of it."""

    address: AudioAddress
    voices: tuple[str, ...]
    voice_folders: tuple[str, ...] = ()
    onset_lead_s: float = 0.00925
    passage_lead_s: float = 0.010
    is_manual: bool = False
    known: tuple[tuple[LiveEvent, ...], ...] = ()


class DeviceTime:
    """The device's clock, as numbers of samples."""

    def __init__(self, memory: AudioMemory, *, is_manual: bool) -> None:
        self._memory, self._is_manual = memory, is_manual
        self._rate = memory.address.sample_rate
        self._block_frames = 0

    @property
    def block_frames(self) -> int:
        """Of the largest block that was asked for: hosts may choose anew each time."""
        self._block_frames = max(self._block_frames, clock_of(self._memory).block_frames)
        return self._block_frames

    def now(self) -> float:
        """The sample that the device would be asked for at this moment."""
        return self._at(time.monotonic_ns())

    def soonest(self) -> int:
        """The first sample that the device has not asked for yet: what is written now can begin there."""
        asked_for, in_callback = int(self._memory.ints[DEVICE_SAMPLE]), bool(self._memory.ints[SEQUENCE] % 2)
        return asked_for + in_callback * self.block_frames

    def at(self, monotonic_ns: int) -> float:
        """The same for another moment. Asked twice for one moment, the answers may differ by some samples either way."""
        now_ns = time.monotonic_ns()
        ahead = 0.0 if self._is_manual else (monotonic_ns - now_ns) * 1e-9 * self._rate
        return self._at(now_ns) + ahead

    def _at(self, now_ns: int) -> float:
        """The steady rate is trusted as long as the device keeps it: one that stalls, or has lost time, asks for less than it should by
        now."""
        asked_for = int(self._memory.ints[DEVICE_SAMPLE])
        if self._is_manual:
            return asked_for
        clock = clock_of(self._memory)
        expected = clock.device_sample + (now_ns - clock.block_ns) * 1e-9 * self._rate
        least, most = asked_for - _MOST_BLOCKS_AT_ONCE * clock.block_frames, asked_for + _LATE_BLOCK_S * self._rate
        return min(max(expected, least), most)


class LiveEngine:
    """All tracks. `handle` takes an order, `turn` does what is most urgent; neither waits. `say(event, **values)` tells the parent. With an
    `urgency` the thread that calls `turn` has real-time priority while it sings."""

    def __init__(self, opening: Opening, say: Any, urgency: Urgency | None = None) -> None:
        self._memory = AudioMemory.attach(opening.address)
        self._rate = opening.address.sample_rate
        self._say = say
        self.time = DeviceTime(self._memory, is_manual=opening.is_manual)
        self._onset, self._passage = (round(lead_s * self._rate) for lead_s in (opening.onset_lead_s, opening.passage_lead_s))
        self._folders = tuple(Path(folder) for folder in opening.voice_folders)
        self._voices: dict[str, Any] = {}
        self._performers: list[LivePerformer] = []
        self._writers: list[LiveWriter] = []
        self._players: list[LivePlayer] = []
        self._positions: list[Any] = []
        self._sung_by: list[Any] = []
        self._marks: dict[int, float] = {}  # where takes begin, by track; on the voices' clock
        for track, name in enumerate(opening.voices):
            voice = self._voice(name)
            performer = LivePerformer(PerformanceSettings(seed=track))
            writer = LiveWriter(self._memory, track, source_rate=voice.card.sample_rate)
            writer.discard()  # of one that died
            self._performers.append(performer)
            self._sung_by.append(voice)
            self._writers.append(writer)
            live = LiveVoice(performer, voice.stream())
            self._players.append(LivePlayer(live, writer, self.time.soonest, sample_rate=self._rate))
            self._positions.append(None)
        for track, player in enumerate(self._players):
            player.skip_to(self.time.now())
            if opening.known and opening.known[track]:
                player.restore(opening.known[track])
                self._positions[track] = player.lyric_position  # the parent knows it
        self._overfed = [False] * len(self._players)
        self._underruns = self._count_underruns()
        self._loaded: queue.SimpleQueue[tuple[int, str, Any]] = queue.SimpleQueue()
        self._busy_s = 0.0
        self._urgency = urgency
        self._is_manual = opening.is_manual
        self._rehearse_with(self._sung_by[0])
        self._played_s = time.monotonic()

    @property
    def players(self) -> tuple[LivePlayer, ...]:
        return tuple(self._players)

    @property
    def leads(self) -> Leads:
        return Leads(self.time.block_frames, self._onset, self._passage)

    def handle(self, order: dict[str, Any]) -> None:
        """Obey one line of the parent."""
        match order["do"]:
            case "events":
                for values in order["events"]:
                    self._feed(order["track"], values, order["at_ns"])
            case "rehearse":
                for values in order["events"]:
                    read_event(values)
                    self._due(order["at_ns"])
            case "restore":
                self._players[order["track"]].restore([read_event(values) for values in order["events"]])
                self._tell(order["track"])
            case "voice":
                self._ask_for_voice(order["track"], order["name"])
            case "mark":
                self._mark(order["track"], order["at_ns"])
            case "take":
                self._take(order)
            case unknown:
                raise ValueError(f"{unknown!r} is no order")

    def turn(self) -> float:
        """Do the most urgent thing if it is time. Returns the seconds until the next, 0 if there is more to do."""
        while not self._loaded.empty():
            self._change_voice(*self._loaded.get())
        leads, now = self.leads, self.time.now()
        wakes = [player.wake_at(now, leads) for player in self._players]
        track = min(range(len(wakes)), key=wakes.__getitem__)
        if wakes[track] > now:
            return self._rehearse((wakes[track] - now) / self._rate)
        if self._urgency is not None:
            self._urgency.rise()
        started_s = time.perf_counter()
        try:
            self._players[track].work(now, leads)
        except Exception as error:
            self._recover(track, error)
        self._busy_s += time.perf_counter() - started_s
        self._tell(track)
        return 0.0

    def _rehearse_with(self, voice: Any) -> None:
        self._rehearsal = _rehearsal(voice) if hasattr(voice, "rehearsal") and not self._is_manual else None

    def _rehearse(self, idle_s: float) -> float:
        """Between the notes of one who plays. Returns the seconds that may be slept, at most `idle_s`."""
        is_played = time.monotonic() - self._played_s < _REHEARSE_FOR_S
        is_sounding = any(player.is_sounding for player in self._players)
        if self._rehearsal is None or is_sounding or not is_played or idle_s < _REHEARSE_EVERY_S:
            return idle_s
        if self._urgency is not None:
            self._urgency.fall()  # the threads that bring a note come first
        return next(self._rehearsal)

    def report(self, within_s: float) -> None:
        """Say how busy the last seconds were; after an underrun, hold more in store."""
        underruns = self._count_underruns()
        longer_s = _LONGER_LEAD_S * min(underruns - self._underruns, _MOST_STEPS)
        self._passage = min(self._passage + round(longer_s * self._rate), round(_LONGEST_LEAD_S * self._rate))
        self._underruns = underruns
        self._overfed = [False] * len(self._players)
        self._say("load", share=self._busy_s / within_s, passage_lead_s=self._passage / self._rate)
        self._busy_s = 0.0

    def close(self) -> None:
        """Let go of the shared memory."""
        for writer in self._writers:
            writer.close()
        self._memory.close()

    def _feed(self, track: int, values: list[Any], at_ns: int) -> None:
        event, player = read_event(values), self._players[track]
        if isinstance(event, Panic):
            player.silence(event, self.time.now())
            self._tell(track)
            return
        self._played_s = time.monotonic()
        if not player.feed(event, self._due(at_ns), at_ns) and not self._overfed[track]:
            self._overfed[track] = True
            self._say(
                "notice",
                track=track,
                text=f"More than {MOST_WAITING} events wait for their time; others are left out until then.",
            )

    def _due(self, at_ns: int) -> float:
        leads = self.leads
        return self.time.at(at_ns) + leads.block + leads.onset

    def _tell(self, track: int) -> None:
        player = self._players[track]
        for text in player.voice.take_notices():
            self._say("notice", track=track, text=text)
        position = player.lyric_position
        if position != self._positions[track]:
            self._positions[track] = position
            self._say(
                "position",
                track=track,
                line=position.line,
                syllable=position.syllable,
                text=position.next_text,
                remaining=position.remaining,
            )

    # ---- voices ------------------------------------------------------------------------------------------------------

    def _voice(self, name: str) -> Any:
        if name not in self._voices:
            voice = load_voice(name, self._folders)
            if not hasattr(voice, "stream"):
                raise VoiceError(f"'{name}' cannot sing live, only render. Take another voice for live play.")
            _warm_up(voice)
            self._voices[name] = voice
        return self._voices[name]

    def _ask_for_voice(self, track: int, name: str) -> None:
        def load() -> None:
            try:
                self._loaded.put((track, name, self._voice(name)))
            except VocaleseError as error:
                self._loaded.put((track, name, error))

        if name in self._voices:
            self._change_voice(track, name, self._voices[name])
        else:
            threading.Thread(target=load, name="voice", daemon=True).start()

    def _change_voice(self, track: int, name: str, found: Any) -> None:
        if isinstance(found, VocaleseError):
            self._say("voice", track=track, name=name, error=str(found))
            return
        if found.card.sample_rate != self._players[track].voice.sample_rate:
            self._say(
                "voice", track=track, name=name, error=f"'{name}' has another sample rate than the voices of this session."
            )
            return
        performer, stream = self._performers[track], found.stream()
        stream.skip(performer.frame)
        self._sung_by[track] = found
        self._rehearse_with(found)
        self._players[track].change_voice(LiveVoice(performer, stream))
        self._say("voice", track=track, name=name, error="")

    def _recover(self, track: int, error: Exception) -> None:
        """What cannot be sung must not silence the other tracks: this one goes on with a stream that knows nothing of it."""
        log.exception("track %d", track, exc_info=error)
        self._say("notice", track=track, text=f"A note could not be sung and is left out: {error}.")
        player, performer = self._players[track], self._performers[track]
        performer.feed(Panic(0.0, keeps_controllers=True))
        performer.advance(1)
        stream = self._sung_by[track].stream()
        stream.skip(performer.frame)
        player.start_anew(LiveVoice(performer, stream))

    # ---- takes -------------------------------------------------------------------------------------------------------

    def _mark(self, track: int, at_ns: int) -> None:
        """A take begins. Notes that are sent after this sound in the voice's next frame or later, also when all of this is handled late."""
        player = self._players[track]
        player.skip_to(self.time.now())
        self._marks[track] = min(player.voice_s(self.time.at(at_ns)), player.voice.frame / FRAME_RATE_HZ)

    def _take(self, order: dict[str, Any]) -> None:
        """Write what was played on some tracks as one score. Reading it is quick; the file is written beside the singing."""
        marks = [self._marks.pop(track) for track in order["tracks"] if track in self._marks]
        start_s = max(0.0, min(marks, default=0.0))
        scores = [self._players[track].voice.take(start_s=start_s, name=f"track {track + 1}") for track in order["tracks"]]
        tracks = tuple(part for score in scores for part in score.tracks if part.notes)
        score = replace(scores[0], title=order["name"], tracks=tracks)
        threading.Thread(target=self._write, args=(score, order), name="take").start()

    def _write(self, score: Score, order: dict[str, Any]) -> None:
        error = ""
        try:
            if not score.tracks:
                raise VocaleseError("Nothing was played; there is nothing to write.")
            write_score(score, Path(order["path"]))
        except (VocaleseError, OSError) as refusal:
            error = str(refusal)
        self._say("written", id=order["id"], path=order["path"], error=error)

    def _count_underruns(self) -> int:
        return sum(int(counters[UNDERRUNS]) for counters in self._memory.live_counters)


class Channel:
    """Lines of JSON, both ways. `take` reads in the thread that obeys: on the way through another one an order would wait for the interpreter
    and for a processor, a millisecond in bad moments."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        self._lock = threading.Lock()
        self._ended, self._tell_end = socket.socketpair()
        self._input: Any = 0
        self._read = partial(os.read, 0)
        if sys.platform == "win32":  # whose pipes cannot be waited for
            self._input, sender = socket.socketpair()
            self._read = self._input.recv
            threading.Thread(target=_pass_on, args=(sender,), name="orders", daemon=True).start()
        self._lines: deque[bytes] = deque()
        self._held = b""

    def say(self, event: str, **values: Any) -> None:
        """Tell the parent, if it is there."""
        line = json.dumps({"event": event, **values}).encode() + b"\n"
        with self._lock, suppress(OSError):
            self._out.write(line)

    def take(self, timeout_s: float | None = None) -> dict[str, Any] | None:
        """The next order; None when none came in time. EOFError when the parent is gone or has closed the input, and after `end`."""
        while not self._lines:
            readable = select.select([self._input, self._ended], [], [], timeout_s)[0]
            if not readable:
                return None
            if self._ended in readable or not (piece := self._read(1 << 16)):
                raise EOFError
            *lines, self._held = (self._held + piece).split(b"\n")
            self._lines += lines
        order: dict[str, Any] = json.loads(self._lines.popleft())
        return order

    def end(self) -> None:
        """Behave as if the parent were gone."""
        self._tell_end.send(b"\0")


def _pass_on(sender: socket.socket) -> None:
    with sender, suppress(OSError):
        while piece := os.read(0, 1 << 16):
            sender.sendall(piece)


def main() -> int:
    """Run until the parent is gone or closes the input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to parent and child; the parent decides
    channel = Channel()
    signal.signal(signal.SIGTERM, lambda *_: channel.end())
    np.seterr(all="ignore")
    urgency = Urgency(SINGER)
    try:
        order = channel.take()
        assert order is not None
        engine = LiveEngine(read_opening(order), channel.say, urgency)
    except EOFError:
        return 0
    except VocaleseError as error:
        channel.say("refused", kind=type(error).__name__, text=str(error))
        return 1
    sys.setswitchinterval(_SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.disable()  # a collection would take as long as several frames
    channel.say("ready", modules=sorted(name for name in sys.modules if "." not in name))
    with suppress(EOFError):
        _run(engine, channel, urgency)
    engine.close()
    return 0


def read_opening(order: dict[str, Any]) -> Opening:
    """The first order."""
    values = {key: value for key, value in order.items() if key != "do"}
    return Opening(
        **{
            **values,
            "address": AudioAddress(**values["address"]),
            "voices": tuple(values["voices"]),
            "voice_folders": tuple(values["voice_folders"]),
            "known": tuple(tuple(map(read_event, events)) for events in values["known"]),
        }
    )


def _run(engine: LiveEngine, channel: Channel, urgency: Urgency) -> None:
    wait_s, reported_s, collected_s = 0.0, time.monotonic(), time.monotonic()
    while True:
        now_s = time.monotonic()
        if now_s - reported_s >= _REPORT_EVERY_S:
            engine.report(now_s - reported_s)
            reported_s = now_s
        is_idle = not any(player.is_sounding for player in engine.players)
        if now_s - collected_s >= _COLLECT_EVERY_S and (is_idle or now_s - collected_s >= 10 * _COLLECT_EVERY_S):
            urgency.fall()
            gc.collect()
            collected_s = now_s
        limit_s = max(0.0, reported_s + _REPORT_EVERY_S - time.monotonic())
        wait_s = min(wait_s, limit_s)
        if wait_s > 0:
            urgency.rise()  # a note that comes does not wait for a processor
        for _ in range(_ORDERS_AT_ONCE):
            if (order := channel.take(wait_s)) is None:
                break
            engine.handle(order)
            wait_s = 0.0
        wait_s = engine.turn()


def _rehearsal(voice: Any) -> Iterator[float]:
    """Beginnings of notes that nobody hears, without end; gives how many seconds may be slept after each part."""
    while True:
        performer = LivePerformer(PerformanceSettings())
        performer.feed(NoteOn(0.0, 0, 60.0))
        performer.advance(1)
        yield 0.0
        yield from (0.0 for _ in voice.rehearsal())
        yield _REHEARSE_EVERY_S


def _warm_up(voice: Any) -> None:
    """Sing a note that nobody hears, so that the first one heard is as quick as the others."""
    scratch = LiveVoice(LivePerformer(PerformanceSettings()), voice.stream())
    scratch.feed(NoteOn(0.0, 0, 60.0))
    scratch.render(_WARM_UP_FRAMES)


if __name__ == "__main__":
    sys.exit(main())
