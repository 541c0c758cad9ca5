"""Sequenced play: a song, rendered ahead of the playhead and placed on the device's song time line, sample by sample.

    with AudioEngine.start(AudioConfig(tracks=4)) as audio, Sequencer(audio, VoiceShelf(cache=folder)) as sequencer:
        sequencer.start()                     # its own thread; or call `step` yourself
        sequencer.load(read_score("song.mid"))
        sequencer.apply(clip)                 # clips, tempo map, loop, transport, words and settings, as they come from OSC
        sequencer.play(at_s=0.0)
        sequencer.status().missing            # what is silent because it is not rendered yet

Song time is that of the tempo map. What a change leaves as it was is not touched; what it moves is silent at once, planned anew and
rendered in the order in which it will be heard. All methods may be called from any thread.
"""

from __future__ import annotations

import hashlib
import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from bridge.audio.facade import AudioEngine
from bridge.midi.clock import TransportState
from bridge.protocol import events, replies
from bridge.protocol.events import Event, Sender
from bridge.session.renderer import (
    Failed,
    Job,
    PlanJob,
    Planned,
    Rendered,
    Renderer,
    RenderJob,
    RenderWorker,
    Result,
    VoiceShelf,
)
from bridge.session.tape import PendingPhrase, PhraseStatus, TakeState, Tape, take_key
from bridge.session.timeline import Singing, Timeline, first_difference_s
from bridge.session.transport import Playhead, TransportFollower, TransportSource
from engine import Mode, Score, WordSettings
from engine.errors import SettingsError, VocaleseError

_STEP_WAIT_S = 0.01
_IMMINENT_S = 2.0  # what is heard so soon is rendered before what was asked for
_FRAME_RATE_HZ = 100  # phrases start on frames of the performance, which have to be whole samples
_STEADY_S = 1.0  # how long a sender's tempo has to differ before the song takes it over
_TEMPO_TOLERANCE = 0.01
_FILLERS = {"hum": "mm", "la": "la"}

log = logging.getLogger(__name__)

OnReply = Callable[[Sender | None, replies.Reply], None]


@dataclass(frozen=True, slots=True)
class TrackStatus:
    """A track's phrases in the order of the song; `trouble` is a full sentence if the track could not be planned."""

    number: int
    name: str
    phrases: tuple[PhraseStatus, ...]
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class SequencerStatus:
    """How things are. Places are seconds of the song and quarter notes; `loop_s` is (start, stop) or None.

    `missed_samples` were silent in place of a phrase when the playhead passed. `is_complete`: nothing is left to plan or to render;
    `is_obeyed`: no command to the transport is still on its way.
    """

    is_playing: bool
    position_s: float
    position_ppq: float
    end_s: float
    loop_s: tuple[float, float] | None
    tempo_revision: int
    tracks: tuple[TrackStatus, ...]
    missed_samples: int
    is_complete: bool
    is_obeyed: bool

    @property
    def missing(self) -> tuple[tuple[int, PhraseStatus], ...]:
        """Phrases that are silent for now, with the numbers of their tracks."""
        return tuple(
            (track.number, phrase)
            for track in self.tracks
            for phrase in track.phrases
            if phrase.state not in (TakeState.READY, TakeState.EDITED)
        )

    def count(self, *states: TakeState) -> int:
        """How many phrases of the song stand so."""
        return sum(phrase.state in states for track in self.tracks for phrase in track.phrases)


@dataclass(slots=True)
class _Request:
    """A clip that someone wants to know about; `sender` None: the subscribers."""

    sender: Sender | None
    track: int
    clip: int
    sample_rate: int
    told: float = -1.0


class Sequencer:
    """See the module docstring. SettingsError if the device's rate is not a multiple of 100 Hz.

    `on_reply` gets progress and results for a sender, or for all subscribers (None); `on_notice` full sentences for the user. Both are
    called from whatever thread makes a step. Without a `renderer` phrases are rendered in a process of their own.
    """

    def __init__(
        self,
        audio: AudioEngine,
        shelf: VoiceShelf | None = None,
        *,
        renderer: Renderer | None = None,
        on_reply: OnReply | None = None,
        on_notice: Callable[[str], None] = log.warning,
    ) -> None:
        if audio.sample_rate % _FRAME_RATE_HZ:
            raise SettingsError(
                f"The device runs at {audio.sample_rate} Hz; sequenced play needs a multiple of {_FRAME_RATE_HZ} Hz. "
                "Open it at 44100, 48000, 88200 or 96000 Hz."
            )
        self._audio, self._rate = audio, audio.sample_rate
        self._on_reply, self._on_notice = on_reply, on_notice
        self._renderer = renderer or RenderWorker(shelf or VoiceShelf(), on_notice)
        self._playhead = Playhead(audio)
        self._follower = TransportFollower(audio, self._playhead)
        self._source: TransportSource | None = None
        self._timeline = Timeline()
        self._tapes: dict[int, Tape] = {}
        self._troubles: dict[int, str] = {}
        self._versions: dict[int, int] = {}
        self._given_out: Job | None = None
        self._plans_due: dict[int, None] = {}  # tracks, in the order in which they were changed
        self._requests: list[_Request] = []
        self._sent_loop = (0, 0)
        self._other_tempo: tuple[float, int] | None = None  # a sender's bpm, and the device sample at which it was first told
        self._lock, self._step_lock = threading.RLock(), threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Sequencer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def start(self) -> None:
        """Make steps in a thread of its own until `close`."""
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End. What was placed stays with the audio engine."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
        self._renderer.close()

    # What is played.

    def load(self, score: Score, singing: Singing | None = None) -> None:
        """Play a score in place of all there is. SettingsError if it has more tracks for voices than the audio engine has."""
        timeline = Timeline.of_score(score, singing or Singing())
        if len(timeline.tracks) > self._audio.config.tracks:
            raise SettingsError(
                f"'{score.title}' has {len(timeline.tracks)} tracks; {self._audio.config.tracks} can be played here."
            )
        with self._lock:
            self._playhead.stop()
            self._timeline = timeline
            for number in {*self._tapes, *timeline.tracks}:
                self._tape(number).replan((), "")
                self._plan(number)
            self._send_loop()

    def apply(self, event: Event, sender: Sender | None = None, *, age_s: float = 0.0) -> bool:
        """Take in an event that arrived `age_s` seconds ago; False if it is none for a sequencer.

        Words and settings of a track count for its clips too. SettingsError if a value cannot be.
        """
        with self._lock:
            match event:
                case events.Clip():
                    self._take_clip(event)
                case events.TempoMapSet():
                    self._set_tempo(self._timeline.with_tempo(event.revision, event.changes))
                case events.Loop():
                    self._loop((event.start_ppq, event.end_ppq) if event.on else None)
                case events.Transport():
                    if self._source is None:
                        self.follow(TransportState(0.0, event.state != 0, ppq=event.ppq, bpm=event.bpm), age_s)
                case events.Panic():
                    self._follower.hold()
                case events.Render():
                    self._request(event, sender)
                case _:
                    return self._set_track(event)
        return True

    @property
    def timeline(self) -> Timeline:
        """The song as it is now."""
        with self._lock:
            return self._timeline

    def status(self) -> SequencerStatus:
        """How everything stands now."""
        with self._lock:
            telemetry = self._audio.telemetry()
            standing = self._playhead.where()
            position_s = standing.song_sample / self._rate
            loop = self._timeline.loop
            return SequencerStatus(
                is_playing=standing.is_playing,
                position_s=position_s,
                position_ppq=self._timeline.ppq_at(position_s),
                end_s=max((tape.end for tape in self._tapes.values()), default=0) / self._rate,
                loop_s=None if loop is None else (self._timeline.seconds_at(loop[0]), self._timeline.seconds_at(loop[1])),
                tempo_revision=self._timeline.tempo_revision,
                tracks=tuple(self._track_status(number) for number in sorted(self._tapes)),
                missed_samples=sum(track.placed_missing_samples for track in telemetry.tracks),
                is_complete=self._is_complete(),
                is_obeyed=standing.is_obeyed,
            )

    # Where it is played.

    def play(self, at_s: float | None = None) -> None:
        """Start at `at_s` seconds of the song, None: where it stands."""
        with self._lock:
            self._playhead.play(None if at_s is None else self._sample(at_s))

    def stop(self) -> None:
        """Stop; the playhead stays."""
        with self._lock:
            self._playhead.stop()

    def locate(self, at_s: float) -> None:
        """Send the playhead to `at_s` seconds of the song, playing or not."""
        with self._lock:
            self._playhead.locate(self._sample(at_s))

    def loop(self, span_s: tuple[float, float] | None) -> None:
        """Repeat a span of the song, (start, stop) in seconds; None: go on. SettingsError if it is empty."""
        if span_s is not None and not 0 <= span_s[0] < span_s[1]:
            raise SettingsError(f"a loop from {span_s[0]:g} to {span_s[1]:g} s; its end has to come after its start.")
        with self._lock:
            self._loop(None if span_s is None else (self._timeline.ppq_at(span_s[0]), self._timeline.ppq_at(span_s[1])))

    def listen_to(self, source: TransportSource | None) -> None:
        """Follow a transport that can be asked at any time (MIDI clock, time code, JACK) at every step, and no host; None: no more."""
        with self._lock:
            self._source = source

    def follow(self, state: TransportState, age_s: float = 0.0) -> None:
        """Go where a sender's song stood `age_s` seconds ago. Its tempo is taken over if nobody sends a tempo map."""
        with self._lock:
            device_sample = self._device_sample_now() - round(age_s * self._rate)
            self._take_over_tempo(state, device_sample)
            if state.song_s is not None:
                song_s = state.song_s
            elif state.ppq is not None:
                song_s = self._timeline.seconds_at(state.ppq)
            else:
                return
            self._follower.follow(state.is_playing, round(song_s * self._rate), device_sample)

    # How it is made.

    def step(self, wait_s: float = 0.0) -> bool:
        """Take what has been rendered, waiting for it at most `wait_s`, and give out what is most urgent next. False: nothing is left to do."""
        with self._step_lock:
            result = self._renderer.result(wait_s)
            with self._lock:
                if self._source is not None:
                    self.follow(*self._source())
                if result is not None:
                    self._take(result)
                if not self._renderer.is_busy:
                    self._give_out()
                return not self._is_complete()

    def settle(self) -> None:
        """Make steps until everything is planned and rendered."""
        while self.step(_STEP_WAIT_S):
            pass

    @property
    def is_planned(self) -> bool:
        """Whether it is known of the whole song what will be rendered."""
        with self._lock:
            return not self._plans_due and not isinstance(self._given_out, PlanJob)

    def is_ready(self, ahead_s: float) -> bool:
        """Whether all is rendered that is heard within the next `ahead_s` seconds from where the playhead stands."""
        with self._lock:
            wait = self._waits()
            return self.is_planned and all(
                wait(phrase) > ahead_s * self._rate for tape in self._tapes.values() for phrase in tape.pending
            )

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                is_working = self.step(_STEP_WAIT_S)
            except VocaleseError as error:
                self._on_notice(str(error))
                is_working = False
            if not is_working:
                self._closing.wait(_STEP_WAIT_S)

    def _take(self, result: Result) -> None:
        self._given_out = None
        match result:
            case Planned():
                if self._is_current(result.job):
                    self._troubles.pop(result.job.track, None)
                    self._tape(result.job.track).replan(result.phrases, result.job.singing.voice)
                    self._tell_of_clips(result.job.track)
            case Rendered(job=job):
                for tape in self._tapes.values():
                    tape.take(take_key(job.performance, job.voice), result.samples)
            case Failed(job=PlanJob() as job):
                if self._is_current(job):
                    self._troubles[job.track] = result.text
                    self._on_notice(f"'{self._timeline.track(job.track).name}' cannot be sung: {result.text}")
            case Failed(job=RenderJob() as job):
                for tape in self._tapes.values():
                    tape.fail(take_key(job.performance, job.voice))
                self._on_notice(f"The phrase at {job.performance.start_s:.2f} s cannot be sung: {result.text}")
        self._answer_requests()

    def _is_current(self, job: PlanJob) -> bool:
        """False for a track that was changed while it was planned: it is planned again."""
        return self._versions.get(job.track) == job.version

    def _give_out(self) -> None:
        """Plans come first, because what has changed may sound wrong until it is planned; then what is heard soonest."""
        job: Job | None = None
        if self._plans_due:
            number = next(iter(self._plans_due))
            del self._plans_due[number]
            job = PlanJob(number, self._versions[number], self._timeline.score_of(number), self._timeline.track(number).singing)
        elif urgent := self._most_urgent():
            phrase = urgent
            job = RenderJob(phrase.performance, phrase.voice, self._rate)
        if job is not None:
            self._given_out = job
            self._renderer.submit(job)

    def _most_urgent(self) -> PendingPhrase | None:
        wait, imminent = self._waits(), _IMMINENT_S * self._rate
        asked_for = [(request.track, *self._span_of(request)) for request in self._requests if request.sender is not None]

        def urgency(item: tuple[int, PendingPhrase]) -> tuple[bool, bool, float]:
            number, phrase = item
            waits = wait(phrase)
            is_asked_for = any(
                number == track and phrase.start < stop and phrase.stop > start for track, start, stop in asked_for
            )
            return waits > imminent, not is_asked_for, waits

        pending = [(number, phrase) for number, tape in self._tapes.items() for phrase in tape.pending]
        return min(pending, key=urgency)[1] if pending else None

    def _waits(self) -> Callable[[PendingPhrase], float]:
        """How many samples it takes until a phrase is heard, by where the playhead is and where the loop turns; what lies behind comes last."""
        playhead, loop = self._playhead.where().song_sample, self._loop_span()
        never = float(2**53)
        if loop is None or playhead >= loop[1]:
            return lambda phrase: max(0, phrase.start - playhead) if phrase.stop > playhead else never + phrase.start
        start, stop = loop

        def wait(phrase: PendingPhrase) -> float:
            if phrase.start >= stop or (phrase.stop <= start and phrase.stop <= playhead):
                return never + phrase.start  # outside of the loop
            if phrase.stop > playhead:
                return max(0, phrase.start - playhead)
            return stop - playhead + max(0, phrase.start - start)

        return wait

    def _is_complete(self) -> bool:
        return not (self._plans_due or self._given_out or any(tape.pending for tape in self._tapes.values()))

    # How it changes.

    def _take_clip(self, clip: events.Clip) -> None:
        self._check_track(clip.track)
        self._timeline = self._timeline.with_clip(clip)
        self._plan(clip.track)

    def _set_track(self, event: Event) -> bool:
        """Words, voice and settings of a track; False if the event is about something else."""
        changes: dict[str, Any]
        match event:
            case events.LyricsSet(track=number, text=text, language=language):
                changes = {"text": text, **self._language(number, language)}
            case events.LyricsAppend(track=number, text=text, language=language):
                known = self._timeline.track(number).singing.text
                changes = {"text": f"{known}\n{text}" if known else text, **self._language(number, language)}
            case events.LyricsFiller(track=number, filler=filler):
                changes = {"words": replace(self._timeline.track(number).singing.words, filler=_FILLERS[filler])}
            case events.TrackVoice(track=number, voice=voice, language=language):
                changes = {"voice": voice, **self._language(number, language)}
            case events.TrackMode(track=number, mode=mode):
                changes = {"settings": replace(self._timeline.track(number).singing.settings, mode=Mode(mode))}
            case events.TrackParam(track=number, name="transpose_semitones", value=value):
                changes = {"semitones": value}
            case events.TrackParam(track=number, name=name, value=value) if name != "gain_db":
                setting: dict[str, Any] = {name: value}
                changes = {"settings": replace(self._timeline.track(number).singing.settings, **setting)}
            case _:
                return False
        self._check_track(number)
        track = self._timeline.track(number)
        self._timeline = self._timeline.with_track(number, replace(track, singing=replace(track.singing, **changes)))
        if track.written is not None or track.clips:
            self._plan(number)
        return True

    def _language(self, number: int, language: str) -> dict[str, WordSettings]:
        if not language:
            return {}
        return {"words": replace(self._timeline.track(number).singing.words, language=language)}

    def _check_track(self, number: int) -> None:
        if not 0 <= number < self._audio.config.tracks:
            raise SettingsError(f"track {number}; there are {self._audio.config.tracks}, counted from 0.")

    def _set_tempo(self, timeline: Timeline) -> None:
        """What the new map moves is silent at once, and the playhead stays where it is in quarter notes."""
        before, self._timeline = self._timeline, timeline
        difference_s = first_difference_s(before.tempo_map, timeline.tempo_map)
        if difference_s == math.inf:
            return
        for tape in self._tapes.values():
            tape.silence_from(math.floor(difference_s * self._rate))
        now = self._playhead.where()
        song_sample = self._sample(timeline.seconds_at(before.ppq_at(now.song_sample / self._rate)))
        if song_sample != now.song_sample:
            self._playhead.locate(song_sample, at=now.device_sample)
        self._send_loop()
        for number in self._tapes:
            self._plan(number)

    def _take_over_tempo(self, state: TransportState, device_sample: int) -> None:
        """A sender without a tempo map still says how fast it is; once that is steady the song follows."""
        here_s = self._playhead.where().song_sample / self._rate
        ppq = self._timeline.ppq_at(here_s) if state.ppq is None else max(0.0, state.ppq)
        if self._timeline.tempo_revision or state.bpm is None or not state.is_playing:
            self._other_tempo = None
            return
        if abs(state.bpm / self._timeline.bpm_at(ppq) - 1) <= _TEMPO_TOLERANCE:
            self._other_tempo = None
        elif self._other_tempo is None or abs(state.bpm / self._other_tempo[0] - 1) > _TEMPO_TOLERANCE:
            self._other_tempo = (state.bpm, device_sample)
        elif device_sample - self._other_tempo[1] >= _STEADY_S * self._rate:
            self._on_notice(f"The song goes at {state.bpm:.1f} bpm now, as the sender does; it was written for another tempo.")
            self._other_tempo = None
            self._set_tempo(self._timeline.at_tempo(state.bpm, ppq))

    def _loop(self, loop_ppq: tuple[float, float] | None) -> None:
        self._timeline = replace(self._timeline, loop=loop_ppq)
        self._send_loop()

    def _send_loop(self) -> None:
        span = self._loop_span() or (0, 0)
        if span != self._sent_loop:
            self._sent_loop = span
            self._audio.loop(*span)

    def _loop_span(self) -> tuple[int, int] | None:
        """Song samples of the loop; None if there is none, or nothing is left of it."""
        loop = self._timeline.loop
        if loop is None:
            return None
        start, stop = (self._timeline.sample_at(place, self._rate) for place in loop)
        return (start, stop) if stop > start else None

    def _plan(self, number: int) -> None:
        self._tape(number)
        self._versions[number] = self._versions.get(number, 0) + 1
        self._plans_due.pop(number, None)
        self._plans_due[number] = None

    # What is told.

    def _request(self, event: events.Render, sender: Sender | None) -> None:
        """Progress is told from the next step on; clips that are not there are not waited for."""
        for number, track in self._timeline.tracks.items():
            for clip in track.clips:
                if event.track in (events.ALL, number) and event.clip in (events.ALL, clip):
                    self._requests.append(_Request(sender, number, clip, event.sample_rate))
        self._answer_requests()

    def _tell_of_clips(self, number: int) -> None:
        """Subscribers hear of every clip of a track that was planned anew."""
        self._requests = [request for request in self._requests if request.sender is not None or request.track != number]
        self._requests += [_Request(None, number, clip, self._rate) for clip in self._timeline.track(number).clips]

    def _answer_requests(self) -> None:
        self._requests = [request for request in self._requests if not self._answer(request)]

    def _answer(self, request: _Request) -> bool:
        """Tell how far a clip is, if that is news; True when it is done, or gone."""
        clip = self._timeline.track(request.track).clips.get(request.clip)
        if clip is None:
            return True
        if request.track in self._plans_due or self._is_being_planned(request.track):
            return False
        phrases = self._tape(request.track).within(*self._span_of(request))
        done = sum(state in (TakeState.READY, TakeState.FAILED) for _, state in phrases)
        fraction = done / len(phrases) if phrases else 1.0
        if fraction != request.told:
            request.told = fraction
            self._reply(request.sender, replies.Progress(request.track, request.clip, fraction))
        if fraction < 1.0:
            return False
        names = hashlib.sha256(f"{request.sample_rate}:{[key for key, _ in phrases]}".encode()).hexdigest()[:32]
        start, stop = self._span_of(request, request.sample_rate)
        done_reply = replies.Done(request.track, request.clip, clip.revision, names, start, stop - start, request.sample_rate)
        self._reply(request.sender, done_reply)
        return True

    def _is_being_planned(self, number: int) -> bool:
        return isinstance(self._given_out, PlanJob) and self._given_out.track == number

    def _span_of(self, request: _Request, sample_rate: int | None = None) -> tuple[int, int]:
        clip = self._timeline.track(request.track).clips[request.clip]
        rate = sample_rate or self._rate
        start, stop = clip.start_ppq, clip.start_ppq + clip.length_ppq
        return self._timeline.sample_at(start, rate), self._timeline.sample_at(stop, rate)

    def _reply(self, sender: Sender | None, reply: replies.Reply) -> None:
        if self._on_reply is not None:
            self._on_reply(sender, reply)

    def _track_status(self, number: int) -> TrackStatus:
        return TrackStatus(
            number, self._timeline.track(number).name, self._tapes[number].statuses(), self._troubles.get(number, "")
        )

    # Small change.

    def _tape(self, number: int) -> Tape:
        if number not in self._tapes:
            self._tapes[number] = Tape(self._audio.placed(number), self._rate)
        return self._tapes[number]

    def _sample(self, seconds: float) -> int:
        return max(0, round(seconds * self._rate))

    def _device_sample_now(self) -> int:
        """The sample that the device would be asked for now; where time is passed by hand, the next one."""
        telemetry = self._audio.telemetry()
        if self._audio.config.output != "device" and self._audio.config.clock == "manual":
            return telemetry.transport.device_sample
        return telemetry.clock.device_sample_at(time.monotonic_ns())
