"""Choices about MIDI and live notes, at the start of a server and over OSC, down to the sound. Messages come as from a port."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import mido
import pytest

from bridge.audio.engine import AudioConfig
from bridge.client import VocaleseClient
from bridge.midi.router import MidiOptions, ProgramUse
from bridge.protocol import events, replies
from bridge.server import ServerOptions, VocaleseServer
from engine import STARTER_NAME, LiveSettings, Overlap, Parameter, WhenEmpty
from engine.errors import ProtocolError

WAIT_S = 60.0


def wait_until(true: Callable[[], object], what: str) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline_s, f"no {what} within {WAIT_S:g} s"
        time.sleep(0.01)


class Played:
    """A server without a device whose MIDI comes from this test, a client, and all that is said and seen."""

    def __init__(self, **more: Any) -> None:
        self.notices: list[str] = []
        self.seen: list[tuple] = []
        options = ServerOptions(
            audio=AudioConfig(output="null", block_frames=256, tracks=2),
            voices=(STARTER_NAME,) * 2,
            languages=("en",) * 2,
            port=0,
            midi_ports=(),
            midi_virtual_name=None,
            **more,
        )
        self.server = VocaleseServer(options, self.notices.append, on_midi=lambda *told: self.seen.append(told))
        self.client = VocaleseClient(port=self.server.osc.port, timeout_s=5.0).__enter__()

    def midi(self, kind: str, **values: int) -> None:
        """A message as the driver brings it."""
        self.server.midi.receive("keys", mido.Message(kind, **values))

    def next_word(self, track: int = 0) -> str:
        return self.server.engine.track(track).next_text

    def sounds(self, track: int) -> bool:
        return self.server.audio.telemetry().tracks[track].peak_db > -40.0

    def controllers(self, track: int = 0) -> dict[Parameter, float]:
        """Controllers of the track as a whole."""
        return dict(self.server.engine.track(track).controllers)

    def answer(self, kind: type) -> Any:
        found: list = []

        def look() -> bool:
            while (reply := self.client.poll()) is not None:
                if isinstance(reply, kind):
                    found.append(reply)
                    return True
            return False

        wait_until(look, kind.__name__)
        return found[0]

    def close(self) -> None:
        self.client.close()
        self.server.close()


@pytest.fixture(scope="module")
def chosen() -> Iterator[Played]:
    """Everything chosen at the start."""
    running = Played(
        live=(
            LiveSettings(overlap=Overlap.MELISMA, when_empty=WhenEmpty.HUM, next_line_key=40),
            LiveSettings(previous_line_key=None, again_key=None, next_line_key=None),
        ),
        midi=MidiOptions(
            tracks={0: 0, 1: 1, 9: 0}, program=ProgramUse.LINE, bindings={20: Parameter.TENSION}, mpe=False, mpe_members=15
        ),
        learn=Parameter.GROWL,
    )
    yield running
    running.close()


@pytest.fixture(scope="module")
def plain() -> Iterator[Played]:
    """A server with default choices."""
    running = Played()
    yield running
    running.close()


def test_a_controller_is_learned_and_another_is_bound_from_the_start(chosen: Played) -> None:
    chosen.midi("control_change", control=20, value=127)  # bound, and yet learned: the last word counts
    assert chosen.notices[-1] == "Controller 20 now moves growl."
    wait_until(lambda: chosen.controllers().get(Parameter.GROWL) == 1.0, "growl")
    chosen.midi("control_change", control=21, value=127)
    assert Parameter.TENSION not in chosen.controllers()
    time_s, port, message, routed = chosen.seen[0]
    assert (port, message.control, len(routed)) == ("keys", 20, 2) and 0 < time_s <= chosen.server.clock_s()


def test_overlapping_keys_hold_the_vowel_where_that_was_chosen(chosen: Played) -> None:
    chosen.client.lyrics("one two three")
    wait_until(lambda: chosen.next_word() == "one", "words")
    chosen.midi("note_on", note=60)
    wait_until(lambda: chosen.next_word() == "two" and chosen.sounds(0), "first word")
    chosen.midi("note_on", note=64)
    chosen.midi("note_off", note=60)
    time.sleep(0.3)
    assert chosen.next_word() == "two"
    chosen.client.request(events.TrackOverlap(0, "legato"))
    wait_until(lambda: chosen.server.engine.track(0).live.overlap is Overlap.LEGATO, "other choice")
    chosen.midi("note_on", note=62)
    wait_until(lambda: chosen.next_word() == "three", "second word")
    chosen.midi("control_change", control=123)
    with pytest.raises(ProtocolError, match="legato, melisma"):
        chosen.client.request(events.TrackOverlap(0, "slur"))


def test_programs_and_keys_step_through_the_lines_and_channels_play_their_track(chosen: Played) -> None:
    chosen.client.lyrics("one\ntwo\nthree")
    wait_until(lambda: chosen.next_word() == "one", "words")
    chosen.midi("program_change", program=2, channel=9)
    wait_until(lambda: chosen.next_word() == "three", "third line")
    chosen.midi("program_change", program=0)
    wait_until(lambda: chosen.next_word() == "one", "first line")
    chosen.midi("note_on", note=40)
    wait_until(lambda: chosen.next_word() == "two", "second line")
    chosen.midi("note_on", note=60, channel=5)  # plays no track
    time.sleep(0.2)
    assert chosen.next_word() == "two" and not chosen.sounds(1)
    chosen.client.lyrics("low", track=1)
    wait_until(lambda: chosen.next_word(1) == "low", "words")
    chosen.midi("note_on", note=40, channel=1)  # no key of this track steps lines: it sings
    wait_until(lambda: chosen.sounds(1), "sound of a low key")
    chosen.midi("note_off", note=40, channel=1)


def test_notes_without_words_hum_if_that_was_chosen(chosen: Played) -> None:
    chosen.client.lyrics("one")
    wait_until(lambda: chosen.next_word() == "one", "words")
    for _ in range(2):
        chosen.midi("note_on", note=60)
        time.sleep(0.3)
        chosen.midi("note_off", note=60)
        time.sleep(0.3)
    wait_until(lambda: any("hums" in text for text in chosen.notices), "notice")


def test_learning_and_binding_over_osc(plain: Played) -> None:
    client = plain.client
    client.request(events.MidiLearn("tension"))
    wait_until(lambda: plain.server.midi.learning is Parameter.TENSION, "learning")
    plain.midi("control_change", control=30, value=0, channel=1)
    assert plain.answer(replies.MidiLearned) == replies.MidiLearned(30, "tension")
    assert plain.notices[-1] == "Controller 30 now moves tension."
    wait_until(lambda: plain.controllers(1) == {Parameter.TENSION: -1.0}, "tension")
    client.request(events.MidiLearn("growl"))
    client.request(events.MidiLearn(""))
    client.request(events.MidiBind(31, "breath"))
    wait_until(lambda: plain.server.midi.bindings.get(31) is Parameter.BREATH, "binding")
    plain.midi("control_change", control=31, value=127)
    wait_until(lambda: plain.controllers() == {Parameter.BREATH: 1.0}, "breath, and nothing that was learned")
    client.request(events.MidiBind(31, ""))
    wait_until(lambda: 31 not in plain.server.midi.bindings, "end of the binding")
    client.send(events.MidiBind(64, "growl"), seq=99)
    refused = plain.answer(replies.Error)
    assert (refused.address, refused.seq, refused.code) == ("/vocalese/midi/bind", 99, "failed")
    assert "20 to 31" in refused.text


def test_without_midi_nothing_can_be_learned() -> None:
    running = Played(with_midi=False)
    try:
        running.client.send(events.MidiLearn("growl"))
        assert "--no-midi" in running.answer(replies.Error).text
    finally:
        running.close()
