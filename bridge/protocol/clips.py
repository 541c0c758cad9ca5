"""Clips are sent in parts and taken as a whole: parts are gathered here, gaps are asked for again, the session only sees whole clips."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bridge.protocol import limits
from bridge.protocol.events import Clip, ClipBegin, ClipCurve, ClipEnd, ClipNote, Sender
from bridge.protocol.refusal import Code, RefusedMessage
from bridge.protocol.replies import ClipAck, ClipMissing

ClipKey = tuple[Sender, int, int]  # sender, track, clip


@dataclass(slots=True)
class _OpenClip:
    begin: ClipBegin
    touched_s: float
    notes: dict[int, ClipNote] = field(default_factory=dict)
    curves: dict[int, ClipCurve] = field(default_factory=dict)


class ClipAssembler:
    """Gathers the parts of at most `limits.MAX_OPEN_CLIPS` clips. Parts may come in any order and more than once.

    All methods raise RefusedMessage where a part does not belong to a clip that was begun.
    """

    def __init__(self) -> None:
        self._open: dict[ClipKey, _OpenClip] = {}
        self._taken: OrderedDict[ClipKey, ClipAck] = OrderedDict()

    @property
    def open_clips(self) -> int:
        return len(self._open)

    def begin(self, sender: Sender, begin: ClipBegin, now_s: float) -> None:
        """Opens a clip; the same announcement again keeps what has arrived, another one starts anew."""
        key = (sender, begin.track, begin.clip)
        self._forget_idle(now_s)
        known = self._open.get(key)
        if known is not None and known.begin == begin:
            known.touched_s = now_s
            return
        if known is None and len(self._open) >= limits.MAX_OPEN_CLIPS:
            raise RefusedMessage(Code.CLIP, f"{len(self._open)} clips are open", "end one before you begin another")
        self._taken.pop(key, None)
        self._open[key] = _OpenClip(begin, now_s)

    def add(self, sender: Sender, part: ClipNote | ClipCurve, now_s: float) -> None:
        """Keeps one part; the same index again replaces it."""
        clip = self._find(sender, part)
        clip.touched_s = now_s
        name, announced = ("note", clip.begin.notes) if isinstance(part, ClipNote) else ("curve", clip.begin.curves)
        if part.index >= announced:
            valid = f"0 to {announced - 1}" if announced else "none"
            raise RefusedMessage(Code.CLIP, f"{name} {part.index} of {announced} was sent", f"valid is {valid}")
        if isinstance(part, ClipNote):
            clip.notes[part.index] = part
        else:
            clip.curves[part.index] = part

    def end(self, sender: Sender, end: ClipEnd, now_s: float) -> Clip | ClipMissing | ClipAck:
        """The whole clip; or what is missing of it; or, where its end came before, the acknowledgement once more.

        The clip stays open until `taken` is called, so that its end can be sent again when the session had no room for it.
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
        """The session has it: its parts are forgotten, its acknowledgement is remembered."""
        key = (sender, clip.track, clip.clip)
        self._open.pop(key, None)
        ack = ClipAck(clip.track, clip.clip, clip.revision, len(clip.notes))
        self._taken[key] = ack
        while len(self._taken) > limits.MAX_SENDERS:
            self._taken.popitem(last=False)
        return ack

    def _find(self, sender: Sender, part: ClipNote | ClipCurve | ClipEnd) -> _OpenClip:
        clip = self._open.get((sender, part.track, part.clip))
        given = f"clip {part.clip} of track {part.track} is not open in revision {part.revision}"
        if clip is None or clip.begin.revision != part.revision:
            raise RefusedMessage(Code.CLIP, given, "send /vocalese/clip/begin first, with the same revision")
        return clip

    def _forget_idle(self, now_s: float) -> None:
        idle = [key for key, clip in self._open.items() if now_s - clip.touched_s > limits.CLIP_IDLE_S]
        for key in idle:
            del self._open[key]


def _gaps(announced: int, arrived: Mapping[int, object]) -> tuple[int, ...]:
    """The first missing indices, as many as one message asks for."""
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
