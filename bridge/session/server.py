"""Everything that `vocalese serve` opens: the audio process, the engine process, OSC, MIDI and the song, wired together.

OSC  ─ socket thread ─ EventQueue ─ session thread ─┬─ LiveSession ─ pipe ─ engine process ─┐
MIDI ─ driver's threads ────────────────────────────┘                                       ├─ rings ─ audio process
                                    song thread ────── Sequencer ── renders ahead ──────────┘
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from bridge.audio.control import Telemetry
from bridge.audio.facade import AudioConfig, AudioEngine, AudioEvent
from bridge.midi.ports import VIRTUAL_NAME
from bridge.midi.receiver import MidiReceiver, OnArrival
from bridge.midi.router import Learned, MidiOptions, Routed
from bridge.osc import EventQueue, OscServer
from bridge.osc.allowance import Allowance
from bridge.protocol import events, limits, replies
from bridge.protocol.events import Received, Rehearsed, Sender
from bridge.protocol.refusal import Code, RefusedMessage
from bridge.protocol.table import BY_EVENT
from engine import ImportedSettings, LiveParameter, LiveSettings
from engine.errors import DeviceError, SettingsError, VocaleseError

from .engine_process import EngineProcess
from .exporter import ExportOrder, StemExporter
from .live import LiveOptions, LiveSession
from .live_process import Opening
from .renderer import VoiceShelf
from .sequencer import Sequencer
from .timeline import Timeline
from .transport import JackTransport, TransportSource, midi_source

_METERS_EVERY_S, _STATUS_EVERY_S = 0.05, 1.0
_QUEUE_WAIT_S = 0.25
# What a song has to know too, beside what is only live.
_ALSO_FOR_SONGS = (
    events.Panic,
    events.TrackVoice,
    events.TrackMode,
    events.TrackParam,
    events.LyricsSet,
    events.LyricsAppend,
    events.LyricsFiller,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """What to open. `voices`, `languages` and (if not empty) `live` have one entry per track of `audio`. `midi_ports`: parts of names,
    None = all, () = none. `learn` is the parameter that the first controller to be moved is learned for.

    `follow` names the transport that songs follow ("jack", "midi-clock" or "timecode"), None = the host's over OSC.
    `onset_lead_s` is how much later than the driver's block a note out of silence sounds: time to sing its first frame.
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
    learn: LiveParameter | None = None
    onset_lead_s: float = 0.00925
    follow: str | None = None


class _Unheard:
    """The engine for the session that rehearses: it reads what it is sent."""

    def __init__(self, engine: EngineProcess) -> None:
        self.send = engine.rehearse
        self.change_voice, self.mark, self.take = engine.change_voice, engine.mark, engine.take


class VocaleseServer:
    """Open from `with` to the end of the block. `on_notice(text)`, `on_arrival(received)` and `on_midi(time_s, port, message, routed)` are
    called from any thread, and must not wait: they stand between a message and its note.

    Raises a VocaleseError where something cannot be opened; MIDI that is not there is a notice.
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
        self._notes = Allowance(
            limits.NOTE_RATE_HZ, limits.NOTE_BURST, all_tracks * limits.NOTE_RATE_HZ, all_tracks * limits.NOTE_BURST
        )
        self._song_queue: queue.SimpleQueue[Received | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._sequencer: Sequencer | None = None
        self._source: TransportSource | None = None
        self._asked_to_learn: Sender | None = None
        self._set_before_songs: dict[tuple[type, int, str], Received] = {}
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
        """The engine's clock, as senders know it: seconds since the start."""
        return (time.monotonic_ns() - self._start_ns) * 1e-9

    def status(self) -> replies.Status:
        """How things are."""
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
        """From the arrival of a note to its sound: a block of the device, the lead, and the way through the driver."""
        clock = (telemetry or self.audio.telemetry()).clock
        return clock.block_frames / clock.sample_rate + self.options.onset_lead_s + clock.lead_s

    def close(self) -> None:
        """Close everything, ports first. OutputError if a file could not be completed."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._song_queue.put(None)
        ports = [opened for opened in self._opened if isinstance(opened, MidiReceiver | OscServer)]
        for port in reversed(ports):
            port.close()
        for thread in self._threads:
            thread.join()
        for opened in reversed(self._opened):
            if opened not in ports:
                opened.close()

    # ---- answers; see `bridge.session.live.Answers` ----------------------------------------------------------------------

    def send(self, sender: Sender, reply: replies.Reply) -> bool:
        """Answer one sender."""
        return self.osc.send(sender, reply)

    def publish(self, topic: str, reply: replies.Reply) -> int:
        """Tell all who subscribed."""
        return self.osc.publish(topic, reply)

    def notice(self, text: str) -> None:
        """Tell the user."""
        self._on_notice(text)

    def gain(self, track: int, linear: float) -> None:
        """Set a track's level in the mixer."""
        self.audio.gain(track, linear)

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
            rehearse=self._rehearse,
        )
        self._opened.append(self.osc)
        self._shelf = VoiceShelf(options.voice_folders, options.features, options.cache, options.imported)
        self._exporter = self._keep(StemExporter(self._shelf, self.send, self._on_notice))
        self.audio = self._keep(AudioEngine.start(options.audio, self._hear_audio))
        self.session = self._keep(
            LiveSession(
                LiveOptions(
                    voices=options.voices,
                    languages=options.languages,
                    live=options.live,
                    voice_folders=options.voice_folders,
                    takes=options.takes,
                    start_ns=self._start_ns,
                ),
                self,
            )
        )
        self.engine = self._keep(EngineProcess(self._opening(), self.session.hear, self._on_notice))
        self.session.open(self.engine)
        self._rehearsal = self.session.rehearsal(_Unheard(self.engine))
        self.midi = MidiReceiver(
            self._play,
            clock=self.clock_s,
            options=options.midi,
            wanted=options.midi_ports,
            virtual_name=options.midi_virtual_name,
            on_arrival=self._on_midi,
            rehearse=self._rehearsal.play,
        )
        self.midi.learn(options.learn)
        for name, target in (("session", self._serve), ("song", self._serve_song), ("feedback", self._feed_back)):
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

    def _opening(self) -> Opening:
        return Opening(
            address=self.audio.address,
            voices=self.options.voices,
            voice_folders=tuple(str(folder) for folder in self.options.voice_folders),
            onset_lead_s=self.options.onset_lead_s,
            is_manual=self.options.audio.clock == "manual" and self.options.audio.output != "device",
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
        return self._queue.put(received)

    def _rehearse(self, received: Received) -> None:
        """A note that nobody is to hear goes the way of all notes, if nothing else waits."""
        if not len(self._queue):
            self._queue.put(Rehearsed(received.event, received.sender, received.arrival_s))

    def _serve(self) -> None:
        while not self._closing.is_set():
            received = self._queue.get(_QUEUE_WAIT_S)
            if received is not None:
                try:
                    if isinstance(received, Rehearsed):
                        self._rehearsal.handle(received)
                    else:
                        self._act(received)
                except Exception:  # one message that fails must not silence all others
                    log.exception("a message could not be acted on")

    def _act(self, received: Received) -> None:
        event = received.event
        if isinstance(event, events.Panic):
            self.audio.panic()
        if isinstance(event, events.StatusRequest):
            self.send(received.sender, self.status())
        elif isinstance(event, events.MidiLearn | events.MidiBind):
            self._set_midi(received, event)
        elif not self.session.handle(received) or isinstance(event, _ALSO_FOR_SONGS):
            self._song_queue.put(received)

    def _set_midi(self, received: Received, event: events.MidiLearn | events.MidiBind) -> None:
        """Controllers and what they move."""
        parameter = LiveParameter(event.parameter) if event.parameter else None
        try:
            if not self.options.with_midi:
                raise SettingsError("MIDI is switched off here. Start the server without --no-midi.")
            if isinstance(event, events.MidiBind):
                self.midi.bind(event.controller, parameter)
            else:
                self._asked_to_learn = received.sender
                self.midi.learn(parameter)
        except SettingsError as error:
            address = BY_EVENT[type(event)].address
            self.send(received.sender, replies.Error(address, received.seq, Code.FAILED, str(error)))

    def _play(self, routed: Sequence[Routed]) -> None:
        """What comes by MIDI; who asked for a controller to be learned hears of it."""
        for item in routed:
            if isinstance(item, Learned) and self._asked_to_learn is not None:
                self.send(self._asked_to_learn, replies.MidiLearned(item.number, item.parameter.value))
                self._asked_to_learn = None
        if not self.midi.rehearses:
            self.osc.stay_awake()
        self.session.play(routed)

    def _serve_song(self) -> None:
        """Songs have a thread of their own: their work takes longer than a note can wait."""
        while (received := self._song_queue.get()) is not None:
            kind = type(received.event)
            address = BY_EVENT[events.ClipEnd if kind is events.Clip else kind].address
            code, error = Code.FAILED, ""
            try:
                if not self._song_takes(received):
                    error = "A running server does not do that."
            except RefusedMessage as refusal:
                code, error = refusal.code, str(refusal)
            except VocaleseError as refusal:
                error = str(refusal)
            except Exception as failure:
                log.exception("a message could not be acted on")
                error = f"It could not be done: {failure}"
            if error and not isinstance(received.event, _ALSO_FOR_SONGS):
                self.send(received.sender, replies.Error(address, received.seq, code, error[:500]))

    def _song_takes(self, received: Received) -> bool:
        """Give it to the sequencer, which is there from the first message on that needs one; what was set before it comes first."""
        event = received.event
        if isinstance(event, events.StemExport):
            self._export(received, event)
            return True
        if self._sequencer is None and isinstance(event, _ALSO_FOR_SONGS):
            self._set_before_songs[type(event), getattr(event, "track", 0), getattr(event, "name", "")] = received
            return True
        if self._sequencer is None:
            sequencer = Sequencer(self.audio, self._shelf, on_reply=self._answer_song, on_notice=self._on_notice)
            self._sequencer = self._keep(sequencer)
            sequencer.start()
            sequencer.listen_to(self._source)
            for track, (voice, language) in enumerate(zip(self.options.voices, self.options.languages, strict=True)):
                sequencer.apply(events.TrackVoice(track, voice, language))
            for track, live in enumerate(self.options.live):
                sequencer.apply(events.LyricsFiller(track, live.when_empty.value))
            for earlier in self._set_before_songs.values():
                sequencer.apply(earlier.event, earlier.sender)
        told_s = getattr(event, "when_s", 0.0) or received.arrival_s
        return self._sequencer.apply(event, received.sender, age_s=self.clock_s() - told_s)

    def _export(self, received: Received, event: events.StemExport) -> None:
        """Let stems be written; raises where that cannot even begin."""
        last = self.options.audio.tracks - 1
        if event.track > last:
            raise RefusedMessage(Code.RANGE, f"track is {event.track}", f"valid is 0 to {last}, or {events.ALL} for all")
        timeline = self._sequencer.timeline if self._sequencer else Timeline()
        order = ExportOrder.of(event, timeline, self.options.takes, self.options.version)
        self._exporter.put(order, received)

    def _feed_back(self) -> None:
        """Meters and status to those who asked for them."""
        status_due_s = 0.0
        while not self._closing.wait(_METERS_EVERY_S):
            try:
                tracks = self.audio.telemetry().tracks
                meters = tuple(replies.Meter(number, track.peak_db, track.rms_db) for number, track in enumerate(tracks))
                self.publish("meters", replies.Meters(meters))
                if time.monotonic() >= status_due_s:
                    status_due_s = time.monotonic() + _STATUS_EVERY_S
                    self.publish("status", self.status())
            except DeviceError:  # it is being closed
                return

    def _answer_song(self, sender: Sender | None, reply: replies.Reply) -> None:
        if sender is None:
            self.publish("render", reply)
        else:
            self.send(sender, reply)

    def _hear_audio(self, event: AudioEvent) -> None:
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
