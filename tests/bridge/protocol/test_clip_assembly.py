"""Clips from parts: any order, gaps, repeats, revisions, limits."""

import random

import pytest

from bridge.protocol import ClipAssembler, RejectedMessage, Sender, limits
from bridge.protocol.events import Clip, ClipBegin, ClipCurve, ClipEnd, ClipNote, CurvePoint
from bridge.protocol.replies import ClipAck, ClipMissing

SENDER, OTHER = Sender("127.0.0.1", 5000), Sender("127.0.0.1", 5001)
END = ClipEnd(0, 1, 1)


def begin(notes=3, curves=1, revision=1, clip=1):
    return ClipBegin(0, clip, revision, notes, curves, 8.0, 4.0)


def note(index, revision=1, **changes):
    return ClipNote(
        0,
        1,
        revision,
        index,
        **{"ppq": float(index), "duration_ppq": 1.0, "pitch": 60.0, "velocity": 0.8, "lyric": "la", **changes},
    )


def curve(index=0):
    return ClipCurve(0, 1, 1, index, "volume", (CurvePoint(0.0, 0.5),))


def test_parts_in_any_order_become_one_clip():
    clips = ClipAssembler()
    clips.begin(SENDER, begin(), 0.0)
    parts = [note(0), note(1, ppq=0.0, pitch=55.0), note(2), curve()]
    random.Random(1).shuffle(parts)
    for part in parts:
        clips.add(SENDER, part, 0.0)
    clip = clips.end(SENDER, END, 0.0)
    assert isinstance(clip, Clip)
    assert [n.index for n in clip.notes] == [1, 0, 2], "by onset, then pitch"
    assert (clip.start_ppq, clip.length_ppq, clip.curves) == (8.0, 4.0, (curve(),))


def test_gaps_are_asked_for():
    clips = ClipAssembler()
    clips.begin(SENDER, begin(notes=5), 0.0)
    for index in (0, 3):
        clips.add(SENDER, note(index), 0.0)
    assert clips.end(SENDER, END, 0.0) == ClipMissing(0, 1, 1, "note", (1, 2, 4))
    for index in (1, 2, 4, 4):
        clips.add(SENDER, note(index), 0.0)
    assert clips.end(SENDER, END, 0.0) == ClipMissing(0, 1, 1, "curve", (0,))
    clips.add(SENDER, curve(), 0.0)
    assert isinstance(clips.end(SENDER, END, 0.0), Clip)


def test_one_message_asks_for_a_bounded_number_of_parts():
    clips = ClipAssembler()
    clips.begin(SENDER, begin(notes=limits.MAX_CLIP_NOTES), 0.0)
    assert clips.end(SENDER, END, 0.0).indices == tuple(range(limits.MAX_MISSING))


def test_a_second_end_is_acknowledged_and_a_second_beginning_keeps_what_came():
    clips = ClipAssembler()
    clips.begin(SENDER, begin(notes=1, curves=0), 0.0)
    clips.add(SENDER, note(0), 0.0)
    clips.begin(SENDER, begin(notes=1, curves=0), 0.0)
    clip = clips.end(SENDER, END, 0.0)
    assert isinstance(clips.end(SENDER, END, 0.0), Clip), "until the session has it"
    assert clips.taken(SENDER, clip) == ClipAck(0, 1, 1, 1) == clips.end(SENDER, END, 0.0)
    assert clips.open_clips == 0


def test_parts_of_another_revision_or_sender_do_not_mix():
    clips = ClipAssembler()
    clips.begin(SENDER, begin(), 0.0)
    for sender, part in ((SENDER, note(0, revision=2)), (OTHER, note(0))):
        with pytest.raises(RejectedMessage, match="not open"):
            clips.add(sender, part, 0.0)
    clips.add(SENDER, note(0), 0.0)
    clips.begin(SENDER, begin(notes=1, curves=0, revision=2), 0.0)
    assert clips.end(SENDER, ClipEnd(0, 1, 2), 0.0) == ClipMissing(0, 1, 2, "note", (0,))
    with pytest.raises(RejectedMessage, match="begin first"):
        clips.end(SENDER, END, 0.0)


def test_more_than_was_announced_is_refused():
    clips = ClipAssembler()
    clips.begin(SENDER, begin(notes=3, curves=0), 0.0)
    with pytest.raises(RejectedMessage, match="0 to 2"):
        clips.add(SENDER, note(3), 0.0)
    with pytest.raises(RejectedMessage, match="none"):
        clips.add(SENDER, curve(), 0.0)


def test_open_clips_are_few_and_idle_ones_are_forgotten():
    clips = ClipAssembler()
    for clip in range(limits.MAX_OPEN_CLIPS):
        clips.begin(SENDER, begin(clip=clip), float(clip))
    with pytest.raises(RejectedMessage, match="clips are open"):
        clips.begin(SENDER, begin(clip=99), 10.0)
    clips.begin(SENDER, begin(clip=99), limits.CLIP_IDLE_S + 0.5)
    assert clips.open_clips == limits.MAX_OPEN_CLIPS


def test_what_is_remembered_of_taken_clips_is_bounded():
    clips = ClipAssembler()
    for number in range(limits.MAX_SENDERS + 50):
        clips.begin(SENDER, begin(notes=0, curves=0, clip=number), 0.0)
        clips.taken(SENDER, clips.end(SENDER, ClipEnd(0, number, 1), 0.0))
    assert clips.end(SENDER, ClipEnd(0, number, 1), 0.0) == ClipAck(0, number, 1, 0)
    with pytest.raises(RejectedMessage):
        clips.end(SENDER, ClipEnd(0, 0, 1), 0.0)
