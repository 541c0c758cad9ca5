"""Small OSC client for scripts and tests.

    with VocaleseClient() as voice:
        voice.lyrics("stay with me tonight", language="en")
        voice.note(64, duration_s=0.5)
        print(voice.ping())

Words, settings and clips are sent again until they are acknowledged; notes are sent once, because a late note is wrong.
Subscriptions are renewed until they are ended or the client is closed. The server ends the notes of a client that vanishes.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from types import TracebackType

from bridge.osc.packet import OscMessage, decode, encode, encode_bundle
from bridge.osc.rate_limiter import RateLimiter
from bridge.protocol import events, limits
from bridge.protocol.events import Event
from bridge.protocol.read import Read, explain, read_event, read_reply, write_event
from bridge.protocol.rejection import CODE_MEANINGS, Code, Rejection
from bridge.protocol.replies import (
    Ack,
    ClipAck,
    ClipMissing,
    ClipTold,
    Error,
    Pong,
    Reply,
    Song,
    SongClips,
    SongTempo,
    SongTrack,
    Status,
    Subscribed,
    Welcome,
)
from bridge.protocol.table import BY_EVENT
from engine.errors import ProtocolError

ClipNoteRow = tuple[float, float, float, float, str]  # ppq, duration_ppq, pitch, velocity, lyric

_KEPT_FEEDBACK = 1_000
_BUNDLE_BYTES = 1_200  # bytes; fits the usual network frame
_BUSY_PAUSE_S = 0.05
_MAX_CLIP_ROUNDS = 100
_POINTS_PER_MESSAGE = 60
_RENEWALS_PER_LEASE = 3  # tolerates the loss of one or two


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """`offset_s` added to this client's clock (`time.perf_counter`) gives the engine's; right within half of `round_trip_s`."""

    offset_s: float
    round_trip_s: float


@dataclass(frozen=True, slots=True)
class SongSnapshot:
    """Contents of a session. `tempo` is the whole map; `song` holds its revision and the loop."""

    song: Song
    tracks: tuple[SongTrack, ...]
    clips: tuple[ClipTold, ...]
    tempo: tuple[events.TempoPoint, ...]

    @property
    def latest_revision(self) -> int:
        """Highest revision of clips and tempo map."""
        return max((self.song.tempo_revision, *(clip.revision for clip in self.clips)))


class VocaleseClient:
    """Client of one server; a context manager. Not thread-safe.

    `timeout_s` limits the wait for one answer, `attempts` the number of times a message with acknowledgement is sent. All methods raise
    ProtocolError if a value is invalid, a message is rejected, or there is no answer.
    """

    def __init__(
        self,
        host: str = limits.DEFAULT_HOST,
        port: int = limits.DEFAULT_PORT,
        *,
        token: str = "",
        name: str = "python",
        timeout_s: float = 0.25,
        attempts: int = 8,
    ) -> None:
        self.host, self.port = host, port
        self._hello = events.Hello(token, name, limits.API_MAJOR)
        self._timeout_s, self._attempts = timeout_s, attempts
        self._socket: socket.socket | None = None
        self._seq = count(1)
        self._leases: dict[str, float] = {}  # leases in seconds
        self._lease_changed, self._is_closed = threading.Condition(), False
        self._keeper: threading.Thread | None = None
        self._last_revision = 0
        self._feedback: deque[Reply] = deque(maxlen=_KEPT_FEEDBACK)
        # Slightly below the rate limit of the server, for long clips.
        self._pace = RateLimiter(0.8 * limits.SENDER_RATE_HZ, limits.SENDER_BURST / 4, limits.TOTAL_RATE_HZ, limits.TOTAL_BURST)

    def __enter__(self) -> VocaleseClient:
        self._socket = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET, socket.SOCK_DGRAM)
        self._is_closed, self._leases = False, {}
        try:
            self._socket.connect((self.host, self.port))
            self.welcome: Welcome = self._ask(self._hello, lambda reply: isinstance(reply, Welcome))  # type: ignore[assignment]
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise ProtocolError(f"{self.host}:{self.port} cannot be reached: {error}.") from error
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the client: its subscriptions expire, and held notes end with them."""
        with self._lease_changed:
            self._is_closed = True
            self._lease_changed.notify()
        if self._keeper is not None:
            self._keeper.join()
            self._keeper = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    # Live play.

    def note(
        self, pitch: float, *, duration_s: float, velocity: float = 0.8, lyric: str = "", track: int = 0, when_s: float = 0.0
    ) -> None:
        """Play a note. `pitch` is MIDI (64 = E4, fractions allowed), `velocity` 0 to 1, `when_s` on the engine's clock (0 = now)."""
        self.send(events.WholeNote(track, pitch, duration_s, velocity, lyric, when_s))

    def note_on(
        self, note: int, pitch: float, *, velocity: float = 0.8, lyric: str = "", track: int = 0, when_s: float = 0.0
    ) -> None:
        """Start a note; `note` is any number that names it until `note_off`."""
        self.send(events.NoteOn(track, note, pitch, velocity, when_s, lyric))

    def note_off(self, note: int, *, track: int = 0, when_s: float = 0.0) -> None:
        self.send(events.NoteOff(track, note, when_s))

    def bend(self, note: int, semitones: float, *, track: int = 0, when_s: float = 0.0) -> None:
        """Move a sounding note, -48 to 48 semitones from its pitch."""
        self.send(events.NoteBend(track, note, semitones, when_s))

    def expression(self, note: int, name: str, value: float, *, track: int = 0, when_s: float = 0.0) -> None:
        """Change a sounding note; names and ranges are in docs/osc.md."""
        self.send(events.NoteExpression(track, note, name, value, when_s))

    def panic(self) -> None:
        """Silence all notes now."""
        self.send(events.Panic())

    # Messages with acknowledgement.

    def lyrics(self, text: str, *, track: int = 0, language: str = "", append: bool = False) -> None:
        """Replace the queued words of a track, or append to them."""
        self.request((events.LyricsAppend if append else events.LyricsSet)(track, text, language))

    def voice(self, name: str, *, track: int = 0, language: str = "") -> None:
        """Set the voice of a track."""
        self.request(events.TrackVoice(track, name, language))

    def param(self, name: str, value: float, *, track: int = 0) -> None:
        """Set a parameter of a track; names and ranges are in docs/osc.md."""
        self.request(events.TrackParam(track, name, value))

    def mode(self, mode: str, *, track: int = 0) -> None:
        """Set the mode of a track: "sing", "rap" or "talk"."""
        self.request(events.TrackMode(track, mode))

    def seed(self, seed: int, *, track: int = 0) -> None:
        """Choose the take of a track's clips."""
        self.request(events.TrackSeed(track, seed))

    def name_track(self, name: str, *, track: int = 0) -> None:
        """Name a track, and with it its stems."""
        self.request(events.TrackName(track, name))

    def clear(self, track: int = events.ALL) -> None:
        """Remove clips, words and name of a track."""
        self.request(events.TrackClear(track))

    def remove_clip(self, clip: int, *, track: int = 0, revision: int | None = None) -> None:
        """Remove a clip; see `clip` about its revision."""
        self.request(events.ClipRemove(track, clip, self._next_revision(revision)))

    def tempo(self, revision: int | None, changes: Iterable[tuple[float, float, int, int]]) -> None:
        """Set the tempo map: (ppq, bpm, numerator, denominator), the first at ppq 0. See `clip` about its revision."""
        self.request(events.TempoMapSet(self._next_revision(revision), tuple(events.TempoPoint(*change) for change in changes)))

    def clip(
        self,
        notes: Sequence[ClipNoteRow],
        *,
        track: int = 0,
        clip: int = 0,
        revision: int | None = None,
        start_ppq: float = 0.0,
        length_ppq: float | None = None,
        curves: Mapping[str, Sequence[tuple[float, float]]] | None = None,
    ) -> ClipAck:
        """Send a part of a score and wait until it is accepted; lost parts are sent again.

        `notes` are (ppq, duration_ppq, pitch, velocity, lyric) and `curves` (ppq, value) by name, all counted from `start_ppq`.
        The length defaults to the end of the last note. A `revision` must be greater than the current one; None: the Unix time in seconds,
        or one more than the last one of this client.
        """
        revision = self._next_revision(revision)
        if length_ppq is None:
            length_ppq = max((ppq + duration_ppq for ppq, duration_ppq, *_ in notes), default=1.0)
        parts = _clip_parts(notes, curves or {}, (track, clip, revision))
        curve_count = len(parts) - len(notes)
        begin = events.ClipBegin(track, clip, revision, len(notes), curve_count, start_ppq, length_ppq)
        end = events.ClipEnd(track, clip, revision)
        packets = {("note" if isinstance(part, events.ClipNote) else "curve", part.index): _packed(part) for part in parts}
        opening = _packed(begin)
        self._send_paced([opening, *packets.values()])
        for _ in range(_MAX_CLIP_ROUNDS):
            answer = self._ask(end, _answers_clip(end))
            if isinstance(answer, ClipAck):
                return answer
            if isinstance(answer, ClipMissing):
                self._send_paced([packets[key] for index in answer.indices if (key := (answer.part, index)) in packets])
            elif isinstance(answer, Error) and answer.code == Code.CLIP:  # its beginning was lost, or the server has restarted
                self._send_paced([opening, *packets.values()])
        raise ProtocolError(
            f"Clip {clip} of track {track} did not arrive in {_MAX_CLIP_ROUNDS} rounds. Is the network overloaded?"
        )

    def export(self, folder: str = "", *, track: int = events.ALL, sample_rate: int = 48_000, depth: str = "24") -> None:
        """Export tracks as stems into a folder of the server. `poll` returns a `Written` for each, or an `Error`.

        An immediate error is raised."""
        self.request(events.StemExport(track, folder, sample_rate, depth))

    def request(self, event: Event) -> None:
        """Send an event with a `seq` until it is acknowledged; the server ignores duplicates."""
        if not any(argument.name == "seq" for argument in BY_EVENT[type(event)].arguments):
            raise ProtocolError(f"{BY_EVENT[type(event)].address} is not acknowledged. Use send.")
        seq = next(self._seq)
        self._ask(event, lambda reply: isinstance(reply, Ack) and reply.seq == seq, seq)

    # Session.

    def ping(self, times: int = 8) -> ClockOffset:
        """Measure the offset of the engine's clock, from the quickest of several round trips."""
        return min((self._ping_once() for _ in range(times)), key=lambda measured: measured.round_trip_s)

    def song(self) -> SongSnapshot:
        """Return the contents of the session."""
        for _ in range(self._attempts):
            song = self._ask(events.SongRequest(), lambda reply: isinstance(reply, Song))
            assert isinstance(song, Song)
            found = _Gathered(song)
            while not found.is_complete and (part := self._wait_for(found.belongs)) is not None:
                found.add(part)
            if found.is_complete:
                return found.snapshot
        raise self._nobody()

    def subscribe(self, topic: str, lease_s: float = 10.0) -> None:
        """Subscribe to "meters", "status", "lyrics" or "render"; a lease of 0 ends it.

        It is renewed until then. If this program dies, the subscription expires after `lease_s`."""
        event = events.Subscribe(topic, lease_s)
        with self._lease_changed:
            self._leases.pop(topic, None)
        self._ask(event, lambda reply: isinstance(reply, Subscribed) and reply.topic == topic)
        if lease_s > 0:
            with self._lease_changed:
                self._leases[topic] = lease_s
                self._lease_changed.notify()
            if self._keeper is None:
                self._keeper = threading.Thread(
                    target=self._keep_alive, args=(self._opened(),), name="vocalese-leases", daemon=True
                )
                self._keeper.start()

    def _keep_alive(self, opened: socket.socket) -> None:
        """Renew subscriptions until the client is closed; runs in a separate thread, because scripts sleep."""
        while True:
            with self._lease_changed:
                if self._is_closed:
                    return
                self._lease_changed.wait(min(self._leases.values()) / _RENEWALS_PER_LEASE if self._leases else None)
                if self._is_closed:
                    return
                renewed = [_packed(events.Subscribe(topic, lease_s)) for topic, lease_s in self._leases.items()]
            for packet in renewed:
                with suppress(OSError):  # the next poll raises it
                    opened.send(packet)

    def status(self) -> Status:
        """Return the status of the session."""
        return self._ask(events.StatusRequest(), lambda reply: isinstance(reply, Status))  # type: ignore[return-value]

    def send(self, event: Event, seq: int = 0) -> None:
        """Check an event and send it once."""
        self._transmit(_packed(event, seq))

    def poll(self, timeout_s: float = 0.0) -> Reply | None:
        """Return the next feedback, or `Error` about a message sent once; None after `timeout_s`."""
        if self._feedback:
            return self._feedback.popleft()
        deadline_s = time.monotonic() + timeout_s
        while isinstance(reply := self._receive(deadline_s), Subscribed):
            pass  # answer to a renewal
        return reply

    def _ping_once(self) -> ClockOffset:
        for _ in range(self._attempts):
            sent_s = time.perf_counter()
            self.send(events.Ping(sent_s))
            pong = self._wait_for(partial(_answers_ping, sent_s))
            now_s = time.perf_counter()
            if isinstance(pong, Pong):
                round_trip_s = (now_s - sent_s) - (pong.answered_s - pong.received_s)
                return ClockOffset(((pong.received_s - sent_s) + (pong.answered_s - now_s)) / 2, round_trip_s)
        raise self._nobody()

    def _ask(self, event: Event, is_answer: Callable[[Reply], bool], seq: int = 0) -> Reply:
        """Send until an answer arrives. Errors about it are raised, unless `is_answer` accepts them."""
        address = BY_EVENT[type(event)].address
        for _ in range(self._attempts):
            self.send(event, seq)
            answer = self._wait_for(
                lambda reply: is_answer(reply) or (isinstance(reply, Error) and (reply.address, reply.seq) == (address, seq))
            )
            if answer is None:
                continue
            if is_answer(answer):
                return answer
            if isinstance(answer, Error) and answer.code != Code.BUSY:
                raise ProtocolError(f"{address} was refused: {answer.text or CODE_MEANINGS[Code(answer.code)]}")
            time.sleep(_BUSY_PAUSE_S)
        raise self._nobody()

    def _wait_for(self, is_answer: Callable[[Reply], bool]) -> Reply | None:
        """Return the awaited reply, None if it does not arrive in time. All others are kept for `poll`."""
        deadline_s = time.monotonic() + self._timeout_s
        while (reply := self._receive(deadline_s)) is not None:
            if is_answer(reply):
                return reply
            if not isinstance(reply, Subscribed):
                self._feedback.append(reply)
        return None

    def _next_revision(self, wanted: int | None) -> int:
        """Return `wanted`, or an unused revision that also increases from run to run of a script."""
        self._last_revision = max(int(time.time()), self._last_revision + 1) if wanted is None else wanted
        return self._last_revision

    def _receive(self, deadline_s: float) -> Reply | None:
        """Return the next valid reply, or None after the deadline (of `time.monotonic`). Invalid packets are skipped."""
        opened = self._opened()
        while True:
            opened.settimeout(max(0.0, deadline_s - time.monotonic()))
            try:
                packet = opened.recv(limits.MAX_PACKET_BYTES + 1)
            except ConnectionError:
                raise self._nobody() from None
            except (TimeoutError, BlockingIOError):
                return None
            for message in decode(packet, wall_clock_s=time.time()):
                if isinstance(message, OscMessage):
                    read = read_reply(message.address, message.tags, message.values)
                    if isinstance(read, Read):
                        return read.event

    def _send_paced(self, packets: Sequence[bytes]) -> None:
        for bundle in _bundles(packets):
            while not self._pace.take(None, time.monotonic(), len(bundle)):
                time.sleep(0.005)
            self._transmit(encode_bundle(bundle))

    def _transmit(self, packet: bytes) -> None:
        try:
            self._opened().send(packet)
        except ConnectionError:  # the system reports that an earlier packet had no receiver
            raise self._nobody() from None
        except OSError as error:
            raise ProtocolError(f"Nothing can be sent to {self.host}:{self.port}: {error}.") from error

    def _opened(self) -> socket.socket:
        if self._socket is None:
            raise ProtocolError("The client is not connected. Use it in a with statement.")
        return self._socket

    def _nobody(self) -> ProtocolError:
        return ProtocolError(f"Nobody answers at {self.host}:{self.port}. Start `vocalese serve`, or give its host and port.")


class _Gathered:
    """Parts of a snapshot, which may arrive in any order."""

    def __init__(self, song: Song) -> None:
        self._song = song
        self._tracks: dict[int, SongTrack] = {}
        self._clips: dict[int, ClipTold] = {}
        self._changes: dict[int, events.TempoPoint] = {}

    def belongs(self, reply: Reply) -> bool:
        return isinstance(reply, SongTrack | SongClips | SongTempo) and reply.snapshot == self._song.snapshot

    def add(self, part: Reply) -> None:
        match part:
            case SongTrack():
                self._tracks[part.track] = part
            case SongClips():
                self._clips.update(enumerate(part.clips, part.first))
            case SongTempo():
                self._changes.update(enumerate(part.changes, part.first))

    @property
    def is_complete(self) -> bool:
        song = self._song
        return (len(self._tracks), len(self._clips), len(self._changes)) == (song.tracks, song.clips, song.tempo_changes)

    @property
    def snapshot(self) -> SongSnapshot:
        parts = (tuple(of[index] for index in sorted(of)) for of in (self._tracks, self._clips, self._changes))
        return SongSnapshot(self._song, *parts)  # type: ignore[arg-type]


def _packed(event: Event, seq: int = 0) -> bytes:
    """Encode an event. Raises ProtocolError with the server's message if it is invalid."""
    address, tags, values = write_event(event, seq)
    read = read_event(address, tags, values)
    if isinstance(read, Rejection):
        raise ProtocolError(f"{address}: {explain(read)}")
    try:
        return encode(address, tags, values)
    except ValueError as error:
        raise ProtocolError(f"{address}: {error}.") from error


def _clip_parts(
    notes: Sequence[ClipNoteRow], curves: Mapping[str, Sequence[tuple[float, float]]], key: tuple[int, int, int]
) -> list[events.ClipNote | events.ClipCurve]:
    parts: list[events.ClipNote | events.ClipCurve] = []
    for index, (ppq, duration_ppq, pitch, velocity, lyric) in enumerate(notes):
        parts.append(events.ClipNote(*key, index, ppq, duration_ppq, pitch, velocity, lyric))
    indices = count()
    for name, rows in curves.items():
        points = [events.CurvePoint(*row) for row in rows]
        for start in range(0, len(points), _POINTS_PER_MESSAGE):
            parts.append(events.ClipCurve(*key, next(indices), name, tuple(points[start : start + _POINTS_PER_MESSAGE])))
    return parts


def _bundles(packets: Sequence[bytes]) -> Iterable[list[bytes]]:
    """Pack messages in order into bundles that fit one network frame."""
    bundle: list[bytes] = []
    size = 0
    for packet in packets:
        if bundle and (size + len(packet) > _BUNDLE_BYTES or len(bundle) == limits.MAX_BUNDLE_ELEMENTS):
            yield bundle
            bundle, size = [], 0
        bundle.append(packet)
        size += len(packet)
    if bundle:
        yield bundle


def _answers_ping(sent_s: float, reply: Reply) -> bool:
    return isinstance(reply, Pong) and reply.sent_s == sent_s


def _answers_clip(end: events.ClipEnd) -> Callable[[Reply], bool]:
    key = (end.track, end.clip, end.revision)
    address = BY_EVENT[events.ClipEnd].address

    def is_answer(reply: Reply) -> bool:
        if isinstance(reply, (ClipAck, ClipMissing)):
            return (reply.track, reply.clip, reply.revision) == key
        return isinstance(reply, Error) and reply.address == address and reply.code == Code.CLIP

    return is_answer
