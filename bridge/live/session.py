"""A session of live voices: turns OSC messages and MIDI events of all tracks into events of the engine, and answers senders.

Events act at their arrival, or at the time that they name, and a constant later. Words are split on a separate thread before they are sent on;
messages for the same track wait meanwhile, so that notes take the words that were sent before them.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import count, groupby
from pathlib import Path
from typing import Any, Protocol

from bridge.midi.router import Learned, ProgramChosen, Routed, TrackEvent
from bridge.protocol import events, limits, replies
from bridge.protocol.answers import MAX_SPLIT_SYLLABLES
from bridge.protocol.events import Received, Sender
from bridge.protocol.rejection import Code
from bridge.protocol.table import BY_EVENT, address_of
from bridge.stems.naming import free_path
from engine import (
    Bend,
    Configure,
    Expression,
    GoToLine,
    LiveEvent,
    LiveSettings,
    Lyrics,
    Mode,
    NoteOff,
    NoteOn,
    Overlap,
    Panic,
    Parameter,
    PerformanceSettings,
    SplitLyrics,
    Sustain,
    VocaleseError,
    WhenEmpty,
    load_card,
    split_lyrics,
    split_note_lyric,
    voice_folders,
)

from . import messages
from .messages import Report
from .note_ids import NoteIds

LATE_S = 0.05  # a note that should have begun longer ago than this is refused
_OSC_NOTES, _WHOLE_NOTES = 1 << 32, 1 << 48  # so that they do not meet the numbers of MIDI keys
_DEFAULT_LANGUAGE = "en"
_WARM_UP = "Warm words and zwabbelig ones"  # known and unknown
_SPLIT_CHARACTERS = 8_000  # in one answer
_ONLY_FOR_SONGS = (events.Clip, events.ClipRemove, events.Render, events.StemExport, events.TrackName, events.TrackSeed)
_MOST_SAID = 256  # notices about words on notes that are remembered, so that each is told once
_LIVE_EVENTS = (events.WholeNote, events.NoteOn, events.NoteOff, events.NoteBend, events.NoteExpression)

log = logging.getLogger(__name__)


class Engine(Protocol):
    """Part of `EngineProcess` that the session uses."""

    def send(self, track: int, events: Sequence[LiveEvent], at_ns: int) -> None: ...

    def change_voice(self, track: int, name: str) -> None: ...

    def mark(self, track: int, at_ns: int) -> None: ...

    def take(self, number: int, tracks: tuple[int, ...], *, path: Path, name: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class LiveOptions:
    """Options of a session.

    `voices[track]` and `languages[track]` are the first voice and language of each track ("" = English, in songs the language of the words),
    `live[track]` (() = defaults) the choices of live voices. Takes are written to the folder `takes`. `note_timeout_s`: see `NoteIds`.
    `start_ns` (of `time.monotonic_ns`) is second 0 of the session's clock.
    """

    voices: tuple[str, ...]
    languages: tuple[str, ...]
    live: tuple[LiveSettings, ...] = ()
    voice_folders: tuple[Path, ...] = ()
    takes: Path = Path()
    start_ns: int = 0
    note_timeout_s: float = limits.NOTE_TIMEOUT_S


@dataclass(frozen=True)
class Outputs:
    """Functions that a session calls: answer one sender, publish a topic to its subscribers, tell the user a sentence, set a track's gain."""

    send: Callable[[Sender, replies.Reply], object]
    publish: Callable[[str, replies.Reply], object]
    notice: Callable[[str], object]
    gain: Callable[[int, float], object]


@dataclass
class _Track:
    """Settings of a track."""

    voice: str
    language: str
    settings: PerformanceSettings = PerformanceSettings()
    live: LiveSettings = LiveSettings()
    transpose_semitones: float = 0.0
    is_recorded: bool = False
    asked_for_voice: tuple[Sender, int] | None = None
    backlog: deque[tuple[bool, Callable[[], None]]] | None = None  # while words are split; (is a note, job)
    words: int = 0  # syllables that were sent since the words were last replaced


class LiveSession:
    """See the module docstring. May be used from any thread. `warming` is done when dictionaries are in memory."""

    def __init__(self, options: LiveOptions, outputs: Outputs, engine: Engine) -> None:
        self._options, self._outputs, self._engine = options, outputs, engine
        live = options.live or (LiveSettings(),) * len(options.voices)
        self._tracks = [
            _Track(voice, language or _DEFAULT_LANGUAGE, PerformanceSettings(seed=number), chosen)
            for number, (voice, language, chosen) in enumerate(zip(options.voices, options.languages, live, strict=True))
        ]
        self._lock = threading.Lock()
        self._whole_notes, self._takes = count(_WHOLE_NOTES), count(1)
        self._asked_for_takes: dict[int, tuple[Sender, int, int]] = {}
        self._splitter = ThreadPoolExecutor(1, "words")
        self._split_note = lru_cache(1024)(split_note_lyric)
        self._languages_of = lru_cache(64)(lambda voice: tuple(load_card(voice, options.voice_folders).languages))
        self._note_ids = NoteIds(_OSC_NOTES, options.note_timeout_s)
        self._said_of_notes: OrderedDict[tuple[int, str], None] = OrderedDict()
        self._unheard: set[int] = set()  # tracks that MIDI played and that are not there: said once
        for number, track in enumerate(self._tracks):
            if track.live != LiveSettings():
                self._send(number, Configure(0.0, track.settings, track.live), 0.0)
        self.warming = self._splitter.submit(split_lyrics, _WARM_UP)

    def with_engine(self, engine: Engine) -> LiveSession:
        """Return a copy that sends its events to `engine`; all other state is shared."""
        twin = copy(self)
        twin._engine = engine
        return twin

    def close(self) -> None:
        """End; nothing is sent on any more."""
        self._splitter.shutdown(cancel_futures=True)

    @property
    def is_recording(self) -> bool:
        """Return whether a recording was begun that has not ended."""
        return any(track.is_recorded for track in self._tracks)

    # ---- input -------------------------------------------------------------------------------------------------------

    def handle(self, received: Received) -> bool:
        """Act on an event of an OSC sender. Return False if it is none for live voices. Failures are answered."""
        event = received.event
        if isinstance(event, events.Panic):
            self.panic(received.arrival_s)
            return True
        number = getattr(event, "track", None)
        if number is None or isinstance(event, _ONLY_FOR_SONGS):
            return False
        if not -1 <= number < len(self._tracks):
            self._refuse(received, Code.RANGE, self._no_such_track(number))
        elif isinstance(event, events.TrackClear):
            for each in self._numbers(number):
                self._in_order(each, partial(self._clear_words, each, received))
        elif isinstance(event, events.RecordStart):
            self._start_recording(received, event)
        elif isinstance(event, events.RecordStop):
            self._in_order(max(number, 0), lambda: self._end_recording(received, event))
        else:
            is_slow = isinstance(event, events.LyricsSet | events.LyricsAppend)
            self._in_order(number, lambda: self._act(received), is_slow=is_slow, is_note=isinstance(event, _LIVE_EVENTS))
        return True

    def play(self, routed: Sequence[Routed]) -> None:
        """Act on events of MIDI ports."""
        for _, group in groupby(routed, _together):
            item, *others = group
            if isinstance(item, Learned):
                self._outputs.notice(f"Controller {item.number} now moves {item.parameter.value}.")
            elif not item.track < len(self._tracks):
                if any(isinstance(each, TrackEvent) and isinstance(each.event, NoteOn) for each in (item, *others)):
                    self._say_unheard(item.track)  # resets that a host sends on all channels are nothing to talk about
            elif isinstance(item, ProgramChosen):
                self._choose(item)
            else:
                moved = (item.event, *(other.event for other in others if isinstance(other, TrackEvent)))
                self._in_order(item.track, partial(self._play, item.track, moved), is_note=True)

    def panic(self, arrival_s: float) -> None:
        """Silence all tracks and cancel notes that were announced."""
        self._note_ids.forget_notes()
        for number, track in enumerate(self._tracks):
            with self._lock:
                if track.backlog is not None:
                    track.backlog = deque(item for item in track.backlog if not item[0])
            self._send(number, Panic(arrival_s), arrival_s)

    def end_notes_of_gone(self, gone: Sequence[Sender], heard_s: Callable[[Sender], float], now_s: float) -> None:
        """End the notes of senders that have gone or timed out. `heard_s` returns the time of a sender's last message."""
        for sender, notes in self._note_ids.take_gone(gone, heard_s, now_s):
            for held in notes:
                self._send(held.track, NoteOff(0.0, held.note_id), max(now_s, held.on_s))
            count = "a note that it held has" if len(notes) == 1 else f"{len(notes)} notes that it held have"
            self._outputs.notice(f"Nothing comes from {sender} any more; {count} ended.")

    def write(self, track: int, text: str, *, language: str = "") -> None:
        """Give a track words on behalf of the user who started the session. Raises VocaleseError if they cannot be read."""
        self._tracks[track].language = language or self._tracks[track].language
        split = self._split(track, text, self._tracks[track].language)
        self._tell(track, split.notices)
        self._send(track, Lyrics(0.0, split.lines), 0.0)

    # ---- reports of the engine ---------------------------------------------------------------------------------------

    def take_report(self, report: Report) -> None:
        """Act on a report of the engine process: answer senders and tell the user."""
        match report:
            case messages.Notice():
                self._tell(report.track, (report.text,))
            case messages.Position():
                following = replies.LyricsNext(report.track, report.text, report.line, report.remaining)
                self._outputs.publish("lyrics", following)
            case messages.VoiceChanged():
                self._answer_voice(report)
            case messages.TakeWritten():
                self._answer_take(report)

    def _answer_voice(self, report: messages.VoiceChanged) -> None:
        track = self._tracks[report.track]
        asked, track.asked_for_voice = track.asked_for_voice, None
        if not report.error:
            track.voice = report.name
        elif asked is not None:
            address = BY_EVENT[events.TrackVoice].address
            self._outputs.send(asked[0], replies.Error(address, asked[1], Code.FAILED, report.error[:500]))
        else:
            self._tell(report.track, (report.error,))

    def _answer_take(self, report: messages.TakeWritten) -> None:
        sender, seq, number = self._asked_for_takes.pop(report.number)
        if report.error:
            address = BY_EVENT[events.RecordStop].address
            self._outputs.send(sender, replies.Error(address, seq, Code.FAILED, report.error[:500]))
        else:
            shown = Path(report.path).relative_to(self._options.takes).as_posix()
            self._outputs.send(sender, replies.Written(number, shown, 0, 0))
            self._outputs.notice(f"What was played is in {report.path}.")

    # ---- one message -------------------------------------------------------------------------------------------------

    def _act(self, received: Received) -> None:
        event = received.event
        try:
            match event:
                case events.WholeNote() | events.NoteOn():
                    self._note_on(received, event)
                case events.NoteOff():
                    self._note_off(received, event)
                case events.NoteBend():
                    for note_id in self._note_ids.find(received.sender, event.track, event.note):
                        self._send(event.track, Bend(0.0, event.semitones, note_id), event.when_s or received.arrival_s)
                case events.NoteExpression():
                    self._express(received, event)
                case events.LyricsSet() | events.LyricsAppend():
                    self._take_words(received, event)
                case events.LyricsLine():
                    self._send(event.track, GoToLine(0.0, event.line), received.arrival_s)
                case _:
                    self._set(received)
        except (VocaleseError, ValueError) as error:
            self._refuse(received, Code.FAILED, str(error))

    def _note_on(self, received: Received, event: events.WholeNote | events.NoteOn) -> None:
        if isinstance(event, events.NoteOn) and event.velocity == 0.0:
            self._note_off(received, event)
            return
        track, when_s = self._tracks[event.track], event.when_s or received.arrival_s
        if when_s < received.arrival_s - LATE_S:
            self._refuse(
                received, Code.LATE, f"when_s is {when_s:g}, {received.arrival_s - when_s:.3g} s before the message came."
            )
            return
        line = None
        if event.lyric:
            split = self._split_note(event.lyric, language=track.language, voice_languages=self._languages_of(track.voice))
            self._tell_once(event.track, split.notices)
            line = split.lines[0]
        note_id = next(self._whole_notes) if isinstance(event, events.WholeNote) else self._begun(received, event, when_s)
        self._send(event.track, NoteOn(0.0, note_id, self._transposed(track, event.pitch), event.velocity, line), when_s)
        if isinstance(event, events.WholeNote):
            self._send(event.track, NoteOff(0.0, note_id), when_s + event.duration_s)

    def _begun(self, received: Received, event: events.NoteOn, when_s: float) -> int:
        """Return the engine's number for a note of this sender."""
        sender, track, note = received.sender, event.track, event.note
        note_id, too_many = self._note_ids.begin(sender, track, note, now_s=received.arrival_s, on_s=when_s)
        for held in too_many:
            self._send(held.track, NoteOff(0.0, held.note_id), max(when_s, held.on_s))
        return note_id

    def _note_off(self, received: Received, event: events.NoteOff | events.NoteOn) -> None:
        for note_id in self._note_ids.find(received.sender, event.track, event.note, ends=True):
            self._send(event.track, NoteOff(0.0, note_id), event.when_s or received.arrival_s)

    def _express(self, received: Received, event: events.NoteExpression) -> None:
        when_s = event.when_s or received.arrival_s
        if event.name == "sustain":
            self._send(event.track, Sustain(0.0, event.value >= 0.5), when_s)
        else:
            for note_id in self._note_ids.find(received.sender, event.track, event.note):
                self._send(event.track, Expression(0.0, Parameter(event.name), event.value, note_id), when_s)

    def _clear_words(self, number: int, received: Received) -> None:
        self._tracks[number].words = 0
        self._send(number, Lyrics(0.0, ()), received.arrival_s)

    def _take_words(self, received: Received, event: events.LyricsSet | events.LyricsAppend) -> None:
        track = self._tracks[event.track]
        split = self._split(event.track, event.text, event.language or track.language)
        replaces = isinstance(event, events.LyricsSet)
        self._send(event.track, Lyrics(0.0, split.lines, replaces), received.arrival_s)
        self._tell(event.track, split.notices)
        syllables = [cue.text for line in split.lines for cue in line.cues]
        first = 0 if replaces else track.words
        track.words = first + len(syllables)
        for part in _portions(syllables):
            self._outputs.send(received.sender, replies.LyricsSplit(event.track, first, part))
            first += len(part)

    def _split(self, track: int, text: str, language: str) -> SplitLyrics:
        return split_lyrics(text, language=language, voice_languages=self._languages_of(self._tracks[track].voice))

    def _set(self, received: Received) -> None:
        event = received.event
        match event:
            case events.LyricsFiller():
                live = replace(self._tracks[event.track].live, when_empty=WhenEmpty(event.filler))
                self._configure(event.track, received, live=live)
            case events.TrackOverlap():
                live = replace(self._tracks[event.track].live, overlap=Overlap(event.overlap))
                self._configure(event.track, received, live=live)
            case events.TrackVoice():
                self._set_voice(received, event)
            case events.TrackMode():
                settings = replace(self._tracks[event.track].settings, mode=Mode(event.mode))
                self._configure(event.track, received, settings=settings)
            case events.TrackParam(name="gain_db"):
                self._outputs.gain(event.track, min(10.0 ** (event.value / 20.0), 4.0))
            case events.TrackParam(name="transpose_semitones"):
                self._tracks[event.track].transpose_semitones = event.value
            case events.TrackParam():
                changed: dict[str, Any] = {event.name: event.value}
                settings = replace(self._tracks[event.track].settings, **changed)
                self._configure(event.track, received, settings=settings)

    def _configure(
        self,
        number: int,
        received: Received,
        *,
        settings: PerformanceSettings | None = None,
        live: LiveSettings | None = None,
    ) -> None:
        track = self._tracks[number]
        track.settings, track.live = settings or track.settings, live or track.live
        self._send(number, Configure(0.0, track.settings, track.live), received.arrival_s)

    def _set_voice(self, received: Received, event: events.TrackVoice) -> None:
        track = self._tracks[event.track]
        self._languages_of(event.voice)  # VoiceError if there is none of this name
        track.language = event.language or track.language
        track.asked_for_voice = (received.sender, received.seq)
        self._engine.change_voice(event.track, event.voice)

    def _start_recording(self, received: Received, event: events.RecordStart) -> None:
        for number in self._numbers(event.track):
            self._tracks[number].is_recorded = True
            self._engine.mark(number, self._ns(received.arrival_s))

    def _end_recording(self, received: Received, event: events.RecordStop) -> None:
        numbers = self._numbers(event.track)
        for number in numbers:
            self._tracks[number].is_recorded = False
        name = event.name or "take"
        try:
            self._options.takes.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._refuse(received, Code.FAILED, f"{self._options.takes} cannot be made: {error.strerror}.")
            return
        take, path = next(self._takes), free_path(self._options.takes / f"{name.removesuffix('.mid')}.mid")
        self._asked_for_takes[take] = (received.sender, received.seq, event.track)
        self._engine.take(take, numbers, path=path, name=path.stem)

    def _play(self, number: int, together: Sequence[LiveEvent]) -> None:
        track, played = self._tracks[number], list(together)
        for place, event in enumerate(played):
            if isinstance(event, NoteOn) and round(event.pitch) not in track.live.line_steps:
                played[place] = replace(event, pitch=self._transposed(track, event.pitch))
        self._engine.send(number, played, self._ns(played[0].time_s))

    def _choose(self, item: ProgramChosen) -> None:
        names = sorted(voice_folders(self._options.voice_folders))
        if item.program >= len(names):
            self._tell(item.track, (f"Program {item.program} asks for a voice; there are {len(names)}: {', '.join(names)}.",))
            return
        self._engine.change_voice(item.track, names[item.program])

    # ---- helpers -----------------------------------------------------------------------------------------------------

    def _in_order(self, number: int, job: Callable[[], None], *, is_slow: bool = False, is_note: bool = False) -> None:
        """Do a job now, after the track's waiting jobs, or (if it is slow) on the thread for words."""
        track = self._tracks[number]
        with self._lock:
            if track.backlog is not None:
                track.backlog.append((is_note, job))
                return
            if is_slow:
                track.backlog = deque([(False, job)])
        if is_slow:
            self._splitter.submit(self._work_off, track)
        else:
            job()

    def _work_off(self, track: _Track) -> None:
        while True:
            with self._lock:
                if not track.backlog:
                    track.backlog = None
                    return
                _, job = track.backlog.popleft()
            try:
                job()
            except Exception:
                log.exception("a message could not be acted on")

    def _send(self, track: int, event: LiveEvent, at_s: float) -> None:
        self._engine.send(track, (event,), self._ns(at_s))

    def _numbers(self, track: int) -> tuple[int, ...]:
        return tuple(range(len(self._tracks))) if track == events.ALL else (track,)

    def _ns(self, at_s: float) -> int:
        return self._options.start_ns + round(at_s * 1e9)

    def _transposed(self, track: _Track, pitch: float) -> float:
        return min(max(pitch + track.transpose_semitones, 0.0), 127.0)

    def _refuse(self, received: Received, code: Code, text: str) -> None:
        self._outputs.send(received.sender, replies.Error(address_of(received.event), received.seq, code, text[:500]))

    def _tell(self, track: int, notices: Sequence[str]) -> None:
        for text in notices:
            self._outputs.notice(f"Track {track}: {text}")

    def _tell_once(self, track: int, notices: Sequence[str]) -> None:
        """Tell notices about words on notes, each once."""
        for text in notices:
            if (track, text) not in self._said_of_notes:
                self._said_of_notes[track, text] = None
                self._tell(track, (text,))
            if len(self._said_of_notes) > _MOST_SAID:
                self._said_of_notes.popitem(last=False)

    def _no_such_track(self, number: int) -> str:
        last = len(self._tracks) - 1
        return f"Track {number}; valid is 0 to {last}. Start the server with --tracks {number + 1} to have it."

    def _say_unheard(self, number: int) -> None:
        if number not in self._unheard:
            self._unheard.add(number)
            self._outputs.notice(f"MIDI channel {number + 1} plays no track. {self._no_such_track(number)}")


def _together(item: Routed) -> tuple[object, ...]:
    """Return a key that groups events of one moment on one track, such as a note and its bend."""
    return (item.track, item.event.time_s) if isinstance(item, TrackEvent) else (id(item),)


def _portions(syllables: Sequence[str]) -> list[tuple[str, ...]]:
    """Divide syllables into portions that fit into one message each; at least one, so that an answer always comes."""
    portions: list[list[str]] = [[]]
    size = 0
    for syllable in syllables:
        size += len(syllable) + 8
        if len(portions[-1]) >= MAX_SPLIT_SYLLABLES or size > _SPLIT_CHARACTERS:
            portions.append([])
            size = len(syllable) + 8
        portions[-1].append(syllable)
    return [tuple(portion) for portion in portions]
