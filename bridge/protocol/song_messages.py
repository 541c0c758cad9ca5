"""Messages of songs: clips, tempo, transport, rendering, recordings."""

from __future__ import annotations

from dataclasses import replace

from bridge.protocol import events, fields, limits, rules
from bridge.protocol.arguments import REQUIRED, Argument, Kind
from bridge.protocol.message import PREFIX, Message, Repeated
from bridge.protocol.ranges import CURVES

SONG_MESSAGES: tuple[Message, ...] = (
    Message(
        f"{PREFIX}/clip/begin",
        events.ClipBegin,
        "Clips",
        "Announces a part of a score. Its notes and curves follow in any order, then the end. "
        "A clip takes effect as a whole, and replaces the one with its number.",
        (0, 1, 1, 2, 1, 0.0, 4.0),
        (
            fields.TRACK,
            fields.CLIP,
            fields.REVISION,
            fields.count("notes", "how many notes follow", limits.MAX_CLIP_NOTES),
            fields.count("curves", "how many curve messages follow", limits.MAX_CLIP_CURVES),
            fields.ppq("start_ppq", "where the clip starts in the song"),
            fields.length_ppq("length_ppq", "how long it is"),
        ),
    ),
    Message(
        f"{PREFIX}/clip/note",
        events.ClipNote,
        "Clips",
        "One note of the clip.",
        (0, 1, 1, 0, 0.0, 1.5, 64.0, 0.8, "stay"),
        (
            fields.TRACK,
            fields.CLIP,
            fields.REVISION,
            fields.count("index", "from 0, each once", limits.MAX_CLIP_NOTES - 1),
            fields.ppq("ppq", "onset, from the clip's start"),
            fields.length_ppq("duration_ppq", "how long it is"),
            fields.PITCH,
            fields.VELOCITY,
            fields.LYRIC,
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
            fields.TRACK,
            fields.CLIP,
            fields.REVISION,
            fields.count("index", "from 0, each once", limits.MAX_CLIP_CURVES - 1),
            fields.text("name", "what changes", choices=tuple(CURVES)),
        ),
        Repeated(
            "points",
            (fields.ppq("ppq", "from the clip's start, ascending"), Argument("value", Kind.FLOAT, "by name, see below")),
            1,
            limits.MAX_CURVE_POINTS,
            events.CurvePoint,
        ),
        names=CURVES,
        rule=rules.curve,
    ),
    Message(
        f"{PREFIX}/clip/end",
        events.ClipEnd,
        "Clips",
        "Everything was sent. Asks for what did not arrive, or takes the clip.",
        (0, 1, 1),
        (fields.TRACK, fields.CLIP, fields.REVISION),
        reply="`/vocalese/clip/ack`, or `/vocalese/clip/missing`: send those parts and the end again",
    ),
    Message(
        f"{PREFIX}/clip/remove",
        events.ClipRemove,
        "Clips",
        "Takes a clip away. A later clip of its number needs a greater revision.",
        (0, 1, 2, 12),
        (fields.TRACK, fields.CLIP, fields.REVISION, fields.SEQ_NUMBER),
        reply=fields.ACKED,
    ),
    Message(
        f"{PREFIX}/song",
        events.SongRequest,
        "Song",
        "Asks what the session holds.",
        (),
        reply="`/vocalese/song`, then as many `/vocalese/song/track`, `/vocalese/song/clips` and `/vocalese/song/tempo` as it announces",
    ),
    Message(
        f"{PREFIX}/tempo",
        events.TempoMapSet,
        "Song",
        "The whole tempo map of the song, at once.",
        (1, 8, 0.0, 120.0, 4, 4, 32.0, 90.0, 3, 4),
        (fields.REVISION, replace(fields.SEQ_NUMBER, default=REQUIRED)),
        Repeated(
            "changes",
            (
                fields.ppq("ppq", "where it holds from; the first at 0, ascending"),
                Argument("bpm", Kind.DOUBLE, "quarter notes per minute", 5.0, 1000.0),
                Argument("numerator", Kind.INT, "of the meter", 1, 64),
                Argument("denominator", Kind.INT, "of the meter, a power of two", 1, 64),
            ),
            1,
            limits.MAX_TEMPO_CHANGES,
            events.TempoPoint,
        ),
        reply="`/vocalese/ack` if `seq` is not 0",
        rule=rules.tempo_map,
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
            fields.WHEN,
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
            fields.ppq("start_ppq", "first quarter note of it"),
            fields.ppq("end_ppq", "first one after it"),
            fields.SEQ_NUMBER,
        ),
        reply=fields.ACKED,
        rule=rules.loop,
    ),
    Message(
        f"{PREFIX}/render",
        events.Render,
        "Takes and stems",
        "Renders a clip now instead of when its turn comes.",
        (0, 1, 48_000, 10),
        (
            fields.track(all_tracks=True),
            fields.identifier("clip", f"number of the clip, {events.ALL} = all of the track", all_of_them=True),
            fields.SAMPLE_RATE,
            fields.SEQ_NUMBER,
        ),
        reply=f"`/vocalese/progress`, `/vocalese/done` for each clip; {fields.ACKED}",
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
            fields.track(all_tracks=True),
            fields.name("folder", "folder inside the server's (that of `--takes`), empty: that one itself; a path is refused"),
            fields.SAMPLE_RATE,
            fields.text("depth", "bits per sample", choices=("16", "24", "32f")),
            fields.SEQ_NUMBER,
        ),
        reply="`/vocalese/progress`; `/vocalese/done` and `/vocalese/written` for each file; `/vocalese/error` with the code `busy` "
        f"if too many wait; {fields.ACKED}",
    ),
    Message(
        f"{PREFIX}/record/start",
        events.RecordStart,
        "Takes and stems",
        "Keeps from now on what is played live.",
        (0, 12),
        (fields.track(all_tracks=True), fields.SEQ_NUMBER),
        reply=fields.ACKED,
    ),
    Message(
        f"{PREFIX}/record/stop",
        events.RecordStop,
        "Takes and stems",
        "Ends the recording and writes it as MIDI with lyrics.",
        (0, "verse take 1", 13),
        (
            fields.track(all_tracks=True),
            fields.name("name", "name of the file without suffix; empty: named by the session"),
            fields.SEQ_NUMBER,
        ),
        reply=f"`/vocalese/written`; {fields.ACKED}",
    ),
)
