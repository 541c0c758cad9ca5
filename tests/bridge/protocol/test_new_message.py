"""A new OSC message is one class and one row: it is then read, checked, acknowledged, written and documented."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

import pytest

from bridge.osc import OscServer, decode, encode
from bridge.protocol import (
    Message,
    Read,
    Received,
    Rejection,
    fields,
    page,
    read_event,
    read_reply,
    replies,
    table,
    write_event,
)
from bridge.protocol.arguments import Argument, Kind


@dataclass(frozen=True, slots=True)
class Sparkle:
    """`/vocalese/sparkle`."""

    track: int
    amount: float


ROW = Message(
    "/vocalese/sparkle",
    Sparkle,
    "Live play",
    "Does nothing.",
    (0, 0.5, 7),
    (fields.TRACK, Argument("amount", Kind.FLOAT, "brilliance", 0, 1, default=0.0), fields.SEQ_NUMBER),
    reply=fields.ACKED,
)


@pytest.fixture(autouse=True)
def row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(table.BY_ADDRESS, ROW.address, ROW)
    monkeypatch.setitem(table.BY_EVENT, Sparkle, ROW)
    monkeypatch.setattr(page, "MESSAGES", (*table.MESSAGES, ROW))


def test_message_is_read_and_written() -> None:
    read = read_event(ROW.address, "if", [3, 0.5])
    assert isinstance(read, Read) and read.event == Sparkle(3, 0.5)
    assert write_event(Sparkle(3, 0.5), seq=7) == (ROW.address, "ifi", [3, 0.5, 7])


def test_value_out_of_range_is_rejected() -> None:
    rejected = read_event(ROW.address, "if", [0, 1.5])
    assert isinstance(rejected, Rejection) and rejected.text == "amount is 1.5; valid is 0 to 1."


def test_message_is_documented() -> None:
    text = page.page()
    assert "### `/vocalese/sparkle`" in text and "| `amount` | float | 0 to 1 | 0.0 | brilliance |" in text


def test_message_is_delivered_and_acknowledged() -> None:
    delivered: list[Received] = []
    with (
        OscServer(lambda received: delivered.append(received) or True, port=0) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        sender.settimeout(10.0)
        sender.sendto(encode(ROW.address, "ifi", [1, 0.25, 7]), (server.host, server.port))
        (answer,) = decode(sender.recv(4096), wall_clock_s=time.time())
    assert [received.event for received in delivered] == [Sparkle(1, 0.25)]
    read = read_reply(answer.address, answer.tags, answer.values)
    assert isinstance(read, Read) and read.event == replies.Ack(ROW.address, 7)
