"""Assembly of clips, which are sent in parts: missing parts are requested again, and the session gets whole clips only.

`Revisions` rejects clips and tempo maps whose revision has not increased."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bridge.protocol import limits
from bridge.protocol.events import (
    ALL,
    Clip,
    ClipBegin,
    ClipCurve,
    ClipEnd,
    ClipNote,
    ClipRemove,
    Event,
    Sender,
    TempoMapSet,
    TrackClear,
)
from bridge.protocol.rejection import Code, RejectedMessage
from bridge.protocol.replies import ClipAck, ClipMissing

ClipKey = tuple[Sender, int, int]  # sender, track, clip


@dataclass(slots=True)
class _OpenClip:
    begin: ClipBegin
    touched_s: float
    notes: dict[int, ClipNote] = field(default_factory=dict)
    curves: dict[int, ClipCurve] = field(default_factory=dict)


class ClipAssembler:
    """Assembler of at most `limits.MAX_OPEN_CLIPS` clips. Parts may arrive in any order and more than once.

    All methods raise RejectedMessage for a part of a clip that was not begun.
    """

    def __init__(self) -> None:
        self._open: dict[ClipKey, _OpenClip] = {}
        self._taken: OrderedDict[ClipKey, ClipAck] = OrderedDict()

    @property
    def open_clips(self) -> int:
        return len(self._open)

    def begin(self, sender: Sender, begin: ClipBegin, now_s: float) -> None:
        """Open a clip; the same message again keeps the parts that have arrived, another one discards them."""
        key = (sender, begin.track, begin.clip)
        self._forget_idle(now_s)
        known = self._open.get(key)
        if known is not None and known.begin == begin:
            known.touched_s = now_s
            return
        if known is None and len(self._open) >= limits.MAX_OPEN_CLIPS:
            raise RejectedMessage(Code.CLIP, f"{len(self._open)} clips are open", "end one before you begin another")
        self._taken.pop(key, None)
        self._open[key] = _OpenClip(begin, now_s)

    def add(self, sender: Sender, part: ClipNote | ClipCurve, now_s: float) -> None:
        """Store a part; the same index again replaces it."""
        clip = self._find(sender, part)
        clip.touched_s = now_s
        name, announced = ("note", clip.begin.notes) if isinstance(part, ClipNote) else ("curve", clip.begin.curves)
        if part.index >= announced:
            valid = f"0 to {announced - 1}" if announced else "none"
            raise RejectedMessage(Code.CLIP, f"{name} {part.index} of {announced} was sent", f"valid is {valid}")
        if isinstance(part, ClipNote):
            clip.notes[part.index] = part
        else:
            clip.curves[part.index] = part

    def end(self, sender: Sender, end: ClipEnd, now_s: float) -> Clip | ClipMissing | ClipAck:
        """Return the whole clip, its missing parts, or, for a repeated end, the acknowledgement again.

        The clip stays open until `taken`, so that its end can be sent again if the session had no room.
        """
        key = (sender, end.track, end.clip)
        before = self._taken.get(key)
        if before is not None and before.revision == end.revision:
            return before
        clip = self._find(sender, end)
        clip.touched_s = now_s
        for part, announced, arrived in (("note", clip.begin.notes, clip.notes), ("curve", clip.begin.curves, clip.curves)):
            if len(arrived) < announced:
                return ClipMissing(end.track, end.clip, end.revision, part, _gaps(announced, arrived))
        return _whole(clip)

    def taken(self, sender: Sender, clip: Clip) -> ClipAck:
        """Close a clip that the session has taken; remember and return its acknowledgement."""
        key = (sender, clip.track, clip.clip)
        self._open.pop(key, None)
        ack = ClipAck(clip.track, clip.clip, clip.revision, len(clip.notes))
        self._taken[key] = ack
        while len(self._taken) > limits.MAX_SENDERS:
            self._taken.popitem(last=False)
        return ack

    def drop(self, sender: Sender, clip: Clip) -> None:
        """Discard a clip that the session has rejected."""
        self._open.pop((sender, clip.track, clip.clip), None)

    def _find(self, sender: Sender, part: ClipNote | ClipCurve | ClipEnd) -> _OpenClip:
        clip = self._open.get((sender, part.track, part.clip))
        given = f"clip {part.clip} of track {part.track} is not open in revision {part.revision}"
        if clip is None or clip.begin.revision != part.revision:
            raise RejectedMessage(Code.CLIP, given, "send /vocalese/clip/begin first, with the same revision")
        return clip

    def _forget_idle(self, now_s: float) -> None:
        idle = [key for key, clip in self._open.items() if now_s - clip.touched_s > limits.CLIP_IDLE_S]
        for key in idle:
            del self._open[key]


class Revisions:
    """Revisions of the tempo map and all clips, removed ones too; each increases with every change. Not thread-safe."""

    def __init__(self) -> None:
        self._clips: OrderedDict[tuple[int, int], int] = OrderedDict()
        self._tempo: int | None = None

    def check(self, event: Event) -> None:
        """Raise RejectedMessage (revision) for a clip, removal or tempo map that is not newer than the current one."""
        match event:
            case Clip() | ClipRemove():
                _check_newer(
                    f"clip {event.clip} of track {event.track}", self._clips.get((event.track, event.clip)), event.revision
                )
            case TempoMapSet():
                _check_newer("the tempo map", self._tempo, event.revision)

    def take(self, event: Event) -> None:
        """Record the revision of an accepted event. Clearing a track resets its revisions."""
        match event:
            case Clip() | ClipRemove():
                self._clips[event.track, event.clip] = event.revision
                self._clips.move_to_end((event.track, event.clip))
                if len(self._clips) > limits.MAX_KNOWN_CLIPS:
                    self._clips.popitem(last=False)
            case TempoMapSet():
                self._tempo = event.revision
            case TrackClear(track=track):
                self._clips = OrderedDict(item for item in self._clips.items() if track not in (ALL, item[0][0]))


def _check_newer(what: str, known: int | None, sent: int) -> None:
    if known is not None and sent <= known:
        given = f"revision {sent} of {what} was sent, and revision {known} is there"
        raise RejectedMessage(Code.REVISION, given, f"a revision goes up with every change: send {known + 1} or more")


def _gaps(announced: int, arrived: Mapping[int, object]) -> tuple[int, ...]:
    """Return the first missing indices, as many as one message can hold."""
    gaps: list[int] = []
    for index in range(announced):
        if index not in arrived:
            gaps.append(index)
            if len(gaps) == limits.MAX_MISSING:
                break
    return tuple(gaps)


def _whole(clip: _OpenClip) -> Clip:
    begin = clip.begin
    notes: Sequence[ClipNote] = sorted(clip.notes.values(), key=lambda note: (note.ppq, note.pitch, note.index))
    curves = tuple(clip.curves[index] for index in sorted(clip.curves))
    return Clip(begin.track, begin.clip, begin.revision, begin.start_ppq, begin.length_ppq, tuple(notes), curves)
