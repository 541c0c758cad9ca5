"""Numbers for the notes of OSC senders: separate for each sender, and bounded, so that no note sounds forever.

Programs such as `oscsend` send every message from another port. So a sender that never began a note moves and ends the notes of that number on
the track whose senders, on the same machine, began that one note only.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from threading import Lock

from bridge.protocol.events import Sender

_MOST_SENDERS = 1_024  # that hold notes or have held some
_MOST_NOTES = 1_024  # that one sender holds


@dataclass(frozen=True, slots=True)
class HeldNote:
    """A note by its number in the engine; `on_s` is its begin, past or to come."""

    track: int
    note_id: int
    on_s: float


@dataclass(slots=True)
class _Player:
    heard_s: float
    begun: int = 0
    notes: OrderedDict[tuple[int, int], HeldNote] = field(default_factory=OrderedDict)  # by track and the sender's number


class NoteIds:
    """Maps the note numbers of senders to those of the engine, from `first` on. May be used from any thread."""

    def __init__(self, first: int, timeout_s: float) -> None:
        self._numbers, self._timeout_s = count(first), timeout_s
        self._players: OrderedDict[Sender, _Player] = OrderedDict()
        self._lock = Lock()

    def begin(self, sender: Sender, track: int, note: int, *, now_s: float, on_s: float) -> tuple[int, list[HeldNote]]:
        """Return the number of a note that begins (the same as before if it sounds), and notes that have to end to make room."""
        with self._lock:
            player = self._players.setdefault(sender, _Player(now_s))
            self._players.move_to_end(sender)
            player.heard_s, player.begun = now_s, player.begun + 1
            before = player.notes.pop((track, note), None)
            held = HeldNote(track, before.note_id if before else next(self._numbers), on_s)
            player.notes[track, note] = held
            too_many = [] if len(player.notes) <= _MOST_NOTES else [player.notes.popitem(last=False)[1]]
            if len(self._players) > _MOST_SENDERS:
                too_many += self._players.popitem(last=False)[1].notes.values()
            return held.note_id, too_many

    def find(self, sender: Sender, track: int, note: int, *, ends: bool = False) -> list[int]:
        """Return the numbers of the notes that a sender means, at most one as a rule. With `ends` they are no longer held."""
        with self._lock:
            found = []
            for player in self._meant(sender):
                held = player.notes.get((track, note))
                if held is not None:
                    found.append(held.note_id)
                    if ends:
                        del player.notes[track, note]
            return found

    def forget_notes(self) -> None:
        """Forget all held notes, as after a panic."""
        with self._lock:
            for player in self._players.values():
                player.notes.clear()

    def take_gone(
        self, gone: Iterable[Sender], heard_s: Callable[[Sender], float], now_s: float
    ) -> list[tuple[Sender, list[HeldNote]]]:
        """Return and forget the notes of senders that are gone or timed out."""
        with self._lock:
            left = set(gone)
            for sender, player in self._players.items():
                last_s = max(player.heard_s, heard_s(sender))
                if self._timeout_s and now_s - last_s > self._timeout_s:
                    left.add(sender)
            found = [(sender, list(self._players[sender].notes.values())) for sender in left if sender in self._players]
            for sender, _ in found:
                del self._players[sender]
            return [(sender, notes) for sender, notes in found if notes]

    def _meant(self, sender: Sender) -> list[_Player]:
        player = self._players.get(sender)
        if player is not None:
            return [player]
        return [other for each, other in self._players.items() if each.host == sender.host and other.begun == 1]
