"""The one table of all OSC addresses. Reading, checking, writing, the page in docs/ and the DAW templates all follow from it.

To add an address: a frozen class in `events.py` or `replies.py` whose fields have the names of the arguments, and a row here; then
`python -m bridge.protocol.page` writes the page anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import Any

from bridge.protocol import events, limits, replies
from bridge.protocol.arguments import REQUIRED, Argument, Kind, Value, within
from bridge.protocol.refusal import Code, RefusedMessage

PREFIX = "/vocalese"
SEQ = "seq"
MAX_SPLIT_SYLLABLES = 500  # in one message
TOPICS = ("meters", "status", "lyrics", "render")
LANGUAGES_HINT = 'such as "en", "zh" or "ja"; empty: the track\'s'


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds, unit and meaning of something that is named in an argument."""

    low: float
    high: float
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Repeated:
    """Arguments that come again and again at the end of a message, `least` to `most` times; `field` of the event holds them all.

    `item` is what one round becomes; without it there is one argument, and its plain value is taken.
    """

    field: str
    arguments: tuple[Argument, ...]
    least: int
    most: int
    item: type | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One address. `arguments` in order; those that are no field of the event belong to its envelope, as `seq` does."""

    address: str
    event: type
    section: str
    meaning: str
    example: tuple[Value, ...]
    arguments: tuple[Argument, ...] = ()
    repeated: Repeated | None = None
    reply: str = ""
    rule: Callable[[Any], Any] | None = (
        None  # takes and returns the event; raises RefusedMessage where arguments do not go together
    )

    least_arguments: int = field(init=False)
    most_arguments: int = field(init=False)
    reading_order: tuple[tuple[int, Argument], ...] = field(init=False)  # `seq` first, so that a refusal can name it
    envelope: frozenset[str] = field(init=False)  # arguments that are no field of the event

    def __post_init__(self) -> None:
        required = sum(argument.is_required for argument in self.arguments)
        least, most = (self.repeated.least, self.repeated.most) if self.repeated else (0, 0)
        width = len(self.repeated.arguments) if self.repeated else 0
        order = sorted(enumerate(self.arguments), key=lambda pair: pair[1].name != SEQ)
        object.__setattr__(self, "least_arguments", required + width * least)
        object.__setattr__(self, "most_arguments", len(self.arguments) + width * most)
        object.__setattr__(self, "reading_order", tuple(order))
        names = {argument.name for argument in self.arguments}
        object.__setattr__(self, "envelope", frozenset(names - {item.name for item in fields(self.event)}))


# What moves while a note sounds or a clip plays: names and ranges of `engine.Parameter`.
EXPRESSIONS: dict[str, Range] = {
    "modulation": Range(0, 1, "", "vibrato depth, 1 = 100 cents (CC1)"),
    "breath": Range(0, 1, "", "breathiness, 1 = whisper (CC2)"),
    "volume": Range(0, 1, "", "loudness by the General MIDI curve (CC7)"),
    "expression": Range(0, 1, "", "the same on top (CC11)"),
    "sustain": Range(0, 1, "", "the pedal: from 0.5 on all notes of the track are held, whichever note is named (CC64)"),
    "brightness": Range(0, 1, "", "tilt of the spectrum, 0.5 = neutral (CC74)"),
    "pressure": Range(0, 1, "", "louder and a little brighter (aftertouch)"),
    "dynamics_db": Range(-60, 12, "dB", "loudness relative to normal"),
    "tension": Range(-1, 1, "", "soft and dark to pressed and bright"),
    "breathiness": Range(-1, 1, "", "clear to whispered, 0 = the voice's own"),
    "voicing": Range(0, 1, "", "1 = normal, 0 = whisper"),
    "pitch_strength": Range(0, 1, "", "rap: 0 = spoken, 1 = the written pitch (CC3)"),
    "gender": Range(-1, 1, "", "formants, + = larger and darker"),
    "tone_shift_cents": Range(-2400, 2400, "cents", "timbre of another pitch"),
    "colour": Range(0, 1, "", "from the voice's main colour to its second one (CC70)"),
    "growl": Range(0, 1, "", "roughness (CC18)"),
    "attack": Range(-1, 1, "", "how notes begin: soft swell to hard accent (CC73)"),
}
# What a MIDI controller can be given to move: names and ranges of `engine.LiveParameter`.
CONTROLS: dict[str, Range] = {
    **{name: bounds for name, bounds in EXPRESSIONS.items() if name not in ("sustain", "pitch_strength")},
    "portamento_s": Range(0, 0.5, "s", "glide between notes that are joined (CC5)"),
    "portamento": Range(0, 1, "", "below 0.5 notes follow each other without a glide (CC65)"),
}
CURVES: dict[str, Range] = {
    "bend_cents": Range(-4800, 4800, "cents", "offset from the written pitch"),
    "f0_hz": Range(0, 2000, "Hz", "pitch as such, 0 = follow the notes"),
    **EXPRESSIONS,
}
# How a track sings: names, ranges and meanings of the performance's settings, and two of the mixer.
TRACK_PARAMS: dict[str, Range] = {
    "gain_db": Range(-60, 12, "dB", "level of the track"),
    "transpose_semitones": Range(-48, 48, "semitones", "added to every pitch"),
    "vibrato_depth_cents": Range(0, 200, "cents", "of long notes"),
    "vibrato_rate_hz": Range(3, 9, "Hz", ""),
    "vibrato_delay_s": Range(0, 5, "s", "from the vowel's start"),
    "drift_cents": Range(0, 30, "cents", "slow wander"),
    "portamento_s": Range(0, 0.5, "s", "glide between notes that are joined"),
    "overshoot": Range(0, 0.3, "", "share of an interval sung beyond the new note at first"),
    "dynamics": Range(0, 2, "", "scale of the phrase shape, 0 = flat"),
    "breathiness": Range(-1, 1, "", "clear to whispered"),
    "tension": Range(-1, 1, "", "soft and dark to pressed and bright"),
    "formant_semitones": Range(-12, 12, "semitones", "+ = a smaller vocal tract"),
    "colour": Range(0, 1, "", "from the voice's main colour to its second one"),
    "growl": Range(0, 1, "", "roughness"),
    "attack": Range(-1, 1, "", "how notes begin: soft swell to hard accent"),
    "natural_dynamics": Range(0, 1, "", "share of the speaker's own loudness pattern"),
    "pitch_strength": Range(0, 1, "", "rap: 0 = spoken, 1 = the written pitch"),
    "speaking_pitch": Range(24, 84, "MIDI", "rap and talk: pitch of everyday speech"),
    "intonation": Range(0, 3, "", "rap and talk: size of the spoken contour"),
    "speech_rate": Range(0.4, 2.5, "", "talk: 2 = twice as fast"),
}


def _within_named_range(ranges: dict[str, Range], event: Any) -> Any:
    bounds = ranges[event.name]
    return replace(event, value=within(f"value of {event.name}", event.value, bounds.low, bounds.high))


def _expression(event: events.NoteExpression) -> events.NoteExpression:
    return _within_named_range(EXPRESSIONS, event)


def _param(event: events.TrackParam) -> events.TrackParam:
    return _within_named_range(TRACK_PARAMS, event)


def _curve(event: events.ClipCurve) -> events.ClipCurve:
    _ascending("ppq", [point.ppq for point in event.points])
    bounds = CURVES[event.name]
    points = tuple(
        replace(point, value=within(f"value of {event.name}", point.value, bounds.low, bounds.high)) for point in event.points
    )
    return replace(event, points=points)


def _tempo_map(event: events.TempoMapSet) -> events.TempoMapSet:
    positions = [change.ppq for change in event.changes]
    if positions[0] != 0:
        raise RefusedMessage(Code.RULE, f"the first tempo is at ppq {positions[0]:g}", "the first one stands at ppq 0")
    _ascending("ppq", positions)
    for change in event.changes:
        if change.denominator & (change.denominator - 1):
            raise RefusedMessage(Code.RANGE, f"denominator is {change.denominator}", "valid is 1, 2, 4, 8, 16, 32, 64")
    return event


def _loop(event: events.Loop) -> events.Loop:
    if event.on and event.end_ppq <= event.start_ppq:
        given = f"the loop goes from ppq {event.start_ppq:g} to {event.end_ppq:g}"
        raise RefusedMessage(Code.RULE, given, "its end is greater than its start")
    return event


def _hello(event: events.Hello) -> events.Hello:
    if event.api_major != limits.API_MAJOR:
        given = f"the client speaks version {event.api_major}"
        raise RefusedMessage(Code.VERSION, given, f"this server speaks version {limits.API_MAJOR}")
    return event


def _ascending(name: str, values: list[float]) -> None:
    for before, after in pairwise(values):
        if after <= before:
            raise RefusedMessage(
                Code.RULE, f"{name} {after:g} comes after {before:g}", f"each {name} is greater than the one before"
            )


def _track(all_tracks: bool = False) -> Argument:
    low = events.ALL if all_tracks else 0
    meaning = f"number of the track, {events.ALL} = all" if all_tracks else "number of the track, from 0"
    return Argument("track", Kind.INT, meaning, low, limits.MAX_TRACK)


def _id(name: str, meaning: str, all_of_them: bool = False) -> Argument:
    return Argument(name, Kind.INT, meaning, events.ALL if all_of_them else 0, limits.MAX_ID)


def _count(name: str, meaning: str, most: int) -> Argument:
    return Argument(name, Kind.INT, meaning, 0, most)


def _ppq(name: str, meaning: str) -> Argument:
    return Argument(name, Kind.DOUBLE, meaning, 0.0, limits.MAX_PPQ, "quarter notes")


def _length_ppq(name: str, meaning: str) -> Argument:
    return Argument(name, Kind.DOUBLE, meaning, 1e-4, limits.MAX_PPQ, "quarter notes")


def _seconds(name: str, meaning: str) -> Argument:
    return Argument(name, Kind.DOUBLE, meaning, unit="s")


def _name(name: str, meaning: str, **options: Any) -> Argument:
    return Argument(name, Kind.NAME, meaning, high=limits.MAX_NAME_CHARACTERS, **options)


def _text(name: str, meaning: str, high: int = limits.MAX_NAME_CHARACTERS, **options: Any) -> Argument:
    return Argument(name, Kind.TEXT, meaning, high=high, **options)


_TRACK = _track()
_NOTE = _id("note", "number that the sender gives to the note, so that it can be released and bent")
_CLIP = _id("clip", "number of the clip on its track")
_REVISION = _id("revision", "goes up with every change")
_PITCH = Argument("pitch", Kind.FLOAT, "69 = A4, fractions are in between", 0.0, 127.0, "MIDI")
_VELOCITY = Argument("velocity", Kind.FLOAT, "loudness and attack", 0.0, 1.0)
_LYRIC = _text(
    "lyric",
    'a word, "-" = hold the vowel, empty = the next syllable of the queue',
    limits.MAX_LYRIC_CHARACTERS,
    default="",
)
_WHEN = Argument("when_s", Kind.DOUBLE, "on the engine's clock, 0 = now", 0.0, 1e9, "s", default=0.0)
_LANGUAGE = _text("language", LANGUAGES_HINT, 16, default="")
_SAMPLE_RATE = Argument("sample_rate", Kind.INT, "of the audio", unit="Hz", choices=(44_100, 48_000, 88_200, 96_000))
_SEQ = Argument(
    SEQ, Kind.INT, "counts up from 1; answered with an acknowledgement; 0 = none wanted", 0, limits.MAX_ID, default=0
)
_ACKED = "`/vocalese/ack` if a `seq` was given"

MESSAGES: tuple[Message, ...] = (
    Message(
        f"{PREFIX}/hello",
        events.Hello,
        "Session",
        "Opens a conversation. A server that listens beyond this machine takes nothing else before it. "
        "Forgets the sequence numbers of the sender's last conversation.",
        ("", "my script", 1),
        (
            _text("token", "what the server printed at its start; empty on this machine"),
            _text("client", "who is talking, for the log", default=""),
            Argument("api_major", Kind.INT, "version of this table", 0, limits.MAX_ID, default=limits.API_MAJOR),
        ),
        reply="`/vocalese/welcome`",
        rule=_hello,
    ),
    Message(
        f"{PREFIX}/ping",
        events.Ping,
        "Session",
        "Measures the way to the server and the offset of its clock. Answered before everything else.",
        (12.5,),
        (_seconds("sent_s", "the sender's own clock, any origin; comes back unchanged"),),
        reply="`/vocalese/pong`",
    ),
    Message(
        f"{PREFIX}/subscribe",
        events.Subscribe,
        "Session",
        "Asks for feedback until the lease ends. Send it again before that; a lease of 0 ends it at once.",
        ("meters", 10.0),
        (
            _text("topic", "what to hear about", choices=TOPICS),
            Argument("lease_s", Kind.FLOAT, "how long", 0.0, limits.MAX_LEASE_S, "s", default=10.0),
        ),
        reply="`/vocalese/subscribed`, then what the topic brings",
    ),
    Message(f"{PREFIX}/status", events.StatusRequest, "Session", "Asks how things are.", (), reply="`/vocalese/status`"),
    Message(
        f"{PREFIX}/panic",
        events.Panic,
        "Session",
        "Silence now: ends every note and forgets what is scheduled. Goes ahead of everything that waits, and arrives in a "
        "flood of other messages too, unless it is inside a bundle.",
        (),
        (Argument("button", Kind.FLOAT, "what a button sends along; has no effect", default=1.0),),
    ),
    Message(
        f"{PREFIX}/note",
        events.WholeNote,
        "Live play",
        "Sings one note of known length: the simplest way in.",
        (0, 64.0, 0.5, 0.8, "love"),
        (
            _TRACK,
            _PITCH,
            Argument("duration_s", Kind.FLOAT, "from note-on to note-off", 0.005, 600.0, "s"),
            _VELOCITY,
            _LYRIC,
            _WHEN,
        ),
    ),
    Message(
        f"{PREFIX}/note/on",
        events.NoteOn,
        "Live play",
        "Starts a note. One that starts while another sounds on the track goes on in its breath (legato).",
        (0, 1, 64.0, 0.8, 0.0, ""),
        (_TRACK, _NOTE, _PITCH, _VELOCITY, _WHEN, _LYRIC),
    ),
    Message(
        f"{PREFIX}/note/off",
        events.NoteOff,
        "Live play",
        "Releases a note: the end of the syllable, then silence.",
        (0, 1),
        (_TRACK, _NOTE, _WHEN),
    ),
    Message(
        f"{PREFIX}/note/bend",
        events.NoteBend,
        "Live play",
        "Moves the pitch of a sounding note.",
        (0, 1, -0.5),
        (_TRACK, _NOTE, Argument("semitones", Kind.FLOAT, "from the note's pitch", -48.0, 48.0, "semitones"), _WHEN),
    ),
    Message(
        f"{PREFIX}/note/expression",
        events.NoteExpression,
        "Live play",
        "Changes how a sounding note is sung. Names and ranges are below.",
        (0, 1, "pressure", 0.4),
        (
            _TRACK,
            _NOTE,
            _text("name", "what changes", choices=tuple(EXPRESSIONS)),
            Argument("value", Kind.FLOAT, "by name, see below"),
            _WHEN,
        ),
        rule=_expression,
    ),
    Message(
        f"{PREFIX}/lyrics",
        events.LyricsSet,
        "Words",
        "Replaces the words that wait on a track; lines are kept. Notes without a lyric of their own take the next syllable.",
        (0, "stay with me tonight", "en", 1),
        (_TRACK, _text("text", "words, line by line", limits.MAX_TEXT_CHARACTERS), _LANGUAGE, _SEQ),
        reply=f"`/vocalese/lyrics/split`; {_ACKED}",
    ),
    Message(
        f"{PREFIX}/lyrics/append",
        events.LyricsAppend,
        "Words",
        "Adds words behind those that wait.",
        (0, "and tomorrow", "en", 2),
        (_TRACK, _text("text", "words, line by line", limits.MAX_TEXT_CHARACTERS), _LANGUAGE, _SEQ),
        reply=f"`/vocalese/lyrics/split`; {_ACKED}",
    ),
    Message(
        f"{PREFIX}/lyrics/line",
        events.LyricsLine,
        "Words",
        "Goes to the start of a line.",
        (0, 0, 3),
        (_TRACK, _count("line", "from 0", limits.MAX_TEXT_CHARACTERS), _SEQ),
        reply=_ACKED,
    ),
    Message(
        f"{PREFIX}/lyrics/filler",
        events.LyricsFiller,
        "Words",
        "What is sung when the words have run out.",
        (0, "hum", 4),
        (_TRACK, _text("filler", "humming, or the syllable la", choices=("hum", "la")), _SEQ),
        reply=_ACKED,
    ),
    Message(
        f"{PREFIX}/track/voice",
        events.TrackVoice,
        "Tracks",
        "Gives a track its voice.",
        (0, "kathleen", "en", 5),
        (_TRACK, _name("voice", "name of an installed voice, as `vocalese voices` lists them"), _LANGUAGE, _SEQ),
        reply=_ACKED,
    ),
    Message(
        f"{PREFIX}/track/mode",
        events.TrackMode,
        "Tracks",
        "Singing, rapping or talking.",
        (0, "rap", 6),
        (_TRACK, _text("mode", "how the words are said", choices=("sing", "rap", "talk")), _SEQ),
        reply=_ACKED,
    ),
    Message(
        f"{PREFIX}/track/param",
        events.TrackParam,
        "Tracks",
        "Sets how a track is sung from now on. Names and ranges are below.",
        (0, "vibrato_depth_cents", 40.0, 7),
        (
            _TRACK,
            _text("name", "what is set", choices=tuple(TRACK_PARAMS)),
            Argument("value", Kind.FLOAT, "by name, see below"),
            _SEQ,
        ),
        reply=_ACKED,
        rule=_param,
    ),
    Message(
        f"{PREFIX}/track/overlap",
        events.TrackOverlap,
        "Tracks",
        "What a live note does that starts while another sounds.",
        (0, "melisma", 8),
        (
            _TRACK,
            _text("overlap", "the next syllable, or the same vowel at the new pitch", choices=("legato", "melisma")),
            _SEQ,
        ),
        reply=_ACKED,
    ),
    Message(
        f"{PREFIX}/midi/learn",
        events.MidiLearn,
        "MIDI",
        "The next MIDI controller that is moved, on any port and channel, moves this parameter from then on. Names are below.",
        ("growl", 9),
        (
            _text("parameter", "empty: nothing is waited for any more", choices=("", *CONTROLS)),
            _SEQ,
        ),
        reply=f"`/vocalese/midi/learned` when a controller has been moved; {_ACKED}",
    ),
    Message(
        f"{PREFIX}/midi/bind",
        events.MidiBind,
        "MIDI",
        "Gives a MIDI controller a parameter, on all ports and channels. Names are below.",
        (20, "growl", 10),
        (
            Argument("controller", Kind.INT, "its number; some have a meaning that stays, see the page about MIDI", 0, 127),
            _text("parameter", "empty: what the controller means by itself", choices=("", *CONTROLS)),
            _SEQ,
        ),
        reply=_ACKED,
    ),
    Message(
        f"{PREFIX}/clip/begin",
        events.ClipBegin,
        "Clips",
        "Announces a part of a score. Its notes and curves follow in any order, then the end. "
        "A clip takes effect as a whole, and replaces the one with its number.",
        (0, 1, 1, 2, 1, 0.0, 4.0),
        (
            _TRACK,
            _CLIP,
            _REVISION,
            _count("notes", "how many notes follow", limits.MAX_CLIP_NOTES),
            _count("curves", "how many curve messages follow", limits.MAX_CLIP_CURVES),
            _ppq("start_ppq", "where the clip starts in the song"),
            _length_ppq("length_ppq", "how long it is"),
        ),
    ),
    Message(
        f"{PREFIX}/clip/note",
        events.ClipNote,
        "Clips",
        "One note of the clip.",
        (0, 1, 1, 0, 0.0, 1.5, 64.0, 0.8, "stay"),
        (
            _TRACK,
            _CLIP,
            _REVISION,
            _count("index", "from 0, each once", limits.MAX_CLIP_NOTES - 1),
            _ppq("ppq", "onset, from the clip's start"),
            _length_ppq("duration_ppq", "how long it is"),
            _PITCH,
            _VELOCITY,
            _LYRIC,
        ),
    ),
    Message(
        f"{PREFIX}/clip/curve",
        events.ClipCurve,
        "Clips",
        "Points of one curve, joined by straight lines. A long curve takes several messages, each with an index of its own. "
        "Names and ranges are below.",
        (0, 1, 1, 0, "bend_cents", 0.0, -50.0, 1.0, 0.0),
        (
            _TRACK,
            _CLIP,
            _REVISION,
            _count("index", "from 0, each once", limits.MAX_CLIP_CURVES - 1),
            _text("name", "what changes", choices=tuple(CURVES)),
        ),
        Repeated(
            "points",
            (_ppq("ppq", "from the clip's start, ascending"), Argument("value", Kind.FLOAT, "by name, see below")),
            1,
            limits.MAX_CURVE_POINTS,
            events.CurvePoint,
        ),
        rule=_curve,
    ),
    Message(
        f"{PREFIX}/clip/end",
        events.ClipEnd,
        "Clips",
        "Everything was sent. Asks for what did not arrive, or takes the clip.",
        (0, 1, 1),
        (_TRACK, _CLIP, _REVISION),
        reply="`/vocalese/clip/ack`, or `/vocalese/clip/missing`: send those parts and the end again",
    ),
    Message(
        f"{PREFIX}/tempo",
        events.TempoMapSet,
        "Song",
        "The whole tempo map of the song, at once.",
        (1, 8, 0.0, 120.0, 4, 4, 32.0, 90.0, 3, 4),
        (_REVISION, replace(_SEQ, default=REQUIRED)),
        Repeated(
            "changes",
            (
                _ppq("ppq", "where it holds from; the first at 0, ascending"),
                Argument("bpm", Kind.DOUBLE, "quarter notes per minute", 5.0, 1000.0),
                Argument("numerator", Kind.INT, "of the meter", 1, 64),
                Argument("denominator", Kind.INT, "of the meter, a power of two", 1, 64),
            ),
            1,
            limits.MAX_TEMPO_CHANGES,
            events.TempoPoint,
        ),
        reply="`/vocalese/ack` if `seq` is not 0",
        rule=_tempo_map,
    ),
    Message(
        f"{PREFIX}/transport",
        events.Transport,
        "Song",
        "Where the host is: at every start, stop and jump, and up to 30 times a second in between.",
        (1, 96_000, 4.0, 120.0),
        (
            Argument("state", Kind.INT, "0 stopped, 1 playing, 2 recording", choices=(0, 1, 2)),
            Argument("sample", Kind.LONG, "position at the host's sample rate", -(2**53), 2**53, "samples"),
            Argument("ppq", Kind.DOUBLE, "the same in the song", -limits.MAX_PPQ, limits.MAX_PPQ, "quarter notes"),
            Argument("bpm", Kind.DOUBLE, "tempo there", 5.0, 1000.0),
            _WHEN,
        ),
    ),
    Message(
        f"{PREFIX}/loop",
        events.Loop,
        "Song",
        "The host's loop.",
        (True, 8.0, 16.0, 9),
        (
            Argument("on", Kind.SWITCH, "whether it loops"),
            _ppq("start_ppq", "first quarter note of it"),
            _ppq("end_ppq", "first one after it"),
            _SEQ,
        ),
        reply=_ACKED,
        rule=_loop,
    ),
    Message(
        f"{PREFIX}/render",
        events.Render,
        "Takes and stems",
        "Renders a clip now instead of when its turn comes.",
        (0, 1, 48_000, 10),
        (
            _track(all_tracks=True),
            _id("clip", f"number of the clip, {events.ALL} = all of the track", all_of_them=True),
            _SAMPLE_RATE,
            _SEQ,
        ),
        reply=f"`/vocalese/progress`, `/vocalese/done` for each clip; {_ACKED}",
    ),
    Message(
        f"{PREFIX}/stem/export",
        events.StemExport,
        "Takes and stems",
        "Writes tracks with their clips as broadcast WAV files from the start of the song on, as `vocalese render` would: the "
        "tracks that are exported together are equally long. Files that are there already are kept; the new ones get a number. "
        f"One export is made at a time, beside what is played; up to {limits.MAX_WAITING_EXPORTS} wait.",
        (-1, "my song", 48_000, "24", 11),
        (
            _track(all_tracks=True),
            _name("folder", "folder inside the server's (that of `--takes`), empty: that one itself; a path is refused"),
            _SAMPLE_RATE,
            _text("depth", "bits per sample", choices=("16", "24", "32f")),
            _SEQ,
        ),
        reply="`/vocalese/progress`; `/vocalese/done` and `/vocalese/written` for each file; `/vocalese/error` with the code `busy` "
        f"if too many wait; {_ACKED}",
    ),
    Message(
        f"{PREFIX}/record/start",
        events.RecordStart,
        "Takes and stems",
        "Keeps from now on what is played live.",
        (0, 12),
        (_track(all_tracks=True), _SEQ),
        reply=_ACKED,
    ),
    Message(
        f"{PREFIX}/record/stop",
        events.RecordStop,
        "Takes and stems",
        "Ends the recording and writes it as MIDI with lyrics.",
        (0, "verse take 1", 13),
        (_track(all_tracks=True), _name("name", "name of the file without suffix; empty: named by the session"), _SEQ),
        reply=f"`/vocalese/written`; {_ACKED}",
    ),
)


def _sent(name: str, kind: Kind, meaning: str, unit: str = "", high: float | None = None) -> Argument:
    """An argument of a reply: what we send has no range to be held against, texts have a length."""
    is_text = kind in (Kind.TEXT, Kind.NAME)
    return Argument(name, kind, meaning, None, limits.MAX_TEXT_CHARACTERS if is_text and high is None else high, unit)


_R_TRACK = _sent("track", Kind.INT, "number of the track")
_R_CLIP = _sent("clip", Kind.INT, "number of the clip")
_R_CLIP_OR_STEM = _sent("clip", Kind.INT, f"number of the clip, {events.ALL} for a stem")
_R_REVISION = _sent("revision", Kind.INT, "the one it was sent with")
_R_RATE = _sent("sample_rate", Kind.INT, "of the audio", "Hz")

REPLIES: tuple[Message, ...] = (
    Message(
        f"{PREFIX}/welcome",
        replies.Welcome,
        "Replies",
        "Answers hello.",
        ("0.1.0", 1, 0, 81_985_529_216_486_895, 4.25),
        (
            _sent("version", Kind.TEXT, "of Vocalese"),
            _sent("api_major", Kind.INT, "version of this table"),
            _sent("api_minor", Kind.INT, "goes up when something is added"),
            _sent("run", Kind.LONG, "another number at each start of the server"),
            _sent("clock_s", Kind.DOUBLE, "the engine's clock", "s"),
        ),
    ),
    Message(
        f"{PREFIX}/pong",
        replies.Pong,
        "Replies",
        "Answers ping. With the time it comes back, `now`: round trip = (now - sent_s) - (answered_s - received_s), "
        "offset of the engine's clock = ((received_s - sent_s) + (answered_s - now)) / 2. The shortest of eight is the best.",
        (12.5, 4.25, 4.2501),
        (
            _sent("sent_s", Kind.DOUBLE, "as it came", "s"),
            _sent("received_s", Kind.DOUBLE, "engine's clock when it came", "s"),
            _sent("answered_s", Kind.DOUBLE, "engine's clock now", "s"),
        ),
    ),
    Message(
        f"{PREFIX}/subscribed",
        replies.Subscribed,
        "Replies",
        "Answers subscribe.",
        ("meters", 10.0),
        (_sent("topic", Kind.TEXT, "what it is about"), _sent("lease_s", Kind.FLOAT, "how long from now", "s")),
    ),
    Message(
        f"{PREFIX}/ack",
        replies.Ack,
        "Replies",
        "It arrived, is valid and waits in the session's queue. A number that came twice is acknowledged twice and acted on once.",
        ("/vocalese/lyrics", 1),
        (_sent("address", Kind.TEXT, "what is acknowledged"), _sent(SEQ, Kind.INT, "its number")),
    ),
    Message(
        f"{PREFIX}/error",
        replies.Error,
        "Replies",
        f"Answers what was refused, up to {limits.ERROR_SENDER_RATE_HZ:g} times a second for each sender.",
        ("/vocalese/note", 0, "range", "pitch is 200; valid is 0 to 127."),
        (
            _sent("address", Kind.TEXT, "what was refused, empty where it could not be read"),
            _sent(SEQ, Kind.INT, "its number, 0 if it had none"),
            _sent("code", Kind.TEXT, "the reason, see below"),
            _sent("text", Kind.TEXT, "what was given and what is valid"),
        ),
    ),
    Message(
        f"{PREFIX}/status",
        replies.Status,
        "Replies",
        "Answers status, and comes once a second to subscribers of status.",
        ("playing", 12.0, 0, 0.21, 8.0, 0, 0, 0, "USB audio"),
        (
            _sent("state", Kind.TEXT, "stopped, playing, recording, or what is wrong"),
            _sent("clock_s", Kind.DOUBLE, "the engine's clock", "s"),
            _sent("waiting_events", Kind.INT, "in the session's queue"),
            _sent("load", Kind.FLOAT, "share of the time that making sound takes"),
            _sent("latency_ms", Kind.FLOAT, "from an event to its sound", "ms"),
            _sent("underruns", Kind.INT, "since the start"),
            _sent("dropped", Kind.INT, "messages that came too fast, since the start"),
            _sent("refused", Kind.INT, "messages that were not valid, since the start"),
            _sent("device", Kind.TEXT, "where the sound goes"),
        ),
    ),
    Message(
        f"{PREFIX}/meters",
        replies.Meters,
        "Replies",
        "Levels, to subscribers of meters.",
        (0, -12.0, -20.0),
        (),
        Repeated(
            "tracks",
            (
                _R_TRACK,
                _sent("peak_dbfs", Kind.FLOAT, "highest sample, falling by 20 dB a second", "dBFS"),
                _sent("rms_dbfs", Kind.FLOAT, "over about the last 0.3 s", "dBFS"),
            ),
            0,
            limits.MAX_TRACK + 1,
            replies.Meter,
        ),
    ),
    Message(
        f"{PREFIX}/lyrics/split",
        replies.LyricsSplit,
        "Replies",
        "How words were split into syllables. Long texts come in several messages.",
        (0, 0, "stay", "with", "me", "to-", "night"),
        (_R_TRACK, _sent("first", Kind.INT, "index of the first syllable here")),
        Repeated("syllables", (_sent("syllable", Kind.TEXT, "as it will be sung"),), 0, MAX_SPLIT_SYLLABLES),
    ),
    Message(
        f"{PREFIX}/lyrics/next",
        replies.LyricsNext,
        "Replies",
        "The syllable that the next note takes, to subscribers of lyrics.",
        (0, "me", 0, 3),
        (
            _R_TRACK,
            _sent("syllable", Kind.TEXT, "empty: none is left"),
            _sent("line", Kind.INT, "from 0"),
            _sent("remaining", Kind.INT, "syllables that wait, this one included"),
        ),
    ),
    Message(
        f"{PREFIX}/midi/learned",
        replies.MidiLearned,
        "Replies",
        "A controller has been moved and was learned, to who asked for it last.",
        (20, "growl"),
        (_sent("controller", Kind.INT, "its number"), _sent("parameter", Kind.TEXT, "what it moves")),
    ),
    Message(
        f"{PREFIX}/clip/ack",
        replies.ClipAck,
        "Replies",
        "The clip is complete and was taken.",
        (0, 1, 1, 2),
        (_R_TRACK, _R_CLIP, _R_REVISION, _sent("notes", Kind.INT, "how many it has")),
    ),
    Message(
        f"{PREFIX}/clip/missing",
        replies.ClipMissing,
        "Replies",
        "Parts of the clip that did not arrive.",
        (0, 1, 1, "note", 1),
        (_R_TRACK, _R_CLIP, _R_REVISION, _sent("part", Kind.TEXT, '"note" or "curve"')),
        Repeated("indices", (_sent("index", Kind.INT, "of a missing part"),), 1, limits.MAX_MISSING),
    ),
    Message(
        f"{PREFIX}/progress",
        replies.Progress,
        "Replies",
        "How far rendering is, to who asked for it and, of clips, to subscribers of render.",
        (0, 1, 0.5),
        (_R_TRACK, _R_CLIP_OR_STEM, _sent("fraction", Kind.FLOAT, "0 to 1")),
    ),
    Message(
        f"{PREFIX}/done",
        replies.Done,
        "Replies",
        "A clip is rendered, or a stem is exported.",
        (0, 1, 1, "0f3a5c", 96_000, 192_000, 48_000),
        (
            _R_TRACK,
            _R_CLIP_OR_STEM,
            _sent("revision", Kind.INT, "the one the clip was sent with, 0 for a stem"),
            _sent("hash", Kind.TEXT, "names the samples: equal hash, equal samples"),
            _sent("start_sample", Kind.LONG, "where it starts in the song", "samples"),
            _sent("samples", Kind.LONG, "how long it is", "samples"),
            _R_RATE,
        ),
    ),
    Message(
        f"{PREFIX}/written",
        replies.Written,
        "Replies",
        "A file is complete.",
        (0, "my song/my song - track 1.wav", 960_000, 48_000),
        (
            _R_TRACK,
            _sent("path", Kind.TEXT, "below the export folder"),
            _sent("samples", Kind.LONG, "how long it is, 0 for MIDI", "samples"),
            _R_RATE,
        ),
    ),
)

BY_ADDRESS: dict[str, Message] = {message.address: message for message in MESSAGES}
REPLY_BY_ADDRESS: dict[str, Message] = {message.address: message for message in REPLIES}
BY_EVENT: dict[type, Message] = {message.event: message for message in (*MESSAGES, *REPLIES)}


def named_ranges(message: Message) -> dict[str, Range]:
    """What can be named in a message, with the ranges of its values; empty for most."""
    named: dict[type, dict[str, Range]] = {
        events.NoteExpression: EXPRESSIONS,
        events.ClipCurve: CURVES,
        events.TrackParam: TRACK_PARAMS,
        events.MidiLearn: CONTROLS,
        events.MidiBind: CONTROLS,
    }
    return named.get(message.event, {})
