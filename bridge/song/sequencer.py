"""Sequencer: renders a song ahead of the playhead and places it on the device's song timeline, to the sample.

    with AudioEngine.start(AudioConfig(tracks=4)) as audio, Sequencer(audio, VoiceLibrary(cache=folder)) as sequencer:
        sequencer.start()                     # in a separate thread; or call `step` yourself
        sequencer.load(read_score("song.mid"))
        sequencer.apply(clip)                 # clips, tempo map, loop, transport, words and settings from OSC
        sequencer.play(at_s=0.0)
        sequencer.status().missing            # phrases that are not rendered yet

Song time follows the tempo map. Phrases that a change does not affect keep sounding; moved ones are silenced at once, planned anew and
rendered in the order of playback. All methods may be called from any thread.
"""

from __future__ import annotations

import hashlib
import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType

from bridge.audio.engine import AudioEngine
from bridge.midi.clock import TransportState
from bridge.protocol import events, replies
from bridge.protocol.events import Event, Sender
from engine import Mode, Score
from engine.errors import SettingsError, VocaleseError

from .render_worker import Failed, Job, PlanJob, Planned, Rendered, Renderer, RenderJob, RenderWorker, Result, VoiceLibrary
from .status import SequencerStatus, TrackStatus
from .takes import PendingPhrase, TakeState, TrackTakes, take_key
from .timeline import Timeline, TrackSettings, first_difference_s
from .transport import Playhead, TransportFollower, TransportSource

_STEP_WAIT_S = 0.01
_IMMINENT_S = 2.0  # phrases due within this time precede requested clips
_FRAME_RATE_HZ = 100  # phrases start on frames, which must be whole samples
_STEADY_S = 1.0  # time that a sender's tempo must be steady before the song adopts it
_TEMPO_TOLERANCE = 0.01

log = logging.getLogger(__name__)

OnReply = Callable[[Sender | None, replies.Reply], None]


@dataclass(slots=True)
class _Request:
    """Request for progress of a clip; `sender` None: the subscribers."""

    sender: Sender | None
    track: int
    clip: int
    sample_rate: int
    told: float = -1.0


class Sequencer:
    """Sequencer of one audio engine; see the module. Raises SettingsError if the device's rate is not a multiple of 100 Hz.

    `on_reply` gets progress and results for a sender, or for all subscribers (None); `on_notice` sentences for the user. Both are called
    on the thread that calls `step`. `timeline` is the initial song. Without a `renderer`, phrases are rendered in a subprocess.
    """

    def __init__(
        self,
        audio: AudioEngine,
        shelf: VoiceLibrary | None = None,
        *,
        timeline: Timeline | None = None,
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
        self._renderer = renderer or RenderWorker(shelf or VoiceLibrary(), on_notice)
        self._playhead = Playhead(audio)
        self._follower = TransportFollower(audio, self._playhead, self._is_rest)
        self._source: TransportSource | None = None
        self._timeline = timeline or Timeline()
        self._takes: dict[int, TrackTakes] = {}
        self._troubles: dict[int, str] = {}
        self._versions: dict[int, int] = {}
        self._given_out: Job | None = None
        self._plans_due: dict[int, None] = {}  # tracks in the order of their changes
        self._requests: list[_Request] = []
        self._told_warnings: dict[str, None] = {}
        self._sent_loop = (0, 0)
        self._other_tempo: tuple[float, int] | None = None  # a sender's bpm, and the device sample of its first report
        self._lock, self._step_lock = threading.RLock(), threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Sequencer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def start(self) -> None:
        """Run `step` in a separate thread until `close`."""
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop. Placed audio stays with the audio engine."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
        self._renderer.close()

    # Song.

    def load(self, score: Score, singing: TrackSettings | None = None) -> None:
        """Replace the song by a score. Raises SettingsError if it has more vocal tracks than the audio engine."""
        timeline = Timeline.of_score(score, singing or TrackSettings())
        if len(timeline.tracks) > self._audio.config.tracks:
            raise SettingsError(
                f"'{score.title}' has {len(timeline.tracks)} tracks; {self._audio.config.tracks} can be played here."
            )
        with self._lock:
            self._playhead.stop()
            self._timeline = timeline
            for number in {*self._takes, *timeline.tracks}:
                self._takes_of(number).replan((), "")
                self._plan(number)
            self._send_loop()

    def apply(self, event: Event, sender: Sender | None = None, *, age_s: float = 0.0) -> bool:
        """Apply an event that arrived `age_s` seconds ago; return False if it does not concern the song.

        Words and settings of a track apply to its clips too. Raises SettingsError for an invalid value.
        """
        with self._lock:
            match event:
                case events.Clip():
                    self._take_clip(event)
                case events.ClipRemove():
                    self._remove_clip(event)
                case events.TrackClear():
                    self._clear(event.track)
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
        """The current song."""
        with self._lock:
            return self._timeline

    def status(self) -> SequencerStatus:
        """Return the current status."""
        with self._lock:
            telemetry = self._audio.telemetry()
            standing = self._playhead.where()
            position_s = standing.song_sample / self._rate
            loop = self._timeline.loop
            return SequencerStatus(
                is_playing=standing.is_playing,
                position_s=position_s,
                position_ppq=self._timeline.ppq_at(position_s),
                end_s=max((takes.end for takes in self._takes.values()), default=0) / self._rate,
                loop_s=None if loop is None else (self._timeline.seconds_at(loop[0]), self._timeline.seconds_at(loop[1])),
                tempo_revision=self._timeline.tempo_revision,
                tracks=tuple(self._track_status(number) for number in sorted(self._takes)),
                missed_samples=sum(track.placed_missing_samples for track in telemetry.tracks),
                is_complete=self._is_complete(),
                is_obeyed=standing.is_obeyed,
            )

    # Playhead.

    def play(self, at_s: float | None = None) -> None:
        """Start at `at_s` seconds of the song, None: at the playhead."""
        with self._lock:
            self._playhead.play(None if at_s is None else self._sample(at_s))

    def stop(self) -> None:
        """Stop; the playhead stays."""
        with self._lock:
            self._playhead.stop()

    def locate(self, at_s: float) -> None:
        """Move the playhead to `at_s` seconds of the song, playing or not."""
        with self._lock:
            self._playhead.locate(self._sample(at_s))

    def loop(self, span_s: tuple[float, float] | None) -> None:
        """Loop a span of the song, (start, stop) in seconds; None: no loop. Raises SettingsError if it is empty."""
        if span_s is not None and not 0 <= span_s[0] < span_s[1]:
            raise SettingsError(f"a loop from {span_s[0]:g} to {span_s[1]:g} s; its end has to come after its start.")
        with self._lock:
            self._loop(None if span_s is None else (self._timeline.ppq_at(span_s[0]), self._timeline.ppq_at(span_s[1])))

    def listen_to(self, source: TransportSource | None) -> None:
        """Follow a transport that is polled at every step (MIDI clock, time code, JACK) instead of a host; None: stop following."""
        with self._lock:
            self._source = source

    def follow(self, state: TransportState, age_s: float = 0.0) -> None:
        """Follow the position that a sender's song had `age_s` seconds ago. Its tempo is adopted if there is no tempo map."""
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

    # Rendering.

    def step(self, wait_s: float = 0.0) -> bool:
        """Collect finished jobs, waiting at most `wait_s`, and start the most urgent one. Returns False if no work is left."""
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
        """Run `step` until everything is planned and rendered."""
        while self.step(_STEP_WAIT_S):
            pass

    @property
    def is_planned(self) -> bool:
        """True if all tracks are planned."""
        with self._lock:
            return not self._plans_due and not isinstance(self._given_out, PlanJob)

    def is_ready(self, ahead_s: float) -> bool:
        """Return True if everything within `ahead_s` seconds after the playhead is rendered."""
        with self._lock:
            wait = self._waits()
            return self.is_planned and all(
                wait(phrase) > ahead_s * self._rate for takes in self._takes.values() for phrase in takes.pending
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

    def _tell_warnings(self, warnings: Sequence[str]) -> None:
        """Report each warning once, also if a track is planned several times."""
        for warning in warnings:
            if warning not in self._told_warnings:
                self._told_warnings[warning] = None
                self._on_notice(warning)

    def _take(self, result: Result) -> None:
        self._given_out = None
        match result:
            case Planned():
                if self._is_current(result.job):
                    self._troubles.pop(result.job.track, None)
                    self._takes_of(result.job.track).replan(result.phrases, result.job.singing.voice)
                    self._tell_of_clips(result.job.track)
                    if result.job.singing.settings.mode is Mode.TALK:  # lines may have been sped up or moved
                        self._tell_warnings(result.warnings)
            case Rendered(job=job):
                for takes in self._takes.values():
                    takes.take(take_key(job.performance, job.voice), result.samples)
            case Failed(job=PlanJob() as job):
                if self._is_current(job):
                    self._troubles[job.track] = result.text
                    self._on_notice(f"'{self._timeline.track(job.track).name}' cannot be sung: {result.text}")
            case Failed(job=RenderJob() as job):
                for takes in self._takes.values():
                    takes.fail(take_key(job.performance, job.voice))
                self._on_notice(f"The phrase at {job.performance.start_s:.2f} s cannot be sung: {result.text}")
        self._answer_requests()

    def _is_current(self, job: PlanJob) -> bool:
        """Return False for a track that has changed since it was planned; it is planned again."""
        return self._versions.get(job.track) == job.version

    def _give_out(self) -> None:
        """Start the next job: plans first, because changed tracks may sound wrong until planned; then the phrase due soonest."""
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

        pending = [(number, phrase) for number, takes in self._takes.items() for phrase in takes.pending]
        return min(pending, key=urgency)[1] if pending else None

    def _waits(self) -> Callable[[PendingPhrase], float]:
        """Return a function for the samples until a phrase is heard, given playhead and loop; phrases behind both come last."""
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
        return not (self._plans_due or self._given_out or any(takes.pending for takes in self._takes.values()))

    # Changes.

    def _take_clip(self, clip: events.Clip) -> None:
        self._check_track(clip.track)
        self._timeline = self._timeline.with_clip(clip)
        self._plan(clip.track)

    def _set_track(self, event: Event) -> bool:
        """Apply an event about words, voice, name or settings of a track; return False for other events."""
        timeline = self._timeline.with_setting(event)
        if timeline is None:
            return False
        number = getattr(event, "track", 0)
        self._check_track(number)
        before, self._timeline = self._timeline.track(number), timeline
        track = timeline.track(number)
        if track.singing != before.singing and (track.written is not None or track.clips):
            self._plan(number)
        return True

    def _clear(self, number: int) -> None:
        for each in sorted(self._timeline.tracks) if number == events.ALL else (number,):
            self._check_track(each)
            self._timeline = self._timeline.cleared(each)
            if each in self._takes:
                self._takes_of(each).replan((), "")
                self._troubles.pop(each, None)
                self._plan(each)
        self._answer_requests()  # for removed clips

    def _remove_clip(self, event: events.ClipRemove) -> None:
        self._check_track(event.track)
        if event.clip in self._timeline.track(event.track).clips:
            self._timeline = self._timeline.without_clip(event.track, event.clip)
            self._plan(event.track)
            self._answer_requests()

    def _check_track(self, number: int) -> None:
        if not 0 <= number < self._audio.config.tracks:
            raise SettingsError(f"track {number}; there are {self._audio.config.tracks}, counted from 0.")

    def _set_tempo(self, timeline: Timeline) -> None:
        """Set the tempo map: silence the phrases that it moves, keep the playhead in quarter notes."""
        before, self._timeline = self._timeline, timeline
        difference_s = first_difference_s(before.tempo_map, timeline.tempo_map)
        if difference_s == math.inf:
            return
        for takes in self._takes.values():
            takes.silence_from(math.floor(difference_s * self._rate))
        now = self._playhead.where()
        song_sample = self._sample(timeline.seconds_at(before.ppq_at(now.song_sample / self._rate)))
        if song_sample != now.song_sample:
            self._playhead.locate(song_sample, at=now.device_sample)
        self._send_loop()
        for number in self._takes:
            self._plan(number)

    def _take_over_tempo(self, state: TransportState, device_sample: int) -> None:
        """Adopt the tempo of a sender without a tempo map when it is steady."""
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
        """Return the song samples of the loop; None without a loop, or if it is empty."""
        loop = self._timeline.loop
        if loop is None:
            return None
        start, stop = (self._timeline.sample_at(place, self._rate) for place in loop)
        return (start, stop) if stop > start else None

    def _plan(self, number: int) -> None:
        self._takes_of(number)
        self._versions[number] = self._versions.get(number, 0) + 1
        self._plans_due.pop(number, None)
        self._plans_due[number] = None

    # Reports.

    def _request(self, event: events.Render, sender: Sender | None) -> None:
        """Add requests for progress of clips; unknown clips are ignored."""
        for number, track in self._timeline.tracks.items():
            for clip in track.clips:
                if event.track in (events.ALL, number) and event.clip in (events.ALL, clip):
                    self._requests.append(_Request(sender, number, clip, event.sample_rate))
        self._answer_requests()

    def _tell_of_clips(self, number: int) -> None:
        """Add requests of the subscribers for all clips of a newly planned track."""
        self._requests = [request for request in self._requests if request.sender is not None or request.track != number]
        self._requests += [_Request(None, number, clip, self._rate) for clip in self._timeline.track(number).clips]

    def _answer_requests(self) -> None:
        self._requests = [request for request in self._requests if not self._answer(request)]

    def _answer(self, request: _Request) -> bool:
        """Report the progress of a clip if it has changed; return True when it is done or removed."""
        clip = self._timeline.track(request.track).clips.get(request.clip)
        if clip is None:
            return True
        if request.track in self._plans_due or self._is_being_planned(request.track):
            return False
        phrases = self._takes_of(request.track).within(*self._span_of(request))
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
            number, self._timeline.track(number).name, self._takes[number].statuses(), self._troubles.get(number, "")
        )

    # Helpers.

    def _takes_of(self, number: int) -> TrackTakes:
        if number not in self._takes:
            self._takes[number] = TrackTakes(self._audio.placed(number), self._rate)
        return self._takes[number]

    def _is_rest(self, start: int, stop: int) -> bool:
        """Return True if no track sounds in this span."""
        return not any(takes.within(start, stop) for takes in self._takes.values())

    def _sample(self, seconds: float) -> int:
        return max(0, round(seconds * self._rate))

    def _device_sample_now(self) -> int:
        """Return the device sample of this moment; with a manual clock, the next one."""
        telemetry = self._audio.telemetry()
        if self._audio.config.output != "device" and self._audio.config.clock == "manual":
            return telemetry.transport.device_sample
        return telemetry.clock.device_sample_at(time.monotonic_ns())
