"""Wiring of `vocalese serve`: the audio process, the engine process, OSC, MIDI and the song.

OSC  ─ socket thread ─ EventQueue ─ session thread ─┬─ LiveSession ─ pipe ─ engine process ─┐
MIDI ─ driver's threads ────────────────────────────┘                                       ├─ rings ─ audio process
                                    song thread ────── Sequencer ── renders ahead ──────────┘
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from bridge.audio.control import Telemetry
from bridge.audio.engine import AudioConfig, AudioEngine, AudioEvent
from bridge.live.messages import Report, WorkerConfig
from bridge.live.session import LiveOptions, LiveSession, Outputs
from bridge.live.supervisor import EngineProcess
from bridge.live.warm_notes import WarmEngine, WarmNote, midi_warm_up, osc_warm_up
from bridge.midi.ports import VIRTUAL_NAME, find_backend
from bridge.midi.receiver import MidiReceiver, OnArrival
from bridge.midi.router import Learned, MidiOptions, Routed
from bridge.osc import EventQueue, OscServer
from bridge.osc.rate_limiter import RateLimiter
from bridge.protocol import Revisions, events, limits, replies
from bridge.protocol.events import Received, Sender
from bridge.protocol.rejection import Code, RejectedMessage
from bridge.protocol.table import address_of
from bridge.realtime.keep_warm import KeepWarm
from bridge.song.export_worker import ExportOrder, StemExporter
from bridge.song.render_worker import VoiceLibrary
from bridge.song.replies import song_replies
from bridge.song.sequencer import Sequencer
from bridge.song.timeline import Timeline
from bridge.song.transport import JackTransport, TransportSource, midi_source
from engine import ImportedSettings, LiveSettings, Parameter
from engine.errors import DeviceError, SettingsError, VocaleseError

_METERS_EVERY_S, _STATUS_EVERY_S = 0.05, 1.0
_QUEUE_WAIT_S = 0.25
_LOOK_FOR_GONE_EVERY_S = 0.25
# Events for songs as well as for live voices.
_ALSO_FOR_SONGS = (
    events.Panic,
    events.TrackVoice,
    events.TrackMode,
    events.TrackParam,
    events.LyricsSet,
    events.LyricsAppend,
    events.LyricsFiller,
    events.TrackClear,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Options of a server. `voices`, `languages` and (if not empty) `live` have one entry per track of `audio`.

    `midi_ports`: parts of names, None = all, () = none. `learn` is the parameter that the first moved controller is learned for.
    `follow` names the transport that songs follow ("jack", "midi-clock" or "timecode"), None = the host's over OSC.
    `note_timeout_s` ends notes of an OSC sender that has been silent for so long, 0 = never.
    `onset_lead_s` is how much later than the driver's block a note out of silence sounds: time to render its first frame.
    """

    audio: AudioConfig
    voices: tuple[str, ...]
    languages: tuple[str, ...]
    live: tuple[LiveSettings, ...] = ()
    voice_folders: tuple[Path, ...] = ()
    features: Path | None = None
    cache: Path | None = None
    imported: ImportedSettings = ImportedSettings()  # how GPT-SoVITS voices are run
    takes: Path = Path()
    host: str = limits.DEFAULT_HOST
    port: int = limits.DEFAULT_PORT
    token: str | None = None
    version: str = ""
    with_midi: bool = True
    midi: MidiOptions = field(default_factory=MidiOptions)
    midi_ports: tuple[str, ...] | None = None
    midi_virtual_name: str | None = VIRTUAL_NAME
    learn: Parameter | None = None
    onset_lead_s: float = 0.00925
    follow: str | None = None
    note_timeout_s: float = limits.NOTE_TIMEOUT_S
    keep_warm: bool = True  # silent notes while somebody plays; see `bridge.realtime.keep_warm`


_SETTINGS = (
    events.TrackVoice,
    events.TrackMode,
    events.TrackParam,
    events.TrackName,
    events.TrackSeed,
    events.LyricsSet,
    events.LyricsAppend,
    events.LyricsFiller,
)
_NOTHING_BEFORE_SONGS = (events.Panic, events.ClipRemove)
_OF_SONG_TRACKS = (events.Clip, events.ClipRemove, events.TrackName, events.TrackSeed, events.TrackClear)


def _first_timeline(options: ServerOptions) -> Timeline:
    """Return the song that a session begins with: no notes, and the tracks' voices and settings."""
    timeline = Timeline()
    for number, (voice, language) in enumerate(zip(options.voices, options.languages, strict=True)):
        timeline = timeline.with_setting(events.TrackVoice(number, voice, language)) or timeline
    for number, live in enumerate(options.live):
        timeline = timeline.with_setting(events.LyricsFiller(number, live.when_empty.value)) or timeline
    return timeline


class VocaleseServer:
    """A running server, as a context manager. `on_notice(text)`, `on_arrival(received)` and `on_midi(time_s, port, message, routed)` are
    called from any thread, and must not wait: they stand between a message and its note.

    Raises a VocaleseError if something cannot be opened; missing MIDI is a notice.
    """

    def __init__(
        self,
        options: ServerOptions,
        on_notice: Callable[[str], None] = log.warning,
        *,
        on_arrival: Callable[[Received], None] | None = None,
        on_midi: OnArrival | None = None,
    ) -> None:
        self.options = options
        self._on_notice, self._on_arrival, self._on_midi = on_notice, on_arrival, on_midi
        self._start_ns = time.monotonic_ns()
        self._closing = threading.Event()
        self._queue = EventQueue()
        all_tracks = limits.MAX_TRACK + 1
        self._notes = RateLimiter(
            limits.NOTE_RATE_HZ, limits.NOTE_BURST, all_tracks * limits.NOTE_RATE_HZ, all_tracks * limits.NOTE_BURST
        )
        self._song_queue: queue.SimpleQueue[Received | None] = queue.SimpleQueue()
        self._reports: queue.SimpleQueue[Report | None] = queue.SimpleQueue()  # of the engine process, for the session
        self._threads: list[threading.Thread] = []
        self._sequencer: Sequencer | None = None
        self._source: TransportSource | None = None
        self._asked_to_learn: Sender | None = None
        self._revisions = Revisions()
        self._timeline = _first_timeline(options)  # until there is a sequencer, which has it from then on
        self._snapshots = itertools.count(1)
        self._opened: list[Any] = []  # in order; closed the other way round
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> VocaleseServer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def clock_s(self) -> float:
        """Return the engine's clock, as senders know it: seconds since the start."""
        return (time.monotonic_ns() - self._start_ns) * 1e-9

    def status(self) -> replies.Status:
        """Return the status that is sent to clients."""
        telemetry, counts = self.audio.telemetry(), self.osc.counts
        return replies.Status(
            state=self._state(telemetry),
            clock_s=self.clock_s(),
            waiting_events=len(self._queue),
            load=self.engine.load,
            latency_ms=1000 * self.latency_s(telemetry),
            underruns=telemetry.device_underruns + sum(track.live_underruns for track in telemetry.tracks),
            dropped=sum(counts.dropped.values()),
            refused=sum(counts.refused.values()),
            device=self.audio.info.name,
        )

    def latency_s(self, telemetry: Telemetry | None = None) -> float:
        """Return the time from the arrival of a note to its sound: a block of the device, the lead, and the driver's latency."""
        clock = (telemetry or self.audio.telemetry()).clock
        return clock.block_frames / clock.sample_rate + self.options.onset_lead_s + clock.lead_s

    def close(self) -> None:
        """Close everything, ports first. Raises OutputError if a file could not be completed."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._song_queue.put(None)
        self._reports.put(None)
        ports = [opened for opened in self._opened if isinstance(opened, MidiReceiver | OscServer)]
        for port in reversed(ports):
            port.close()
        for thread in self._threads:
            thread.join()
        for opened in reversed(self._opened):
            if opened not in ports:
                opened.close()

    # ---- opening -----------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        options = self.options
        self.osc = OscServer(
            self._deliver,
            host=options.host,
            port=options.port,
            token=options.token,
            clock=self.clock_s,
            version=options.version,
            idle=KeepWarm(osc_warm_up(self._queue, self.clock_s)) if options.keep_warm else None,
        )
        self._opened.append(self.osc)
        self._voices = VoiceLibrary(options.voice_folders, options.features, options.cache, options.imported)
        self.exporter = self._keep(StemExporter(self._voices, self.osc.send, self._on_notice))
        self.audio = self._keep(AudioEngine.start(options.audio, self._take_audio_event))
        self.engine = self._keep(EngineProcess(self._worker_config(), self._reports.put, self._on_notice))
        self.session = self._keep(self._open_session())
        self._warm_session = self.session.with_engine(WarmEngine(self.engine))
        warm_up = midi_warm_up(self._warm_session.play, self.clock_s)
        self._midi_idle = KeepWarm(warm_up, starts_active=False) if options.keep_warm else None
        self.midi = MidiReceiver(
            self._play,
            clock=self.clock_s,
            options=options.midi,
            wanted=options.midi_ports,
            virtual_name=options.midi_virtual_name,
            on_arrival=self._on_midi,
            find=partial(find_backend, self._midi_idle),
        )
        self.midi.learn(options.learn)
        for name, target in (
            ("session", self._serve),
            ("song", self._serve_song),
            ("feedback", self._feed_back),
            ("reports", self._take_reports),
        ):
            self._threads.append(threading.Thread(target=target, name=name, daemon=True))
            self._threads[-1].start()
        self.osc.start()
        if options.with_midi:
            self._opened.append(self.midi)
            for text in self.midi.start():
                self._on_notice(text)
        self._source = self._followed()

    def _followed(self) -> TransportSource | None:
        name = self.options.follow
        if name == "jack":
            jack: TransportSource = self._keep(JackTransport())
            return jack
        return midi_source(self.midi, name) if name else None

    def _open_session(self) -> LiveSession:
        options = self.options
        return LiveSession(
            LiveOptions(
                voices=options.voices,
                languages=options.languages,
                live=options.live,
                voice_folders=options.voice_folders,
                takes=options.takes,
                start_ns=self._start_ns,
                note_timeout_s=options.note_timeout_s,
            ),
            Outputs(self.osc.send, self.osc.publish, self._on_notice, self.audio.gain),
            self.engine,
        )

    def _worker_config(self) -> WorkerConfig:
        return WorkerConfig(
            address=self.audio.address,
            voices=self.options.voices,
            voice_folders=tuple(str(folder) for folder in self.options.voice_folders),
            onset_lead_s=self.options.onset_lead_s,
            is_manual=self.options.audio.clock == "manual" and self.options.audio.output != "device",
            keep_warm=self.options.keep_warm,
        )

    def _keep(self, opened: Any) -> Any:
        self._opened.append(opened)
        return opened

    # ---- threads -----------------------------------------------------------------------------------------------------

    def _deliver(self, received: Received) -> bool:
        if self._on_arrival is not None:
            self._on_arrival(received)
        event = received.event
        if isinstance(event, events.WholeNote | events.NoteOn) and not self._notes.take(event.track, received.arrival_s):
            return False
        if isinstance(event, _OF_SONG_TRACKS):
            self._check_track(event.track)
        self._revisions.check(event)
        if not self._queue.put(received):
            return False
        self._revisions.take(event)
        return True

    def _serve(self) -> None:
        looked_s = time.monotonic()
        while not self._closing.is_set():
            received = self._queue.get(_QUEUE_WAIT_S)
            if time.monotonic() - looked_s >= _LOOK_FOR_GONE_EVERY_S:
                looked_s = time.monotonic()
                self.session.end_notes_of_gone(self.osc.take_gone(), self.osc.heard_s, self.clock_s())
            if received is not None:
                try:
                    if isinstance(received, WarmNote):
                        self._warm_session.handle(received)
                    else:
                        self._act(received)
                except Exception:  # one message that fails must not silence all others
                    log.exception("a message could not be acted on")

    def _take_reports(self) -> None:
        """Pass reports of the engine process to the session, off the thread that reads them."""
        while (report := self._reports.get()) is not None:
            try:
                self.session.take_report(report)
            except Exception:
                log.exception("a report of the engine process could not be acted on")

    def _act(self, received: Received) -> None:
        event = received.event
        if isinstance(event, events.Panic):
            self.audio.panic()
        if isinstance(event, events.StatusRequest):
            self.osc.send(received.sender, self.status())
        elif isinstance(event, events.MidiLearn | events.MidiBind):
            self._set_midi(received, event)
        elif not self.session.handle(received) or isinstance(event, _ALSO_FOR_SONGS):
            self._song_queue.put(received)

    def _set_midi(self, received: Received, event: events.MidiLearn | events.MidiBind) -> None:
        """Learn or bind a controller."""
        parameter = Parameter(event.parameter) if event.parameter else None
        try:
            if not self.options.with_midi:
                raise SettingsError("MIDI is switched off here. Start the server without --no-midi.")
            if isinstance(event, events.MidiBind):
                self.midi.bind(event.controller, parameter)
            else:
                self._asked_to_learn = received.sender
                self.midi.learn(parameter)
        except SettingsError as error:
            self.osc.send(received.sender, replies.Error(address_of(event), received.seq, Code.FAILED, str(error)))

    def _play(self, routed: Sequence[Routed]) -> None:
        """Play events of MIDI ports, and tell who asked for a controller to be learned."""
        for item in routed:
            if isinstance(item, Learned) and self._asked_to_learn is not None:
                self.osc.send(self._asked_to_learn, replies.MidiLearned(item.number, item.parameter.value))
                self._asked_to_learn = None
        if self._midi_idle is None or not self._midi_idle.is_attached:  # else the MIDI thread keeps the path warm itself
            self.osc.note_activity()
        self.session.play(routed)

    def _serve_song(self) -> None:
        """Act on messages of songs, on a separate thread: they take longer than a note can wait."""
        while (received := self._song_queue.get()) is not None:
            address = address_of(received.event)
            code, error = Code.FAILED, ""
            try:
                if not self._song_takes(received):
                    error = "A running server does not do that."
            except RejectedMessage as rejection:
                code, error = rejection.code, str(rejection)
            except VocaleseError as rejection:
                error = str(rejection)
            except Exception as failure:
                log.exception("a message could not be acted on")
                error = f"It could not be done: {failure}"
            if error and not isinstance(received.event, _ALSO_FOR_SONGS):
                self.osc.send(received.sender, replies.Error(address, received.seq, code, error[:500]))

    def _song_takes(self, received: Received) -> bool:
        """Forward to the sequencer, creating it on first use with the settings received earlier."""
        event = received.event
        if isinstance(event, events.StemExport):
            self._export(received, event)
            return True
        if isinstance(event, events.SongRequest):
            self._tell_song(received.sender)
            return True
        if self._sequencer is None and isinstance(event, _SETTINGS):
            self._timeline = self._timeline.with_setting(event) or self._timeline
            return True
        if self._sequencer is None and isinstance(event, events.TrackClear):
            for number in self._timeline.tracks if event.track == events.ALL else (event.track,):
                self._timeline = self._timeline.cleared(number)
            return True
        if self._sequencer is None and isinstance(event, _NOTHING_BEFORE_SONGS):
            return True
        if self._sequencer is None:
            self._sequencer = self._keep(
                Sequencer(
                    self.audio, self._voices, timeline=self._timeline, on_reply=self._answer_song, on_notice=self._on_notice
                )
            )
            self._sequencer.start()
            self._sequencer.listen_to(self._source)
        told_s = getattr(event, "when_s", 0.0) or received.arrival_s
        return self._sequencer.apply(event, received.sender, age_s=self.clock_s() - told_s)

    @property
    def _song(self) -> Timeline:
        return self._sequencer.timeline if self._sequencer else self._timeline

    def _check_track(self, number: int) -> None:
        last = self.options.audio.tracks - 1
        if number > last:
            raise RejectedMessage(
                Code.RANGE, f"track is {number}", f"valid is 0 to {last}; start the server with --tracks {number + 1}"
            )

    def _tell_song(self, sender: Sender) -> None:
        """Send the contents of the session, in messages small enough for any network."""
        for reply in song_replies(self._song, next(self._snapshots)):
            self.osc.send(sender, reply)

    def _export(self, received: Received, event: events.StemExport) -> None:
        """Order stems. Raises what makes that impossible from the start."""
        last = self.options.audio.tracks - 1
        if event.track > last:
            raise RejectedMessage(Code.RANGE, f"track is {event.track}", f"valid is 0 to {last}, or {events.ALL} for all")
        order = ExportOrder.of(event, self._song, self.options.takes, self.options.version)
        self.exporter.put(order, received)

    def _feed_back(self) -> None:
        """Publish meters and status."""
        status_due_s = 0.0
        while not self._closing.wait(_METERS_EVERY_S):
            try:
                tracks = self.audio.telemetry().tracks
                meters = tuple(replies.Meter(number, track.peak_db, track.rms_db) for number, track in enumerate(tracks))
                self.osc.publish("meters", replies.Meters(meters))
                if time.monotonic() >= status_due_s:
                    status_due_s = time.monotonic() + _STATUS_EVERY_S
                    self.osc.publish("status", self.status())
            except DeviceError:  # it is being closed
                return

    def _answer_song(self, sender: Sender | None, reply: replies.Reply) -> None:
        if sender is None:
            self.osc.publish("render", reply)
        else:
            self.osc.send(sender, reply)

    def _take_audio_event(self, event: AudioEvent) -> None:
        self._on_notice(event.text)

    def _state(self, telemetry: Telemetry) -> str:
        if not telemetry.device_open:
            return "the audio device is not there"
        if not self.engine.is_ready:
            return "the engine is being started again"
        if self.session.is_recording:
            return "recording"
        state = "playing" if telemetry.transport.playing else "stopped"
        missing = len(self._sequencer.status().missing) if self._sequencer else 0
        return f"{state}, {missing} phrases silent until they are rendered" if missing else state
