"""What senders ask of the live voices: OSC messages and MIDI events of all tracks to events of the engine, and what is answered.

Everything acts at its arrival, or at the time it names, and a constant later. Words are split before they are sent on, beside the thread
that takes messages: what comes for the same track meanwhile waits, so that notes take the words that were sent before them.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import count, groupby
from pathlib import Path
from typing import Any, Protocol

from bridge.midi.router import Learned, ProgramChosen, Routed, TrackEvent
from bridge.protocol import events, replies
from bridge.protocol.events import Received, Sender
from bridge.protocol.refusal import Code
from bridge.protocol.table import BY_EVENT, MAX_SPLIT_SYLLABLES
from bridge.stems.naming import free_path
from engine import (
    Bend,
    Configure,
    Expression,
    GoToLine,
    LiveEvent,
    LiveParameter,
    LiveSettings,
    Lyrics,
    Mode,
    NoteOff,
    NoteOn,
    Overlap,
    Panic,
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

LATE_S = 0.05  # a note that should have begun longer ago than this is refused
_OSC_NOTES, _WHOLE_NOTES = 1 << 32, 1 << 48  # so that no sender's numbers meet those of MIDI keys
_DEFAULT_LANGUAGE = "en"
_WARM_UP = "Warm words and zwabbelig ones"  # known and unknown
_SPLIT_CHARACTERS = 8_000  # in one answer
_ONLY_IN_CLIPS = frozenset({"pitch_strength"})
_LIVE_EVENTS = (events.WholeNote, events.NoteOn, events.NoteOff, events.NoteBend, events.NoteExpression)

log = logging.getLogger(__name__)


class Engine(Protocol):
    """What the session uses of `EngineProcess`."""

    def send(self, track: int, events: Sequence[LiveEvent], at_ns: int) -> None: ...

    def change_voice(self, track: int, name: str) -> None: ...

    def mark(self, track: int, at_ns: int) -> None: ...

    def take(self, number: int, tracks: tuple[int, ...], *, path: Path, name: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class LiveOptions:
    """`voices[track]` and `languages[track]` say who sings in what at first, `live[track]` (() = defaults) the choices of live voices. Takes
    go to `takes`. `start_ns` (of `time.monotonic_ns`) is where the session's clock starts: 0 s."""

    voices: tuple[str, ...]
    languages: tuple[str, ...]
    live: tuple[LiveSettings, ...] = ()
    voice_folders: tuple[Path, ...] = ()
    takes: Path = Path()
    start_ns: int = 0


class Answers(Protocol):
    """Where answers go."""

    def send(self, sender: Sender, reply: replies.Reply) -> bool:
        """To one sender."""

    def publish(self, topic: str, reply: replies.Reply) -> int:
        """To all who subscribed."""

    def notice(self, text: str) -> None:
        """To the user, in a full sentence."""

    def gain(self, track: int, linear: float) -> None:
        """To the mixer: the level of a track."""


@dataclass
class _Track:
    """What a track is set to."""

    voice: str
    language: str
    settings: PerformanceSettings = PerformanceSettings()
    live: LiveSettings = LiveSettings()
    transpose_semitones: float = 0.0
    is_recorded: bool = False
    asked_for_voice: tuple[Sender, int] | None = None
    backlog: deque[tuple[bool, Callable[[], None]]] | None = None  # while words are split; (is a note, what to do)
    words: int = 0  # syllables that were sent since the words were last replaced


class LiveSession:
    """See the module docstring. `open` it with an engine before anything is handled. May be used from any thread."""

    def __init__(self, options: LiveOptions, answers: Answers) -> None:
        self._options, self._answers = options, answers
        live = options.live or (LiveSettings(),) * len(options.voices)
        self._tracks = [
            _Track(voice, language, PerformanceSettings(seed=number), chosen)
            for number, (voice, language, chosen) in enumerate(zip(options.voices, options.languages, live, strict=True))
        ]
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        self._whole_notes, self._takes = count(_WHOLE_NOTES), count(1)
        self._asked_for_takes: dict[int, tuple[Sender, int, int]] = {}
        self._splitter = ThreadPoolExecutor(1, "words")
        self._split_note = lru_cache(1024)(split_note_lyric)
        self._languages_of = lru_cache(64)(lambda voice: tuple(load_card(voice, options.voice_folders).languages))
        self._unheard: set[int] = set()  # tracks that MIDI played and that are not there: said once

    def open(self, engine: Engine) -> None:
        """Begin: words are warmed up beside everything else; `warming` is done when dictionaries are in memory."""
        self._engine = engine
        for number, track in enumerate(self._tracks):
            if track.live != LiveSettings():
                self._send(number, Configure(0.0, track.settings, track.live), 0.0)
        self.warming = self._splitter.submit(split_lyrics, _WARM_UP)

    def rehearsal(self, engine: Engine) -> LiveSession:
        """This session for notes that nobody is to hear: what they become goes to `engine`, and everything else is shared."""
        twin = copy(self)
        twin._engine = engine
        return twin

    def close(self) -> None:
        """End; nothing is sent on any more."""
        self._splitter.shutdown(cancel_futures=True)

    @property
    def is_recording(self) -> bool:
        """Whether somebody asked for a recording that has not ended."""
        return any(track.is_recorded for track in self._tracks)

    # ---- what comes in -----------------------------------------------------------------------------------------------

    def handle(self, received: Received) -> bool:
        """Act on an event of an OSC sender; False if it is none for live voices. What cannot be done is answered."""
        event = received.event
        if isinstance(event, events.Panic):
            self.panic(received.arrival_s)
            return True
        number = getattr(event, "track", None)
        if number is None or isinstance(event, events.Clip | events.Render | events.StemExport):
            return False
        if not -1 <= number < len(self._tracks):
            self._refuse(received, Code.RANGE, self._no_such_track(number))
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
                self._answers.notice(f"Controller {item.number} now moves {item.parameter.value}.")
            elif not item.track < len(self._tracks):
                self._say_unheard(item.track)
            elif isinstance(item, ProgramChosen):
                self._choose(item)
            else:
                moved = (item.event, *(other.event for other in others if isinstance(other, TrackEvent)))
                self._in_order(item.track, partial(self._play, item.track, moved), is_note=True)

    def panic(self, arrival_s: float) -> None:
        """Silence on all tracks; notes that were announced are called off."""
        for number, track in enumerate(self._tracks):
            with self._lock:
                if track.backlog is not None:
                    track.backlog = deque(item for item in track.backlog if not item[0])
            self._send(number, Panic(arrival_s), arrival_s)

    def write(self, track: int, text: str, *, language: str = "") -> None:
        """Words for a track from the one who started the session. VocaleseError if they cannot be read."""
        self._tracks[track].language = language or self._tracks[track].language
        split = self._split(track, text, self._tracks[track].language)
        self._tell(track, split.notices)
        self._send(track, Lyrics(0.0, split.lines), 0.0)

    # ---- what the engine says ----------------------------------------------------------------------------------------

    def hear(self, report: dict[str, Any]) -> None:
        """Pass on what the engine process says."""
        match report["event"]:
            case "notice":
                self._tell(report["track"], (report["text"],))
            case "position":
                following = replies.LyricsNext(report["track"], report["text"], report["line"], report["remaining"])
                self._answers.publish("lyrics", following)
            case "voice":
                self._hear_of_voice(report)
            case "written":
                self._hear_of_take(report)

    def _hear_of_voice(self, report: dict[str, Any]) -> None:
        track, error = self._tracks[report["track"]], report["error"]
        asked, track.asked_for_voice = track.asked_for_voice, None
        if not error:
            track.voice = report["name"]
        elif asked is not None:
            address = BY_EVENT[events.TrackVoice].address
            self._answers.send(asked[0], replies.Error(address, asked[1], Code.FAILED, error[:500]))
        else:
            self._tell(report["track"], (error,))

    def _hear_of_take(self, report: dict[str, Any]) -> None:
        sender, seq, number = self._asked_for_takes.pop(report["id"])
        if report["error"]:
            address = BY_EVENT[events.RecordStop].address
            self._answers.send(sender, replies.Error(address, seq, Code.FAILED, report["error"][:500]))
        else:
            shown = Path(report["path"]).relative_to(self._options.takes).as_posix()
            self._answers.send(sender, replies.Written(number, shown, 0, 0))
            self._answers.notice(f"What was played is in {report['path']}.")

    # ---- one message -------------------------------------------------------------------------------------------------

    def _act(self, received: Received) -> None:
        event = received.event
        try:
            match event:
                case events.WholeNote() | events.NoteOn():
                    self._note_on(received, event)
                case events.NoteOff():
                    self._send(event.track, NoteOff(0.0, _OSC_NOTES + event.note), event.when_s or received.arrival_s)
                case events.NoteBend():
                    bend = Bend(0.0, event.semitones, _OSC_NOTES + event.note)
                    self._send(event.track, bend, event.when_s or received.arrival_s)
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
        track, when_s = self._tracks[event.track], event.when_s or received.arrival_s
        if when_s < received.arrival_s - LATE_S:
            self._refuse(
                received, Code.LATE, f"when_s is {when_s:g}, {received.arrival_s - when_s:.3g} s before the message came."
            )
            return
        line = None
        if event.lyric:
            split = self._split_note(event.lyric, language=track.language, voice_languages=self._languages_of(track.voice))
            self._tell(event.track, split.notices)
            line = split.lines[0]
        note_id = next(self._whole_notes) if isinstance(event, events.WholeNote) else _OSC_NOTES + event.note
        self._send(event.track, NoteOn(0.0, note_id, self._transposed(track, event.pitch), event.velocity, line), when_s)
        if isinstance(event, events.WholeNote):
            self._send(event.track, NoteOff(0.0, note_id), when_s + event.duration_s)

    def _express(self, received: Received, event: events.NoteExpression) -> None:
        when_s = event.when_s or received.arrival_s
        if event.name == "sustain":
            self._send(event.track, Sustain(0.0, event.value >= 0.5), when_s)
        elif event.name in _ONLY_IN_CLIPS:
            self._refuse(received, Code.FAILED, f"{event.name} acts in clips; live notes are sung as they are played.")
        else:
            moved = Expression(0.0, LiveParameter(event.name), event.value, _OSC_NOTES + event.note)
            self._send(event.track, moved, when_s)

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
            self._answers.send(received.sender, replies.LyricsSplit(event.track, first, part))
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
                if event.mode != Mode.SING:
                    self._tell(event.track, (f"Live notes are sung; '{event.mode}' counts for clips.",))
                settings = replace(self._tracks[event.track].settings, mode=Mode(event.mode))
                self._configure(event.track, received, settings=settings)
            case events.TrackParam(name="gain_db"):
                self._answers.gain(event.track, min(10.0 ** (event.value / 20.0), 4.0))
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
        assert self._engine is not None
        self._engine.change_voice(event.track, event.voice)

    def _start_recording(self, received: Received, event: events.RecordStart) -> None:
        assert self._engine is not None
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
        assert self._engine is not None
        self._engine.take(take, numbers, path=path, name=path.stem)

    def _play(self, number: int, together: Sequence[LiveEvent]) -> None:
        track, played = self._tracks[number], list(together)
        for place, event in enumerate(played):
            if isinstance(event, NoteOn) and round(event.pitch) not in track.live.line_steps:
                played[place] = replace(event, pitch=self._transposed(track, event.pitch))
        assert self._engine is not None
        self._engine.send(number, played, self._ns(played[0].time_s))

    def _choose(self, item: ProgramChosen) -> None:
        names = sorted(voice_folders(self._options.voice_folders))
        if item.program >= len(names):
            self._tell(item.track, (f"Program {item.program} asks for a voice; there are {len(names)}: {', '.join(names)}.",))
            return
        assert self._engine is not None
        self._engine.change_voice(item.track, names[item.program])

    # ---- the small things --------------------------------------------------------------------------------------------

    def _in_order(self, number: int, job: Callable[[], None], *, is_slow: bool = False, is_note: bool = False) -> None:
        """Do it now, behind what the track still waits for, or (if it takes long) beside everything else."""
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
        assert self._engine is not None
        self._engine.send(track, (event,), self._ns(at_s))

    def _numbers(self, track: int) -> tuple[int, ...]:
        return tuple(range(len(self._tracks))) if track == events.ALL else (track,)

    def _ns(self, at_s: float) -> int:
        return self._options.start_ns + round(at_s * 1e9)

    def _transposed(self, track: _Track, pitch: float) -> float:
        return min(max(pitch + track.transpose_semitones, 0.0), 127.0)

    def _refuse(self, received: Received, code: Code, text: str) -> None:
        address = BY_EVENT[type(received.event)].address
        self._answers.send(received.sender, replies.Error(address, received.seq, code, text[:500]))

    def _tell(self, track: int, notices: Sequence[str]) -> None:
        for text in notices:
            self._answers.notice(f"Track {track}: {text}")

    def _no_such_track(self, number: int) -> str:
        last = len(self._tracks) - 1
        return f"Track {number}; valid is 0 to {last}. Start the server with --tracks {number + 1} to have it."

    def _say_unheard(self, number: int) -> None:
        if number not in self._unheard:
            self._unheard.add(number)
            self._answers.notice(f"MIDI channel {number + 1} plays no track. {self._no_such_track(number)}")


def _together(item: Routed) -> tuple[object, ...]:
    """Events of one moment on one track, such as a note and its bend, go on as one; anything else by itself."""
    return (item.track, item.event.time_s) if isinstance(item, TrackEvent) else (id(item),)


def _portions(syllables: Sequence[str]) -> list[tuple[str, ...]]:
    """What fits into one message each; one of them at least, so that an answer comes in any case."""
    portions: list[list[str]] = [[]]
    size = 0
    for syllable in syllables:
        size += len(syllable) + 8
        if len(portions[-1]) >= MAX_SPLIT_SYLLABLES or size > _SPLIT_CHARACTERS:
            portions.append([])
            size = len(syllable) + 8
        portions[-1].append(syllable)
    return [tuple(portion) for portion in portions]
