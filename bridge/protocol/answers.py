"""Messages that Vocalese sends."""

from __future__ import annotations

from bridge.protocol import events, limits, replies
from bridge.protocol.arguments import Argument, Kind
from bridge.protocol.message import PREFIX, SEQ, Message, Repeated

MAX_SPLIT_SYLLABLES = 500  # in one message


def _sent(name: str, kind: Kind, meaning: str, unit: str = "", high: float | None = None) -> Argument:
    """Describe an argument of a reply: numbers without a range, texts with a length."""
    is_text = kind in (Kind.TEXT, Kind.NAME)
    return Argument(name, kind, meaning, None, limits.MAX_TEXT_CHARACTERS if is_text and high is None else high, unit)


_R_TRACK = _sent("track", Kind.INT, "number of the track")
_R_CLIP = _sent("clip", Kind.INT, "number of the clip")
_R_SNAPSHOT = _sent("snapshot", Kind.INT, "number of the snapshot that it belongs to")
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
        f"{PREFIX}/song",
        replies.Song,
        "Replies",
        "Contents of the session, in answer to `/vocalese/song`. The messages that follow have the same `snapshot`; ask again if fewer "
        "arrive than announced.",
        (3, 4, 2, 1, 1, False, 0.0, 0.0),
        (
            _R_SNAPSHOT,
            _sent("tracks", Kind.INT, "how many `/vocalese/song/track` follow"),
            _sent("clips", Kind.INT, "how many clips there are, in `/vocalese/song/clips`"),
            _sent("tempo_changes", Kind.INT, "how many there are, in `/vocalese/song/tempo`"),
            _sent("tempo_revision", Kind.INT, "of the tempo map, 0: none was sent"),
            _sent("loop", Kind.SWITCH, "whether it loops"),
            _sent("loop_start_ppq", Kind.DOUBLE, "first quarter note of the loop", "quarter notes"),
            _sent("loop_end_ppq", Kind.DOUBLE, "first one after it", "quarter notes"),
        ),
    ),
    Message(
        f"{PREFIX}/song/track",
        replies.SongTrack,
        "Replies",
        "One track of a snapshot, and how its clips are sung.",
        (3, 0, "Lead", "kathleen", "en", "sing", 0, 0.0, 0.0),
        (
            _R_SNAPSHOT,
            _R_TRACK,
            _sent("name", Kind.TEXT, "as it was named"),
            _sent("voice", Kind.TEXT, "name of its voice"),
            _sent("language", Kind.TEXT, "of its words"),
            _sent("mode", Kind.TEXT, "sing, rap or talk"),
            _sent("seed", Kind.INT, "its take"),
            _sent("gain_db", Kind.FLOAT, "its level", "dB"),
            _sent("transpose_semitones", Kind.FLOAT, "added to every pitch", "semitones"),
        ),
    ),
    Message(
        f"{PREFIX}/song/clips",
        replies.SongClips,
        "Replies",
        "Clips of a snapshot, by track and number. Many come in several messages.",
        (3, 0, 0, 1, 2, 24, 0.0, 16.0),
        (_R_SNAPSHOT, _sent("first", Kind.INT, "index of the first one here, from 0")),
        Repeated(
            "clips",
            (
                _R_TRACK,
                _R_CLIP,
                _R_REVISION,
                _sent("notes", Kind.INT, "how many it has"),
                _sent("start_ppq", Kind.DOUBLE, "where it starts in the song", "quarter notes"),
                _sent("length_ppq", Kind.DOUBLE, "how long it is", "quarter notes"),
            ),
            1,
            limits.MAX_CLIPS_TOLD,
            replies.ClipTold,
        ),
    ),
    Message(
        f"{PREFIX}/song/tempo",
        replies.SongTempo,
        "Replies",
        "The tempo map of a snapshot. A long one comes in several messages.",
        (3, 0, 0.0, 120.0, 4, 4),
        (_R_SNAPSHOT, _sent("first", Kind.INT, "index of the first change here, from 0")),
        Repeated(
            "changes",
            (
                _sent("ppq", Kind.DOUBLE, "where it holds from", "quarter notes"),
                _sent("bpm", Kind.DOUBLE, "quarter notes per minute"),
                _sent("numerator", Kind.INT, "of the meter"),
                _sent("denominator", Kind.INT, "of the meter"),
            ),
            1,
            limits.MAX_TEMPOS_TOLD,
            events.TempoPoint,
        ),
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
