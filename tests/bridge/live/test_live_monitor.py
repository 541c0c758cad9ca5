"""Lines that `vocalese monitor` prints about messages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mido
import pytest

from bridge.client import VocaleseClient
from bridge.commands.monitor import arrival_line, midi_line
from bridge.midi.router import MidiRouter
from bridge.protocol import MESSAGES, Read, read_event
from bridge.protocol.events import Clip, NoteOn, Received, Sender

ROOT = Path(__file__).parents[3]


def test_an_osc_message_is_shown_with_its_names() -> None:
    received = Received(NoteOn(0, 7, 64.0, 0.8, 0.0, "love"), Sender("127.0.0.1", 9000), 1.25)
    assert arrival_line(received).split() == (
        "1.250 OSC 127.0.0.1:9000 /vocalese/note/on track 0 note 7 pitch 64 velocity 0.8 when_s 0 lyric 'love'".split()
    )


@pytest.mark.parametrize("row", MESSAGES, ids=lambda row: row.event.__name__)
def test_every_osc_message_can_be_shown(row) -> None:
    rounds = row.repeated.arguments if row.repeated else ()
    fixed = row.arguments[: len(row.example)]
    count = (len(row.example) - len(fixed)) // len(rounds) if rounds else 0
    read = read_event(row.address, "".join(a.tag for a in (*fixed, *rounds * count)), row.example)
    assert isinstance(read, Read)
    assert row.address in arrival_line(Received(read.event, Sender("::1", 9000), 1.0))


def test_a_whole_clip_is_shown() -> None:
    line = arrival_line(Received(Clip(1, 2, 3, 0.0, 4.0, (), ()), Sender("127.0.0.1", 9000), 1.0))
    assert "/vocalese/clip/end" in line and "revision 3" in line


def test_a_midi_message_is_shown_with_what_it_means() -> None:
    router = MidiRouter()
    growl = mido.Message("control_change", channel=1, control=18, value=127)
    assert midi_line(0.5, "keys", growl, router.feed(growl, 0.5)).endswith("track 1: Expression parameter growl value 1")
    unknown = mido.Message("control_change", control=80, value=1)
    assert midi_line(0.5, "keys", unknown, router.feed(unknown, 0.5)).endswith("nothing")


def test_it_shows_what_is_sent_and_what_is_refused() -> None:
    command = [sys.executable, "-m", "bridge.cli", "monitor", "--port", "0", "--no-midi"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().split(":")[1].split(",")[0])
        with VocaleseClient(port=port, timeout_s=5.0) as client:
            client.note(60.0, duration_s=0.5, lyric="love")
            client._transmit(b"/vocalese/nothing\0\0\0,\0\0\0")
            shown = ""
            while "/vocalese/note" not in shown or "refused" not in shown:
                line = process.stdout.readline()
                assert line, shown
                shown += line
        process.terminate()
        process.wait(20)
    assert "pitch 60" in shown and "'love'" in shown
    assert process.returncode == 0
