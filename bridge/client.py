"""A small OSC client for scripts and tests. It speaks the same table as the server.

    with VocaleseClient() as voice:
        voice.lyrics("stay with me tonight", language="en")
        voice.note(64, duration_s=0.5)
        print(voice.ping())

Words, settings and clips are acknowledged and sent again until they arrive; notes are sent once, because a late note is a wrong one.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from types import TracebackType

from bridge.osc.allowance import Allowance
from bridge.osc.packet import OscMessage, decode, encode, encode_bundle
from bridge.protocol import events, limits
from bridge.protocol.events import Event
from bridge.protocol.read import Read, explain, read_event, read_reply, write_event
from bridge.protocol.refusal import CODE_MEANINGS, Code, Refusal
from bridge.protocol.replies import Ack, ClipAck, ClipMissing, Error, Pong, Reply, Status, Subscribed, Welcome
from bridge.protocol.table import BY_EVENT
from engine.errors import ProtocolError

ClipNoteRow = tuple[float, float, float, float, str]  # ppq, duration_ppq, pitch, velocity, lyric

_KEPT_FEEDBACK = 1_000
_BUNDLE_BYTES = 1_200  # fits the usual network frame, so that a lost one costs little
_BUSY_PAUSE_S = 0.05
_MAX_CLIP_ROUNDS = 100
_POINTS_PER_MESSAGE = 60


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """`offset_s` added to this client's clock (`time.perf_counter`) gives the engine's; right within half of `round_trip_s`."""

    offset_s: float
    round_trip_s: float


class VocaleseClient:
    """Talks to one server from `with` to the end of the block. Not thread-safe.

    `timeout_s` is how long one answer is waited for, `attempts` how often a message that must arrive is sent. All methods raise
    ProtocolError where something is not valid, was refused, or nobody answers.
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
        self._feedback: deque[Reply] = deque(maxlen=_KEPT_FEEDBACK)
        # A little below what the server takes, so that a long clip is not mistaken for a flood.
        self._pace = Allowance(0.8 * limits.SENDER_RATE_HZ, limits.SENDER_BURST / 4, limits.TOTAL_RATE_HZ, limits.TOTAL_BURST)

    def __enter__(self) -> VocaleseClient:
        self._socket = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET, socket.SOCK_DGRAM)
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
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    # Live play.

    def note(
        self, pitch: float, *, duration_s: float, velocity: float = 0.8, lyric: str = "", track: int = 0, when_s: float = 0.0
    ) -> None:
        """One whole note. `pitch` is MIDI (64 = E4, fractions allowed), `velocity` 0 to 1, `when_s` on the engine's clock (0 = now)."""
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
        """Silence now."""
        self.send(events.Panic())

    # What must arrive.

    def lyrics(self, text: str, *, track: int = 0, language: str = "", append: bool = False) -> None:
        """Replace the waiting words of a track, or add to them."""
        self.request((events.LyricsAppend if append else events.LyricsSet)(track, text, language))

    def voice(self, name: str, *, track: int = 0, language: str = "") -> None:
        """Give a track its voice."""
        self.request(events.TrackVoice(track, name, language))

    def param(self, name: str, value: float, *, track: int = 0) -> None:
        """Set how a track is sung; names and ranges are in docs/osc.md."""
        self.request(events.TrackParam(track, name, value))

    def tempo(self, revision: int, changes: Iterable[tuple[float, float, int, int]]) -> None:
        """The whole tempo map: (ppq, bpm, numerator, denominator), the first at ppq 0."""
        self.request(events.TempoMapSet(revision, tuple(events.TempoPoint(*change) for change in changes)))

    def clip(
        self,
        notes: Sequence[ClipNoteRow],
        *,
        track: int = 0,
        clip: int = 0,
        revision: int = 1,
        start_ppq: float = 0.0,
        length_ppq: float | None = None,
        curves: Mapping[str, Sequence[tuple[float, float]]] | None = None,
    ) -> ClipAck:
        """Send a part of a score and wait until it was taken as a whole; what gets lost is sent again.

        `notes` are (ppq, duration_ppq, pitch, velocity, lyric) and `curves` (ppq, value) by name, all counted from `start_ppq`.
        The length reaches to the end of the last note unless told.
        """
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
            elif isinstance(answer, Error) and answer.code == Code.CLIP:  # its beginning was lost, or the server is a new one
                self._send_paced([opening, *packets.values()])
        raise ProtocolError(
            f"Clip {clip} of track {track} did not arrive in {_MAX_CLIP_ROUNDS} rounds. Is the network overloaded?"
        )

    def export(self, folder: str = "", *, track: int = events.ALL, sample_rate: int = 48_000, depth: str = "24") -> None:
        """Let tracks be written as stems, into a folder of the server's. `poll` brings a `Written` for each, or an `Error`; one that
        comes at once is raised."""
        self.request(events.StemExport(track, folder, sample_rate, depth))

    def request(self, event: Event) -> None:
        """Send any event whose address takes a `seq` until it is acknowledged. Where it arrives twice, it is acted on once."""
        if not any(argument.name == "seq" for argument in BY_EVENT[type(event)].arguments):
            raise ProtocolError(f"{BY_EVENT[type(event)].address} is not acknowledged. Use send.")
        seq = next(self._seq)
        self._ask(event, lambda reply: isinstance(reply, Ack) and reply.seq == seq, seq)

    # The conversation itself.

    def ping(self, times: int = 8) -> ClockOffset:
        """The offset between the engine's clock and ours, from the quickest of several round trips."""
        return min((self._ping_once() for _ in range(times)), key=lambda measured: measured.round_trip_s)

    def subscribe(self, topic: str, lease_s: float = 10.0) -> None:
        """Ask for feedback: "meters", "status", "lyrics" or "render". Ask again before the lease ends; a lease of 0 ends it."""
        event = events.Subscribe(topic, lease_s)
        self._ask(event, lambda reply: isinstance(reply, Subscribed) and reply.topic == topic)

    def status(self) -> Status:
        """How the session is."""
        return self._ask(events.StatusRequest(), lambda reply: isinstance(reply, Status))  # type: ignore[return-value]

    def send(self, event: Event, seq: int = 0) -> None:
        """Check an event and send it once."""
        self._transmit(_packed(event, seq))

    def poll(self, timeout_s: float = 0.0) -> Reply | None:
        """The next thing the server said that nothing else waited for: feedback, or an `Error` for something that was sent once."""
        if self._feedback:
            return self._feedback.popleft()
        return self._receive(time.monotonic() + timeout_s)

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
        """Send until it is answered. Errors about it are raised, unless the caller takes them as an answer."""
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
        """What is waited for; None if it does not come in time. Everything else is kept for `poll`."""
        deadline_s = time.monotonic() + self._timeout_s
        while (reply := self._receive(deadline_s)) is not None:
            if is_answer(reply):
                return reply
            self._feedback.append(reply)
        return None

    def _receive(self, deadline_s: float) -> Reply | None:
        """The next valid reply, or None when the deadline (of `time.monotonic`) has passed. What is not valid is passed over."""
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
        except ConnectionError:  # the system has learned from an earlier packet that nobody listens
            raise self._nobody() from None
        except OSError as error:
            raise ProtocolError(f"Nothing can be sent to {self.host}:{self.port}: {error}.") from error

    def _opened(self) -> socket.socket:
        if self._socket is None:
            raise ProtocolError("The client is not connected. Use it in a with statement.")
        return self._socket

    def _nobody(self) -> ProtocolError:
        return ProtocolError(f"Nobody answers at {self.host}:{self.port}. Start `vocalese serve`, or give its host and port.")


def _packed(event: Event, seq: int = 0) -> bytes:
    """An event's bytes. Raises ProtocolError with the sentence that the server would send if it is not valid."""
    address, tags, values = write_event(event, seq)
    read = read_event(address, tags, values)
    if isinstance(read, Refusal):
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
    """In order, as many together as fit into one network frame and one bundle."""
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
