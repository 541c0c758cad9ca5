"""Numbers of notes belong to who sent them, and no sender leaves a note behind."""

from __future__ import annotations

import math

import pytest

from bridge.live.note_ids import NoteIds
from bridge.protocol.events import Sender

A, B, STRANGER, FAR = Sender("127.0.0.1", 1), Sender("127.0.0.1", 2), Sender("127.0.0.1", 3), Sender("10.0.0.7", 4)


def never(sender: Sender) -> float:
    return -math.inf


def begin(ids: NoteIds, sender: Sender, note: int = 1, *, track: int = 0, at_s: float = 0.0) -> int:
    note_id, too_many = ids.begin(sender, track, note, now_s=at_s, on_s=at_s)
    assert not too_many
    return note_id


def test_the_same_number_of_two_senders_is_two_notes() -> None:
    ids = NoteIds(1000, 300.0)
    first, second = begin(ids, A), begin(ids, B)
    assert first != second and min(first, second) >= 1000
    assert ids.find(A, 0, 1) == [first] and ids.find(B, 0, 1, ends=True) == [second]
    assert ids.find(B, 0, 1) == [], "another note-off of who has played ends nothing of others"
    assert ids.find(A, 0, 1, ends=True) == [first]


def test_a_number_is_of_its_track_and_struck_again_it_is_the_same_note() -> None:
    ids = NoteIds(0, 300.0)
    here, there = begin(ids, A), begin(ids, A, track=1)
    assert here != there and begin(ids, A) == here
    assert ids.find(A, 1, 1, ends=True) == [there] and ids.find(A, 0, 1) == [here]


def test_a_program_that_sends_each_message_from_another_port_ends_its_notes() -> None:
    ids = NoteIds(0, 300.0)
    begun = [begin(ids, Sender("127.0.0.1", port)) for port in (10, 11)]
    other = begin(ids, FAR)
    assert ids.find(STRANGER, 0, 1) == begun
    assert ids.find(STRANGER, 0, 1, ends=True) == begun and ids.find(STRANGER, 0, 1, ends=True) == []
    assert ids.find(FAR, 0, 1) == [other], "not those of other machines"
    begin(ids, A, 1), begin(ids, A, 2)
    assert ids.find(STRANGER, 0, 1) == [], "nor those of a program that plays on"


@pytest.mark.parametrize(
    ("timeout_s", "gone", "heard_s", "now_s", "ended"),
    [
        (300.0, [], 0.0, 299.0, False),
        (300.0, [], 0.0, 301.0, True),
        (300.0, [], 200.0, 499.0, False),  # a sign of life, of any kind
        (300.0, [A], 0.0, 2.0, True),  # its lease has run out
        (0.0, [], 0.0, 1e6, False),  # for ever
        (0.0, [A], 0.0, 2.0, True),
        (300.0, [B], 0.0, 2.0, False),
    ],
)
def test_notes_end_when_their_sender_goes(timeout_s, gone, heard_s, now_s, ended) -> None:
    ids = NoteIds(0, timeout_s)
    note_id = begin(ids, A)
    found = ids.take_gone(gone, lambda sender: heard_s, now_s)
    assert [(sender, [held.note_id for held in notes]) for sender, notes in found] == ([(A, [note_id])] if ended else [])
    assert ids.find(A, 0, 1) == ([] if ended else [note_id])


def test_after_a_panic_nothing_is_held() -> None:
    ids = NoteIds(0, 1.0)
    begin(ids, A)
    ids.forget_notes()
    assert ids.find(A, 0, 1) == [] and ids.take_gone([A], never, 9.0) == []


def test_memory_stays_bounded_and_what_is_forgotten_ends() -> None:
    ids = NoteIds(0, 0.0)
    ended = [held.note_id for note in range(3_000) for held in ids.begin(A, 0, note, now_s=0.0, on_s=0.0)[1]]
    assert ended == list(range(3_000 - 1_024))
    ended = [held for port in range(1_100) for held in ids.begin(Sender("x", port), 0, 1, now_s=0.0, on_s=0.0)[1]]
    assert len(ended) == 1_024 + 76
